"""How a motion file is to be read: what the user says about it, for every command that reads one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from intermask_cli.errors import InputError

H5_SUFFIXES = (".h5", ".hdf5")
#: Files of skeletons with names.
USD_SUFFIXES = (".usd", ".usda", ".usdc", ".usdz")
SKELETON_SUFFIXES = (".amc", ".bvh", ".fbx", ".glb", ".gltf", *USD_SUFFIXES)
#: Every motion file that is read, by suffix.
MOTION_SUFFIXES = tuple(sorted((*SKELETON_SUFFIXES, *H5_SUFFIXES, ".npy", ".npz", ".pt", ".pth")))
#: Axes that can be up.
UP_AXES = ("y", "z", "x", "-y", "-z", "-x")
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about a motion file; None leaves it to the file and the reader.

    Attributes:
        person: which person of a file with several, counted from 0, or which persons.
        fps: frames per second, instead of the file's.
        up: the file's up axis, one of `UP_AXES`.
        units: name of the file's unit (`units.metres_per_unit`), or metres per unit.
        skeleton: YAML map from our 22 joints to those of the file; for an .amc file its .asf.
        start, end: first frame that is read and first that is not, at the file's own rate and counted from
            0; or a time in seconds, as `1.5s`.
        flip: axis (`x`, `y`, `z`) to negate, for files of left-handed tools.
        mirror: exchange left and right joints.
    """

    person: int | tuple[int, ...] | None = None
    fps: float | None = None
    up: str | None = None
    units: str | None = None
    skeleton: str | Path | None = None
    start: str | None = None
    end: str | None = None
    flip: str | None = None
    mirror: bool = False

    def __post_init__(self) -> None:
        if self.up is not None and self.up.lower().removeprefix("+") not in UP_AXES:
            raise InputError(f"up axis {self.up!r}; accepted: {', '.join(UP_AXES)}")
        if self.flip is not None and self.flip.lower() not in AXES:
            raise InputError(f"--flip {self.flip!r}; accepted: {', '.join(AXES)}")

    @property
    def up_axis(self) -> str | None:
        """`up` in lower case, without a plus."""
        return None if self.up is None else self.up.lower().removeprefix("+")

    def frames(self, count: int, fps: float) -> tuple[int, int]:
        """First frame that is read, and first that is not, of `count` frames at `fps`."""
        start = 0 if self.start is None else _frame(self.start, fps, "--start")
        end = count if self.end is None else _frame(self.end, fps, "--end")
        if not start < min(end, count):
            given = " ".join(
                f"--{name} {value}"
                for name, value in (("start", self.start), ("end", self.end))
                if value is not None
            )
            raise InputError(f"{given} leaves nothing of {count} frames ({count / fps:.2f} s)")
        return start, min(end, count)


def _frame(text: str, fps: float, option: str) -> int:
    """The frame of a number of frames, or of a time such as `1.5s`."""
    match = re.fullmatch(r"([0-9]+)|([0-9]*\.?[0-9]+)\s*(?:s|sec|seconds)", text.strip().lower(), re.ASCII)
    if match is None or len(text) > 20:
        raise InputError(
            f"{option} {text!r}; accepted: a frame counted from 0, such as 12, or seconds as 1.5s"
        )
    return int(match[1]) if match[1] else round(float(match[2]) * fps)


def suffix_of(path: Path) -> str:
    """The suffix in lower case; a file whose whole name is `.bvh` is a BVH file."""
    name = path.name.lower()
    return name if name in MOTION_SUFFIXES else path.suffix.lower()
