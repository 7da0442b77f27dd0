"""The run directory: who may write into it, which run it belongs to, and which parts are done.

interactions.h5  index.csv  manifest.json  gallery.html  rejected.jsonl (if any line was bad)
interactions-00001-of-00064.h5 ...   the interactions of a large run, of which interactions.h5 is the index
parts/           during the run, and afterwards if items failed and can be tried again
.lock...         held by processes that write here (`_held_by`)

A run goes through `open_run` (lock, compare with the existing manifest), `drop_failed` and `pending` (parts
left to make), `write_part` for each part, and `merge`. A part whose file exists is done; nothing else records
progress.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intermask_cli.cleanup.effect import EFFECT_LOG
from intermask_cli.datasets.interactions import FILE_NAME
from intermask_cli.datasets.part_set import part_files_in
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.datasets.tables import Rejected
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import (
    TEMPORARY,
    disk_errors,
    held_locks,
    locked,
    remove_leftovers,
    write_bytes,
)
from intermask_cli.generation.prompts.text_warnings import summary_line
from intermask_cli.generation.run.acceptance import AcceptanceCounts
from intermask_cli.generation.run.contents import INDEX_TABLE
from intermask_cli.generation.run.manifest import (
    MANIFEST,
    RunInfo,
    how_it_differs,
    read_manifest,
    utc_now,
    write_manifest,
)
from intermask_cli.generation.run.merged_file import GROWING, JOURNAL, merge_parts
from intermask_cli.generation.run.part_files import (
    Failure,
    PartRecord,
    is_part,
    items_in,
    part_files,
    read_part,
    write_part,
)
from intermask_cli.generation.run.plan import Part, Shard, WorkItem
from intermask_cli.inference.interaction import Interaction

REJECTED, GALLERY, PARTS = "rejected.jsonl", "gallery.html", "parts"
#: Folder of a run for files per interaction.
EXPORTS = "exports"
#: What is being added to a finished run, as a run of its own (`generation.growing`).
ADDING = "adding"
#: Files and folders that --overwrite removes.
OUR_FILES = (
    MANIFEST, REJECTED, GALLERY, FILE_NAME, INDEX_TABLE, EFFECT_LOG, PARTS, GROWING, JOURNAL, ADDING,
)  # fmt: skip


@dataclass(frozen=True)
class MergeResult:
    """State of a run after an attempt to merge: `merged` is False while parts are missing."""

    merged: bool
    done: int
    failed: list[Rejected]
    no_body: int = 0  # interactions that are listed as not a body
    text_warnings: str | None = None  # `text_warnings.summary_line` of all texts
    acceptance: AcceptanceCounts | None = None


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: items with a result, planned items, and whether a process is working on it.

    `running` is None behind a URL, where that is not known.
    """

    made: int
    planned: int
    running: bool | None

    def in_words(self) -> str:
        """For people: progress and, where nothing is running, what finishes the run."""
        counts = f"{self.made:,} of {self.planned:,} interactions"
        if self.made >= self.planned:
            return f"finished, {counts}"
        if self.running is None:
            return f"{counts}; the same command makes the rest"
        end = "running" if self.running else "incomplete; the same command, or intermask merge, finishes it"
        return f"{counts}, {end}"


def progress_of(folder: Path | RemotePath, manifest: Mapping[str, Any]) -> RunProgress:
    """Progress of the run in a folder, from its manifest, its parts and its locks."""
    counts = manifest.get("counts") or {}
    planned = int(counts.get("items", 0))
    planned -= int(counts.get("dropped", 0))  # by --on-fail drop, which a rerun would not change
    if manifest.get("status") in ("finished", "failures"):  # the parts with failures stay
        made = int(counts.get("done", 0))
    elif isinstance(folder, RemotePath):
        made = items_in((folder / PARTS).files())
    else:
        made = items_in(path.name for path in part_files(folder / PARTS))
    if isinstance(folder, RemotePath):
        return RunProgress(made, planned, running=None)
    locks = held_locks(folder, ".lock") + held_locks(folder, ".lock-*-of-*")
    return RunProgress(made, planned, bool(locks))


