"""From a motion plan to exact joint rotations and positions.

Order: feet from the root path, pelvis as high as both legs allow, trunk, gaze, hands by inverse kinematics.
Both persons and both sides are posed at once. Axes in this order: components (`vectors`), persons, sides, T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.duets.gait import Footing, plan_feet
from intermask_cli.datasets.duets.ground_path import GroundPath
from intermask_cli.datasets.duets.limbs import LimbPair, legs_and_arms, soft_distance, two_bone_rotations
from intermask_cli.datasets.duets.motion_plan import MotionPlan, Trunk
from intermask_cli.datasets.duets.rig import Body
from intermask_cli.datasets.duets.standing import Standing, stand
from intermask_cli.datasets.duets.timing import Array, nearby, softened, wander
from intermask_cli.datasets.duets.vectors import (
    about_y,
    columns_relative_to,
    cross,
    euler,
    length,
    pitched,
    product,
    turned,
    turned_back,
)
from intermask_cli.motion.skeleton import FPS

#: Joints of the spine, their shares of the bend, and frames by which they follow: the chest goes first.
_SPINE = ((3, 0.30, 2), (6, 0.35, 1), (9, 0.35, 0))
_SPINE_SHARES = np.array([share for _, share, _ in _SPINE])[:, None, None]
#: Shares of the head's turn.
_NECK_SHARES = np.array([0.4, 0.6])[:, None, None]
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
#: Signs of the x axis for left and right limbs, over frames.
_SIDES = np.array([[1.0], [-1.0]])


@dataclass(frozen=True)
class Posed:
    """The result, with components first and frames last (`vectors`); persons are the axis of two."""

    joints: Array  # (3, 2, 22, T) metres
    columns: (
        np.ndarray
    )  # (3, 2, 2, 22, T) float32, the first two columns of local rotations, of the pelvis in the world
    pelvis: Array  # (3, 3, 2, T) rotation in the world

    @classmethod
    def empty(cls, frames: int) -> Posed:
        """Neutral wrists, nothing else yet."""
        columns = np.empty((3, 2, 2, 22, frames), dtype=np.float32)
        columns[..., 20:22, :] = np.eye(3)[:, :2, None, None, None]
        return cls(np.empty((3, 2, 22, frames)), columns, np.empty((3, 3, 2, frames)))


def pose(plan: MotionPlan, bodies: tuple[Body, Body], rng: np.random.Generator) -> Posed:
    """Joint rotations and positions of both persons for all frames of a plan."""
    frames = plan.yaw.shape[1]
    offsets = np.stack([body.offsets.T for body in bodies], axis=1)[..., None]  # (3, 2, 22, 1)
    noise = _noise(rng, frames, bodies)
    path = GroundPath.of(plan.root, plan.yaw)
    footing = plan_feet(path, bodies, plan.flights)
    gait, idle = _gait(path, footing, bodies), stand(rng, plan, path, bodies)
    posed = Posed.empty(frames)
    legs, arms = legs_and_arms(offsets)
    root = _place_pelvis_xz(plan, path, gait, idle, noise)
    posed.pelvis[:] = euler(
        plan.yaw + gait.turn,
        plan.hips_pitch + 0.3 * noise["pitch"],
        plan.hips_roll + gait.drop + idle.lift,
    )
    ankles, foot_rotation, free = _place_feet(plan, path, footing, root, offsets, bodies)
    hips = turned(posed.pelvis[:, :, :, None], offsets[:, :, 1:3])  # from the pelvis
    root[1] = _pelvis_height(plan.crouch + idle.sink, root, hips, ankles, free, bodies)
    root[1] += plan.jump
    ankles[1] += plan.jump[:, None]
    posed.joints[:, :, 0], posed.columns[:, :, :, 0] = root, posed.pelvis[:, :2]
    _pose_legs(posed, legs, hips + root[:, :, None], ankles, foot_rotation, path, footing, offsets)
    trunk, chest = _pose_trunk(posed, plan, path, gait, idle, noise, offsets, bodies)
    _pose_head(posed, chest, plan, gait, idle, noise, offsets, bodies)
    _pose_arms(posed, arms, trunk, chest, plan, path, gait, idle, noise, offsets, bodies)
    return posed


def _noise(rng: np.random.Generator, frames: int, bodies: tuple[Body, Body]) -> dict[str, Array]:
    """Idle movement and breathing, about one degree and one centimetre; persons first, frames last."""
    idle = np.array([body.style.idle for body in bodies])[:, None, None]
    slow = wander(rng, frames, 24, 4.0, FPS) + 0.2 * wander(rng, frames, 24, 1.2, FPS)
    slow = slow.reshape(2, 12, frames) * idle
    breath = np.sin(
        2 * np.pi * rng.uniform(0.22, 0.36, (2, 1)) * np.arange(frames) / FPS + rng.uniform(0, 6.28, (2, 1))
    )
    return {
        "shift": slow[:, 0:2] * 0.008,
        "pitch": slow[:, 2] * 0.012 - breath * 0.012,
        "roll": slow[:, 3] * 0.012,
        "twist": slow[:, 4] * 0.02,
        "head": slow[:, 5:7] * 0.03,
        "hands": slow[:, 6:12].reshape(2, 2, 3, frames) * 0.009,
        "breath": breath,
    }


@dataclass(frozen=True)
class Gait:
    """What walking does to the rest of the body, from the feet: all but `arms` (2, T)."""

    turn: Array  # pelvis turned to the left, radians; the chest turns against it
    drop: Array  # pelvis lifted at the left, radians: it drops on the side of the swinging leg
    sway: Array  # pelvis moved to the left, metres, over the standing foot
    arms: Array  # (2, 2, T) hands ahead of the shoulders, metres: each goes with the opposite foot


def _gait(path: GroundPath, footing: Footing, bodies: tuple[Body, Body]) -> Gait:
    """Pelvis and arms that belong to the steps."""
    scale, sway, swing = np.array([(b.scale, b.style.sway * b.scale, b.style.arm_swing) for b in bodies]).T[
        ..., None
    ]
    # How far the left foot is ahead of the right one.
    apart = (footing.x[:, 0] - footing.x[:, 1]) * path.sine + (
        footing.z[:, 0] - footing.z[:, 1]
    ) * path.cosine
    apart = softened(apart / scale, 3, axis=1)
    side = softened(footing.swing[:, 1] - footing.swing[:, 0], 4, axis=1)
    stride = softened(footing.stride[:, 1] - footing.stride[:, 0], 3, axis=1)
    forward = softened(path.forward, 8, axis=1)
    swing = swing * (0.16 + 0.36 * np.minimum(np.maximum(forward, 0.0), 2.0))
    hands = 0.5 * (swing * scale * 0.9 * np.tanh(apart / 0.9))[:, None] * -_SIDES
    return Gait(
        turn=-_PELVIS_TURN * np.tanh(apart / 0.67), drop=_PELVIS_DROP * stride,
        sway=sway * side, arms=hands,
    )  # fmt: skip


def _place_pelvis_xz(
    plan: MotionPlan, path: GroundPath, gait: Gait, idle: Standing, noise: dict[str, Array]
) -> Array:
    """Pelvis over the ground (3, 2, T): root path, planned shift, and sway towards the standing foot."""
    left = plan.shift[..., 0] + noise["shift"][:, 0] + gait.sway + idle.side
    ahead = plan.shift[..., 1] + noise["shift"][:, 1]
    root = np.zeros((3, *left.shape))
    root[0] = path.x + left * path.cosine + ahead * path.sine
    root[2] = path.z - left * path.sine + ahead * path.cosine
    return root


def _place_feet(
    plan: MotionPlan, path: GroundPath, footing: Footing, root: Array, offsets: Array,
    bodies: tuple[Body, Body],
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Ankles (3, 2, 2, T), global foot rotations (3, 3, 2, 2, T), weight of lifted feet (2, 2, T)."""
    scale = np.array([body.scale for body in bodies])[:, None, None]
    x, z = footing.x, footing.z
    ahead = (x - root[0, :, None]) * path.sine[:, None] + (z - root[2, :, None]) * path.cosine[:, None]
    behind = np.maximum(-(ahead / scale + 0.10), 0.0)
    pitch = 0.75 * (1.0 - np.exp(-behind / 0.30))  # the heel rises when the body has passed the foot
    pitch = pitch * (1.0 - footing.rolling) + footing.pitch
    pitch = pitch + np.minimum(4.0 * plan.jump, 0.6)[:, None]  # toes point down in the air
    sine, cosine = np.sin(footing.yaw), np.cos(footing.yaw)
    rotation = pitched(sine, cosine, pitch)
    to_ball = offsets[:, :, 10:12]
    ankles = np.stack([x, _BALL_HEIGHT * scale + footing.lift, z]) - turned(rotation, to_ball)
    # With the toes up the foot turns about its heel, else about the ball.
    from_heel = to_ball + np.array([0.0, 0.0, _HEEL])[:, None, None, None] * scale
    from_heel[1] = _BALL_HEIGHT * scale
    ankles += (pitch < 0.0) * (turned(rotation, from_heel) - turned(about_y(sine, cosine), from_heel))
    weight = np.zeros_like(x)
    for item in plan.lifts:
        p, f = item.person, item.foot
        pelvis = root[:, p].copy()
        pelvis[1] = _stand(bodies[p]) * 0.97
        ankles[:, p, f] += item.weight * (item.target(pelvis.T, plan.yaw[p]).T - ankles[:, p, f])
        pitch[p, f] += item.weight * (item.pitch - pitch[p, f])
        weight[p, f] = np.maximum(weight[p, f], item.weight)
    if plan.lifts:
        rotation = pitched(sine, cosine, pitch)
    return ankles, rotation, weight


