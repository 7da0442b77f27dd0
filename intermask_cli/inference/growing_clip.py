"""A clip that grows window by window in the world, and the frame of reference of each window. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from intermask_cli.motion.curves import Border, borders_of, crossfade, keep_exactly
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.placement import Frame, person_frame
from intermask_cli.motion.representation import INTERHUMAN, Representation
from intermask_cli.motion.representation.interhuman import (
    joints_from_features,
    person_features,
    rotations6d_from_features,
)
from intermask_cli.motion.skeleton import NUM_JOINTS

Frames = tuple[Frame, Frame]
ORIGIN: Frames = (Frame(0.0, (0.0, 0.0), 0.0), Frame(0.0, (0.0, 0.0), 0.0))


def blank_pair(frames: int) -> Motion:
    """Two persons of zeros, with rotations."""
    return Motion(
        np.zeros((2, frames, NUM_JOINTS, 3), np.float32),
        np.zeros((2, frames, NUM_JOINTS - 1, 6), np.float32),
    )


def features_in(motion: Motion, frames: Frames) -> list[np.ndarray]:
    """InterHuman features (T, 262) of both persons of a pair, seen in their frames."""
    return [
        person_features(motion.joints[p], rotations_of(motion)[p], frames[p], keep_last=True) for p in (0, 1)
    ]


def motion_from(features: np.ndarray, frames: Frames, representation: Representation = INTERHUMAN) -> Motion:
    """Both persons' features (2, T, ...), seen in their frames -> the pair in the world.

    Features that do not hold joints are kept, and the joints are those of a stand-in body.
    """
    if not representation.holds_joints:
        return representation.to_motion(features)
    joints = np.stack([frames[p].to_world(joints_from_features(features[p])) for p in (0, 1)])
    rotations = np.stack([rotations6d_from_features(features[p]) for p in (0, 1)])
    return Motion(joints.astype(np.float32), rotations.astype(np.float32))


def frames_at(motion: Motion, start: int, canonical: int = 0) -> Frames:
    """Frames that bring both persons into the canonical one's at frame `start`, each on its own floor.

    As `placement.pair_frames`, but the floor is that of the complete clip, not of what follows `start`.
    """
    leader = person_frame(motion.joints[canonical, start : start + 1])
    first, second = (replace(leader, floor=float(motion.joints[p, ..., 1].min())) for p in (0, 1))
    return first, second


def put_kept(motion: Motion, given: Motion, person: int, kept: np.ndarray) -> list[Border]:
    """Put frames (T,) of a person back as they are in `given`, the others join them; changes `motion`.

    Returns the borders at which they join.
    """
    borders = borders_of(kept, given.joints[person] - motion.joints[person])
    for old, new in ((given.joints, motion.joints), (given.rotations6d, motion.rotations6d)):
        if old is not None and new is not None:
            new[person] = keep_exactly(old[person], new[person], kept, borders)
    return borders


def rotations_of(motion: Motion) -> np.ndarray:
    """The rotations of a motion; callers pass only motion that has them."""
    assert motion.rotations6d is not None
    return motion.rotations6d


@dataclass
class GrowingClip:
    """A pair generated window by window; its first `done` frames are complete.

    `given` marks the person whose motion is complete from the start and never changes. A pair generated from
    scratch stands on the floor y = 0, even if a noisy frame of it dips below. Of a pair that is continued the
    first `kept` frames were there before and never change.
    """

    motion: Motion
    done: int = 0
    given: int | None = None
    kept: int = 0
    seams: list[tuple[int, int]] = field(default_factory=list)  # first frame and length of each overlap
    from_scratch: bool = field(init=False)

    def __post_init__(self) -> None:
        self.from_scratch = self.given is None and self.done == 0

    def frames_at(self, start: int) -> Frames:
        """Frames of both persons for a window that starts at frame `start`."""
        if self.given is None:
            if self.done == 0:
                return ORIGIN
            first, second = frames_at(self.motion.part(0, self.done), start)
            if self.from_scratch:
                return replace(first, floor=0.0), replace(second, floor=0.0)
            return first, second
        given = self.given
        own = frames_at(self.motion, start, given)[given]
        heights = self.motion.joints[1 - given, : self.done, :, 1]  # (frames, J), of the partner so far
        partner = replace(own, floor=float(heights.min()) if heights.size else own.floor)
        return (own, partner) if given == 0 else (partner, own)

    def known_features(self, person: int, start: int, frames: int, placed: Frame) -> np.ndarray:
        """Features (frames, 262) of one person's known motion from frame `start` on, seen from `placed`."""
        part = slice(start, start + frames)
        joints, rotations = self.motion.joints[person, part], rotations_of(self.motion)[person, part]
        return person_features(joints, rotations, placed, keep_last=True)

    def append(self, generated: Motion, start: int, overlap: int) -> None:
        """Write a window's motion after what is done, cross-faded over its first `overlap` frames.

        A window that begins among kept frames joins the last of them instead.
        """
        stop = start + generated.frames
        if self.from_scratch and self.done == 0:
            self.motion, self.done = generated, stop
            return
        joins_kept = start < self.kept
        if overlap and not joins_kept:
            self.seams.append((start, overlap))
        if stop > self.motion.frames:
            longer = blank_pair(stop)
            longer.joints[:, : self.motion.frames] = self.motion.joints
            rotations_of(longer)[:, : self.motion.frames] = rotations_of(self.motion)
            self.motion = longer
        if joins_kept:
            self._join_kept(generated, start)
        fade = slice(start, start + overlap)
        for target, new in (
            (self.motion.joints, generated.joints),
            (rotations_of(self.motion), rotations_of(generated)),
        ):
            for person in {0, 1} - {self.given} if not joins_kept else ():
                target[person, fade] = crossfade(target[person, fade], new[person, :overlap])
                target[person, fade.stop : stop] = new[person, overlap:]
        self.done = stop

    def _join_kept(self, generated: Motion, start: int) -> None:
        """Write a window's motion after the kept frames, which do not change."""
        stop = start + generated.frames
        known = self.motion.part(start, stop)
        kept = np.arange(start, stop) < self.kept
        joined = generated.part(0, generated.frames)
        lengths = [len(put_kept(joined, known, person, kept)[0].frames) for person in range(known.persons)]
        self.seams.append((self.kept, max(lengths)))
        self.motion.joints[:, start:stop] = joined.joints
        rotations_of(self.motion)[:, start:stop] = rotations_of(joined)