class RunDirectory:
    """One run on disk. `open_run` locks it for one process at a time, or one process per shard."""

    def __init__(self, folder: Path, info: RunInfo):
        self.folder, self.info = folder, info
        self.parts_folder = folder / PARTS

    # -------- starting

    def prepare(self, overwrite: bool) -> None:
        """Make the directory ready for this run.

        Raises:
            InputError: the directory has files that no run of intermask wrote; without `overwrite`, it
                belongs to another run.
        """
        manifest = read_manifest(self.folder)
        self._check_foreign(manifest is not None)
        another = manifest is not None and manifest.get("fingerprint") != self.info.fingerprint
        if another and not overwrite and self._nothing_made():
            (self.folder / MANIFEST).unlink()
        elif another and not overwrite:
            assert manifest is not None
            other = how_it_differs(manifest, self.info)
            raise InputError(
                f"{self.folder}: holds another run ({other}); use --overwrite to replace it, or "
                f"another --out{_how_to_add(self.folder) if other == 'other prompts' else ''}"
            )
        with disk_errors(self.folder):
            if overwrite:
                self._remove_results()
            # The manifest first: it vouches for the other files.
            if read_manifest(self.folder) is None:
                write_manifest(self.folder, self.info, {"status": "running", "started": utc_now()})
            if self.finished() is None:
                self.parts_folder.mkdir(parents=True, exist_ok=True)

    def _nothing_made(self) -> bool:
        """Whether the run here has no results and no process works on it, so that it may be another one."""
        results = [name for name in OUR_FILES if name not in (MANIFEST, REJECTED, PARTS)]
        if any((self.folder / name).exists() for name in results) or any(part_files(self.parts_folder)):
            return False
        # The shard that asks holds one lock itself.
        return len(held_locks(self.folder, ".lock-*-of-*")) <= 1

    def _check_foreign(self, is_run: bool) -> None:
        """InputError for files named as a run's that no manifest vouches for, and other files in `parts/`."""
        foreign = [path.name for path in self._results()] if not is_run else []
        if self.parts_folder.is_dir():
            inside = [path for path in self.parts_folder.iterdir() if not path.name.startswith(TEMPORARY)]
            foreign = [name for name in foreign if name != PARTS or inside]
            foreign += [f"{PARTS}/{path.name}" for path in inside if not is_part(path)][:1]
        if foreign:
            problem = "" if is_run else f" and no {MANIFEST} of a run"
            raise InputError(
                f"{self.folder}: holds {', '.join(foreign)}{problem}, which this program does not overwrite; "
                "move that away or use another --out"
            )

    def _remove_results(self) -> None:
        for path in self._results():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _results(self) -> list[Path]:
        """Files and folders here that have the name of a run's."""
        named = [path for name in OUR_FILES if (path := self.folder / name).exists()]
        return [*named, *part_files_in(self.folder)]

    def finished(self) -> dict[str, Any] | None:
        """The manifest if this run is complete already and nothing failed, else None."""
        manifest = read_manifest(self.folder)
        complete = manifest is not None and manifest.get("status") == "finished"
        return manifest if complete and (self.folder / FILE_NAME).is_file() else None

    def drop_failed(self, parts: Sequence[Part]) -> None:
        """Remove those of the given parts in which items failed, so that they are made again."""
        for part in parts:
            path = self.parts_folder / part.name
            if path.exists() and self._record(path).failed:
                path.unlink()

    def pending(self, parts: Sequence[Part]) -> list[Part]:
        """Those of the given parts that have no file yet."""
        return [part for part in parts if not (self.parts_folder / part.name).exists()]

    def write_part(
        self, part: Part, made: Iterable[tuple[WorkItem, Interaction]], failures: Sequence[Failure]
    ) -> None:
        """Write the file of a part, which is then done."""
        write_part(self.parts_folder / part.name, self.info.fingerprint, made, failures, self.info.store)

    def _record(self, path: Path) -> PartRecord:
        record = read_part(path)
        if record.fingerprint != self.info.fingerprint:
            raise IntermaskError(f"{path}: belongs to another run; delete it and run the same command again")
        return record

    # -------- ending

    def done_items(self, parts: Sequence[Part]) -> int:
        """Items in finished parts, of all workers, counted without opening a file."""
        present = {path.name for path in part_files(self.parts_folder)}
        return sum(len(part.items) for part in parts if part.name in present)

    def merge(self, parts: Sequence[Part], rejected: Sequence[Rejected]) -> MergeResult:
        """Make the dataset from the parts of the plan if all of them exist, then remove the parts.

        They stay if items failed, since the same command makes only the parts with failures again.
        """
        with locked(self.folder / ".lock-merge", wait=True):  # two shards may end at the same time
            finished = self.finished()
            if finished is not None:
                counts = finished["counts"]
                text = finished.get("text_warnings")
                judged = AcceptanceCounts.from_counts(counts)
                return MergeResult(True, counts["done"], [], counts.get("no_body", 0), text, judged)
            if self.pending(parts):
                return MergeResult(False, self.done_items(parts), [])
            result = self.merge_records([self._record(self.parts_folder / p.name) for p in parts], rejected)
            if not result.failed:
                self.drop_parts()
        return result

    def drop_parts(self) -> None:
        """Remove the parts, after they have become a dataset."""
        with disk_errors(self.parts_folder):
            shutil.rmtree(self.parts_folder)

    def merge_records(self, records: Sequence[PartRecord], rejected: Sequence[Rejected]) -> MergeResult:
        """Make `interactions.h5`, `index.csv`, `rejected.jsonl` and the final manifest from read parts."""
        failed = [failure for record in records for failure in record.failed]
        own = all(record.path.parent == self.parts_folder for record in records)
        done = merge_parts(
            records, self.folder, self.info.dataset, FILE_NAME, self.info.csv_bom, own, self.info.layout
        )
        dropped = [entry for record in records for entry in record.dropped]
        write_rejected(self.folder, [*rejected, *failed, *(entry for entry, _ in dropped)])
        rows = (row for record in records for row in record.rows)
        judged = AcceptanceCounts.of(rows, [tries for _, tries in dropped])
        no_body = sum(bool(row.get("no_body")) for record in records for row in record.rows)
        counts = {"done": done, "failed": len(failed), "rejected": len(rejected), "no_body": no_body}
        counts |= judged.as_counts() if judged else {}
        texts = {row["prompt"]: row.get("text_warning", "") for record in records for row in record.rows}
        text = summary_line(texts.values())
        self._record_end("failures" if failed else "finished", text, **counts)
        return MergeResult(True, done, failed, no_body, text, judged)

    def record_joined(self, text_warnings: Mapping[str, str], counts: Mapping[str, int]) -> MergeResult:
        """Write the final manifest of runs that were joined (`generation.joining`).

        text_warnings: by the text of the prompt.
        """
        text = summary_line(text_warnings.values())
        self._record_end("finished", text, **counts)
        return MergeResult(True, counts["done"], [], counts["no_body"], text)

    def stop(self, status: str, parts: Sequence[Part]) -> None:
        """Record how an unfinished run ended, unless another shard has finished it meanwhile."""
        with locked(self.folder / ".lock-merge", wait=True):
            if self.finished() is None:
                self._record_end(status, done=self.done_items(parts))

    def _record_end(self, status: str, text_warnings: str | None = None, **counts: int) -> None:
        """Note in the manifest how the run ended: finished, failures, interrupted or stopped by an error."""
        before = read_manifest(self.folder) or {}
        state = {"status": status, "started": before.get("started"), "ended": utc_now()}
        if text_warnings is not None:
            state["text_warnings"] = text_warnings
        write_manifest(self.folder, self.info, state, counts)


