"""Known tokens, texts and seeds to motion: token maps are filled, decoded and joined window by window."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from intermask_cli.config import FRAMES_PER_TOKEN, PERSONS, SamplingConfig
from intermask_cli.inference.growing_clip import (
    Frames,
    GrowingClip,
    features_in,
    motion_from,
)
from intermask_cli.inference.motion_codec import GivenFeatures, MotionCodec
from intermask_cli.inference.scripts import Script
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.inference.windows import Window, plan_phases
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.motion.motion import Motion
from intermask_cli.sampling import tasks


class ClipGenerator:
    """Fills and decodes clips of any length, several with equal plans together.

    `window` is the longest token map of the model, in tokens per body row.
    """

    def __init__(self, info: BundleInfo, filler: TokenFiller, codec: MotionCodec):
        self.info, self.filler, self.codec = info, filler, codec
        self.window = info.max_frames // FRAMES_PER_TOKEN

    def grow(
        self,
        clips: Sequence[GrowingClip],
        scripts: Sequence[Script],
        tokens: Sequence[int],
        seeds: Sequence[int],
        sampling: SamplingConfig,
        steps: int,
        overlap: int,
        batch_size: int | None = None,
    ) -> list[Tensor]:
        """Continue each clip until it has its number of tokens per body row, as its script says.

        Windows share `overlap` tokens. Returns the new tokens (2, 5, n) of each clip, without the overlaps.
        """
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        maps: list[list[Tensor]] = [[] for _ in clips]
        of_clips = zip(tokens, scripts, clips, strict=True)
        for group in _groups([(count, script.shares, clip.done) for count, script, clip in of_clips]):
            total, shares = tokens[group[0]], scripts[group[0]].shares
            done = clips[group[0]].done // FRAMES_PER_TOKEN
            shared = min(overlap, self.window // 2, done or self.window)
            for phase, window in plan_phases(total, shares, self.window, shared, done):
                members = [clips[i] for i in group]
                frames = [clip.frames_at(window.start * FRAMES_PER_TOKEN) for clip in members]
                known = [self._known(*pair, window) for pair in zip(members, frames, strict=True)]
                texts = [scripts[i].texts[phase] for i in group]
                noise = [generators[i] for i in group]
                filled = self.filler.fill(texts, known, noise, sampling, steps, batch_size)
                given = [_given_features(*pair, window) for pair in zip(members, frames, strict=True)]
                pairs = self.codec.decode_pairs(filled, given)
                for i, features, placed, ids in zip(group, pairs, frames, filled, strict=True):
                    generated = motion_from(features, placed, self.info.representation)
                    start, faded = window.start * FRAMES_PER_TOKEN, window.overlap * FRAMES_PER_TOKEN
                    clips[i].append(generated, start, faded)
                    maps[i].append(ids[:, :, window.overlap :])
        return [torch.cat(parts, dim=-1) for parts in maps]

    def refill(
        self,
        known: Sequence[Tensor],
        frames: Sequence[Frames],
        texts: Sequence[str],
        seeds: Sequence[int],
        sampling: SamplingConfig,
        batch_size: int | None = None,
    ) -> list[tuple[Motion, Tensor]]:
        """Known maps (2, 5, n), none longer than the model's window -> motion and complete tokens of each.

        frames: in which the known tokens of each were encoded.
        """
        made: list[tuple[Motion, Tensor] | None] = [None] * len(known)
        for group in _groups([one.shape[-1] for one in known]):
            noise = [torch.Generator().manual_seed(seeds[i]) for i in group]
            members = [known[i] for i in group]
            of_group = [texts[i] for i in group]
            maps = self.filler.fill(of_group, members, noise, sampling, sampling.steps, batch_size)
            for i, features, ids in zip(group, self.codec.decode_pairs(maps), maps, strict=True):
                made[i] = motion_from(features, frames[i]), ids
        return [one for one in made if one is not None]

    def encode(self, motion: Motion, frames: Frames) -> Tensor:
        """A pair whose length is a multiple of 4 -> its token map (2, 5, T // 4)."""
        return torch.stack(self.codec.encode(features_in(motion, frames)))

    def _known(self, clip: GrowingClip, frames: Frames, window: Window) -> Tensor:
        """The window's known tokens (2, 5, n): all of the given person, the overlap of the others."""
        n = window.stop - window.start
        known = tasks.generate(n)
        for person in range(PERSONS):
            count = n if person == clip.given else window.overlap
            if count:
                start, length = window.start * FRAMES_PER_TOKEN, count * FRAMES_PER_TOKEN
                features = clip.known_features(person, start, length, frames[person])
                known[person, :, :count] = self.codec.encode([features])[0]
        return known


def _given_features(clip: GrowingClip, frames: Frames, window: Window) -> GivenFeatures | None:
    """The given person's own motion in a window, for the pair decoder."""
    if clip.given is None:
        return None
    start, stop = window.start * FRAMES_PER_TOKEN, window.stop * FRAMES_PER_TOKEN
    return clip.given, clip.known_features(clip.given, start, stop - start, frames[clip.given])


def _groups(keys: Sequence[Hashable]) -> list[list[int]]:
    """Indices of equal keys together, in order of their first appearance."""
    groups: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    return list(groups.values())
