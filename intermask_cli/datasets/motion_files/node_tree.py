"""Scenes of nodes with transforms (glTF, FBX, USD) -> the skeletons of the people in them.

A scene has more than joints: meshes, cameras, nodes that scale or turn everything below. Scales are worked
into lengths, so that what remains is rotations and translations.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from intermask_cli.datasets.motion_files.text import MAX_POSES
from intermask_cli.errors import InputError
from intermask_cli.motion.animated_skeleton import AnimatedSkeleton, body_roots, joints_below
from intermask_cli.motion.rotation import matrix_from_columns

#: Frames times nodes; a node takes more memory than a joint.
MAX_NODE_POSES = MAX_POSES // 4
#: Translations that vary by less than this share of the body's size are rounding.
_SAME_PLACE = 1e-5
#: Share of the bones below the top joint; control bones may hang next to it.
_MOST = 0.8
#: Extent of a rest pose that is taken for a person in metres: from a child to a giant.
_PERSON_M = (0.7, 2.6)


@dataclass(frozen=True, eq=False)
class NodeTree:
    """N nodes in T frames, parents before children.

    Attributes:
        names, parents: of the nodes; -1 marks a node at the top.
        bones: the nodes that are known to be joints; empty where the file does not say.
        things: the nodes that hold a mesh, a camera or a light.
        rest: (N, 4, 4) transforms relative to the parent while nothing is animated.
        local: (T, N, 4, 4) transforms relative to the parent.
        animated: the nodes that move.
        fps: frames per second.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    bones: Collection[int]
    things: Collection[int]
    rest: np.ndarray
    local: np.ndarray
    animated: Collection[int]
    fps: float


def people_of_nodes(tree: NodeTree, notes: tuple[str, ...] = ()) -> list[AnimatedSkeleton]:
    """One skeleton per body; it says unit and up axis where its rest pose is a person's."""
    return [_skeleton(tree, root, notes) for root in body_roots(tree.parents)]


def _skeleton(tree: NodeTree, root: int, notes: tuple[str, ...]) -> AnimatedSkeleton:
    root = _top_joint(tree, root)
    joints = _joints(tree, root)
    number = {joint: index for index, joint in enumerate(joints)}
    parents = (-1, *(number[tree.parents[joint]] for joint in joints[1:]))
    rest_places, rest_turns = _placed(tree.parents, tree.rest[None], joints)
    places, turns = _placed(tree.parents, tree.local, joints)
    # Bones have axes of their own in these files. Turned back by the rest pose, rotations are identity there,
    # as in every other file of skeletons.
    turns = turns @ np.swapaxes(rest_turns, -1, -2)
    above = [0, *parents[1:]]
    local = np.swapaxes(turns[:, above], -1, -2) @ turns
    local[:, 0] = turns[:, 0]
    steps = places - places[:, above]
    translations = (np.swapaxes(turns[:, above], -1, -2) @ steps[..., None])[..., 0]
    translations[:, 0] = places[:, 0]
    offsets = np.median(translations, axis=0)
    size = float(np.abs(places - places[:, :1]).max(initial=0))
    rigid = np.abs(translations[:, 1:] - offsets[1:]).max(initial=0) <= _SAME_PLACE * size
    metres, up = _unit_and_up(rest_places[0])
    return AnimatedSkeleton(
        names=tuple(tree.names[joint] for joint in joints),
        parents=parents,
        offsets=offsets,
        rotations=local,
        root=places[:, 0],
        fps=tree.fps,
        translations=None if rigid else translations,
        orders=("",) * len(joints),
        metres_per_unit=metres,
        up=up,
        notes=notes,
    )


def _top_joint(tree: NodeTree, root: int) -> int:
    """The top joint of a body at or below `root`: above it lie only nodes that place it in the scene."""
    below = joints_below(tree.parents, root)
    bones = [node for node in below if node in tree.bones]
    for node in reversed(below):  # the lowest node that has nearly all bones below it
        if bones and sum(bone in bones for bone in joints_below(tree.parents, node)) > _MOST * len(bones):
            return node
    while root not in tree.animated:
        holding = [node for node in below if tree.parents[node] == root and node in tree.parents]
        if len(holding) != 1:
            break
        root = holding[0]
    return root


def _joints(tree: NodeTree, root: int) -> list[int]:
    """The nodes of a body: all below its top joint but things that hang on it."""
    below = joints_below(tree.parents, root)
    kept: set[int] = set()
    for node in reversed(below):
        if node == root or node in kept or node not in tree.things:
            kept |= {node, tree.parents[node]}
    return [node for node in below if node in kept]


def _placed(
    parents: Sequence[int], local: np.ndarray, joints: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Places (T, J, 3) and rotations (T, J, 3, 3) of joints in the world."""
    world: dict[int, np.ndarray] = {}

    def matrix(node: int) -> np.ndarray:
        chain = []
        while node >= 0 and node not in world:
            chain.append(node)
            node = parents[node]
        for inner in reversed(chain):
            above = world.get(parents[inner])
            world[inner] = local[:, inner] if above is None else above @ local[:, inner]
        return world[chain[0]] if chain else world[node]

    places = np.empty((len(local), len(joints), 3))
    turns = np.empty((len(local), len(joints), 3, 3))
    for index, joint in enumerate(joints):
        transform = matrix(joint)
        places[:, index] = transform[:, :3, 3]
        # Scales, and shear from scales above, leave the rotation by Gram-Schmidt.
        turns[:, index] = matrix_from_columns(transform[:, :3, 0], transform[:, :3, 1])
    if not np.isfinite(places).all() or np.abs(np.linalg.det(turns) - 1).max(initial=0) > 1e-3:
        raise InputError("a node has a scale of zero, or a number that is not finite")
    return places, turns


def _unit_and_up(rest: np.ndarray) -> tuple[float | None, str | None]:
    """What glTF and its kin promise, metres and Y up, where the rest pose (J, 3) agrees with it."""
    extent = np.ptp(rest, axis=0)
    if extent[2] > extent[1]:
        return None, None
    return (1.0 if _PERSON_M[0] < extent[1] < _PERSON_M[1] else None), "y"
