"""Clean-up modes: smoothing against SciPy, hands that hold on, less overlap, given persons untouched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intermask_cli.cleanup.clean import clean, clean_item
from intermask_cli.cleanup.contact import HOLDING_M
from intermask_cli.cleanup.effect import Effect, effect_of
from intermask_cli.cleanup.modes import FOR_DECODED, Clean, checked_modes, notes_on_rigid
from intermask_cli.cleanup.published import lock_feet
from intermask_cli.cleanup.smoothing import smooth_motion
from intermask_cli.datasets.duets.corpus import make_corpus_clip
from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.body.solver import solve_clips
from intermask_cli.motion.curves import smoothed_over_time
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.physics import physics
from intermask_cli.motion.rig import is_rigid
from intermask_cli.motion.skeleton import FEET, JOINT
from tests.helpers.motion_samples import mean_error_mm, with_tokenizer_noise

WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]


def wrist_distances(joints: np.ndarray) -> np.ndarray:
    """(T, 2, 2) metres between the wrists of the two."""
    one, two = joints[0][:, WRISTS], joints[1][:, WRISTS]
    return np.linalg.norm(one[:, :, None] - two[:, None], axis=-1)


@pytest.fixture(scope="module")
def pairs() -> list[np.ndarray]:
    """Noisy clips, those with joined hands first."""
    clips = [with_tokenizer_noise(make_corpus_clip(7, index).joints, index) for index in range(16)]
    return sorted(clips, key=lambda clip: -(wrist_distances(clip) < HOLDING_M).mean())


def test_smoothing_lowers_jerk_and_keeps_rigid_bones():
    joints = make_corpus_clip(7, 1).joints[0]
    rotations = rotations_from_joints(joints).rotations6d
    smooth, turned = smooth_motion(joints, rotations)
    jerk = [np.abs(np.diff(motion, n=3, axis=0)).mean() for motion in (joints, smooth)]
    assert jerk[1] < 0.8 * jerk[0]
    np.testing.assert_allclose(bone_lengths(smooth), bone_lengths(joints), atol=1e-5)
    difference = np.abs(turned - rotations_from_joints(smooth).rotations6d)
    assert difference.mean() < 0.02


def test_hands_hold_on_while_feet_are_planted(pairs):
    """Hands nearer than 20 cm keep their distance within 5 mm, which planting the feet alone does not do."""
    lost = {Clean.feet: 0.0, Clean.contact: 0.0}
    skate = {Clean.feet: [], Clean.contact: []}
    seen = 0
    for clip in pairs[:5]:
        before = wrist_distances(clip)
        near = before < HOLDING_M
        seen += int(near.sum())
        for mode in lost:
            after, _ = clean(clip, None, [mode])
            np.testing.assert_allclose(bone_lengths(after), bone_lengths(clip), atol=1e-6)
            change = np.abs(wrist_distances(after) - before)[near]
            lost[mode] = max(lost[mode], float(change.max(initial=0)))
            skate[mode].append(physics(after)["foot_skate_mm_per_frame"])
    assert seen > 100
    assert lost[Clean.contact] < 0.005 < lost[Clean.feet]
    assert np.mean(skate[Clean.contact]) < 1.1 * np.mean(skate[Clean.feet])


def test_bodies_that_overlap_are_moved_apart():
    clip = make_corpus_clip(7, 0).joints
    still = np.repeat(clip[:, :1], 60, axis=1).astype(np.float64)
    line = still[1, 0, 0] - still[0, 0, 0]
    line[1] = 0
    still[1] -= line * (1 - 0.12 / np.linalg.norm(line))  # pelvises 12 cm apart
    before = physics(still)["penetration_mm"]
    after, _ = clean(still, None, [Clean.contact])
    assert before > 20
    assert physics(after)["penetration_mm"] < 0.6 * before
    assert physics(after)["foot_skate_mm_per_frame"] < 0.5
    assert np.abs(after - still).max() < 0.3


def test_the_given_person_of_a_reaction_stays(pairs):
    rotations = np.stack([rotations_from_joints(person).rotations6d for person in pairs[0]])
    item = Interaction(pairs[0].astype(np.float32), rotations, text="x", seed=0, given=1, id="a")
    for mode in Clean:
        cleaned = clean_item(item, [mode])
        np.testing.assert_array_equal(cleaned.joints[1], item.joints[1])
        np.testing.assert_array_equal(cleaned.rotations6d[1], rotations[1])
        assert not np.array_equal(cleaned.joints[0], item.joints[0])
        assert not np.array_equal(cleaned.rotations6d[0], rotations[0])


def test_published_mode_is_the_published_chain(pairs):
    cleaned, _ = clean(pairs[1], None, [Clean.published])
    for person, result in zip(pairs[1], cleaned, strict=True):
        expected = smoothed_over_time(lock_feet(smoothed_over_time(person)))
        np.testing.assert_array_equal(result, expected)


def test_order_and_exclusion(pairs):
    assert checked_modes([Clean.feet, Clean.smooth]) == (Clean.smooth, Clean.feet)
    assert checked_modes([Clean.meet, Clean.contact]) == (Clean.contact, Clean.meet)
    with pytest.raises(InputError, match="exclude each other"):
        checked_modes([Clean.feet, Clean.published])
    both, _ = clean(pairs[2], None, [Clean.feet, Clean.smooth])
    smooth, _ = clean(pairs[2], None, [Clean.smooth])
    np.testing.assert_array_equal(both, clean(smooth, None, [Clean.feet])[0])
    assert mean_error_mm(both, pairs[2]) < 60


def test_other_bodies_are_refused():
    item = Interaction(np.zeros((2, 9, 55, 3), np.float32), text="x", seed=0, id="a")
    with pytest.raises(InputError, match="55 joints"):
        clean_item(item, [Clean.feet])


def test_effect_says_before_and_after(pairs):
    item = Interaction(pairs[0].astype(np.float32), text="x", seed=0, id="a")
    effect = Effect([effect_of(item, clean_item(item, [Clean.feet]), physics)])
    skate = effect.as_json()["foot_skate_mm_per_frame"]
    assert skate["after"] < skate["before"]
    assert any(line.startswith("foot_skate_mm_per_frame: ") for line in effect.lines())


@pytest.mark.slow
def test_export_cleans_files_and_not_the_dataset(cli, tmp_path, monkeypatch, tiny_model):
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text("two people bow\n")
    made = ["generate", "p.txt", *tiny_model.options, "--frames", 24, "--store", "exact"]
    assert cli(*made)[0] == 0
    before = Path("runs/p/interactions.h5").read_bytes()
    code, out, err = cli("export", "runs/p", "--to", "npz", "--clean", "smooth", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["physics"]["jerk_m_per_s3"]["after"] < report["physics"]["jerk_m_per_s3"]["before"]
    assert report["folder"].endswith("npz-smooth")
    assert cli("export", "runs/p", "--to", "npz", "--out", "e")[0] == 0
    name = "p-1-s0_person1.npz"
    with np.load(f"runs/p/exports/npz-smooth/{name}") as smooth, np.load(f"e/{name}") as plain:
        assert not np.array_equal(smooth["joints"], plain["joints"])
    assert Path("runs/p/interactions.h5").read_bytes() == before
    code, _, err = cli("export", "runs/p", "--to", "npz", "--out", "e", "--clean", "smooth")
    assert code == 2 and "default settings; now requested: clean smooth" in err
    assert cli("export", "runs/p", "--to", "npz", "--out", "e", "--clean", "smooth", "--overwrite")[0] == 0
    code, _, err = cli("export", "runs/p", "--to", "npz", "--clean", "feet", "--clean", "contact")
    assert code == 2 and "exclude each other" in err


@pytest.mark.slow
def test_generate_cleans_what_it_makes(cli, tmp_path, monkeypatch, tiny_model):
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text("two people bow\n")
    made = ["generate", "p.txt", *tiny_model.options, "--frames", 24, "--store", "exact"]
    assert cli(*made, "--out", "plain")[0] == 0
    code, _, err = cli(*made, "--out", "clean", "--clean", "smooth")
    assert code == 0
    assert "jerk_m_per_s3:" in err and " after" in err
    (plain,), (smooth,) = ([*_items(run)] for run in ("plain", "clean"))
    expected = clean_item(plain, [Clean.smooth])
    np.testing.assert_array_equal(smooth.joints, expected.joints)
    np.testing.assert_array_equal(smooth.rotations6d, expected.rotations6d)
    assert cli(*made, "--out", "plain", "--clean", "feet")[0] == 2  # another run


def _items(run):
    with InteractionFile(run) as dataset:
        return list(dataset)


def test_an_arm_inside_the_other_is_lifted_out_and_joined_hands_stay():
    """Noisy embraces: little over half of the overlap is left, bones keep their length, hands hold on."""
    before, after = [], []
    for index in (16, 21):
        clip = with_tokenizer_noise(make_corpus_clip(11, index).joints, index)
        cleaned, _ = clean(clip, None, [Clean.contact])
        before.append(physics(clip)["penetration_mm"])
        after.append(physics(cleaned)["penetration_mm"])
        near = wrist_distances(clip) < HOLDING_M
        assert np.abs(wrist_distances(cleaned) - wrist_distances(clip))[near].max(initial=0) < 0.01
        np.testing.assert_allclose(bone_lengths(cleaned), bone_lengths(clip), atol=1e-5)
    assert min(before) > 20
    assert sum(after) < 0.6 * sum(before)
    still, _ = clean(clip, None, [Clean.contact], fixed=1)
    np.testing.assert_array_equal(still[1], clip[1])


# ---------------------------------------------------------------- rigid bodies


@pytest.fixture(scope="module")
def rigid_items(pairs: list[np.ndarray]) -> list[Interaction]:
    """The noisy clips as the body solver leaves them, too near to each other by a fifth of a metre."""
    items = []
    for solved in solve_clips(pairs[:3]):
        line = (solved.joints[0, :, 0] - solved.joints[1, :, 0]).mean(axis=0) * np.float32([1, 0, 1])
        solved.joints[1] += 0.2 * line / np.linalg.norm(line)
        motion = Motion(solved.joints, solved.rotations6d, None, solved.root_rotations6d, solved.bone_lengths)
        items.append(Interaction(motion, rigid=(True, True)))
    return items


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(Clean))
def test_a_rigid_body_stays_rigid_on_the_same_bones(mode: Clean, rigid_items: list[Interaction]) -> None:
    changed = 0.0
    for item in rigid_items:
        cleaned = clean_item(item, [mode])
        if mode in FOR_DECODED:
            np.testing.assert_array_equal(cleaned.joints, item.joints)
            continue
        assert cleaned.rigid == (True, True)
        np.testing.assert_allclose(cleaned.bone_lengths, item.bone_lengths, atol=1e-7)
        assert all(is_rigid(cleaned.motion, person) for person in (0, 1))
        # What the mode does to joints is what the body shows; smoothing leaves its feet.
        joints, _ = clean(item.joints, item.rotations6d, [mode], planned=(True, True))
        if mode is Clean.smooth:
            np.testing.assert_allclose(
                cleaned.joints[:, :, list(FEET)], item.joints[:, :, list(FEET)], atol=2e-3
            )
            joints[:, :, list(FEET)] = item.joints[:, :, list(FEET)]
        change = np.linalg.norm(joints - item.joints, axis=-1)
        off = np.linalg.norm(cleaned.joints - joints, axis=-1)
        assert off.mean() < 0.001
        changed = max(changed, float(change.max()))
    assert changed > 0.005 or mode in FOR_DECODED


def test_modes_for_decoded_motion_are_named() -> None:
    assert [line.split(":")[0] for line in notes_on_rigid(list(Clean))] == [
        "--clean feet",
        "--clean published",
    ]
    assert notes_on_rigid([Clean.smooth, Clean.contact, Clean.meet]) == []


@pytest.mark.slow
def test_a_given_rigid_person_stays_exactly_as_given(rigid_items: list[Interaction]) -> None:
    item = replace(rigid_items[0], given=1)
    cleaned = clean_item(item, [Clean.smooth, Clean.contact, Clean.meet])
    for name in ("joints", "rotations6d", "root_rotations6d", "bone_lengths"):
        np.testing.assert_array_equal(getattr(cleaned, name)[1], getattr(item, name)[1])
    assert is_rigid(cleaned.motion, 0) and not np.array_equal(cleaned.joints[0], item.joints[0])
