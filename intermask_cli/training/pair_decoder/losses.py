"""Losses of the pair decoder: L1 terms per person as for the tokenizer, and vectors between the persons.

Joints are (B, 2, T, 22, 3), metres.
"""

from __future__ import annotations

import torch
from torch import Tensor

from intermask_cli.datasets.duets.labels import FOREARM
from intermask_cli.motion.skeleton import PALM_M
from intermask_cli.training.config import PairDecoderLossConfig
from intermask_cli.training.tokenizer.losses import CRITERIA, bone_lengths, foot_sliding, frame_differences
from intermask_cli.training.tokenizer.metric_losses import PLANTED_SQUARED_STEP

#: Keeps the mean of a frame without near pairs at about 0; small against the weight of one near pair.
EMPTY_WEIGHT = 0.1


def pair_terms(
    joints: Tensor,
    truth: Tensor,
    rotations: Tensor,
    true_rotations: Tensor,
    weights: Tensor,
    config: PairDecoderLossConfig,
) -> dict[str, Tensor]:
    """Terms by the names of their weights in the config; weights (22,) per joint."""
    each, each_truth = joints.flatten(0, 1), truth.flatten(0, 1)  # (2 B, T, 22, 3)
    root, true_root = each[..., :1, :], each_truth[..., :1, :]
    error = ((each - root) - (each_truth - true_root)).abs()
    moved = (frame_differences(each) - frame_differences(each_truth)).abs()
    return {
        "position": (root - true_root).abs().mean(),
        "relative": (error * weights[:, None]).mean(),
        "motion": (moved * weights[:, None]).mean(),
        "bone": (bone_lengths(each) - bone_lengths(each_truth)).abs().mean(),
        "foot": foot_sliding(each, each_truth, CRITERIA["l1"], PLANTED_SQUARED_STEP),
        "rotation": (rotations - true_rotations).abs().mean(),
        "meeting": meeting(joints, truth, config.near_m),
    }


def meeting(joints: Tensor, truth: Tensor, near_m: float) -> Tensor:
    """L1 of the vectors from every point of one person to every point of the other, near pairs only.

    A pair of points d metres apart in the truth has the weight exp(-d / near_m). Each frame has its own mean,
    so a held hand weighs as much as an embrace.
    """
    vectors, true_vectors = _vectors_between(joints), _vectors_between(truth)
    weight = torch.exp(-true_vectors.norm(dim=-1) / near_m)  # (B, T, 24, 24)
    error = (vectors - true_vectors).abs().sum(-1)
    return ((weight * error).sum((-1, -2)) / (weight.sum((-1, -2)) + EMPTY_WEIGHT)).mean()


def _vectors_between(joints: Tensor) -> Tensor:
    """(B, 2, T, 22, 3) -> (B, T, 24, 24, 3) from points of person 0 to those of person 1, palms included."""
    wrists, elbows = (list(part) for part in zip(*FOREARM.items(), strict=True))
    along = joints[..., wrists, :] - joints[..., elbows, :]
    palms = joints[..., wrists, :] + along * (PALM_M / along.norm(dim=-1, keepdim=True).clamp(min=1e-3))
    points = torch.cat([joints, palms], dim=-2)
    return points[:, 1, :, None, :, :] - points[:, 0, :, :, None, :]
