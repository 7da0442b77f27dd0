"""The Inter-X evaluator: movement, motion and text encoders (Guo et al. 2022).

Described in docs/reference/data-and-evaluation.md#inter-x-evaluator. Parameter names are those of the
released file, each part's state dict with the part's name as prefix. B batch, T frames (150), S movement
steps (T // 4), L caption words.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from intermask_cli.config import Probability, Size, check_fields

#: Frames that are read of a motion, as in the published training.
FRAMES = 150
#: Shape of one frame: 55 rotations and the translation, 6 numbers for each person.
PAIR_SHAPE = (56, 12)
#: Frames of one movement step.
UNIT_LENGTH = 4
#: Row 55 of a frame is the root translation: entries 3..5 and 9..11 are both persons' velocities.
_VELOCITY_COLUMNS = (3, 4, 5, 9, 10, 11)


@dataclass(frozen=True)
class InterXConfig:
    """Sizes of the released evaluator."""

    movement_hidden: Size = 512
    movement_width: Size = 512
    motion_hidden: Size = 1024
    text_hidden: Size = 512
    word_width: Size = 300
    word_kinds: Size = 15  # one-hot part of speech or keyword class
    out_dim: Size = 512
    dropout: Probability = 0.2

    def __post_init__(self) -> None:
        check_fields(self)


class MovementEncoder(nn.Module):
    """Frames (B, T, 672) -> (B, T // 4, width)."""

    def __init__(self, config: InterXConfig):
        super().__init__()
        frame = PAIR_SHAPE[0] * PAIR_SHAPE[1]
        self.main = nn.Sequential(
            nn.Conv1d(frame, config.movement_hidden, 4, 2, 1),
            nn.Dropout(config.dropout),
            nn.LeakyReLU(0.2),
            nn.Conv1d(config.movement_hidden, config.movement_width, 4, 2, 1),
            nn.Dropout(config.dropout),
            nn.LeakyReLU(0.2),
        )
        self.out_net = nn.Linear(config.movement_width, config.movement_width)

    def forward(self, frames: Tensor) -> Tensor:
        movements = self.main(frames.transpose(1, 2))  # (B, 672, T) -> (B, width, T // 4)
        output: Tensor = self.out_net(movements.transpose(1, 2))
        return output


class RecurrentEncoder(nn.Module):
    """Steps (B, S, in) and lengths (B,) -> (B, out): bidirectional GRU, final states of both directions."""

    def __init__(self, in_dim: int, hidden: int, out_dim: int):
        super().__init__()
        self.input_emb = nn.Linear(in_dim, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.hidden = nn.Parameter(torch.randn(2, 1, hidden))
        self.output_net = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, out_dim)
        )

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        x = self.input_emb(steps)
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        # Final states (2, B, hidden); published: the initial state is learnt.
        _, last = self.gru(packed, self.hidden.expand(-1, len(x), -1).contiguous())
        embedding: Tensor = self.output_net(torch.cat([last[0], last[1]], dim=-1))
        return embedding


class CaptionEncoder(RecurrentEncoder):
    """Word vectors (B, L, word_width) plus embedded word kinds (B, L, word_kinds) -> (B, out)."""

    def __init__(self, config: InterXConfig):
        super().__init__(config.word_width, config.text_hidden, config.out_dim)
        self.pos_emb = nn.Linear(config.word_kinds, config.word_width)

    def encode(self, words: Tensor, kinds: Tensor, lengths: Tensor) -> Tensor:
        embedding: Tensor = self(words + self.pos_emb(kinds), lengths)
        return embedding


def frames_from_pair(pair: Tensor) -> Tensor:
    """Pair features (B, T, 56, 12) -> (B, T, 672) with the translation velocities set to 0 (quirk Q8)."""
    pair = pair.clone()
    pair[..., 55, list(_VELOCITY_COLUMNS)] = 0
    return pair.flatten(-2)


class InterXEvaluator(nn.Module):
    """Text and motion embeddings, neither normalised nor scaled."""

    def __init__(self, config: InterXConfig | None = None):
        super().__init__()
        config = config or InterXConfig()
        self.config = config
        self.movement_encoder = MovementEncoder(config)
        self.motion_encoder = RecurrentEncoder(config.movement_width, config.motion_hidden, config.out_dim)
        self.text_encoder = CaptionEncoder(config)

    def movements(self, pair: Tensor) -> Tensor:
        """(B, T, 56, 12), zero-padded to T = 150 as in training -> (B, T // 4, movement_width)."""
        movements: Tensor = self.movement_encoder(frames_from_pair(pair))
        return movements

    def embed_motion(self, pair: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, 56, 12), frames (B,) -> (B, out_dim); `length // 4` steps are read."""
        if int(lengths.min()) < UNIT_LENGTH:
            raise ValueError(f"a motion has {int(lengths.min())} frames; accepted: at least {UNIT_LENGTH}")
        padded = F.pad(pair, (0, 0, 0, 0, 0, max(FRAMES - pair.shape[1], 0)))
        embedding: Tensor = self.motion_encoder(self.movements(padded), lengths // UNIT_LENGTH)
        return embedding

    def embed_text(self, words: Tensor, kinds: Tensor, lengths: Tensor) -> Tensor:
        """Word vectors (B, L, 300), one-hot kinds (B, L, 15), words (B,) -> (B, out_dim)."""
        return self.text_encoder.encode(words, kinds.to(words.dtype), lengths)
