"""Quality gates of the procedural corpus, measured on seeded clips of every kind, and its small parts.

Clips of two phases: `test_two_phase.py`.
"""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.judges.detectors import detect, performers
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.corpus import labels_to_json, make_corpus_clip, split_indices
from intermask_cli.datasets.duets.gait import Flight, plan_feet
from intermask_cli.datasets.duets.ground_path import GroundPath
from intermask_cli.datasets.duets.kinds import CHOREOGRAPHY
from intermask_cli.datasets.duets.labels import (
    APPROACHES,
    CORE,
    CORE_KINDS,
    FAMILIES,
    KINDS,
    LEFT,
    RIGHT,
    TEMPOS,
    DuetClip,
    contact_point,
    kind_set,
)
from intermask_cli.datasets.duets.rig import HEIGHT_RANGE_M, random_body
from intermask_cli.datasets.duets.stage import LONGEST_FRAMES, SHORTEST_FRAMES
from intermask_cli.datasets.duets.timing import nearby, oscillation, pulse, rate, trapezoid, wander
from intermask_cli.errors import InputError
from intermask_cli.motion.curves import minimum_jerk
from intermask_cli.motion.inverse_kinematics import soft_reach, two_bone_rotations
from intermask_cli.motion.kinematics import bone_lengths, forward_kinematics
from intermask_cli.motion.rotation import matrix_from_sixd_columns
from intermask_cli.motion.skeleton import FPS, JOINT, MIRROR
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

CLIPS_PER_KIND = 13
CORE_SHA256 = "5c039ca272ec856eea54531aa05c1d01d9e9acab34da8bace6981b84e8289907"
WRISTS = {LEFT: JOINT["left_wrist"], RIGHT: JOINT["right_wrist"]}
BALLS = [JOINT["left_foot"], JOINT["right_foot"]]
#: Kinds in which people touch: (trunk to trunk, limb to the other's trunk) at least, metres; else 0.38, 0.11.
CLOSE = {
    "hug": (0.24, 0.0), "support_walk": (0.25, 0.06), "turn_under_arm": (0.38, 0.06),
    "sneak_startle": (0.27, 0.11), "whisper": (0.34, 0.08), "shoulder_bump": (0.34, 0.09),
    "photo_together": (0.30, 0.05), "waltz_hold": (0.36, 0.08), "latin_dance": (0.36, 0.08),
}  # fmt: skip


#: Kinds in which people squat or sit: lowest pelvis as a share of the standing height; else 0.72.
LOW = {"pull_up": 0.42, "sit_together": 0.52, "dodge_counter": 0.55}
#: Kinds in which both feet leave the floor.
JUMPS = {"celebrate_jump"}


@pytest.fixture(scope="module")
def clips() -> list[DuetClip]:
    return [make_clip(2026, index, kind) for kind in KINDS for index in range(CLIPS_PER_KIND)]


def _name(clip: DuetClip) -> str:
    return f"{clip.labels.kind} seed {clip.seed} index {clip.index}"


def _failures(clips: list[DuetClip], wrong: Callable[[DuetClip], float | bool]) -> list[str]:
    """Names of the clips for which a check finds something, with what it found."""
    found = [(clip, wrong(clip)) for clip in clips]
    return [f"{_name(clip)}: {value}" for clip, value in found if value]


