"""A smooth low-poly body around the rest pose of a person, skinned to the 22 joints.

The body is lofted: elliptical cross-sections along the limbs, closed at both ends, their sizes those of an
adult of 1.70 m (our own measures) and in proportion for others. Its parts overlap like those of a wooden
mannequin: shoulders and hips are balls that turn with the limb, so that they keep their shape in any pose;
knees, elbows, spine and neck are one surface whose weights pass smoothly from one joint to the next.

The toe joint lies on the sole, as in the datasets, where a standing person's toe joints have height 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intermask_cli.export.loft import SkinnedPart, SkinnedRing, ellipse, loft, volume
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import JOINT, NUM_JOINTS, PARENTS, REST_OFFSETS

#: Joints per vertex that have weight; what glTF, FBX and game engines store.
MAX_INFLUENCES = 4
#: Colour of the dark band at the eyes.
VISOR_COLOUR = "#20242A"
_X, _Y, _Z = np.eye(3)
#: Vertices around the trunk and the head, around limbs, and around thumbs.
_TRUNK_SIDES, _LIMB_SIDES, _THUMB_SIDES = 12, 8, 5

# Sizes in metres for an adult of 1.70 m. Front and back are measured from the line of the spine.
#: Trunk from crotch to neck: place on the spine (joint below, joint above, share), half width, front, back.
_TRUNK = (
    ("pelvis", "spine1", -1.20, 0.070, 0.050, 0.060),
    ("pelvis", "spine1", -0.95, 0.138, 0.086, 0.102),
    ("pelvis", "spine1", -0.50, 0.170, 0.096, 0.120),
    ("pelvis", "spine1", 0.05, 0.162, 0.100, 0.106),
    ("pelvis", "spine1", 0.60, 0.138, 0.100, 0.078),
    ("spine1", "spine2", 0.20, 0.128, 0.098, 0.072),
    ("spine1", "spine2", 0.80, 0.136, 0.106, 0.080),
    ("spine2", "spine3", 0.80, 0.152, 0.116, 0.092),
    ("spine3", "neck", 0.25, 0.171, 0.122, 0.098),
    ("spine3", "neck", 0.50, 0.168, 0.114, 0.098),
    ("spine3", "neck", 0.74, 0.150, 0.090, 0.090),
    ("spine3", "neck", 0.98, 0.092, 0.064, 0.074),
)
#: Neck: place from neck to head joint, radius.
_NECK = ((-0.40, 0.064), (0.0, 0.058), (0.45, 0.052), (1.0, 0.053), (1.35, 0.050))
#: Head, from the head joint: height, centre forward, half width, front, back.
_HEAD = (
    (-0.052, 0.042, 0.026, 0.030, 0.030),
    (-0.034, 0.026, 0.048, 0.060, 0.052),
    (0.000, 0.008, 0.063, 0.082, 0.074),
    (0.040, 0.002, 0.071, 0.088, 0.092),
    (0.080, 0.000, 0.073, 0.088, 0.097),
    (0.115, -0.004, 0.066, 0.077, 0.087),
    (0.142, -0.008, 0.046, 0.052, 0.060),
    (0.156, -0.010, 0.022, 0.025, 0.028),
)
#: A dark visor where the eyes are shows from afar where a person faces: heights of its rings.
_VISOR_HEIGHTS = (0.030, 0.052, 0.074)
_VISOR_ANGLES_DEG = (-58, -35, -12, 12, 35, 58)
_VISOR_THICKNESS = 0.004
#: Nose: root, tip and base, height and forward from the head joint; half width of the base.
_NOSE = ((0.036, 0.090), (0.004, 0.112), (-0.006, 0.084), 0.013)
#: Arm: joint above, joint below, share, half height, half depth. The first closes the shoulder's ball.
_ARM = (
    ("shoulder", "elbow", -0.195, 0.022, 0.024),
    ("shoulder", "elbow", -0.15, 0.037, 0.041),
    ("shoulder", "elbow", 0.0, 0.050, 0.056),
    ("shoulder", "elbow", 0.20, 0.051, 0.054),
    ("shoulder", "elbow", 0.50, 0.046, 0.048),
    ("shoulder", "elbow", 0.84, 0.040, 0.041),
    ("elbow", "wrist", 0.0, 0.038, 0.040),
    ("elbow", "wrist", 0.20, 0.040, 0.043),
    ("elbow", "wrist", 0.68, 0.029, 0.033),
    ("elbow", "wrist", 1.0, 0.021, 0.027),
)
#: Leg: joint above, joint below, share, half width, front, back.
_LEG = (
    ("hip", "knee", -0.21, 0.034, 0.036, 0.036),
    ("hip", "knee", -0.16, 0.062, 0.066, 0.068),
    ("hip", "knee", 0.0, 0.083, 0.088, 0.094),
    ("hip", "knee", 0.25, 0.080, 0.086, 0.086),
    ("hip", "knee", 0.55, 0.067, 0.073, 0.070),
    ("hip", "knee", 0.87, 0.055, 0.059, 0.054),
    ("knee", "ankle", 0.0, 0.052, 0.057, 0.050),
    ("knee", "ankle", 0.13, 0.051, 0.052, 0.056),
    ("knee", "ankle", 0.32, 0.052, 0.046, 0.068),
    ("knee", "ankle", 0.65, 0.039, 0.038, 0.046),
    ("knee", "ankle", 0.99, 0.031, 0.035, 0.037),
)
#: Half the length of limb over which weights pass from one bone to the next.
_KNEE_BLEND, _ELBOW_BLEND, _WRIST_BLEND, _TOE_BLEND = 0.085, 0.060, 0.030, 0.030
#: Collar, from the neck to the shoulder: share, height above the line of the bone, half height, half depth.
_COLLAR = ((-0.55, 0.046, 0.022, 0.030), (-0.20, 0.028, 0.036, 0.050), (0.35, 0.002, 0.052, 0.066),
           (0.80, -0.004, 0.052, 0.062), (1.10, 0.000, 0.040, 0.048))  # fmt: skip
#: Hand along the forearm: distance from the wrist, half thickness, half width.
_PALM = ((-0.010, 0.018, 0.025), (0.028, 0.016, 0.035), (0.065, 0.015, 0.043), (0.105, 0.012, 0.041),
         (0.150, 0.009, 0.034), (0.180, 0.005, 0.018))  # fmt: skip
#: Thumb: distance from the wrist, forward, radius.
_THUMB = ((0.020, 0.018, 0.014), (0.050, 0.048, 0.014), (0.080, 0.064, 0.012), (0.104, 0.072, 0.006))
#: Foot, along its length from the ankle, as shares of ankle to toe joint: half width, height of the instep.
_FOOT = ((-0.50, 0.018, 0.040), (-0.44, 0.029, 0.060), (-0.22, 0.034, 0.080), (0.08, 0.035, 0.090),
         (0.45, 0.039, 0.072), (0.82, 0.046, 0.050), (1.10, 0.047, 0.036), (1.38, 0.038, 0.026),
         (1.52, 0.018, 0.016))  # fmt: skip
#: The lower part of a foot's section that is flat, as the sine of its angle.
_FLAT = -0.35


@dataclass(frozen=True)
class Mannequin:
    """A skinned body: V vertices, F + G triangles.

    Attributes:
        points: (V, 3) float32 in the rest pose, pelvis at the origin, metres.
        normals: (V, 3) float32, outward.
        body: triangles (F, 3) uint32.
        visor: triangles (G, 3) uint32 of the dark band at the eyes, which share no vertex with the others.
        joints: (V, 4) uint8 and weights (V, 4) float32, which sum to 1 and fall.
    """

    points: np.ndarray
    normals: np.ndarray
    body: np.ndarray
    visor: np.ndarray
    joints: np.ndarray
    weights: np.ndarray

    def posed(self, positions: np.ndarray, rotations: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Vertices (T, V, 3) by linear blend skinning, as viewers draw them.

        positions (T, 22, 3) and global rotations (T, 22, 3, 3) of the joints; rest (22, 3).
        """
        placed = np.zeros((len(positions), *self.points.shape))
        for k in range(MAX_INFLUENCES):
            joint, weight = self.joints[:, k], self.weights[:, k, None]
            turned = np.einsum("tvij,vj->tvi", rotations[:, joint], self.points - rest[joint])
            placed += weight * (positions[:, joint] + turned)
        return placed


