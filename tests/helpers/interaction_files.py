"""Files in the schema of interactions.h5, written without the package's own writer."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from intermask_cli.motion.skeleton import INTERX_PARENTS, JOINT_NAMES


def write_interactions(
    path: Path, count: int = 6, samples: int = 1, fps: float = 30.0, frames: int = 24, **changes
):
    """`count` prompts with `samples` random interactions each; `changes` are joint_names, joints and nan."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "intermask-interactions", "format_version": 1, "fps": fps})
        file.attrs["joint_names"] = changes.get("joint_names", list(JOINT_NAMES))
        ids = [f"p{p}-s{s}" for p in range(count) for s in range(samples)]
        prompts = [f"the two people wave {p}" for p in range(count) for _ in range(samples)]
        file.create_group("interactions")
        for i, (id, prompt) in enumerate(zip(ids, prompts, strict=True)):
            # A tenth, so that the sum of the bones stays below the height of a person.
            joints = 0.1 * rng.normal(size=(2, frames, changes.get("joints", 22), 3)).astype(np.float32)
            if changes.get("nan") and i == 2:
                joints[0, 3] = np.nan
            group = file.create_group(f"interactions/{id}")
            group["joints"] = joints
            group.attrs.update({"prompt": prompt, "seed": i, "sample": i % samples, "frames": frames})
        for name, texts in (("id", ids), ("prompt", prompts)):
            file.create_dataset(f"index/{name}", data=texts, dtype=h5py.string_dtype())
        for name in ("sample", "seed", "frames"):
            file[f"index/{name}"] = np.arange(len(ids))
    return path


def write_interx_interactions(path: Path, prompt: str, count: int = 4) -> Path:
    """A file in our schema as an Inter-X model leaves it: 55 joints and features."""
    frames, names = 24, [*JOINT_NAMES, *(f"joint{j}" for j in range(22, len(INTERX_PARENTS)))]
    write_interactions(path, count, frames=frames, joints=len(names), joint_names=names)
    rng = np.random.default_rng(1)
    with h5py.File(path, "a") as file:
        for group in file["interactions"].values():
            group["features"] = rng.normal(size=(2, frames, 56, 6)).astype(np.float32)
            group.attrs["prompt"] = prompt
    return path
