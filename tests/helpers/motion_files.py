"""Motion files for tests: BVH text of any skeleton, and small interactions.h5 files."""

from __future__ import annotations

import h5py
import numpy as np

from intermask_cli.export.bvh import write_bvh
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_about_y
from intermask_cli.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from tests.helpers.motion_samples import fk_person


def write_h5(path, joints, rotations=None, ids=("a-0001",), fps=30.0):
    """An interactions.h5 file whose items, named `ids`, all have joints (2, T, J, 3)."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "intermask-interactions", "format_version": 1, "fps": fps})
        for id in ids:
            group = file.create_group(f"interactions/{id}")
            group.attrs.update({"prompt": "two people", "seed": 1, "sample": 0, "frames": joints.shape[1]})
            group["joints"] = joints
            if rotations is not None:
                group["rotations6d"] = rotations
        for column in ("id", "prompt", "sample", "seed", "frames"):
            values = list(ids) if column in ("id", "prompt") else [0] * len(ids)
            file[f"index/{column}"] = values
    return path


def bvh_text(names, parents, offsets, root, turns_deg=None, order="ZXY", fps=30.0):
    """A BVH file of the given tree; turns_deg {joint: (T, 3) degrees in `order`}."""
    children = {j: [k for k, parent in enumerate(parents) if parent == j] for j in range(len(names))}
    columns, lines = [], []

    def write(joint):
        lines.append(f"{'ROOT' if parents[joint] < 0 else 'JOINT'} {names[joint]} {{")
        lines.append("OFFSET " + " ".join(f"{v:.9f}" for v in offsets[joint]))
        place = "Xposition Yposition Zposition " if parents[joint] < 0 else ""
        lines.append(f"CHANNELS {6 if place else 3} {place}" + " ".join(f"{a}rotation" for a in order))
        columns.extend([root] if place else [])
        columns.append((turns_deg or {}).get(joint, np.zeros((len(root), 3))))
        for child in children[joint]:
            write(child)
        if not children[joint]:
            lines.append("End Site { OFFSET 0 0.01 0.05 }")
        lines.append("}")

    write(parents.index(-1))
    rows = np.concatenate(columns, axis=1)
    motion = [f"MOTION\nFrames: {len(root)}\nFrame Time: {1 / fps:.9f}"]
    motion += [" ".join(f"{v:.9f}" for v in row) for row in rows]
    return "HIERARCHY\n" + "\n".join(lines) + "\n" + "\n".join(motion) + "\n"


def rest_bvh(names=JOINT_NAMES, frames=8, scale=1.0, **more):
    """A BVH file of a person in the rest pose, with joints of other names; `more` as `bvh_text`."""
    _, _, offsets = fk_person(2)
    root = np.tile([0.3, 0.95, -0.2], (frames, 1)) * scale
    return bvh_text(names, list(PARENTS), offsets * scale, root, **more)


def bvh_with_names(path, names):
    """Write a BVH file whose joints are renamed by {ours: theirs}; returns its joints (12, 22, 3)."""
    local = np.tile(np.eye(3), (12, 22, 1, 1))
    local[:, 0] = matrix_about_y(np.linspace(0, 1, 12))
    root = np.tile([0.0, 0.93, 0.0], (12, 1))
    write_bvh(path, local, root, REST_OFFSETS)
    text = path.read_text()
    for old, new in names.items():
        text = text.replace(f" {old}\n", f" {new}\n")
    path.write_text(text)
    return forward_kinematics(local, root, REST_OFFSETS)[0]
