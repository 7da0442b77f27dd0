"""Skeletons whose root positions are relative to the root's OFFSET, as some BVH writers have them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from intermask_cli.datasets.motion_files.checks import OFF_FLOOR_M, lowest_foot
from intermask_cli.datasets.motion_files.file_motion import FileMotion
from intermask_cli.motion.axes import axes_to_y_up

#: Feet nearer to the floor than this stand on it, metres: soles are below the joints, and floors not exact.
_ON_FLOOR_M = 0.15


def with_root_offset(file: FileMotion) -> FileMotion:
    """A settled file (metres, Y up) with the OFFSET added to roots where that brings the feet to the floor.

    Most files hold the place of the root itself, and an OFFSET that is to be ignored.
    """
    joints, skeletons, notes = list(file.joints), list(file.skeletons), list(file.notes)
    for person, skeleton in enumerate(file.skeletons):
        turned = skeleton.offsets[0] * (file.metres_per_unit or 1.0) @ axes_to_y_up(str(file.up)).T
        lowest = lowest_foot(joints[person])
        if abs(lowest) > OFF_FLOOR_M and abs(lowest + turned[1]) < _ON_FLOOR_M:
            joints[person] = joints[person] + turned
            skeletons[person] = replace(skeleton, root=skeleton.root + skeleton.offsets[0])
            notes.append(
                f"the lowest foot was at {lowest:.2f} m, so the root's positions are taken as relative to "
                f"its OFFSET, which was added; it is at {lowest + turned[1]:.2f} m now"
            )
    return replace(file, joints=np.stack(joints), skeletons=tuple(skeletons), notes=tuple(notes))
