"""Training of the pair decoder on corrupted pairs: batches, objective and validation."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from intermask_cli.console import note
from intermask_cli.errors import InputError
from intermask_cli.models.pair_decoder import PairDecoder
from intermask_cli.training.config import PairDecoderLossConfig, PairDecoderTrainConfig, Recipe
from intermask_cli.training.loop import TrainingStage
from intermask_cli.training.pair_decoder.corrupted_pairs import CorruptedPairs
from intermask_cli.training.pair_decoder.losses import meeting, pair_terms
from intermask_cli.training.processes import OwnRows, mean_of_all, several_processes
from intermask_cli.training.tokenizer.losses import CRITERIA, contact_count, foot_sliding
from intermask_cli.training.tokenizer.metric_losses import (
    PLANTED_SQUARED_STEP,
    WRISTS,
    joint_weights,
    weighted_sum,
)

#: Value of `given` where neither person is given.
NONE_GIVEN = -1


class PairBatch(NamedTuple):
    """Windows; `given` (B,) is the person whose motion is the true one, or NONE_GIVEN."""

    corrupted: Tensor  # (B, 2, T, 22, 3)
    truth: Tensor
    rotations: Tensor  # (B, 2, T, 21, 6)
    true_rotations: Tensor
    given: Tensor


class PairDecoderObjective(nn.Module):
    """forward(PairBatch) -> (loss, terms)."""

    weights: Tensor

    def __init__(self, model: PairDecoder, config: PairDecoderLossConfig):
        super().__init__()
        self.model, self.config = model, config
        weights = joint_weights(config.wrist_weight, config.limb_weight)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, batch: PairBatch) -> tuple[Tensor, dict[str, Tensor]]:
        joints, rotations = self.corrected(batch)
        with torch.autocast(joints.device.type, enabled=False):
            terms = pair_terms(
                joints, batch.truth, rotations, batch.true_rotations, self.weights, self.config
            )
            if self.training and several_processes():
                truth = batch.truth.flatten(0, 1)
                terms["foot"] = mean_of_all(terms["foot"], contact_count(truth, PLANTED_SQUARED_STEP))
            return weighted_sum(terms, self.config), terms

    def corrected(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Corrected joints and rotations; a given person keeps the true motion."""
        persons = torch.arange(2, device=batch.given.device)
        given = (batch.given[:, None] == persons)[:, :, None, None, None]
        joints, rotations = self.model(
            torch.where(given, batch.truth, batch.corrupted),
            torch.where(given, batch.true_rotations, batch.rotations),
        )
        return torch.where(given, batch.truth, joints), torch.where(given, batch.true_rotations, rotations)


class PairDecoderStage(TrainingStage):
    """Windows of corrupted pairs, turned about the vertical axis at random."""

    name: ClassVar[str] = "pair_decoder"
    section: ClassVar[str] = "pair_decoder_training"
    config: PairDecoderTrainConfig
    model: PairDecoder
    objective: PairDecoderObjective

    def __init__(
        self, recipe: Recipe, train: CorruptedPairs, validation: CorruptedPairs, accelerator: Accelerator
    ):
        self.config, self._device = recipe.pair_decoder_training, accelerator.device
        torch.manual_seed(self.config.seed)
        self.model = PairDecoder(recipe.pair_decoder).to(self._device)
        self.objective = PairDecoderObjective(self.model, recipe.pair_decoder_loss).to(self._device)
        self._train, self._validation = train, validation
        self._long = torch.nonzero(train.lengths >= self.config.window)[:, 0]
        if len(self._long) == 0:
            raise InputError(f"no clip has {self.config.window} frames; use a smaller window")
        if len(self._long) < len(train.lengths):
            note(f"{len(train.lengths) - len(self._long)} clips are shorter than a window and not used")
        frames = int(train.lengths[self._long].sum())
        self._rows = OwnRows(accelerator)
        self._rows.check(self.config.batch_size, self.section)
        self.steps_per_epoch = max(1, frames // (self.config.window * self.config.batch_size))

    def positions(self) -> int:
        """Frames of both persons."""
        return self.config.batch_size * self.config.window * 2

    def batch(self, step: int) -> PairBatch:
        """Random windows of random clips."""
        size = self.config.batch_size
        clips = self._long[torch.randint(len(self._long), (size,))]
        slack = self._train.lengths[clips] - self.config.window
        first_frames = self._train.starts[clips] + (torch.rand(size) * (slack + 1)).long()
        angles = torch.rand(size) * 2 * math.pi
        given = torch.where(
            torch.rand(size) < self.config.given_share, torch.randint(2, (size,)), torch.tensor(NONE_GIVEN)
        )
        first_frames, angles, given = (self._rows.of(drawn) for drawn in (first_frames, angles, given))
        turn = _rotations_about_y(angles)
        corrupted, truth, rotations, true_rotations = self._train.take(
            first_frames[:, None] + torch.arange(self.config.window)
        )
        parts = (turned(corrupted, turn), turned(truth, turn), rotations, true_rotations, given)
        return PairBatch(*(part.to(self._device) for part in parts))

    def validate(self) -> dict[str, float]:
        """Complete clips without a given person: errors of input and output in mm, the loss as score."""
        sums: dict[str, list[float]] = {}
        data = self._validation
        for clip in range(min(len(data.lengths), self.config.validate_clips)):
            frames = torch.arange(int(data.lengths[clip])) + data.starts[clip]
            corrupted, truth, rotations, true_rotations = (
                p.to(self._device) for p in data.take(frames[None])
            )
            batch = PairBatch(
                corrupted, truth, rotations, true_rotations, torch.full((1,), NONE_GIVEN, device=self._device)
            )
            joints, _ = self.objective.corrected(batch)
            figures = {"score": float(self.objective(batch)[0])}
            for name, motion in (("rough_", batch.corrupted), ("", joints)):  # language: ok, a figure's name
                figures |= {
                    f"{name}{key}": value for key, value in self._figures(motion, batch.truth).items()
                }
            for key, value in figures.items():
                sums.setdefault(key, []).append(value)
        return {key: sum(values) / len(values) for key, values in sums.items()}

    def _figures(self, joints: Tensor, truth: Tensor) -> dict[str, float]:
        error = (joints - truth).norm(dim=-1)
        each, each_truth = joints.flatten(0, 1), truth.flatten(0, 1)  # (2 B, T, 22, 3)
        values = {
            "mpjpe_mm": error.mean(),
            "wrist_mm": error[..., WRISTS].mean(),
            "root_mm": error[..., 0].mean(),
            "sliding_mm": foot_sliding(each, each_truth, CRITERIA["l1"], PLANTED_SQUARED_STEP),
            "meeting_mm": meeting(joints, truth, self.objective.config.near_m),
        }
        return {key: 1000 * float(value) for key, value in values.items()}


def _rotations_about_y(angles: Tensor) -> Tensor:
    """Rotations about Y: (B,) radians -> (B, 3, 3)."""
    c, s, o, i = angles.cos(), angles.sin(), torch.zeros_like(angles), torch.ones_like(angles)
    return torch.stack([c, o, s, o, i, o, -s, o, c], dim=-1).view(-1, 3, 3)


def turned(joints: Tensor, turn: Tensor) -> Tensor:
    """Joints (B, 2, T, 22, 3) rotated by matrices (B, 3, 3)."""
    return torch.einsum("bptjd,bed->bptje", joints, turn)
