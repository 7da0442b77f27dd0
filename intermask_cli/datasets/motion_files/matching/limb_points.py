"""What matching finds first: the limbs of a body."""

from __future__ import annotations

from dataclasses import dataclass

SIDES = ("left", "right")
#: What stands for the naming scheme where names were not used.
GIVEN_MAP = "joints by the given map"
STRUCTURE = "joints by structure and pose"


@dataclass(frozen=True)
class LimbPoints:
    """Points of the limbs by our joint names, and how they were found.

    Attributes:
        joints: `left_hip` and so on -> point. Hips, knees, ankles, shoulders and elbows are always there.
        pelvis: the point that carries legs and trunk, or None where the tree must show it.
        scheme: name of the naming scheme, or one of the constants above.
    """

    joints: dict[str, int]
    pelvis: int | None
    scheme: str