def _segments_apart(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Distance (T,) between segments a-b and c-d, each end (T, 3), from points along both."""
    share = np.linspace(0, 1, 9)[:, None, None]
    first, second = a + share * (b - a), c + share * (d - c)
    return np.linalg.norm(first[:, None] - second[None], axis=-1).min(axis=(0, 1))


def test_every_kind_has_a_choreography() -> None:
    assert list(CHOREOGRAPHY) == list(KINDS)
    assert len(KINDS) >= 24
    assert FAMILIES == ("greeting", "fighting", "moving together", "dance", "helping", "play and talk")
    assert min(Counter(info.family for info in KINDS.values()).values()) >= 3


def test_the_core_kinds_never_change() -> None:
    """Their order decides which kind a clip of a corpus is, so it must never change."""
    assert CORE_KINDS == (
        "handshake", "bow", "wave", "high_five", "hug", "punch_guard", "kick_dodge", "push_stagger",
        "circle_each_other", "mirror_dance", "lead_by_hand", "follow",
    )  # fmt: skip


@pytest.mark.long
def test_shapes_types_lengths_and_finite(clips: list[DuetClip]) -> None:
    for clip in clips:
        frames = clip.joints.shape[1]
        assert SHORTEST_FRAMES <= frames <= LONGEST_FRAMES, _name(clip)
        assert clip.joints.shape == (2, frames, 22, 3)
        assert clip.rotations6d.shape == (2, frames, 21, 6)
        assert clip.root_rotation.shape == (2, frames, 3, 3)
        assert clip.offsets.shape == (2, 22, 3)
        for array in (clip.joints, clip.rotations6d, clip.root_rotation, clip.offsets):
            assert array.dtype == np.float32
            assert np.isfinite(array).all(), _name(clip)


def test_labels_stay_within_what_the_kind_offers(clips: list[DuetClip]) -> None:
    for clip in clips:
        labels, info, frames = clip.labels, KINDS[clip.labels.kind], clip.joints.shape[1]
        assert labels.tempo in TEMPOS
        assert labels.approach in APPROACHES
        assert labels.approach in info.approaches
        assert (labels.actor in (0, 1)) == (info.has_actor or labels.approach == "actor")
        assert labels.side in (LEFT, RIGHT) or (
            labels.side is None and (info.side is None or info.side_optional)
        )
        assert labels.manner in (info.manners or (None,))
        assert labels.repeats in (info.repeats or (None,))
        assert "action" in dict(labels.events)
        assert all(0 <= frame < frames for _, frame in labels.events)
        assert all(0 <= c.start < c.end <= frames for c in labels.contacts), _name(clip)


def test_bones_keep_their_length(clips: list[DuetClip]) -> None:
    for clip in clips:
        expected = np.linalg.norm(clip.offsets[:, None, 1:].astype(np.float64), axis=-1)
        assert np.abs(bone_lengths(clip.joints.astype(np.float64)) - expected).max() < 1e-4, _name(clip)


def test_rotations_reproduce_the_joints(clips: list[DuetClip]) -> None:
    for clip in clips:
        rotations = matrix_from_sixd_columns(clip.rotations6d.astype(np.float64))
        local = np.concatenate([clip.root_rotation[:, :, None].astype(np.float64), rotations], axis=2)
        root = clip.joints[:, :, 0].astype(np.float64)
        joints, _ = forward_kinematics(local, root, clip.offsets[:, None].astype(np.float64))
        assert np.abs(joints - clip.joints).max() < 1e-4, _name(clip)
        np.testing.assert_allclose(np.linalg.det(clip.root_rotation), 1.0, atol=1e-5)


def test_planted_feet_do_not_slide(clips: list[DuetClip]) -> None:
    def slides(clip: DuetClip) -> float:
        balls = clip.joints[:, :, BALLS].astype(np.float64)
        planted = balls[..., 1] < balls[..., 1].min(axis=(1, 2), keepdims=True) + 0.002
        speed = np.linalg.norm(np.diff(balls, axis=1), axis=-1)
        fastest = float(speed[planted[:, 1:] & planted[:, :-1]].max())
        grounded = bool(planted.any(axis=2).all())
        assert grounded != (clip.labels.kind in JUMPS), f"{_name(clip)}: both feet in the air, or no jump"
        return fastest if fastest > 0.005 else 0.0

    assert not _failures(clips, slides)


def test_floor_is_respected(clips: list[DuetClip]) -> None:
    for clip in clips:
        assert clip.joints[..., 1].min() > -0.01, _name(clip)
        jump = clip.joints[:, :, BALLS, 1].min(axis=2).max()
        assert 0.08 < jump < 0.30 if clip.labels.kind in JUMPS else jump < 0.03, _name(clip)
        pelvis = clip.joints[:, :, 0, 1] / -clip.offsets[:, [1, 4, 7, 10], 1].sum(axis=1)[:, None]
        lowest = LOW.get(clip.labels.kind, 0.72)
        assert pelvis.min() > lowest, f"{_name(clip)}: the pelvis is as low as if sitting"
        assert pelvis.max() < (1.35 if clip.labels.kind in JUMPS else 1.05), _name(clip)


def test_hands_meet_what_the_contact_says(clips: list[DuetClip]) -> None:
    """Palms meet palms within 3 cm; palms lie on the other's trunk, not inside and not off it."""
    wrists = set(WRISTS.values())
    checked = Counter()
    for clip in clips:
        for contact in clip.labels.contacts:
            joints = clip.joints[:, contact.start : contact.end].astype(np.float64)
            gap = np.linalg.norm(
                contact_point(joints[0], contact.joint1) - contact_point(joints[1], contact.joint2), axis=-1
            )
            if {contact.joint1, contact.joint2} <= wrists:
                assert gap.max() < 0.03, f"{_name(clip)}: {gap.max():.3f} m"
            else:
                assert gap.min() > 0.05 and gap.max() < 0.30, (
                    f"{_name(clip)}: {gap.min():.3f} {gap.max():.3f}"
                )
            checked[clip.labels.kind] += 1
    assert set(checked) == {
        "handshake", "high_five", "hug", "punch_guard", "push_stagger", "lead_by_hand", "fist_bump", "block",
        "circle_hands", "turn_under_arm", "walk_side_by_side", "pull_up", "support_walk", "hand_over",
        "clap_game", "sneak_startle", "high_ten", "toast", "shoulder_bump", "photo_together",
        "comfort", "arm_wrestle", "waltz_hold", "latin_dance", "dodge_counter", "boxing_bout",
    }  # fmt: skip


@pytest.mark.long
def test_persons_do_not_pass_through_each_other(clips: list[DuetClip]) -> None:
    limbs = ((18, 20), (19, 21), (16, 18), (17, 19), (1, 4), (2, 5), (4, 7), (5, 8))
    for clip in clips:
        joints, hug = clip.joints.astype(np.float64), clip.labels.kind == "hug"
        apart, limb = CLOSE.get(clip.labels.kind, (0.38, 0.11))
        trunks = _segments_apart(joints[0, :, 0], joints[0, :, 12], joints[1, :, 0], joints[1, :, 12])
        assert trunks.min() > apart, f"{_name(clip)}: trunks {trunks.min():.3f} m apart"
        heads = np.linalg.norm(joints[0, :, 15] - joints[1, :, 15], axis=-1)
        assert heads.min() > 0.17, f"{_name(clip)}: heads {heads.min():.3f} m apart"
        for person in (0, 1):
            for near, far in limbs if not hug else limbs[4:]:
                end = contact_point(joints[person], far) if far in (20, 21) else joints[person, :, far]
                other = joints[1 - person]
                gap = _segments_apart(joints[person, :, near], end, other[:, 0], other[:, 15])
                assert gap.min() > (limb or 0.11), (
                    f"{_name(clip)}: limb {near}-{far} {gap.min():.3f} m from a trunk"
                )


def test_arms_stay_out_of_the_own_body(clips: list[DuetClip]) -> None:
    def inside(clip: DuetClip) -> float:
        joints = clip.joints.astype(np.float64)
        gaps = [
            _segments_apart(
                0.5 * (p[:, near] + p[:, far]), contact_point(p, far), p[:, 0], p[:, 9]
            ).min()
            for p in joints
            for near, far in ((18, 20), (19, 21))
        ]  # fmt: skip
        return min(gaps) if min(gaps) < 0.075 else 0.0

    assert not _failures(clips, inside)


def test_accelerations_are_humanly_possible(clips: list[DuetClip]) -> None:
    def wild(clip: DuetClip) -> str:
        second = np.diff(clip.joints.astype(np.float64), 2, axis=1) * FPS**2
        size = np.linalg.norm(second, axis=-1)
        usual, most = float(np.percentile(size, 95)), float(size.max())
        return f"{usual:.0f} {most:.0f} m/s2" if usual > 60 or most > 150 else ""

    assert not _failures(clips, wild)


def test_detectors_find_actor_and_side(clips: list[DuetClip]) -> None:
    def missed(clip: DuetClip) -> str:
        labels = clip.labels
        expected = (labels.actor if KINDS[labels.kind].has_actor else None, labels.side)
        found = detect(clip.joints, labels.kind)
        return "" if found == expected else f"found {found}, labelled {expected}"

    assert not _failures(clips, missed)


def test_detectors_follow_exchanged_people_and_mirrored_motion(clips: list[DuetClip]) -> None:
    other = {LEFT: RIGHT, RIGHT: LEFT, None: None}
    for clip in clips:
        actor, side = detect(clip.joints, clip.labels.kind)
        mirrored = clip.joints[:, :, list(MIRROR)] * np.array([-1.0, 1.0, 1.0])
        assert detect(clip.joints[::-1], clip.labels.kind) == (None if actor is None else 1 - actor, side)
        assert detect(mirrored, clip.labels.kind) == (actor, other[side]), _name(clip)


def test_one_who_bows_or_waves_is_distinguished_from_two(clips: list[DuetClip]) -> None:
    def missed(clip: DuetClip) -> str:
        alone = clip.labels.kind in ("bow", "wave")
        if not alone and clip.labels.kind not in ("both_bow", "waves_back"):
            return ""
        found = performers(clip.joints, clip.labels.kind)
        return "" if found == ((clip.labels.actor,) if alone else (0, 1)) else f"found {found}"

    assert not _failures(clips, missed)


def test_strikes_reach_far_and_take_their_time(clips: list[DuetClip]) -> None:
    heights: dict[str, list[float]] = {"low": [], "middle": [], "high": []}
    for clip in clips:
        labels = clip.labels
        if labels.kind in ("punch_guard", "block"):
            wrist = clip.joints[labels.actor, :, WRISTS[labels.side]]
            for name, hit in labels.events:
                if name == "strike":
                    travel = np.linalg.norm(wrist[hit] - wrist[hit - 15 : hit], axis=-1)
                    assert travel.max() > 0.45, _name(clip)
                    under_way = (travel > 0.1 * travel.max()).sum()
                    assert under_way >= 0.2 * FPS, f"{_name(clip)}: the fist needs only {under_way} frames"
        if labels.kind == "kick_dodge":
            stature = -clip.offsets[labels.actor][[1, 4, 7, 10], 1].sum() / 0.93
            heights[labels.manner].append(clip.joints[labels.actor][:, BALLS, 1].max() / stature)
    low, middle, high = (heights[name] for name in ("low", "middle", "high"))
    assert min(low) > 0.6 and max(low) < min(middle) and max(middle) < min(high) and max(high) < 1.2


def test_contact_joints_follow_the_labelled_side(clips: list[DuetClip]) -> None:
    for clip in clips:
        labels = clip.labels
        for contact in labels.contacts:
            if labels.kind == "handshake":
                assert (contact.joint1, contact.joint2) == (WRISTS[RIGHT], WRISTS[RIGHT])
            if labels.kind in ("high_five", "fist_bump", "pull_up"):
                assert (contact.joint1, contact.joint2) == (WRISTS[labels.side], WRISTS[labels.side])
            if labels.kind in ("punch_guard", "lead_by_hand", "block", "turn_under_arm"):
                assert (contact.joint1, contact.joint2)[labels.actor] == WRISTS[labels.side], _name(clip)


def test_repeats_and_manner_change_the_motion() -> None:
    by_repeats: dict[int, set[int]] = {}
    for index in range(20):
        clip = make_clip(5, index, "high_five")
        by_repeats.setdefault(clip.labels.repeats, set()).add(len(clip.labels.contacts))
    assert by_repeats == {1: {1}, 2: {2}}
    bows = [make_clip(6, index, "bow") for index in range(20)]
    drop = {manner: [] for manner in KINDS["bow"].manners}
    for clip in bows:
        head = clip.joints[clip.labels.actor, :, JOINT["head"], 1]
        drop[clip.labels.manner].append(head.max() - head.min())
    assert max(drop["slightly"]) < min(drop["deeply"])


def test_further_kinds_show_what_their_labels_say() -> None:
    """Turns are complete, the helped person gets up, objects change hands, pointing arms are straight."""
    for index in range(5):
        clip = make_clip(8, index, "turn_under_arm")
        other = 1 - clip.labels.actor
        hips = clip.joints[other, :, 1] - clip.joints[other, :, 2]
        turned = np.ptp(np.unwrap(np.arctan2(hips[:, 2], hips[:, 0])))
        assert turned == pytest.approx(2 * np.pi * clip.labels.repeats, abs=0.5), _name(clip)

        clip = make_clip(8, index, "pull_up")
        pelvis = clip.joints[1 - clip.labels.actor, :, 0, 1]
        assert pelvis[-1] - pelvis[0] > 0.3, _name(clip)

        clip = make_clip(8, index, "hand_over")
        held = clip.joints[:, :, list(WRISTS.values()), 1].min(axis=2) - clip.joints[:, :, 0, 1]
        actor = clip.labels.actor
        assert held[actor, 0] > 0.05 > held[actor, -1], _name(clip)
        assert held[1 - actor, 0] < 0.05 < held[1 - actor, -1], _name(clip)

        clip = make_clip(8, index, "point_and_look")
        action = dict(clip.labels.events)["action"]
        arm = clip.joints[clip.labels.actor, action]
        shoulder, elbow, wrist = (arm[j if clip.labels.side == LEFT else j + 1] for j in (16, 18, 20))
        straight = np.linalg.norm(wrist - shoulder) / (
            np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow)
        )
        assert straight > 0.95, _name(clip)
        assert (wrist[1] - shoulder[1] > 0.2) == (clip.labels.manner == "up"), _name(clip)