def rest_positions(offsets: np.ndarray) -> np.ndarray:
    """Offsets (22, 3) -> joints of the rest pose (22, 3), pelvis at the origin."""
    positions = np.zeros_like(offsets)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            positions[joint] = positions[parent] + offsets[joint]
    return positions


def mannequin(offsets: np.ndarray) -> Mannequin:
    """The body around a rest pose in T-pose that faces +Z: offsets (22, 3), metres."""
    rest = rest_positions(offsets.astype(np.float64))
    scale = _scale(offsets)
    parts = [_trunk(rest, scale), _neck(rest, scale), _head(rest, scale), _nose(rest, scale)]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        parts += [_collar(rest, scale, side), _arm(rest, scale, side, sign)]
        parts += [*_hand(rest, scale, side, sign), _leg(rest, scale, side), _foot(rest, scale, side)]
    return _assembled([*parts, _visor(rest, scale)])


def standing_positions(offsets: np.ndarray) -> np.ndarray:
    """Offsets (22, 3) -> joints of the rest pose (22, 3) with the pelvis on the Y axis and the soles at 0."""
    rest = rest_positions(offsets)
    toes = rest[[JOINT["left_foot"], JOINT["right_foot"]], 1]
    standing: np.ndarray = rest - toes.min() * _Y
    return standing


