"""Captures as training clips, on a small folder in the layout of the CMU duets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from intermask_cli.datasets.captures import WINDOW_FRAMES, capture_clips
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_from_axis_angle
from intermask_cli.motion.skeleton import FEET, REST_OFFSETS
from intermask_cli.training.sources.open import open_sources

FRAMES = WINDOW_FRAMES + 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trials").mkdir()
    (tmp_path / "index.csv").write_text("trial,frames\na,1\nb,1\nc,1\n")
    rng = np.random.default_rng(0)
    for trial in "abc":
        turns = rng.normal(0, 0.2, (2, 1, 22, 3)) * np.sin(np.linspace(0, 9, FRAMES))[None, :, None, None]
        root = np.broadcast_to([[[0.0, 0.95, 0.0]], [[1.0, 1.0, 0.0]]], (2, FRAMES, 3))
        joints = forward_kinematics(matrix_from_axis_angle(turns), root, REST_OFFSETS)[0]
        np.savez(tmp_path / f"trials/{trial}.npz", positions=joints.astype(np.float32), fps=np.float32(30),
                 roles=np.array(["lead", "follow"]))  # fmt: skip
    return tmp_path


def test_last_trial_is_held_out_and_training_is_augmented(folder: Path) -> None:
    train, test = capture_clips(folder, "train"), capture_clips(folder, "test")
    assert len(train) == 2 * 2 * 4 and len(test) == 2
    assert {clip.id[0] for clip in train} == {"a", "b"} and {clip.id[0] for clip in test} == {"c"}
    assert len({clip.id for clip in train}) == len(train)


def test_exchanged_people_exchange_the_captions(folder: Path) -> None:
    by_id = {clip.id: clip for clip in capture_clips(folder, "train")}
    plain, swapped = by_id["a-00000"], by_id["a-00000-swap"]
    assert np.array_equal(plain.joints, swapped.joints[::-1])
    assert any("first person leads" in text for text in plain.captions)
    assert not any("first person leads" in text for text in swapped.captions)


def test_floating_feet_are_put_on_the_floor(folder: Path) -> None:
    clip = capture_clips(folder, "test")[0]
    lowest = clip.joints[:, :, list(FEET), 1].min(axis=(1, 2))
    assert np.abs(lowest).max() < 0.08


def test_sources_are_joined_in_order(folder: Path) -> None:
    joined = open_sources([folder, folder], "train")
    single = open_sources([folder], "train")
    assert len(joined) == 2 * len(single)
    assert np.array_equal(joined.features(len(single) + 3, 1), single.features(3, 1))
    assert joined.text(len(single)).labels["kind"] == "salsa"
    assert joined.frames(0) == WINDOW_FRAMES and joined.digest != single.digest


def test_what_is_missing_is_named(folder: Path) -> None:
    (folder / "trials/b.npz").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"b\.npz"):
        capture_clips(folder, "train")
    with pytest.raises(MissingError, match=r"index\.csv"):
        capture_clips(folder / "trials", "train")
