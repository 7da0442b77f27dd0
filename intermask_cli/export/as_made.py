"""`generate --export`: files per interaction, written while a run is being made.

The files of a part appear before the part does. A rerun after a kill therefore makes them again with the
part; what is still missing when the run is complete is written from its dataset.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from intermask_cli.config import STORES
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.rounding import rounded
from intermask_cli.errors import InputError, IntermaskError, MissingError
from intermask_cli.export.dataset import ExportSummary, export_dataset
from intermask_cli.export.folder_record import FolderRecord
from intermask_cli.export.formats import FORMATS, export_item, paths_of
from intermask_cli.files import Replacements, file_sha256
from intermask_cli.generation.job import Job, Summary, run_job
from intermask_cli.generation.run.directory import ADDING, EXPORTS
from intermask_cli.generation.run.manifest import read_manifest
from intermask_cli.generation.run.part_files import MadeItem
from intermask_cli.generation.workers.launch import first_of_launcher
from intermask_cli.generation.workers.loaders import ExportingLoader
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.skeleton import NUM_JOINTS, PARENTS, REST_OFFSETS


def parse_formats(text: str | None) -> tuple[str, ...]:
    """The value of --export, as `bvh,glb`.

    Raises:
        InputError: a format that is not one of files per interaction.
        MissingError: the package that writes it is not installed.
    """
    names = tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
    unknown = [name for name in names if name not in FORMATS]
    if unknown or (text is not None and not names):
        raise InputError(
            f"--export {text}: accepted are {', '.join(FORMATS)}, several with commas; datasets are written "
            "by intermask export"
        )
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            export_item(_resting_pair(), name, Path(folder))
    return names


def _resting_pair() -> Interaction:
    """Two people who stand still for a moment."""
    person = np.zeros((NUM_JOINTS, 3))
    for joint, parent in enumerate(PARENTS):
        person[joint] = REST_OFFSETS[joint] + (person[parent] if parent >= 0 else (0.0, 1.0, 0.0))
    person[:, 1] -= person[:, 1].min()
    joints = np.stack([person, person + np.array([0.0, 0.0, 1.0])])[:, None].repeat(
        8, axis=1
    )  # (2, 8, 22, 3)
    turns = np.broadcast_to(np.array([1, 0, 0, 0, 1, 0], np.float32), (2, 8, NUM_JOINTS - 1, 6)).copy()
    return Interaction(joints.astype(np.float32), turns, id="rest", seed=0)


def run_with_export(
    job: Job, formats: Sequence[str], run: Callable[[Job], Summary | None] = run_job
) -> Summary | None:
    """Run a job, and write its interactions in these formats to `exports/<format>` of its run directory.

    Raises InputError if files there, which this program did not write, would have to be replaced.
    """
    if not formats:
        return run(job)
    folder = (job.folder.parent if job.folder.name == ADDING else job.folder) / EXPORTS
    if first_of_launcher():
        ids = job.ids_to_make()
        for name in formats:
            _begin(folder / name, name, ids)
    export = ExportAsMade(folder, tuple(formats), job.info.store)
    summary = run(replace(job, load_engine=ExportingLoader(job.load_engine, export)))
    if summary is None or not summary.merged:
        return summary
    exports = [_finish(summary.folder, folder / name, name) for name in formats]
    if job.url is not None:  # where they are when the command has ended
        exports = [replace(of, folder=job.url / EXPORTS / of.target) for of in exports]
    return replace(summary, exports=exports)


def _begin(folder: Path, name: str, ids: Sequence[str]) -> None:
    """Remove files of earlier items with these ids."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [path.name for id in ids for path in paths_of(id, FORMATS[name], folder)]
    FolderRecord.read(folder, name).begin(files, {}, keeping=False)


def _finish(run: Path, folder: Path, name: str) -> ExportSummary:
    """Record the files that were written, and write those that are missing or older than the run."""
    old = _older_than(run, folder, name)
    if old:
        _begin(folder, name, old)
    record = FolderRecord.read(folder, name)
    written = [file for file, sha256 in record.files.items() if sha256 is None and (folder / file).is_file()]
    record.end((file, file_sha256(folder / file)) for file in written)
    summary = export_dataset(run, name, folder)
    present = sum((folder / file).is_file() for file in written) // len(FORMATS[name].suffixes)
    return replace(summary, written=summary.written + present, skipped=summary.skipped - present)


def _older_than(run: Path, folder: Path, name: str) -> list[str]:
    """Ids of a run of which there are files from before it began, as `--overwrite` leaves them."""
    manifest = read_manifest(run)
    began = datetime.fromisoformat(manifest["started"]).timestamp() if manifest else 0.0
    with InteractionFile(run) as dataset:
        files = ((id, path) for id in dataset.ids for path in paths_of(id, FORMATS[name], folder))
        return list({id: None for id, path in files if path.is_file() and path.stat().st_mtime < began})


@dataclass(frozen=True)
class ExportAsMade:
    """Writes the items of a part in several formats below a folder; it is pickled for workers.

    store: as what they are stored (`config.STORES`), which is what the files show.
    """

    folder: Path
    formats: tuple[str, ...]
    store: str

    def __call__(self, made: Sequence[MadeItem]) -> None:
        """Items that a format cannot represent are left to the report at the end."""
        with Replacements() as files:
            for _, item in made:
                stored = rounded(item) if self.store == STORES[0] else item
                for name in self.formats:
                    try:
                        export_item(stored, name, self.folder / name, files=files)
                    except IntermaskError as error:
                        if isinstance(error, MissingError) or isinstance(error.__cause__, OSError):
                            raise
