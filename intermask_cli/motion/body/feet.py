"""Where feet are: planned footsteps as paths of toes and ankles, and how far the pelvis comes down for them.

Axes: N persons, F frames of all of them, T frames of one; 2 feet (left, right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.body.footsteps import plan_steps
from intermask_cli.motion.body.sole import ANKLES, TOES
from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.trunk import HIPS, PELVIS, turned
from intermask_cli.motion.curves import minimum_jerk, runs_of_true
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import JOINT, REST_OFFSETS

_FOOT = JOINT["left_foot"]
#: Metres that a foot is lifted for a step: at least, and more for a step of `_LONG_STEP_M`.
_LIFT_M, _LONG_LIFT_M, _LONG_STEP_M = 0.035, 0.09, 0.6
#: Exponent of the parabola by which a foot rises and comes down: 2 starts from rest but brushes the floor.
_BUMP_POWER = 2.0
#: Frames at either end of a step over which it joins the decoded path.
_JOIN_FRAMES = 10
#: Shares of a step between which the foot moves over the ground: it is off the floor by then.
_GROUND = (0.08, 0.92)
#: Metres of drift of a stand from which the foot rolls as in a planned gait, not as decoded.
_GLIDE_M = 0.08
#: Angle of the foot's bone below the horizon on a flat sole.
_FLAT_RAD = float(np.arcsin(-REST_OFFSETS[_FOOT, 1] / np.linalg.norm(REST_OFFSETS[_FOOT])))
#: Steepest and flattest foot, radians below the horizon.
_ANGLE_RANGE_RAD = (-0.9, 1.45)
#: Metres of height between which a foot in the air comes to where it was decoded.
_RAISED_M = (0.08, 0.20)
#: Sigma in frames between the decoded angle of a foot and that of the planned gait.
_BLEND_SIGMA_FRAMES = 2.0
#: Share of its length that a leg spans at most on the ground.
_LEG_STRETCH = 0.985
#: Metres. A foot that would need a deeper pelvis raises its heel instead.
_MAX_SINKING_M = 0.12
#: Sigma in frames of the sinking, and frames before and after that sink as deep, so that smoothing does not
#: lower the peak.
_SINK_SIGMA_FRAMES, _SINK_REACH_FRAMES = 3.0, 4
#: Rounds of finding the ankle between hip and toe. Each brings it nearer to both.
_HEEL_ROUNDS = 6


@dataclass(frozen=True)
class Feet:
    """toes, ankles (F, 2, 3) metres; standing (F, 2); sinking (F,) metres the pelvis comes down."""

    toes: np.ndarray
    ankles: np.ndarray
    standing: np.ndarray
    sinking: np.ndarray


def plan_feet(targets: np.ndarray, pelvis: np.ndarray, offsets: np.ndarray, timeline: Timeline) -> Feet:
    """Targets (F, 22, 3) -> feet that stand still and step.

    pelvis: its global rotation (F, 3, 3); offsets (F, 22, 3) rest offsets.
    """
    foot_length = np.linalg.norm(offsets[:, _FOOT], axis=-1)
    scale = foot_length / np.linalg.norm(REST_OFFSETS[_FOOT])
    facing = timeline.smoothed(pelvis[:, (0, 2), 2], 2.0)
    wrapped = np.arctan2(facing[:, 0], facing[:, 1])
    toes, direction = targets[:, TOES], normalize(targets[:, TOES] - targets[:, ANKLES])
    yaw = np.arctan2(direction[..., 0], direction[..., 2])
    angle = -np.arcsin(np.clip(direction[..., 1], -1, 1))
    air = plan_steps(toes, timeline)
    raised = minimum_jerk((toes[..., 1] - _RAISED_M[0]) / (_RAISED_M[1] - _RAISED_M[0])) * air
    raised = np.where(air, timeline.smoothed(raised, _BLEND_SIGMA_FRAMES), 0)[..., None]
    decoded, pointing = toes, direction
    drawn = np.empty((*yaw.shape, 6))  # toe, yaw, swing, drift
    for frames in timeline:
        for foot in (0, 1):
            drawn[frames, foot] = _drawn(toes[frames, foot], yaw[frames, foot], air[frames, foot])
    toes, yaw, swing, drift = drawn[..., :3], drawn[..., 3], drawn[..., 4], drawn[..., 5]
    # A foot high in the air, such as a kick's, is where it was decoded.
    toes = toes + raised * (decoded - toes)
    gait = np.clip(timeline.smoothed(np.minimum(drift / _GLIDE_M, 1), _BLEND_SIGMA_FRAMES), 0, 1)
    planned = _gait_angle(toes, yaw, targets[:, PELVIS], wrapped, swing, scale)
    angle = np.clip(angle + gait * (planned - angle), *_ANGLE_RANGE_RAD)
    angle = np.where(~air, np.maximum(angle, _FLAT_RAD), angle)
    level = np.cos(angle)
    direction = np.stack([level * np.sin(yaw), -np.sin(angle), level * np.cos(yaw)], axis=-1)
    direction = normalize(direction + raised * (pointing - direction))
    ankles = toes - foot_length[:, None, None] * direction
    hips = targets[:, [PELVIS]] + turned(pelvis[:, None], offsets[:, HIPS])
    leg = np.linalg.norm(offsets[:, (JOINT["left_knee"], JOINT["left_ankle"])], axis=-1).sum(-1)
    sinking = _sinking(hips, ankles, ~air, _LEG_STRETCH * leg, timeline)
    hips = hips - sinking[:, None, None] * np.array([0, 1.0, 0])
    ankles = _raised_heels(hips, ankles, toes, _LEG_STRETCH * leg, foot_length)
    return Feet(toes, ankles, ~air, sinking)


def _drawn(toes: np.ndarray, yaw: np.ndarray, air: np.ndarray) -> np.ndarray:
    """Path (T, 6) of one foot: toe, yaw, swing (1 in the middle of a step), and drift that was undone.

    toes (T, 3), yaw (T,): as decoded; air (T,): frames of the steps.
    """
    frames = len(toes)
    path = np.zeros((frames, 6))
    turn = np.unwrap(yaw)
    stands = runs_of_true(~air)
    for start, stop in stands:
        part = toes[start:stop, (0, 2)]
        spot = part.mean(axis=0)
        path[start:stop, 0], path[start:stop, 2] = spot
        path[start:stop, 3] = turn[start:stop].mean()
        path[start:stop, 5] = np.ptp(part, axis=0).max()
    for start, stop in runs_of_true(air):
        at = slice(start, stop)
        decoded = np.column_stack([toes[at], turn[at]])
        # A step that starts or ends with the clip starts or ends as decoded.
        origin = path[start - 1, :4] if start > 0 else decoded[0]
        goal = path[stop, :4] if stop < frames else decoded[-1]
        u = (np.arange(start, stop) - start + 1) / (stop - start + 1)
        over = minimum_jerk((u - _GROUND[0]) / (_GROUND[1] - _GROUND[0]))[:, None]
        bump = _bump(u, start > 0, stop < frames)
        # The decoded path is taken except near the stands, where its ends are.
        since, until = np.arange(1, stop - start + 1), np.arange(stop - start, 0, -1)
        trust = minimum_jerk(since / _JOIN_FRAMES) if start > 0 else np.ones(stop - start)
        if stop < frames:
            trust = trust * minimum_jerk(until / _JOIN_FRAMES)
        own = decoded - (decoded[0] + over * (decoded[-1] - decoded[0]))
        path[at, :4] = origin + over * (goal - origin) + trust[:, None] * own
        way = float(np.linalg.norm(goal[:3] - origin[:3]))
        height = trust * np.maximum(decoded[:, 1], 0)
        lift = _LIFT_M + _LONG_LIFT_M * min(way / _LONG_STEP_M, 1.0)
        path[at, 1] = height + bump * max(lift - height.max(), 0.0)
        path[at, 4] = bump
        path[at, 5] = max(path[max(start - 1, 0), 5], path[min(stop, frames - 1), 5])
    return path


def _bump(share: np.ndarray, starts: bool, ends: bool) -> np.ndarray:
    """Curve (T,) from 0 to 1 in the middle of a step and back; a step cut by the clip starts or ends at 1."""
    share = share if starts else np.maximum(share, 0.5)
    share = share if ends else np.minimum(share, 0.5)
    bump: np.ndarray = (4 * share * (1 - share)) ** _BUMP_POWER
    return bump


def _gait_angle(
    toes: np.ndarray, yaw: np.ndarray, root: np.ndarray, heading: np.ndarray, swing: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Angle (F, 2) of planned feet: the heel rises when the body has passed, the toe before landing."""
    way = toes - root[:, None]
    s, c = np.sin(heading)[:, None], np.cos(heading)[:, None]
    ahead = (way[..., 0] * s + way[..., 2] * c) / scale[:, None]
    behind = np.maximum(-(ahead + 0.10), 0)
    rise = 0.75 * (1 - np.exp(-behind / 0.30))
    rise += 0.6 * swing * (0.22 - 0.5 * np.clip(ahead / 0.3 + 0.5, 0, 1))
    angle: np.ndarray = _FLAT_RAD + rise
    return angle


