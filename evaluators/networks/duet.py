"""duet-eval's network: a small motion tower like InterCLIP's on patches of 4 frames, and a MiniLM text tower.

It reads joints only (`canonical`), so motion with or without rotations is scored alike. Its numbers belong to
its own protocol (`protocols.protocol.DUETS`) and are never comparable with InterCLIP's. B batch, T frames,
L text positions, d width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.networks.canonical import pair_positions
from evaluators.networks.interclip import (
    MotionEncoder,
    MotionTowerConfig,
    TowerConfig,
    encoder_stack,
    sinusoids,
)
from intermask_cli.config import LONGEST_FRAMES, OptionalLayers, Probability, Size, check_fields, check_heads
from intermask_cli.errors import InputError
from intermask_cli.models.text_encoders import TextStates
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Per person and frame: root, other joints relative to the root, velocities in metres per frame.
PERSON_CHANNELS = 3 + 3 * (NUM_JOINTS - 1) + 3 * NUM_JOINTS
#: Smallest deviations the inputs are divided by, so that still channels do not amplify noise: positions in
#: metres, velocities in metres per frame.
_MIN_STD = np.concatenate([np.full(66, 0.05), np.full(66, 0.005)]).astype(np.float32)


@dataclass(frozen=True)
class DuetEvalConfig:
    """Sizes of duet-eval."""

    #: width of motion and text layers
    width: Size = 192
    #: layers of the motion tower
    layers: OptionalLayers = 3
    #: attention heads of motion and text layers
    heads: Size = 3
    #: width of the feed-forward layers
    ff: Size = 512
    #: frames of a patch, the unit that the motion tower attends over
    patch: Size = 4
    #: longest motion in frames
    max_frames: int = 1200
    #: width of the frozen encoder's states
    text_dim: Size = 384
    #: trained text layers
    text_layers: OptionalLayers = 2
    #: width of both embeddings
    out_dim: Size = 128
    #: drop-out of all layers
    dropout: Probability = 0.1
    #: first value of latent_scale; logits are cosines times its square
    start_scale: float = 3.5

    def __post_init__(self) -> None:
        check_fields(self)
        check_heads("width", self.width, self.heads)
        if not self.patch <= self.max_frames <= LONGEST_FRAMES:
            raise InputError(f"max_frames is {self.max_frames}; accepted: {self.patch} to {LONGEST_FRAMES}")


class StatesEncoder(nn.Module):
    """Frozen token states (B, L, text_dim) with a mask -> (B, out_dim), not normalised.

    "The first person kicks the second" and its opposite have the same words; only positions distinguish them.
    """

    def __init__(self, text_dim: int, tower: TowerConfig, out_dim: int, dropout: float):
        super().__init__()
        self.embed_states = nn.Linear(text_dim, tower.width)
        self.query_token = nn.Parameter(torch.randn(1, tower.width) * 0.02)
        self.position_gain = nn.Parameter(torch.tensor(0.2))
        self.transformer = encoder_stack(tower, dropout)
        self.out_ln = nn.LayerNorm(tower.width)
        self.out = nn.Linear(tower.width, out_dim)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        B, L, _ = states.shape
        words = self.embed_states(states)  # (B, L, d)
        words = words + self.position_gain * sinusoids(L, words.shape[-1]).to(words)
        x = torch.cat([self.query_token.expand(B, 1, -1), words], dim=1)  # (B, 1 + L, d)
        padding = F.pad(~mask, (1, 0), value=False)  # the query is never padding
        embedding: Tensor = self.out(self.out_ln(self.transformer(x, src_key_padding_mask=padding)[:, 0]))
        return embedding


class DuetEval(nn.Module):
    """Text and motion embeddings of duet-eval: unit vectors times `latent_scale`."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: DuetEvalConfig | None = None):
        super().__init__()
        config = config or DuetEvalConfig()
        self.config = config
        motion = MotionTowerConfig(
            config.width, config.layers, config.heads, config.ff, PERSON_CHANNELS, config.patch,
            max_positions=config.max_frames // config.patch + 1,
        )  # fmt: skip
        text = TowerConfig(config.width, config.text_layers, config.heads, config.ff)
        self.motion_encoder = MotionEncoder(motion, config.out_dim, config.dropout)
        self.text_encoder = StatesEncoder(config.text_dim, text, config.out_dim, config.dropout)
        self.latent_scale = nn.Parameter(torch.full((1,), config.start_scale))
        self.register_buffer("mean", torch.zeros(2 * PERSON_CHANNELS))
        self.register_buffer("std", torch.ones(2 * PERSON_CHANNELS))

    def embed_text(self, states: TextStates) -> Tensor:
        """Token states of B texts -> (B, out_dim)."""
        output = self.text_encoder(states.states.to(self.mean), states.mask.to(self.mean.device))
        return F.normalize(output, dim=-1) * self.latent_scale

    def embed_motion(self, positions: Tensor, frames: Tensor) -> Tensor:
        """Pair positions (B, 2, T, 22, 3) from `canonical.pair_positions`, frames (B,) -> (B, out_dim)."""
        valid = torch.arange(positions.shape[2], device=frames.device)[None] < frames[:, None]
        channels = (observed_channels(positions) - self.mean) / self.std * valid[..., None]
        return F.normalize(self.motion_encoder(channels, frames), dim=-1) * self.latent_scale

    def fit_statistics(self, clips: list[Tensor]) -> None:
        """Set mean and std from training clips (2, T, 22, 3), with floors for channels that hardly move."""
        channels = torch.cat([observed_channels(clip[None])[0] for clip in clips]).double()
        floor = torch.from_numpy(np.tile(_MIN_STD, 2)).double()
        self.mean.copy_(channels.mean(0).float())
        self.std.copy_(torch.maximum(channels.std(0), floor).float())


def observed_channels(positions: Tensor) -> Tensor:
    """(B, 2, T, 22, 3) -> (B, T, 2 x PERSON_CHANNELS); the last velocity is repeated."""
    root = positions[..., :1, :]
    relative = torch.cat([root, positions[..., 1:, :] - root], dim=-2)
    velocity = positions[:, :, 1:] - positions[:, :, :-1]
    velocity = torch.cat([velocity, velocity[:, :, -1:]], dim=2)
    persons = torch.cat([relative, velocity], dim=-2).flatten(-2)  # (B, 2, T, PERSON_CHANNELS)
    return torch.cat([persons[:, 0], persons[:, 1]], dim=-1)


def extrapolated(positions: Tensor, frames: int) -> Tensor:
    """A clip (2, t, 22, 3) padded to `frames` at constant velocity, so its own channels stay unchanged."""
    missing = frames - positions.shape[1]
    if missing <= 0:
        return positions
    step = positions[:, -1:] - positions[:, -2:-1]
    ahead = torch.arange(1, missing + 1, device=positions.device).view(1, -1, 1, 1)
    return torch.cat([positions, positions[:, -1:] + step * ahead], dim=1)


def collate(clips: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Clips (2, t, 22, 3) -> positions (B, 2, T, 22, 3) and frames (B,)."""
    frames = torch.tensor([clip.shape[1] for clip in clips])
    return torch.stack([extrapolated(clip, int(frames.max())) for clip in clips]), frames


def positions_tensor(joints: np.ndarray) -> Tensor:
    """World joints (2, T, 22, 3) -> pair positions (2, T, 22, 3) as the network reads them."""
    return torch.from_numpy(pair_positions(joints))
