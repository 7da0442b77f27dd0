"""Reconstruction losses of the motion tokenizer (docs/reference/model.md#tokenizer-losses).

Every function takes a prediction and a target and returns one scalar; `*_terms` return them by name.
Motions are normalised features (B, T, D) unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from intermask_cli.motion.representation.interhuman import (
    CONTACT_MAX_HEIGHT_M,
    CONTACT_MAX_SQUARED_STEP_M2,
    POSITIONS,
    ROTATIONS,
)
from intermask_cli.motion.skeleton import BONES, FEET, NUM_JOINTS

Criterion = Callable[[Tensor, Tensor], Tensor]
CRITERIA: dict[str, Criterion] = {"l1_smooth": F.smooth_l1_loss, "l1": F.l1_loss}

_PARENTS = [parent for parent, _ in BONES]
_CHILDREN = [child for _, child in BONES]


def joints_of(motion: Tensor) -> Tensor:
    """Features (B, T, 262) -> their positions (B, T, 22, 3), in the scale of the features."""
    joints: Tensor = motion[..., POSITIONS].unflatten(-1, (NUM_JOINTS, 3))
    return joints


def frame_differences(joints: Tensor) -> Tensor:
    """(B, T, ...) -> (B, T - 1, ...)."""
    return joints[:, 1:] - joints[:, :-1]


def bone_lengths(joints: Tensor) -> Tensor:
    """(B, T, J >= 22, 3) -> (B, T, 21), bones in chain order."""
    lengths: Tensor = torch.linalg.vector_norm(joints[..., _CHILDREN, :] - joints[..., _PARENTS, :], dim=-1)
    return lengths


def matrix_from_halves(sixd: Tensor) -> Tensor:
    """(..., 6) read as two vectors, one after the other -> (..., 3, 3) with the first as first column.

    InterHuman stores another layout (`sixd_columns` interleaves the two columns); the published loss reads it
    in this one.
    """
    first = F.normalize(sixd[..., :3], dim=-1)
    third = F.normalize(torch.linalg.cross(first, sixd[..., 3:]), dim=-1)
    return torch.stack([first, torch.linalg.cross(third, first), third], dim=-1)


def rotation_angle(pred: Tensor, target: Tensor) -> Tensor:
    """Mean angle in radians between rotations (..., 6), clamped away from 0 and pi for a finite gradient."""
    # trace(A B^T) is the sum of the products of the entries.
    trace = (matrix_from_halves(pred) * matrix_from_halves(target)).sum((-2, -1))
    return torch.acos(((trace - 1) / 2).clamp(-1 + 1e-7, 1 - 1e-7)).mean()


def foot_contact_mask(joints: Tensor, max_squared_step: float = CONTACT_MAX_SQUARED_STEP_M2) -> Tensor:
    """Which of `FEET` rest on the floor: joints (B, T, J, 3) in metres -> (B, T - 1, 4) bool."""
    feet = joints[..., FEET, :]
    height = torch.as_tensor(CONTACT_MAX_HEIGHT_M, dtype=joints.dtype, device=joints.device)
    return (frame_differences(feet).square().sum(-1) < max_squared_step) & (feet[:, :-1, :, 1] < height)


def foot_sliding(
    pred: Tensor, target: Tensor, criterion: Criterion, max_squared_step: float = CONTACT_MAX_SQUARED_STEP_M2
) -> Tensor:
    """Predicted motion of feet that rest in the target, joints (B, T, J, 3) in metres; 0 without contact."""
    contact = foot_contact_mask(target, max_squared_step)
    sliding = frame_differences(pred[..., FEET, :])[contact]
    if sliding.numel() == 0:
        return pred.sum() * 0.0
    return criterion(sliding, torch.zeros_like(sliding))


def contact_count(target: Tensor, max_squared_step: float = CONTACT_MAX_SQUARED_STEP_M2) -> Tensor:
    """Number of entries of which `foot_sliding` takes the mean: joints (B, T, J, 3) in metres -> scalar."""
    return foot_contact_mask(target, max_squared_step).sum()


def published_interhuman_terms(
    pred: Tensor, target: Tensor, mean: Tensor, std: Tensor, criterion: Criterion
) -> dict[str, Tensor]:
    """The published terms for (B, T, 262); bones and angles on *normalised* values.

    Kept as quirk M12 (docs/reference/model.md#m12).
    """
    joints, truth = joints_of(pred), joints_of(target)
    # (22, 3) each
    scale, shift = std[POSITIONS].view(NUM_JOINTS, 3), mean[POSITIONS].view(NUM_JOINTS, 3)
    # (B, T, 21, 6) each
    sixd, true_sixd = (m[..., ROTATIONS].unflatten(-1, (NUM_JOINTS - 1, 6)) for m in (pred, target))
    return {
        "reconstruction": criterion(pred[..., :-4], target[..., :-4]),
        "position": criterion(joints, truth),
        "motion": criterion(frame_differences(joints), frame_differences(truth)),
        "bone": criterion(bone_lengths(joints), bone_lengths(truth)),
        "rotation": rotation_angle(sixd, true_sixd),
        "foot": foot_sliding(joints * scale + shift, truth * scale + shift, criterion),
    }


def published_interx_terms(
    pred: Tensor, target: Tensor, joints: Tensor, truth: Tensor, criterion: Criterion
) -> dict[str, Tensor]:
    """The published terms for (B, T, 56, 6) and the joints (B, T, 55, 3) of the body model, metres."""
    return {
        "reconstruction": criterion(pred, target),
        "position": criterion(joints, truth),
        "motion": criterion(frame_differences(joints), frame_differences(truth)),
        "bone": criterion(bone_lengths(joints), bone_lengths(truth)),
        "rotation": rotation_angle(pred[..., :-1, :], target[..., :-1, :]),
        "foot": foot_sliding(joints, truth, criterion),
    }
