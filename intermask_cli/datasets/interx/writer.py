"""Write a dataset in Inter-X's layout, which the published training code reads without changes.

22-joint interactions get SMPL-X rows: the pelvis' rotation from the joints, body rotations from the dataset
(else recovered), face and hands at rest. Those of an Inter-X model keep its hands. Words are tagged OTHER,
which the readers accept as one of their classes. The word vectors in `glove/` must come from the user's own
copy of Inter-X. Layout: docs/reference/data-and-evaluation.md#inter-x-files.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np

from intermask_cli.datasets.dataset_folder import FolderWritten, Splits, write_complete_folder
from intermask_cli.datasets.interx.reader import SPLITS, caption_path, motions_path, split_path
from intermask_cli.datasets.interx.word_vectors import OTHER, UNKNOWN
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body_model import stand_in_body
from intermask_cli.motion.representation.interx import (
    FACE,
    FEATURE_ROWS,
    TRANSLATION,
    axis_angle_from_features,
    joints_from_features,
    person_features,
    persons_from_processed,
    translation_from_features,
)
from intermask_cli.motion.rig import rig_for
from intermask_cli.motion.rotation import axis_angle_from_matrix, matrix_from_sixd_columns
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Captions per clip, as in Inter-X.
_CAPTION_LINES = 3
#: Interactions per group G of the names, whose number T has three digits.
_GROUP = 1000
#: Endings that the published tokeniser separates from a word and then drops, as they have an apostrophe.
_CLITIC = re.compile(r"(n['’]t|['’](s|re|ve|ll|d|m))\b", re.IGNORECASE)


def _processed_clip(item: Interaction) -> np.ndarray:
    """A clip as Inter-X stores it, (T, 56, 6) float64: feet on the floor, person 0 starts at the origin."""
    persons = np.stack([_person_rows(item, person) for person in (0, 1)])
    for rows in persons:
        # The authors take the lowest of all 55 joints as the floor, face and fingers included.
        rows[:, TRANSLATION, 1] -= _joints(rows)[..., 1].min()
    persons[:, :, TRANSLATION] -= persons[0, 0, TRANSLATION].copy()
    return np.concatenate([persons[0], persons[1]], axis=-1)


def _person_rows(item: Interaction, person: int) -> np.ndarray:
    """Axis-angle rows and translation (T, 56, 3) of one person (0 or 1), in the item's world."""
    rows = np.zeros((item.frames, FEATURE_ROWS, 3))
    if item.features is not None:
        features = item.features[person].astype(np.float64)
        rows[:, :TRANSLATION] = axis_angle_from_features(features)
        rows[:, FACE] = 0
        rows[:, TRANSLATION] = translation_from_features(features)
        return rows
    rig = rig_for(item.motion, person, item.rigid[person])
    local = rig.local.copy()
    if item.rotations6d is not None:
        local[:, 1:] = matrix_from_sixd_columns(item.rotations6d[person].astype(np.float64))
    rows[:, :NUM_JOINTS] = axis_angle_from_matrix(local)
    rows[:, TRANSLATION] = rig.root - stand_in_body().rest_joints[0]
    return rows


def _joints(rows: np.ndarray) -> np.ndarray:
    """Joints (T, 55, 3) of rows (T, 56, 3) on the stand-in body."""
    return joints_from_features(person_features(rows), stand_in_body())


def _fit_error_mm(item: Interaction, processed: np.ndarray) -> float:
    """Mean distance between an interaction's joints and those of its clip (T, 56, 6), pelvis on pelvis."""
    errors = []
    for person, rows in enumerate(persons_from_processed(processed)):
        stored, given = _joints(rows)[:, :NUM_JOINTS], item.joints[person][:, :NUM_JOINTS]
        difference = (stored - stored[:, :1]) - (given - given[:, :1])
        errors.append(1000 * np.linalg.norm(difference, axis=-1).mean())
    return float(np.mean(errors))


def write_interx(items: Iterable[Interaction], root: Path, splits: Splits | None = None) -> FolderWritten:
    """Write interactions as an Inter-X dataset; ids become names GgggTtttAaaaRrrr, `ids.csv` maps them back.

    Interactions whose joints hold NaN are left out and listed.

    Raises:
        InputError: the folder is not empty. IntermaskError: a clip read back differs (`BOUND_MM`).
    """
    with write_complete_folder(root) as draft:
        return _write(items, draft, splits or Splits())


def _write(items: Iterable[Interaction], root: Path, splits: Splits) -> FolderWritten:
    for folder in ("splits", "motions", "texts_processed"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    names: dict[str, list[str]] = {split: [] for split in SPLITS}
    written = FolderWritten()
    with ExitStack() as stack:
        files = {split: stack.enter_context(h5py.File(motions_path(root, split), "w")) for split in SPLITS}
        stream = stack.enter_context((root / "ids.csv").open("w", newline="", encoding="utf-8"))
        table = csv.writer(stream)
        table.writerow(["name", "id", "split", "seed"])
        for item in items:
            try:
                clip = _processed_clip(item)
            except InputError as error:
                written.failed.append((item.id, str(error)))
                continue
            number = written.count = written.count + 1
            name = f"G{number // _GROUP:03d}T{number % _GROUP:03d}A000R000"
            split = splits.of(item)
            written.splits[split] += 1
            files[split].create_dataset(name, data=clip.astype(np.float32))
            read_back = persons_from_processed(files[split][name][...])
            for read, rows in zip(read_back, persons_from_processed(clip), strict=True):
                written.check_read_back(item.id, _joints(read), _joints(rows))
            caption_path(root, name).write_text(_caption_line(item.text) * _CAPTION_LINES, "utf-8")
            written.fits_mm.append(_fit_error_mm(item, clip))
            names[split].append(name)
            table.writerow([name, item.id, split, item.seed])
    for split, own in names.items():
        split_path(root, split).write_text("".join(f"{name}\n" for name in own), encoding="ascii")
    return written


def _caption_line(prompt: str) -> str:
    """`caption#word/OTHER ...#0.0#0.0`: hyphens deleted, words of letters only, as published."""
    caption = " ".join(prompt.replace("#", " ").split())
    text = _CLITIC.sub(" ", caption.replace("-", ""))
    # The published reader splits each token at its slash and fails on a line without tokens.
    words = [word for word in re.findall(r"\w+", text) if word.isalpha()] or [UNKNOWN]
    return f"{caption}#{' '.join(f'{word}/{OTHER}' for word in words)}#0.0#0.0\n"
