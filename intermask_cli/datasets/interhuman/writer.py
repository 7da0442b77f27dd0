"""Write a dataset in InterHuman's layout, which published training code reads without changes.

InterHuman stores 62 joints and 51 rotations per person; the body's are the first 22 and 21. Hand joints are
put on the wrist and their rotations are the identity: the published readers use the body columns only.
Layout: docs/reference/data-and-evaluation.md#interhuman-files.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from intermask_cli.datasets.dataset_folder import FolderWritten, Splits, write_complete_folder
from intermask_cli.datasets.interhuman.reader import PERSON_FOLDERS, SPLITS, caption_path, motion_path
from intermask_cli.datasets.spreadsheets import with_guard
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.representation.interhuman import RAW_COLUMNS, loaded_from_raw492, motion_from_loaded
from intermask_cli.motion.rotation import matrix_from_sixd_columns, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import JOINT

#: Joints of the hands and of the finger tips, by the wrist they are put on.
_HAND_JOINTS = {"left_wrist": slice(22, 37), "right_wrist": slice(37, 52)}
_FINGER_TIPS = {"left_wrist": slice(52, 57), "right_wrist": slice(57, 62)}
#: Captions per clip: the published readers draw one of three.
_CAPTION_LINES = 3
#: Table of numbers and ids. InterHuman itself has none.
_IDS = "ids.csv"


@dataclass(frozen=True)
class ClipToWrite:
    """One clip; split "train", "val" or "test"; `origin` is the last column of `ids.csv`."""

    item: Interaction
    captions: tuple[str, ...]
    split: str
    origin: str


def raw492(joints: np.ndarray, rotations6d: np.ndarray) -> np.ndarray:
    """One person, joints (T, 22, 3) Y up and rotations (T, 21, 6) -> InterHuman's (T, 492), Z up, float32."""
    frames = len(joints)
    z_up = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1)
    positions = np.zeros((frames, 62, 3))
    positions[:, :22] = z_up
    for by_wrist in (_HAND_JOINTS, _FINGER_TIPS):
        for wrist, hand_joints in by_wrist.items():
            positions[:, hand_joints] = z_up[:, JOINT[wrist], None]
    rotations = np.tile(np.array([1.0, 0, 0, 1, 0, 0]), (frames, 51, 1))
    # A model's six numbers are only close to a rotation; the dataset's columns are unit and orthogonal.
    rotations[:, :21] = sixd_columns_from_matrix(matrix_from_sixd_columns(rotations6d.astype(np.float64)))
    raw = np.concatenate([positions.reshape(frames, -1), rotations.reshape(frames, -1)], axis=1)  # (T, 492)
    assert raw.shape[1] == RAW_COLUMNS
    return raw.astype(np.float32)


def write_interhuman(items: Iterable[Interaction], root: Path, splits: Splits | None = None) -> FolderWritten:
    """Write interactions as an InterHuman dataset; ids become numbers, `ids.csv` maps them back.

    Interactions without rotations are left out and listed.

    Raises:
        InputError: the folder is not empty. IntermaskError: a file read back differs (`BOUND_MM`).
    """
    failed: list[tuple[str, str]] = []
    with write_complete_folder(root) as draft:
        written = write_clips(_clips(items, failed, splits or Splits()), draft, "seed")
    written.failed += failed
    return written


def _clips(
    items: Iterable[Interaction], failed: list[tuple[str, str]], splits: Splits
) -> Iterator[ClipToWrite]:
    """Interactions as clips; those without rotations go to `failed` instead."""
    for item in items:
        if item.rotations6d is None:
            failed.append((item.id, "no rotations6d; the InterHuman layout needs them"))
            continue
        yield ClipToWrite(item, (item.text,), splits.of(item), str(item.seed))


def files_written(root: Path) -> set[str]:
    """Files of a dataset that this program wrote, by its `ids.csv`, relative to `root`; none without it."""
    try:
        with (root / _IDS).open(newline="", encoding="utf-8") as stream:
            numbers = [row[0] for row in csv.reader(stream) if row][1:]
    except (OSError, ValueError, csv.Error):
        return set()
    paths = [motion_path(root, person, number) for number in numbers for person in (0, 1)]
    paths += [caption_path(root, number) for number in numbers]
    paths += [root / f"split/{split}.txt" for split in SPLITS]
    return {_IDS, *(path.relative_to(root).as_posix() for path in paths)}


def write_clips(clips: Iterable[ClipToWrite], root: Path, origin: str) -> FolderWritten:
    """Write clips, all with rotations, into an empty folder; `origin` names that column of `ids.csv`."""
    for folder in (*(f"motions_processed/{person}" for person in PERSON_FOLDERS), "annots", "split"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    splits: dict[str, list[int]] = {split: [] for split in SPLITS}
    written = FolderWritten()
    with (root / _IDS).open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["number", "id", "split", origin])
        for clip in clips:
            item = clip.item
            assert item.rotations6d is not None
            number = written.count = written.count + 1
            for person in (0, 1):
                path = motion_path(root, person, str(number))
                np.save(path, raw492(item.joints[person], item.rotations6d[person]))
                read, _ = motion_from_loaded(loaded_from_raw492(np.load(path, allow_pickle=False)))
                written.check_read_back(item.id, read, item.joints[person])
            caption_path(root, str(number)).write_text(_caption_lines(clip.captions), encoding="utf-8")
            splits[clip.split].append(number)
            written.splits[clip.split] += 1
            table.writerow([number, item.id, clip.split, with_guard(clip.origin)])
    for split, numbers in splits.items():
        # Published readers lose a last line without newline (docs/reference/data-and-evaluation.md#q3).
        (root / f"split/{split}.txt").write_text("".join(f"{n}\n" for n in numbers), encoding="ascii")
    return written


def _caption_lines(captions: Sequence[str]) -> str:
    """One line per caption; fewer than three are repeated in turn."""
    count = max(_CAPTION_LINES, len(captions))
    return "".join(" ".join(caption.split()) + "\n" for caption in islice(cycle(captions), count))
