"""Whether 22 positions move like the joints of a body: rigid bones, left like right, toes to the front.

What does not is refused with the likely reason: joints in another order, features that are still normalised,
or rotations taken for positions.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np

from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.errors import InputError
from intermask_cli.motion.kinematics import bone_lengths
from intermask_cli.motion.skeleton import JOINT, JOINT_NAMES, LEFT, REST_OFFSETS, RIGHT

#: Standard deviation of a typical bone's length, as a share of the length. Networks and key points from video
#: stay below the first; beyond the second nothing is left of a body.
VARIES, NO_BODY = 0.15, 0.3
#: Typical difference between left and right bones, as a share, above which the order is looked at.
_LOPSIDED = 0.3
#: Mean difference from 1 in the lengths of rotation columns that shows that they are normalised, and
#: variation of bones that shows it where the columns are zeros. Decoders of networks stay below 0.1.
_NOT_UNIT, _ODD_FEATURES = 0.2, 0.05
#: Lopsidedness and disproportion that no body has.
_NO_SIDES, _NO_PROPORTION = 0.5, 0.7
#: Largest logarithm by which one bone counts as out of proportion: bones of no length are usual.
_OUT_OF_PROPORTION = 1.5
#: Variation and lopsidedness of a body in the right order.
_RIGID, _SYMMETRIC = 0.1, 0.15
#: Frames looked at when an order is searched.
_FRAMES = 16
#: Cosine between the toes and the direction the body faces below which they point backwards.
BACKWARDS = -0.4
#: Least cosine between trunk and vertical at which a body faces anywhere.
_UPRIGHT = 0.6
#: Least share of the foot's length that lies in the floor's plane, for its direction to count.
_LEVEL_FOOT = 0.4
#: Chains of joints that files keep together, from the pelvis outwards.
_BLOCKS = {
    "left leg": ("left_hip", "left_knee", "left_ankle", "left_foot"),
    "right leg": ("right_hip", "right_knee", "right_ankle", "right_foot"),
    "spine": ("spine1", "spine2", "spine3"),
    "head": ("neck", "head"),
    "left arm": ("left_collar", "left_shoulder", "left_elbow", "left_wrist"),
    "right arm": ("right_collar", "right_shoulder", "right_elbow", "right_wrist"),
}


def bone_variation(joints: np.ndarray) -> float:
    """Joints (T, 22, 3) -> standard deviation of the lengths of a typical bone, as a share of its length."""
    bones = bone_lengths(joints.astype(np.float64))
    return float(np.median(bones.std(axis=0) / np.maximum(bones.mean(axis=0), 1e-9)))


def bones_vary(joints: np.ndarray) -> bool:
    """Whether bones of a person in joints (P, T, 22, 3) change length more than those of any body."""
    return any(bone_variation(person) > VARIES for person in joints)


def check_denormalised(joints: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Joints (P, T, 22, 3) out of features, as they are; InputError if the features look normalised.

    columns: of the rotations in the features, (..., 3). They have length 1 unless they are normalised, or 0
    in features without rotations.
    """
    lengths = np.linalg.norm(columns, axis=-1)
    rigid = all(
        bone_variation(person) < _ODD_FEATURES and _lopsidedness(person) < _LOPSIDED for person in joints
    )
    if np.abs(lengths - 1).mean() > _NOT_UNIT and (lengths.any() or not rigid):
        raise InputError(
            f"the columns look normalised (rotations have length {np.median(lengths):.2g} instead of 1; "
            "bones are not rigid, positions lie near 0 +- 1); undo it with the mean and deviation of the "
            "dataset: x * std + mean"
        )
    return joints


def check_order(file: FileMotion, name: str) -> None:
    """InputError if a file's joints, Y up in any unit, do not make a body, but do in another order.

    name: of the file, for the line of Python that puts its array in order.
    """
    for person in file.joints:
        if not np.ptp(person, axis=1).any():
            continue  # all joints in one place, which the height shows
        variation, lopsided = bone_variation(person), _lopsidedness(person)
        out_of_proportion = _disproportion(person) > _NO_PROPORTION
        if variation <= VARIES and lopsided <= _LOPSIDED and not out_of_proportion:
            continue
        order = _order_of(person)
        if order is not None:
            blocks, columns = order
            raise InputError(
                f"the joints are in another order than ours: pelvis, {', '.join(blocks)} (limb after limb, "
                f"as LaFAN1 and BVH files have it); {_in_order(file, name, columns)}"
            )
        if variation > NO_BODY or lopsided > _NO_SIDES or out_of_proportion:
            what = "bones have not the proportions of a body"
            if variation > NO_BODY:
                what = f"bones change their length by {100 * variation:.0f} %"
            elif lopsided > _NO_SIDES:
                what = f"left and right bones differ by {100 * lopsided:.0f} %"
            raise InputError(
                f"{what}, so these are not our 22 joints ({', '.join(JOINT_NAMES[:4])}, ...); are they "
                "rotations, velocities, relative to their parents, normalised, or in another order?"
            )