def test_clap_game_claps_as_often_as_it_says() -> None:
    for index in range(6):
        clip = make_clip(9, index, "clap_game")
        palms = [contact_point(clip.joints[p], j) for p, j in ((0, 21), (1, 20))]
        near = np.linalg.norm(palms[0] - palms[1], axis=-1) < 0.05
        assert (np.diff(near.astype(int)) == 1).sum() == clip.labels.repeats, _name(clip)
        own = np.linalg.norm(contact_point(clip.joints[0], 20) - contact_point(clip.joints[0], 21), axis=-1)
        assert (np.diff((own < 0.06).astype(int)) == 1).sum() == clip.labels.repeats, _name(clip)


def test_people_look_at_each_other() -> None:
    for index in range(6):
        clip = make_clip(7, index, "wave")
        local = matrix_from_sixd_columns(clip.rotations6d.astype(np.float64))
        full = np.concatenate([clip.root_rotation[:, :, None], local], axis=2)
        _, rotations = forward_kinematics(
            full, clip.joints[:, :, 0].astype(np.float64), clip.offsets[:, None]
        )
        forward = rotations[:, :, JOINT["head"], :, 2]
        way = clip.joints[::-1, :, JOINT["head"]] - clip.joints[:, :, JOINT["head"]]
        cosine = (forward * way).sum(-1) / np.linalg.norm(way, axis=-1)
        assert np.median(cosine) > math.cos(math.radians(25)), _name(clip)


