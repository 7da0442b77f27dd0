"""Our tokenizer loss: L1 in metres, with joints relative to the root.

In global positions nearly all of the variance is that of the root. Hands, which carry the interaction, would
have almost no weight, and hands that should touch would stay apart.
"""

from __future__ import annotations

import torch
from torch import Tensor

from intermask_cli.motion.representation.interhuman import POSITIONS, ROTATIONS, VELOCITIES
from intermask_cli.motion.skeleton import FEET, FPS, JOINT, NUM_JOINTS
from intermask_cli.training.config import PairDecoderLossConfig, TokenizerLossConfig
from intermask_cli.training.tokenizer.losses import (
    CRITERIA,
    bone_lengths,
    foot_sliding,
    frame_differences,
    joints_of,
)

#: Squared metres per frame below which a foot is planted: 5 mm per frame, 0.15 m/s. The published contact
#: flag allows 0.95 m/s.
PLANTED_SQUARED_STEP = 0.005**2
#: Speed of a joint relative to the root at which `speed_weight` is fully added, m/s.
FAST_M_PER_S = 3.0

#: Joints that carry contacts between persons.
WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]
#: Joints with the most visible errors: far from the root, or on the floor.
LIMBS = [JOINT["left_elbow"], JOINT["right_elbow"], JOINT["head"], *FEET]


def joint_weights(wrist: float, limb: float) -> Tensor:
    """Weights (22,) of joints: `wrist` for wrists, `limb` for elbows, head, ankles and toes, else 1."""
    weights = torch.ones(NUM_JOINTS)
    weights[LIMBS] = limb
    weights[WRISTS] = wrist
    return weights


def relative_speed(joints: Tensor) -> Tensor:
    """Speed of each joint relative to the root: (B, T, 22, 3) metres at 30 fps -> (B, T, 22) m/s."""
    step = frame_differences(joints - joints[..., :1, :]).norm(dim=-1) * FPS
    return torch.cat([step, step[:, -1:]], dim=1)


def metric_terms(
    pred: Tensor, target: Tensor, mean: Tensor, std: Tensor, weights: Tensor, speed_weight: float
) -> dict[str, Tensor]:
    """Terms for normalised features (B, T, 262); weights (22,) per joint."""
    # (22, 3) each
    scale, shift = std[POSITIONS].view(NUM_JOINTS, 3), mean[POSITIONS].view(NUM_JOINTS, 3)
    joints, truth = joints_of(pred) * scale + shift, joints_of(target) * scale + shift
    root, true_root = joints[..., :1, :], truth[..., :1, :]
    weight = weights[:, None]  # (22, 1), with the speed (B, T, 22, 1)
    if speed_weight > 0:
        weight = weight + speed_weight * (relative_speed(truth) / FAST_M_PER_S).clamp(max=1)[..., None]
    error = ((joints - root) - (truth - true_root)).abs()
    moved = (frame_differences(joints) - frame_differences(truth)).abs()
    return {
        "position": (root - true_root).abs().mean(),
        "relative": (error * weight).mean(),
        "motion": (moved * weights[:, None]).mean(),
        "bone": (bone_lengths(joints) - bone_lengths(truth)).abs().mean(),
        "foot": foot_sliding(joints, truth, CRITERIA["l1"], PLANTED_SQUARED_STEP),
        "velocity": (pred[..., VELOCITIES] - target[..., VELOCITIES]).abs().mean(),
        "rotation": (pred[..., ROTATIONS] - target[..., ROTATIONS]).abs().mean(),
    }


def weighted_sum(terms: dict[str, Tensor], config: TokenizerLossConfig | PairDecoderLossConfig) -> Tensor:
    """Sum of the terms with the weights of the same names in the config."""
    return torch.stack([getattr(config, name) * value for name, value in terms.items()]).sum()
