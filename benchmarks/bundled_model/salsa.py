"""Reactions to real dancers: does the partner stay in hold and on the beat?

The recording is held out from training; each dancer is given in turn, in windows that do not overlap.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bundled_model.bench import SEED, ModelBench
from benchmarks.bundled_model.figures import Figure, Goal, mean
from benchmarks.intervals import bootstrap
from intermask_cli.console import note
from intermask_cli.datasets.captures import STRIDE_FRAMES, WINDOW_FRAMES, CaptureClip, capture_clips
from intermask_cli.motion.skeleton import FPS, JOINT

PROMPT = "two people dance salsa"
FEET = [JOINT["left_foot"], JOINT["right_foot"]]
#: Metres above its lowest place in which a toe counts as on the floor, and speed below which the pelvis
#: counts as still.
TOE_LOW_M, STILL_M_PER_S = 0.03, 0.03
#: Frames of the moving average over foot speeds.
_SMOOTH = 5
REAL = "real partner"


def measure(bench: ModelBench) -> list[Figure]:
    """Both dancers of all held-out windows; nothing, with the reason on stderr, without captures."""
    if bench.captures is None or not bench.captures.is_dir():
        missing = "--captures is not given" if bench.captures is None else f"{bench.captures} is missing"
        note(f"salsa figures skipped: {missing} (see docs/guides/train.md)")
        return []
    windows = held_out_windows(bench.captures)
    # (given person, joints with the generated partner, joints with the real one)
    cases = [
        (given, joints, window.joints)
        for given in (0, 1)
        for window, joints in zip(windows, _reactions(bench, windows, given), strict=True)
    ]
    distances = np.array([pelvis_distance(joints) for _, joints, _ in cases])
    real = np.array([pelvis_distance(joints) for _, _, joints in cases])
    off, low, high = bootstrap(len(cases), lambda i: abs(np.median(distances[i]) / np.median(real[i]) - 1))
    steps = [step_correlation(joints, given) for given, joints, _ in cases]
    real_steps = [step_correlation(joints, given) for given, _, joints in cases]
    partners = [joints[1 - given] for given, joints, _ in cases]
    real_partners = [joints[1 - given] for given, _, joints in cases]
    slides, real_slides = (list(map(toe_slide_m_per_s, them)) for them in (partners, real_partners))
    turns, real_turns = (list(map(pelvis_reversals_per_s, them)) for them in (partners, real_partners))
    return [
        Figure("salsa: pelvis distance off the real partner's", off, low, high, "%", goal=Goal(0.1),
               count=len(cases)),
        Figure("salsa: median pelvis distance", float(np.median(distances)), unit="m",
               reference=float(np.median(real)), reference_name=REAL, count=len(cases)),
        mean("salsa: step-time correlation", steps, real_steps, reference_name=REAL),
        mean("salsa: toes slide on the floor", slides, real_slides, "m/s", Goal(1.3, relative=True), REAL),
        mean("salsa: pelvis turns back", turns, real_turns, "per s", Goal(1.5, relative=True), REAL),
    ]  # fmt: skip


def held_out_windows(folder: Path) -> list[CaptureClip]:
    """Windows of the held-out recording that do not overlap."""
    return capture_clips(folder, "test")[:: WINDOW_FRAMES // STRIDE_FRAMES]


def _reactions(bench: ModelBench, windows: list[CaptureClip], given: int) -> list[np.ndarray]:
    """Joints (2, T, 22, 3) of the given dancers with generated partners."""
    motions = [(w.joints[given], w.rotations6d[given]) for w in windows]
    texts = [PROMPT] * len(windows)
    results = bench.model.react_each(motions, texts, given, seed=SEED, sampling=bench.sampling)
    return [result.joints for result in results]


def pelvis_distance(joints: np.ndarray) -> float:
    """Median distance of the two pelvises over the ground: (2, T, 22, 3) -> metres."""
    between = joints[0, :, 0] - joints[1, :, 0]
    return float(np.median(np.hypot(between[:, 0], between[:, 2])))


def step_correlation(joints: np.ndarray, given: int) -> float:
    """Correlation of the speeds of the two people's feet over time, the partner's with the given one's."""
    return float(np.corrcoef(_foot_speed(joints[given]), _foot_speed(joints[1 - given]))[0, 1])


def _foot_speed(joints: np.ndarray) -> np.ndarray:
    """Ground speed of both feet together, smoothed: (T, 22, 3) -> m/s."""
    steps = np.diff(joints[:, FEET][..., [0, 2]], axis=0)
    speed = np.linalg.norm(steps, axis=-1).sum(-1) * FPS
    return np.convolve(speed, np.ones(_SMOOTH) / _SMOOTH, mode="valid")


def toe_slide_m_per_s(joints: np.ndarray) -> float:
    """Mean ground speed of toes near the lowest place of each: (T, 22, 3) -> m/s."""
    toes = joints[:, FEET]  # (T, 2, 3)
    speed = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * FPS  # (T - 1, 2)
    low = toes[:-1, :, 1] < toes[..., 1].min(axis=0) + TOE_LOW_M
    return float(speed[low].mean())


def pelvis_reversals_per_s(joints: np.ndarray) -> float:
    """How often the pelvis, over the ground, turns back along its main direction: (T, 22, 3) -> 1/s."""
    path = joints[:, 0, [0, 2]] - joints[:, 0, [0, 2]].mean(axis=0)
    along = path @ np.linalg.svd(path, full_matrices=False)[2][0]
    speed = np.convolve(np.diff(along), np.ones(_SMOOTH) / _SMOOTH, mode="valid") * FPS
    moving = np.sign(speed[np.abs(speed) > STILL_M_PER_S])
    return float((moving[1:] != moving[:-1]).sum() / (len(joints) / FPS))
