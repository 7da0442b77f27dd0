"""Who acts and with which side, read from joint positions alone by plain geometry (nothing is trained).

The kind is given, and its detector looks for the defining movement; call `detect`. Persons are 0 and 1 as in
the joints; sides belong to the body of the actor (or of both in symmetric kinds).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from intermask_cli.datasets.duets.labels import KINDS, LEFT, RIGHT, contact_point
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import JOINT

Array = np.ndarray
#: Actor (0 or 1) and side; None where the kind has none.
ActorSide = tuple[int | None, str | None]

_WRISTS = (JOINT["left_wrist"], JOINT["right_wrist"])
_FEET = (JOINT["left_foot"], JOINT["right_foot"])
_SIDES = (LEFT, RIGHT)
#: Frames by which a mirroring partner can be behind.
_LONGEST_LAG = 20
#: Of about one stride, over which the sway from foot to foot cancels out.
_STRIDE_FRAMES = 27
#: A trunk that leans less far only nods back.
_BOW_RAD = math.radians(14)
#: Shortest time for which a waving hand is up.
_HELD_FRAMES = 12
#: Paths that turn less are straight.
_TURNING_RAD = math.radians(22)


def detect(joints: Array, kind: str) -> ActorSide:
    """Joints (2, T, 22, 3) metres, Y up, of a clip of this kind -> (actor, side).

    Both are None where the kind has none. Raises KeyError for an unknown kind.
    """
    info = KINDS[kind]
    actor, side = _DETECTORS[kind](np.asarray(joints, dtype=np.float64))
    return actor if info.has_actor else None, side if info.side else None


def performers(joints: Array, kind: str) -> tuple[int, ...]:
    """The persons (0, 1) who show the defining movement: one for "bow" and "wave", two where it is answered.

    Joints as for `detect`. Raises KeyError for a kind whose movement only one or only both can make.
    """
    joints = np.asarray(joints, dtype=np.float64)
    shown = _SHOWN_BY[kind](joints)
    return tuple(person for person in (0, 1) if shown[person])


def _leaning(joints: Array) -> Array:
    """How much farther each trunk leans than at its most upright, radians: (2,)."""
    trunk = joints[:, :, JOINT["neck"]] - joints[:, :, 0]
    lean = np.arctan2(np.linalg.norm(_ground(trunk), axis=-1), trunk[..., 1])
    result: Array = np.ptp(lean, axis=1)
    return result


def _bowing(joints: Array) -> Array:
    """Whether each trunk leans: (2,)."""
    result: Array = _leaning(joints) > _BOW_RAD
    return result


def _raising(joints: Array) -> Array:
    """Whether each holds a wrist above the neck for a while: (2,)."""
    above = joints[:, :, list(_WRISTS), 1] > joints[:, :, JOINT["neck"], 1, None]
    result: Array = above.sum(axis=1).max(axis=1) >= _HELD_FRAMES
    return result


_SHOWN_BY: dict[str, Callable[[Array], Array]] = {
    "bow": _bowing, "both_bow": _bowing, "wave": _raising, "waves_back": _raising,
}  # fmt: skip


def _neither(joints: Array) -> ActorSide:
    return None, None


def _ground(points: Array) -> Array:
    """(..., 3) -> (..., 2): x and z."""
    return points[..., [0, 2]]


def _palms(joints: Array) -> Array:
    """Palms (2 people, 2 hands, T, 3)."""
    return np.stack([contact_point(joints, wrist) for wrist in _WRISTS], axis=1)


def _left(joints: Array) -> Array:
    """Unit vectors (..., T, 2) on the ground to the left of each body, from the hips."""
    return normalize(_ground(joints[..., JOINT["left_hip"], :] - joints[..., JOINT["right_hip"], :]))


def _best(values: Array) -> tuple[int, str]:
    """Where (2 people, 2 sides) is largest."""
    person, side = np.unravel_index(int(np.argmax(values)), values.shape)
    return int(person), _SIDES[int(side)]


def _bow(joints: Array) -> ActorSide:
    """The trunk that leans farthest from its own most upright."""
    return int(np.argmax(_leaning(joints))), None


def _wave(joints: Array) -> ActorSide:
    """The wrist highest above the owner's neck."""
    above = joints[:, :, list(_WRISTS), 1] - joints[:, :, JOINT["neck"], 1, None]
    return _best(np.sort(above, axis=1)[:, -8:].mean(axis=1))


def _high_five(joints: Array) -> ActorSide:
    """The pair of same-side palms that come closest."""
    palms = _palms(joints)
    gaps = np.linalg.norm(palms[0] - palms[1], axis=-1).min(axis=-1)
    return None, _SIDES[int(np.argmin(gaps))]


