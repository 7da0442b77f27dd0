"""Token maps of a complete split, encoded once: the transformer then trains on integers.

Every clip is stored twice, in the frame of person 0 and in that of person 1. In reaction training the given
person is the canonical one, as in inference.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN
from intermask_cli.console import counter
from intermask_cli.errors import InputError
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.checkpoints import weights_of
from intermask_cli.training.sources.source import TrainingSource
from intermask_cli.training.tensor_cache import cached_tensors

#: Tracks of equal length that are encoded together: two persons in two frames of reference per excerpt.
ENCODE_BATCH = 32


@dataclass
class TokenCache:
    """Token maps of E excerpts; a clip within the length limit is one excerpt."""

    maps: Tensor  # (E, 2 canonical person, 2 person, 5, n_max) int16, 0 on padding
    lengths: Tensor  # (E,) int64 tokens per row
    clips: Tensor  # (E,) int64 clip number in the source

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, excerpts: Tensor, canonical: Tensor, own: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Excerpts (B,) in the frame of person canonical (B,) -> ids (b, 10 n) int64, lengths (b,).

        Of all rows, or of the `own` ones; n is that of the longest of all.
        """
        lengths = self.lengths[excerpts]
        maps = self.maps[excerpts[own], canonical[own], :, :, : int(lengths.max())]
        return maps.flatten(1).long(), lengths[own]  # (b, 2, 5, n) -> (b, 10 n)


def excerpt_starts(frames: int, limit: int) -> list[int]:
    """Where excerpts of at most `limit` frames start: one for a short clip, else overlapping by half."""
    if frames <= limit:
        return [0]
    count = -(-(frames - limit) // max(1, limit // 2)) + 1
    return [int(start) for start in np.linspace(0, frames - limit, count)]


def excerpts_of(source: TrainingSource, max_frames: int) -> list[tuple[int, int, int]]:
    """Clip, first frame and frames of every excerpt, cut at its end to whole tokens."""
    limit = max_frames // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
    excerpts = []
    for clip in range(len(source)):
        frames = source.frames(clip)
        for start in excerpt_starts(frames, limit):
            length = min(frames - start, limit) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
            if length:
                excerpts.append((clip, start, length))
    return excerpts


@torch.no_grad()
def encode_split(
    source: TrainingSource,
    tokenizer: Tokenizer,
    normalizer: Normalizer,
    max_frames: int,
    device: torch.device,
) -> TokenCache:
    """Encode every clip in the frame of either person, after cutting it at its end to whole tokens."""
    excerpts = excerpts_of(source, max_frames)
    if not excerpts:
        raise InputError(f"no clip is as long as one token, {FRAMES_PER_TOKEN} frames; give longer clips")
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, (_, _, length) in enumerate(excerpts):
        by_length[length].append(number)
    tokens = torch.tensor([length // FRAMES_PER_TOKEN for _, _, length in excerpts])
    maps = torch.zeros(len(excerpts), 2, 2, BODY_ROWS, int(tokens.max()), dtype=torch.int16)
    tokenizer.eval()
    with counter("encoding clips", len(excerpts), "excerpts") as progress:
        for length, numbers in by_length.items():
            for start in range(0, len(numbers), ENCODE_BATCH // 4):
                part = numbers[start : start + ENCODE_BATCH // 4]
                motion = np.stack([_in_both_frames(source, *excerpts[number]) for number in part])
                # (E, 2, 2, T, ...) -> (4 E, T, D)
                flat = normalizer.normalize(motion.reshape(len(part) * 4, length, -1)).astype(np.float32)
                tracks = torch.from_numpy(flat).to(device)
                tracks = tracks.unflatten(-1, source.representation.feature_shape)
                ids = tokenizer.encode(tracks).view(len(part), 2, 2, BODY_ROWS, -1)
                maps[torch.tensor(part), ..., : ids.shape[-1]] = ids.to("cpu", torch.int16)
                progress.advance(len(part))
    return TokenCache(maps, tokens, torch.tensor([clip for clip, _, _ in excerpts]))


def _in_both_frames(source: TrainingSource, clip: int, start: int, length: int) -> np.ndarray:
    """(2 canonical person, 2 person, length, D)."""
    return np.stack([source.features(clip, person, start, start + length) for person in (0, 1)])


def cached_split(
    path: Path,
    source: TrainingSource,
    tokenizer: Tokenizer,
    normalizer: Normalizer,
    max_frames: int,
    device: torch.device,
) -> TokenCache:
    """`encode_split`, or its result from a file written for the same tokenizer, data and limit."""
    key = {
        "tokenizer": tokenizer_digest(tokenizer, normalizer),
        "source": source.digest,
        "max_frames": str(max_frames),
    }
    stale = "made with another tokenizer or corpus, encoding again"

    def encode() -> dict[str, Tensor]:
        return vars(encode_split(source, tokenizer, normalizer, max_frames, device))

    return TokenCache(**cached_tensors(path, key, encode, stale))


def tokenizer_digest(tokenizer: Tokenizer, normalizer: Normalizer) -> str:
    """SHA-256 of the config, all weights, and the statistics its features are normalised with."""
    statistics = {"mean": torch.from_numpy(normalizer.mean), "std": torch.from_numpy(normalizer.std)}
    return _digest(tokenizer, weights_of(tokenizer) | statistics)


def tokens_digest(tokenizer: Tokenizer) -> str:
    """SHA-256 of the weights that decide the tokens: encoder and codebooks without moving averages."""
    deciding = {
        name: value
        for name, value in weights_of(tokenizer).items()
        if name.startswith("encoder.") or name.endswith(".codebook")
    }
    return _digest(tokenizer, deciding)


def weights_digest(transformer: InteractionTransformer) -> str:
    """SHA-256 of the config and all weights."""
    return _digest(transformer, weights_of(transformer))


def _digest(model: Tokenizer | InteractionTransformer, weights: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(vars(model.config), sort_keys=True).encode())
    for name, value in sorted(weights.items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()