def leaf_offsets(offsets: np.ndarray) -> dict[int, np.ndarray]:
    """Joint -> offset (3,) of the end of its bone, for head (crown), hands (finger tips) and toes (tips)."""
    scale = _scale(offsets)
    ends = {JOINT["head"]: (_HEAD[-1][0] + 0.004) * _Y * scale}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ends[JOINT[f"{side}_wrist"]] = sign * _PALM[-1][0] * _X * scale
        along = offsets[JOINT[f"{side}_foot"]] * (1.0, 0.0, 1.0)
        ends[JOINT[f"{side}_foot"]] = (_FOOT[-1][0] - 1.0) * along
    return ends


def _scale(offsets: np.ndarray) -> float:
    """Size of a body against our own; thickness follows it, so that one long bone makes no fat limb."""
    return float(np.linalg.norm(offsets, axis=-1).sum() / np.linalg.norm(REST_OFFSETS, axis=-1).sum())


def _at(rest: np.ndarray, start: str, end: str, share: float) -> np.ndarray:
    """The point at a share of the way between two joints."""
    a, b = rest[JOINT[start]], rest[JOINT[end]]
    point: np.ndarray = a + share * (b - a)
    return point


def _weights(**shares: float) -> np.ndarray:
    """(22,) with the given joints' weights."""
    values = np.zeros(NUM_JOINTS)
    for joint, share in shares.items():
        values[JOINT[joint]] += share
    return values


def _blended(upper: str, lower: str, distance: float, half: float) -> np.ndarray:
    """Weights (22,) at a signed distance along the limb from the joint `lower`: upper to lower."""
    x = min(max((distance + half) / (2 * half), 0.0), 1.0)
    share = x * x * (3 - 2 * x)
    return _weights(**{upper: 1 - share, lower: share})


def _trunk(rest: np.ndarray, scale: float) -> SkinnedPart:
    spine = ("pelvis", "spine1", "spine2", "spine3", "neck")
    heights = rest[[JOINT[name] for name in spine], 1]
    hips = abs(rest[JOINT["left_hip"], 0] - rest[JOINT["right_hip"], 0]) / 0.17
    shoulders = abs(rest[JOINT["left_shoulder"], 0] - rest[JOINT["right_shoulder"], 0]) / 0.36
    rings = []
    for index, (below, above, share, half_width, front, back) in enumerate(_TRUNK):
        centre = _at(rest, below, above, share)
        # Hip width below, shoulder width above: a body of narrow hips has no wide seat.
        width = half_width * (hips + (shoulders - hips) * index / (len(_TRUNK) - 1))
        radii = (width, front * scale, back * scale)
        rings.append(
            SkinnedRing(
                ellipse(centre, _X, _Z, radii, _TRUNK_SIDES), _spine_weights(centre[1], spine, heights)
            )
        )
    return loft(rings)


def _spine_weights(height: float, spine: Sequence[str], heights: np.ndarray) -> np.ndarray:
    """Weights (22,): a joint has most in the middle of its segment, half at its ends; the neck has none."""
    middles = (heights[:-1] + heights[1:]) / 2
    values = _weights()
    for k, name in enumerate(spine[:-1]):
        values[JOINT[name]] = np.interp(height, middles, np.eye(len(middles))[k])
    return values


