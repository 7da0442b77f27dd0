"""`generate --add-to`: a finished run gets more prompts, or more samples of those it has.

What is new is made as a run of its own in `RUN/adding/`, with its parts and locks. Then old and new items
are copied as they are stored into a dataset that replaces the old one in a single step. A kill at any moment
leaves the old dataset or the new one; the same command continues.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from intermask_cli.cleanup.effect import EFFECT_LOG
from intermask_cli.console import note
from intermask_cli.datasets.interactions import (
    CONTENT_SHA256,
    FILE_NAME,
    INDEX_COLUMNS,
    OPTIONAL_COLUMNS,
    InteractionFile,
)
from intermask_cli.errors import InputError, IntermaskError
from intermask_cli.files import disk_errors, locked, write_bytes
from intermask_cli.generation.job import Job, Summary, finished_summary, resumable, run_job
from intermask_cli.generation.prompts.read import Prompt
from intermask_cli.generation.prompts.text_warnings import summary_line
from intermask_cli.generation.run.acceptance import NOT_ACCEPTED
from intermask_cli.generation.run.contents import INDEX_TABLE, Contents, united_columns
from intermask_cli.generation.run.copied_items import write_copies
from intermask_cli.generation.run.directory import ADDING, PARTS, REJECTED, progress_of
from intermask_cli.generation.run.disk_space import has_merge_space
from intermask_cli.generation.run.linked_items import all_in_parts, remove_unused_parts, write_linked
from intermask_cli.generation.run.manifest import (
    MANIFEST,
    RunInfo,
    changed_identity,
    read_manifest,
    update_manifest,
    utc_now,
)
from intermask_cli.generation.run.part_files import part_files
from intermask_cli.generation.run.plan import Plan, cut_into_parts, make_plan
from intermask_cli.generation.workers.launch import first_of_launcher
from intermask_cli.version import __version__

#: What the new items may differ in from the old ones, of a run's identity.
_MAY_DIFFER = "prompts"


@dataclass(frozen=True)
class GrowingRun:
    """A finished run of `generate`: manifest, index, and the ids that it dropped (`--on-fail drop`)."""

    folder: Path
    manifest: Mapping[str, Any]
    columns: Mapping[str, list[Any]]
    dropped: frozenset[str]

    @classmethod
    def open(cls, folder: Path) -> GrowingRun:
        """Raises InputError for anything but a finished run of `generate`.

        An addition that was made, but not yet put into the dataset, is put there first.
        """
        manifest = read_manifest(folder)
        if manifest is None:
            raise InputError(f"{folder}: no {MANIFEST}; --add-to takes the run directory of a finished run")
        if manifest["command"] != "generate":
            raise InputError(
                f"{folder}: made by 'intermask {manifest['command']}'; runs of intermask generate can grow. "
                "Make a run of its own and join both with intermask merge"
            )
        if manifest["status"] != "finished" or not (folder / FILE_NAME).is_file():
            progress = progress_of(folder, manifest).in_words()
            raise InputError(f"{folder}: {progress}; --add-to takes a finished run")
        if first_of_launcher() and _is_made(folder / ADDING):
            _put_together(folder)
        return cls._read(folder)

    @classmethod
    def _read(cls, folder: Path) -> GrowingRun:
        with InteractionFile(folder) as dataset:
            columns = {name: dataset.column(name) for name in dataset.columns}
        entries = map(json.loads, _lines(folder / REJECTED))
        dropped = (entry["id"] for entry in entries if entry["reason"].startswith(NOT_ACCEPTED))
        manifest = read_manifest(folder)
        assert manifest is not None
        return cls(folder, manifest, columns, frozenset(dropped))

    def seed(self, given: int) -> int:
        """The run seed for the new items: the run's own. InputError if another one was given."""
        own = int(self.manifest["about"].get("seed", 0))
        if given not in (0, own):
            raise InputError(f"--seed {given}: {self.folder} has the run seed {own}; leave --seed out")
        return own

    def plan(
        self,
        prompts: Sequence[Prompt],
        seed: int,
        samples: int,
        default_frames: int,
        limit: int | None = None,
    ) -> Plan:
        """The items that the run does not have yet.

        Equal ids with equal texts are the same item; a prompt whose id another text has gets another id.
        Raises InputError for an item that the run has with another length.
        """
        known: dict[str, str] = {}  # ids of prompts, and their texts
        occurrences: dict[tuple[str, str], int] = {}
        times: Counter[str] = Counter()
        lengths = dict(zip(self.columns["id"], self.columns["frames"], strict=True))
        for id, text in zip(self.columns["id"], self.columns["prompt"], strict=True):
            stem = id.rpartition("-s")[0]
            if stem not in known:
                known[stem], occurrences[stem, text] = text, times[text]
                times[text] += 1
        plan = make_plan(
            self._with_free_ids(prompts, known), seed, samples, default_frames, limit, earlier=occurrences
        )
        new = [item for item in plan.items if item.id not in lengths and item.id not in self.dropped]
        for item in plan.items:
            if lengths.get(item.id, item.frames) != item.frames:
                raise InputError(
                    f"{self.folder}: has {item.id} with {lengths[item.id]} frames, not {item.frames}; "
                    "give the same length, or the prompt another id"
                )
        new = [replace(item, position=position) for position, item in enumerate(new)]
        return Plan(new, cut_into_parts(new))

    def _with_free_ids(self, prompts: Sequence[Prompt], known: Mapping[str, str]) -> list[Prompt]:
        """Prompts with -2, -3 and so on behind ids that belong to another text in the run."""
        given = {prompt.id for prompt in prompts}
        renamed: list[Prompt] = []
        for prompt in prompts:
            id, number = prompt.id, 1
            while known.get(id, prompt.text) != prompt.text or (number > 1 and id in given):
                number += 1
                id = f"{prompt.id}-{number}"
            renamed.append(replace(prompt, id=id))
        changed = [(old.id, new.id) for old, new in zip(prompts, renamed, strict=True) if old.id != new.id]
        if changed:
            old, new = changed[0]
            note(
                f"{len(changed):,} ids belong to other prompts in {self.folder} and get a number, as "
                f"{old}: {new}"
            )
        return renamed

    def check_settings(self, info: RunInfo) -> None:
        """InputError unless new items would be made as the old ones were."""
        changed = [name for name in changed_identity(self.manifest, info) if name != _MAY_DIFFER]
        if changed:
            raise InputError(
                f"{self.folder}: other {', '.join(changed)}; a run grows with the same model and settings: "
                "give the same options, or make a run of its own and join both with intermask merge"
            )
        made_by = self.manifest.get("versions", {}).get("intermask")
        if made_by != __version__:
            raise InputError(
                f"{self.folder}: made by intermask {made_by}, this is {__version__}; make a run of its own "
                "and join both with intermask merge"
            )
        other = read_manifest(self.folder / ADDING)
        if other is None or other["fingerprint"] == info.fingerprint:
            return
        if any(part_files(self.folder / ADDING / PARTS)):
            progress = progress_of(self.folder / ADDING, other).in_words()
            raise InputError(
                f"{self.folder / ADDING}: other prompts are being added ({progress}); finish that with the "
                "same command, or delete that folder"
            )


