"""Skeletons as people have them: the trees of public files and of the tools of this field."""

from __future__ import annotations

import re

from tests.helpers.skeleton_files import Rig

_HIK_LEG = {"hip": "{}UpLeg", "knee": "{}Leg", "ankle": "{}Foot", "foot": "{}ToeBase"}
_HIK_ARM = {"collar": "{}Shoulder", "shoulder": "{}Arm", "elbow": "{}ForeArm", "wrist": "{}Hand"}
_HIK_LIMBS = _HIK_LEG | _HIK_ARM
_SPINE3 = {"spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head"}
_HIPS = {"pelvis": "Hips"}
_BIOVISION = {
    "hip": "{}Hip", "knee": "{}Knee", "ankle": "{}Ankle", "collar": "{}Collar", "shoulder": "{}Shoulder",
    "elbow": "{}Elbow", "wrist": "{}Wrist",
}  # fmt: skip
_HIK_LEG_TREE = "{}UpLeg > {}Leg > {}Foot > {}ToeBase"
_HIK_ARM_TREE = "{}Shoulder > {}Arm > {}ForeArm > {}Hand"
_FINGERS = "[{}HandThumb1 > {}HandThumb2 | {}HandIndex1 > {}HandIndex2 | {}HandMiddle1]"
_L_R = ("L", "R")
_l_r = ("l", "r")


def prefixed(rig: Rig, prefix: str) -> Rig:
    """The same skeleton with something before every name."""
    return Rig(
        re.sub(r"[^\s\[\]|>](?:[^\[\]|>]*[^\s\[\]|>])?", lambda name: prefix + name[0], rig.tree),
        {ours: prefix + name for ours, name in rig.joints.items()},
        rig.sides,
        {prefix + name: ours for name, ours in rig.ends.items()},
        {prefix + name: place for name, place in rig.places.items()},
    )