def _digest(clip: DuetClip) -> str:
    parts = (clip.joints, clip.rotations6d, clip.root_rotation, clip.offsets)
    return hashlib.sha256(b"".join(p.tobytes() for p in parts) + repr(clip.labels).encode()).hexdigest()


def test_clips_of_the_core_corpus_never_change() -> None:
    """Evaluators, test splits and the bundled model depend on them. Rounded: libm differs in last bits."""
    digest = hashlib.sha256()
    clips = [make_corpus_clip(0, index) for index in range(24)]
    clips += [make_corpus_clip(2026, index) for index in split_indices("test", 120)]
    for clip in clips:
        digest.update(np.round(clip.joints.astype(np.float64) * 1e4).astype(np.int32).tobytes())
        digest.update(np.round(clip.rotations6d.astype(np.float64) * 1e3).astype(np.int32).tobytes())
        digest.update(labels_to_json(clip.labels).encode())
        digest.update(repr((clip.captions, clip.held_out_captions)).encode())
    assert {clip.labels.kind for clip in clips} == set(CORE_KINDS)
    assert digest.hexdigest() == CORE_SHA256


def test_a_set_of_kinds_is_drawn_evenly_and_only_from() -> None:
    drawn = [make_clip(3, index, kinds=kind_set("wave,bow,whisper")).labels for index in range(60)]
    counts = Counter(labels.kind for labels in drawn)
    assert set(counts) == {"wave", "bow", "whisper"} and min(counts.values()) >= 10
    assert all(labels.then is None for labels in drawn)