@resumable()
def add_to_run(job: Job) -> Summary | None:
    """Make what a job adds to the run in whose folder `adding/` it works.

    None on workers other than the first.
    """
    folder = job.folder.parent
    if all_in_parts([folder]):
        if job.info.layout == "single":
            raise InputError(f"--layout single: {folder} is in parts, and stays so; leave --layout out")
        job = replace(job, info=replace(job.info, layout="parts"))
    if not job.plan.items:
        note(f"{folder}: has all of these interactions already")
        manifest = read_manifest(folder)
        assert manifest is not None
        return finished_summary(folder, manifest, job.rejected, job.execution.rejected_ok)
    made = run_job(job)
    if made is None or (not made.merged and job.folder.exists()):  # else another shard has put it there
        return made
    _put_together(folder)
    manifest = read_manifest(folder)
    assert manifest is not None
    whole = finished_summary(folder, manifest, job.rejected, job.execution.rejected_ok)
    return replace(
        whole, made=made.made, seconds=made.seconds, load_seconds=made.load_seconds, failed=made.failed,
        finished_before=False,
    )  # fmt: skip


def _is_made(adding: Path) -> bool:
    """Whether an addition is complete apart from items that failed."""
    manifest = read_manifest(adding)
    return manifest is not None and manifest["status"] in ("finished", "failures")


