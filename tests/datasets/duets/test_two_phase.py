"""Clips of two phases: both actions, in order, with their own roles and sides, and no seam between them."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.judges.detectors import detect
from intermask_cli.datasets.duets.captions import CAPTION_TYPES, Caption, captions_for, stated_values
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.corpus import (
    labels_from_json,
    labels_to_json,
    make_corpus_clip,
    split_indices,
)
from intermask_cli.datasets.duets.labels import (
    KINDS,
    LEFT,
    DuetClip,
    KindSet,
    Labels,
    contact_point,
    draw_labels,
    kind_set,
)
from intermask_cli.datasets.duets.two_phase import LONGEST_S
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import FPS, JOINT

pytestmark = pytest.mark.slow

JOINED = kind_set("all", 1.0)
#: Kinds in which people turn away from each other, by radians at most; else 1.0.
TURNED = {"point_and_look": 1.9, "shoulder_bump": 1.3, "turn_under_arm": math.pi}
BALLS = [JOINT["left_foot"], JOINT["right_foot"]]


@pytest.fixture(scope="module")
def clips() -> list[DuetClip]:
    return [make_clip(5, index, kinds=JOINED) for index in range(60)]


def name(clip: DuetClip) -> str:
    return f"{clip.labels.kind} then {clip.labels.then.kind}, seed {clip.seed} index {clip.index}"


def test_both_phases_are_there_in_order(clips):
    pairs = {(clip.labels.kind, clip.labels.then.kind) for clip in clips}
    assert len(pairs) > 35
    for clip in clips:
        one, two = clip.labels, clip.labels.then
        frames = clip.joints.shape[1]
        assert 1 in KINDS[one.kind].phases and 2 in KINDS[two.kind].phases and one.kind != two.kind
        assert two.then is None and two.tempo == one.tempo and two.approach == "near"
        assert frames <= LONGEST_S * FPS
        last = max(frame for _, frame in one.events)
        assert last < min(frame for _, frame in two.events), name(clip)
        touches = [*one.contacts, *two.contacts]
        assert all(0 <= touch.start < touch.end <= frames for touch in touches), name(clip)


def test_hands_meet_in_both_phases(clips):
    checked = Counter()
    for clip in clips:
        for phase, labels in enumerate((clip.labels, clip.labels.then)):
            for touch in labels.contacts:
                if {touch.joint1, touch.joint2} <= {20, 21}:
                    joints = clip.joints[:, touch.start : touch.end].astype(np.float64)
                    gap = contact_point(joints[0], touch.joint1) - contact_point(joints[1], touch.joint2)
                    assert np.linalg.norm(gap, axis=-1).max() < 0.03, f"{name(clip)} phase {phase + 1}"
                    checked[phase] += 1
    assert checked[0] > 10 and checked[1] > 10


def test_each_phase_shows_its_own_role_and_side(clips):
    """The detectors look at the frames around each phase's own events and contacts."""
    seen = Counter()
    for clip in clips:
        one, two = clip.labels, clip.labels.then
        start = min([frame for _, frame in two.events] + [touch.start for touch in two.contacts]) - round(
            0.45 * FPS
        )
        spans = {
            one.kind: (one, clip.joints[:, : max(frame for _, frame in one.events) + 12]),
            two.kind: (two, clip.joints[:, start:]),
        }
        for kind, (labels, joints) in spans.items():
            if kind in ("wave", "punch_guard", "kick_dodge", "high_five", "fist_bump", "pull_up", "whisper"):
                expected = (labels.actor if KINDS[kind].has_actor else None, labels.side)
                assert detect(joints, kind) == expected, f"{name(clip)}: {kind}"
                seen[labels.side] += 1
    assert min(seen.values()) > 10


def test_the_seam_is_as_smooth_as_the_rest(clips):
    for clip in clips:
        joints = clip.joints.astype(np.float64)
        acceleration = np.linalg.norm(np.diff(joints, 2, axis=1), axis=-1) * FPS**2
        assert np.percentile(acceleration, 95) < 60 and acceleration.max() < 150, name(clip)
        balls = joints[:, :, BALLS]
        planted = balls[..., 1] < balls[..., 1].min(axis=(1, 2), keepdims=True) + 0.002
        speed = np.linalg.norm(np.diff(balls, axis=1), axis=-1)
        assert speed[planted[:, 1:] & planted[:, :-1]].max() < 0.005, name(clip)
        expected = np.linalg.norm(clip.offsets[:, None, 1:].astype(np.float64), axis=-1)
        assert np.abs(bone_lengths(joints) - expected).max() < 1e-4, name(clip)
        assert joints[..., 1].min() > -0.01, name(clip)
        heads = np.linalg.norm(joints[0, :, 15] - joints[1, :, 15], axis=-1)
        pelvis = np.linalg.norm(joints[0, :, 0] - joints[1, :, 0], axis=-1)
        assert heads.min() > 0.16 and pelvis.min() > 0.24, name(clip)


