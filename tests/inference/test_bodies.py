"""Decoded motion to rigid bodies: exact, free of the batch, and given frames are never changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intermask_cli import load_model
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.inference.model import InteractionModel
from intermask_cli.models.bundle_info import list_bundled, read_info, resolve_bundle
from intermask_cli.motion.body.solver import solve_bodies
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.rig import is_rigid
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.motion_samples import moving_pair
from tests.helpers.tiny import save_tiny

TEXTS = ["two people bow", "they hug", "", "one waves | both dance"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> InteractionModel:
    """A random model whose own choice is the rigid body."""
    return load_model(save_tiny(tmp_path_factory.mktemp("model"), body="rigid"), FakeTextEncoder())


@pytest.fixture(scope="module")
def rigid_pair() -> Interaction:
    """40 frames of a pair with rigid bodies, as a dataset holds them."""
    solved = solve_bodies(*moving_pair(40))
    motion = Motion(solved.joints, solved.rotations6d, None, solved.root_rotations6d, solved.bone_lengths)
    return Interaction(motion, rigid=(True, True))


def check_rigid(item: Interaction, persons: tuple[int, ...] = (0, 1)) -> None:
    assert item.rigid == tuple(person in persons for person in (0, 1))
    for person in persons:
        assert is_rigid(item.motion, person)
        lengths = item.bone_lengths[person]
        assert (lengths > 0).all()


def same_arrays(a: Interaction, b: Interaction) -> bool:
    names = ("joints", "rotations6d", "root_rotations6d", "bone_lengths")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def test_the_bundled_model_is_rigid_and_any_other_as_published(tmp_path: Path) -> None:
    assert [read_info(resolve_bundle(name)).body for name in list_bundled()] == ["rigid"]
    plain = load_model(save_tiny(tmp_path), FakeTextEncoder())
    assert plain.info.body == "decoded"
    made, asked = plain.generate("they hug", 40)[0], plain.generate("they hug", 40, body="decoded")[0]
    assert made.body == "decoded" and made.rigid == (False, False) and made.bone_lengths is None
    np.testing.assert_array_equal(made.joints, asked.joints)
    check_rigid(plain.generate("they hug", 40, body="rigid")[0])


def test_decoded_is_what_the_decoder_returned(model: InteractionModel) -> None:
    decoded = model.generate("they hug", 40, body="decoded")[0]
    np.testing.assert_array_equal(decoded.joints, model.decode(decoded.tokens).joints)
    rigid = model.generate("they hug", 40)[0]
    np.testing.assert_array_equal(rigid.tokens, decoded.tokens)  # the body comes after sampling
    assert np.abs(rigid.joints - decoded.joints).max() > 1e-3


@pytest.mark.slow
def test_no_result_depends_on_the_batch_or_on_other_lengths(model: InteractionModel) -> None:
    frames = [40, 56, 16, 132]
    together = model.generate(TEXTS, frames, seed=3)
    alone = [
        model.generate([t], n, seed=3 + i, batch_size=1)[0]
        for i, (t, n) in enumerate(zip(TEXTS, frames, strict=True))
    ]
    for a, b in zip(together, alone, strict=True):
        check_rigid(a)
        assert same_arrays(a, b) and a.seams == b.seams and a.no_body == b.no_body
    assert together[3].seams  # windows and phases are solved once, together


def test_what_cannot_be_a_body_is_said_and_still_rigid(model: InteractionModel) -> None:
    """Random weights decode no bodies."""
    made = model.generate(TEXTS[:3], 40)
    assert all(item.no_body.startswith("person ") for item in made)


def test_a_given_person_is_stored_as_given(model: InteractionModel) -> None:
    joints, rotations = moving_pair(42)
    made = model.react(joints[1], "they hug", person=1, rotations6d=rotations[1])[0]
    check_rigid(made, (0,))
    assert made.frames == 42 and made.given == 1 and made.body == "rigid"
    np.testing.assert_array_equal(made.joints[1], joints[1])
    np.testing.assert_array_equal(made.rotations6d[1], rotations[1])
    assert "person 2" not in made.no_body


def test_a_given_person_who_is_rigid_says_so(model: InteractionModel, rigid_pair: Interaction) -> None:
    pair = rigid_pair.motion
    one = Motion(
        pair.joints[:1], pair.rotations6d[:1], None, pair.root_rotations6d[:1], pair.bone_lengths[:1]
    )
    made = model.react(one, "they hug")[0]
    check_rigid(made)
    for name in ("joints", "rotations6d", "root_rotations6d", "bone_lengths"):
        np.testing.assert_array_equal(getattr(made, name)[0], getattr(pair, name)[0])
    # Bone lengths that the joints do not have are not accepted.
    false = replace(one, bone_lengths=one.bone_lengths * 1.01)
    check_rigid(model.react(false, "they hug")[0], (1,))


def kept_frames(task: str) -> np.ndarray:
    """Frames (2, T) that a task of `run` keeps."""
    kept = np.zeros((2, 40 if task != "extend" else 80), dtype=bool)
    if task == "in_between":
        kept[:, :12] = kept[:, 28:40] = True
    elif task == "edit":
        kept[0] = kept[1, :8] = kept[1, 32:] = True
    else:
        kept[:, :40] = True
    return kept


def run(task: str, model: InteractionModel, pair: Interaction, **options: object) -> Interaction:
    calls: dict[str, Callable[[], Interaction]] = {
        "in_between": lambda: model.in_between(pair, "they hug", 12, 12, **options)[0],
        "edit": lambda: model.edit(pair, "they hug", persons=1, start=8, stop=32, **options)[0],
        "extend": lambda: model.extend(pair, "they hug", 40, overlap=16, **options),
    }
    return calls[task]()


@pytest.mark.parametrize("task", ["in_between", "edit", "extend"])
def test_kept_frames_of_a_rigid_pair_stay_and_so_does_the_body(
    task: str, model: InteractionModel, rigid_pair: Interaction
) -> None:
    made, kept = run(task, model, rigid_pair), kept_frames(task)
    check_rigid(made)
    np.testing.assert_array_equal(made.bone_lengths, rigid_pair.bone_lengths)
    given = rigid_pair.motion.padded(made.frames)
    for name in ("joints", "rotations6d", "root_rotations6d"):
        np.testing.assert_array_equal(getattr(made, name)[kept], getattr(given, name)[kept])
    assert np.abs(made.joints[~kept] - given.joints[~kept]).max() > 0.01


@pytest.mark.parametrize("task", ["in_between", "edit", "extend"])
def test_kept_frames_of_other_motion_stay_and_are_not_called_rigid(
    task: str, model: InteractionModel
) -> None:
    joints, rotations = moving_pair(40)
    made, kept = run(task, model, Interaction(joints, rotations)), kept_frames(task)
    assert made.rigid == (False, False)
    given = Motion(joints, rotations).padded(made.frames)
    np.testing.assert_array_equal(made.joints[kept], given.joints[kept])
    np.testing.assert_array_equal(made.rotations6d[kept], given.rotations6d[kept])


@pytest.mark.parametrize("rigid", [True, False])
def test_solved_frames_join_kept_ones_without_a_step(
    rigid: bool, model: InteractionModel, rigid_pair: Interaction
) -> None:
    """The step over a border is at most a little larger than the steps on both of its sides."""
    pair = rigid_pair if rigid else Interaction(*moving_pair(40))
    made = run("in_between", model, pair)
    steps = np.linalg.norm(np.diff(made.joints, axis=1), axis=-1).max(axis=(0, 2))
    for border in (11, 27):
        around = np.delete(steps[border - 3 : border + 4], 3)
        assert steps[border] < 1.5 * around.max()


def test_wrong_bodies_are_refused(model: InteractionModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="body is 'soft'; accepted: rigid, decoded"):
        model.generate("they hug", body="soft")
    interx = load_model(save_tiny(tmp_path, "interx"), FakeTextEncoder())
    with pytest.raises(InputError, match="has only decoded bodies"):
        interx.generate("they hug", 40, body="rigid")
    with pytest.raises(InputError, match="has only decoded bodies"):
        save_tiny(tmp_path / "rigid", "interx", body="rigid")
