"""Skeletons of the tools of this field, with fingers, twist bones, controls and ends on them."""

from __future__ import annotations

from collections.abc import Callable

from tests.helpers.real_skeletons import MIXAMO, prefixed
from tests.helpers.skeleton_files import Rig, our_joints, parsed_tree

LIMB_JOINTS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
_L_R, _LOWER = ("L", "R"), ("l", "r")
_BONES = {"shoulder": (0.13, 0, 0), "elbow": (0.12, 0, 0), "hip": (0, -0.2, 0), "knee": (0, -0.2, -0.015),
          "collar": (0.05, 0.01, 0), "ankle": (0, -0.04, 0.05)}  # fmt: skip


def limbs(pattern: str, words: str) -> dict[str, str]:
    """Names of the limb joints: `*` of the pattern is a word; `-` is a joint that the rig lacks."""
    named = zip(LIMB_JOINTS, words.split(), strict=True)
    return {joint: pattern.replace("*", word) for joint, word in named if word != "-"}


def simple(
    pelvis: str,
    spine: str,
    neck: str,
    head: str,
    pattern: str,
    words: str,
    sides: tuple[str, str] = ("Left", "Right"),
    above: str = "",
    leg: str = "",
    arm: str = "",
    on_head: str = "",
) -> Rig:
    """A rig of the usual tree; leg, arm, on_head: what hangs on toes, hands and head; above: its roots.

    Of four joints of the spine the third is one more than ours.
    """
    named = limbs(pattern, words)
    legs = " > ".join(named[joint] for joint in LIMB_JOINTS[:4] if joint in named) + leg
    arms = " > ".join(named[joint] for joint in LIMB_JOINTS[4:] if joint in named) + arm
    joints = spine.split()
    tree = f"{above}{pelvis} > [{' > '.join(joints)} > [{neck} > {head}{on_head} | {arms}] | {legs}]"
    ours = {1: ("spine1",), 2: ("spine1", "spine3"), 3: ("spine1", "spine2", "spine3")}
    kept = joints if len(joints) < 4 else [*joints[:2], joints[3]]
    trunk = {"pelvis": pelvis, "neck": neck, "head": head, **dict(zip(ours[len(kept)], kept, strict=True))}
    places = {joints[2]: ("spine2", (0.0, 0.03, 0.0))} if len(joints) == 4 else {}
    return Rig(tree, trunk | named, sides, places=places)


def twisted(rig: Rig, twists: dict[str, str]) -> Rig:
    """The rig with places of its twist bones: name with the side as {} -> our joint that carries it."""
    for name, joint in twists.items():
        for side, own, sign in zip(("left", "right"), rig.sides, (1, -1), strict=True):
            x, y, z = _BONES[joint]
            rig.places[name.format(own)] = (f"{side}_{joint}", (sign * x, y, z))
    return rig


_BIPED = "Thigh Calf Foot Toe0 Clavicle UpperArm Forearm Hand"
_UNREAL = "thigh calf foot ball clavicle upperarm lowerarm hand"
_RIGIFY = "thigh shin foot toe shoulder upper_arm forearm hand"
_HIK = "UpLeg Leg Foot ToeBase Shoulder Arm ForeArm Hand"
_DAZ = "Thigh Shin Foot Toe Collar Shldr ForeArm Hand"
_SPINES = ("spine1", "spine2", "spine3")