@pytest.mark.parametrize(
    "names, share, match",
    [
        ("core,juggling", None, "unknown kind 'core'"),
        (
            "wave,juggling",
            None,
            "unknown kind 'juggling'; accepted: core, duets-1, all, or some of handshake",
        ),
        ("wave,wave", None, "name one twice"),
        ("wave,bow", 1.5, "share 1.5; accepted: 0 to 1"),
        ("follow,lead_by_hand", 0.5, "can be joined by 'then'"),
    ],
)
def test_senseless_sets_of_kinds_are_refused(names: str, share: float | None, match: str) -> None:
    with pytest.raises(InputError, match=match):
        kind_set(names, share)


def test_named_sets() -> None:
    assert kind_set("core") == CORE
    assert kind_set("all").kinds == tuple(KINDS) and 0.0 < kind_set("all").two_phase < 0.5
    assert kind_set("bow, wave").kinds == ("bow", "wave")


def test_same_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from intermask_cli.datasets.duets.clips import make_clip\n"
        "for i in range(6):\n"
        "    c = make_clip(11, i); parts = (c.joints, c.rotations6d, c.root_rotation, c.offsets)\n"
        "    data = b''.join(p.tobytes() for p in parts) + repr(c.labels).encode()\n"
        "    print(hashlib.sha256(data).hexdigest())"
    )
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": "7"}
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=root
    )
    here = [_digest(make_clip(11, index)) for index in range(6)]
    assert other.stdout.split() == here
    assert len(set(here)) == 6
    assert _digest(make_clip(12, 0)) != here[0]


