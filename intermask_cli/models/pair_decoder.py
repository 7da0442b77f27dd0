"""The pair decoder: both decoded persons, corrected together.

Not in the paper. The tokenizer decodes one person at a time, so hands that hold each other miss by the sum
of two errors, and sampled tokens that do not quite agree make feet slide. Here a small network over time
sees both persons and moves the joints of each; it is trained on what the sampler makes of half-known clips
(`training.rough_pairs`). A given person goes in as it is, so that the partner meets it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.config import PairDecoderConfig
from intermask_cli.motion.skeleton import NUM_JOINTS

POSITION_NUMBERS, ROTATION_NUMBERS = 3 * NUM_JOINTS, 6 * (NUM_JOINTS - 1)
IN, OUT = 3 * POSITION_NUMBERS + ROTATION_NUMBERS, POSITION_NUMBERS + ROTATION_NUMBERS
DILATIONS = (1, 2, 4, 8)
STEP_SCALE = 10.0  # steps of 3 cm per frame (1 m/s) come in as 0.3
FAR_M = 2.5  # a partner farther away than this is only "far"
CORRECTION_M = 0.1  # what an output of 1 moves a joint by


class PairBlock(nn.Module):
    """Hears the partner, then looks along time: (B, 2, W, T) -> the same."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.partner = nn.Conv1d(width, width, 1)
        self.along = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, padding_mode="replicate")
        self.out = nn.Conv1d(width, width, 1)
        _start_at_zero(self.out)

    def forward(self, x: Tensor) -> Tensor:
        heard = F.gelu(x + self.partner(x.flip(1).flatten(0, 1)).view_as(x))
        return x + self.out(F.gelu(self.along(heard.flatten(0, 1)))).view_as(x)


class PairDecoder(nn.Module):
    """joints (B, 2, T, 22, 3) metres, Y up, and rotations6d (B, 2, T, 21, 6) -> both, corrected.

    Where the pair stands does not matter, nor which person comes first. Untrained it changes nothing.
    """

    def __init__(self, config: PairDecoderConfig):
        super().__init__()
        self.config = config
        self.stem = nn.Conv1d(IN, config.width, 1)
        dilations = [DILATIONS[block % len(DILATIONS)] for block in range(config.blocks)]
        self.blocks = nn.Sequential(*(PairBlock(config.width, dilation) for dilation in dilations))
        self.head = nn.Conv1d(config.width, OUT, 1)
        _start_at_zero(self.head)

    def forward(self, joints: Tensor, rotations6d: Tensor) -> tuple[Tensor, Tensor]:
        seen = _seen(joints, rotations6d).transpose(2, 3)
        hidden = self.stem(seen.flatten(0, 1)).unflatten(0, (-1, 2))
        change = self.head(F.gelu(self.blocks(hidden)).flatten(0, 1)).unflatten(0, (-1, 2)).transpose(2, 3)
        moved, turned = change.float().split((POSITION_NUMBERS, ROTATION_NUMBERS), dim=-1)
        return joints + CORRECTION_M * moved.view_as(joints), rotations6d + turned.view_as(rotations6d)


def _start_at_zero(layer: nn.Conv1d) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _seen(joints: Tensor, rotations6d: Tensor) -> Tensor:
    """(B, 2, T, IN): own and partner's joints from above one's own pelvis, own steps, own rotations."""
    origin = joints[..., :1, :] * joints.new_tensor([1.0, 0.0, 1.0])
    own = joints - origin
    partner = (joints.flip(1) - origin).clamp(-FAR_M, FAR_M)
    steps = F.pad(joints[:, :, 1:] - joints[:, :, :-1], (0, 0, 0, 0, 0, 1)) * STEP_SCALE
    return torch.cat([part.flatten(3) for part in (own, partner, steps, rotations6d)], dim=-1)
