"""What every motion representation offers: the numbers per person and frame, and the way back to joints."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from intermask_cli.motion.motion import Motion


class Representation(ABC):
    """How the motion of one person is written as features, D numbers per frame.

    There is one object per representation, `INTERHUMAN` and `INTERX`: compare with `is`, find one by name
    with `representation_named`. `str(representation)` is the name that config.json and messages use.
    """

    name: ClassVar[str]  # as in config.json and on the command line
    title: ClassVar[str]  # as its authors write it
    fps: ClassVar[int]
    joint_names: ClassVar[tuple[str, ...]]  # in the order of the joints
    parents: ClassVar[tuple[int, ...]]  # of every joint, -1 for the root
    feature_shape: ClassVar[tuple[int, ...]]  # of one person in one frame
    #: Networks see features of unit scale (`Normalizer`); otherwise they see the features unchanged.
    normalised: ClassVar[bool]
    #: Features are computed from joints and rotations of a motion, so a model can encode a given motion: it
    #: can react, extend, edit and continue a long clip window by window.
    holds_joints: ClassVar[bool]
    #: Lower bound (D,) for the standard deviations that we compute ourselves, None where there is none.
    std_floors: ClassVar[np.ndarray | None]

    def __str__(self) -> str:
        return self.name

    @property
    def num_joints(self) -> int:
        """J."""
        return len(self.parents)

    @property
    def num_features(self) -> int:
        """D, numbers per person and frame."""
        return math.prod(self.feature_shape)

    @abstractmethod
    def joints_of(self, features: np.ndarray) -> np.ndarray:
        """Features (..., *feature_shape), not normalised -> joints (..., J, 3) in metres, Y up."""

    def to_motion(self, features: np.ndarray) -> Motion:
        """Features (P, T, *feature_shape), not normalised -> the motion of P persons, which keeps them.

        It has rotations where they are those of our 22 joints.
        """
        return Motion(self.joints_of(features), None, features)
