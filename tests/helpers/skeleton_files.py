"""BVH files of other people's skeletons: any tree, names, unit and axes, moved by a true motion.

A tree is written as in `A > B > [C > D | E]`: `>` child, `[ | ]` children. A name with `{}` stands for two
branches, of the left and of the right side, from there on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from intermask_cli.datasets.motion_files.read import read_motion
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.rotation import matrix_from_columns
from intermask_cli.motion.skeleton import JOINT
from tests.helpers.motion_samples import fk_person

#: Y up -> the file's axes.
TO_AXES = {
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "-y": np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
    "x": np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
}
#: Distances that must come out as in the file, whatever else is placed.
MEASURED = ("pelvis", *(f"{side}_{joint}" for side in ("left", "right")
            for joint in ("knee", "ankle", "elbow", "wrist")))  # fmt: skip


@dataclass
class Rig:
    """A skeleton to write.

    joints: our joint, or the limb joints without a side -> its name in the tree; others hang on their parent.
    ends: name in the tree -> our joint that only its End Site shows.
    places: name in the tree -> (our joint that carries it, offset (3,) in metres), for further joints.
    """

    tree: str
    joints: dict[str, str]
    sides: tuple[str, str] = ("Left", "Right")
    ends: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[str, tuple[float, float, float]]] = field(default_factory=dict)


def parsed_tree(text: str, sides: tuple[str, str]) -> tuple[list[str], list[int]]:
    """Names and parents of a tree, parents first."""
    words = re.findall(r"[\[\]|>]|[^\[\]|>]+", text.replace("\n", " "))
    words = [word.strip() for word in words if word.strip()]
    names: list[str] = []
    parents: list[int] = []

    def node(position: int, parent: int, side: str | None) -> int:
        """Read one node and what hangs on it; the position after it."""
        name, start = words[position], position
        if "{}" in name and side is None:
            for one in sides:
                position = node(start, parent, one)
            return position
        names.append(name.format(side) if side is not None else name)
        parents.append(parent)
        own = len(names) - 1
        position += 1
        if position < len(words) and words[position] == ">":
            position += 1
            if words[position] != "[":
                return node(position, own, side)
            while words[position] in "[|":
                position = node(position + 1, own, side)
            position += 1
        return position

    node(0, -1, None)
    return names, parents


def our_joints(rig: Rig) -> dict[str, str]:
    """Name in the tree -> our joint."""
    found = {}
    for ours, name in rig.joints.items():
        if ours in JOINT:
            found[name] = ours
        else:
            found |= {
                name.format(one): f"{side}_{ours}"
                for side, one in zip(("left", "right"), rig.sides, strict=True)
            }
    return found


def rig_bvh(
    rig: Rig,
    metres_per_unit: float = 0.01,
    up: str = "y",
    fps: float = 30.0,
    turned_root: bool = False,
    along_x: bool = False,
    frames: int = 24,
    motion: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    order: str = "ZXY",
) -> tuple[str, dict[str, np.ndarray]]:
    """Text of a BVH file, and where it puts the measured joints: our joint -> (T, 3) metres, Y up.

    turned_root: the rest pose stays Y up and the root's rotation brings the body to the axes. along_x: the
    rest pose has all bones along X, as LaFAN1. motion: positions, local rotations, offsets of our 22 joints.
    """
    from scipy.spatial.transform import Rotation

    names, parents = parsed_tree(rig.tree, rig.sides)
    positions, local, offsets = motion or fk_person(frames, seed=3, height_m=1.75)
    frames = len(positions)
    _, turns = forward_kinematics(local, positions[:, 0], offsets)
    rest, _ = forward_kinematics(np.tile(np.eye(3), (22, 1, 1)), np.zeros(3), offsets)
    ours = our_joints(rig)
    carriers, places = [], []  # our joint that carries a joint of the tree; its rest place (3,)
    for name, parent in zip(names, parents, strict=True):
        if name in ours:
            joint = JOINT[ours[name]]
            carriers.append(joint)
            places.append(rest[joint])
        elif name in rig.places:
            joint, offset = rig.places[name]
            carriers.append(JOINT[joint])
            places.append(rest[JOINT[joint]] + np.array(offset))
        else:  # fingers and the like, a little further out
            carriers.append(0 if parent < 0 else carriers[parent])
            places.append(np.zeros(3) if parent < 0 else places[parent] + np.array([0, 0, 0.03]))
    ends = {}
    for index, name in enumerate(names):
        if index not in parents:
            beyond = JOINT[rig.ends[name]] if name in rig.ends else None
            ends[index] = np.array([0, 0, 0.05]) if beyond is None else rest[beyond] - places[index]
    # Each joint's own frame at rest; the identity unless the rest pose has all bones along X.
    frames_of = []
    for index in range(len(names)):
        bone = next((places[k] - places[index] for k in range(len(names)) if parents[k] == index), None)
        bone = ends.get(index) if bone is None else bone
        bent = along_x and bone is not None and np.linalg.norm(bone) > 1e-6
        frames_of.append(matrix_from_columns(bone, np.array([0.0, 0.3, 1.0])) if bent else np.eye(3))
    axes = TO_AXES[up]
    at_rest = np.eye(3) if turned_root else axes  # axes of the rest pose
    world = [
        axes @ turns[:, joint] @ frame @ at_rest.T for joint, frame in zip(carriers, frames_of, strict=True)
    ]
    scale = 1 / metres_per_unit
    file_offsets = np.array(
        [
            np.zeros(3) if parent < 0 else at_rest @ frames_of[parent].T @ (place - places[parent]) * scale
            for place, parent in zip(places, parents, strict=True)
        ]
    )
    local_turns = [
        one if parent < 0 else np.swapaxes(world[parent], -1, -2) @ one
        for one, parent in zip(world, parents, strict=True)
    ]
    aside = turns[:, carriers[0]] @ (places[0] - rest[carriers[0]])
    root = (positions[:, carriers[0]] + aside) @ axes.T * scale
    stacked = np.stack(local_turns, axis=1)
    made, made_turns = forward_kinematics(stacked, root, file_offsets, parents)
    truth = {}
    for index, name in enumerate(names):
        if name in ours:
            truth[ours[name]] = made[:, index] @ axes / scale
        if index in ends and name in rig.ends:
            end = at_rest @ frames_of[index].T @ ends[index] * scale
            truth[rig.ends[name]] = (made[:, index] + made_turns[:, index] @ end) @ axes / scale
    angles = Rotation.from_matrix(stacked.reshape(-1, 3, 3)).as_euler(order, degrees=True)
    angles = angles.reshape(frames, len(names), 3)
    lines, columns = [], []

    def write(index: int) -> None:
        lines.append(f"{'ROOT' if parents[index] < 0 else 'JOINT'} {names[index]}\n{{")
        lines.append("OFFSET " + " ".join(f"{value:.6f}" for value in file_offsets[index]))
        place = "Xposition Yposition Zposition " if parents[index] < 0 else ""
        lines.append(f"CHANNELS {6 if place else 3} {place}" + " ".join(f"{axis}rotation" for axis in order))
        columns.extend([root] if place else [])
        columns.append(angles[:, index])
        for child in (k for k, parent in enumerate(parents) if parent == index):
            write(child)
        if index in ends:
            end = at_rest @ frames_of[index].T @ ends[index] * scale
            lines.append("End Site\n{\nOFFSET " + " ".join(f"{value:.6f}" for value in end) + "\n}")
        lines.append("}")

    write(0)
    rows = np.concatenate(columns, axis=1)
    lines.append(f"MOTION\nFrames: {frames}\nFrame Time: {1 / fps:.8f}")
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows]
    return "HIERARCHY\n" + "\n".join(lines) + "\n", truth


def read_rig(folder, rig: Rig, options: dict):
    """A rig read without an option: the motion, its joints at the file's frames, and where those put them."""
    text, truth = rig_bvh(rig, **options)
    (folder / "clip.bvh").write_text(text, encoding="utf-8")
    given = read_motion(folder / "clip.bvh")
    frames = np.arange(given.frames) * options.get("fps", 30.0) / 30
    whole = np.isclose(frames, np.rint(frames))
    at = np.rint(frames[whole]).astype(int)
    return given, given.joints[whole], {name: place[at] for name, place in truth.items()}


def measured_error_m(joints: np.ndarray, truth: dict[str, np.ndarray]) -> float:
    """Largest difference of the distances between measured joints, metres: (T, 22, 3) against the file's."""
    shown = [name for name in MEASURED if name in truth]
    ours = joints[:, [JOINT[name] for name in shown]]
    theirs = np.stack([truth[name] for name in shown], axis=1)

    def distances(places: np.ndarray) -> np.ndarray:
        return np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)

    return float(np.abs(distances(ours) - distances(theirs)).max())
