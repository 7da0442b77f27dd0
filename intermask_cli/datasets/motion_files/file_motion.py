"""What the reader of a format hands on: everybody in a file, in the file's unit, axes and rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.motion_files.matching.body_joints import SkeletonMatch
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.skeleton import FPS


@dataclass(frozen=True, eq=False)
class FileMotion:
    """All persons of a file, in its unit, axes and rate.

    Attributes:
        joints: (P, T, 22, 3) float64.
        rotations6d: (P, T, 21, 6) float64 `sixd_columns`, or None.
        kind: what the file holds, for the report.
        fps: frames per second.
        fps_known: whether the file or its format says so; else the rate of our motion is assumed.
        up: the axis that is up (`read_options.UP_AXES`); None where the file does not say.
        metres_per_unit: of the joints; None where the file does not say.
        skeletons: of each person, where the file holds skeletons with names.
        matches: how the joints were found in each of the skeletons.
        notes: what was taken for granted, for the report.
        joint_axis: axis of the joints in the array of the file; None where there is none.
        array_name: of that array in an archive.
        first_frame: number in the file of the first frame here.
        tracked: frames (P, T) in which each person is seen; None if in all.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None
    kind: str
    fps: float = float(FPS)
    up: str | None = "y"
    metres_per_unit: float | None = 1.0
    skeletons: tuple[AnimatedSkeleton, ...] = ()
    matches: tuple[SkeletonMatch, ...] = ()
    notes: tuple[str, ...] = ()
    fps_known: bool = True
    joint_axis: int | None = None
    array_name: str | None = None
    first_frame: int = 0
    tracked: np.ndarray | None = None
