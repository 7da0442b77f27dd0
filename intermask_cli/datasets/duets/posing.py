"""From a motion plan to exact joint rotations and positions.

Order: feet from the root path, pelvis as high as both legs allow, trunk, gaze, hands by inverse kinematics.
Both persons are posed at once: arrays start with (2, T).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from intermask_cli.datasets.duets.gait import Footing, plan_feet
from intermask_cli.datasets.duets.motion_plan import MotionPlan, Trunk
from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.standing import Standing, stand
from intermask_cli.datasets.duets.timing import Array, nearby, softened, wander
from intermask_cli.motion.inverse_kinematics import soft_reach, two_bone_rotations
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import cross, normalize
from intermask_cli.motion.skeleton import FPS, PALM_M

#: Joints of the spine, their shares of the bend, and frames by which they follow: the chest goes first.
_SPINE = ((3, 0.30, 2), (6, 0.35, 1), (9, 0.35, 0))
#: Frames by which the chest is ahead of the pelvis in a turn, the share of the turn, and the most, radians.
_LEAD_FRAMES, _LEAD, _LEAD_MOST = 7, 0.6, 0.35
#: Height of the ball joint above the floor for the 1.70 m body.
_BALL_HEIGHT = 0.02
#: Longest leg in use, share of its full length: knees are never locked, but straight to the eye.
_LEG_STRETCH = 0.999
#: Frames each way over which the pelvis height is smoothed, and over which it then comes nearer to its bound.
_SMOOTH = (4, 2)
#: Heel behind the ankle for the 1.70 m body, metres.
_HEEL = 0.05
#: Largest turn and drop of the pelvis with each step, radians.
_PELVIS_TURN, _PELVIS_DROP = 0.13, 0.085
#: Turn of the chest against the pelvis, and how much of its drop the spine takes back.
_CHEST_TURN, _CHEST_LEVEL = 1.8, 0.85
#: Signs of the x axis for left and right limbs.
_SIDES = np.array([1.0, -1.0])


@dataclass(frozen=True)
class Posed:
    """The result: joints (2, T, 22, 3), local rotations (2, T, 22, 3, 3) with the global pelvis first."""

    joints: Array
    local: Array


def euler(yaw: Array | float, pitch: Array | float, roll: Array | float) -> Array:
    """Ry(yaw) Rx(pitch) Rz(roll) as (..., 3, 3): pitch leans forward, roll lifts the left side."""
    shape = np.broadcast_shapes(np.shape(yaw), np.shape(pitch), np.shape(roll))
    sy, cy, sx, cx, sz, cz = (
        np.sin(yaw),
        np.cos(yaw),
        np.sin(pitch),
        np.cos(pitch),
        np.sin(roll),
        np.cos(roll),
    )
    rows = [
        cy * cz + sy * sx * sz, sy * sx * cz - cy * sz, sy * cx,
        cx * sz, cx * cz, -sx,
        cy * sx * sz - sy * cz, sy * sz + cy * sx * cz, cy * cx,
    ]  # fmt: skip
    matrix = np.empty((*shape, 9))
    for k, value in enumerate(rows):
        matrix[..., k] = value
    return matrix.reshape(*shape, 3, 3)


def turned(rotation: Array, vector: Array) -> Array:
    """Rotations (..., 3, 3) applied to vectors (..., 3)."""
    return (rotation @ vector[..., None])[..., 0]


def pose(plan: MotionPlan, bodies: tuple[Body, Body], rng: np.random.Generator) -> Posed:
    """Joint rotations and positions of both persons for all frames of a plan."""
    frames = plan.yaw.shape[1]
    offsets = np.stack([body.offsets for body in bodies])[:, None]  # (2, 1, 22, 3)
    noise = _noise(rng, frames, bodies)
    footing = _both([plan_feet(plan.root[p], plan.yaw[p], bodies[p], plan.flights[p]) for p in range(2)])
    gait, idle = _gait(plan, footing, bodies), stand(rng, plan, bodies)
    local = np.empty((2, frames, 22, 3, 3))
    local[..., 20:22, :, :] = np.eye(3)
    root = _place_pelvis_xz(plan, gait, idle, noise)
    local[:, :, 0] = euler(
        plan.yaw + gait.turn,
        plan.hips_pitch + 0.3 * noise["pitch"],
        plan.hips_roll + gait.drop + idle.lift,
    )
    ankles, foot_rotation, free = _place_feet(plan, footing, root, offsets, bodies)
    root[..., 1] = _pelvis_height(
        plan.crouch + idle.sink, root, local[:, :, 0], ankles, free, offsets, bodies
    )
    root[..., 1] += plan.jump
    ankles[..., 1] += plan.jump[..., None]
    _pose_legs(local, root, ankles, foot_rotation, plan.yaw, footing, offsets)
    trunk = _pose_trunk(local, root, plan, gait, idle, noise, offsets, bodies)
    _pose_head(local, trunk, plan, gait, idle, noise, bodies)
    _pose_arms(local, trunk, plan, gait, idle, noise, offsets, bodies)
    joints, _ = forward_kinematics(local, root, offsets)
    return Posed(joints, local)


def _noise(rng: np.random.Generator, frames: int, bodies: tuple[Body, Body]) -> dict[str, Array]:
    """Idle movement and breathing, about one degree and one centimetre."""
    idle = np.array([body.style.idle for body in bodies])[:, None, None]
    slow = wander(rng, frames, 24, 4.0, FPS) + 0.2 * wander(rng, frames, 24, 1.2, FPS)
    slow = slow.reshape(2, 12, frames) * idle
    breath = np.sin(
        2 * np.pi * rng.uniform(0.22, 0.36, (2, 1)) * np.arange(frames) / FPS + rng.uniform(0, 6.28, (2, 1))
    )
    return {
        "shift": slow[:, 0:2].transpose(0, 2, 1) * 0.008,
        "pitch": slow[:, 2] * 0.012 - breath * 0.012,
        "roll": slow[:, 3] * 0.012,
        "twist": slow[:, 4] * 0.02,
        "head": slow[:, 5:7].transpose(0, 2, 1) * 0.03,
        "hands": slow[:, 6:12].reshape(2, 2, 3, frames).transpose(0, 3, 1, 2) * 0.009,
        "breath": breath,
    }


def _both(footing: list[Footing]) -> Footing:
    """The feet of both persons: every array (2, T, 2)."""
    return Footing(*(np.stack([getattr(f, name.name) for f in footing]) for name in fields(Footing)))


@dataclass(frozen=True)
class Gait:
    """What walking does to the rest of the body, from the feet: all but `arms` (2, T)."""

    turn: Array  # pelvis turned to the left, radians; the chest turns against it
    drop: Array  # pelvis lifted at the left, radians: it drops on the side of the swinging leg
    sway: Array  # pelvis moved to the left, metres, over the standing foot
    arms: Array  # (2, T, 2) hands ahead of the shoulders, metres: each goes with the opposite foot


def _gait(plan: MotionPlan, footing: Footing, bodies: tuple[Body, Body]) -> Gait:
    """Pelvis and arms that belong to the steps."""
    scale = np.array([body.scale for body in bodies])[:, None]
    s, c = np.sin(plan.yaw), np.cos(plan.yaw)
    ahead = (footing.x - plan.root[..., None, 0]) * s[..., None] + (footing.z - plan.root[..., None, 1]) * c[
        ..., None
    ]
    apart = softened((ahead[..., 0] - ahead[..., 1]) / scale, 3, axis=1)
    side = softened(footing.swing[..., 1] - footing.swing[..., 0], 4, axis=1)
    stride = softened(footing.stride[..., 1] - footing.stride[..., 0], 3, axis=1)
    sway = np.array([body.style.sway * body.scale for body in bodies])[:, None]
    velocity = np.gradient(plan.root, axis=1) * FPS
    forward = softened(velocity[..., 0] * s + velocity[..., 1] * c, 8, axis=1)
    swing = np.array([body.style.arm_swing for body in bodies])[:, None] * (
        0.16 + 0.36 * np.clip(forward, 0.0, 2.0)
    )
    hands = 0.5 * (swing * scale * 0.9 * np.tanh(apart / 0.9))[..., None] * np.array([-1.0, 1.0])
    return Gait(
        turn=-_PELVIS_TURN * np.tanh(apart / 0.67), drop=_PELVIS_DROP * stride,
        sway=sway * side, arms=hands,
    )  # fmt: skip


def _place_pelvis_xz(plan: MotionPlan, gait: Gait, idle: Standing, noise: dict[str, Array]) -> Array:
    """Pelvis over the ground (2, T, 3): root path, planned shift, and sway towards the standing foot."""
    left = plan.shift[..., 0] + noise["shift"][..., 0] + gait.sway + idle.side
    ahead = plan.shift[..., 1] + noise["shift"][..., 1]
    s, c = np.sin(plan.yaw), np.cos(plan.yaw)
    root = np.zeros((*plan.yaw.shape, 3))
    root[..., 0] = plan.root[..., 0] + left * c + ahead * s
    root[..., 2] = plan.root[..., 1] - left * s + ahead * c
    return root


def _place_feet(
    plan: MotionPlan, footing: Footing, root: Array, offsets: Array, bodies: tuple[Body, Body]
) -> tuple[Array, Array, Array]:
    """Ankles (2, T, 2, 3), global foot rotations (2, T, 2, 3, 3), weight of lifted feet (2, T, 2)."""
    scale = np.array([body.scale for body in bodies])[:, None, None]
    x, z, yaw = footing.x, footing.z, footing.yaw
    s, c = np.sin(plan.yaw)[..., None], np.cos(plan.yaw)[..., None]
    ahead = (x - root[..., None, 0]) * s + (z - root[..., None, 2]) * c
    behind = np.maximum(-(ahead / scale + 0.10), 0.0)
    pitch = 0.75 * (1.0 - np.exp(-behind / 0.30))  # the heel rises when the body has passed the foot
    pitch = pitch * (1.0 - footing.rolling) + footing.pitch
    pitch = pitch + np.minimum(4.0 * plan.jump, 0.6)[..., None]  # toes point down in the air
    rotation = euler(yaw, pitch, 0.0)
    to_ball = offsets[:, :, [10, 11]]
    ball = np.stack([x, _BALL_HEIGHT * scale + footing.lift, z], axis=-1)
    # With the toes up the foot turns about its heel, else about the ball.
    from_heel = to_ball + np.array([0.0, 0.0, _HEEL]) * scale[..., None]
    from_heel[..., 1] = _BALL_HEIGHT * scale
    level = euler(yaw, 0.0, 0.0)
    ball += np.where(pitch < 0.0, 1.0, 0.0)[..., None] * turned(rotation - level, from_heel)
    ankles = ball - turned(rotation, to_ball)
    weight = np.zeros_like(x)
    standing = np.array([_stand(o) for o in offsets[:, 0]])
    for item in plan.lifts:
        p, f = item.person, item.foot
        pelvis = root[p].copy()
        pelvis[:, 1] = standing[p] * 0.97
        w = item.weight[:, None]
        ankles[p, :, f] += w * (item.target(pelvis, plan.yaw[p]) - ankles[p, :, f])
        pitch[p, :, f] += item.weight * (item.pitch - pitch[p, :, f])
        weight[p, :, f] = np.maximum(weight[p, :, f], item.weight)
    if plan.lifts:
        rotation = euler(yaw, pitch, 0.0)
    return ankles, rotation, weight


def _stand(offsets: Array) -> float:
    """Pelvis height of a body standing straight."""
    return float(-offsets[[1, 4, 7, 10], 1].sum() + _BALL_HEIGHT)


def _pelvis_height(
    crouch: Array,
    root: Array,
    rotation: Array,
    ankles: Array,
    free: Array,
    offsets: Array,
    bodies: tuple[Body, Body],
) -> Array:
    """Height (2, T): at most standing less crouch, at most what both legs reach, then smoothed downwards."""
    hips = turned(rotation[:, :, None], offsets[:, :, [1, 2]])
    legs = np.array([body.leg for body in bodies])[:, None, None] * _LEG_STRETCH
    across = ankles[..., [0, 2]] - (root[:, :, None] + hips)[..., [0, 2]]
    rise = np.sqrt(np.maximum(legs**2 - (across**2).sum(-1), 0.01))
    bound = (ankles[..., 1] + rise - hips[..., 1] + 2.0 * free).min(axis=-1)
    standing = np.array([_stand(o) for o in offsets[:, 0]])[:, None]
    bound = np.minimum(bound, standing - crouch)
    height = _below(bound, _SMOOTH[0])
    return height + _below(bound - height, _SMOOTH[1])


def _below(bound: Array, reach: int) -> Array:
    """A smooth curve that is nowhere above the bound (2, T): its least values nearby, averaged."""
    lowest = nearby(bound, reach, axis=1).min(axis=-1)
    return softened(lowest, reach, axis=1)


def _pose_legs(
    local: Array,
    root: Array,
    ankles: Array,
    foot_rotation: Array,
    yaw: Array,
    footing: Footing,
    offsets: Array,
) -> None:
    """Fill hips, knees, ankles and toes."""
    pelvis = local[:, :, 0, None]
    hips = root[:, :, None] + turned(pelvis, offsets[:, :, [1, 2]])
    direction = 0.5 * (footing.yaw + yaw[..., None]) + 0.10 * _SIDES
    # Knees bend about a level axis across the body, whichever way the leg points (also in a high kick).
    across = np.stack([np.cos(direction), np.zeros_like(direction), -np.sin(direction)], axis=-1)
    length = np.linalg.norm(offsets[:, :, [4, 5]], axis=-1, keepdims=True)
    length = length + np.linalg.norm(offsets[:, :, [7, 8]], axis=-1, keepdims=True)
    reachable = soft_reach(hips, ankles, length, 0.9991, 0.9994)
    pole = cross(reachable - hips, across)
    thigh, shank = two_bone_rotations(
        hips, reachable, pole, offsets[:, :, [4, 5]], offsets[:, :, [7, 8]], 0.0, np.array([1.0, 0.0, 0.0])
    )
    local[:, :, 1:3] = _inverse(pelvis) @ thigh
    local[:, :, 4:6] = _inverse(thigh) @ shank
    local[:, :, 7:9] = _inverse(shank) @ foot_rotation
    heel = np.arcsin(np.clip(-foot_rotation[..., 1, 2], -1.0, 1.0))
    local[:, :, 10:12] = euler(0.0, -np.maximum(heel, 0.0), 0.0)


def _inverse(rotation: Array) -> Array:
    return np.swapaxes(rotation, -1, -2)


def _pose_trunk(
    local: Array,
    root: Array,
    plan: MotionPlan,
    gait: Gait,
    idle: Standing,
    noise: dict[str, Array],
    offsets: Array,
    bodies: tuple[Body, Body],
) -> Trunk:
    """Fill the spine; collars are still neutral in the returned trunk."""
    posture = np.array([body.style.posture for body in bodies])[:, None]
    pitch = plan.bend[..., 0] + noise["pitch"] + posture
    roll = plan.bend[..., 1] + noise["roll"] - _CHEST_LEVEL * (gait.drop + idle.lift)
    twist = plan.bend[..., 2] + noise["twist"] - _CHEST_TURN * gait.turn + _leading(plan.yaw)
    rotations, positions = {0: local[:, :, 0]}, {0: root}
    parent = 0
    for joint, share, lag in _SPINE:
        bent = (share * np.stack([twist, pitch, roll]))[..., np.maximum(np.arange(twist.shape[1]) - lag, 0)]
        local[:, :, joint] = euler(*bent)
        positions[joint] = positions[parent] + turned(rotations[parent], offsets[:, :, joint])
        rotations[joint] = rotations[parent] @ local[:, :, joint]
        parent = joint
    for joint in (12, 13, 14):
        positions[joint] = positions[9] + turned(rotations[9], offsets[:, :, joint])
    for joint, base in ((15, 12), (16, 13), (17, 14)):
        positions[joint] = positions[base] + turned(rotations[9], offsets[:, :, joint])
    return Trunk(positions, rotations, plan.yaw, bodies)


def _leading(yaw: Array) -> Array:
    """Twist (2, T) of a trunk that turns before the feet and the pelvis do."""
    later = np.minimum(np.arange(yaw.shape[1]) + _LEAD_FRAMES, yaw.shape[1] - 1)
    return _soft(_LEAD * softened(yaw[:, later] - yaw, 3, axis=1), _LEAD_MOST)


def _soft(angle: Array, limit: float) -> Array:
    return limit * np.tanh(angle / limit)


def _pose_head(
    local: Array, trunk: Trunk, plan: MotionPlan, gait: Gait, idle: Standing,
    noise: dict[str, Array], bodies: tuple[Body, Body],
) -> None:  # fmt: skip
    """Fill neck and head: look at the partner's face with weight `gaze`, else straight ahead, then nod."""
    scale = np.array([body.scale for body in bodies])[:, None]
    chin = np.array([body.style.chin for body in bodies])[:, None]
    eyes = trunk.positions[12].copy()
    eyes[..., 1] += 0.12 * scale
    way = turned(_inverse(trunk.rotations[9]), eyes[::-1] - eyes)
    yaw = _soft(np.arctan2(way[..., 0], np.maximum(way[..., 2], 0.05)), 1.1)
    pitch = _soft(-np.arctan2(way[..., 1], np.hypot(way[..., 0], way[..., 2]) + 0.15), 0.6)
    level = -0.5 * np.arcsin(np.clip(-trunk.rotations[9][..., 1, 2], -1.0, 1.0))
    ahead = (_CHEST_TURN - 1.0) * gait.turn  # the head does not turn with the chest at every step
    yaw = plan.gaze * yaw + (1.0 - plan.gaze) * ahead + plan.look + idle.turn + noise["head"][..., 0]
    pitch = (
        plan.gaze * pitch
        + (1.0 - plan.gaze) * 0.4 * level
        + plan.nod
        + idle.nod
        + chin
        + noise["head"][..., 1]
    )
    roll = -0.5 * plan.bend[..., 1]
    local[:, :, 12] = euler(0.4 * yaw, 0.4 * pitch, 0.4 * roll)
    local[:, :, 15] = euler(0.6 * yaw, 0.6 * pitch, 0.6 * roll)


