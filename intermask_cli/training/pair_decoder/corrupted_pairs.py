"""Rough motion beside the true one: what the pair decoder learns from.

Some tokens of a real clip are hidden and filled by the transformer, a few sampling steps long; the tokenizer
decodes the result. The more is hidden, the more it is like generated motion; the less, the better it still
fits the true clip. Filled tokens are kept in a file, decoded motion is not.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN, SamplingConfig
from intermask_cli.console import counter, note
from intermask_cli.errors import InputError
from intermask_cli.files import replacing
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation.interhuman import joints_from_features, rotations6d_from_features
from intermask_cli.sampling.sampler import FILL
from intermask_cli.training.config import PairDecoderTrainConfig
from intermask_cli.training.schedule import derived_seed, permutation
from intermask_cli.training.sources.source import TrainingSource

TOGETHER = 16  # clips of equal length encoded, filled and decoded side by side


@dataclass
class CorruptedPairs:
    """Clips end to end: joints (F, 2, 22, 3) and rotations6d (F, 2, 21, 6), as made and as they truly are."""

    made: Tensor
    made_rotations: Tensor  # float16, as the true ones: they are a third of the memory
    truth: Tensor
    true_rotations: Tensor
    starts: Tensor  # (clips,) first frame of each
    lengths: Tensor  # (clips,) frames

    def take(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Frame numbers (B, T) -> made and true joints (B, 2, T, 22, 3) and rotations, in that order."""
        made, made_rotations, truth, true_rotations = (
            values[frames].float().transpose(1, 2)
            for values in (self.made, self.made_rotations, self.truth, self.true_rotations)
        )
        return made, truth, made_rotations, true_rotations


def chosen_clips(source: TrainingSource, count: int, seed: int) -> list[int]:
    """`count` clip numbers of a source, drawn once; all of them for 0."""
    order = permutation(seed, "rough clips", 0, len(source)).tolist()
    return sorted(order[: count or len(order)])


def cached_maps(path: Path, key: dict[str, str], make: Callable[[], list[Tensor]]) -> list[Tensor]:
    """Token maps (2, 5, n), kept in a file that is used again while `key` stays the same."""
    if path.is_file():
        with safe_open(path, "pt") as file:
            if file.metadata() == key:
                maps, lengths = file.get_tensor("maps"), file.get_tensor("lengths").tolist()
                return [one[..., :n].long() for one, n in zip(maps, lengths, strict=True)]
        note(f"{path}: made with other models, clips or settings, filling again")
    made = make()
    lengths = torch.tensor([one.shape[-1] for one in made])
    maps = torch.zeros(len(made), 2, BODY_ROWS, int(lengths.max()), dtype=torch.int16)
    for row, one in enumerate(made):
        maps[row, ..., : one.shape[-1]] = one
    with replacing(path) as temporary:
        save_file({"maps": maps, "lengths": lengths}, temporary, metadata=key)
    return made


@dataclass(frozen=True)
class PairCorruptor:
    """Makes clips of a source rough; each clip's holes and draws depend on its number and the seed alone."""

    source: TrainingSource
    tokenizer: Tokenizer
    normalizer: Normalizer
    filler: TokenFiller
    config: PairDecoderTrainConfig
    sampling: SamplingConfig

    @torch.inference_mode()
    def maps(self, clips: Sequence[int]) -> list[Tensor]:
        """Token maps (2, 5, n) of the clips, some tokens hidden and filled again."""
        made: dict[int, Tensor] = {}
        with counter("filling clips", len(clips), "clips") as progress:
            for members in self._by_length(clips):
                for start in range(0, len(members), TOGETHER):
                    part = members[start : start + TOGETHER]
                    made |= dict(zip(part, self._filled(part), strict=True))
                    progress.advance(len(part))
        return [made[clip] for clip in clips]

    @torch.inference_mode()
    def pairs(self, clips: Sequence[int], maps: Sequence[Tensor]) -> CorruptedPairs:
        """The maps decoded, beside the clips' own motion."""
        lengths = torch.tensor([one.shape[-1] * FRAMES_PER_TOKEN for one in maps])
        starts, total = lengths.cumsum(0) - lengths, int(lengths.sum())
        made, truth = (torch.zeros(total, 2, 22, 3) for _ in range(2))
        made_turns, true_turns = (torch.zeros(total, 2, 21, 6, dtype=torch.float16) for _ in range(2))
        device = self.filler.device
        with counter("decoding clips", len(clips), "clips") as progress:
            for clip, one, start, length in zip(clips, maps, starts.tolist(), lengths.tolist(), strict=True):
                decoded = self.tokenizer.decode(one.to(device)).float().cpu().numpy()
                for features, joints, turns in (
                    (self.normalizer.denormalize(decoded), made, made_turns),
                    (self._features(clip, length), truth, true_turns),
                ):
                    where = slice(start, start + length)
                    joints[where] = torch.from_numpy(joints_from_features(features)).transpose(0, 1)
                    sixd = torch.from_numpy(rotations6d_from_features(features))
                    turns[where] = sixd.transpose(0, 1).half()
                progress.advance()
        return CorruptedPairs(made, made_turns, truth, true_turns, starts, lengths)

    def _filled(self, clips: list[int]) -> list[Tensor]:
        """Clips of one length -> their maps, with holes filled."""
        seeds = [derived_seed(self.config.seed, "rough", clip) for clip in clips]
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        whole = zip(self._encoded(clips), generators, strict=True)
        maps = [self._mask(tokens, generator) for tokens, generator in whole]
        holed = [i for i, tokens in enumerate(maps) if bool((tokens == FILL).any())]
        if not holed:
            return maps
        # Most tokens are known: guidance would double the cost and change little.
        sampling = dataclasses.replace(self.sampling, steps=self.config.fill_steps, guidance=1.0)
        texts = [self.source.text(clips[i]).captions[0].text for i in holed]
        known, chosen = [maps[i] for i in holed], [generators[i] for i in holed]
        filled = self.filler.fill(texts, known, chosen, sampling, sampling.steps)
        for i, tokens in zip(holed, filled, strict=True):
            maps[i] = tokens
        return maps

    def _mask(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """The map with a random share of its tokens to fill; none in `intact_share` of the clips."""
        whole, share = torch.rand(2, generator=generator).tolist()
        if whole < self.config.intact_share:
            return tokens
        hidden = torch.rand(tokens.shape, generator=generator) < share * self.config.max_masked_share
        return tokens.masked_fill(hidden, FILL)

    def _by_length(self, clips: Sequence[int]) -> list[list[int]]:
        """Clips of equal length together."""
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
        return list(self.tokenizer.encode(tracks).cpu().unflatten(0, (-1, 2)))

    def _features(self, clip: int, frames: int) -> np.ndarray:
        """(2, frames, 262) of a clip's start, in the frame of either person in turn."""
        return self.source.features(clip, clip % 2, 0, frames)