def _stand(body: Body) -> float:
    """Pelvis height of a body standing straight."""
    return float(-body.offsets[[1, 4, 7, 10], 1].sum() + _BALL_HEIGHT)


def _pelvis_height(
    crouch: Array,
    root: Array,
    hips: Array,
    ankles: Array,
    free: Array,
    bodies: tuple[Body, Body],
) -> Array:
    """Height (2, T): at most standing less crouch, at most what both legs reach, then smoothed downwards."""
    legs = np.array([body.leg for body in bodies])[:, None, None] * _LEG_STRETCH
    x, _, z = ankles - (root[:, :, None] + hips)
    rise = np.sqrt(np.maximum(legs**2 - (x**2 + z**2), 0.01))
    bound = (ankles[1] + rise - hips[1] + 2.0 * free).min(axis=1)
    standing = np.array([_stand(body) for body in bodies])[:, None]
    bound = np.minimum(bound, standing - crouch)
    height = _below(bound, _SMOOTH[0])
    return height + _below(bound - height, _SMOOTH[1])


def _below(bound: Array, reach: int) -> Array:
    """A smooth curve that is nowhere above the bound (2, T): its least values nearby, averaged."""
    lowest = nearby(bound, reach, axis=1).min(axis=-1)
    return softened(lowest, reach, axis=1)