@contextmanager
def open_run(folder: Path, info: RunInfo, shard: Shard, overwrite: bool) -> Iterator[RunDirectory]:
    """Lock a run directory and make it ready. Shards of one run may share a directory."""
    alone = shard.count == 1
    if overwrite and not alone:
        raise InputError(
            "--overwrite would delete the parts of other shards; delete the directory yourself first"
        )
    with disk_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: is a file; --out names a directory")
        folder.mkdir(parents=True, exist_ok=True)
    with _held_by(folder, shard):
        run = RunDirectory(folder, info)
        run.prepare(overwrite)
        if alone:
            remove_leftovers(folder)
            if run.parts_folder.is_dir():
                remove_leftovers(run.parts_folder)
                if run.finished() is not None:  # killed between its last two steps
                    run.drop_parts()
        yield run


@contextmanager
def _held_by(folder: Path, shard: Shard) -> Iterator[None]:
    """Hold the directory alone, or the lock of one shard while nothing but other shards is working here."""
    alone = shard.count == 1
    own = folder / (".lock" if alone else f".lock-{shard.index}-of-{shard.count}")
    with ExitStack() as stack:
        with locked(folder / ".lock-start", wait=True):  # no other run starts meanwhile
            if held_locks(folder, ".lock-*-of-*" if alone else ".lock"):
                raise InputError(f"{folder}: another run is writing here; wait for it or use another --out")
            stack.enter_context(locked(own))
        yield


def read_rejected(folder: Path) -> list[Rejected]:
    """The prompt lines that `rejected.jsonl` lists; failed items, which have an id, are left out."""
    try:
        lines = (folder / REJECTED).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [Rejected(**entry) for entry in map(json.loads, lines) if "id" not in entry]


def write_rejected(folder: Path, rejected: Sequence[Rejected]) -> None:
    """`rejected.jsonl`: one object per line with file, line and reason (and id for failed items)."""
    path = folder / REJECTED
    if rejected:
        lines = [json.dumps(entry.as_json(), ensure_ascii=False) + "\n" for entry in rejected]
        write_bytes(path, "".join(lines).encode("utf-8", "replace"))
    else:
        with disk_errors(path):
            path.unlink(missing_ok=True)


def _how_to_add(folder: Path) -> str:
    """The end of a message for a run that is to have more prompts."""
    return f". To add prompts to a finished run, give it as --add-to {folder} instead of --out"
