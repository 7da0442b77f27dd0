"""The model a run uses: found and described before it is loaded, then loaded on each worker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.config import SamplingConfig, to_dict
from intermask_cli.errors import InputError
from intermask_cli.generation.manifest import utc_now, versions
from intermask_cli.generation.prompts import FrameLimits
from intermask_cli.motion.skeleton import INTERX_PARENTS, JOINT_NAMES, PARENTS

DTYPES = ("float32", "bf16")


@dataclass(frozen=True)
class ModelSource:
    """A model bundle that is found and described, but not loaded yet."""

    name: str
    folder: Path
    sha256: str
    info: Any  # models.bundle.BundleInfo; not named here, so that this module needs no torch
    text_encoder: str | None  # as given on the command line
    dtype: str

    @classmethod
    def find(cls, name: str, text_encoder: str | None, dtype: str) -> ModelSource:
        """Resolve a bundled name, folder or hub id; MissingError or InputError if that fails."""
        from intermask_cli.models.bundle import bundle_sha256, read_info, resolve_bundle

        folder = resolve_bundle(name)
        return cls(name, folder, bundle_sha256(folder), read_info(folder), text_encoder, dtype)

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InputError(f"--dtype {self.dtype}: accepted are {' and '.join(DTYPES)}")

    @property
    def num_joints(self) -> int:
        return len(INTERX_PARENTS if self.info.representation == "interx" else PARENTS)

    def identity(self, sampling: SamplingConfig) -> dict[str, Any]:
        """What a run must have in common with an earlier one to continue it."""
        return {
            "model": self.sha256,
            "text encoder": [
                self.info.text_encoder["id"],
                self.info.text_encoder["sha256"],
                self.text_encoder,
            ],
            "settings": {**to_dict(sampling), "dtype": self.dtype},
        }

    def dataset_attributes(self, sampling: SamplingConfig) -> dict[str, Any]:
        """Root attributes of `interactions.h5` (docs/formats.md)."""
        interx = self.info.representation == "interx"
        parents = INTERX_PARENTS if interx else PARENTS
        names = [*JOINT_NAMES, *(f"joint{j}" for j in range(len(JOINT_NAMES), len(parents)))]
        return {
            "fps": float(self.info.fps),
            "units": "m",
            "up_axis": "y",
            "joint_names": names,
            "parents": list(parents),
            "rotation_convention": "sixd_columns",
            "model_id": self.info.name,
            "model_sha256": self.sha256,
            "text_encoder_id": self.info.text_encoder["id"],
            "text_encoder_sha256": self.info.text_encoder["sha256"] or "",
            "licence": self.info.licence,
            "sampling": {**to_dict(sampling), "dtype": self.dtype},
            "versions": versions(),
            "created": utc_now(),
        }

    def summary(self) -> dict[str, Any]:
        """What the manifest says about the model beside its hash."""
        return {
            "model": self.name,
            "model_folder": str(self.folder),
            "training_data": self.info.training_data,
        }

    def frame_limits(self) -> FrameLimits:
        """Lengths this model can make; beyond one window clips are continued window by window."""
        return FrameLimits(fps=self.info.fps)


def motion_sha256(joints: np.ndarray, rotations6d: np.ndarray | None) -> str:
    """Hash of a given motion, for telling runs apart."""
    digest = hashlib.sha256(np.ascontiguousarray(joints).tobytes())
    if rotations6d is not None:
        digest.update(np.ascontiguousarray(rotations6d).tobytes())
    return digest.hexdigest()