def _pose_legs(
    posed: Posed,
    legs: LimbPair,
    hips: Array,
    ankles: Array,
    foot_rotation: Array,
    path: GroundPath,
    footing: Footing,
    offsets: Array,
) -> None:
    """Fill hips, knees, ankles and toes."""
    direction = 0.5 * (footing.yaw + path.yaw[:, None]) + 0.10 * _SIDES
    # Knees bend about a level axis across the body, whichever way the leg points (also in a high kick).
    across = np.stack([np.cos(direction), np.zeros_like(direction), -np.sin(direction)])
    along = ankles - hips
    distance = length(along)
    along /= distance
    reached = soft_distance(distance, legs.longest, 0.9991, 0.9994)
    rotations, knees, ankles = two_bone_rotations(along, reached, cross(along, across), legs)
    thigh, shank = rotations[:, :, 0], rotations[:, :, 1]
    ankles = hips + ankles
    joints, columns = posed.joints, posed.columns
    joints[:, :, 1:3] = hips
    joints[:, :, 4:6] = hips + knees
    joints[:, :, 7:9] = ankles
    joints[:, :, 10:12] = ankles + turned(foot_rotation, offsets[:, :, 10:12])
    toes = np.arcsin(np.minimum(foot_rotation[1, 2], 0.0))  # they stay level while the heel is up
    columns[:, :, :, 1:3] = columns_relative_to(posed.pelvis[:, :, :, None], thigh)
    columns[:, :, :, 4:6] = columns_relative_to(thigh, shank)
    columns[:, :, :, 7:9] = columns_relative_to(shank, foot_rotation)
    columns[:, :, :, 10:12] = euler(0.0, toes, 0.0)[:, :2]


