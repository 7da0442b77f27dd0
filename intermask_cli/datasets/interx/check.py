"""Check that a copy of Inter-X is complete and readable (`intermask data check`); read-only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from intermask_cli.config import LONGEST_FRAMES
from intermask_cli.datasets.check_report import DatasetReport, check_root, first_of
from intermask_cli.datasets.hdf5_arrays import HDF5_ERRORS, local_item, reason_of, unreadable
from intermask_cli.datasets.interx.reader import (
    END_FRAMES,
    MIN_FRAMES,
    SPLITS,
    InterXCaption,
    caption_path,
    open_motions,
    read_captions,
    split_path,
)
from intermask_cli.datasets.interx.word_vectors import WordVectors
from intermask_cli.datasets.text_files import UTF8, decoded, lines
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.body_model import stand_in_body
from intermask_cli.motion.representation.interx import (
    FACE,
    FEATURE_ROWS,
    joints_from_features,
    person_features,
    persons_from_processed,
)
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Characters of a clip's name that reports show.
_LONGEST_NAME = 80
Progress = Callable[[int], None]


def check_interx(root: Path, progress: Progress | None = None) -> DatasetReport:
    """Read every motion and caption under root; progress(n) is called after each clip.

    Counts clips, frames, captions, unknown words and split sizes; finds names without motion or text,
    wrong shapes, NaN, turned jaws or eyes, malformed or undecodable captions, split overlaps and
    missing word vectors.

    Raises:
        MissingError: root has no motions.
    """
    root = Path(root)
    check_root(root, "motions")
    report = DatasetReport("interx", root)
    splits: dict[str, set[str]] = {}
    frames: list[int] = []
    for split in SPLITS:
        names = _split_names(report, split)
        if names is not None:
            splits[split] = names
        frames += _check_motions(report, split, names, progress or (lambda _: None))
    report.check_pace()
    report.count_frames("clips", frames)
    unused = sum(not MIN_FRAMES <= n < END_FRAMES for n in frames)
    report.counts[f"outside {MIN_FRAMES}-{END_FRAMES - 1} frames (no text item)"] = unused
    report.check_empty_splits({split: len(names) for split, names in splits.items()})
    report.check_overlaps("names", splits)
    _check_texts(report, sorted(set().union(*splits.values())) if splits else [])
    return report


def count_clips(root: Path) -> int:
    """Clips in the readable h5 files, for a progress bar."""
    total = 0
    for split in SPLITS:
        try:
            with open_motions(Path(root), split) as file:
                total += len(file)
        except (MissingError, InputError, *HDF5_ERRORS):
            continue  # check_interx reports it
    return total


def _split_names(report: DatasetReport, split: str) -> set[str] | None:
    """Names that a split lists, or None if its file cannot be used."""
    place = f"splits/{split}.txt"
    try:
        names = lines(split_path(report.root, split))
    except (MissingError, InputError) as error:
        report.error("unusable split", place, str(error))
        return None
    report.counts[f"{split} names"] = len(set(names))
    report.check_repeated("names", place, names)
    return set(names)


def _check_motions(
    report: DatasetReport, split: str, names: set[str] | None, progress: Progress
) -> list[int]:
    """Frames of the usable clips of a split."""
    place = f"motions/{split}.h5"
    try:
        file = open_motions(report.root, split)
    except (MissingError, InputError) as error:
        report.error("unusable motion file", place, str(error))
        return []
    frames: list[int] = []
    with file:
        try:
            stored = set(file)
        except HDF5_ERRORS as error:
            report.error("unusable motion file", place, reason_of(error))
            return []
        listed = stored if names is None else names
        absent, extra = listed - stored, stored - listed
        if absent:
            report.error("listed without motion", place, f"{len(absent)} names: {first_of(absent)}")
        if extra:
            report.note("in no split", place, f"{len(extra)} names: {first_of(extra)}")
        for name in sorted(stored):
            progress(1)
            try:
                frames.append(_check_clip(report, file, split, name))
            except HDF5_ERRORS as error:
                report.error("unreadable motion", f"{place} {name[:_LONGEST_NAME]}", reason_of(error))
    return [count for count in frames if count]


def _check_clip(report: DatasetReport, file: h5py.File, split: str, name: str) -> int:
    """Frames of a clip, or 0 if it cannot be used."""
    place = f"motions/{split}.h5 {name[:_LONGEST_NAME]}"
    array = local_item(file, name)
    shape = getattr(array, "shape", None)
    if shape is None or len(shape) != 3 or shape[1:] != (FEATURE_ROWS, 6) or shape[0] == 0:
        found = shape if array is not None else "a link to another file, or nothing"
        report.error("wrong shape", place, f"{found}; expected (T, {FEATURE_ROWS}, 6)")
        return 0
    if shape[0] > LONGEST_FRAMES:
        report.error("wrong shape", place, f"{shape[0]:,} frames; accepted: up to {LONGEST_FRAMES:,}")
        return 0
    if (problem := unreadable(array)) is not None:
        report.error("unreadable motion", place, problem)
        return 0
    if array.dtype.kind not in "fiu":
        report.error("unreadable motion", place, f"values of type {array.dtype}; expected numbers")
        return 0
    clip = array[...]
    broken = np.flatnonzero(~np.isfinite(clip).all(axis=(1, 2)))
    if len(broken):
        report.error("not finite", place, f"{len(broken)} frames with NaN or infinity, first {broken[0]}")
    elif not clip.any():
        report.error("empty motion", place, "all numbers are 0")
        return 0
    elif np.any(clip[:, FACE]):
        report.note("face turned", place, "jaw or eye rotations are not zero; no body model here uses them")
    if not len(broken):
        for number, joints in enumerate(joints_of_clip(clip), 1):
            report.check_joints(f"{place} person {number}", joints)
    return int(shape[0])


def joints_of_clip(clip: np.ndarray) -> np.ndarray:
    """A clip as on disk (T, 56, 6) -> joints (2, T, 22, 3) of the stand-in body."""
    features = np.stack([person_features(person) for person in persons_from_processed(clip)])
    return joints_from_features(features, stand_in_body())[:, :, :NUM_JOINTS]


def _check_texts(report: DatasetReport, names: list[str]) -> None:
    captions: list[InterXCaption] = []
    for name in names:
        path = caption_path(report.root, name)
        place = f"texts_processed/{name}.txt"
        try:
            if decoded(path)[1] != UTF8:
                report.note("not UTF-8", place, "read as GB18030")
            of_clip = read_captions(path)
        except MissingError:
            report.error("missing captions", place, "no such file")
            continue
        except InputError as error:
            report.error("unusable captions", place, str(error))
            continue
        report.check_caption_count(place, len(of_clip))
        captions += of_clip
    report.counts["captions"] = len(captions)
    _check_words(report, captions)


def _check_words(report: DatasetReport, captions: list[InterXCaption]) -> None:
    try:
        known = WordVectors.load(report.root / "glove")
    except (MissingError, InputError) as error:
        report.error("unusable word vectors", "glove/", str(error))
        return
    words = [token.rsplit("/", 1)[0] for caption in captions for token in caption.tokens]
    report.counts["words"] = len(words)
    report.counts["unknown words"] = sum(word not in known for word in words)