def test_kinds_roles_sides_and_headings_are_balanced() -> None:
    drawn = [make_clip(13, index) for index in range(240)]
    kinds = Counter(clip.labels.kind for clip in drawn)
    assert set(kinds) == set(CORE_KINDS)
    assert max(kinds.values()) < 3.2 * min(kinds.values())
    order = [list(KINDS).index(clip.labels.kind) for clip in drawn]
    assert len({(b - a) % len(KINDS) for a, b in pairwise(order)}) > 6  # not cycling
    for values in (
        [c.labels.actor for c in drawn if KINDS[c.labels.kind].has_actor],
        [c.labels.side == RIGHT for c in drawn if c.labels.side],
    ):
        assert 0.4 < np.mean(values) < 0.6
    heading = np.array([np.arctan2(c.root_rotation[0, 0, 0, 2], c.root_rotation[0, 0, 2, 2]) for c in drawn])
    assert min(np.histogram(heading, bins=4, range=(-np.pi, np.pi))[0]) > 35
    assert 90 < np.mean([c.joints.shape[1] for c in drawn]) < 130


def test_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown kind 'juggling'.*handshake"):
        make_clip(1, 1, "juggling")


def test_bodies_are_adults_in_proportion() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        body = random_body(rng)
        assert HEIGHT_RANGE_M[0] <= body.scale * 1.70 + 1e-9 and body.scale * 1.70 <= HEIGHT_RANGE_M[1] + 1e-9
        np.testing.assert_allclose(
            body.offsets[[1, 4, 7, 10, 16, 18, 20], 1:], body.offsets[[2, 5, 8, 11, 17, 19, 21], 1:]
        )


def test_two_bone_limb_meets_its_target_and_bends_towards_the_pole() -> None:
    rng = np.random.default_rng(1)
    upper, lower = np.array([0.26, 0.0, -0.01]), np.array([0.25, 0.0, 0.0])
    way = rng.normal(size=(50, 3))
    target = way / np.linalg.norm(way, axis=1, keepdims=True) * rng.uniform(0.2, 0.5, (50, 1))
    pole = rng.normal(size=(50, 3))
    first, second = two_bone_rotations(
        np.zeros(3), target, pole, upper, lower, 0.09, np.array([0.0, -1.0, 0.0])
    )
    elbow = first @ upper
    palm = elbow + second @ (lower * (0.34 / 0.25))
    np.testing.assert_allclose(palm, target, atol=1e-9)
    aside = pole - (pole * target).sum(1, keepdims=True) * target / (target**2).sum(1, keepdims=True)
    assert ((elbow * aside).sum(1) > 0).all()
    np.testing.assert_allclose(np.linalg.det(first), 1.0)