def _neck(rest: np.ndarray, scale: float) -> SkinnedPart:
    rings = []
    for share, radius in _NECK:
        centre = _at(rest, "neck", "head", share)
        if share <= 0.45:
            weights = _blended("spine3", "neck", share, 0.45)
        else:
            weights = _blended("neck", "head", share - 1.0, 0.55)
        rings.append(SkinnedRing(ellipse(centre, _X, _Z, (radius * scale,) * 3, _LIMB_SIDES), weights))
    return loft(rings)


def _head_ring(
    rest: np.ndarray, scale: float, height: float
) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Centre (3,) and radii of the head's section at a height of `_HEAD`."""
    table = np.array(_HEAD)
    forward, half_width, front, back = (np.interp(height, table[:, 0], table[:, k]) for k in range(1, 5))
    centre = rest[JOINT["head"]] + scale * np.array([0.0, height, forward])
    return centre, (half_width * scale, front * scale, back * scale)


def _head(rest: np.ndarray, scale: float) -> SkinnedPart:
    rings = []
    for height, *_ in _HEAD:
        centre, radii = _head_ring(rest, scale, height)
        rings.append(SkinnedRing(ellipse(centre, _X, _Z, radii, _TRUNK_SIDES), _weights(head=1.0)))
    return loft(rings, bulge=0.25)


def _nose(rest: np.ndarray, scale: float) -> SkinnedPart:
    root, tip, base, half_width = _NOSE
    local = [(0.0, *root), (0.0, *tip), (half_width, *base), (-half_width, *base)]
    points = rest[JOINT["head"]] + scale * np.array(local)
    triangles = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    part = SkinnedPart(points, triangles, np.repeat(_weights(head=1.0)[None], len(points), axis=0))
    return part if volume(part) > 0 else SkinnedPart(points, triangles[:, ::-1], part.weights)


def _visor(rest: np.ndarray, scale: float) -> SkinnedPart:
    """An open band before the face."""
    angles = np.radians(np.array(_VISOR_ANGLES_DEG))
    rows = []
    for height in _VISOR_HEIGHTS:
        centre, (half_width, front, _) = _head_ring(rest, scale, height)
        thickness = _VISOR_THICKNESS * scale
        x, z = (half_width + thickness) * np.sin(angles), (front + thickness) * np.cos(angles)
        rows.append(centre + x[:, None] * _X + z[:, None] * _Z)
    count = len(angles)
    quads = [row * count + k for row in range(len(rows) - 1) for k in range(count - 1)]
    triangles = [[q, q + 1, q + count] for q in quads] + [[q + 1, q + count + 1, q + count] for q in quads]
    points = np.concatenate(rows)
    return SkinnedPart(points, np.array(triangles), np.repeat(_weights(head=1.0)[None], len(points), axis=0))


def _collar(rest: np.ndarray, scale: float, side: str) -> SkinnedPart:
    collar, shoulder = f"{side}_collar", f"{side}_shoulder"
    rings = []
    for share, rise, half_height, half_depth in _COLLAR:
        centre = _at(rest, collar, shoulder, share) + rise * scale * _Y
        radii = (half_height * scale, half_depth * scale, half_depth * scale)
        # The inner end stays with the chest; the outer follows the collar bone.
        rings.append(
            SkinnedRing(
                ellipse(centre, _Y, _Z, radii, _LIMB_SIDES), _blended("spine3", collar, share - 0.2, 0.6)
            )
        )
    return loft(rings)


def _arm(rest: np.ndarray, scale: float, side: str, sign: float) -> SkinnedPart:
    elbow = rest[JOINT[f"{side}_elbow"]]
    rings = []
    for above, below, share, half_height, half_depth in _ARM:
        centre = _at(rest, f"{side}_{above}", f"{side}_{below}", share)
        along = sign * (centre - elbow)[0]
        weights = _blended(f"{side}_shoulder", f"{side}_elbow", along, _ELBOW_BLEND * scale)
        if below == "wrist" and share == 1.0:
            weights = _weights(**{f"{side}_elbow": 0.5, f"{side}_wrist": 0.5})
        radii = (half_height * scale, half_depth * scale, half_depth * scale)
        rings.append(SkinnedRing(ellipse(centre, _Y, _Z, radii, _LIMB_SIDES), weights))
    return loft(rings)