def _punch(joints: Array) -> ActorSide:
    """The wrist that reaches farthest from its own pelvis towards the partner."""
    pelvis = _ground(joints[:, :, 0])
    towards = normalize(pelvis[::-1] - pelvis)
    reach = _ground(joints[:, :, list(_WRISTS)]) - pelvis[:, :, None]
    return _best((reach * towards[:, :, None]).sum(-1).max(axis=1))


def _kick(joints: Array) -> ActorSide:
    """The highest foot."""
    return _best(joints[:, :, list(_FEET), 1].max(axis=1))


def _push(joints: Array) -> ActorSide:
    """The one whose partner moves away after the hands were nearest to the chest."""
    palms = _palms(joints)
    chest = joints[:, None, :, JOINT["spine3"]]
    touch = int(np.argmin(np.linalg.norm(palms - chest[::-1], axis=-1).min(axis=(0, 1))))
    pelvis = _ground(joints[:, :, 0])
    away = normalize(pelvis[:, touch] - pelvis[::-1, touch])
    travel = ((pelvis[:, touch:] - pelvis[:, touch, None]) * away[:, None]).sum(-1).max(axis=1)
    return int(np.argmin(travel)), None


def _circle(joints: Array) -> ActorSide:
    """The sense in which the line between the two turns: positive angles walk to the own right."""
    line = _ground(joints[1, :, 0] - joints[0, :, 0])
    angle = np.unwrap(np.arctan2(line[:, 0], line[:, 1]))
    return None, RIGHT if angle[-1] > angle[0] else LEFT


def _dance(joints: Array) -> ActorSide:
    """The one whose sideways movement is ahead in time; the side of that one's first large excursion."""
    pelvis = _ground(joints[:, :, 0])
    axis = normalize((_left(joints[0]) - _left(joints[1])).mean(axis=0))
    place = pelvis @ axis
    place = place - place.mean(axis=1, keepdims=True)
    lags = range(-_LONGEST_LAG, _LONGEST_LAG + 1)
    match = [_correlation(place[0], place[1], lag) for lag in lags]
    actor = 0 if lags[int(np.argmax(match))] > 0 else 1
    start = joints[actor, :1, 0]
    moved = ((pelvis[actor] - _ground(start)) * _left(joints[actor])[:1]).sum(-1)
    first = int(np.argmax(np.abs(moved) > 0.4 * np.abs(moved).max()))
    return actor, LEFT if moved[first] > 0 else RIGHT


def _correlation(first: Array, second: Array, lag: int) -> float:
    """Correlation of the first curve with the second taken `lag` frames later."""
    if lag >= 0:
        a, b = first[: len(first) - lag], second[lag:]
    else:
        a, b = first[-lag:], second[:lag]
    return float((a * b).sum() / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-9))


def _ahead(joints: Array) -> int:
    """Who is farther along the common direction of walking."""
    pelvis = _ground(joints[:, :, 0])
    velocity = np.gradient(pelvis.mean(axis=0), axis=0)
    return int(((pelvis[1] - pelvis[0]) * velocity).sum() > 0)


def _lead(joints: Array) -> ActorSide:
    """The one ahead; the hand that stays nearest to a hand of the other."""
    actor = _ahead(joints)
    palms = _palms(joints)
    gaps = np.linalg.norm(palms[actor][:, None] - palms[1 - actor][None], axis=-1)
    return actor, _SIDES[int(np.argmin(np.median(gaps, axis=-1).min(axis=1)))]


def _follow(joints: Array) -> ActorSide:
    """The one ahead; the way that one's path turns."""
    actor = _ahead(joints)
    way = np.diff(_ground(joints[actor, :, 0]), axis=0)
    window = np.ones(_STRIDE_FRAMES)
    way = np.stack([np.convolve(way[:, i], window, mode="valid") for i in (0, 1)], axis=-1)
    moving = np.linalg.norm(way, axis=1)
    heading = normalize(way[moving > 0.5 * moving.max()])
    angle = np.unwrap(np.arctan2(heading[:, 0], heading[:, 1]))
    turned = float(angle[-5:].mean() - angle[:5].mean())
    if abs(turned) < _TURNING_RAD:
        return actor, None
    return actor, LEFT if turned > 0 else RIGHT


def _turning(joints: Array) -> Array:
    """Heading (2, T) of both bodies, unwrapped radians."""
    left = _left(joints)
    return np.unwrap(np.arctan2(-left[..., 1], left[..., 0]), axis=-1)


def _turned_under(joints: Array) -> ActorSide:
    """The one who does not spin; that one's hand that goes up highest."""
    heading = _turning(joints)
    actor = int(np.argmin(np.ptp(heading, axis=1)))
    return actor, _higher_hand(joints, actor)


