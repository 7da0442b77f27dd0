"""`intermask info`: what is in a run directory, a dataset, a model bundle or a motion file."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intermask_cli.commands import options as opt
from intermask_cli.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from intermask_cli.datasets.interactions import InteractionFile
    from intermask_cli.datasets.motion_files.read_options import ReadOptions
    from intermask_cli.datasets.remote_path import RemotePath

#: Interactions of a dataset whose bodies are measured; `evaluate` measures all.
_LOOKED_AT = 8


@opt.with_option_groups
def info(
    *,
    path: Annotated[
        str,
        typer.Argument(
            help="Run directory or .h5, also as a URL, bundle (folder or bundled name) or motion file.",
            show_default=False,
        ),
    ],
    person: opt.Person = None,
    reading: opt.ReadingOptions,
    skeleton_map: Annotated[
        bool,
        typer.Option("--skeleton-map", help="Print the map of a file's joints, to correct for --skeleton."),
    ] = False,
    json: opt.Json = False,
) -> None:
    """Describe a run, dataset, model or motion file."""
    from evaluators.networks.bundle_info import (
        EVALUATOR,
        evaluator_sha256,
        list_evaluators,
        resolve_evaluator,
    )
    from intermask_cli.console import emit_json, out

    options = reading.options(person)
    if skeleton_map:
        from intermask_cli.datasets.motion_files.skeleton_files import printed_skeleton_map

        out.print(printed_skeleton_map(Path(path).expanduser(), options), markup=False, end="")
        return
    facts = describe(str(resolve_evaluator(path)) if path in list_evaluators() else path, options)
    if facts.get("bundle_kind") == EVALUATOR.kind:  # an evaluator's hash covers other files than a model's
        facts["sha256"] = evaluator_sha256(Path(facts["path"]))
    if json:
        emit_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        out.print(f"{name.replace('_', ' '):<{width}}  {_plain(value)}", markup=False)


def _plain(value: object) -> str:
    """A value as text: lists of whole numbers are shapes, such as 2x150x22x3."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list) and value and all(isinstance(number, int) for number in value):
        return "x".join(map(str, value))
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def describe(name: str, options: ReadOptions) -> dict[str, Any]:
    """Facts by name about a run, dataset, motion file (read with `options`) or bundle.

    Raises InputError or MissingError for anything else.
    """
    from intermask_cli.datasets.interactions import FILE_NAME
    from intermask_cli.datasets.motion_files.arrays.pickles import PICKLE_SUFFIXES
    from intermask_cli.datasets.motion_files.read_options import H5_SUFFIXES, MOTION_SUFFIXES, suffix_of
    from intermask_cli.datasets.remote_path import RemotePath, is_url
    from intermask_cli.generation.run.manifest import MANIFEST

    if is_url(name):
        url = RemotePath(name)
        return _run(url) if (url / MANIFEST).is_file() else _dataset(url)
    path = Path(name).expanduser()
    if (path / MANIFEST).is_file():
        return _run(path)
    if "#" in path.name and not path.exists():  # one item of an .h5 file
        return _motion(path, options)
    if suffix_of(path) in H5_SUFFIXES or (path / FILE_NAME).is_file():
        return _interx_clips(path) or _dataset(path)
    if suffix_of(path) in (*MOTION_SUFFIXES, *PICKLE_SUFFIXES) and path.is_file():
        return _motion(path, options)
    if path.is_file():
        raise InputError(
            f"{path}: not a run directory, .h5, bundle or motion file ({' '.join(MOTION_SUFFIXES)})"
        )
    return _bundle(name)


def _run(folder: Path | RemotePath) -> dict[str, Any]:
    from intermask_cli.datasets.interactions import FILE_NAME
    from intermask_cli.generation.run.directory import progress_of
    from intermask_cli.generation.run.manifest import read_manifest

    manifest = read_manifest(folder)
    assert manifest is not None
    about = {
        key: manifest.get(key)
        for key in ("status", "started", "ended", "counts", "command_line", "fingerprint")
    }
    progress = progress_of(folder, manifest)
    facts = {
        "kind": "run",
        "path": str(folder),
        "progress": progress.in_words(),
        "items_made": progress.made,
        "items_planned": progress.planned,
        "running": progress.running,
        **about,
    }
    if (folder / FILE_NAME).is_file():
        facts |= {key: value for key, value in _dataset(folder).items() if key not in facts}
    return facts