def _hand(rest: np.ndarray, scale: float, side: str, sign: float) -> list[SkinnedPart]:
    """Palm with fingers, palm down, and the thumb in front of it."""
    wrist, elbow = rest[JOINT[f"{side}_wrist"]], rest[JOINT[f"{side}_elbow"]]
    outward = normalize(wrist - elbow)
    palm = []
    for distance, half_thickness, half_width in _PALM:
        radii = (half_thickness * scale, half_width * scale, half_width * scale)
        weights = _blended(f"{side}_elbow", f"{side}_wrist", distance, _WRIST_BLEND)
        palm.append(
            SkinnedRing(ellipse(wrist + scale * distance * outward, _Y, _Z, radii, _LIMB_SIDES), weights)
        )
    thumb = []
    across = normalize(_Z - sign * 0.6 * _X)
    for distance, forward, radius in _THUMB:
        centre = wrist + scale * (distance * outward + forward * _Z - 0.006 * _Y)
        weights = _weights(**{f"{side}_wrist": 1.0})
        thumb.append(SkinnedRing(ellipse(centre, _Y, across, (radius * scale,) * 3, _THUMB_SIDES), weights))
    return [loft(palm), loft(thumb)]


def _leg(rest: np.ndarray, scale: float, side: str) -> SkinnedPart:
    knee, ankle = rest[JOINT[f"{side}_knee"]], rest[JOINT[f"{side}_ankle"]]
    rings = []
    for above, below, share, half_width, front, back in _LEG:
        centre = _at(rest, f"{side}_{above}", f"{side}_{below}", share)
        weights = _blended(f"{side}_hip", f"{side}_knee", (knee - centre)[1], _KNEE_BLEND * scale)
        if below == "ankle" and share > 0.9:
            weights = _blended(f"{side}_knee", f"{side}_ankle", (ankle - centre)[1], _WRIST_BLEND * scale)
        radii = (half_width * scale, front * scale, back * scale)
        rings.append(SkinnedRing(ellipse(centre, _X, _Z, radii, _LIMB_SIDES), weights))
    return loft(rings)


def _foot(rest: np.ndarray, scale: float, side: str) -> SkinnedPart:
    """From the heel to the tip of the toes, flat below: the sole is at the height of the toe joint."""
    ankle, toe = rest[JOINT[f"{side}_ankle"]], rest[JOINT[f"{side}_foot"]]
    along = (toe - ankle) * (1.0, 0.0, 1.0)
    forward, length = normalize(along), float(np.linalg.norm(along))
    across = np.cross(_Y, forward)
    rings = []
    for share, half_width, height in _FOOT:
        angles = 2 * np.pi * np.arange(_LIMB_SIDES) / _LIMB_SIDES
        up = np.where(np.sin(angles) < _FLAT, -1.0, np.sin(angles))
        middle = (ankle + share * along) * (1.0, 0.0, 1.0) + (toe[1] + height * scale / 2) * _Y
        points = middle + half_width * scale * np.cos(angles)[:, None] * across
        points = points + height * scale / 2 * up[:, None] * _Y
        weights = _blended(f"{side}_ankle", f"{side}_foot", (share - 1.0) * length, _TOE_BLEND * scale)
        rings.append(SkinnedRing(points, weights))
    return loft(rings, bulge=0.2)


def _assembled(parts: Sequence[SkinnedPart]) -> Mannequin:
    """All parts as one mesh; the last one is the visor."""
    starts = np.cumsum([0, *(len(part.points) for part in parts)])
    triangles = [part.triangles + start for part, start in zip(parts, starts, strict=False)]
    points = np.concatenate([part.points for part in parts])
    every = np.concatenate(triangles)
    weights = np.concatenate([part.weights for part in parts])
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :MAX_INFLUENCES]
    kept = np.take_along_axis(weights, joints, axis=1)
    joints[kept == 0] = 0  # glTF asks for joint 0 where a weight is 0
    return Mannequin(
        points.astype(np.float32),
        _normals(points, every).astype(np.float32),
        np.concatenate(triangles[:-1]).astype(np.uint32),
        triangles[-1].astype(np.uint32),
        joints.astype(np.uint8),
        (kept / kept.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def _normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3): those of the triangles around each vertex, by area."""
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], faces)
    return normalize(normals)