MIXAMO = Rig(
    "Hips > [Spine > Spine1 > Spine2 > [Neck > Head > [HeadTop_End | LeftEye | RightEye] | "
    f"{_HIK_ARM_TREE} > {_FINGERS}] | {_HIK_LEG_TREE} > {{}}Toe_End]",
    _HIPS | _SPINE3 | _HIK_LIMBS,
)
#: The trees of ../shared/cases/motion/real-trees, with the options of `rig_bvh` for their units and axes.
REAL_TREES: dict[str, tuple[Rig, dict[str, object]]] = {
    "CMU MotionBuilder": (
        Rig(
            "Hips > [LHipJoint > LeftUpLeg > LeftLeg > LeftFoot > LeftToeBase | "
            "RHipJoint > RightUpLeg > RightLeg > RightFoot > RightToeBase | "
            f"LowerBack > Spine > Spine1 > [Neck > Neck1 > Head | {_HIK_ARM_TREE} > "
            "[{}FingerBase > {}HandIndex1 | {}Thumb]]]",
            _HIPS | _HIK_LEG | {key: _HIK_ARM[key] for key in ("shoulder", "elbow", "wrist")}
            | {"spine2": "Spine", "spine3": "Spine1", "neck": "Neck1", "head": "Head"},
            places={
                "LHipJoint": ("pelvis", (0, 0, 0)), "RHipJoint": ("pelvis", (0, 0, 0)),
                "LowerBack": ("pelvis", (0, 0, 0)), "Neck": ("spine3", (0, 0, 0)),
                "LeftShoulder": ("spine3", (0, 0, 0)), "RightShoulder": ("spine3", (0, 0, 0)),
            },
        ),
        {"metres_per_unit": 0.0254 / 0.45, "fps": 120.0},
    ),
    "HumanIK, four spines, two necks": (
        Rig(
            "Hips > [Spine > Spine1 > Spine2 > Spine3 > [Neck > Neck1 > Head | "
            f"{_HIK_ARM_TREE}] | {_HIK_LEG_TREE}]",
            _HIPS | _HIK_LIMBS | {"spine1": "Spine", "spine2": "Spine1", "spine3": "Spine3", "neck": "Neck",
                                  "head": "Head"},
            places={"Spine2": ("spine2", (0, 0.03, 0.005)), "Neck1": ("neck", (0, 0.045, 0.02))},
        ),
        {"metres_per_unit": 0.0254, "up": "z", "order": "XZY"},
    ),
    "HumanIK, fingers, ForeFoot": (
        Rig(
            "Hips > [Spine > Spine1 > Spine2 > Spine3 > [Neck > Neck1 > Head | "
            "{}Shoulder > {}Arm > {}ForeArm > {}Hand > [{}HandMiddle1 > {}HandMiddle2 | "
            "{}HandRing > [{}HandRing1 > {}HandRing2 | {}HandPinky > {}HandPinky1] | "
            "{}HandIndex > [{}HandIndex1 | {}HandThumb1 > {}HandThumb2]]] | "
            "{}UpLeg > {}Leg > {}Foot > {}ForeFoot]",
            _HIPS | _HIK_LIMBS | {"spine1": "Spine", "spine2": "Spine1", "spine3": "Spine3", "neck": "Neck",
                                  "head": "Head", "foot": "{}ForeFoot"},
            places={"Spine2": ("spine2", (0, 0.03, 0.005)), "Neck1": ("neck", (0, 0.045, 0.02))},
        ),
        {"metres_per_unit": 0.0254, "up": "z", "fps": 120.0, "turned_root": True},
    ),
    "Biovision without toes": (
        Rig(
            "Hips > [Chest > Chest2 > [{}Collar > {}Shoulder > {}Elbow > {}Wrist | Neck > Head] | "
            "{}Hip > {}Knee > {}Ankle]",
            _HIPS | _BIOVISION | {"spine1": "Chest", "spine3": "Chest2", "neck": "Neck", "head": "Head"},
            ends={"LeftAnkle": "left_foot", "RightAnkle": "right_foot"},
        ),
        {},
    ),
    "Biovision, four chests": (
        Rig(
            "Hips > [Chest > Chest2 > Chest3 > Chest4 > [Neck > Head | {}Collar > {}Shoulder > {}Elbow > "
            "{}Wrist] | {}Hip > {}Knee > {}Ankle > {}Toe]",
            _HIPS | _BIOVISION | {"spine1": "Chest", "spine2": "Chest2", "spine3": "Chest4", "neck": "Neck",
                                  "head": "Head", "foot": "{}Toe"},
            places={"Chest3": ("spine2", (0, 0.03, 0.005))},
        ),
        {"fps": 120.0},
    ),
    "LaFAN1": (
        Rig(
            "Hips > [{}UpLeg > {}Leg > {}Foot > {}Toe | Spine > Spine1 > Spine2 > [Neck > Head | "
            f"{_HIK_ARM_TREE}]]",
            _HIPS | _SPINE3 | _HIK_LIMBS | {"foot": "{}Toe"},
        ),
        {"fps": 60.0, "along_x": True, "order": "ZYX"},
    ),
    "LaFAN1 in metres": (
        Rig(
            "Hips > [{}UpLeg > {}Leg > {}Foot > {}Toe | Spine > Spine1 > Spine2 > [Neck > Head | "
            f"{_HIK_ARM_TREE}]]",
            _HIPS | _SPINE3 | _HIK_LIMBS | {"foot": "{}Toe"},
        ),
        {"metres_per_unit": 1.0, "along_x": True},
    ),
    "text-to-motion code": (
        Rig(
            "Pelvis > [{}_hip > {}_knee > {}_ankle > {}_foot | Spine1 > Spine2 > Spine3 > [Neck > Head | "
            "{}_collar > {}_shoulder > {}_elbow > {}_wrist > {}_palm]]",
            {"pelvis": "Pelvis", "spine1": "Spine1", "spine2": "Spine2", "spine3": "Spine3", "neck": "Neck",
             "head": "Head", **{part: f"{{}}_{part}" for part in (
                 "hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")}},
        ),
        {"fps": 60.0},
    ),
    "optical, one spine, no neck": (
        Rig(
            f"Hips > [Spine > [Head | {_HIK_ARM_TREE} > [{{}}HandThumb1 | {{}}Hand_End]] | {_HIK_LEG_TREE}]",
            _HIPS | _HIK_LIMBS | {"spine1": "Spine", "head": "Head"},
        ),
        {"metres_per_unit": 0.0254, "fps": 120.0},
    ),
    "Rigify deform bones": (
        Rig(
            "pelvis > [spine > spine.001 > [neck > face | shoulder.{} > upper_arm.{} > forearm.{}] | "
            "pelvis.L | pelvis.R | thigh.{} > shin.{} > foot.{}]",
            {"pelvis": "pelvis", "spine1": "spine", "spine3": "spine.001", "neck": "neck", "head": "face",
             "hip": "thigh.{}", "knee": "shin.{}", "ankle": "foot.{}", "collar": "shoulder.{}",
             "shoulder": "upper_arm.{}", "elbow": "forearm.{}"},
            _L_R,
            ends={f"{part}.{one}": f"{side}_{ours}" for part, ours in (("foot", "foot"), ("forearm", "wrist"))
                  for side, one in (("left", "L"), ("right", "R"))},
            places={f"pelvis.{one}": ("pelvis", (x, 0.1, 0.08)) for one, x in (("L", 0.1), ("R", -0.1))},
        ),
        {"metres_per_unit": 1.0, "fps": 24.0},
    ),
    "Mixamo": (prefixed(MIXAMO, "mixamorig:"), {}),
}  # fmt: skip
