"""Joints and End Sites of a skeleton as one tree of points with poses, which all matching works on."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from intermask_cli.motion.animated_skeleton import AnimatedSkeleton
from intermask_cli.motion.kinematics import forward_kinematics

#: Poses that decisions are taken from, evenly spread over the clip.
_POSES = 60
#: Points nearer to each other than this share of the skeleton's longest bone are in one place.
_SAME_PLACE = 0.02


class Points:
    """Points 0..J-1 are the joints, the others End Sites, named `<joint>_end`."""

    def __init__(self, skeleton: AnimatedSkeleton):
        ends = sorted(skeleton.end_sites)
        self.skeleton = skeleton
        self.joints = len(skeleton.names)
        self.names = (*skeleton.names, *(f"{skeleton.names[joint]}_end" for joint in ends))
        self.parents = (*skeleton.parents, *ends)
        self._offsets = np.concatenate(
            [skeleton.offsets, *(np.reshape(skeleton.end_sites[joint], (1, 3)) for joint in ends)]
        )

    @cached_property
    def frames(self) -> np.ndarray:
        """The frames (S,) of `poses`."""
        count = self.skeleton.frames
        return np.unique(np.linspace(0, count - 1, min(count, _POSES)).astype(int))

    @cached_property
    def poses(self) -> np.ndarray:
        """Positions (S, N, 3) of the N points in S poses of the clip, in the file's unit."""
        return np.stack([self.place(point)[self.frames] for point in range(len(self.names))], axis=1)

    @cached_property
    def rest(self) -> np.ndarray:
        """Positions (N, 3) where no joint is turned. In some files that is not the pose of a body."""
        identity = np.broadcast_to(np.eye(3), (len(self.names), 3, 3))
        return forward_kinematics(identity, np.zeros(3), self._offsets, self.parents)[0]

    @cached_property
    def children(self) -> list[list[int]]:
        """Points below each point."""
        below: list[list[int]] = [[] for _ in self.names]
        for point, parent in enumerate(self.parents):
            if parent >= 0:
                below[parent].append(point)
        return below

    @cached_property
    def bones(self) -> np.ndarray:
        """Median length (N,) of the bone to each point; 0 for roots."""
        parents = np.maximum(self.parents, 0)
        lengths = np.median(np.linalg.norm(self.poses - self.poses[:, parents], axis=-1), axis=0)
        return np.where(np.array(self.parents) < 0, 0.0, lengths)

    def place(self, point: int) -> np.ndarray:
        """Position (T, 3) of a point in every frame."""
        if point < self.joints:
            return self.skeleton.positions()[:, point]
        return self.skeleton.end_positions()[self.parents[point]]

    def turn(self, joint: int) -> np.ndarray:
        """Rotation (T, 3, 3) of a joint in the world."""
        turn = np.broadcast_to(np.eye(3), (self.skeleton.frames, 3, 3))
        for ancestor in reversed(self.to_root(joint)):
            turn = turn @ self.skeleton.rotations[:, ancestor]
        return turn

    def distance(self, first: int, second: int) -> float:
        """Median distance of two points."""
        return float(np.median(np.linalg.norm(self.poses[:, first] - self.poses[:, second], axis=-1)))

    def same_place(self, first: int, second: int) -> bool:
        """Whether two points coincide throughout."""
        return self.distance(first, second) <= _SAME_PLACE * float(self.bones.max())

    # ------------------------------------------------------------ tree

    def to_root(self, point: int) -> list[int]:
        """The point, its parent and so on up to the root."""
        chain = [point]
        while self.parents[chain[-1]] >= 0:
            chain.append(self.parents[chain[-1]])
        return chain

    def is_above(self, ancestor: int, point: int) -> bool:
        """Whether `ancestor` is a true ancestor of the point."""
        return ancestor != point and ancestor in self.to_root(point)

    def common_ancestor(self, points: list[int]) -> int | None:
        """The lowest point that is above, or is itself, each of the points; None in separate trees."""
        chains = [self.to_root(point) for point in points]
        return next((one for one in chains[0] if all(one in chain for chain in chains)), None)

    def between(self, ancestor: int, point: int) -> list[int]:
        """The points strictly between the two on the way down. The ancestor need not be above: then the way
        starts at the lowest common ancestor, which is left out."""
        start = self.common_ancestor([ancestor, point])
        chain = self.to_root(point)
        stop = len(chain) if start is None else chain.index(start)
        return chain[1:stop][::-1]
