"""Training pairs of the pair decoder: decoded motion of corrupted tokens, and the true motion.

Some tokens of a real clip are masked and filled by the transformer in a few sampling steps; the tokenizer
decodes the result. The more tokens are masked, the more it is like generated motion and the less like the
true clip. Filled tokens are cached in a file, decoded motion is not.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN, SamplingConfig
from intermask_cli.console import counter
from intermask_cli.errors import InputError
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation.interhuman import joints_from_features, rotations6d_from_features
from intermask_cli.sampling.sampler import FILL
from intermask_cli.training.config import PairDecoderTrainConfig
from intermask_cli.training.schedule import derived_seed, permutation
from intermask_cli.training.sources.source import TrainingSource
from intermask_cli.training.tensor_cache import cached_tensors

#: Clips of equal length that are encoded and filled together.
CLIP_BATCH = 16


@dataclass
class CorruptedPairs:
    """Clips concatenated in time: joints (F, 2, 22, 3) and rotations6d (F, 2, 21, 6), corrupted and true."""

    corrupted: Tensor
    corrupted_rotations: Tensor  # float16, as the true ones, to save a third of the memory
    truth: Tensor
    true_rotations: Tensor
    starts: Tensor  # (clips,) first frame of each
    lengths: Tensor  # (clips,) frames

    def take(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Frame numbers (B, T) -> corrupted, true joints (B, 2, T, 22, 3), corrupted, true rotations."""
        corrupted, truth, corrupted_rotations, true_rotations = (
            values[frames].float().transpose(1, 2)
            for values in (self.corrupted, self.truth, self.corrupted_rotations, self.true_rotations)
        )
        return corrupted, truth, corrupted_rotations, true_rotations


def draw_clips(source: TrainingSource, count: int, seed: int) -> list[int]:
    """`count` clip numbers of a source, drawn once; all of them for 0."""
    order = permutation(seed, "rough clips", 0, len(source)).tolist()  # language: ok, a seed
    return sorted(order[: count or len(order)])


def cached_maps(path: Path, key: dict[str, str], make: Callable[[], list[Tensor]]) -> list[Tensor]:
    """Token maps (2, 5, n) from `make`, or from a file that was written with the same `key`."""

    def padded() -> dict[str, Tensor]:
        filled = make()
        lengths = torch.tensor([tokens.shape[-1] for tokens in filled])
        maps = torch.zeros(len(filled), 2, BODY_ROWS, int(lengths.max()), dtype=torch.int16)
        for row, tokens in enumerate(filled):
            maps[row, ..., : tokens.shape[-1]] = tokens
        return {"maps": maps, "lengths": lengths}

    stale = "made with other models, clips or settings, filling again"
    stored = cached_tensors(path, key, padded, stale)
    lengths = stored["lengths"].tolist()
    return [tokens[..., :n].long() for tokens, n in zip(stored["maps"], lengths, strict=True)]


