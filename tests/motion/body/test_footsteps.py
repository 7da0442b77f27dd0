"""Footsteps: the cheapest alternation of stands and steps, checked against all of them on short clips."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from intermask_cli.motion.body import footsteps
from intermask_cli.motion.body.footsteps import plan_steps
from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.curves import minimum_jerk, runs_of_true


def feet(*paths: np.ndarray, height: np.ndarray | None = None) -> np.ndarray:
    """Toes (T, 2, 3) of two feet that move along x."""
    toes = np.zeros((len(paths[0]), 2, 3))
    toes[..., 0] = np.stack(paths, axis=1)
    toes[:, 0, 1] = 0 if height is None else height
    return toes


def step(frames: int, start: int, end: int, metres: float) -> np.ndarray:
    """A path (T,) that moves from 0 to `metres` between two frames."""
    return metres * minimum_jerk((np.arange(frames) - start) / (end - start))


def test_feet_that_stand_take_no_step() -> None:
    assert not plan_steps(feet(np.zeros(60), np.zeros(60)), Timeline([60])).any()


def test_a_foot_that_moves_once_takes_one_step() -> None:
    air = plan_steps(feet(step(80, 30, 46, 0.5), np.zeros(80)), Timeline([80]))
    ((start, stop),) = runs_of_true(air[:, 0])
    assert 26 <= start <= 36 and 40 <= stop <= 50
    assert not air[:, 1].any()


def test_feet_that_glide_together_step_in_turns() -> None:
    """Both feet move on with a body at 1 m/s: whatever the steps are, one foot carries the body."""
    path = np.arange(150) / 30
    air = plan_steps(feet(path, path + 0.1), Timeline([150]))
    assert len(runs_of_true(air[:, 0])) >= 3 and len(runs_of_true(air[:, 1])) >= 3
    assert max(stop - start for start, stop in runs_of_true(air.all(axis=1))) <= 4


def test_feet_that_leave_the_floor_together_hop() -> None:
    up = 0.3 * minimum_jerk((np.arange(60) - 20) / 8) * minimum_jerk((44 - np.arange(60)) / 8)
    toes = feet(np.zeros(60), np.zeros(60), height=up)
    toes[:, 1, 1] = up
    air = plan_steps(toes, Timeline([60]))
    assert air[28:36].all()
    assert not air[:16].any() and not air[50:].any()


def test_a_raised_foot_is_in_the_air_however_long() -> None:
    up = 0.5 * minimum_jerk((np.arange(90) - 20) / 10) * minimum_jerk((80 - np.arange(90)) / 10)
    air = plan_steps(feet(np.zeros(90), np.zeros(90), height=up), Timeline([90]))
    assert air[24:76, 0].all()
    assert not air[:, 1].any()


def test_steps_are_the_cheapest_of_all() -> None:
    """Dynamic programming against every alternation on 22 cells, by the definition of the cost."""
    rng = np.random.default_rng(3)
    for _ in range(3):
        path = np.cumsum(rng.normal(0, 0.01, (44, 2)), axis=0) + step(44, 14, 28, 0.3)[:, None]
        toes = np.zeros((44, 2, 3))
        toes[:, 0, ::2] = path
        found = plan_steps(toes, Timeline([44]))[:, 0]
        assert _cost(found, path) <= min(_cost(air, path) for air in _alternations(22)) + 1e-12


def _alternations(cells: int) -> list[np.ndarray]:
    """All (T,) with up to one step that starts and ends within the clip."""
    ends = [(a, b) for a, b in combinations(range(cells + 1), 2) if b - a >= footsteps._MIN_STEP]
    airs = [np.zeros(2 * cells, dtype=bool)]
    for a, b in ends:
        if a >= footsteps._MIN_STAND and cells - b >= footsteps._MIN_STAND:
            airs.append(np.isin(np.arange(2 * cells) // 2, np.arange(a, b)))
    return airs


def _cost(air: np.ndarray, path: np.ndarray) -> float:
    """Cost of the stands and steps of one foot at the floor, the other one standing."""
    stands = sum(float(np.square(path[a:b] - path[a:b].mean(axis=0)).sum()) for a, b in runs_of_true(~air))
    steps = len(runs_of_true(air)) * footsteps._STEP_COST
    return stands + steps + footsteps._LOW_COST * float(air.sum())
