"""Joints of Inter-X features in torch, so that the tokenizer's losses have gradients."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.motion.body_model import BodyModel
from intermask_cli.motion.representation.interx import FACE, TRANSLATION


class InterXBody(nn.Module):
    """forward(features (..., 56, 6)) -> joints (..., 55, 3) in metres; jaw and eyes stay at rest."""

    offsets: Tensor

    def __init__(self, body: BodyModel):
        super().__init__()
        self.parents = body.parents
        rest = torch.from_numpy(body.rest_joints).float()
        offsets = rest.clone()
        offsets[1:] -= rest[list(body.parents[1:])]
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        local = matrix_from_sixd_rows(features[..., :TRANSLATION, :])
        identity = torch.eye(3, dtype=local.dtype, device=local.device).expand(*local.shape[:-3], 1, 3, 3)
        positions = [features[..., TRANSLATION, :3] + self.offsets[0]]
        rotations = [local[..., 0, :, :]]
        for joint in range(1, TRANSLATION):
            parent, is_face = self.parents[joint], FACE.start <= joint < FACE.stop
            positions.append(positions[parent] + rotations[parent] @ self.offsets[joint])
            own = identity[..., 0, :, :] if is_face else local[..., joint, :, :]
            rotations.append(rotations[parent] @ own)
        return torch.stack(positions, dim=-2)


def matrix_from_sixd_rows(sixd: Tensor) -> Tensor:
    """(..., 6), first two rows -> rotation (..., 3, 3), orthonormalised, with gradient."""
    first = F.normalize(sixd[..., :3], dim=-1)
    second = sixd[..., 3:] - (first * sixd[..., 3:]).sum(-1, keepdim=True) * first
    second = F.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-2)
