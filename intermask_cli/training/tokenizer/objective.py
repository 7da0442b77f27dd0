"""The training objective of the tokenizer: motion windows to one loss and its terms by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from intermask_cli.errors import InputError
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation.interhuman import POSITIONS
from intermask_cli.motion.skeleton import NUM_JOINTS
from intermask_cli.training.config import TokenizerLossConfig
from intermask_cli.training.processes import mean_of_all, several_processes
from intermask_cli.training.tokenizer.losses import (
    CRITERIA,
    contact_count,
    joints_of,
    published_interhuman_terms,
    published_interx_terms,
)
from intermask_cli.training.tokenizer.metric_losses import (
    PLANTED_SQUARED_STEP,
    joint_weights,
    metric_terms,
    weighted_sum,
)

#: Inter-X features (B, T, 56, 6) -> joints (B, T, 55, 3) in metres.
FeaturesToJoints = Callable[[Tensor], Tensor]


class TokenizerObjective(nn.Module):
    """forward(motion (B, T, D) normalised) -> (loss, terms). `bypass` trains a plain autoencoder."""

    mean: Tensor
    std: Tensor
    weights: Tensor

    def __init__(
        self,
        tokenizer: Tokenizer,
        normalizer: Normalizer,
        config: TokenizerLossConfig,
        gumbel: float,
        body: FeaturesToJoints | None = None,
    ):
        super().__init__()
        self.tokenizer, self.config, self.gumbel, self.body = tokenizer, config, gumbel, body
        if not tokenizer.representation.holds_joints and (config.kind != "published" or body is None):
            raise InputError(
                "Inter-X needs tokenizer_loss kind 'published' and --body-model SMPLX_NEUTRAL.npz"
            )
        self.bypass = False
        self.register_buffer("mean", torch.from_numpy(normalizer.mean), persistent=False)
        self.register_buffer("std", torch.from_numpy(normalizer.std), persistent=False)
        self.register_buffer(
            "weights", joint_weights(config.wrist_weight, config.limb_weight), persistent=False
        )

    def forward(self, motion: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        # (B, T, D) -> (B, T, 262) or (B, T, 56, 6)
        motion = motion.unflatten(-1, self.tokenizer.representation.feature_shape)
        output = self.tokenizer(motion, temperature=self.gumbel, bypass=self.bypass)
        terms = self._terms(output.reconstruction.float(), motion)
        if self.training and several_processes():
            terms["foot"] = mean_of_all(terms["foot"], self._contacts(motion))
        terms["commitment"] = output.commitment
        loss = weighted_sum(terms, self.config)
        return loss, {**terms, "perplexity": output.perplexity}

    def _contacts(self, motion: Tensor) -> Tensor:
        """Entries of which the foot term is a mean."""
        if self.body is not None:
            return contact_count(self.body(motion))
        joints = joints_of(motion) * self.std[POSITIONS].view(NUM_JOINTS, 3)
        joints = joints + self.mean[POSITIONS].view(NUM_JOINTS, 3)
        if self.config.kind == "metric":
            return contact_count(joints, PLANTED_SQUARED_STEP)
        return contact_count(joints)

    def _terms(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        # Under autocast, differences between positions would have the precision of bfloat16.
        with torch.autocast(pred.device.type, enabled=False):
            if self.tokenizer.seen is not None:
                target = target * self.tokenizer.seen
            if self.config.kind == "metric":
                return metric_terms(pred, target, self.mean, self.std, self.weights, self.config.speed_weight)
            criterion = CRITERIA[self.config.criterion]
            if self.body is not None:
                joints, truth = self.body(pred), self.body(target)
                return published_interx_terms(pred, target, joints, truth, criterion)
            return published_interhuman_terms(pred, target, self.mean, self.std, criterion)
