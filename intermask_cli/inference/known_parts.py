"""Clips of which a part is known and the rest is made: between two clips, or again inside of one.

The model sees the known frames as tokens. What it makes of those frames is not used: they come back exactly
as given, and new frames join them without a step in position or speed (`curves.keep_exactly`). A clip longer
than the model's window is seen through one window around its new part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import FRAMES_PER_TOKEN, PERSONS
from intermask_cli.errors import InputError
from intermask_cli.inference.bodies import Kept
from intermask_cli.inference.clip_generator import ClipGenerator
from intermask_cli.inference.growing_clip import Frames, frames_at, put_kept, rotations_of
from intermask_cli.inference.kept_joints import keep_joints_of, made_new
from intermask_cli.motion.motion import Motion
from intermask_cli.sampling import tasks


@dataclass(frozen=True, eq=False)
class KnownParts:
    """A pair of which some frames are known.

    Attributes:
        motion: the pair, complete; frames that are not known may hold anything finite.
        kept: flags (2, T) of the known frames of each person.
        start: first frame that the model sees.
        known: the tokens (2, 5, n) from there on, FILL where they are to be made.
        frames: of reference of both persons, in which the known tokens were encoded.
        tokens: of all of the clip, with anything where they are to be made; None where the known part before
            them is not a whole number of tokens long.
        new: flags (22,) of the joints that are made new in the frames that are not kept; None for all.
    """

    motion: Motion
    kept: np.ndarray
    start: int
    known: Tensor
    frames: Frames
    tokens: Tensor | None
    new: np.ndarray | None = None

    def completed(self, made: Motion, ids: Tensor) -> tuple[Motion, Tensor | None, list[tuple[int, int]]]:
        """The complete motion, its tokens, and its seams: first frame and length of each.

        made, ids: motion and tokens of what the model saw.
        """
        seen = slice(self.start, min(self.start + made.frames, self.motion.frames))
        whole = self.motion.part(0, self.motion.frames)
        count = seen.stop - seen.start
        whole.joints[:, seen] = made.joints[:, :count]
        rotations_of(whole)[:, seen] = rotations_of(made)[:, :count]
        tokens = None if self.tokens is None else self.tokens.clone()
        if tokens is not None:
            first = self.start // FRAMES_PER_TOKEN
            tokens[:, :, first : first + ids.shape[-1]] = ids
        seams: dict[tuple[int, bool], int] = {}  # length by first frame, and whether that is the border
        for person, kept in enumerate(self.kept):
            if self.new is not None:
                keep_joints_of(whole, self.motion, person, self.new)
            for border in put_kept(whole, self.motion, person, kept):
                if len(border.frames):
                    key = (int(border.kept), bool(border.frames[0] > border.kept))
                    seams[key] = max(seams.get(key, 0), len(border.frames))
        runs = [
            (kept + 1, length) if after else (kept - length, length)
            for (kept, after), length in seams.items()
        ]
        return whole, tokens, sorted(runs)

    def of_bodies(self) -> Kept:
        """What the body solver must not change."""
        return Kept(self.kept, self.motion, self.new)


def between(clips: ClipGenerator, start: Motion, end: Motion | None, frames: int) -> KnownParts:
    """`frames` new frames, a multiple of 4, between two pairs in one world, or after the first alone.

    Raises:
        InputError: more new frames than the model's window holds with a token of each pair.
    """
    size, free = FRAMES_PER_TOKEN, clips.window - frames // FRAMES_PER_TOKEN
    if free < (fewest := 1 if end is None else 2):
        raise InputError(
            f"{frames} new frames; '{clips.info.name}' makes up to {(clips.window - fewest) * size} between "
            "given ones"
        )
    # As much of both as the window holds; what one does not need is left for the other.
    before, after = start.frames // size, 0 if end is None else end.frames // size
    before = min(before, max(free // 2, free - after))
    after = min(after, free - before)
    motion = _joined(start, frames, end)
    kept = np.ones((PERSONS, motion.frames), dtype=bool)
    gap = slice(start.frames, start.frames + frames)
    kept[:, gap] = False
    first, stop = gap.start - before * size, gap.stop + after * size
    placed = _frames_of(motion, kept[0], first)
    seen = [clips.encode(motion.part(first, gap.start), placed), tasks.generate(frames // size)]
    if after:
        seen.append(clips.encode(motion.part(gap.stop, stop), placed))
    known = tasks.in_between(torch.cat(seen, dim=-1), before, after)
    tokens = None
    if start.frames % size == 0:
        whole = [clips.encode(start.padded(size), frames_at(start, 0)), tasks.generate(frames // size)]
        if end is not None:
            whole.append(clips.encode(end.padded(size), frames_at(end, 0)))
        tokens = torch.cat(whole, dim=-1)
    return KnownParts(motion, kept, first, known, placed, tokens)


def edited(
    clips: ClipGenerator,
    motion: Motion,
    persons: Sequence[int],
    rows: Sequence[int],
    start: int,
    stop: int,
) -> KnownParts:
    """Body rows of persons made again in frames start..stop of a pair.

    Raises:
        InputError: a range outside of the pair, or longer than the model's window; persons or rows that do
            not exist.
    """
    size = FRAMES_PER_TOKEN
    if not 0 <= start < stop <= motion.frames:
        raise InputError(f"edit of frames {start} to {stop}; accepted: a range within {motion.frames} frames")
    padded = motion.padded(size)
    total, begin, end = padded.frames // size, start // size, -(-stop // size)
    if end - begin > clips.window:
        raise InputError(
            f"edit of {stop - start} frames; '{clips.info.name}' takes up to {clips.window * size} at a time"
        )
    first = min(max((begin + end - clips.window) // 2, 0), max(total - clips.window, 0))
    last = min(first + clips.window, total)
    placed = frames_at(padded, first * size)
    seen = clips.encode(padded.part(first * size, last * size), placed)
    known = tasks.edit(seen, persons, rows, begin - first, end - first)
    kept = np.ones((PERSONS, motion.frames), dtype=bool)
    kept[list(persons), start:stop] = False
    tokens = seen if last - first == total else clips.encode(padded, frames_at(padded, 0))
    return KnownParts(motion, kept, first * size, known, placed, tokens, made_new(rows))


def _joined(start: Motion, frames: int, end: Motion | None) -> Motion:
    """Two pairs with `frames` frames between them, in which the first one stands still."""
    held = start.padded(start.frames + frames) if frames else start
    if end is None:
        return held
    arrays = {
        name: np.concatenate([getattr(held, name), getattr(end, name)], axis=1)
        for name in ("joints", "rotations6d")
    }
    joined = Motion(**arrays)
    if held.has_rig and end.has_rig:
        assert held.root_rotations6d is not None and end.root_rotations6d is not None
        root = np.concatenate([held.root_rotations6d, end.root_rotations6d], axis=1)
        joined = replace(joined, root_rotations6d=root, bone_lengths=held.bone_lengths)
    return joined


def _frames_of(motion: Motion, kept: np.ndarray, first: int) -> Frames:
    """Frames of reference at frame `first`, on the floor of the kept frames (T,)."""
    placed = frames_at(motion.part(first, first + 1), 0)
    floors = motion.joints[:, kept, :, 1].min(axis=(1, 2))
    return replace(placed[0], floor=float(floors[0])), replace(placed[1], floor=float(floors[1]))