def _in_order(file: FileMotion, name: str, columns: list[int]) -> str:
    """The line of Python that writes an array of the joints in our order."""
    if file.joint_axis is None:
        return f"put them in the order {columns} of the file's"
    array = "" if file.array_name is None else f"[{file.array_name!r}]"
    new = f"{name.rpartition('.')[0]}_in_our_order.npy"
    return (
        f"this line of Python puts them in order: import numpy as np; a = np.load({name!r}){array}; "
        f"np.save({new!r}, np.take(a, {columns}, {file.joint_axis}))"
    )


def _order_of(joints: np.ndarray) -> tuple[tuple[str, ...], list[int]] | None:
    """The order of blocks in which joints (T, 22, 3) are a body, and the column of each of our joints."""
    frames = joints[:: max(1, len(joints) // _FRAMES)].astype(np.float64)
    best: tuple[float, tuple[str, ...], list[int]] | None = None
    for blocks, columns in _orders():
        body = frames[:, columns]
        if bone_variation(body) > _RIGID or _lopsidedness(body) > _SYMMETRIC:
            continue
        toes = toes_against_facing(body)
        hips, shoulders = (
            body[:, JOINT[f"left_{joint}"]] - body[:, JOINT[f"right_{joint}"]]
            for joint in ("hip", "shoulder")
        )
        exchanged = (toes is not None and toes < 0) or float((hips * shoulders).sum()) < 0
        # An exchanged side counts more than any proportion.
        misfit = _disproportion(body) + _detour(body) + exchanged
        if best is None or misfit < best[0]:
            best = (misfit, blocks, columns)
    return None if best is None or best[2] == list(range(len(JOINT_NAMES))) else best[1:]


@cache
def _orders() -> tuple[tuple[tuple[str, ...], list[int]], ...]:
    """Every order of the blocks after the pelvis, and the column of each of our joints in it."""
    found = []
    for blocks in permutations(_BLOCKS):
        theirs = ["pelvis", *(joint for block in blocks for joint in _BLOCKS[block])]
        found.append((blocks, [theirs.index(joint) for joint in JOINT_NAMES]))
    return tuple(found)


def _lopsidedness(joints: np.ndarray) -> float:
    """Typical difference of left and right bones of joints (T, 22, 3), as a share of their length."""
    typical = np.median(bone_lengths(joints.astype(np.float64)), axis=0)
    left, right = typical[np.array(LEFT) - 1], typical[np.array(RIGHT) - 1]
    return float(np.mean(np.abs(left - right) / np.maximum((left + right) / 2, 1e-9)))


def _disproportion(joints: np.ndarray) -> float:
    """Mean logarithm by which bones differ from those of an average body of the same size."""
    typical = np.median(bone_lengths(joints.astype(np.float64)), axis=0)
    rest = np.linalg.norm(REST_OFFSETS[1:], axis=-1)
    expected = rest * typical.sum() / rest.sum()
    misfit = np.abs(np.log(np.maximum(typical, 1e-6) / np.maximum(expected, 1e-9)))
    return float(np.minimum(misfit, _OUT_OF_PROPORTION).mean())


def _detour(joints: np.ndarray) -> float:
    """Logarithm by which the way up the spine is longer than straight from pelvis to head."""
    spine = [JOINT[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]
    way = np.linalg.norm(np.diff(joints[:, spine], axis=1), axis=-1).sum(axis=1)
    straight = np.linalg.norm(joints[:, spine[-1]] - joints[:, spine[0]], axis=-1)
    return float(np.log(np.maximum(way, 1e-9) / np.maximum(straight, 1e-9)).min())


def toes_against_facing(joints: np.ndarray) -> float | None:
    """Median cosine between ankle-to-toe and the direction that hips and shoulders face; Y up.

    joints (T, 22, 3). 1 for a person, about -1 if left and right are exchanged or the file is left-handed,
    whichever way the person walks. None if the person is upright too rarely.
    """
    at = {name: joints[:, JOINT[name]].astype(np.float64) for name in JOINT_NAMES}
    across = at["left_hip"] - at["right_hip"] + at["left_shoulder"] - at["right_shoulder"]
    facing = np.cross(across, np.array([0.0, 1.0, 0.0]))  # left of a person who faces Z is X
    trunk = at["neck"] - at["pelvis"]
    upright = trunk[:, 1] > _UPRIGHT * np.linalg.norm(trunk, axis=-1)
    cosines = []
    for side in ("left", "right"):
        foot = at[f"{side}_foot"] - at[f"{side}_ankle"]
        level = np.linalg.norm(foot[:, [0, 2]], axis=-1)
        counted = upright & (level > _LEVEL_FOOT * np.linalg.norm(foot, axis=-1)) & (level > 0)
        counted &= np.linalg.norm(facing, axis=-1) > 0
        dot = (foot[counted] * facing[counted]).sum(axis=-1)
        cosines.append(dot / (level[counted] * np.linalg.norm(facing[counted], axis=-1)))
    found = np.concatenate(cosines)
    return float(np.median(found)) if len(found) >= max(4, len(joints) // 4) else None
