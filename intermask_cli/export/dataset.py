"""Export of a dataset in parallel. Existing files are kept; errors and failures go into a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from intermask_cli.cleanup.clean import clean_item
from intermask_cli.cleanup.effect import Effect, EffectRow, effect_of
from intermask_cli.cleanup.modes import Clean, notes_on_rigid
from intermask_cli.console import counter, note
from intermask_cli.datasets.dataset_folder import FolderWritten, Splits
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.datasets.interhuman.writer import write_interhuman
from intermask_cli.datasets.interx.writer import write_interx
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.datasets.split_table import SPLIT_TABLE, read_split_table
from intermask_cli.errors import EXIT_OK, EXIT_PARTIAL, InputError, IntermaskError, MissingError
from intermask_cli.export.folder_record import FolderRecord
from intermask_cli.export.formats import FORMATS, ExportSettings, Written, export_item, paths_of
from intermask_cli.export.items import selected_ids
from intermask_cli.export.tables.hugging_face import write_hugging_face
from intermask_cli.export.tables.parquet import write_parquet
from intermask_cli.export.tables.rows import Rows
from intermask_cli.export.tables.webdataset import write_webdataset
from intermask_cli.files import Replacements, file_sha256
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.proportions import Proportions, with_proportions
from intermask_cli.motion.physics import physics

#: Writers of published dataset layouts: a folder with splits and captions, not files per interaction.
_DATASET_FOLDERS = {"interhuman": write_interhuman, "interx": write_interx}
#: Writers of what other libraries load for training.
_TABLES = {"parquet": write_parquet, "webdataset": write_webdataset, "hf": write_hugging_face}
#: Interactions per task of a worker process: enough to share opening the file, few enough to show progress.
_BATCH_SIZE = 16


@dataclass(frozen=True)
class ExportSummary:
    """Result of an export.

    Attributes:
        target: name of the format.
        folder: where the files are.
        written: number of interactions written.
        skipped: number of interactions whose files existed.
        failed: reasons by id.
        errors_mm: skeleton fit and file round trip, for formats that have them.
        effect: physics before and after clean-up, or None without clean-up.
        splits: interactions of each split, of dataset folders.
    """

    target: str
    folder: Path | RemotePath
    written: int
    skipped: int
    failed: dict[str, str]
    errors_mm: dict[str, float]
    effect: Effect | None
    splits: Mapping[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """`EXIT_PARTIAL` if interactions failed."""
        return EXIT_PARTIAL if self.failed else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return {
            "target": self.target,
            "folder": str(self.folder),
            "written": self.written,
            "skipped": self.skipped,
            "failed": self.failed,
            "errors_mm": self.errors_mm,
        } | {
            **({"splits": dict(self.splits)} if self.splits else {}),
            **({} if self.effect is None else {"physics": self.effect.as_json()}),
        }

    def lines(self) -> list[str]:
        """Counts, errors and effect as text."""
        failures = f", {len(self.failed):,} failed" if self.failed else ""
        return [
            f"{self.written} written, {self.skipped} existing kept{failures}: {self.folder}",
            *([_in_splits(self.splits)] if self.splits else []),
            *(f"{name}: {value:.3f} mm" for name, value in self.errors_mm.items()),
            *([] if self.effect is None else self.effect.lines()),
        ]


def export_dataset(
    source: Path,
    target: str,
    folder: Path,
    ids: Sequence[str] = (),
    limit: int | None = None,
    processes: int = 1,
    overwrite: bool = False,
    clean: Sequence[Clean] = (),
    settings: ExportSettings | None = None,
    proportions: Proportions | None = None,
) -> ExportSummary:
    """Export a run or HDF5 file, cleaned if `clean` has modes, on bodies of `proportions` if given.

    Raises:
        InputError: unknown ids, a dataset folder that is not empty, existing files that are kept and were
            written with other clean-up modes or settings, or files to replace that are not ours.
        MissingError: the package that a format needs is not installed.
    """
    with InteractionFile(source) as dataset:
        selected = selected_ids(dataset, ids, limit)
        if dataset.attributes.get("body") == "rigid":
            for line in notes_on_rigid(clean):
                note(line)
        if target in _DATASET_FOLDERS or target in _TABLES:
            if overwrite:
                raise InputError(
                    f"--overwrite: {target} is a dataset in a folder of its own; give a new --out"
                )
            reader = InteractionReader(dataset, selected, clean, proportions)
            if target in _TABLES:
                stated = _stated_splits(dataset) if _states_splits(dataset) else None
                written = _TABLES[target](Rows.of(dataset, reader, stated), folder)
            else:
                written = _DATASET_FOLDERS[target](reader, folder, _stated_splits(dataset))
            return _folder_summary(target, folder, reader, written)
    folder.mkdir(parents=True, exist_ok=True)
    format = FORMATS[target]
    todo = [
        id for id in selected if overwrite or not all(path.exists() for path in paths_of(id, format, folder))
    ]
    settings = settings or ExportSettings()
    requested: dict[str, Any] = {"clean": [mode.value for mode in clean]} if clean else {}
    requested |= {**settings.given(), **(proportions.identity() if proportions else {})}
    names = [path.name for id in todo for path in paths_of(id, format, folder)]
    record = FolderRecord.read(folder, target)
    record.begin(names, requested, keeping=len(todo) < len(selected))
    total = _Batch([], [], [], [])
    batches = [todo[k : k + _BATCH_SIZE] for k in range(0, len(todo), _BATCH_SIZE)]
    export_batch = partial(_export_batch, source, target, folder, clean, settings, proportions)
    try:
        with counter(f"export {target}", len(todo), "interactions") as progress:
            for batch in _mapped(export_batch, batches, processes):
                total.written.extend(batch.written)
                total.failed.extend(batch.failed)
                total.effects.extend(batch.effects)
                total.hashes.extend(batch.hashes)
                progress.advance(len(batch.written) + len(batch.failed))
    finally:
        record.end(total.hashes)
    errors: dict[str, float] = {}
    if total.written:
        fits = [written.fit_mm for written in total.written]
        errors["skeleton fit, mean"] = sum(fits) / len(fits)
        errors["skeleton fit, worst interaction"] = max(fits)
        for name, label in (("toes_mm", "toes on the rig, mean"), ("contacts_mm", "touching hands, mean")):
            values = [value for one in total.written if (value := getattr(one, name)) is not None]
            if values:
                errors[label] = sum(values) / len(values)
        errors["file round trip, largest"] = max(written.round_trip_mm for written in total.written)
    return ExportSummary(
        target,
        folder,
        written=len(total.written),
        skipped=len(selected) - len(todo),
        failed=dict(total.failed),
        errors_mm=errors,
        effect=Effect(total.effects) if clean else None,
    )


def _folder_summary(
    target: str, folder: Path, reader: InteractionReader, result: FolderWritten
) -> ExportSummary:
    errors = {"joints on our own body, mean": result.fit_mm} if result.fits_mm else {}
    return ExportSummary(
        target,
        folder,
        written=result.count,
        skipped=0,
        failed=dict(reader.failed + result.failed),
        errors_mm=errors | {"file round trip, largest": result.round_trip_mm},
        effect=Effect(reader.effects) if reader.clean else None,
        splits=result.splits,
    )


def _states_splits(dataset: InteractionFile) -> bool:
    """Whether anything says which split an interaction is in; tables have one split otherwise."""
    named = any(name.strip().lower() == "split" for name in dataset.columns)
    return named or (dataset.local_path.parent / SPLIT_TABLE).is_file()


def _stated_splits(dataset: InteractionFile) -> Splits:
    """Splits by the table that `intermask split` made, else by the column `split` of the prompt file."""
    table = dataset.local_path.parent / SPLIT_TABLE
    if table.is_file():
        note(f"splits of {table}")
        ids, prompts = dataset.ids, dataset.column("prompt")
        return Splits(zip(ids, prompts, read_split_table(table, ids), strict=True))
    column = next((name for name in dataset.columns if name.strip().lower() == "split"), None)
    if column is None:
        return Splits()
    names = map(str, dataset.column(column))
    return Splits(zip(dataset.ids, dataset.column("prompt"), names, strict=True))


def _in_splits(splits: Mapping[str, int]) -> str:
    counts = ", ".join(f"{split} {splits.get(split, 0):,}" for split in ("train", "val", "test"))
    empty = [split for split in ("train", "val", "test") if not splits.get(split)]
    remedy = f"; none in {' and '.join(empty)}, intermask split makes others" if empty else ""
    return f"splits by text: {counts}{remedy}"


class InteractionReader:
    """The interactions of the given ids, on bodies of given proportions and cleaned where that is asked for.

    Attributes:
        failed: id and reason of each interaction that iteration could not read or clean.
        effects: physics before and after clean-up, one row per cleaned interaction.
    """

    def __init__(
        self,
        dataset: InteractionFile,
        ids: Sequence[str],
        clean: Sequence[Clean],
        proportions: Proportions | None = None,
    ) -> None:
        self._dataset, self._ids, self.clean, self._proportions = dataset, ids, clean, proportions
        self.failed: list[tuple[str, str]] = []
        self.effects: list[EffectRow] = []

    def __iter__(self) -> Iterator[Interaction]:
        """Every interaction that can be read and cleaned; the others are added to `failed`."""
        with counter("export", len(self._ids), "interactions") as progress:
            for id in self._ids:
                try:
                    item = self.read(id)
                except InputError as error:
                    self.failed.append((id, str(error)))
                else:
                    yield item
                progress.advance()

    def read(self, id: str) -> Interaction:
        """One interaction; InputError if it cannot be read or cleaned."""
        item = self._dataset.read(id)
        if self._proportions:
            item = with_proportions(item, self._proportions)
        if not self.clean:
            return item
        cleaned = clean_item(item, self.clean)
        self.effects.append(effect_of(item, cleaned, physics))
        return cleaned


class _Batch(NamedTuple):
    """What a worker process returns.

    Errors of written files, failures (id, reason), effects of clean-up, and SHA-256 of files by name.
    """

    written: list[Written]
    failed: list[tuple[str, str]]
    effects: list[EffectRow]
    hashes: list[tuple[str, str]]


def _export_batch(
    source: Path,
    target: str,
    folder: Path,
    clean: Sequence[Clean],
    settings: ExportSettings,
    proportions: Proportions | None,
    ids: Sequence[str],
) -> _Batch:
    """Export some interactions; one that cannot be written does not stop the others."""
    written, failed, paths = [], [], []
    with InteractionFile(source) as dataset, Replacements() as files:
        reader = InteractionReader(dataset, ids, clean, proportions)
        for id in ids:
            try:
                written.append(export_item(reader.read(id), target, folder, settings, files))
                paths += paths_of(id, FORMATS[target], folder)
            except IntermaskError as error:
                # Without a package, or with a full disk, every other interaction would fail too.
                if isinstance(error, MissingError) or isinstance(error.__cause__, OSError):
                    raise
                failed.append((id, str(error)))
    return _Batch(written, failed, reader.effects, [(path.name, file_sha256(path)) for path in paths])


def _mapped(
    export_batch: Callable[[list[str]], _Batch], batches: list[list[str]], processes: int
) -> Iterator[_Batch]:
    if processes == 1 or len(batches) < 2:
        yield from map(export_batch, batches)
        return
    # Spawned, not forked: the parent may hold threads of numerical libraries.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(export_batch, batches)
