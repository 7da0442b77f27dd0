"""Results of a job in the formats that clients ask for, made from its `interactions.h5`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.export.formats import FORMATS, export_item, paths_of
from intermask_cli.export.viewer.gallery import write_gallery
from intermask_cli.files import replacing
from intermask_cli.generation.run.merged_file import merge_parts
from intermask_cli.generation.run.part_files import Failure, MadeItem, read_part, write_part
from intermask_cli.generation.run.plan import Part
from intermask_cli.serve.jobs import ServedJob

#: Formats of results, the default first.
RESULT_FORMATS = ("json", "h5", "bvh", "glb")
#: Decimals of joint positions in JSON: 0.01 mm.
_DECIMALS = 5
VIEW = "view.html"
_MEDIA_TYPES = {
    ".json": "application/json",
    ".h5": "application/x-hdf5",
    ".bvh": "text/plain; charset=utf-8",
    ".glb": "model/gltf-binary",
    ".zip": "application/zip",
}


class ResultFile(NamedTuple):
    """A file for a client: where it is, and the name it is offered under."""

    path: Path
    name: str

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.path.suffix]


def write_result(job: ServedJob, made: Sequence[MadeItem], failures: Sequence[Failure]) -> None:
    """Write `interactions.h5` and `index.csv` as a run directory has them."""
    info, plan = job.job.info, job.job.plan
    part = job.folder / Part(0, plan.items).name
    write_part(part, info.fingerprint, made, failures, info.store)
    merge_parts([read_part(part)], job.folder, info.dataset, FILE_NAME)
    part.unlink()


def result_file(job: ServedJob, format: str, id: str | None, person: int | None) -> ResultFile:
    """The result of a finished job.

    format: one of `RESULT_FORMATS`. id: one interaction instead of all. person: 1 or 2, for one BVH file. A
    format of a file per interaction gives that file where there is one only, else a ZIP of all.

    Raises:
        InputError: an unknown format or id, or a person where the format has none.
    """
    if format not in RESULT_FORMATS:
        raise InputError(f"format is '{format[:40]}'; accepted: {', '.join(RESULT_FORMATS)}")
    if person is not None and format != "bvh":
        raise InputError(f"person is for bvh; {format} holds both")
    with job.files, InteractionFile(job.folder / FILE_NAME) as dataset:
        ids = dataset.ids
        if id is not None:
            if id not in ids:
                raise InputError(f"no interaction '{id[:80]}'; this job has {', '.join(ids[:8])}")
            ids = [id]
        if format == "h5":
            if id is not None:
                raise InputError("id is for json, bvh and glb; h5 holds all")
            return ResultFile(job.folder / FILE_NAME, FILE_NAME)
        name = ids[0] if len(ids) == 1 else "interactions"
        if format == "json":
            path = job.folder / f"{name}.json"
            if not path.exists():
                with replacing(path) as draft:
                    draft.write_text(json.dumps(_as_json(dataset, ids)), encoding="utf-8")
            return ResultFile(path, path.name)
        return _exported(job, dataset, ids, name, format, person)


def _as_json(dataset: InteractionFile, ids: Sequence[str]) -> dict[str, Any]:
    """Joints and what a program needs to read them. Seeds are text: JavaScript's numbers lose digits."""
    attributes = dataset.attributes
    interactions = []
    for id in ids:
        item = dataset.read(id, joints_only=True)
        entry = {
            "id": id,
            "prompt": item.text,
            "sample": item.sample,
            "seed": str(item.seed),
            "frames": item.frames,
            "joints": np.round(item.joints.astype(np.float64), _DECIMALS).tolist(),
        }
        if item.given is not None:
            entry["given_person"] = item.given + 1
        for column in ("read_as", "read_confidence", "outside", "no_body", "text_warning"):
            if value := getattr(item, column):
                entry[column] = value
        interactions.append(entry)
    kept = ("fps", "units", "up_axis", "joint_names", "parents", "model_id", "licence")
    return {**{name: attributes[name] for name in kept}, "interactions": interactions}


def _exported(
    job: ServedJob, dataset: InteractionFile, ids: Sequence[str], name: str, format: str, person: int | None
) -> ResultFile:
    """Files of a format of `export`, made once."""
    folder = job.folder / format
    folder.mkdir(exist_ok=True)
    for id in ids:
        if not all(path.exists() for path in paths_of(id, FORMATS[format], folder)):
            export_item(dataset.read(id), format, folder)
    paths = [path for id in ids for path in paths_of(id, FORMATS[format], folder)]
    if person is not None:
        if len(ids) > 1:
            raise InputError("person is for one interaction; give its id too")
        paths = [paths[person - 1]]
    if len(paths) == 1:
        return ResultFile(paths[0], paths[0].name)
    archive = job.folder / f"{name}-{format}.zip"
    if not archive.exists():
        with replacing(archive) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as file:
            for path in paths:
                file.write(path, path.name)
    return ResultFile(archive, archive.name)


def view_page(job: ServedJob) -> Path:
    """The viewer page of a finished job, made once."""
    page = job.folder / VIEW
    with job.files:
        if not page.exists():
            write_gallery(job.folder, page, title="Result")
    return page
