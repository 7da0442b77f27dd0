"""Small, learnable stand-ins for a corpus: smooth two-person motion with captions and labels."""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.representation import INTERHUMAN
from intermask_cli.motion.representation.interhuman import pair_features
from intermask_cli.motion.rotation import matrix_from_axis_angle, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import REST_OFFSETS
from intermask_cli.training.sources.source import ClipCaption, ClipText


def smooth_pair(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two bodies swinging their joints: joints (2, T, 22, 3) and rotations6d (2, T, 21, 6)."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    joints, sixd = [], []
    for person in range(2):
        phase, size = rng.uniform(0, 6, (1, 22, 3)), rng.uniform(0, 0.5, (1, 22, 3))
        turn = size * np.sin(2 * np.pi * rng.uniform(0.2, 0.8) * time + phase)
        turn[:, 0] = [0, np.pi * person, 0]
        local = matrix_from_axis_angle(turn)
        root = np.array([0.0, 0.95, 1.5 * person]) + rng.uniform(0, 0.1) * np.sin(time[:, 0])
        joints.append(forward_kinematics(local, root, REST_OFFSETS)[0])
        sixd.append(sixd_columns_from_matrix(local)[:, 1:])
    return np.stack(joints).astype(np.float32), np.stack(sixd).astype(np.float32)


class SmoothSource:
    """A training source of `count` clips; tempo and actor are its labels, stated in the first caption."""

    representation = INTERHUMAN
    normalizer = None

    def __init__(self, count: int, lengths: tuple[int, ...] = (70, 83, 96), seed: int = 0):
        self._pairs = [smooth_pair(lengths[i % len(lengths)], seed + i) for i in range(count)]
        self.digest = f"smooth-{count}-{lengths}-{seed}"

    def __len__(self) -> int:
        return len(self._pairs)

    def frames(self, index: int) -> int:
        return self._pairs[index][0].shape[1]

    def features(self, index: int, canonical: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        joints, rotations6d = (part[:, start:stop] for part in self._pairs[index])
        return pair_features(joints, rotations6d, canonical=canonical, keep_last=True)

    def text(self, index: int) -> ClipText:
        tempo = ("slow", "fast")[index % 2]
        actor = index // 2 % 2
        said = f"the {('first', 'second')[actor]} person moves {tempo}ly"
        captions = (ClipCaption(said, frozenset({"tempo", "actor"})), ClipCaption("two people move"))
        return ClipText(captions, {"tempo": tempo, "actor": str(actor)})
