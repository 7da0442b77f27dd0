"""The loss InterCLIP was trained with, for comparison with golden values."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def contrastive_loss(text: Tensor, motion: Tensor, latent_scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Symmetric InfoNCE of embeddings (B, D): total, over the motions of a text, over the texts of a motion.

    Logits are cosines times `latent_scale` squared, without exponential or bias
    (docs/reference/data-and-evaluation.md#interclip-training).
    """
    logits = latent_scale**2 * F.normalize(text, dim=-1) @ F.normalize(motion, dim=-1).T
    target = torch.arange(len(logits), device=logits.device)
    from_text, from_motion = F.cross_entropy(logits, target), F.cross_entropy(logits.T, target)
    return (from_text + from_motion) / 2, from_text, from_motion
