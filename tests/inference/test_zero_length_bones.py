"""A body whose clavicles have no length gives nearly the tokens of the same body with clavicles."""

from __future__ import annotations

import numpy as np
import pytest

import intermask_cli as im
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import SHARED

CASES = SHARED / "cases" / "motion" / "zero-clavicles"
COLLARS = {JOINT["left_collar"]: JOINT["left_shoulder"], JOINT["right_collar"]: JOINT["right_shoulder"]}


def with_and_without_clavicles() -> tuple[np.ndarray, np.ndarray]:
    """A person (T, 22, 3) whose collars do not turn, and the same with the collars at the chest."""
    _, local, offsets = fk_person(60, seed=2)
    local[:, list(COLLARS)] = np.eye(3)
    root = np.tile([0.0, 0.95, 0.0], (60, 1))
    collapsed = offsets.copy()
    for collar, shoulder in COLLARS.items():
        collapsed[shoulder] += collapsed[collar]
        collapsed[collar] = 0
    return forward_kinematics(local, root, offsets)[0], forward_kinematics(local, root, collapsed)[0]


@pytest.mark.slow
@pytest.mark.parametrize("source", ["made", "case"])
def test_most_tokens_stay(source: str) -> None:
    if source == "case":
        if not CASES.is_dir():
            pytest.skip(f"no cases at {CASES}")
        given, without = (np.load(CASES / f"{name}_clavicles.npy") for name in ("with", "zero"))
    else:
        given, without = with_and_without_clavicles()
    model = im.load_model("duet-mini")
    pairs = [np.stack([person, person + np.array([0.0, 0.0, 1.5])]) for person in (given, without)]
    expected, found = (model.encode(pair) for pair in pairs)
    assert (expected[0] == found[0]).mean() >= 0.7