def _dataset(path: Path | RemotePath) -> dict[str, Any]:
    from intermask_cli.datasets.interactions import InteractionFile

    with InteractionFile(path if isinstance(path, Path) else str(path)) as dataset:
        frames = dataset.column("frames")
        prompts = Counter(dataset.column("prompt"))
        attributes = {
            key: value
            for key, value in dataset.attributes.items()
            if key not in ("format", "joint_names", "parents")
        }
        fault = _giants(dataset)
        return {
            "kind": "dataset",
            "path": str(dataset.path),
            "bytes": dataset.stored_bytes(),
            **({"parts": dataset.parts} if dataset.parts else {}),
            "interactions": len(dataset),
            "prompts": len(prompts),
            "seconds": round(sum(frames) / dataset.fps, 3),
            "frames": {"shortest": min(frames, default=0), "longest": max(frames, default=0)},
            "arrays": dataset.shapes(dataset.ids[0]) if len(dataset) else {},
            "columns": dataset.columns,
            **attributes,
            **({"warnings": [fault]} if fault else {}),
        }


def _giants(dataset: InteractionFile) -> str | None:
    """What `evaluate` says about bodies that are not in metres, of the first items that can be read."""
    from intermask_cli.motion.body_check import giants
    from intermask_cli.motion.skeleton import NUM_JOINTS

    people: list[np.ndarray] = []
    for id in dataset.ids[:_LOOKED_AT]:
        with suppress(InputError):  # `evaluate` lists those
            people += list(dataset.read(id).joints[..., :NUM_JOINTS, :])
    people = [person for person in people if len(person) and person.shape[1:] == (NUM_JOINTS, 3)]
    return giants(people) if people else None


def _interx_clips(path: Path) -> dict[str, Any] | None:
    """Facts about an HDF5 file of Inter-X; None for any other file."""
    import h5py

    from intermask_cli.datasets.motion_files.arrays.interx import clip_names

    try:
        with h5py.File(path, "r") as file:
            names = clip_names(file)
            frames = [file[name].shape[0] for name in names]
    except OSError:  # a run directory, or a file that the reader of our own reports on
        return None
    if not names:
        return None
    return {
        "kind": "Inter-X clips",
        "path": str(path),
        "clips": len(names),
        "first": names[0],
        "frames": {"shortest": min(frames), "longest": max(frames)},
        "note": f"describe or read one as {path}#{names[0]}",
    }


def _motion(path: Path, options: ReadOptions) -> dict[str, Any]:
    from intermask_cli.datasets.motion_files.read import read_people
    from intermask_cli.motion.body_check import body_height

    people = read_people(path, options)
    motion = people[0]
    warnings = [
        f"person {number}: {text}" if len(people) > 1 else text
        for number, one in enumerate(people, 1)
        for text in one.warnings
    ]
    return {
        "kind": "motion",
        "path": str(path),
        "source": motion.source,
        "persons": len(people),
        "original_fps": motion.original_fps,
        "original_frames": motion.original_frames,
        "frames_at_30_fps": motion.frames,
        "seconds": round(motion.frames / 30, 3),
        "rotations": motion.rotations6d is not None or motion.of_skeleton is not None,
        "body_height_m": round(body_height(motion.joints), 3),
        **{f"person_{number}": other.source for number, other in enumerate(people, 1) if number > 1},
        **({"warnings": warnings} if warnings else {}),
    }


def _bundle(name: str) -> dict[str, Any]:
    from intermask_cli.datasets.interactions import FILE_NAME
    from intermask_cli.generation.run.manifest import MANIFEST
    from intermask_cli.models.bundle_files import CONFIG, config_values
    from intermask_cli.models.bundle_info import bundle_sha256, resolve_bundle

    path = Path(name).expanduser()
    if path.is_dir() and not (path / CONFIG).is_file():
        raise InputError(
            f"{name or path}: a folder without {MANIFEST}, {FILE_NAME} or {CONFIG}"
            " is not a run, dataset or bundle"
        )
    folder = resolve_bundle(name)
    values = config_values(folder)
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    return {"kind": "bundle", "path": str(folder), "sha256": bundle_sha256(folder), "files": files} | {
        ("bundle_kind" if key == "kind" else key): value for key, value in values.items()
    }
