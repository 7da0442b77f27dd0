"""Body height and warnings about odd motion."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from intermask_cli.datasets.duets.corpus import make_corpus_clip
from intermask_cli.datasets.motion_files.checks import oddities_of
from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.errors import InputError
from intermask_cli.motion.body_check import body_height
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.skeleton import JOINT, MIRROR, REST_OFFSETS
from tests.helpers.motion_samples import fk_person
from tests.helpers.paths import CMU_DUETS, SHARED

CASES = SHARED / "cases" / "motion"


@pytest.mark.parametrize("height_m", [1.5, 1.7, 1.95])
def test_height_is_known_in_any_pose(height_m):
    assert body_height(fk_person(10, seed=3, height_m=height_m)[0]) == pytest.approx(height_m, abs=0.01)


def test_a_root_that_jumps_gives_a_warning_with_the_distance(pair, tmp_path):
    joints = pair[0][0].copy()
    np.save(tmp_path / "calm.npy", joints)
    assert read_motion(tmp_path / "calm.npy").warnings == ()
    joints[25:, :, 0] += 3.0
    np.save(tmp_path / "jump.npy", joints)
    (warning,) = read_motion(tmp_path / "jump.npy").warnings
    assert "frame 24 to 25" in warning
    jump = float(np.linalg.norm(joints[25, 0] - joints[24, 0]))
    assert f"{jump:.2f} m" in warning


def test_every_bone_is_reported_and_odd_ones_give_a_warning(pair, tmp_path):
    np.save(tmp_path / "a.npy", pair[0][0])
    given = read_motion(tmp_path / "a.npy")
    assert given.bones.count("±") == 21 and "left_knee-left_ankle" in given.bones
    assert not given.warnings
    assert re.search(r"forward kinematics [\d.]+ mm off \(worst [\d.]+\)", given.source)
    for change, message in {
        "swap": "check that the joint is the right one",
        "one side": "on the right",
        "stretch": "stretches",
    }.items():
        odd = pair[0][0].copy()
        if change == "swap":  # a map that takes the hand's tip for the wrist of both arms
            for side in ("left", "right"):
                arm = odd[:, JOINT[f"{side}_wrist"]] - odd[:, JOINT[f"{side}_elbow"]]
                odd[:, JOINT[f"{side}_wrist"]] += 1.2 * arm
        elif change == "one side":
            odd[:, JOINT["left_wrist"]] += 0.4 * (odd[:, JOINT["left_wrist"]] - odd[:, JOINT["left_elbow"]])
        else:
            odd[3, JOINT["head"], 1] += 0.1
        np.save(tmp_path / "odd.npy", odd)
        assert any(message in warning for warning in read_motion(tmp_path / "odd.npy").warnings), change


# ---------------------------------------------------------------- findings, and advice that is followed


def options_in(text):
    """Options of `read_motion` that a message advises: the last words of each `--name value`."""
    found = dict(re.findall(r"--(start|flip|up|units|fps) ([-\w.]+)", text.rpartition("; ")[2]))
    return found | ({"mirror": True} if "--mirror" in text and "flip" not in found else {})


def warning_of(path, **options):
    (warning,) = read_motion(path, **options).warnings
    assert "\n" not in warning and "; " in warning
    return warning


@pytest.mark.parametrize("change", ["exchanged", "left-handed"])
@pytest.mark.parametrize("walk", ["forwards", "backwards"])
def test_exchanged_sides_are_found_whichever_way_the_person_walks(change, walk, tmp_path):
    joints = fk_person(60, seed=2)[0][:: 1 if walk == "forwards" else -1]
    np.save(tmp_path / "right.npy", joints)
    assert read_motion(tmp_path / "right.npy").warnings == ()
    odd = joints[:, list(MIRROR)] if change == "exchanged" else joints * [-1, 1, 1]
    np.save(tmp_path / "odd.npy", odd)
    warning = warning_of(tmp_path / "odd.npy")
    assert "toes point against" in warning and "--mirror" in warning and "--flip x" in warning
    advised = {"mirror": True} if change == "exchanged" else {"flip": "x"}
    given = read_motion(tmp_path / "odd.npy", **advised)
    assert given.warnings == ()
    assert_allclose(given.joints, joints, atol=1e-6)


def test_feet_turned_out_are_not_exchanged_sides(tmp_path):
    joints = fk_person(60)[0]
    for side, sign in (("left", 1), ("right", -1)):  # toes aside, as in ballet
        ankle, foot = JOINT[f"{side}_ankle"], JOINT[f"{side}_foot"]
        length = np.linalg.norm(joints[:, foot] - joints[:, ankle], axis=-1, keepdims=True)
        across = joints[:, 1] - joints[:, 2]
        joints[:, foot] = joints[:, ankle] + sign * length * across / np.linalg.norm(across, axis=-1)[:, None]
    assert all("toes" not in odd.finding for odd in oddities_of(joints))


@pytest.mark.parametrize(("height", "who"), [(1.0, "a child"), (2.6, "a giant")])
def test_unusual_heights(height, who, tmp_path):
    np.save(tmp_path / "a.npy", fk_person(20, height_m=height)[0] + [0, height - 1.7, 0])
    text = " ".join(read_motion(tmp_path / "a.npy").warnings)
    assert f"{height:.2f} m tall" in text and who in text and "--units" in text


@pytest.mark.parametrize("metres", [0.01, 0.001, 0.0254, 0.3048, 0.056444, 0.45, 0.02])
def test_a_unit_is_advised_only_if_it_gives_an_adult(metres, tmp_path):
    joints = fk_person(20)[0]
    np.save(tmp_path / "a.npy", joints / metres)
    with pytest.raises(InputError, match=r"m tall; 0\.5 to 3 m are accepted") as caught:
        read_motion(tmp_path / "a.npy")
    advised = re.search(r"--units (\S+)", str(caught.value))[1]
    given = read_motion(tmp_path / "a.npy", units=advised)
    assert given.warnings == ()
    assert_allclose(given.joints, joints, atol=0.02)


@pytest.mark.parametrize("start", [None, "3"])
def test_a_t_pose_before_the_motion_is_left_out_as_advised(start, tmp_path):
    joints = fk_person(60, seed=1)[0]
    rest, _ = forward_kinematics(np.tile(np.eye(3), (1, 22, 1, 1)), joints[:1, 0], REST_OFFSETS)
    first = [joints[:3]] if start else []
    np.save(tmp_path / "a.npy", np.concatenate([*first, rest, joints]))
    warning = warning_of(tmp_path / "a.npy", start=start)
    assert f"frame {start or 0} is not part of the motion" in warning and "T-pose" in warning
    given = read_motion(tmp_path / "a.npy", **options_in(warning))
    assert given.warnings == ()
    assert_allclose(given.joints, joints, atol=1e-6)


def test_a_quick_start_is_not_a_t_pose(tmp_path):
    joints = fk_person(40)[0]
    joints[..., 0] += 0.2 * np.arange(40)[:, None]  # 6 m/s from the first frame on
    assert oddities_of(joints) == ()


def test_feet_far_from_the_floor(tmp_path):
    joints = fk_person(40)[0]
    np.save(tmp_path / "a.npy", joints - [0, 0.9, 0])
    warning = warning_of(tmp_path / "a.npy")
    metres = float(re.search(r"add (-?[\d.]+) m", warning)[1])
    np.save(tmp_path / "b.npy", joints - [0, 0.9 - metres, 0])
    assert read_motion(tmp_path / "b.npy").warnings == ()


def test_a_pelvis_that_is_held_in_place(tmp_path):
    joints = fk_person(60)[0]
    assert oddities_of(joints - joints[:, :1]) != ()
    (odd,) = oddities_of(joints - joints[:, :1])
    assert "pelvis never moves" in odd.finding and "-0.9" in odd.finding
    still = np.repeat(joints[:1], 60, axis=0)
    assert oddities_of(still) == ()


@pytest.mark.parametrize(("fps", "part"), [(600, "hands and feet"), (900, "hands and feet")])
def test_speeds_that_no_person_reaches(fps, part, tmp_path):
    time = np.arange(60)
    joints = fk_person(60)[0]
    joints[:, 20] += np.sin(time)[:, None] * [0.3, 0.3, 0]
    text = " ".join(odd.finding for odd in oddities_of(joints))
    assert f"speed of the {part}" in text


def test_bones_of_no_length_are_one_line():
    joints = fk_person(40)[0]
    for side in ("left", "right"):
        joints[:, JOINT[f"{side}_collar"]] = joints[:, JOINT["spine3"]]
    (odd,) = oddities_of(joints)
    assert "bones of no length: left_collar, right_collar" in odd.finding


def test_rotations_that_miss_the_joints(tmp_path):
    joints = fk_person(60)[0]
    swell = 1 + 0.25 * np.sin(np.arange(60) / 5)[:, None, None]
    joints = joints[:, :1] + swell * (joints - joints[:, :1])
    np.save(tmp_path / "a.npy", joints)
    assert any("forward kinematics" in text for text in read_motion(tmp_path / "a.npy").warnings)


# ---------------------------------------------------------------- right motion gives no warning


@pytest.mark.skipif(not CMU_DUETS.is_dir(), reason=f"no captures at {CMU_DUETS.parent}")
def test_captures_give_no_warning():
    for path in sorted(CMU_DUETS.parent.glob("cmu-*/trials/*.npz")):
        for person in np.load(path)["positions"].reshape(-1, *np.load(path)["positions"].shape[-3:]):
            assert oddities_of(person) == (), path


@pytest.mark.slow
def test_clips_of_the_corpus_give_no_warning():
    for index in range(0, 90, 3):
        for person in make_corpus_clip(0, index).joints:
            assert oddities_of(person) == (), index


# ---------------------------------------------------------------- cases


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
def test_warnings_of_the_cases(tmp_path):
    sides = CASES / "sides-exchanged"
    assert read_motion(sides / "right.npy").warnings == ()
    for name, advised in {"columns_exchanged": {"mirror": True}, "left_handed_x": {"flip": "x"}}.items():
        assert "toes point against" in warning_of(sides / f"{name}.npy")
        given = read_motion(sides / f"{name}.npy", **advised)
        assert given.warnings == ()
        assert_allclose(given.joints, np.load(sides / "right.npy"), atol=1e-3)
    first = CASES / "t-pose-first" / "t_pose_first.bvh"
    given = read_motion(first, units="cm", **options_in(warning_of(first, units="cm")))
    assert_allclose(given.joints, np.load(CASES / "t-pose-first" / "want.npy"), atol=1e-3)
    air = CASES / "root-in-the-air"
    assert "lowest foot at -0.96 m" in warning_of(air / "root_relative_joints.npy")
    given = read_motion(air / "root_relative_to_offset.bvh", units="cm")
    assert "the lowest foot was at -0.96 m" in given.warnings[0] and "OFFSET" in given.warnings[0]
    assert abs(given.joints[..., 1].min()) < 0.15
    with pytest.raises(InputError, match=r"stands along -Y in the file") as caught:
        read_motion(CASES / "y-down" / "y_down.npy")
    joints = read_motion(
        CASES / "y-down" / "y_down.npy", up=re.search(r"--up (\S+)", str(caught.value))[1]
    ).joints
    want = np.load(CASES / "y-down" / "want.npy")
    assert_allclose(joints[..., 1], want[..., 1], atol=1e-3)
    assert_allclose(np.linalg.norm(joints[:, 5] - joints[:, 20], axis=-1),
                    np.linalg.norm(want[:, 5] - want[:, 20], axis=-1), atol=1e-3)  # fmt: skip


@pytest.mark.parametrize("held", [1, 2, 30])
def test_a_pose_that_is_held_before_the_motion_is_left_out_as_advised(held, tmp_path):
    joints, _, offsets = fk_person(90, seed=2)
    rest = forward_kinematics(np.tile(np.eye(3), (1, 22, 1, 1)), joints[:1, 0], offsets)[0]
    np.save(tmp_path / "a.npy", np.concatenate([np.repeat(rest, held, axis=0), joints]))
    warning = warning_of(tmp_path / "a.npy")
    assert f"{'frame 0 is' if held == 1 else f'frames 0 to {held - 1} are'} not part of the motion" in warning
    given = read_motion(tmp_path / "a.npy", **options_in(warning))
    assert_allclose(given.joints, joints, atol=1e-5)
    assert given.warnings == ()


def test_a_quick_blow_is_part_of_the_motion():
    joints = fk_person(90, seed=2)[0]
    still = np.repeat(joints[:1], 90, axis=0)
    reach = 0.6 * np.clip((np.arange(90) - 6) / 3, 0, 1)  # 0.2 m a frame, after a fifth of a second
    still[:, JOINT["right_wrist"], 2] += reach
    assert not any("part of the motion" in str(odd) for odd in oddities_of(still))


def test_a_person_who_lies_on_the_side_is_at_the_floor():
    joints = fk_person(60, seed=2)[0]
    lying = (joints - joints[:1, :1]) @ np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    lying[..., 1] -= lying[..., 1].min() - 0.05
    lying[:, [JOINT[f"{side}_{end}"] for side in ("left", "right") for end in ("ankle", "foot")], 1] += 0.3
    assert not any("floor" in str(odd) for odd in oddities_of(lying))
