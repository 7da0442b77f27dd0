"""Where feet are: planned steps as paths of toes and ankles, and how far the pelvis comes down for them.

Axes: N persons, F frames of all of them, T frames of one; 2 feet (left, right).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.motion.body.foot_paths import foot_path
from intermask_cli.motion.body.footsteps import plan_steps
from intermask_cli.motion.body.sole import ANKLES, TOES
from intermask_cli.motion.body.timeline import Timeline
from intermask_cli.motion.body.trunk import HIPS, PELVIS, turned
from intermask_cli.motion.curves import minimum_jerk
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import JOINT, REST_OFFSETS

_FOOT, _LEG = JOINT["left_foot"], (JOINT["left_knee"], JOINT["left_ankle"])
_REST_FOOT_M = float(np.linalg.norm(REST_OFFSETS[_FOOT]))
#: Angle of the foot's bone below the horizon on a flat sole, and the steepest.
_FLAT_RAD, _STEEPEST_RAD = float(np.arcsin(-REST_OFFSETS[_FOOT, 1] / _REST_FOOT_M)), 1.45
#: Metres of drift of a stand from which the foot rolls as in a planned gait, not as decoded.
_GLIDE_M = 0.08
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
    foot_m = np.linalg.norm(offsets[:, _FOOT], axis=-1)[:, None]  # (F, 1): ankle to toe
    decoded, pointing = targets[:, TOES], normalize(targets[:, TOES] - targets[:, ANKLES])
    yaw = np.arctan2(pointing[..., 0], pointing[..., 2])
    air = plan_steps(decoded, timeline)
    paths = [
        [foot_path(decoded[own, foot], yaw[own, foot], air[own, foot]) for foot in (0, 1)] for own in timeline
    ]
    toes, yaw, swing, drift = (
        np.concatenate([np.stack([getattr(foot, name) for foot in feet], axis=1) for feet in paths])
        for name in ("toe", "yaw", "swing", "drift")
    )
    # A foot high in the air, such as a kick's, is where it was decoded.
    raised = minimum_jerk((decoded[..., 1] - _RAISED_M[0]) / (_RAISED_M[1] - _RAISED_M[0])) * air
    raised = np.where(air, timeline.smoothed(raised, _BLEND_SIGMA_FRAMES), 0)[..., None]
    toes = toes + raised * (decoded - toes)
    # Where the decoded foot drifts, its angle says little: it rolls as in a planned gait.
    facing = timeline.smoothed(pelvis[:, (0, 2), 2], _BLEND_SIGMA_FRAMES)
    rolling = _rolling_angle(toes, targets[:, PELVIS], facing, swing, foot_m)
    gait = np.clip(timeline.smoothed(np.minimum(drift / _GLIDE_M, 1), _BLEND_SIGMA_FRAMES), 0, 1)
    angle = -np.arcsin(np.clip(pointing[..., 1], -1, 1))
    angle = angle + gait * (rolling - angle)
    # No heel is lower than that of a flat foot.
    lowest = np.arcsin(np.clip(np.sin(_FLAT_RAD) - toes[..., 1] / foot_m, -1, 1))
    angle = np.clip(angle, lowest, _STEEPEST_RAD)
    level = np.cos(angle)
    direction = np.stack([level * np.sin(yaw), -np.sin(angle), level * np.cos(yaw)], axis=-1)
    direction = normalize(direction + raised * (pointing - direction))
    ankles = toes - foot_m[..., None] * direction
    hips = targets[:, [PELVIS]] + turned(pelvis[:, None], offsets[:, HIPS])
    reach = _LEG_STRETCH * np.linalg.norm(offsets[:, _LEG], axis=-1).sum(-1)[:, None]  # (F, 1)
    sinking = _sinking(hips, ankles, ~air, reach, timeline)
    hips = hips - sinking[:, None, None] * np.array([0, 1.0, 0])
    return Feet(toes, _raised_heels(hips, ankles, toes, reach, foot_m), ~air, sinking)


def _rolling_angle(
    toes: np.ndarray, root: np.ndarray, facing: np.ndarray, swing: np.ndarray, foot_m: np.ndarray
) -> np.ndarray:
    """Angle (F, 2) of feet in a walk: the heel rises when the body has passed, the toe before it lands.

    toes (F, 2, 3); root (F, 3); facing (F, 2) over the ground; swing (F, 2) 1 in the middle of a step; foot_m
    (F, 1). As the people of the procedural corpus walk.
    """
    way = toes - root[:, None]
    s, c = np.moveaxis(normalize(facing), -1, 0)[..., None]  # (F, 1) each
    ahead = (way[..., 0] * s + way[..., 2] * c) / (foot_m / _REST_FOOT_M)
    behind = np.maximum(-(ahead + 0.10), 0)
    rise = 0.75 * (1 - np.exp(-behind / 0.30))
    rise += 0.6 * swing * (0.22 - 0.5 * np.clip(ahead / 0.3 + 0.5, 0, 1))
    angle: np.ndarray = _FLAT_RAD + rise
    return angle


def _sinking(
    hips: np.ndarray, ankles: np.ndarray, standing: np.ndarray, reach: np.ndarray, timeline: Timeline
) -> np.ndarray:
    """Metres (F,) by which each pelvis must come down for standing feet to be within reach (F, 1)."""
    gap = hips - ankles
    level_squared = np.square(gap[..., (0, 2)]).sum(-1)
    missing = gap[..., 1] - np.sqrt(np.maximum(reach**2 - level_squared, 0))
    need = np.clip(np.where(standing, missing, 0), 0, _MAX_SINKING_M).max(axis=-1)
    return timeline.smoothed(timeline.largest_nearby(need, _SINK_REACH_FRAMES), _SINK_SIGMA_FRAMES)


def _raised_heels(
    hips: np.ndarray, ankles: np.ndarray, toes: np.ndarray, reach: np.ndarray, foot_m: np.ndarray
) -> np.ndarray:
    """Ankles (F, 2, 3) that turn about their toes until legs of that reach (F, 1) get there."""
    for _ in range(_HEEL_ROUNDS):
        leg = ankles - hips
        distance = np.linalg.norm(leg, axis=-1, keepdims=True)
        pulled = hips + leg * np.minimum(1, reach[..., None] / np.maximum(distance, 1e-9))
        ankles = toes + foot_m[..., None] * normalize(pulled - toes)
    return ankles