def _higher_hand(joints: Array, person: int) -> str:
    height = joints[person][:, list(_WRISTS), 1]
    return _SIDES[int(np.argmax(np.sort(height, axis=0)[-8:].mean(axis=0)))]


def _path_turn(joints: Array) -> ActorSide:
    """The way the middle between the two turns."""
    return None, _follow(joints.mean(axis=0, keepdims=True).repeat(2, axis=0))[1]


def _passing(joints: Array) -> ActorSide:
    """Where the other is when they are nearest to each other."""
    pelvis = _ground(joints[:, :, 0])
    near = int(np.argmin(np.linalg.norm(pelvis[0] - pelvis[1], axis=-1)))
    across = ((pelvis[1] - pelvis[0]) * _left(joints[0]))[near].sum()
    return None, LEFT if across > 0 else RIGHT


def _lowest_pelvis(joints: Array) -> int:
    return int(np.argmin(joints[:, :, 0, 1].min(axis=1) / joints[:, :, 0, 1].max(axis=1)))


def _pull(joints: Array) -> ActorSide:
    """The one who is not down; the same side's hands that stay nearest to each other."""
    palms = _palms(joints)
    gaps = np.sort(np.linalg.norm(palms[0] - palms[1], axis=-1), axis=-1)[:, :15].mean(axis=-1)
    return 1 - _lowest_pelvis(joints), _SIDES[int(np.argmin(gaps))]


def _support(joints: Array) -> ActorSide:
    """The palm that stays nearest to the other's waist."""
    waist = joints[::-1, None, :, JOINT["spine1"]]
    return _best(-np.median(np.linalg.norm(_palms(joints) - waist, axis=-1), axis=-1))


