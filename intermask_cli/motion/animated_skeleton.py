"""One skeleton with its animation, exactly as a motion file holds it: the file's names, units and axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from intermask_cli.motion.kinematics import forward_kinematics

#: Frames whose global rotations are in memory together: those of all frames take three times the positions.
_FRAMES_AT_ONCE = 2000
#: Joints that a chain must have to count as a limb: hip, knee and ankle, or shoulder, elbow and wrist.
_LIMB_JOINTS = 3


@dataclass(frozen=True, eq=False)
class AnimatedSkeleton:
    """A tree of J joints and its poses in T frames.

    Attributes:
        names: of the joints, as in the file; parents come before their children.
        parents: index of each joint's parent; -1 for the root, which is joint 0.
        offsets: (J, 3) rest translation to the parent; the root's is its OFFSET or rest place.
        end_sites: joint -> (3,) offset of the End Site below it.
        rotations: (T, J, 3, 3) relative to the parent; of the root, relative to the world.
        root: (T, 3) positions of the root in the world.
        translations: (T, J, 3) to the parent in each frame, where joints other than the root move; else None.
            Those of the root are `root`.
        orders: rotation order of each joint's channels such as `ZXY`; empty where it has none.
        fps: frames per second.
        metres_per_unit: of lengths, where the file itself says so.
        up: `x`, `y`, `z`, `-x`, `-y` or `-z`, where the file itself says so.
        notes: what the reader had to take for granted, for the report.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    rotations: np.ndarray
    root: np.ndarray
    fps: float
    end_sites: dict[int, np.ndarray] = field(default_factory=dict)
    translations: np.ndarray | None = None
    orders: tuple[str, ...] = ()
    metres_per_unit: float | None = None
    up: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """T."""
        return len(self.root)

    def positions(self) -> np.ndarray:
        """World positions (T, J, 3) of the joints by forward kinematics."""
        return self._placed[0]

    def end_positions(self) -> dict[int, np.ndarray]:
        """World positions (T, 3) of the End Site below a joint, by joint."""
        return self._placed[1]

    def global_rotations(self) -> np.ndarray:
        """Rotations (T, J, 3, 3) of the joints in the world."""
        return forward_kinematics(self.rotations, self.root, self.offsets, self.parents)[1]

    @cached_property
    def _placed(self) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        places, ends = [], {joint: [self.root[:0]] for joint in self.end_sites}
        for start in range(0, self.frames, _FRAMES_AT_ONCE):
            part = slice(start, start + _FRAMES_AT_ONCE)
            offsets = self.offsets if self.translations is None else self.translations[part]
            positions, turns = forward_kinematics(
                self.rotations[part], self.root[part], offsets, self.parents
            )
            places.append(positions)
            for joint, offset in self.end_sites.items():
                ends[joint].append(positions[:, joint] + turns[:, joint] @ offset)
        return np.concatenate(places), {joint: np.concatenate(parts) for joint, parts in ends.items()}

    def between(self, start: int, stop: int) -> AnimatedSkeleton:
        """Frames start to stop - 1."""
        moved = None if self.translations is None else self.translations[start:stop]
        return replace(
            self, rotations=self.rotations[start:stop], root=self.root[start:stop], translations=moved
        )

    def picked(self, frames: np.ndarray) -> AnimatedSkeleton:
        """Some frames, by index."""
        moved = None if self.translations is None else self.translations[frames]
        return replace(self, rotations=self.rotations[frames], root=self.root[frames], translations=moved)

    def flipped(self, axis: int) -> AnimatedSkeleton:
        """The mirror image with one axis (0, 1 or 2) negated, which is what a left-handed file needs."""
        sign = np.ones(3)
        sign[axis] = -1
        return replace(
            self,
            offsets=self.offsets * sign,
            rotations=self.rotations * np.outer(sign, sign),
            root=self.root * sign,
            end_sites={joint: offset * sign for joint, offset in self.end_sites.items()},
            translations=None if self.translations is None else self.translations * sign,
        )

    def subtree(self, root: int, joints: list[int]) -> AnimatedSkeleton:
        """The joints below `root` (itself first) as a skeleton of its own, at the same place in the world.

        joints: indices in file order; the parent of each but the first is among them.
        """
        chain = [root]
        while self.parents[chain[-1]] >= 0:
            chain.append(self.parents[chain[-1]])
        chain.reverse()
        offsets = self.offsets if self.translations is None else self.translations
        top = self.root if self.translations is None else self.translations[:, chain[0]]
        place, turn = forward_kinematics(
            self.rotations[:, chain], top, offsets[..., chain, :], range(-1, len(chain) - 1)
        )
        rotations = self.rotations[:, joints].copy()
        rotations[:, 0] = turn[:, -1]
        translations = None
        if self.translations is not None:
            translations = self.translations[:, joints].copy()
            translations[:, 0] = place[:, -1]
            if (translations[:, 1:] == self.offsets[joints[1:]]).all():
                translations = None
        number = {joint: index for index, joint in enumerate(joints)}
        return replace(
            self,
            names=tuple(self.names[joint] for joint in joints),
            parents=(-1, *(number[self.parents[joint]] for joint in joints[1:])),
            offsets=self.offsets[joints],
            rotations=rotations,
            root=place[:, -1],
            end_sites={number[joint]: end for joint, end in self.end_sites.items() if joint in number},
            translations=translations,
            orders=tuple(self.orders[joint] for joint in joints),
        )


