"""People at the rate of the given person's file, whose own frames are used instead of those at 30 fps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from intermask_cli.export.like import common_frames, correspondence_of
from intermask_cli.inference.interaction import Interaction
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.axes import axes_to_y_up
from intermask_cli.motion.kinematics import local_from_global
from intermask_cli.motion.resampling import rotations_at, values_at
from intermask_cli.motion.rig import Rig
from intermask_cli.motion.skeleton import FPS, PARENTS


def at_own_rate(item: Interaction, rigs: list[Rig]) -> tuple[list[Rig], float]:
    """The rigs of an interaction's people at the rate of the given person's file, and that rate.

    The given person turns as the file says in each of its frames; the partner is interpolated. Without such a
    file, or with one at 30 fps, the rigs are as they were.
    """
    source, given = item.source, item.given
    if source is None or given is None or source.fps == FPS:
        return rigs, float(FPS)
    times = np.minimum(np.arange(source.frames) * (FPS / source.fps), item.frames - 1)
    faster = [
        replace(rig, local=rotations_at(rig.local, times), root=values_at(rig.root, times)) for rig in rigs
    ]
    faster[given] = _as_in_file(faster[given], source, item.joints[given])
    return faster, source.fps


def _as_in_file(rig: Rig, source: AnimatedSkeleton, joints: np.ndarray) -> Rig:
    """A rig at the rate of its file, turned as the file says; joints: (T, 22, 3) at 30 fps."""
    found = correspondence_of(source, joints)
    axes = axes_to_y_up(source.up or "y")
    turns = axes @ source.global_rotations()
    rotations = np.empty_like(rig.local)
    for joint, parent in enumerate(PARENTS):
        of_file = found.sources[joint]
        if of_file is not None:
            rotations[:, joint] = turns[:, of_file] @ found.constants[joint]
        else:
            rotations[:, joint] = (
                rig.local[:, joint] if parent < 0 else rotations[:, parent] @ rig.local[:, joint]
            )
    root = rig.root
    hips = found.sources[0]
    if hips is not None:  # the pelvis keeps its place in the frame of the file's joint
        in_file, at_30 = common_frames(source, len(joints))
        place = source.positions()[:, hips] @ axes.T * (source.metres_per_unit or 1.0)
        away = joints[at_30, 0] - place[in_file]
        constant = np.einsum("tji,tj->ti", turns[in_file, hips], away).mean(axis=0)
        root = place + turns[:, hips] @ constant
    return replace(rig, local=local_from_global(rotations), root=root)


def at_30_fps(joints: np.ndarray, fps: float, frames: int) -> np.ndarray:
    """Joints (T, 22, 3) at `fps` -> (frames, 22, 3) at 30 fps."""
    times = np.minimum(np.arange(frames) * (fps / FPS), len(joints) - 1)
    return values_at(joints, times)
