"""Real two-person captures, in folders like the CMU duets, as windows for training and testing.

The data is not part of this repository: the user gives a folder with `index.csv` and `trials/*.npz`, each
with `positions` (2, T, 22, 3), `fps` and `roles`. Rotations are recovered from the joints. The last trial of
the index is held out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.mirror import mirror_positions, mirror_rotations6d
from intermask_cli.motion.skeleton import FEET, FPS

#: Frames of a window, and frames between the starts of windows: 4.8 s, every 1.6 s.
WINDOW_FRAMES, STRIDE_FRAMES = 144, 48
#: Height of the lower foot joints of a standing body, to which those of a capture are moved.
_STANDING_FOOT_M = 0.02

_CAPTIONS = {
    ("lead", "follow"): (
        "two people dance salsa",
        "two people dance salsa together",
        "a couple dances salsa, the first person leads and the second person follows",
        "the first person leads the second person in a salsa dance",
    ),
    ("follow", "lead"): (
        "two people dance salsa",
        "two people dance salsa together",
        "a couple dances salsa, the second person leads and the first person follows",
        "the first person follows the second person in a salsa dance",
    ),
}


@dataclass(frozen=True)
class CaptureClip:
    """One window: joints (2, T, 22, 3) metres Y up 30 fps, rotations6d (2, T, 21, 6) `sixd_columns`."""

    id: str
    joints: np.ndarray
    rotations6d: np.ndarray
    captions: tuple[str, ...]


def capture_clips(folder: Path, split: str) -> list[CaptureClip]:
    """Windows of the "train" or "test" trials; in training also mirrored and with the persons exchanged."""
    if split not in ("train", "test"):
        raise InputError(f"captures have no split '{split}'; accepted: train, test")
    return [variant for clip in _windows(folder, split) for variant in _variants(clip, split == "train")]


def _windows(folder: Path, split: str) -> Iterator[CaptureClip]:
    try:
        trials = pd.read_csv(folder / "index.csv")["trial"].tolist()
    except (OSError, KeyError, ValueError) as error:
        raise MissingError(
            f"{folder}: no index.csv with a 'trial' column; see docs/guides/train.md ({error})"
        ) from error
    for trial in trials[:-1] if split == "train" else trials[-1:]:
        joints, roles = _read_trial(folder / "trials" / f"{trial}.npz")
        rotations = np.stack([rotations_from_joints(person).rotations6d for person in joints])
        for start in range(0, joints.shape[1] - WINDOW_FRAMES + 1, STRIDE_FRAMES):
            window = slice(start, start + WINDOW_FRAMES)
            yield CaptureClip(
                f"{trial}-{start:05d}",
                joints[:, window],
                rotations[:, window],
                _CAPTIONS[(roles[0], roles[1])],
            )


def _read_trial(path: Path) -> tuple[np.ndarray, tuple[str, str]]:
    """Joints (2, T, 22, 3) of a trial, each person on the floor, and the role of each."""
    try:
        with np.load(path, allow_pickle=False) as data:
            joints, fps = data["positions"].astype(np.float32), float(data["fps"])
            roles = tuple(str(role) for role in data["roles"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a capture with positions, fps and roles ({error})") from error
    if fps != FPS or roles not in _CAPTIONS:
        raise InputError(f"{path}: {fps:g} fps and roles {roles}; expected {FPS} fps and lead/follow")
    lowest = joints[:, :, FEET, 1].min(axis=2)  # (2, T)
    floor = np.percentile(lowest, 10, axis=1) - _STANDING_FOOT_M
    joints[..., 1] -= floor[:, None, None]  # the follower's feet float by centimetres in the source
    return joints, (roles[0], roles[1])


def _variants(clip: CaptureClip, augment: bool) -> Iterator[CaptureClip]:
    """The clip; to augment also its mirror image, and both with the persons exchanged."""
    yield clip
    if not augment:
        return
    mirrored = CaptureClip(
        f"{clip.id}-mirror",
        mirror_positions(clip.joints),
        mirror_rotations6d(clip.rotations6d),
        clip.captions,
    )
    yield mirrored
    # Exchanging the persons exchanges the roles named in the captions.
    exchanged = next(captions for captions in _CAPTIONS.values() if captions != clip.captions)
    for plain in (clip, mirrored):
        yield CaptureClip(
            f"{plain.id}-swap", plain.joints[::-1].copy(), plain.rotations6d[::-1].copy(), exchanged
        )