def _sinking(
    hips: np.ndarray, ankles: np.ndarray, standing: np.ndarray, reach: np.ndarray, timeline: Timeline
) -> np.ndarray:
    """Metres (F,) by which each pelvis must come down for the standing feet to be in reach."""
    gap = hips - ankles
    level_squared = np.square(gap[..., (0, 2)]).sum(-1)
    missing = gap[..., 1] - np.sqrt(np.maximum(reach[:, None] ** 2 - level_squared, 0))
    need = np.clip(np.where(standing, missing, 0), 0, _MAX_SINKING_M).max(axis=-1)
    return timeline.smoothed(timeline.largest_nearby(need, _SINK_REACH_FRAMES), _SINK_SIGMA_FRAMES)


def _raised_heels(
    hips: np.ndarray, ankles: np.ndarray, toes: np.ndarray, reach: np.ndarray, foot_length: np.ndarray
) -> np.ndarray:
    """Ankles (F, 2, 3) that turn about their toes until the legs reach them."""
    for _ in range(_HEEL_ROUNDS):
        leg = ankles - hips
        distance = np.linalg.norm(leg, axis=-1, keepdims=True)
        pulled = hips + leg * np.minimum(1, reach[:, None, None] / np.maximum(distance, 1e-9))
        ankles = toes + foot_length[:, None, None] * normalize(pulled - toes)
    return ankles
