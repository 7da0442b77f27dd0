"""Reactions to real dancers: does the partner stay in hold and on the beat?

The recording is the one training holds out; each dancer is given in turn, in windows that do not overlap.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bundled_model.bench import SEED, Bench
from benchmarks.bundled_model.figures import Figure, Goal, bootstrap, mean
from intermask_cli.console import note
from intermask_cli.datasets.captures import STRIDE_FRAMES, WINDOW_FRAMES, CaptureClip, capture_clips
from intermask_cli.motion.skeleton import FPS, JOINT

PROMPT = "two people dance salsa"
FEET = [JOINT["left_foot"], JOINT["right_foot"]]
_SMOOTH = 5  # frames
REAL = "real partner"


def measure(bench: Bench) -> list[Figure]:
    """Nothing, with the reason on stderr, where the captures are not there."""
    if bench.captures is None or not bench.captures.is_dir():
        note(f"salsa figures skipped: no captures at {bench.captures} (see docs/training.md)")
        return []
    windows = held_out_windows(bench.captures)
    cases = [(window, given, made) for given in (0, 1) for window, made in _reactions(bench, windows, given)]
    real = np.array([pelvis_distance(window.joints) for window, _, _ in cases])
    ours = np.array([pelvis_distance(made) for _, _, made in cases])
    off, low, high = bootstrap(len(cases), lambda i: abs(np.median(ours[i]) / np.median(real[i]) - 1))
    what = [
        Figure("salsa: pelvis distance off the real partner's", off, low, high, "%", goal=Goal(0.25),
               count=len(cases)),
        Figure("salsa: median pelvis distance", float(np.median(ours)), unit="m",
               beside=float(np.median(real)), beside_what=REAL, count=len(cases)),
    ]  # fmt: skip
    beats = [step_correlation(made, given) for _, given, made in cases]
    theirs = [step_correlation(window.joints, given) for window, given, _ in cases]
    return [*what, mean("salsa: step-time correlation", beats, theirs, beside_what=REAL)]


def held_out_windows(folder: Path) -> list[CaptureClip]:
    return capture_clips(folder, "test")[:: WINDOW_FRAMES // STRIDE_FRAMES]


def _reactions(bench: Bench, windows: list[CaptureClip], given: int) -> list[tuple[CaptureClip, np.ndarray]]:
    motions = [(w.joints[given], w.rotations6d[given]) for w in windows]
    texts = [PROMPT] * len(windows)
    made = bench.model.react_each(motions, texts, given, seed=SEED, sampling=bench.sampling)
    return [(window, result.joints) for window, result in zip(windows, made, strict=True)]


def pelvis_distance(joints: np.ndarray) -> float:
    """Median distance of the two pelvises over the ground: (2, T, 22, 3) -> metres."""
    between = joints[0, :, 0] - joints[1, :, 0]
    return float(np.median(np.hypot(between[:, 0], between[:, 2])))


def step_correlation(joints: np.ndarray, given: int) -> float:
    """Correlation of the speeds of the two people's feet over time, the partner's with the given one's."""
    one, two = (_foot_speed(joints[person]) for person in (given, 1 - given))
    return float(np.corrcoef(one, two)[0, 1])


def _foot_speed(joints: np.ndarray) -> np.ndarray:
    """Ground speed of both feet together, smoothed: (T, 22, 3) -> m/s."""
    steps = np.diff(joints[:, FEET][..., [0, 2]], axis=0)
    speed = np.linalg.norm(steps, axis=-1).sum(-1) * FPS
    return np.convolve(speed, np.ones(_SMOOTH) / _SMOOTH, mode="valid")
