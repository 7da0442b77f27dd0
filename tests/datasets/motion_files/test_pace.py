"""Motion that is not at 30 fps: too fast for people, or with steps in slow motion."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.datasets.duets.corpus import make_corpus_clip
from intermask_cli.datasets.motion_files.pace import Pace, step_seconds
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.paths import CMU_DUETS, CMU_WALKS


def played(joints: np.ndarray, speed: float) -> np.ndarray:
    """(T, 22, 3) with in-between frames, as if the motion were recorded at another rate."""
    times = np.arange(0, len(joints) - 1, speed)
    before = times.astype(int)
    share = (times - before)[:, None, None]
    return joints[before] * (1 - share) + joints[np.minimum(before + 1, len(joints) - 1)] * share


def fault_of(people: list[np.ndarray], speed: float) -> str | None:
    pace = Pace()
    for joints in people:
        pace.add(played(joints, speed))
    return pace.fault()


@pytest.fixture(scope="module")
def duets() -> list[np.ndarray]:
    return [person for i in range(30) for person in make_corpus_clip(7, i).joints]


def captured(folder) -> list[np.ndarray]:
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    trials = [np.load(path)["positions"] for path in sorted((folder / "trials").glob("*.npz"))]
    pairs = [trial if trial.ndim == 4 else trial[None] for trial in trials]
    return [person[i : i + 210] for pair in pairs for person in pair for i in range(0, len(person), 210)]


def test_a_step_of_minimum_jerk_has_its_duration():
    joints = np.zeros((90, 22, 3))
    phase = np.clip((np.arange(90) - 30) / 15, 0, 1)  # half a second
    joints[:, JOINT["left_ankle"], 2] = 0.8 * phase**3 * (10 - 15 * phase + 6 * phase**2)
    assert step_seconds(joints) == pytest.approx([0.5], abs=0.03)
    assert step_seconds(played(joints, 0.5)) == pytest.approx([1.0], abs=0.03)
    assert len(step_seconds(joints[:36])) == 0, "a step that the clip cuts"
    assert len(step_seconds(0.4 * joints)) == 0, "a short step"
    assert len(step_seconds(joints[:2])) == 0


def test_people_of_duets_have_the_pace_of_people(duets):
    assert fault_of(duets, 1.0) is None
    assert "slowed down" in (fault_of(duets, 0.3) or "")
    assert "people reach" in (fault_of(duets, 4.0) or "")
    assert fault_of([np.repeat(person[:1], 90, axis=0) for person in duets], 1.0) is None, "they may stand"


@pytest.mark.parametrize("folder", [CMU_WALKS, CMU_DUETS], ids=["walks", "dances"])
def test_real_captures_are_right_and_at_half_speed_wrong(folder):
    people = captured(folder)
    assert fault_of(people, 1.0) is None
    assert "swing a leg" in (fault_of(people, 0.5) or "")
    pace = Pace()
    pace.add(played(people[0], 0.5))
    assert pace.fault() is None, "one person is too few"