@dataclass(frozen=True)
class PairCorruptor:
    """Corrupts clips of a source; masks and draws of a clip depend on its number and the seed alone."""

    source: TrainingSource
    tokenizer: Tokenizer
    normalizer: Normalizer
    filler: TokenFiller
    config: PairDecoderTrainConfig
    sampling: SamplingConfig

    @torch.inference_mode()
    def maps(self, clips: Sequence[int]) -> list[Tensor]:
        """Token maps (2, 5, n) of the clips, with some tokens masked and filled again."""
        maps: dict[int, Tensor] = {}
        with counter("filling clips", len(clips), "clips") as progress:
            for members in self._by_length(clips):
                for start in range(0, len(members), CLIP_BATCH):
                    part = members[start : start + CLIP_BATCH]
                    maps |= dict(zip(part, self._filled(part), strict=True))
                    progress.advance(len(part))
        return [maps[clip] for clip in clips]

    @torch.inference_mode()
    def pairs(self, clips: Sequence[int], maps: Sequence[Tensor]) -> CorruptedPairs:
        """The motion decoded from the maps, with the true motion of the clips."""
        lengths = torch.tensor([tokens.shape[-1] * FRAMES_PER_TOKEN for tokens in maps])
        starts, total = lengths.cumsum(0) - lengths, int(lengths.sum())
        corrupted, truth = (torch.zeros(total, 2, 22, 3) for _ in range(2))
        corrupted_rotations, true_rotations = (
            torch.zeros(total, 2, 21, 6, dtype=torch.float16) for _ in range(2)
        )
        device = self.filler.device
        with counter("decoding clips", len(clips), "clips") as progress:
            for clip, tokens, start, length in zip(
                clips, maps, starts.tolist(), lengths.tolist(), strict=True
            ):
                decoded = self.tokenizer.decode(tokens.to(device)).float().cpu().numpy()
                frames = slice(start, start + length)
                for features, joints, rotations in (
                    (self.normalizer.denormalize(decoded), corrupted, corrupted_rotations),
                    (self._features(clip, length), truth, true_rotations),
                ):
                    # (2, T, ...) -> (T, 2, ...)
                    joints[frames] = torch.from_numpy(joints_from_features(features)).transpose(0, 1)
                    sixd = torch.from_numpy(rotations6d_from_features(features))
                    rotations[frames] = sixd.transpose(0, 1).half()
                progress.advance()
        return CorruptedPairs(corrupted, corrupted_rotations, truth, true_rotations, starts, lengths)

    def _filled(self, clips: list[int]) -> list[Tensor]:
        """Clips of one length -> their maps, with masked tokens filled."""
        seeds = [derived_seed(self.config.seed, "rough", clip) for clip in clips]  # language: ok, a seed
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        pairs = zip(self._encoded(clips), generators, strict=True)
        maps = [self._mask(tokens, generator) for tokens, generator in pairs]
        masked = [i for i, tokens in enumerate(maps) if bool((tokens == FILL).any())]
        if not masked:
            return maps
        # Most tokens are known: guidance would double the cost and change little.
        sampling = dataclasses.replace(self.sampling, steps=self.config.fill_steps, guidance=1.0)
        texts = [self.source.text(clips[i]).captions[0].text for i in masked]
        known, own_generators = [maps[i] for i in masked], [generators[i] for i in masked]
        filled = self.filler.fill(texts, known, own_generators, sampling, sampling.steps)
        for i, tokens in zip(masked, filled, strict=True):
            maps[i] = tokens
        return maps

    def _mask(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """The map with a random share of its tokens masked; `intact_share` of the maps keep all of them."""
        draw, share = torch.rand(2, generator=generator).tolist()
        if draw < self.config.intact_share:
            return tokens
        hidden = torch.rand(tokens.shape, generator=generator) < share * self.config.max_masked_share
        return tokens.masked_fill(hidden, FILL)

    def _by_length(self, clips: Sequence[int]) -> list[list[int]]:
        """Groups of clips of equal length."""
        groups: dict[int, list[int]] = defaultdict(list)
        for clip in clips:
            groups[self._tokens(clip)].append(clip)
        return list(groups.values())

    def _tokens(self, clip: int) -> int:
        """Tokens per row of a clip, cut at its end to whole tokens and to `max_frames`."""
        tokens = min(self.source.frames(clip), self.config.max_frames) // FRAMES_PER_TOKEN
        if tokens < 1:
            raise InputError(f"clip {clip} has {self.source.frames(clip)} frames; accepted: 4 or more")
        return tokens

    def _encoded(self, clips: list[int]) -> list[Tensor]:
        """Clips of one length -> their true maps (2, 5, n)."""
        frames = self._tokens(clips[0]) * FRAMES_PER_TOKEN
        motion = np.concatenate([self._features(clip, frames) for clip in clips])
        tracks = torch.from_numpy(self.normalizer.normalize(motion)).to(self.filler.device)
        return list(self.tokenizer.encode(tracks).cpu().unflatten(0, (-1, 2)))  # (2 B, 5, n) -> (B, 2, 5, n)

    def _features(self, clip: int, frames: int) -> np.ndarray:
        """(2, frames, 262) of a clip's start, in the frame of person 0 for even clip numbers, else of 1."""
        return self.source.features(clip, clip % 2, 0, frames)
