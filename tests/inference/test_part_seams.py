"""Where new frames of the bundled model join given ones: no step in position or speed."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.model import InteractionModel, load_model
from intermask_cli.inference.part_tasks import InBetween
from intermask_cli.motion.curves import borders_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> InteractionModel:
    return load_model("duet-mini")


@pytest.fixture(scope="module")
def given(model: InteractionModel) -> list[Interaction]:
    return model.generate(["two people bow", "two people shake hands"], 88, seed=2)


@pytest.fixture(scope="module")
def results(model: InteractionModel, given: list[Interaction]) -> dict[str, Interaction]:
    bow, shake = given
    between = InBetween(bow.motion, shake.motion, "they walk", 60, 4)
    return {
        "extend": model.extend(bow, "two people hug", 60, seed=3),
        "inbetween": model.parts.completed([between], model.info.sampling, "rigid")[0],
        "edit": model.edit(shake, "the second person waves", persons=1, rows=(3, 4), start=30, stop=66)[0],
        "edit all": model.edit(shake, "two people bow", start=30, stop=66)[0],
    }


@pytest.mark.parametrize("task", ["extend", "inbetween", "edit", "edit all"])
def test_no_step_in_position_or_speed(task: str, results: dict[str, Interaction]) -> None:
    """At a border both are as between other frames of the clip, for every joint."""
    made = results[task]
    joints = made.joints.astype(np.float64)
    speed = np.linalg.norm(np.diff(joints, axis=1), axis=-1)  # (2, T - 1, 22)
    change = np.linalg.norm(np.diff(joints, n=2, axis=1), axis=-1)  # (2, T - 2, 22)
    for person, kept in enumerate(made.kept):
        for border in borders_of(kept):
            first = min(border.kept, int(border.frames[0]))  # of the two frames that meet
            around = speed[person, [first - 1, first + 1]].max(axis=0)
            assert (speed[person, first] < 1.5 * around + 0.005).all()
            near = change[person, first - 1 : first + 1].max(axis=0)
            assert (near < 1.5 * np.percentile(change[person], 99, axis=0)).all()


def test_given_frames_stay_and_so_do_joints_that_no_edited_row_moves(
    given: list[Interaction], results: dict[str, Interaction]
) -> None:
    bow, shake = given
    np.testing.assert_array_equal(results["extend"].joints[:, :88], bow.joints)
    assert results["extend"].rigid == (True, True)
    np.testing.assert_array_equal(results["inbetween"].joints[:, :88], bow.joints)
    np.testing.assert_array_equal(results["inbetween"].joints[:, 148:], shake.joints)
    moved = np.abs(results["edit"].joints - shake.joints)[1, 30:66].max(axis=(0, 2))  # (22,)
    assert moved[:12].max() < 1e-4  # legs, trunk
    assert moved[18:].max() > 0.1  # elbows, wrists