def test_soft_reach_keeps_near_targets_and_bounds_far_ones() -> None:
    near = np.array([[0.0, 0.0, 0.5]])
    np.testing.assert_array_equal(soft_reach(np.zeros(3), near, np.array(1.0), 0.9, 0.98), near)
    far = soft_reach(np.zeros(3), np.array([[0.0, 0.0, 3.0]]), np.array(1.0), 0.9, 0.98)
    assert 0.97 < far[0, 2] <= 0.98


def test_walking_feet_alternate_and_stay_planted() -> None:
    body, frames = random_body(np.random.default_rng(3)), 150
    # The first person walks, the second one stands and lifts the right foot once.
    root, yaw = np.zeros((2, frames, 2)), np.zeros((2, frames))
    root[0, :, 1] = 1.1 * np.arange(frames) / FPS
    feet = plan_feet(GroundPath.of(root, yaw), (body, body), ([], [Flight(1, 20, 40)]))
    swing = feet.swing[0]
    starts = [
        (t, foot) for foot in (0, 1) for t in range(1, frames) if swing[foot, t] > 0 >= swing[foot, t - 1]
    ]
    stepping = [foot for _, foot in sorted(starts)]
    assert len(stepping) >= 7
    assert all(a != b for a, b in pairwise(stepping))
    assert (feet.x[0, 0] > feet.x[0, 1]).all()
    moved = np.abs(np.diff(feet.z[0]))
    assert moved[(swing[:, 1:] == 0) & (swing[:, :-1] == 0)].max() == 0.0
    assert (feet.swing[1, 1, 21:40] > 0).all()
    assert (feet.swing[1, 0] == 0).all()


def test_noise_is_a_sum_of_sines() -> None:
    noise = wander(np.random.default_rng(4), 100, 2, 4.0, FPS)
    rng = np.random.default_rng(4)
    speed = 2 * np.pi / (4.0 * FPS * rng.uniform(0.6, 1.8, (2, 3, 1)))
    waves = np.sin(speed * np.arange(100) + rng.uniform(0, 2 * np.pi, (2, 3, 1)))
    np.testing.assert_allclose(noise, 0.6 * waves.sum(axis=1), atol=1e-12)


def test_rate_is_the_gradient_per_second() -> None:
    curve = np.random.default_rng(5).normal(size=(2, 20))
    np.testing.assert_allclose(rate(curve), np.gradient(curve, axis=1) * FPS)


def test_easing_curves() -> None:
    u = np.linspace(0, 1, 101)
    assert minimum_jerk(u)[[0, 50, 100]] == pytest.approx([0, 0.5, 1])
    assert trapezoid(u)[[0, 50, 100]] == pytest.approx([0, 0.5, 1])
    assert (np.diff(trapezoid(u, 0.3)) >= 0).all()
    t = np.arange(100.0)
    shape = pulse(t, 10, 20, 40, 60)
    assert shape[[0, 10, 20, 30, 40, 60, 99]] == pytest.approx([0, 0, 1, 1, 1, 0, 0])
    wave = oscillation(t, 10, 70, 3)
    assert not wave[:11].any() and not wave[70:].any()
    assert (np.diff(np.sign(wave[12:68])) != 0).sum() == 5


@pytest.mark.parametrize("axis", [0, 1])
def test_frames_nearby_are_those_of_a_sliding_window(axis: int) -> None:
    values = np.random.default_rng(0).normal(size=(7, 9))
    padded = np.pad(values, [(3, 3) if a == axis else (0, 0) for a in range(2)], mode="edge")
    expected = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=axis)
    np.testing.assert_array_equal(nearby(values, 3, axis), expected)
