"""One person's features <-> token map, with the bundle's statistics and on the bundle's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.models.bundle import Bundle
from intermask_cli.models.reproducible import side_by_side
from intermask_cli.transfer import to_device


class MotionCodec:
    """Tokenizer and normaliser as one; persons never share a convolution on the CPU (see `reproducible`)."""

    def __init__(self, bundle: Bundle, device: torch.device):
        self.tokenizer = bundle.tokenizer.to(device)
        self.normalizer, self.device = bundle.normalizer, device

    @torch.inference_mode()
    def encode(self, persons: Sequence[np.ndarray]) -> list[Tensor]:
        """Features (T, 262) in metres or (T, 56, 6), T a multiple of 4 -> CPU token maps (5, T // 4)."""
        motions = []
        for features in persons:
            assert len(features) % FRAMES_PER_TOKEN == 0, "callers pad to whole tokens"
            if self.normalizer is not None:
                features = self.normalizer.normalize(features)
            motions.append(torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)))
        return [ids.clone() for ids in self._each(self.tokenizer.encode, motions)]

    @torch.inference_mode()
    def decode(self, maps: Sequence[Tensor]) -> list[np.ndarray]:
        """Token maps (5, n) -> features (4n, 262) in metres or (4n, 56, 6), float32."""
        made = [motion.numpy() for motion in self._each(self.tokenizer.decode, maps)]
        return [self.normalizer.denormalize(m) for m in made] if self.normalizer is not None else made

    def _each(self, function: Callable[[Tensor], Tensor], items: Sequence[Tensor]) -> list[Tensor]:
        """function on every item: one at a time on the CPU, equal lengths together elsewhere."""
        if self.device.type == "cpu":
            return side_by_side(lambda item: function(item[None])[0], items)
        results: list[Tensor] = [torch.empty(0)] * len(items)
        by_shape: dict[torch.Size, list[int]] = {}
        for i, item in enumerate(items):
            by_shape.setdefault(item.shape, []).append(i)
        for indices in by_shape.values():
            out = function(to_device(torch.stack([items[i] for i in indices]), self.device)).cpu()
            for row, i in enumerate(indices):
                results[i] = out[row]
        return results
