"""Hands that nearly touch: found where they do, joined with rigid arms, and no one else moves."""

from __future__ import annotations

import numpy as np
import pytest

from intermask_cli.cleanup.hands import MAX_GAP_M, HandContact, hand_contacts, join_hands, palms
from intermask_cli.datasets.duets.corpus import CorpusClip, make_corpus_clip, maker_of
from intermask_cli.datasets.duets.labels import kind_set
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import JOINT

LEFT, RIGHT = 20, 21
ARM_JOINTS = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("elbow", "wrist")]


def clip_of(kind: str, index: int = 0) -> CorpusClip:
    return make_corpus_clip(5, index, maker_of(kind_set(kind)))


def apart(clip: CorpusClip, gap_m: float) -> np.ndarray:
    """The pair with person 2 moved away along the line between the pelvises."""
    joints = clip.joints.astype(np.float64)
    line = (joints[1, :, 0] - joints[0, :, 0]).mean(axis=0) * [1, 0, 1]
    joints[1] += gap_m * line / np.linalg.norm(line)
    return joints


def gap(joints: np.ndarray, contact: HandContact) -> np.ndarray:
    hands = palms(joints)
    between = hands[0][:, contact.first] - hands[1][:, contact.second]
    return np.linalg.norm(between, axis=-1)[contact.start : contact.stop]


@pytest.mark.parametrize(
    "kind", ["handshake", "high_five", "fist_bump", "clap_game", "pull_up", "lead_by_hand"]
)
def test_hands_that_miss_are_found_and_meet(kind):
    clip = clip_of(kind)
    missing = apart(clip, 0.10)
    contacts = hand_contacts(missing)
    labelled = {(touch.joint1 - LEFT, touch.joint2 - LEFT) for touch in clip.labels.contacts}
    assert {(contact.first, contact.second) for contact in contacts} == labelled
    for contact in contacts:
        touches = [t for t in clip.labels.contacts if (t.joint1 - LEFT, t.joint2 - LEFT) == contact[:2]]
        assert any(contact.start < touch.end and touch.start < contact.stop for touch in touches)
    met, _ = join_hands(missing, None)
    for contact in contacts:
        assert gap(missing, contact).min() > 0.05
        assert gap(met, contact).max() < 0.02


@pytest.mark.parametrize(
    "kind", ["bow", "wave", "kick_dodge", "circle_each_other", "pass_by", "point_and_look"]
)
def test_hands_that_do_not_meet_are_left_alone(kind):
    for index in range(3):
        joints = clip_of(kind, index).joints
        assert hand_contacts(joints) == []
        assert np.array_equal(join_hands(joints, None)[0], joints)


def test_only_arms_move_and_their_bones_stay_rigid():
    joints = apart(clip_of("circle_hands"), 0.12)
    met, _ = join_hands(joints, None)
    others = [joint for joint in range(22) if joint not in ARM_JOINTS]
    assert np.array_equal(met[:, :, others], joints[:, :, others])
    assert not np.array_equal(met[:, :, ARM_JOINTS], joints[:, :, ARM_JOINTS])
    np.testing.assert_allclose(bone_lengths(met), bone_lengths(joints), atol=1e-6)


def test_the_given_person_stays_and_the_other_comes_all_the_way():
    joints = apart(clip_of("handshake"), 0.10).astype(np.float32)
    rotations = np.stack([rotations_from_joints(person).rotations6d for person in joints])
    for fixed in (0, 1):
        met, turned = join_hands(joints, rotations, fixed)
        assert np.array_equal(met[fixed], joints[fixed])
        assert np.array_equal(turned[fixed], rotations[fixed])
        assert not np.array_equal(turned[1 - fixed], rotations[1 - fixed])
        apart_m = gap(met, hand_contacts(joints)[0])  # at its ends one arm alone is too short
        assert np.median(apart_m) < 0.03 and apart_m.max() < 0.08


def test_rotations_turn_with_the_arms():
    joints = apart(clip_of("handshake"), 0.10)
    rotations = np.stack([rotations_from_joints(person).rotations6d for person in joints])
    met, turned = join_hands(joints, rotations)
    again = np.stack([rotations_from_joints(person).rotations6d for person in met])
    arms = [JOINT["right_shoulder"] - 1]  # of a joint with one child, only the twist is free
    forward = [np.linalg.norm(r[:, :, arms] - again[:, :, arms], axis=-1).mean() for r in (rotations, turned)]
    assert forward[1] < forward[0]


def test_too_far_is_not_a_contact_and_out_of_reach_stops_on_the_way():
    clip = clip_of("handshake")
    assert hand_contacts(apart(clip, MAX_GAP_M + 0.1)) == []
    joints = apart(clip, 0.10)
    joints[1] += np.linspace(0, 3, joints.shape[1])[:, None, None] * [0, 0, 1]  # walks off
    met, _ = join_hands(joints, None)
    assert np.isfinite(met).all()
    np.testing.assert_allclose(bone_lengths(met), bone_lengths(joints), atol=1e-6)
