"""Rough motion beside the true one: what the pair decoder learns from.

Some tokens of a real clip are hidden and filled by the transformer, a few sampling steps long; the tokenizer
decodes the result. The more is hidden, the more it is like generated motion; the less, the better it still
fits the true clip. Filled tokens are kept in a file, decoded motion is not.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from intermask_cli.config import FRAMES_PER_TOKEN, SamplingConfig
from intermask_cli.console import counter, note
from intermask_cli.errors import InputError
from intermask_cli.filling import TokenFiller
from intermask_cli.models.tokenizer import ROWS, Tokenizer
from intermask_cli.motion.features import joints_from_features, rotations6d_from_features
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.sampling.sampler import FILL
from intermask_cli.training.config import PairDecoderTrainConfig
from intermask_cli.training.data import TrainingSource
from intermask_cli.training.randomness import derived_seed, permutation

TOGETHER = 16  # clips of equal length encoded, filled and decoded side by side


@dataclass
class RoughPairs:
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


@torch.inference_mode()
def rough_tokens(
    path: Path,
    key: dict[str, str],
    source: TrainingSource,
    clips: Sequence[int],
    tokenizer: Tokenizer,
    normalizer: Normalizer,
    filler: TokenFiller,
    config: PairDecoderTrainConfig,
    sampling: SamplingConfig,
) -> list[Tensor]:
    """Token maps (2, 5, n) of the clips, some tokens hidden and filled again; kept in a file under `key`."""
    if path.is_file():
        with safe_open(path, "pt") as file:
            if file.metadata() == key:
                maps, lengths = file.get_tensor("maps"), file.get_tensor("lengths").tolist()
                return [one[..., :n].long() for one, n in zip(maps, lengths, strict=True)]
        note(f"{path}: made with other models, clips or settings, filling again")
    # Most tokens are known: guidance would double the cost and change little.
    sampling = dataclasses.replace(sampling, steps=config.fill_steps, guidance=1.0)
    filled: list[Tensor] = [torch.empty(0)] * len(clips)
    with counter("filling clips", len(clips), "clips") as progress:
        for tokens, members in _by_length(source, clips, config.max_frames).items():
            for start in range(0, len(members), TOGETHER):
                part = members[start : start + TOGETHER]
                numbers = [clips[i] for i in part]
                whole = _encoded(source, numbers, tokens, tokenizer, normalizer, filler.device)
                seeds = [derived_seed(config.seed, "rough", clip) for clip in numbers]
                generators = [torch.Generator().manual_seed(seed) for seed in seeds]
                known = [_with_holes(m, g, config) for m, g in zip(whole, generators, strict=True)]
                for i, one in zip(part, known, strict=True):
                    filled[i] = one
                holed = [j for j, one in enumerate(known) if bool((one == FILL).any())]
                if holed:
                    texts = [source.text(numbers[j]).captions[0].text for j in holed]
                    made = filler.fill(
                        texts, [known[j] for j in holed], [generators[j] for j in holed],
                        sampling, config.fill_steps,
                    )  # fmt: skip
                    for j, one in zip(holed, made, strict=True):
                        filled[part[j]] = one
                progress.advance(len(part))
    longest = max(one.shape[-1] for one in filled)
    maps = torch.zeros(len(filled), 2, ROWS, longest, dtype=torch.int16)
    for row, one in enumerate(filled):
        maps[row, ..., : one.shape[-1]] = one
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    lengths_tensor = torch.tensor([one.shape[-1] for one in filled])
    save_file({"maps": maps, "lengths": lengths_tensor}, temporary, metadata=key)
    temporary.replace(path)
    return filled


@torch.inference_mode()
def rough_pairs(
    source: TrainingSource,
    clips: Sequence[int],
    maps: Sequence[Tensor],
    tokenizer: Tokenizer,
    normalizer: Normalizer,
    device: torch.device,
) -> RoughPairs:
    """Decode the maps of the clips and set them beside the clips' own motion."""
    lengths = torch.tensor([one.shape[-1] * FRAMES_PER_TOKEN for one in maps])
    starts = lengths.cumsum(0) - lengths
    total = int(lengths.sum())
    made, truth = (torch.zeros(total, 2, 22, 3) for _ in range(2))
    made_rotations, true_rotations = (torch.zeros(total, 2, 21, 6, dtype=torch.float16) for _ in range(2))
    with counter("decoding clips", len(clips), "clips") as progress:
        for number, (clip, one) in enumerate(zip(clips, maps, strict=True)):
            where = slice(int(starts[number]), int(starts[number] + lengths[number]))
            decoded = normalizer.denormalize(tokenizer.decode(one.to(device)).float().cpu().numpy())
            true = _features(source, clip, int(lengths[number]))
            for features, joints, rotations in (
                (decoded, made, made_rotations),
                (true, truth, true_rotations),
            ):
                turns = torch.from_numpy(rotations6d_from_features(features)).half()
                joints[where] = torch.from_numpy(joints_from_features(features)).transpose(0, 1)
                rotations[where] = turns.transpose(0, 1)
            progress.advance()
    return RoughPairs(made, made_rotations, truth, true_rotations, starts, lengths)


def _with_holes(tokens: Tensor, generator: torch.Generator, config: PairDecoderTrainConfig) -> Tensor:
    """The map with a random share of its tokens to fill; none in `whole_share` of the clips."""
    whole, share = torch.rand(2, generator=generator).tolist()
    if whole < config.whole_share:
        return tokens
    hidden = torch.rand(tokens.shape, generator=generator) < share * config.most_hidden
    return tokens.masked_fill(hidden, FILL)


def _by_length(source: TrainingSource, clips: Sequence[int], max_frames: int) -> dict[int, list[int]]:
    """Tokens per row -> positions in `clips`; clips are cut at their end to whole tokens and `max_frames`."""
    groups: dict[int, list[int]] = defaultdict(list)
    for i, clip in enumerate(clips):
        tokens = min(source.frames(clip), max_frames) // FRAMES_PER_TOKEN
        if tokens < 1:
            raise InputError(f"clip {clip} has {source.frames(clip)} frames; accepted: 4 or more")
        groups[tokens].append(i)
    return groups


def _features(source: TrainingSource, clip: int, frames: int) -> np.ndarray:
    """(2, frames, 262) of a clip's start, in the frame of either person in turn."""
    return source.features(clip, clip % 2, 0, frames)


def _encoded(
    source: TrainingSource,
    clips: Sequence[int],
    tokens: int,
    tokenizer: Tokenizer,
    normalizer: Normalizer,
    device: torch.device,
) -> list[Tensor]:
    motion = np.concatenate([_features(source, clip, tokens * FRAMES_PER_TOKEN) for clip in clips])
    ids = tokenizer.encode(torch.from_numpy(normalizer.normalize(motion)).to(device)).cpu()
    return list(ids.unflatten(0, (-1, 2)))