def _pose_trunk(
    posed: Posed,
    plan: MotionPlan,
    path: GroundPath,
    gait: Gait,
    idle: Standing,
    noise: dict[str, Array],
    offsets: Array,
    bodies: tuple[Body, Body],
) -> tuple[Trunk, Array]:
    """Fill the spine; the trunk, with collars still neutral, and the rotation (3, 3, 2, T) of the chest."""
    posture = np.array([body.style.posture for body in bodies])[:, None]
    pitch = plan.bend[..., 0] + noise["pitch"] + posture
    roll = plan.bend[..., 1] + noise["roll"] - _CHEST_LEVEL * (gait.drop + idle.lift)
    twist = plan.bend[..., 2] + noise["twist"] - _CHEST_TURN * gait.turn + _leading(path.yaw)
    # (3, 3, 3, 2, T), the third axis those of `_SPINE`.
    bent = euler(*(_SPINE_SHARES * bends for bends in (twist, pitch, roll)))
    now, rotation, parent = np.arange(twist.shape[1]), posed.pelvis, 0
    for number, (joint, _, lag) in enumerate(_SPINE):
        local = bent[:, :, number][..., np.maximum(now - lag, 0)] if lag else bent[:, :, number]
        posed.columns[:, :, :, joint] = local[:, :2]
        posed.joints[:, :, joint] = posed.joints[:, :, parent] + turned(rotation, offsets[:, :, joint])
        rotation, parent = product(rotation, local), joint
    chest = rotation[:, :, :, None]
    base = posed.joints[:, :, 9, None] + turned(chest, offsets[:, :, 12:15])
    tips = base + turned(chest, offsets[:, :, 15:18])
    posed.joints[:, :, 12:15] = base
    positions = {joint: posed.joints[:, :, joint] for joint in (0, 3, 6, 9, 12, 13, 14)}
    positions |= {joint: tips[:, :, joint - 15] for joint in (15, 16, 17)}
    return Trunk(positions, path.sine, path.cosine, bodies), rotation


def _leading(yaw: Array) -> Array:
    """Twist (2, T) of a trunk that turns before the feet and the pelvis do."""
    later = np.minimum(np.arange(yaw.shape[1]) + _LEAD_FRAMES, yaw.shape[1] - 1)
    return _soft(_LEAD * softened(yaw[:, later] - yaw, 3, axis=1), _LEAD_MOST)


def _soft(angle: Array, limit: float) -> Array:
    return limit * np.tanh(angle / limit)


def _pose_head(
    posed: Posed, chest: Array, plan: MotionPlan, gait: Gait, idle: Standing,
    noise: dict[str, Array], offsets: Array, bodies: tuple[Body, Body],
) -> None:  # fmt: skip
    """Fill neck and head: look at the partner's face with weight `gaze`, else straight ahead, then nod."""
    scale = np.array([body.scale for body in bodies])[:, None]
    chin = np.array([body.style.chin for body in bodies])[:, None]
    eyes = posed.joints[:, :, 12].copy()
    eyes[1] += 0.12 * scale
    left, up, front = turned_back(chest, eyes[:, ::-1] - eyes)
    yaw = _soft(np.arctan2(left, np.maximum(front, 0.05)), 1.1)
    pitch = _soft(-np.arctan2(up, np.hypot(left, front) + 0.15), 0.6)
    level = 0.5 * np.arcsin(np.minimum(np.maximum(chest[1, 2], -1.0), 1.0))
    ahead = (_CHEST_TURN - 1.0) * gait.turn  # the head does not turn with the chest at every step
    yaw = plan.gaze * yaw + (1.0 - plan.gaze) * ahead + plan.look + idle.turn + noise["head"][:, 0]
    pitch = (
        plan.gaze * pitch + (1.0 - plan.gaze) * 0.4 * level + plan.nod + idle.nod + chin + noise["head"][:, 1]
    )
    roll = -0.5 * plan.bend[..., 1]
    neck, head = euler(*(_NECK_SHARES * angle for angle in (yaw, pitch, roll))).swapaxes(0, 2).swapaxes(1, 2)
    posed.columns[:, :, :, 12], posed.columns[:, :, :, 15] = neck[:, :2], head[:, :2]
    posed.joints[:, :, 15] = posed.joints[:, :, 12] + turned(chest, turned(neck, offsets[:, :, 15]))


