"""The record that carries motion everywhere: joints, rotations and features of one or more persons."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from intermask_cli.errors import InputError

#: Arrays of a motion after the joints, in the order of its hash; each may be missing.
OPTIONAL_ARRAYS = ("rotations6d", "features", "root_rotations6d", "bone_lengths")


@dataclass(frozen=True, eq=False)
class Motion:
    """Motion of P persons in one world: metres, Y up, 30 fps; person 0 first.

    A body is rigid where `joints` are forward kinematics of `root_rotations6d` and `rotations6d` on
    `bone_lengths` (`motion.rig`); `Interaction.rigid` says of whom that is true.

    Attributes:
        joints: positions (P, T, J, 3), float32; J is 22 (InterHuman) or 55 (Inter-X).
        rotations6d: local rotations (P, T, 21, 6) of joints 1..21 in the `sixd_columns` layout
            (`motion.rotation`), or None where only positions are known.
        features: what a dataset stores or a decoder returns, not normalised: (P, T, 262) of InterHuman or
            (P, T, 56, 6) of Inter-X, or None.
        root_rotations6d: rotation (P, T, 6) of the pelvis in the world, `sixd_columns`, or None.
        bone_lengths: (P, 21) metres from joints 1..21 to their parents, constant over the clip and along
            the rest directions `skeleton.REST_OFFSETS`, or None.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None = None
    features: np.ndarray | None = None
    root_rotations6d: np.ndarray | None = None
    bone_lengths: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("joints", *OPTIONAL_ARRAYS):
            given = getattr(self, name)
            if isinstance(given, np.ndarray) or (given is None and name != "joints"):
                continue
            try:
                array = np.asarray(
                    given.detach().cpu() if hasattr(given, "detach") else given, dtype=np.float32
                )
            except (TypeError, ValueError) as error:
                raise InputError(f"{name} cannot be read as an array of numbers ({error})") from None
            object.__setattr__(self, name, array)
        if self.joints.ndim != 4 or self.joints.shape[-1] != 3:
            raise InputError(f"joints of shape {self.joints.shape}; accepted: persons, T, joints, 3")
        persons, frames, joints, _ = self.joints.shape
        for name in ("rotations6d", "features"):
            array = getattr(self, name)
            if array is not None and array.shape[:2] != (persons, frames):
                raise InputError(
                    f"{name} of shape {array.shape}; accepted: {persons} persons and {frames} frames, as "
                    "the joints have"
                )
        for name, shape in (
            ("root_rotations6d", (persons, frames, 6)),
            ("bone_lengths", (persons, joints - 1)),
        ):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise InputError(
                    f"{name} of shape {array.shape}; accepted: {shape}, for joints of shape "
                    f"{self.joints.shape}"
                )

    def __repr__(self) -> str:
        names = [name for name in OPTIONAL_ARRAYS if getattr(self, name) is not None]
        return f"Motion(joints {self.joints.shape}{''.join(f', {name}' for name in names)})"

    @property
    def persons(self) -> int:
        """P."""
        return len(self.joints)

    @property
    def frames(self) -> int:
        """T."""
        return int(self.joints.shape[1])

    @property
    def has_rig(self) -> bool:
        """Whether all arrays of a rigid body are there."""
        return not any(a is None for a in (self.rotations6d, self.root_rotations6d, self.bone_lengths))

    def part(self, start: int, stop: int) -> Motion:
        """A copy of the frames from `start` up to `stop`, which is excluded."""
        return self._map(lambda array: array[:, start:stop].copy())

    def padded(self, multiple: int) -> Motion:
        """A copy whose number of frames is a multiple of `multiple`: the last frame is repeated."""
        missing = -self.frames % multiple

        def pad(array: np.ndarray) -> np.ndarray:
            return np.pad(array, ((0, 0), (0, missing), *((0, 0),) * (array.ndim - 2)), mode="edge")

        return self._map(pad)

    def sha256(self, shapes: bool = True) -> str:
        """SHA-256 over the float32 bytes of the arrays and, unless `shapes` is False, their shapes.

        Run directories identify a given motion without shapes; everything else includes them.
        """
        digest = hashlib.sha256()
        for name in ("joints", *OPTIONAL_ARRAYS):
            array = getattr(self, name)
            if array is not None:
                values = np.ascontiguousarray(array, dtype=np.float32)
                digest.update((str(values.shape).encode() if shapes else b"") + values.tobytes())
        return digest.hexdigest()

    def _map(self, function: Callable[[np.ndarray], np.ndarray]) -> Motion:
        """Apply `function` to each array with a frame axis; bone lengths are copied, None stays None."""
        return Motion(
            function(self.joints),
            None if self.rotations6d is None else function(self.rotations6d),
            None if self.features is None else function(self.features),
            None if self.root_rotations6d is None else function(self.root_rotations6d),
            None if self.bone_lengths is None else self.bone_lengths.copy(),
        )
