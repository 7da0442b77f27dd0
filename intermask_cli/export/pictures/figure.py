"""The figure that is drawn for a person: parts of a mannequin, placed by the 22 joints alone.

Every part is a tapered capsule. Both ends are weighted sums of joints, plus metres forward of the chest, so
a whole clip is one matrix product, and the viewer page needs the same table and nothing else. The sizes are
those of an average adult, our choice; soles are level with the toe joints, where motion here has the floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from intermask_cli.motion.skeleton import JOINT, NUM_JOINTS

#: Which of a person's colours a part has: the trunk's, that of left or right limbs, or that of eyes and nose.
Tone = Literal["trunk", "left", "right", "face"]
#: Across which direction a part is wider than thick: a line between two joints, or any level line.
Width = tuple[int, int] | Literal["level"] | None


@dataclass(frozen=True)
class BodyPart:
    """A tapered capsule.

    Attributes:
        name: of the part of the body.
        joint: the joint that carries it.
        ends: weights of joints for its start and its end.
        forward_m: metres forward of the chest, added to both ends.
        radii_m: at its start and its end.
        tone: its colour.
        width, flat: across `width` it is `flat` times as wide as its radii say.
    """

    name: str
    joint: int
    ends: tuple[Mapping[int, float], Mapping[int, float]]
    radii_m: tuple[float, float]
    tone: Tone
    forward_m: float = 0.0
    width: Width = None
    flat: float = 1.0


#: Weights of joints, as (weight, name of the joint).
Terms = tuple[tuple[float, str], ...]


def _at(joint: str) -> Terms:
    return ((1.0, joint),)


def _moved(place: Terms, share: float, start: str, end: str) -> Terms:
    """A place moved by a share of the way from one joint to another."""
    return (*place, (share, end), (-share, start))


def _part(
    name: str, joint: str, start: Terms, end: Terms, radii_m: tuple[float, float], tone: Tone, **more: Any
) -> BodyPart:
    """A part between two places."""
    weights: list[dict[int, float]] = [{}, {}]
    for terms, sums in zip((start, end), weights, strict=True):
        for weight, term in terms:
            sums[JOINT[term]] = sums.get(JOINT[term], 0.0) + weight
    return BodyPart(name, JOINT[joint], (weights[0], weights[1]), radii_m, tone, **more)


def _trunk() -> list[BodyPart]:
    left, right = "left_shoulder", "right_shoulder"
    shoulders, hips = (JOINT[right], JOINT[left]), (JOINT["right_hip"], JOINT["left_hip"])
    seat = ((0.45, "left_hip"), (0.45, "right_hip"), (0.1, "pelvis"))
    bust = _moved(_at("spine3"), 0.45, "spine3", "neck")
    skull = _moved(_at("head"), 0.35, "neck", "head")
    jaw, crown = _moved(skull, 0.12, "neck", "spine3"), _moved(skull, 0.1, "spine3", "neck")
    nose = _moved(skull, 0.03, "neck", "spine3")
    ends = (_moved(_at(left), 0.1, left, right), _moved(_at(right), 0.1, right, left))
    return [
        _part("pelvis", "pelvis", seat, _at("spine1"), (0.088, 0.084), "trunk", width=hips, flat=1.5),
        _part("waist", "spine1", _at("spine1"), _at("spine2"), (0.084, 0.092), "trunk",
              width=shoulders, flat=1.4),
        _part("chest", "spine3", _at("spine2"), bust, (0.092, 0.088), "trunk",
              width=shoulders, flat=1.55, forward_m=0.008),
        _part("shoulders", "spine3", *ends, (0.06, 0.06), "trunk"),
        _part("neck", "neck", _at("neck"), _at("head"), (0.05, 0.046), "trunk"),
        _part("head", "head", jaw, crown, (0.076, 0.088), "trunk"),
        _part("nose", "head", skull, nose, (0.012, 0.017), "face", forward_m=0.085),
        *(
            _part(f"{side}_eye", "head", place, place, (0.017, 0.017), "face", forward_m=0.07)
            for side, place in (
                ("left", _moved(crown, 0.1, right, left)),
                ("right", _moved(crown, 0.1, left, right)),
            )
        ),
    ]  # fmt: skip


def _limbs(side: Literal["left", "right"], other: str) -> list[BodyPart]:
    hip, knee, ankle, toe = (f"{side}_{name}" for name in ("hip", "knee", "ankle", "foot"))
    shoulder, elbow, wrist = (f"{side}_{name}" for name in ("shoulder", "elbow", "wrist"))
    thigh = _moved(_at(hip), 0.05, hip, f"{other}_hip")
    heel = _moved(_moved(_at(ankle), -0.25, ankle, toe), 0.1, knee, ankle)
    tip = _moved(_moved(_at(toe), 0.2, ankle, toe), 0.1, ankle, knee)
    palm, knuckles, fingers, tips = (_moved(_at(wrist), k, elbow, wrist) for k in (0.14, 0.34, 0.36, 0.66))
    return [
        _part(f"{side}_thigh", hip, thigh, _at(knee), (0.086, 0.056), side),
        _part(f"{side}_shin", knee, _at(knee), _at(ankle), (0.056, 0.037), side),
        _part(f"{side}_foot", ankle, heel, tip, (0.036, 0.027), side, width="level", flat=1.3),
        _part(f"{side}_upper_arm", shoulder, _at(shoulder), _at(elbow), (0.055, 0.041), side),
        _part(f"{side}_forearm", elbow, _at(elbow), _at(wrist), (0.041, 0.03), side),
        _part(f"{side}_palm", wrist, palm, knuckles, (0.034, 0.038), side),
        _part(f"{side}_fingers", wrist, fingers, tips, (0.032, 0.018), side),
    ]


PARTS = (*_trunk(), *_limbs("left", "right"), *_limbs("right", "left"))
RADII_M = np.array([part.radii_m for part in PARTS])
_WEIGHTS = np.zeros((len(PARTS), 2, NUM_JOINTS))
for _index, _body_part in enumerate(PARTS):
    for _end, _weights in enumerate(_body_part.ends):
        for _joint, _weight in _weights.items():
            _WEIGHTS[_index, _end, _joint] = _weight
_FORWARD_M = np.array([part.forward_m for part in PARTS])
_FLAT = np.array([part.flat for part in PARTS])


def facing(joints: np.ndarray) -> np.ndarray:
    """Unit vector (..., 3) forward of the chest, of joints (..., 22, 3)."""
    left = joints[..., JOINT["left_shoulder"], :] - joints[..., JOINT["right_shoulder"], :]
    forward = np.cross(left, joints[..., JOINT["neck"], :] - joints[..., JOINT["pelvis"], :])
    unit: np.ndarray = forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
    return unit


def figure_ends(joints: np.ndarray) -> np.ndarray:
    """Ends (..., parts, 2, 3) of all parts, metres, of joints (..., 22, 3)."""
    shape = joints.shape[:-2]
    ends = _WEIGHTS.reshape(-1, NUM_JOINTS) @ joints  # (..., parts * 2, 3)
    ends = ends.reshape(*shape, len(PARTS), 2, 3)
    moved: np.ndarray = ends + _FORWARD_M[:, None, None] * facing(joints)[..., None, None, :]
    return moved


def figure_widths(joints: np.ndarray) -> np.ndarray:
    """Vectors (..., parts, 3): the unit direction across which a part is wide, times flat² - 1; else 0.

    A radius seen along a unit vector s across the part is then radius * sqrt(1 + (s · d)² (flat² - 1)), d the
    direction: `scene.outlines` uses it.
    """
    widths = np.zeros((*joints.shape[:-2], len(PARTS), 3))
    ends = figure_ends(joints)
    for index, part in enumerate(PARTS):
        if part.width is None:
            continue
        axis = ends[..., index, 1, :] - ends[..., index, 0, :]
        if part.width == "level":
            across = np.cross(axis, np.array([0.0, 1.0, 0.0]))
        else:
            across = joints[..., part.width[1], :] - joints[..., part.width[0], :]
        across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
        widths[..., index, :] = across * np.sqrt(_FLAT[index] ** 2 - 1)
    return widths


def figure_table() -> list[dict[str, Any]]:
    """The parts as plain values, for the viewer page."""
    return [
        {
            "name": part.name,
            "joint": part.joint,
            "ends": [[[joint, weight] for joint, weight in end.items()] for end in part.ends],
            "radii": list(part.radii_m),
            "tone": part.tone,
            "forward": part.forward_m,
            "width": list(part.width) if isinstance(part.width, tuple) else part.width,
            "flat": part.flat,
        }
        for part in PARTS
    ]
