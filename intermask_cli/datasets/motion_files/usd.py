"""USD (.usd, .usda, .usdc, .usdz): the UsdSkel skeletons of a stage. Needs the `usd` extra (usd-core)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from intermask_cli.datasets.motion_files.keyed_scene import people_of_scene
from intermask_cli.datasets.motion_files.scene_program import scene_by_program
from intermask_cli.datasets.motion_files.text import MAX_BYTES
from intermask_cli.errors import InputError, MissingError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton


def read_usd(path: Path) -> list[AnimatedSkeleton]:
    """The people in a USD file, in metres and Y up if its unit is right.

    Raises:
        MissingError: usd-core is not installed. InputError: damaged, no skeleton, no animation.
    """
    if importlib.util.find_spec("pxr") is None:
        raise MissingError("reading USD needs usd-core: pip install 'intermask[usd]'")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.stat().st_size} bytes; accepted: up to {MAX_BYTES}")
    program = "intermask_cli.datasets.motion_files.usd_by_pxr"
    return people_of_scene(scene_by_program(program, path, "USD"))
