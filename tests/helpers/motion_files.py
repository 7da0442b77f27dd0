"""Motion files for tests: BVH text of any skeleton, and small interactions.h5 files."""

from __future__ import annotations

import h5py
import numpy as np

from intermask_cli.export.bvh import skeleton_of_rig, write_bvh
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rig import Rig
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
    write_bvh(path, skeleton_of_rig(Rig(local, root, REST_OFFSETS, 0.0)))
    text = path.read_text()
    for old, new in names.items():
        text = text.replace(f" {old}\n", f" {new}\n")
    path.write_text(text)
    return forward_kinematics(local, root, REST_OFFSETS)[0]


def asf_amc_text(names, parents, offsets, root, local, seed=0, length=1.0):
    """The .asf and .amc files of a tree of bones: joint j is the start of bone names[j].

    Its rest pose is that of offsets (J, 3); local (T, J, 3, 3) and root (T, 3) are its motion. Every bone has
    axes of its own, so that angles differ from those of a BVH file. A joint with several children gets one
    more bone per child, without angles, as the hips have in the CMU library.
    """
    from scipy.spatial.transform import Rotation

    children = {j: [k for k, parent in enumerate(parents) if parent == j] for j in range(len(names))}
    rng = np.random.default_rng(seed)
    bones, hierarchy = [], []
    columns = {}

    def add(name, parent, vector, turns):
        axis = rng.uniform(-90, 90, 3)
        about = Rotation.from_euler("xyz", axis, degrees=True)
        size = float(np.linalg.norm(vector))
        direction = vector / size if size else np.array([0.0, 0.0, 1.0])
        dof = "" if turns is None else "dof rx ry rz\n limits (-180 180)\n (-180 180)\n (-180 180)"
        along, axes = (" ".join(f"{v:.9f}" for v in values) for values in (direction, axis))
        bones.append(
            f" begin\n id {len(bones) + 1}\n name {name}\n direction {along}\n"
            f" length {size:.9f}\n axis {axes} XYZ\n {dof}\n end"
        )
        hierarchy.append((parent, name))
        if turns is not None:
            local_turns = about.inv() * Rotation.from_matrix(turns) * about
            columns[name] = local_turns.as_euler("xyz", degrees=True)

    def walk(joint, parent):
        below = children[joint]
        if joint != 0:
            vector = offsets[below[0]] if len(below) == 1 else np.zeros(3)
            add(names[joint], parent, vector, local[:, joint])
            parent = names[joint]
        for child in below:
            above = parent
            if joint == 0 or len(below) > 1:
                above = f"to_{names[child]}"
                add(above, parent, offsets[child], None)
            walk(child, above)

    walk(0, "root")
    turns = Rotation.from_matrix(local[:, 0]).as_euler("xyz", degrees=True)
    columns = {"root": np.concatenate([root, turns], axis=1), **columns}
    asf = (
        f"# made for a test\n:version 1.10\n:units\n mass 1.0\n length {length}\n angle deg\n:root\n"
        " order TX TY TZ RX RY RZ\n axis XYZ\n position 0 0 0\n orientation 0 0 0\n:bonedata\n"
        + "\n".join(bones)
        + "\n:hierarchy\n begin\n"
        + "\n".join(f" {parent} {child}" for parent, child in hierarchy)
        + "\n end\n"
    )
    amc = "#!OML:ASF\n:FULLY-SPECIFIED\n:DEGREES\n"
    for frame in range(len(root)):
        amc += f"{frame + 1}\n"
        for name, values in columns.items():
            amc += f"{name} {' '.join(f'{v:.7f}' for v in values[frame])}\n"
    return asf, amc
