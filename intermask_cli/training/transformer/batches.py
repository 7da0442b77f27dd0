"""Token maps of a batch: from the cache, or encoded again in every batch as published."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.schedule import permutation
from intermask_cli.training.sources.source import TrainingSource


class TokenSupply(Protocol):
    """Token maps of training items."""

    lengths: Tensor  # (items,) tokens per row, for batches of similar length
    clips: Tensor  # (items,) clip number of an item

    def take(self, items: Tensor, canonical: Tensor, own: slice) -> tuple[Tensor, Tensor]:
        """Items (B,), canonical person (B,) -> ids (b, 10 n), lengths (b,) of the `own` rows.

        What is drawn, and n, do not depend on which rows are wanted.
        """
        ...


class FreshTokens:
    """Published form: clips are cropped at random, padded with zeros and encoded in every batch.

    Rows past a clip's length hold codes of padding, which also influences the last valid tokens. Which person
    is canonical and which comes first are drawn independently. Quirk M22: docs/reference/model.md#m22.
    """

    def __init__(
        self,
        source: TrainingSource,
        tokenizer: Tokenizer,
        normalizer: Normalizer,
        max_frames: int,
        device: torch.device,
    ):
        self._source, self._tokenizer, self._normalizer = source, tokenizer.eval(), normalizer
        self._max_frames, self._device = max_frames, device
        frames = torch.tensor([source.frames(clip) for clip in range(len(source))])
        self.lengths = frames.clamp(max=max_frames) // FRAMES_PER_TOKEN
        self.clips = torch.arange(len(source))

    @torch.no_grad()
    def take(self, items: Tensor, canonical: Tensor, own: slice) -> tuple[Tensor, Tensor]:
        """Items (B,) -> ids (b, 10 n) with n = max_frames // 4, lengths (b,); ignores `canonical`."""
        draws = [(int(item), *self._draw(int(item))) for item in items]
        motions = [self._motion(*drawn) for drawn in draws[own]]
        width = int(np.prod(motions[0].shape[2:]))
        padded = torch.zeros(len(motions), 2, self._max_frames, width)
        for row, motion in enumerate(motions):
            flat = self._normalizer.normalize(motion.reshape(2, motion.shape[1], -1))
            padded[row, :, : motion.shape[1]] = torch.from_numpy(flat.astype(np.float32))
        tracks = padded.flatten(0, 1).to(self._device)  # (B, 2, T, D) -> (2 B, T, D)
        tracks = tracks.unflatten(-1, self._source.representation.feature_shape)
        ids = self._tokenizer.encode(tracks).view(len(motions), -1)  # (2 B, 5, n) -> (B, 10 n)
        lengths = torch.tensor([motion.shape[1] // FRAMES_PER_TOKEN for motion in motions])
        return ids.cpu(), lengths

    def _draw(self, clip: int) -> tuple[int, int, int]:
        """First frame, canonical person, and whether the persons are exchanged."""
        slack = self._source.frames(clip) - self._max_frames
        start = int(torch.randint(slack, ())) if slack > 0 else 0
        canonical, swapped = torch.randint(2, (2,)).tolist()
        return start, canonical, swapped

    def _motion(self, clip: int, start: int, canonical: int, swapped: int) -> np.ndarray:
        frames = self._source.frames(clip)
        motion = self._source.features(clip, canonical, start, min(frames, start + self._max_frames))
        motion = motion[::-1] if canonical else motion  # the canonical person first
        return np.ascontiguousarray(motion[::-1] if swapped else motion)


def batch_order(lengths: Tensor, seed: int, epoch: int, batch: int, bucket: int) -> Tensor:
    """Items of every batch of an epoch, (batches, batch); the last incomplete batch is left out.

    bucket > 0: items are sorted by length within groups of `bucket` batches, then batches are shuffled.
    """
    order = permutation(seed, "items", epoch, len(lengths))
    count = len(order) // batch
    order = order[: count * batch]
    if bucket > 0:
        groups = order.split(bucket * batch)
        order = torch.cat([group[lengths[group].argsort(stable=True)] for group in groups])
    batches = order.view(count, batch)
    return batches[permutation(seed, "batches", epoch, count)] if bucket > 0 else batches
