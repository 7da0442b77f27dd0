"""Is a copy of InterHuman whole? Read-only, reports everything it finds (`intermask data check`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import numpy as np

from intermask_cli.datasets.check_report import DatasetReport
from intermask_cli.datasets.interhuman.reader import (
    IGNORE_LISTS,
    MAX_RAW_FRAMES,
    MIN_TEXT_FRAMES,
    PERSONS,
    SPLITS,
    caption_path,
    motion_path,
    read_loaded,
)
from intermask_cli.datasets.text_files import UTF8, decoded, lines, terminated_lines
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.skeleton import FPS

CAPTIONS_PER_CLIP = 3
Progress = Callable[[int], None]


def check_interhuman(root: Path, progress: Progress | None = None) -> DatasetReport:
    """Read every motion and caption under root; progress(n) is called after each clip.

    Counts ids, frames, captions and split sizes; finds missing files, persons of different length, wrong
    shapes, NaN, undecodable or missing captions, split overlaps, ids without files and lost last lines.
    """
    root = Path(root)
    if not (root / "motions_processed").is_dir():
        raise MissingError(
            f"{root}: no motions_processed folder; give the root with motions_processed.zip unpacked"
        )
    report = DatasetReport("interhuman", root)
    ids = interhuman_ids(root)
    _check_motions(report, ids, progress or (lambda _: None))
    _check_captions(report, ids)
    _check_splits(report, ids)
    return report


def interhuman_ids(root: Path) -> set[str]:
    """Ids that have a motion file of at least one person."""
    return {path.stem for person in PERSONS for path in (root / "motions_processed" / person).glob("*.npy")}


def _check_motions(report: DatasetReport, ids: set[str], progress: Progress) -> None:
    frames: list[int] = []
    for id in sorted(ids):
        lengths = [length for person in PERSONS if (length := _check_person(report, person, id)) is not None]
        progress(1)
        if len(lengths) < 2:
            continue
        if lengths[0] != lengths[1]:
            report.error("persons differ in length", id, f"{lengths[0]} and {lengths[1]} frames")
        frames.append(min(lengths))
    report.counts["clips with both persons"] = len(frames)
    report.counts["hours"] = round(sum(frames) / FPS / 3600, 3)
    report.counts["shortest, frames"] = min(frames, default=0)
    report.counts["longest, frames"] = max(frames, default=0)
    report.counts[f"shorter than {MIN_TEXT_FRAMES} frames (never used)"] = sum(
        n < MIN_TEXT_FRAMES for n in frames
    )
    report.counts[f"longer than {MAX_RAW_FRAMES} frames (cropped)"] = sum(n > MAX_RAW_FRAMES for n in frames)


def _check_person(report: DatasetReport, person: str, id: str) -> int | None:
    where = f"{person}/{id}.npy"
    try:
        loaded = read_loaded(motion_path(report.root, person, id))
    except MissingError:
        report.error("missing motion", where, "the other person's file is there")
        return None
    except InputError as error:
        report.error("unusable motion", where, str(error))
        return None
    bad = np.flatnonzero(~np.isfinite(loaded).all(axis=1))
    if len(bad):
        report.error("not finite", where, f"{len(bad)} frames with NaN or infinity, first {bad[0]}")
    return len(loaded)


def _check_captions(report: DatasetReport, ids: Iterable[str]) -> None:
    total = 0
    for id in sorted(ids):
        path = caption_path(report.root, id)
        where = f"annots/{id}.txt"
        try:
            text, encoding = decoded(path)
        except MissingError:
            report.error("missing captions", where, "no such file")
            continue
        except InputError as error:
            report.error("undecodable captions", where, str(error))
            continue
        if encoding != UTF8:
            report.note("not UTF-8", where, f"read as {encoding}; published readers drop the clip")
        captions = [line for line in text.split("\n") if line.strip()]
        total += len(captions)
        if len(captions) != CAPTIONS_PER_CLIP:
            report.note("number of captions", where, f"{len(captions)} instead of {CAPTIONS_PER_CLIP}")
    report.counts["captions"] = total


def _check_splits(report: DatasetReport, ids: set[str]) -> None:
    found: dict[str, set[str]] = {}
    for split in SPLITS:
        path = report.root / "split" / f"{split}.txt"
        try:
            listed = lines(path)
        except (MissingError, InputError) as error:
            report.error("unusable split", f"split/{split}.txt", str(error))
            continue
        found[split] = set(listed)
        report.counts[f"{split} ids"] = len(found[split])
        if len(listed) > len(found[split]):
            report.note(
                "repeated ids", f"split/{split}.txt", f"{len(listed) - len(found[split])} lines repeated"
            )
        lost = set(listed) - set(terminated_lines(path))
        if lost:
            report.note(
                "no final newline",
                f"split/{split}.txt",
                f"published readers lose id {', '.join(sorted(lost))}",
            )
        absent = found[split] - ids
        if absent:
            report.error("listed without motion", f"split/{split}.txt", f"{len(absent)} ids: {_some(absent)}")
    for one, other in combinations(found, 2):
        common = found[one] & found[other]
        if common:
            report.error("split overlap", f"{one} and {other}", f"{len(common)} ids in both: {_some(common)}")
    unlisted = ids - set().union(*found.values()) if found else set()
    if unlisted:
        report.note("in no split", "split/", f"{len(unlisted)} ids: {_some(unlisted)}")
    for name in IGNORE_LISTS:
        if (report.root / name).is_file():
            report.note("ignore list", name, f"{len(lines(report.root / name))} ids")


def _some(ids: set[str]) -> str:
    shown = sorted(ids, key=lambda id: (len(id), id))[:5]
    return ", ".join(shown) + (", ..." if len(ids) > len(shown) else "")