#: Rigs by tool, with the options of `rig_bvh`.
TOOL_RIGS: dict[str, tuple[Rig, dict[str, object]]] = {
    "Unreal": (
        simple("pelvis", "spine_01 spine_02 spine_03", "neck_01", "head", "*_{}", _UNREAL, _LOWER, "root > ",
               arm=" > [lowerarm_twist_01_{} | thumb_01_{} > thumb_02_{} | index_01_{}]"),
        {"up": "z"},
    ),
    "Unreal with IK bones": (
        Rig(
            "root > [ik_foot_root > [ik_foot_l | ik_foot_r] | ik_hand_root > ik_hand_gun > [ik_hand_l | "
            "ik_hand_r] | pelvis > [spine_01 > spine_02 > spine_03 > [neck_01 > head | clavicle_{} > "
            "upperarm_{} > [upperarm_twist_01_{} | lowerarm_{} > [lowerarm_twist_01_{} | hand_{} > "
            "[thumb_01_{} | weapon_{}]]]] | thigh_{} > [thigh_twist_01_{} | calf_{} > [calf_twist_01_{} | "
            "foot_{} > ball_{}]]]]",
            {"pelvis": "pelvis", **dict(zip(_SPINES, ("spine_01", "spine_02", "spine_03"), strict=True)),
             "neck": "neck_01", "head": "head", **limbs("*_{}", _UNREAL)},
            _LOWER,
        ),
        {},
    ),
    "VRoid": (
        simple("J_Bip_C_Hips", "J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest", "J_Bip_C_Neck",
               "J_Bip_C_Head", "J_Bip_{}_*",
               "UpperLeg LowerLeg Foot ToeBase Shoulder UpperArm LowerArm Hand", _L_R, "Root > ",
               arm=" > J_Bip_{}_Thumb1",
               on_head=" > [J_Adj_L_FaceEye | J_Adj_R_FaceEye | J_Sec_Hair1_01 > J_Sec_Hair2_01]"),
        {"metres_per_unit": 1.0},
    ),
    "Unity": (
        simple("Hips", "Spine Chest UpperChest", "Neck", "Head", "{}*",
               "UpperLeg LowerLeg Foot Toes Shoulder UpperArm LowerArm Hand"),
        {"metres_per_unit": 1.0},
    ),
    "MVN": (
        simple("Pelvis", "L5 L3 T12 T8", "Neck", "Head", "{}*",
               "UpperLeg LowerLeg Foot Toe Shoulder UpperArm ForeArm Hand"),
        {},
    ),
    "Biped": (
        simple("Bip001 Pelvis", "Bip001_Spine Bip001_Spine1 Bip001_Spine2", "Bip001 Neck", "Bip001 Head",
               "Bip001 {} *", _BIPED, _L_R, "Bip001 > ", leg=" > Bip001 {} Toe0Nub",
               arm=" > [Bip001 {} Finger0 > Bip001 {} Finger01 | Bip001 {} Finger1]",
               on_head=" > Bip001 HeadNub"),
        {},
    ),
    "Biped with limbs on spine and neck": (
        Rig(
            "Bip01 > Bip01 Pelvis > Bip01 Spine > [Bip01 {} Thigh > Bip01 {} Calf > Bip01 {} Foot > "
            "Bip01 {} Toe0 | Bip01 Spine1 > Bip01 Spine2 > Bip01 Neck > [Bip01 Head | Bip01 {} Clavicle > "
            "Bip01 {} UpperArm > Bip01 {} Forearm > Bip01 {} Hand]]",
            {"pelvis": "Bip01 Pelvis", "spine1": "Bip01 Spine", "spine2": "Bip01 Spine1",
             "spine3": "Bip01 Spine2", "neck": "Bip01 Neck", "head": "Bip01 Head",
             **limbs("Bip01 {} *", _BIPED)},
            _L_R,
        ),
        {},
    ),
    "Source engine": (
        simple("ValveBiped.Bip01_Pelvis",
               " ".join(f"ValveBiped.Bip01_Spine{number}" for number in ("", 1, 2, 4)),
               "ValveBiped.Bip01_Neck1", "ValveBiped.Bip01_Head1", "ValveBiped.Bip01_{}_*", _BIPED, _L_R),
        {"metres_per_unit": 0.0254, "up": "z"},
    ),
    "Rigify, deform bones": (
        simple("DEF-spine", "DEF-spine.001 DEF-spine.002 DEF-spine.003", "DEF-spine.004", "DEF-spine.006",
               "DEF-*.{}", _RIGIFY, _L_R, "root > ORG-spine > "),
        {"metres_per_unit": 1.0, "up": "z"},
    ),
    "Rigify, the whole rig": (
        twisted(
            Rig(
                "root > [torso > [hips | chest | spine_fk] | foot_ik.{} > foot_heel_ik.{} | hand_ik.{} | "
                "MCH-thigh_parent.{} | ORG-spine > [DEF-spine > DEF-spine.001 > DEF-spine.002 > "
                "DEF-spine.003 > [DEF-spine.004 > DEF-spine.005 > DEF-spine.006 | DEF-shoulder.{} > "
                "DEF-upper_arm.{} > DEF-upper_arm.{}.001 > DEF-forearm.{} > DEF-forearm.{}.001 > "
                "DEF-hand.{} > DEF-thumb.01.{} | DEF-breast.{}] | DEF-pelvis.L | DEF-pelvis.R | "
                "DEF-thigh.{} > DEF-thigh.{}.001 > DEF-shin.{} > DEF-shin.{}.001 > DEF-foot.{} > "
                "DEF-toe.{}]]",
                {"pelvis": "DEF-spine", "spine1": "DEF-spine.001", "spine2": "DEF-spine.002",
                 "spine3": "DEF-spine.003", "neck": "DEF-spine.004", "head": "DEF-spine.006",
                 **limbs("DEF-*.{}", _RIGIFY)},
                _L_R,
                places={"ORG-spine": ("pelvis", (0, 0, 0))},
            ),
            {"DEF-upper_arm.{}.001": "shoulder", "DEF-forearm.{}.001": "elbow", "DEF-thigh.{}.001": "hip",
             "DEF-shin.{}.001": "knee"},
        ),
        {"metres_per_unit": 1.0, "up": "z"},
    ),
    "MakeHuman": (
        twisted(
            Rig(
                "root > [spine05 > spine04 > spine03 > spine02 > spine01 > [neck01 > neck02 > neck03 > "
                "head > [eye.L | eye.R | jaw] | clavicle.{} > shoulder01.{} > upperarm01.{} > "
                "upperarm02.{} > lowerarm01.{} > lowerarm02.{} > wrist.{} > finger1-1.{} > finger1-2.{} | "
                "breast.{}] | pelvis.{} > upperleg01.{} > upperleg02.{} > lowerleg01.{} > lowerleg02.{} > "
                "foot.{} > [toe1-1.{} | toe2-1.{}]]",
                {"pelvis": "root", "spine1": "spine05", "spine2": "spine03", "spine3": "spine01",
                 "neck": "neck01", "head": "head", "hip": "upperleg01.{}", "knee": "lowerleg01.{}",
                 "ankle": "foot.{}", "foot": "toe1-1.{}", "collar": "clavicle.{}",
                 "shoulder": "upperarm01.{}", "elbow": "lowerarm01.{}", "wrist": "wrist.{}"},
                _L_R,
                places={"spine04": ("spine1", (0, 0.05, 0)), "spine02": ("spine2", (0, 0.03, 0)),
                        "neck02": ("neck", (0, 0.03, 0.01)), "neck03": ("neck", (0, 0.06, 0.02))},
            ),
            {"shoulder01.{}": "collar", "upperarm02.{}": "shoulder", "lowerarm02.{}": "elbow",
             "upperleg02.{}": "hip", "lowerleg02.{}": "knee"},
        ),
        {},
    ),
    "Character Creator": (
        Rig(
            "RL_BoneRoot > CC_Base_Hip > [CC_Base_Pelvis > CC_Base_{}_Thigh > [CC_Base_{}_ThighTwist01 > "
            "CC_Base_{}_ThighTwist02 | CC_Base_{}_Calf > [CC_Base_{}_CalfTwist01 | "
            "CC_Base_{}_KneeShareBone | CC_Base_{}_Foot > [CC_Base_{}_ToeBaseShareBone | "
            "CC_Base_{}_ToeBase > CC_Base_{}_BigToe1]]] | CC_Base_Waist > CC_Base_Spine01 > "
            "CC_Base_Spine02 > [CC_Base_NeckTwist01 > CC_Base_NeckTwist02 > CC_Base_Head > "
            "[CC_Base_FacialBone | CC_Base_JawRoot] | CC_Base_{}_RibsTwist > CC_Base_{}_Breast | "
            "CC_Base_{}_Clavicle > CC_Base_{}_Upperarm > [CC_Base_{}_UpperarmTwist01 | CC_Base_{}_Forearm > "
            "[CC_Base_{}_ForearmTwist01 | CC_Base_{}_Hand > CC_Base_{}_Thumb1]]]]",
            {"pelvis": "CC_Base_Pelvis", "spine1": "CC_Base_Waist", "spine2": "CC_Base_Spine01",
             "spine3": "CC_Base_Spine02", "neck": "CC_Base_NeckTwist01", "head": "CC_Base_Head",
             **limbs("CC_Base_{}_*", "Thigh Calf Foot ToeBase Clavicle Upperarm Forearm Hand")},
            _L_R,
            places={"CC_Base_Hip": ("pelvis", (0, 0, 0)), "CC_Base_NeckTwist02": ("neck", (0, 0.04, 0.01))},
        ),
        {},
    ),
    "Daz Genesis 8": (
        twisted(
            Rig(
                "hip > [pelvis > {}ThighBend > {}ThighTwist > {}Shin > {}Foot > [{}Metatarsals > {}Toe > "
                "{}BigToe | {}Heel] | abdomenLower > abdomenUpper > chestLower > chestUpper > [neckLower > "
                "neckUpper > head > [lEye | rEye] | {}Collar > {}ShldrBend > {}ShldrTwist > {}ForearmBend > "
                "{}ForearmTwist > {}Hand > {}Thumb1 | lPectoral | rPectoral]]",
                {"pelvis": "pelvis", "spine1": "abdomenLower", "spine2": "abdomenUpper",
                 "spine3": "chestUpper", "neck": "neckLower", "head": "head",
                 **limbs("{}*", "ThighBend Shin Foot Toe Collar ShldrBend ForearmBend Hand")},
                _LOWER,
                places={"hip": ("pelvis", (0, 0.03, 0)), "chestLower": ("spine2", (0, 0.04, 0)),
                        "neckUpper": ("neck", (0, 0.04, 0.01))},
            ),
            {"{}ThighTwist": "hip", "{}ShldrTwist": "shoulder", "{}ForearmTwist": "elbow",
             "{}Metatarsals": "ankle"},
        ),
        {},
    ),
    "Daz Genesis 2": (
        simple("pelvis", "abdomen abdomen2 chest", "neck", "head", "{}*", _DAZ, _LOWER, "hip > "), {},
    ),
    "Poser": (simple("hip", "abdomen chest", "neck", "head", "{}*", _DAZ, _LOWER), {}),
    "Acclaim": (
        Rig(
            "root > [lhipjoint > lfemur > ltibia > lfoot > ltoes | rhipjoint > rfemur > rtibia > rfoot > "
            "rtoes | lowerback > upperback > thorax > [lowerneck > upperneck > head | {}clavicle > "
            "{}humerus > {}radius > {}wrist > [{}hand > {}fingers | {}thumb]]]",
            {"pelvis": "root", "spine1": "lowerback", "spine2": "upperback", "spine3": "thorax",
             "neck": "lowerneck", "head": "head",
             **limbs("{}*", "femur tibia foot toes clavicle humerus radius wrist")},
            _LOWER,
            places={"lhipjoint": ("pelvis", (0, 0, 0)), "rhipjoint": ("pelvis", (0, 0, 0)),
                    "upperneck": ("neck", (0, 0.04, 0.02))},
        ),
        {"metres_per_unit": 0.0254 / 0.45},
    ),
    "OptiTrack": (
        simple("Hip", "Ab Chest", "Neck", "Head", "{}*", "Thigh Shin Foot Toe Shoulder UArm FArm Hand", _L_R),
        {"metres_per_unit": 1.0},
    ),
    "OptiTrack with a prefix": (
        prefixed(simple("Hips", "Spine Spine1", "Neck", "Head", "{}*", _HIK), "Skeleton_001_"),
        {"metres_per_unit": 0.001},
    ),
    "DeepMotion": (
        simple("hips_JNT", "spine_JNT spine1_JNT spine2_JNT", "neck_JNT", "head_JNT", "{}_*_JNT",
               "upleg leg foot toebase shoulder arm foreArm hand", _LOWER, arm=" > {}_handThumb1_JNT"),
        {"metres_per_unit": 1.0},
    ),
    "Kinect": (
        simple("PELVIS", "SPINE_NAVEL SPINE_CHEST", "NECK", "HEAD", "*_{}",
               "HIP KNEE ANKLE FOOT CLAVICLE SHOULDER ELBOW WRIST", ("LEFT", "RIGHT"),
               arm=" > [HAND_{} > HANDTIP_{} | THUMB_{}]", on_head=" > [NOSE | EYE_LEFT | EYE_RIGHT]"),
        {"metres_per_unit": 0.001, "up": "-y"},
    ),
    "Second Life": (
        simple("mPelvis", "mTorso mChest", "mNeck", "mHead", "m*{}",
               "Hip Knee Ankle Toe Collar Shoulder Elbow Wrist"),
        {"metres_per_unit": 1.0, "up": "z"},
    ),
    "Advanced Skeleton": (
        twisted(
            Rig(
                "Root_M > [Spine1_M > Chest_M > [Neck_M > Head_M > HeadEnd_M | Scapula_{} > Shoulder_{} > "
                "ShoulderPart1_{} > Elbow_{} > Wrist_{} > Cup_{}] | Hip_{} > HipPart1_{} > Knee_{} > "
                "Ankle_{} > Toes_{} > ToesEnd_{}]",
                {"pelvis": "Root_M", "spine1": "Spine1_M", "spine3": "Chest_M", "neck": "Neck_M",
                 "head": "Head_M", **limbs("*_{}", "Hip Knee Ankle Toes Scapula Shoulder Elbow Wrist")},
                _L_R,
            ),
            {"ShoulderPart1_{}": "shoulder", "HipPart1_{}": "hip"},
        ),
        {},
    ),
    "SMPL": (
        simple("m_avg_Pelvis", "m_avg_Spine1 m_avg_Spine2 m_avg_Spine3", "m_avg_Neck", "m_avg_Head",
               "m_avg_{}_*", "Hip Knee Ankle Foot Collar Shoulder Elbow Wrist", _L_R, "m_avg_root > ",
               arm=" > m_avg_{}_Hand"),
        {"metres_per_unit": 1.0},
    ),
    "SMPL-X": (
        simple("pelvis", "spine1 spine2 spine3", "neck", "head", "{}_*",
               "hip knee ankle foot collar shoulder elbow wrist", ("left", "right"), "root > ",
               arm=" > [{}_index1 > {}_index2 | {}_thumb1]",
               on_head=" > [jaw | left_eye_smplhf | right_eye_smplhf]"),
        {"metres_per_unit": 1.0},
    ),
    "iPi": (
        simple("Hip", "LowerSpine MiddleSpine Chest", "Neck", "Head", "{}*",
               "Thigh Shin Foot Toe Clavicle Shoulder Forearm Hand", _L_R),
        {},
    ),
    "Rokoko": (
        simple("Hips", "Spine1 Spine2 Spine3 Spine4", "Neck", "Head", "{}*",
               "Thigh Shin Foot Toe Shoulder Arm ForeArm Hand", leg=" > {}ToeTip", on_head=" > HeadVertex"),
        {"metres_per_unit": 1.0},
    ),
    "Mixamo without a colon": (prefixed(MIXAMO, "mixamorig"), {}),
    "Mixamo, second character": (prefixed(MIXAMO, "mixamorig1:"), {}),
    "HumanIK in namespaces": (prefixed(MIXAMO, "My Char:skel:"), {"metres_per_unit": 1.0}),
    "HumanIK below a reference": (
        Rig("Reference > " + MIXAMO.tree, MIXAMO.joints), {"metres_per_unit": 0.0254},
    ),
    "HumanIK below three roots": (
        Rig("Armature > root > hip_root > " + MIXAMO.tree, MIXAMO.joints),
        {"metres_per_unit": 0.0254, "up": "z", "turned_root": True},
    ),
    "a centre of gravity above pelvis and spine": (
        Rig(
            "COG > [Pelvis > {}_Thigh > {}_Knee > {}_Foot > {}_Toe | Spine1 > Spine2 > Spine3 > [Neck > "
            "Head | {}_Clav > {}_Arm > {}_Elbow > {}_Hand > {}_Sword]]",
            {"pelvis": "Pelvis", **dict(zip(_SPINES, ("Spine1", "Spine2", "Spine3"), strict=True)),
             "neck": "Neck", "head": "Head", **limbs("{}_*", "Thigh Knee Foot Toe Clav Arm Elbow Hand")},
            _L_R,
            places={"COG": ("pelvis", (0, 0.01, 0))},
        ),
        {},
    ),
    "Cascadeur": (
        simple("pelvis", "stomach chest", "neck", "head", "*_{}",
               "thigh calf foot toe clavicle arm forearm hand", _LOWER),
        {"metres_per_unit": 1.0},
    ),
    "MHX": (
        simple("hips", "spine chest", "neck", "head", "*_{}",
               "thigh shin foot toe clavicle upper_arm forearm hand", _L_R),
        {"metres_per_unit": 0.3048},
    ),
    "Maya, bind joints": (
        simple("c_hips_jnt", "c_spine01_jnt c_spine02_jnt c_spine03_jnt", "c_neck_jnt", "c_head_jnt",
               "{}_*_jnt", "upLeg leg foot ball clavicle upArm loArm wrist", _LOWER, "rig_root > "),
        {},
    ),
    "Lf and Rt": (
        simple("hips", "spine1 spine2 spine3", "neck", "head", "{}_*",
               "hip knee ankle ball clav shoulder elbow wrist", ("Lf", "Rt")),
        {},
    ),
    "capitals": (
        simple("HIPS", "SPINE SPINE1 SPINE2", "NECK", "HEAD", "{}*", _HIK.upper(), ("LEFT", "RIGHT")), {},
    ),
    "small letters": (
        simple("hips", "spine spine1 spine2", "neck", "head", "{}*", _HIK.lower(), ("left", "right")), {},
    ),
    "MikuMikuDance": (
        simple("下半身", "上半身 上半身2 上半身3", "首", "頭", "{}*", "足 ひざ 足首 つま先 肩 腕 ひじ 手首",
               ("左", "右"), "全ての親 > センター > ", leg=" > {}足IK"),
        {},
    ),
}  # fmt: skip


def renamed(rig: Rig, new: Callable[[str], str]) -> Rig:
    """The rig with every name replaced."""
    names, parents = parsed_tree(rig.tree, rig.sides)

    def tree(joint: int) -> str:
        below = [tree(child) for child, parent in enumerate(parents) if parent == joint]
        branches = f" > [{' | '.join(below)}]" if below else ""
        return new(names[joint]) + branches

    return Rig(
        tree(0),
        {ours: new(name) for name, ours in our_joints(rig).items() if name in names},
        rig.sides,
        {new(name): ours for name, ours in rig.ends.items()},
        {new(name): place for name, place in rig.places.items()},
    )


def without_names(rig: Rig) -> Rig:
    """The rig with numbers for names."""
    names, _ = parsed_tree(rig.tree, rig.sides)
    return renamed(rig, lambda name: f"b{names.index(name) if name in names else name}")
