"""Footsteps: when each foot stands and when it steps, from decoded feet that glide.

A decoder's feet drift while they stand, brush the floor while they step, and do not agree on a phase of the
gait while the body walks. The steps that explain them best are found by dynamic programming: every foot
alternates between stands, in which it keeps one spot, and steps. A stand costs the squared distance of the
decoded foot from its spot and the floor. A step has a fixed cost and something for each frame near the floor,
more where the other foot is in the air too. Feet are decided in turns, each given the other.

Time is divided into cells of two frames. Axes: N persons, F frames of all of them, R rows (feet of persons),
M cells of the longest clip; shorter clips end earlier, which the forward pass does not see.
"""

from __future__ import annotations

import numpy as np

from intermask_cli.motion.body.timeline import Timeline

#: Frames of a cell: steps start and end on even frames.
_CELL = 2
#: Cells of the shortest and the longest stand, and of the shortest and the longest step.
_MIN_STAND, _MAX_STAND, _MIN_STEP, _MAX_STEP = 3, 300, 6, 40
#: Cost of a step, square metre frames: a stand of a second that drifts by 9 cm is about as good as two.
_STEP_COST = 0.03
#: Cost of a frame of a step whose foot is at the floor, square metres; it falls to 0 at `_HIGH_M`.
_LOW_COST, _HIGH_M = 4e-3, 0.08
#: Cost of a frame in which both feet are in the air although one of them is lower than `_FLIGHT_M`.
_BOTH_COST, _FLIGHT_M = 0.03, 0.05
#: The same while the other foot is raised as high as this, metres, as in a kick: a kick has no steps.
_RAISED_COST, _RAISED_M = 0.3, 0.2
#: Metres above the floor from which height adds to the cost of a stand, and its weight.
_LEVEL_M, _HEIGHT_WEIGHT = 0.02, 2.0


def plan_steps(toes: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Frames (F, 2) in which each foot is in the air; toes (F, 2, 3), height above where they stand."""
    height = toes[..., 1]
    low = _LOW_COST * np.clip(1 - height / _HIGH_M, 0, 1)
    floor = _HEIGHT_WEIGHT * np.square(np.maximum(height - _LEVEL_M, 0))
    both = np.where(height < _RAISED_M, _BOTH_COST, _RAISED_COST)  # of a foot, by the height of the other
    both[(height >= _FLIGHT_M).all(axis=1)] = 0.0
    air = np.zeros(height.shape, dtype=bool)
    for foot in (0, 1, 0):
        cost = low[:, foot] + both[:, 1 - foot] * air[:, 1 - foot]
        air[:, foot] = _best_steps(toes[:, foot, (0, 2)], floor[:, foot], cost, timeline)
    return air


def _best_steps(spot: np.ndarray, floor: np.ndarray, cost: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Frames (F,) of the cheapest steps of one foot of each person.

    spot (F, 2) over the ground; floor, cost (F,): of a frame of a stand because of its height, and of a step.
    """
    cells = -(-timeline.lengths // _CELL)  # (N,)
    rows, most = len(cells), int(cells.max())
    # Frames before each border of cells (N, M + 1), and sums over the frames before it.
    before = np.minimum(_CELL * np.arange(most + 1), timeline.lengths[:, None])
    x, z, square, step = (
        _sums(values, before, timeline)
        for values in (spot[:, 0], spot[:, 1], np.square(spot).sum(-1) + floor, cost)
    )
    standing, stepping = np.full((2, rows, most + 1), np.inf)
    standing[:, 0], stepping[:, 0] = 0.0, 0.0
    from_stand, from_step = np.zeros((2, rows, most + 1), dtype=np.int64)
    every = np.arange(rows)
    for m in range(1, most + 1):
        here = slice(m, m + 1)
        first = max(m - _MAX_STAND, 0)
        a = slice(first, max(m - _MIN_STAND, 0) + 1)
        frames = np.maximum(before[:, here] - before[:, a], 1)
        drift = np.square(x[:, here] - x[:, a]) + np.square(z[:, here] - z[:, a])
        total = stepping[:, a] + square[:, here] - square[:, a] - drift / frames
        best = total.argmin(axis=1)
        from_step[:, m], standing[:, m] = first + best, total[every, best]
        first = max(m - _MAX_STEP, 0)
        a = slice(first, max(m - _MIN_STEP, 0) + 1)
        total = standing[:, a] + step[:, here] - step[:, a]
        best = total.argmin(axis=1)
        from_stand[:, m], stepping[:, m] = first + best, total[every, best] + _STEP_COST
    air = np.zeros(len(spot), dtype=bool)
    for row, start in enumerate(timeline.starts):
        border = int(cells[row])
        steps = stepping[row, border] < standing[row, border]
        while border > 0:
            previous = int((from_stand if steps else from_step)[row, border])
            if steps:
                air[start + before[row, previous] : start + before[row, border]] = True
            border, steps = previous, not steps
    return air


def _sums(values: np.ndarray, before: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Sums (N, M + 1) of values (F,) over the frames of each person before each border (N, M + 1)."""
    sums = [np.concatenate([np.zeros_like(values[:1]), np.cumsum(values[own], axis=0)]) for own in timeline]
    return np.stack([total[border] for total, border in zip(sums, before, strict=True)])
