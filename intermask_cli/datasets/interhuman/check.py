"""Check that a copy of InterHuman is complete and readable (`intermask data check`); read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from intermask_cli.datasets.check_report import DatasetReport, check_root, first_of
from intermask_cli.datasets.interhuman.reader import (
    IGNORE_LISTS,
    MAX_RAW_FRAMES,
    MIN_TEXT_FRAMES,
    PERSON_FOLDERS,
    SPLITS,
    caption_path,
    motion_path,
    read_loaded,
)
from intermask_cli.datasets.text_files import UTF8, decoded, lines, terminated_lines
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.representation.interhuman import motion_from_loaded

Progress = Callable[[int], None]


def check_interhuman(root: Path, progress: Progress | None = None) -> DatasetReport:
    """Read every motion and caption under root; progress(n) is called after each clip.

    Counts ids, frames, captions and split sizes; finds missing files, persons of different length, wrong
    shapes, NaN, undecodable or missing captions, split overlaps, ids without files and lost last lines.

    Raises:
        MissingError: root has no motions.
    """
    root = Path(root)
    check_root(root, f"motions_processed/{PERSON_FOLDERS[0]}")
    report = DatasetReport("interhuman", root)
    ids = interhuman_ids(root)
    _check_motions(report, ids, progress or (lambda _: None))
    _check_captions(report, ids)
    _check_splits(report, ids)
    return report


def interhuman_ids(root: Path) -> set[str]:
    """Ids that have a motion file of at least one person; names that begin with a dot are none."""
    folders = [root / "motions_processed" / folder for folder in PERSON_FOLDERS]
    paths = (path for folder in folders for path in folder.glob("*.npy"))
    # A Mac writes `._1.npy` next to `1.npy` on file systems without its attributes.
    return {path.stem for path in paths if not path.name.startswith(".")}


def _check_motions(report: DatasetReport, ids: set[str], progress: Progress) -> None:
    frames: list[int] = []
    for id in sorted(ids):
        lengths = [n for person in (0, 1) if (n := _check_person(report, person, id)) is not None]
        progress(1)
        if len(lengths) < 2:
            continue
        if lengths[0] != lengths[1]:
            report.error("persons differ in length", id, f"{lengths[0]} and {lengths[1]} frames")
        frames.append(min(lengths))
    report.check_pace()
    report.count_frames("clips with both persons", frames)
    too_short, cropped = sum(n < MIN_TEXT_FRAMES for n in frames), sum(n > MAX_RAW_FRAMES for n in frames)
    report.counts[f"shorter than {MIN_TEXT_FRAMES} frames (never used)"] = too_short
    report.counts[f"longer than {MAX_RAW_FRAMES} frames (cropped)"] = cropped


def _check_person(report: DatasetReport, person: int, id: str) -> int | None:
    """Frames of one person's file, or None if it cannot be used."""
    place = f"{PERSON_FOLDERS[person]}/{id}.npy"
    try:
        loaded = read_loaded(motion_path(report.root, person, id))
    except MissingError:
        report.error("missing motion", place, "only the partner's file exists")
        return None
    except InputError as error:
        report.error("unusable motion", place, str(error))
        return None
    broken = np.flatnonzero(~np.isfinite(loaded).all(axis=1))
    if len(broken):
        report.error("not finite", place, f"{len(broken)} frames with NaN or infinity, first {broken[0]}")
    else:
        report.check_joints(place, motion_from_loaded(loaded)[0])
    return len(loaded)


def _check_captions(report: DatasetReport, ids: Iterable[str]) -> None:
    total = 0
    for id in sorted(ids):
        path = caption_path(report.root, id)
        place = f"annots/{id}.txt"
        try:
            text, encoding = decoded(path)
        except MissingError:
            report.error("missing captions", place, "no such file")
            continue
        except InputError as error:
            report.error("undecodable captions", place, str(error))
            continue
        if encoding != UTF8:
            report.note("not UTF-8", place, f"read as {encoding}; published readers drop the clip")
        captions = [line for line in text.split("\n") if line.strip()]
        total += len(captions)
        report.check_caption_count(place, len(captions))
    report.counts["captions"] = total


def _check_splits(report: DatasetReport, ids: set[str]) -> None:
    splits: dict[str, set[str]] = {}
    for split in SPLITS:
        place = f"split/{split}.txt"
        try:
            listed = lines(report.root / place)
        except (MissingError, InputError) as error:
            report.error("unusable split", place, str(error))
            continue
        splits[split] = set(listed)
        report.counts[f"{split} ids"] = len(splits[split])
        report.check_repeated("ids", place, listed)
        lost = set(listed) - set(terminated_lines(report.root / place))
        if lost:
            report.note("no final newline", place, f"published readers lose id {', '.join(sorted(lost))}")
        absent = splits[split] - ids
        if absent:
            report.error("listed without motion", place, f"{len(absent)} ids: {first_of(absent)}")
    report.check_empty_splits({split: len(listed) for split, listed in splits.items()})
    report.check_overlaps("ids", splits)
    unlisted = ids - set().union(*splits.values()) if splits else set()
    if unlisted:
        report.note("in no split", "split/", f"{len(unlisted)} ids: {first_of(unlisted)}")
    for name in IGNORE_LISTS:
        if (report.root / name).is_file():
            report.note("ignore list", name, f"{len(lines(report.root / name))} ids")
