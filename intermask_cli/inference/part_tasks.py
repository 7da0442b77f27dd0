"""Tasks that keep a part of what they are given: clips are continued, joined and edited, many together.

A request is checked motion and numbers; `InteractionModel` makes it from the arguments of its users. Known
frames are never changed: `Interaction.kept` says which they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import FRAMES_PER_TOKEN, PERSONS, SamplingConfig
from intermask_cli.inference.bodies import Kept, seams_of, with_bodies
from intermask_cli.inference.clip_generator import ClipGenerator
from intermask_cli.inference.growing_clip import GrowingClip, frames_at
from intermask_cli.inference.interaction import Interaction, Seam
from intermask_cli.inference.known_parts import KnownParts, between, edited
from intermask_cli.inference.scripts import meetings_of, read_text, script_of, with_reading
from intermask_cli.motion.body.contacts import ContactWish
from intermask_cli.motion.motion import Motion
from intermask_cli.reading.reading import Reader, unread


@dataclass(frozen=True, eq=False)
class Extension:
    """A pair that continues for `frames` frames, a multiple of 4.

    `tokens` (2, 5, T // 4) are those of the pair, if they are known, and `seams` those that it has already.
    """

    motion: Motion
    text: str
    frames: int
    seed: int
    tokens: np.ndarray | None = None
    seams: tuple[Seam, ...] = ()


@dataclass(frozen=True, eq=False)
class InBetween:
    """New motion of `frames` frames, a multiple of 4, from one pair to another; without `end` it is open."""

    start: Motion
    end: Motion | None
    text: str
    frames: int
    seed: int


@dataclass(frozen=True, eq=False)
class Edit:
    """Body rows of persons of a pair, made again in frames start..stop."""

    motion: Motion
    text: str
    persons: tuple[int, ...]
    rows: tuple[int, ...]
    start: int
    stop: int
    seed: int
    seams: tuple[Seam, ...] = ()


class PartTasks:
    """Makes requests with a loaded model; results do not depend on what is made together."""

    def __init__(self, clips: ClipGenerator, reader: Reader | None):
        self.clips, self.reader = clips, reader

    def extended(
        self,
        requests: Sequence[Extension],
        sampling: SamplingConfig,
        body: str,
        overlap: int,
        batch_size: int | None = None,
    ) -> list[Interaction]:
        """Longer clips, one for each request, with `body` "rigid" or "decoded".

        overlap: frames at the end of each pair that the model sees.
        """
        size = FRAMES_PER_TOKEN
        # Windows end where the pair does, so up to three of its first frames come before the first token.
        skipped = [request.motion.frames % size for request in requests]
        clips, readings, scripts, totals = [], [], [], []
        for request, first in zip(requests, skipped, strict=True):
            motion = request.motion.part(first, request.motion.frames)
            clips.append(GrowingClip(motion, motion.frames, kept=motion.frames))
            totals.append((motion.frames + request.frames) // size)
            readings.append(read_text(self.reader, request.text, request.frames // size))
            scripts.append(script_of(readings[-1], request.seed))
        seeds = [request.seed for request in requests]
        maps = self.clips.grow(
            clips, scripts, totals, seeds, sampling, sampling.steps, overlap // size, batch_size
        )
        made, kept, wishes = [], [], []
        for request, first, clip, ids, total in zip(requests, skipped, clips, maps, totals, strict=True):
            motion = _after(request.motion.part(0, first), clip.motion)
            flags = np.zeros((PERSONS, motion.frames), dtype=bool)
            flags[:, : request.motion.frames] = True
            seams = [(frame + first, shared) for frame, shared in clip.seams]
            tokens = None if first else torch.cat([self._tokens_of(request), ids], dim=-1)
            made.append(_result(request, motion, tokens, flags, seams, request.seams))
            kept.append(Kept(flags, request.motion.padded(motion.frames)))
            done = request.motion.frames // size
            wishes.append(meetings_of(readings[len(made) - 1], request.seed, total, done))
        return _with_bodies(with_reading(made, readings), kept, wishes, body)

    def completed(
        self,
        requests: Sequence[InBetween | Edit],
        sampling: SamplingConfig,
        body: str,
        batch_size: int | None = None,
    ) -> list[Interaction]:
        """Complete clips, one for each request, with `body` "rigid" or "decoded".

        Raises:
            InputError: more new frames than the model's window holds; a range or rows that do not exist.
        """
        parts = [self._known_parts(request) for request in requests]
        readings = [
            unread(request.text) if self.reader is None else self.reader.read(request.text, False)
            for request in requests
        ]
        seeds = [request.seed for request in requests]
        texts = [script_of(*one).texts[0] for one in zip(readings, seeds, strict=True)]
        known, frames = [part.known for part in parts], [part.frames for part in parts]
        filled = self.clips.refill(known, frames, texts, seeds, sampling, batch_size)
        made = []
        for request, part, (motion, ids) in zip(requests, parts, filled, strict=True):
            whole, tokens, seams = part.completed(motion, ids)
            earlier = request.seams if isinstance(request, Edit) else ()
            made.append(_result(request, whole, tokens, part.kept, seams, earlier))
        kept = [part.of_bodies() for part in parts]
        return _with_bodies(with_reading(made, readings), kept, [None] * len(made), body)

    def _known_parts(self, request: InBetween | Edit) -> KnownParts:
        if isinstance(request, InBetween):
            return between(self.clips, request.start, request.end, request.frames)
        return edited(self.clips, request.motion, request.persons, request.rows, request.start, request.stop)

    def _tokens_of(self, request: Extension) -> Tensor:
        """The tokens (2, 5, T // 4) of a pair: those that are known, else encoded ones."""
        if request.tokens is None:
            return self.clips.encode(request.motion, frames_at(request.motion, 0))
        return torch.from_numpy(request.tokens[:, :, : request.motion.frames // FRAMES_PER_TOKEN])


def _after(first: Motion, motion: Motion) -> Motion:
    """A motion after the frames of another one."""
    if not first.frames:
        return motion
    names = ("joints", "rotations6d")
    return Motion(*(np.concatenate([getattr(first, name), getattr(motion, name)], axis=1) for name in names))


def _result(
    request: Extension | InBetween | Edit,
    motion: Motion,
    tokens: Tensor | None,
    kept: np.ndarray,
    seams: Sequence[tuple[int, int]],
    earlier: Sequence[Seam],
) -> Interaction:
    """The record of a complete clip, with the jerk of each seam."""
    result = Interaction(
        motion,
        tokens=None if tokens is None else tokens.numpy().astype(np.int16),
        text=request.text,
        seed=request.seed,
        seams=[*earlier, *(Seam(*seam, jerk=0.0, typical_jerk=0.0) for seam in seams)],
        kept=kept,
    )
    return replace(result, seams=seams_of(result, motion))


def _with_bodies(
    made: Sequence[Interaction],
    kept: Sequence[Kept],
    wishes: Sequence[Sequence[ContactWish] | None],
    body: str,
) -> list[Interaction]:
    return list(made) if body == "decoded" else with_bodies(made, kept, wishes)
