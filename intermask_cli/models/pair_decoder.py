"""The pair decoder: both decoded persons, corrected together.

Not in the paper. The tokenizer decodes one person at a time, so hands that hold each other miss by the sum
of two errors, and sampled tokens that do not quite agree make feet slide. This small network over time
sees both persons and moves the joints of each. It is trained on clips that the sampler has filled from
half of their tokens (`training.pair_decoder.corrupted_pairs`). The motion of a given person is an input and
is not corrected, so that the partner's hands meet it.

Axes: B batch, P = 2 persons, T frames, J = 22 joints, W width of the network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.config import PERSONS, PairDecoderConfig
from intermask_cli.motion.skeleton import NUM_JOINTS

POSITION_NUMBERS, ROTATION_NUMBERS = 3 * NUM_JOINTS, 6 * (NUM_JOINTS - 1)
#: Numbers per person and frame: own joints, partner's joints, own steps and own rotations in; corrections of
#: own joints and own rotations out.
IN, OUT = 3 * POSITION_NUMBERS + ROTATION_NUMBERS, POSITION_NUMBERS + ROTATION_NUMBERS
#: Dilations in frames of consecutive blocks, repeated in turn: four blocks see 15 frames to either side.
DILATIONS = (1, 2, 4, 8)
#: Factor on steps between frames, so that a fast hand's 3 cm per frame (1 m/s) comes in as 0.3.
STEP_SCALE = 10.0
#: Distance in metres at which the partner's position is clamped: beyond it the persons cannot touch.
FAR_M = 2.5
#: Metres that an output of 1 moves a joint by: corrections of centimetres are then outputs of a few tenths.
CORRECTION_M = 0.1


class PairBlock(nn.Module):
    """Mixes in the partner's features, then convolves over time: (B, P, W, T) -> the same."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.partner = nn.Conv1d(width, width, 1)
        self.along = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, padding_mode="replicate")
        self.out = nn.Conv1d(width, width, 1)
        _start_at_zero(self.out)

    def forward(self, x: Tensor) -> Tensor:
        partner = self.partner(x.flip(1).flatten(0, 1)).view_as(x)  # (B P, W, T) inside
        mixed = F.gelu(x + partner)  # (B, P, W, T)
        output: Tensor = x + self.out(F.gelu(self.along(mixed.flatten(0, 1)))).view_as(x)
        return output


class PairDecoder(nn.Module):
    """joints (B, P, T, 22, 3) metres, Y up, and rotations6d (B, P, T, 21, 6) -> both, corrected.

    The position of the pair in the world does not matter, nor does the order of the persons. Untrained it
    changes nothing.
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
        inputs = pair_inputs(joints, rotations6d).transpose(2, 3)  # (B, P, IN, T)
        hidden = self.stem(inputs.flatten(0, 1)).unflatten(0, (-1, PERSONS))  # (B, P, W, T)
        change = self.head(F.gelu(self.blocks(hidden)).flatten(0, 1))  # (B P, OUT, T)
        change = change.unflatten(0, (-1, PERSONS)).transpose(2, 3)  # (B, P, T, OUT)
        moved, turned = change.float().split((POSITION_NUMBERS, ROTATION_NUMBERS), dim=-1)
        return joints + CORRECTION_M * moved.view_as(joints), rotations6d + turned.view_as(rotations6d)


def _start_at_zero(layer: nn.Conv1d) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def pair_inputs(joints: Tensor, rotations6d: Tensor) -> Tensor:
    """(B, P, T, IN): own and partner's joints from the floor below the own pelvis, steps, rotations."""
    origin = joints[..., :1, :] * joints.new_tensor([1.0, 0.0, 1.0])  # (B, P, T, 1, 3), on the floor
    own = joints - origin  # (B, P, T, J, 3)
    partner = (joints.flip(1) - origin).clamp(-FAR_M, FAR_M)
    steps = F.pad(joints[:, :, 1:] - joints[:, :, :-1], (0, 0, 0, 0, 0, 1)) * STEP_SCALE
    return torch.cat([part.flatten(3) for part in (own, partner, steps, rotations6d)], dim=-1)
