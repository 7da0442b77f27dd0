"""Losses of the pair decoder: each person as the tokenizer's, and the way from one person to the other.

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


def pair_terms(
    joints: Tensor,
    truth: Tensor,
    rotations: Tensor,
    true_rotations: Tensor,
    weights: Tensor,
    config: PairDecoderLossConfig,
) -> dict[str, Tensor]:
    """Terms by the names of their weights in the config; weights (22,) per joint."""
    each, each_truth = joints.flatten(0, 1), truth.flatten(0, 1)
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
    """L1 of the way from every point of one person to every point of the other, near ones only.

    A pair of points d apart in the truth weighs exp(-d / near_m); each frame counts by its own mean, so a
    hand that is held weighs as much as an embrace.
    """
    way, true_way = _ways(joints), _ways(truth)
    weight = torch.exp(-true_way.norm(dim=-1) / near_m)
    error = (way - true_way).abs().sum(-1)
    return ((weight * error).sum((-1, -2)) / (weight.sum((-1, -2)) + 0.1)).mean()


def _ways(joints: Tensor) -> Tensor:
    """(B, 2, T, 22, 3) -> (B, T, 24, 24, 3) from points of person 1 to points of person 2, palms included."""
    wrists, elbows = (list(part) for part in zip(*FOREARM.items(), strict=True))
    along = joints[..., wrists, :] - joints[..., elbows, :]
    palms = joints[..., wrists, :] + along * (PALM_M / along.norm(dim=-1, keepdim=True).clamp(min=1e-3))
    points = torch.cat([joints, palms], dim=-2)
    return points[:, 1, :, None, :, :] - points[:, 0, :, :, None, :]