def _pose_arms(
    local: Array, trunk: Trunk, plan: MotionPlan, gait: Gait, idle: Standing, noise: dict[str, Array],
    offsets: Array, bodies: tuple[Body, Body],
) -> None:  # fmt: skip
    """Fill collars, shoulders and elbows so that the palms follow hanging position and reaches."""
    chest = trunk.rotations[9]
    arms = np.array([body.arm for body in bodies])[:, None, None, None]
    palms = _hanging(trunk, plan, gait, bodies)
    shoulders = np.stack([trunk.positions[16], trunk.positions[17]], axis=2)
    busy = np.zeros(palms.shape[:3])
    for item in (*idle.rests, *plan.reaches):
        p, h, w = item.person, item.hand, item.weight[:, None]
        way = item.target(trunk) - palms[p, :, h]
        size = np.linalg.norm(way, axis=-1, keepdims=True)
        outward = trunk.offset(p, 0.35 * _SIDES[h], 0.0, 1.0)
        palms[p, :, h] += w * way + 4.0 * w * (1.0 - w) * item.bulge * size * outward
        busy[p, :, h] = np.maximum(busy[p, :, h], item.weight)
    palms += noise["hands"] * (1.0 - busy)[..., None]

    # The shoulder girdle helps: up for raised hands, forward for far ones.
    way = turned(_inverse(chest)[:, :, None], palms - shoulders) / arms
    raised = 0.30 * np.tanh(np.logaddexp(0.0, 4.0 * (way[..., 1] + 0.2)) / 4.0)
    forward = 0.28 * np.tanh(np.logaddexp(0.0, 6.0 * (way[..., 2] - 0.35)) / 6.0)
    breath = 0.012 * noise["breath"][..., None]
    collar = euler(-_SIDES * forward, 0.0, _SIDES * (raised + breath))
    girdle = chest[:, :, None] @ collar
    collars = np.stack([trunk.positions[13], trunk.positions[14]], axis=2)
    shoulders = collars + turned(girdle, offsets[:, :, [16, 17]])

    palms = soft_reach(shoulders, palms, arms, 0.95, 0.992)
    pole = _elbow_pole(plan.elbow + idle.elbow, normalize(palms - shoulders), chest)
    hint = np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    upper, lower = two_bone_rotations(
        shoulders, palms, pole, offsets[:, :, [18, 19]], offsets[:, :, [20, 21]], PALM_M, hint
    )
    local[:, :, 13:15] = collar
    local[:, :, 16:18] = _inverse(girdle) @ upper
    local[:, :, 18:20] = _inverse(upper) @ lower