def test_people_face_each_other_when_the_second_phase_begins(clips):
    for clip in clips:
        frame = min(frame for _, frame in clip.labels.then.events)
        hips = clip.joints[:, frame, 1] - clip.joints[:, frame, 2]
        ahead = np.stack([-hips[:, 2], hips[:, 0]], axis=-1)
        way = (clip.joints[::-1, frame, 0] - clip.joints[:, frame, 0])[:, [0, 2]]
        cosine = (ahead * way).sum(-1) / np.linalg.norm(ahead, axis=-1) / np.linalg.norm(way, axis=-1)
        turned = TURNED.get(clip.labels.then.kind, 1.0)
        assert cosine.min() > math.cos(turned) - 1e-6, name(clip)


def test_shares_and_repeatability():
    mixed = KindSet(tuple(KINDS), 0.5)
    first = [make_clip(9, index, kinds=mixed) for index in range(24)]
    joined = [clip for clip in first if clip.labels.then is not None]
    assert 5 <= len(joined) <= 19
    again = make_clip(9, joined[0].index, kinds=mixed)
    assert again.labels == joined[0].labels
    np.testing.assert_array_equal(again.joints, joined[0].joints)


def test_labels_survive_json(clips):
    for clip in clips[:5]:
        assert labels_from_json(labels_to_json(clip.labels)) == clip.labels


# -- captions -----------------------------------------------------------------------------------


def drawn(rng: np.random.Generator) -> Labels:
    pairs = JOINED.pairs
    one, two = pairs[int(rng.integers(len(pairs)))]
    first, second = draw_labels(rng, one), draw_labels(rng, two)
    actor = second.actor if KINDS[two].has_actor else None
    return replace(first, then=replace(second, tempo=first.tempo, approach="near", actor=actor))


def many(n: int, held_out: bool = False) -> list[tuple[Labels, Caption]]:
    rng = np.random.default_rng(17)
    return [
        (labels, c) for labels in (drawn(rng) for _ in range(n)) for c in captions_for(labels, rng, held_out)
    ]


@pytest.mark.parametrize("held_out", [False, True])
def test_captions_say_both_phases_truly_and_in_order(held_out):
    joins = re.compile("then|after that" if not held_out else "afterwards|next|after which")
    for labels, caption in many(120, held_out):
        mention = caption.mention
        assert mention.matches(labels), caption
        assert (mention.kind, mention.then_kind) == (labels.kind, labels.then.kind)
        assert joins.search(caption.text), caption
        assert len(caption.text.split()) <= 45, caption.text
        assert not re.search(r"[\[\]{}|!]|\s{2}| [,.;]|[,;][,.;]|[,;]$|\b(\w+) \1\b", caption.text, re.I), (
            caption.text
        )
        assert not mention.matches(replace(labels, then=None)), caption
        swapped = replace(labels.then, then=replace(labels, then=None))
        assert not mention.matches(swapped), caption


def test_full_captions_name_the_roles_of_both_phases():
    for labels, caption in many(120):
        values = stated_values(labels)
        if caption.type == "full":
            for field in ("side", "manner", "then_side", "then_manner"):
                assert getattr(caption.mention, field) == values[field], caption
            if KINDS[labels.kind].has_actor:
                assert caption.mention.actor == labels.actor
            if KINDS[labels.then.kind].has_actor:
                assert caption.mention.then_actor == labels.then.actor
        if caption.type == "anonymous":
            assert caption.mention.actor is None and caption.mention.then_actor is None
            assert not re.search(r"\b(first|second)\b(?! step)", caption.text), caption.text


def test_both_sentences_call_the_people_by_the_same_names():
    pattern = re.compile(r"\bthe (?:first|second) (\w+)|\b(\w+) (?:one|two|1|2)\b", re.I)
    stop = {"the", "a", "one", "by", "of", "with", "at", "to", "two"}
    mixed = total = 0
    for _, caption in many(150):
        if caption.mention.actor is not None and caption.mention.then_actor is not None:
            found = {(a or b).lower() for a, b in pattern.findall(caption.text)}
            nouns = (
                found & {"person", "man", "woman", "friend", "fighter", "dancer", "player", "boxer"} - stop
            )
            total += 1
            mixed += len(nouns) > 1
    assert total > 60 and mixed == 0


def test_corpus_clips_of_two_phases_carry_captions():
    index = split_indices("test", 40)[0]
    clip = make_corpus_clip(5, index, lambda seed, i: make_clip(seed, i, kinds=JOINED))
    assert len(clip.captions) == len(CAPTION_TYPES) == len(clip.held_out_captions)
    assert all(mention.then_kind == clip.labels.then.kind for mention in clip.mentions)
    assert LEFT in {
        c.labels.then.side
        for c in (make_corpus_clip(5, i, lambda s, j: make_clip(s, j, kinds=JOINED)) for i in range(12))
    }