def _put_together(folder: Path) -> None:
    """Make one dataset of a run and what was made to be added; each step may be repeated after a kill."""
    adding = folder / ADDING
    with locked(folder / ".lock-adding", wait=True):
        if not _is_made(adding):  # another shard has done it
            return
        with InteractionFile(folder) as old, InteractionFile(adding) as new:
            old_ids, new_ids = old.ids, new.ids
            tables = [{name: one.column(name) for name in one.columns} for one in (old, new)]
            attributes = old.attributes
            needed = old.stored_bytes() + new.stored_bytes()
        if not set(new_ids) <= set(old_ids):
            linked = all_in_parts([folder, adding])
            if not linked and not has_merge_space(folder, needed):
                raise IntermaskError(
                    f"{folder}: needs {needed / 1e6:,.1f} MB for the dataset of old and new interactions; "
                    "free some space and run the same command again, or put both on another disk: "
                    f"intermask merge {folder} {adding} --out OTHER"
                )
            written = ("format", "format_version", CONTENT_SHA256)
            own = {name: value for name, value in attributes.items() if name not in written}
            columns = united_columns(tables, (*INDEX_COLUMNS, *OPTIONAL_COLUMNS))
            contents = Contents(columns, own, byte_order_mark=_has_mark(folder))
            sources = [(folder, old_ids), (adding, new_ids)]
            if linked:
                write_linked(folder, sources, contents)
            else:
                write_copies(folder, sources, contents, "add")
        else:  # killed before the table or the manifest was written
            columns = tables[0]
            Contents(columns, attributes, byte_order_mark=_has_mark(folder)).write_table(folder)
            remove_unused_parts(folder)
        _join_lines(folder, adding, set(columns["id"]))
        _record(folder, adding, columns)
        with disk_errors(adding):
            shutil.rmtree(adding)


def _has_mark(folder: Path) -> bool:
    """Whether the run's table begins with a byte order mark."""
    with (folder / INDEX_TABLE).open("rb") as table:
        return table.read(3) == b"\xef\xbb\xbf"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _join_lines(folder: Path, adding: Path, ids: set[str]) -> None:
    """Put lines of the addition behind those of the run, unless it has them.

    Of items that have been made meanwhile, no failure stays listed.
    """
    for name in (REJECTED, EFFECT_LOG):
        lines = list(dict.fromkeys([*_lines(folder / name), *_lines(adding / name)]))
        if name == REJECTED:
            lines = [line for line in lines if json.loads(line).get("id") not in ids]
        if lines:
            write_bytes(folder / name, "".join(f"{line}\n" for line in lines).encode())
        else:
            (folder / name).unlink(missing_ok=True)


def _record(folder: Path, adding: Path, columns: Mapping[str, list[Any]]) -> None:
    """Note the addition in the manifest of the run, once."""
    added, manifest = read_manifest(adding), read_manifest(folder)
    assert added is not None and manifest is not None
    earlier = manifest["about"].get("added", [])
    if any(entry["fingerprint"] == added["fingerprint"] for entry in earlier):
        return
    old, new = manifest["counts"], added["counts"]
    counts = {name: old.get(name, 0) + new.get(name, 0) for name in {**old, **new}}
    # Items that failed are not part of the run: the same command adds them later.
    counts["items"] -= new.get("failed", 0)
    counts["failed"] = 0
    counts["prompts"] = len({id.rpartition("-s")[0] for id in columns["id"]})
    counts["rejected"] = sum("id" not in json.loads(line) for line in _lines(folder / REJECTED))
    warnings = columns.get("text_warning", [""] * len(columns["prompt"]))
    texts = summary_line(dict(zip(columns["prompt"], warnings, strict=True)).values())
    entry = {
        "fingerprint": added["fingerprint"],
        "items": new.get("done", 0),
        "ended": utc_now(),
        "command_line": added.get("command_line"),
        **{name: value for name, value in added["about"].items() if name == "prompt_files"},
    }
    update_manifest(
        folder, counts=counts, about={**manifest["about"], "added": [*earlier, entry]}, text_warnings=texts
    )
