"""The protocol of a training source, and windows of single persons for the tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from intermask_cli.console import note, track
from intermask_cli.errors import InputError
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation import Representation
from intermask_cli.motion.representation.interhuman import joints_from_features
from intermask_cli.motion.skeleton import FPS, JOINT
from intermask_cli.training.schedule import permutation

#: Joints whose speed decides how fast a window is.
LIMB_ENDS = [JOINT[name] for name in ("left_wrist", "right_wrist", "left_foot", "right_foot")]


@dataclass(frozen=True)
class ClipCaption:
    """One description of a clip; `mentions` are the names of the labels it states."""

    text: str
    mentions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClipText:
    """Texts of one clip. `labels` serve the pretraining of the text head and may be empty.

    `paraphrases` are further captions from outside the data set.
    """

    captions: tuple[ClipCaption, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    paraphrases: tuple[ClipCaption, ...] = ()


class TrainingSource(Protocol):
    """Clips of one split, with features in real units. `normalizer` is None if it must be fitted."""

    representation: Representation
    normalizer: Normalizer | None

    @property
    def digest(self) -> str:
        """Changes when the motion does."""
        ...

    def __len__(self) -> int: ...

    def frames(self, index: int) -> int:
        """T of a clip."""
        ...

    def features(self, index: int, canonical: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Frames [start, stop) of both persons, in person `canonical`'s frame at `start`: (2, T, ...)."""
        ...

    def text(self, index: int) -> ClipText:
        """Captions and labels."""
        ...

    def check(self) -> None:
        """Raise InputError if there are no clips, or clips that cannot be trained on."""
        ...


def source_normalizer(source: TrainingSource) -> Normalizer:
    """The source's own statistics, else fitted on its clips in the frame of person 0, with floors."""
    if source.normalizer is not None:
        return source.normalizer
    clips = (source.features(index, 0) for index in range(len(source)))
    return Normalizer.fit(track(clips, "statistics", len(source), "clips"), source.representation.std_floors)


def limb_speed(features: np.ndarray) -> np.ndarray:
    """Fastest hand or foot relative to the root, (T, 262) in metres -> (T,) m/s."""
    joints = joints_from_features(features)
    ends = joints[:, LIMB_ENDS] - joints[:, :1]
    speed = np.linalg.norm(np.diff(ends, axis=0), axis=-1).max(axis=1, initial=0.0) * FPS
    return np.append(speed, speed[-1:] if len(speed) else 0.0).astype(np.float32)


class WindowSet:
    """All windows of a split in memory: one long (frames, D) tensor and the window starts in it."""

    def __init__(self, motion: Tensor, starts: Tensor, peaks: Tensor, window: int):
        self.motion, self.starts, self.window = motion, starts, window
        # Squared, so that a window with a strike is drawn several times as often as one with a step.
        self._cumulative = peaks.double().square().cumsum(0)
        self._offsets = torch.arange(window)

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, numbers: Tensor) -> Tensor:
        """Window numbers (B,) -> motion (B, window, D)."""
        return self.motion[self.starts[numbers, None] + self._offsets]

    def shuffled(self, seed: int, epoch: int, batch: int, size: int) -> Tensor:
        """Numbers (size,) of one batch of an epoch that visits every window once."""
        order = permutation(seed, "windows", epoch, len(self))
        return order[batch * size : (batch + 1) * size]

    def random(self, size: int, fast_share: float) -> Tensor:
        """Numbers (size,) from the global random state; a share of them prefers windows with fast limbs."""
        uniform = torch.randint(len(self), (size,))
        targets = torch.rand(size, dtype=torch.float64) * self._cumulative[-1]
        fast = torch.searchsorted(self._cumulative, targets).clamp(max=len(self) - 1)
        return torch.where(torch.rand(size) < fast_share, fast, uniform)


def build_windows(
    source: TrainingSource, normalizer: Normalizer, window: int, stride: int, alternate: bool
) -> WindowSet:
    """Windows of every person of every clip; clips shorter than a window are left out and counted."""
    tracks: list[Tensor] = []
    starts: list[Tensor] = []
    peaks: list[Tensor] = []
    total, short = 0, 0
    for index in track(range(len(source)), "reading clips", len(source), "clips"):
        for motion in source.features(index, index % 2 if alternate else 0):
            if len(motion) < window:
                short += 1
                continue
            tracks.append(torch.from_numpy(normalizer.normalize(motion.reshape(len(motion), -1))))
            offsets = torch.arange(0, len(motion) - window + 1, stride)
            starts.append(offsets + total)
            peaks.append(_window_peaks(motion, source.representation, window)[offsets])
            total += len(motion)
    if not tracks:
        raise InputError(f"no clip has {window} frames; use longer clips or a smaller window")
    if short:
        note(f"{short // 2} of {len(source)} clips are shorter than {window} frames and not used")
    return WindowSet(torch.cat(tracks), torch.cat(starts), torch.cat(peaks), window)


def _window_peaks(motion: np.ndarray, representation: Representation, window: int) -> Tensor:
    if not representation.holds_joints:  # no positions to take a speed from: all windows count the same
        return torch.ones(len(motion) - window + 1)
    return F.max_pool1d(torch.from_numpy(limb_speed(motion))[None, None], window, stride=1)[0, 0]