# ---------------------------------------------------------------- several people in one tree


def body_roots(parents: Sequence[int]) -> list[int]:
    """Roots of the people in a forest of joints: its roots, or the nodes below one that holds several.

    Structure alone makes a body: a pelvis from which three limbs go out, on one of which another
    joint, the chest, sends out two or more. A root without a body (a camera, a prop) is left out where
    others are bodies. Parents come before children; -1 marks a root.
    """
    children: list[list[int]] = [[] for _ in parents]
    roots: list[int] = []
    for joint, parent in enumerate(parents):
        (roots if parent < 0 else children[parent]).append(joint)
    depth, bodies = _depths_and_bodies(children)
    found = [joint for joint in roots if bodies[joint]]
    alone = found or roots
    while len(found) == 1:  # down the chain of common nodes
        level = children[found[0]]
        found = [joint for joint in level if bodies[joint]]
        # The upper half of one body may look like a body, but the legs hang next to it.
        if len(found) == 1 and any(depth[joint] >= _LIMB_JOINTS for joint in level if joint != found[0]):
            break
    return found if len(found) > 1 else alone


def _depths_and_bodies(children: Sequence[Sequence[int]]) -> tuple[list[int], list[bool]]:
    """For each joint: joints on the longest chain from it on, and whether its subtree holds a body."""
    count = len(children)
    depth, chest, body = [1] * count, [False] * count, [False] * count
    for joint in range(count - 1, -1, -1):  # children before parents
        below = children[joint]
        depth[joint] = 1 + max((depth[child] for child in below), default=0)
        limbs = [child for child in below if depth[child] >= _LIMB_JOINTS]
        chest[joint] = len(limbs) >= 2 or any(chest[child] for child in below)
        pelvis = len(limbs) >= 3 and any(chest[child] for child in limbs)
        body[joint] = pelvis or any(body[child] for child in below)
    return depth, body


def people_of(forest: AnimatedSkeleton) -> list[AnimatedSkeleton]:
    """A forest of joints (parent -1: a root, whose place is in `translations`) -> one skeleton per body."""
    roots = body_roots(forest.parents)
    if len(roots) == 1 and forest.parents.count(-1) == 1:
        return [forest]
    people = [forest.subtree(root, joints_below(forest.parents, root)) for root in roots]
    tops = [joint for joint, parent in enumerate(forest.parents) if parent < 0 and joint not in roots]
    others = [forest.names[top] for top in tops if not set(roots) & set(joints_below(forest.parents, top))]
    if others:
        note = f"no body, so left out: {', '.join(others[:4])}{', ...' if len(others) > 4 else ''}"
        people = [replace(person, notes=(*person.notes, note)) for person in people]
    return people


def joints_below(parents: Sequence[int], root: int) -> list[int]:
    """`root` and every joint of its subtree, in file order."""
    inside = {root}
    for joint in range(root + 1, len(parents)):
        if parents[joint] in inside:
            inside.add(joint)
    return sorted(inside)