def _pose_arms(
    posed: Posed, arms: LimbPair, trunk: Trunk, chest: Array, plan: MotionPlan, path: GroundPath,
    gait: Gait, idle: Standing, noise: dict[str, Array], offsets: Array, bodies: tuple[Body, Body],
) -> None:  # fmt: skip
    """Fill collars, shoulders and elbows so that the palms follow hanging position and reaches."""
    scale = np.array([body.scale for body in bodies])[:, None, None]
    shoulders = np.stack([trunk.positions[16], trunk.positions[17]], axis=2)
    palms = shoulders + _hanging(chest, path, gait, bodies)
    busy = np.zeros(palms.shape[1:])
    # A hand comes in a curve: forward, and a little to its own side.
    sine, cosine, aside = path.sine[:, None] * scale, path.cosine[:, None] * scale, 0.35 * _SIDES
    curve = np.stack([sine + aside * cosine, np.zeros_like(busy), cosine - aside * sine])
    for item in (*idle.rests, *plan.reaches):
        p, h, w = item.person, item.hand, item.weight
        way = item.target(trunk).T - palms[:, p, h]
        palms[:, p, h] += w * way + 4.0 * item.bulge * w * (1.0 - w) * length(way) * curve[:, p, h]
        busy[p, h] = np.maximum(busy[p, h], w)
    palms += noise["hands"].transpose(2, 0, 1, 3) * (1.0 - busy)

    # The shoulder girdle helps: up for raised hands, forward for far ones.
    chest = chest[:, :, :, None]
    _, up, front = turned_back(chest, palms - shoulders) / arms.longest
    raised = 0.30 * np.tanh(_soft_plus(4.0 * (up + 0.2)) / 4.0)
    forward = 0.28 * np.tanh(_soft_plus(6.0 * (front - 0.35)) / 6.0)
    breath = 0.012 * noise["breath"][:, None]
    collar = euler(-_SIDES * forward, 0.0, _SIDES * (raised + breath))
    girdle = product(chest, collar)
    shoulders = posed.joints[:, :, 13:15] + turned(girdle, offsets[:, :, 16:18])

    along = palms - shoulders
    distance = length(along)
    along /= distance
    pole = _elbow_pole(plan.elbow.swapaxes(1, 2) + idle.elbow, along, chest)
    reached = soft_distance(distance, arms.longest, 0.95, 0.992)
    rotations, elbows, wrists = two_bone_rotations(along, reached, pole, arms)
    upper, lower = rotations[:, :, 0], rotations[:, :, 1]
    posed.joints[:, :, 16:18] = shoulders
    posed.joints[:, :, 18:20] = shoulders + elbows
    posed.joints[:, :, 20:22] = shoulders + wrists
    posed.columns[:, :, :, 13:15] = collar[:, :2]
    posed.columns[:, :, :, 16:18] = columns_relative_to(girdle, upper)
    posed.columns[:, :, :, 18:20] = columns_relative_to(upper, lower)


def _hanging(chest: Array, path: GroundPath, gait: Gait, bodies: tuple[Body, Body]) -> Array:
    """Palms (3, 2, 2, T), from the shoulders, of arms that hang and swing against the legs.

    A forward arm bends more.
    """
    arm, scale, forward, bend, out = np.array(
        [(b.arm, b.scale, b.style.arm_forward, b.style.arm_bend, b.style.arm_out) for b in bodies]
    ).T[..., None, None]
    ahead = forward * scale + gait.arms
    bent = bend + 0.10 * _soft_plus(12.0 * gait.arms / arm) / 12.0
    down = -np.sqrt(np.maximum((arm * (1.0 - bent)) ** 2 - ahead * ahead, 0.25 * arm**2))
    side = np.broadcast_to(_SIDES * out * scale, down.shape)
    mixed = 0.4 * chest + 0.6 * about_y(path.sine, path.cosine)
    return turned(mixed[:, :, :, None], np.stack([side, down, ahead]))


def _soft_plus(x: Array) -> Array:
    """A smooth max(x, 0) of moderate numbers."""
    return np.log(1.0 + np.exp(x))  # `numpy.logaddexp` takes several times as long


def _elbow_pole(elbow: Array, along: Array, chest: Array) -> Array:
    """Direction (3, 2, 2, T) of the elbows: back and down; outward for raised hands or if asked."""
    raised = 0.5 + 0.5 * np.tanh(3.0 * (along[1] - 0.1))
    out = np.minimum(np.maximum(elbow + 0.8 * raised, 0.0), 1.3)
    pole = np.stack([_SIDES * (0.25 + 1.1 * out), -0.7 + 0.45 * out, -0.55 + 0.55 * out])
    return turned(chest, pole)