def _hanging(trunk: Trunk, plan: MotionPlan, gait: Gait, bodies: tuple[Body, Body]) -> Array:
    """Palms (2, T, 2, 3) of arms that hang and swing against the legs; a forward arm bends more."""
    chest, level = trunk.rotations[9], euler(plan.yaw, 0.0, 0.0)
    down = np.empty((*gait.arms.shape, 3))
    for p, body in enumerate(bodies):
        style, arm = body.style, body.arm
        ahead = style.arm_forward * body.scale + gait.arms[p]
        bent = style.arm_bend + 0.10 * np.logaddexp(0.0, 12.0 * gait.arms[p] / arm) / 12.0
        down[p, ..., 0] = _SIDES * style.arm_out * body.scale
        down[p, ..., 1] = -np.sqrt(np.maximum((arm * (1.0 - bent)) ** 2 - ahead**2, 0.25 * arm**2))
        down[p, ..., 2] = ahead
    shoulders = np.stack([trunk.positions[16], trunk.positions[17]], axis=2)
    mixed = 0.4 * chest + 0.6 * level
    return shoulders + turned(mixed[:, :, None], down)


def _elbow_pole(elbow: Array, along: Array, chest: Array) -> Array:
    """Direction (2, T, 2, 3) the elbows point to: back and down; outward for raised hands or if asked."""
    raised = 0.5 + 0.5 * np.tanh(3.0 * (along[..., 1] - 0.1))
    out = np.clip(elbow + 0.8 * raised, 0.0, 1.3)
    pole = np.empty_like(along)
    pole[..., 0] = _SIDES * (0.25 + 1.1 * out)
    pole[..., 1] = -0.7 + 0.45 * out
    pole[..., 2] = -0.55 + 0.55 * out
    return turned(chest[:, :, None], pole)