def _hand_over(joints: Array) -> ActorSide:
    """The one whose hands are in front of the body before, and not after."""
    pelvis = _ground(joints[:, :, 0])
    towards = normalize(pelvis[::-1] - pelvis)
    reach = ((_ground(joints[:, :, list(_WRISTS)]) - pelvis[:, :, None]) * towards[:, :, None]).sum(-1)
    held = reach.min(axis=-1)
    tenth = max(held.shape[1] // 10, 3)
    return int(np.argmax(held[:, :tenth].mean(axis=1) - held[:, -tenth:].mean(axis=1))), None


def _point(joints: Array) -> ActorSide:
    """The wrist that stays farthest out from its own shoulders' middle, away from the partner."""
    chest = joints[:, :, JOINT["neck"]]
    away = normalize(_ground(chest - chest[::-1]))
    reach = _ground(joints[:, :, list(_WRISTS)] - chest[:, :, None])
    across = reach - np.minimum((reach * away[:, :, None]).sum(-1, keepdims=True), 0.0) * away[:, :, None]
    out = np.sort(np.linalg.norm(across, axis=-1), axis=1)[:, -12:]
    return _best(out.mean(axis=1))


def _sneak(joints: Array) -> ActorSide:
    """The one who has the other, turned away, in front at the beginning."""
    first = joints[:, :10].mean(axis=1, keepdims=True)
    left = _left(first)[:, 0]
    ahead = np.stack([-left[:, 1], left[:, 0]], axis=-1)
    way = _ground(first[::-1, 0, 0] - first[:, 0, 0])
    return int(np.argmax((ahead * way).sum(-1))), None


def _game(joints: Array) -> ActorSide:
    """The winner's arms go up; before that one hand of both beats up and down."""
    height = joints[:, :, list(_WRISTS), 1] - joints[:, :, 0, 1, None]
    lower = np.sort(height.min(axis=2), axis=1)[:, -8:].mean(axis=1)
    actor = int(np.argmax(lower))
    cheer = int(np.argmax(height[actor].min(axis=1)))
    travel = np.abs(np.diff(height[:, : max(cheer - 15, 20)], n=2, axis=1)).sum(axis=(0, 1))
    return actor, _SIDES[int(np.argmax(travel))]


def _whisper(joints: Array) -> ActorSide:
    """The palm that stays nearest to its owner's face."""
    face = joints[:, None, :, JOINT["head"]]
    gaps = np.sort(np.linalg.norm(_palms(joints) - face, axis=-1), axis=-1)
    return _best(-gaps[..., :15].mean(axis=-1))


def _blow(joints: Array) -> ActorSide:
    """The wrist that is first to go well above its owner's neck; the blocking arm comes later."""
    above = joints[:, :, list(_WRISTS), 1] - joints[:, :, JOINT["neck"], 1, None]
    high = above > 0.6 * above.max()
    first = np.where(high.any(axis=1), high.argmax(axis=1), joints.shape[1])
    return _best(-first)


def _first_to_wave(joints: Array) -> ActorSide:
    """The wrist that is first to go above its owner's neck and stays there for a while."""
    above = joints[:, :, list(_WRISTS), 1] - joints[:, :, JOINT["neck"], 1, None]
    raised = above > 0.5 * above.max(axis=(1, 2), keepdims=True)
    first = np.where(raised.any(axis=1), raised.argmax(axis=1), joints.shape[1])
    return _best(-first)


def _near_shoulder(joints: Array) -> ActorSide:
    """The same side's shoulders that come nearest to each other."""
    sides = joints[:, :, [JOINT["left_shoulder"], JOINT["right_shoulder"]]]
    return None, _SIDES[int(np.argmin(np.linalg.norm(sides[0] - sides[1], axis=-1).min(axis=0)))]


def _applauded(joints: Array) -> ActorSide:
    """The one whose own palms do not meet again and again."""
    gaps = np.linalg.norm(np.diff(_palms(joints), axis=1)[:, 0], axis=-1)
    beats = np.abs(np.diff(gaps, axis=1)) * (gaps[:, 1:] < 0.35)
    return int(np.argmin(beats.sum(axis=1))), None


def _beckon(joints: Array) -> ActorSide:
    """The one who walks less; the hand of that one that goes up highest."""
    pelvis = _ground(joints[:, :, 0])
    actor = int(np.argmin(np.linalg.norm(pelvis[:, -1] - pelvis[:, 0], axis=-1)))
    return actor, _higher_hand(joints, actor)


def _comfort(joints: Array) -> ActorSide:
    """The palm that stays nearest to a shoulder of the other."""
    shoulders = joints[::-1][:, :, [JOINT["left_shoulder"], JOINT["right_shoulder"]]]
    gaps = np.linalg.norm(_palms(joints)[:, :, :, None] - shoulders[:, None], axis=-1).min(axis=-1)
    return _best(-np.sort(gaps, axis=-1)[..., :20].mean(axis=-1))


def _clasped(joints: Array) -> ActorSide:
    """The same side's palms that stay together longest."""
    palms = _palms(joints)
    gaps = np.sort(np.linalg.norm(palms[0] - palms[1], axis=-1), axis=-1)
    return None, _SIDES[int(np.argmin(gaps[:, :30].mean(axis=-1)))]


def _counter(joints: Array) -> ActorSide:
    """The one whose arm is the last to be stretched out; that arm."""
    shoulders = joints[:, :, [JOINT["left_shoulder"], JOINT["right_shoulder"]]]
    way = joints[:, :, list(_WRISTS)] - shoulders
    # Arms hang straight before and after, so only the way over the ground counts.
    reach = np.linalg.norm(way, axis=-1) + np.minimum(way[..., 1] + 0.25, 0.0) * 4.0
    actor = int(np.argmax(reach.max(axis=2).argmax(axis=1)))
    return actor, _SIDES[int(np.argmax(reach[actor].max(axis=0)))]


_DETECTORS: dict[str, Callable[[Array], ActorSide]] = {
    "handshake": _neither,
    "bow": _bow,
    "wave": _wave,
    "high_five": _high_five,
    "hug": _neither,
    "punch_guard": _punch,
    "kick_dodge": _kick,
    "push_stagger": _push,
    "circle_each_other": _circle,
    "mirror_dance": _dance,
    "lead_by_hand": _lead,
    "follow": _follow,
    "fist_bump": _high_five,
    "block": _blow,
    "circle_hands": _circle,
    "turn_under_arm": _turned_under,
    "walk_side_by_side": _path_turn,
    "pass_by": _passing,
    "pull_up": _pull,
    "support_walk": _support,
    "hand_over": _hand_over,
    "clap_game": _neither,
    "point_and_look": _point,
    "sneak_startle": _sneak,
    "rock_paper_scissors": _game,
    "whisper": _whisper,
    "both_bow": _neither,
    "waves_back": _first_to_wave,
    "high_ten": _neither,
    "toast": _high_five,
    "shoulder_bump": _near_shoulder,
    "applause": _applauded,
    "celebrate_jump": _neither,
    "photo_together": _neither,
    "sit_together": _neither,
    "talk_gestures": _neither,
    "argument": _neither,
    "beckon": _beckon,
    "comfort": _comfort,
    "carry_together": _neither,
    "arm_wrestle": _clasped,
    "tug": _neither,
    "waltz_hold": _neither,
    "latin_dance": _neither,
    "dodge_counter": _counter,
    "boxing_bout": _neither,
    "sabre_duel": _neither,
}
