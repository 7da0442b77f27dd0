"""Features <-> token maps, with the bundle's statistics and on the bundle's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.devices import map_samples, to_device
from intermask_cli.models.bundle import Bundle
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.representation.interhuman import (
    POSITIONS,
    ROTATIONS,
    VELOCITIES,
    joints_from_features,
    rotations6d_from_features,
)
from intermask_cli.motion.rotation import sixd_columns_from_matrix
from intermask_cli.motion.skeleton import END_JOINTS, NUM_JOINTS

#: A given person: 0 or 1, and the features (T, 262) in metres.
GivenFeatures = tuple[int, np.ndarray]


class MotionCodec:
    """Tokenizer, normaliser and pair decoder as one.

    On the CPU no two persons, or pairs, share a convolution (`intermask_cli.devices` says why).
    """

    def __init__(self, bundle: Bundle, device: torch.device):
        self.tokenizer = bundle.tokenizer.to(device)
        self.pair_decoder = bundle.pair_decoder.to(device) if bundle.pair_decoder else None
        self.normalizer, self.device = bundle.normalizer, device

    @torch.inference_mode()
    def encode(self, persons: Sequence[np.ndarray]) -> list[Tensor]:
        """Features (T, 262) in metres or (T, 56, 6), T a multiple of 4 -> CPU token maps (5, T // 4)."""
        motions = []
        for features in persons:
            assert len(features) % FRAMES_PER_TOKEN == 0, "callers pad to complete tokens"
            if self.normalizer is not None:
                features = self.normalizer.normalize(features)
            motions.append(torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)))
        return [ids.clone() for ids in self._each(self.tokenizer.encode, motions)]

    @torch.inference_mode()
    def decode(self, maps: Sequence[Tensor]) -> list[np.ndarray]:
        """Token maps (5, n) -> features (4n, 262) in metres or (4n, 56, 6), float32."""
        decoded = [motion.numpy() for motion in self._each(self.tokenizer.decode, maps)]
        if self.normalizer is None:
            return decoded
        decoded = [self.normalizer.denormalize(features) for features in decoded]
        # A pair decoder was trained to give all rotations.
        if self.tokenizer.seen is not None and self.pair_decoder is None:
            decoded = [_with_all_rotations(features) for features in decoded]
        return decoded

    def decode_pairs(
        self, maps: Sequence[Tensor], given: Sequence[GivenFeatures | None] | None = None
    ) -> list[np.ndarray]:
        """Maps (2, 5, n) -> features (2, 4n, 262) in metres; a pair decoder corrects both persons together.

        `given` has for each pair the given person, if any: the other is corrected to match, and the given
        features are returned unchanged. Inter-X models have no pair decoder: (2, 4n, 56, 6).
        """
        persons = self.decode([person for pair in maps for person in pair])
        pairs = [np.stack(persons[2 * i : 2 * i + 2]) for i in range(len(maps))]
        for pair, known in zip(pairs, given or [None] * len(pairs), strict=True):
            if known is not None:
                pair[known[0]] = known[1]
        if self.pair_decoder is None:
            return pairs
        corrected = self._each(self._corrected, [torch.from_numpy(pair) for pair in pairs])
        for pair, new, known in zip(pairs, corrected, given or [None] * len(pairs), strict=True):
            for person in {0, 1} - ({known[0]} if known is not None else set()):
                pair[person] = new[person].numpy()
        return pairs

    @torch.inference_mode()
    def _corrected(self, features: Tensor) -> Tensor:
        """(B, 2, T, 262) -> the same with corrected joints and rotations, and the joints' own velocities."""
        assert self.pair_decoder is not None
        joints, rotations6d = self.pair_decoder(
            features[..., POSITIONS].reshape(*features.shape[:-1], NUM_JOINTS, 3),  # (B, 2, T, 22, 3)
            features[..., ROTATIONS].reshape(*features.shape[:-1], NUM_JOINTS - 1, 6),  # (B, 2, T, 21, 6)
        )
        result = features.clone()
        result[..., POSITIONS] = joints.flatten(-2)  # (B, 2, T, 66)
        result[..., ROTATIONS] = rotations6d.flatten(-2)  # (B, 2, T, 126)
        steps = (joints[:, :, 1:] - joints[:, :, :-1]).flatten(-2)  # (B, 2, T - 1, 66)
        result[..., VELOCITIES] = torch.cat([steps, steps[:, :, -1:]], dim=2)
        return result

    def _each(self, function: Callable[[Tensor], Tensor], items: Sequence[Tensor]) -> list[Tensor]:
        """`function` of every item: one at a time on the CPU, items of equal shape together on a GPU."""
        if self.device.type == "cpu":
            return map_samples(lambda item: function(item[None])[0], items)
        results: list[Tensor] = [torch.empty(0)] * len(items)
        by_shape: dict[torch.Size, list[int]] = {}
        for i, item in enumerate(items):
            by_shape.setdefault(item.shape, []).append(i)
        for indices in by_shape.values():
            out = function(to_device(torch.stack([items[i] for i in indices]), self.device)).cpu()
            for row, i in enumerate(indices):
                results[i] = out[row]
        return results


def _with_all_rotations(features: np.ndarray) -> np.ndarray:
    """Features (T, 262) in metres whose rotations are recovered from the joints, but those of the ends."""
    joints = joints_from_features(features)
    rotations6d = sixd_columns_from_matrix(rotations_from_joints(joints).local[:, 1:])  # (T, 21, 6)
    ends = np.array(END_JOINTS) - 1
    rotations6d[:, ends] = rotations6d_from_features(features)[:, ends]
    complete = features.copy()
    complete[:, ROTATIONS] = rotations6d.reshape(len(features), -1)
    return complete
