"""Names of bones in exported files, chosen by `--names`.

Blender mirrors the bones of every scheme (`bpy.utils.flip_name`), and each is known to retargeting tools.
"""

from __future__ import annotations

from enum import Enum

from intermask_cli.motion.skeleton import JOINT_NAMES


class BoneNames(str, Enum):
    """A scheme of bone names.

    intermask: the joint names of our datasets, which are those of SMPL-X (`left_hip`).
    mixamo: Mixamo and HumanIK, without prefix (`LeftUpLeg`).
    smpl: the rigs of SMPL in FBX files (`L_Hip`).
    unreal: the mannequins of Unreal Engine (`thigh_l`).
    """

    intermask = "intermask"
    mixamo = "mixamo"
    smpl = "smpl"
    unreal = "unreal"

    @property
    def joints(self) -> tuple[str, ...]:
        """One name per joint of our skeleton, in its order."""
        return _NAMES[self]

    @property
    def ends(self) -> dict[int, str]:
        """Joint -> name of the leaf bone below it."""
        return {joint: f"{self.joints[joint]}_end" for joint in LEAVES}


#: Middle joints, then those of a side with {side}, by our names.
_MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck",
    "head": "Head", "hip": "{side}UpLeg", "knee": "{side}Leg", "ankle": "{side}Foot",
    "foot": "{side}ToeBase", "collar": "{side}Shoulder", "shoulder": "{side}Arm", "elbow": "{side}ForeArm",
    "wrist": "{side}Hand",
}  # fmt: skip
_UNREAL = {
    "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
    "head": "head", "hip": "thigh_{side}", "knee": "calf_{side}", "ankle": "foot_{side}",
    "foot": "ball_{side}", "collar": "clavicle_{side}", "shoulder": "upperarm_{side}",
    "elbow": "lowerarm_{side}", "wrist": "hand_{side}",
}  # fmt: skip
_SMPL = {name: name.capitalize() for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")} | {
    name: f"{{side}}_{name.capitalize()}"
    for name in ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
}
#: Joints without children, whose bones end at a leaf: head, toes and hands.
LEAVES = tuple(JOINT_NAMES.index(n) for n in ("head", "left_foot", "right_foot", "left_wrist", "right_wrist"))


def _named(scheme: dict[str, str], left: str, right: str) -> tuple[str, ...]:
    names = []
    for joint in JOINT_NAMES:
        side, _, part = joint.rpartition("_")
        names.append(scheme[part].format(side={"left": left, "right": right, "": ""}[side]))
    return tuple(names)


_NAMES: dict[BoneNames, tuple[str, ...]] = {
    BoneNames.intermask: JOINT_NAMES,
    BoneNames.mixamo: _named(_MIXAMO, "Left", "Right"),
    BoneNames.smpl: _named(_SMPL, "L", "R"),
    BoneNames.unreal: _named(_UNREAL, "l", "r"),
}
