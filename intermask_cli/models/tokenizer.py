"""The motion tokenizer: a VQ-VAE over the joint x time plane of one person (paper section 3.1).

Motion of T frames becomes a token map of 5 body rows x T // 4 tokens and back. Module names are the published
checkpoint keys (docs/reference/model.md#tokenizer, #tokenizer-keys), which explains their odd forms.

Axes: B batch, T frames, n = T // 4 tokens per row, J joints (or rows of Inter-X), C width of a code,
W channels of hidden layers. Layout inside is (B, channels, J, T): the joint x time plane.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN, TokenizerConfig
from intermask_cli.errors import InputError
from intermask_cli.models.codebook import ResidualQuantizer
from intermask_cli.motion.representation import INTERHUMAN, INTERX, representation_named
from intermask_cli.motion.representation.interhuman import CONTACTS, NUM_FEATURES, ROTATIONS
from intermask_cli.motion.skeleton import BONES, END_JOINTS, NUM_JOINTS

#: Numbers per person and frame that InterHuman features have: positions, velocities, rotations, contacts.
INTERHUMAN_SIZES = (3 * NUM_JOINTS, 3 * NUM_JOINTS, 6 * (NUM_JOINTS - 1), 4)
ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


class TokenizerOutput(NamedTuple):
    """What a training pass returns."""

    reconstruction: Tensor  # as the input, cut to complete tokens
    commitment: Tensor  # scalar, 0 when the quantiser is bypassed
    perplexity: Tensor  # scalar, 0 when the quantiser is bypassed
    ids: Tensor  # (B, 5, n) int64 of quantiser layer 0, -1 when bypassed


def pack_interhuman(motion: Tensor) -> Tensor:
    """(B, T, 262) -> (B, 12, J, T): position, velocity, 6-D rotation per joint; the contacts are dropped.

    The root has no rotation in these features and gets six zeros.
    """
    positions, velocities, rotations, _ = motion.split(INTERHUMAN_SIZES, dim=2)
    positions = positions.unflatten(2, (NUM_JOINTS, 3))  # (B, T, J, 3)
    velocities = velocities.unflatten(2, (NUM_JOINTS, 3))  # (B, T, J, 3)
    rotations = F.pad(rotations.unflatten(2, (NUM_JOINTS - 1, 6)), (0, 0, 1, 0))  # (B, T, J, 6)
    return torch.cat((positions, velocities, rotations), dim=3).permute(0, 3, 2, 1)  # from (B, T, J, 12)


def unpack_interhuman(plane: Tensor) -> Tensor:
    """(B, 12, J, T) -> (B, T, 262); the root's rotation is dropped and the contacts are zero."""
    positions, velocities, rotations = plane.permute(0, 3, 2, 1).split((3, 3, 6), dim=3)  # (B, T, J, 3 or 6)
    parts = (
        positions.flatten(2),
        velocities.flatten(2),
        rotations[:, :, 1:].flatten(2),
    )  # (B, T, 66), twice, and (B, T, 126)
    return F.pad(torch.cat(parts, dim=2), (0, 4))  # (B, T, 258) and four contacts


def swap_interx(motion: Tensor) -> Tensor:
    """(B, T, 56, 6) <-> (B, 6, 56, T): packs and unpacks Inter-X, whose rows are the joint axis already."""
    return motion.permute(0, 3, 2, 1)


class Plane(NamedTuple):
    """The joint x time plane of one representation, and the sizes of the networks over its joint axis."""

    channels: int  # numbers per joint
    joints: int
    stride: int  # of both strided convolutions along the joints; their kernel is twice that
    growth: tuple[Fraction, Fraction]  # joint factors of the two up-sampling stages
    pack: Callable[[Tensor], Tensor]  # features (B, T, ...) -> (B, channels, joints, T)
    unpack: Callable[[Tensor], Tensor]  # and back


#: The growth leads from 5 rows back to 22 joints (11/5, then 2) and to 56 (7/2, then 33/10, rounded down).
PLANES = {
    INTERHUMAN.name: Plane(12, 22, 2, (Fraction(11, 5), Fraction(2)), pack_interhuman, unpack_interhuman),
    INTERX.name: Plane(6, 56, 3, (Fraction(7, 2), Fraction(33, 10)), swap_interx, swap_interx),
}


def seen_features(rotations: str) -> Tensor:
    """Which InterHuman features (262,) the plane holds, bool; `rotations` as in `TokenizerConfig`."""
    seen = torch.ones(NUM_FEATURES, dtype=torch.bool)
    seen[CONTACTS] = False
    if rotations == "ends":
        ends = torch.isin(torch.arange(1, NUM_JOINTS), torch.tensor(END_JOINTS))
        seen[ROTATIONS] = ends.repeat_interleave(6)
    return seen


class GraphLayer(nn.Module):
    """GraphSAGE with input projection over the skeleton: (B, in, J, T) -> (B, out, J, T), J = 22.

    y_i = A mean_j relu(P x_j + p) + a + R x_i, with the mean over the joints j next to joint i. The published
    model sends messages in one frame only, frame 0 of the first sample of a batch; every other frame gets
    y = a + R x. Here frame 0 of every sample gets them, which is what the published model computes for each
    sample alone.
    """

    neighbours: Tensor

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.lin = nn.Linear(width_in, width_in)
        self.lin_l = nn.Linear(width_in, width_out)
        self.lin_r = nn.Linear(width_in, width_out, bias=False)
        adjacent = torch.zeros(NUM_JOINTS, NUM_JOINTS)  # (J, J)
        for i, j in BONES:
            adjacent[i, j] = adjacent[j, i] = 1.0
        self.register_buffer("neighbours", adjacent / adjacent.sum(1, keepdim=True), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        everywhere = self.without_messages(x)  # (B, out, J, T)
        senders = F.relu(self.lin(x[:, :, :, 0].transpose(1, 2)))  # (B, J, in), in frame 0
        mean = torch.matmul(self.neighbours.to(x.dtype), senders)  # (B, J, in)
        messages = F.linear(mean, self.lin_l.weight).transpose(1, 2)  # (B, out, J)
        return everywhere + F.pad(messages[..., None], (0, x.shape[3] - 1))

    def without_messages(self, x: Tensor) -> Tensor:
        """a + R x: what every frame but the first gets."""
        return F.conv2d(x, self.lin_r.weight[:, :, None, None], self.lin_l.bias)


class ResidualBlock(nn.Module):
    """x + dropout(conv1x1(act(conv3x3 dilated(act(x))))): (B, W, J, T) -> the same."""

    def __init__(self, width: int, dilation: int, activation: str, dropout: float):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv2d(width, width, 1)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = x + self.dropout(self.conv2(self.activation(self.conv1(self.activation(x)))))
        return output


class ResidualStack(nn.Module):
    """Residual blocks, widest dilation first, in the encoder as well as in the decoder."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        dilations = [config.dilation_growth**i for i in reversed(range(config.depth))]
        self.model = nn.Sequential(
            *(ResidualBlock(config.width, d, config.activation, config.dropout) for d in dilations)
        )

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.model(x)
        return output


class Upsample(nn.Module):
    """Nearest-neighbour up-sampling by an exact joint factor, and by 2 along time: (B, W, J, T) -> larger.

    The joint rows are read through a table of floor(row / factor): float factors such as 3.3 are
    rounded differently on different devices.
    """

    rows: Tensor

    def __init__(self, joints: int, factor: Fraction):
        super().__init__()
        table = [int(row / factor) for row in range(int(joints * factor))]
        self.register_buffer("rows", torch.tensor(table), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(2, self.rows).repeat_interleave(2, dim=3)


class Encoder(nn.Module):
    """(B, channels, J, T) -> latents (B, C, 5, T // 4)."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        width, plane = config.width, PLANES[config.representation]
        self.graph = config.stem == "graph"
        layers: list[nn.Module] = []
        if self.graph:
            self.gcn_layer1 = GraphLayer(plane.channels, width)
            self.gcn_layer2 = GraphLayer(width, width)
        else:
            layers += [nn.Conv2d(plane.channels, width, 3, padding=1), nn.ReLU()]
        for _ in range(2):  # two strides of 2 along time make FRAMES_PER_TOKEN
            shrink = nn.Conv2d(width, width, (2 * plane.stride, 4), stride=(plane.stride, 2), padding=1)
            layers.append(nn.Sequential(shrink, ResidualStack(config)))
        layers.append(nn.Conv2d(width, config.code_dim, 3, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        if self.graph:
            x = F.relu(self.gcn_layer1(x))
            x = F.relu(self.gcn_layer2(x))
        output: Tensor = self.model(x)
        return output


class Decoder(nn.Module):
    """Latents (B, C, 5, n) -> (B, channels, J, 4 n)."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        width, plane = config.width, PLANES[config.representation]
        self.graph = config.stem == "graph"
        layers: list[nn.Module] = [nn.Conv2d(config.code_dim, width, 3, padding=1), nn.ReLU()]
        joints = BODY_ROWS
        for factor in plane.growth:
            grow = Upsample(joints, factor)
            joints = len(grow.rows)
            layers.append(nn.Sequential(ResidualStack(config), grow, nn.Conv2d(width, width, 3, padding=1)))
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        if self.graph:
            self.gcn_layer1 = GraphLayer(width, width)
            self.gcn_layer2 = GraphLayer(width, plane.channels)
        else:
            layers.append(nn.Conv2d(width, plane.channels, 3, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        *layers, last = self.model
        for layer in layers:
            x = layer(x)
        if not self.graph:
            return _outside_autocast(last, x)
        x = F.relu(self.gcn_layer1(last(x)))
        return _outside_autocast(self.gcn_layer2, x)


class Tokenizer(nn.Module):
    """Motion of one person <-> token map.

    Motion is (B, T, 262) of InterHuman, normalised, or (B, T, 56, 6) of Inter-X; T is cut to a
    multiple of four. Token maps are (B, 5, n) int64. No sample depends on the others of its batch,
    up to rounding. Features that are not `seen` are decoded as zeros, their means once denormalised.
    """

    seen: Tensor | None

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        self.config = config
        # (262,) bool, or None where all features that the published plane holds are seen
        seen = seen_features(config.rotations) if config.rotations != "all" else None
        self.register_buffer("seen", seen, persistent=False)
        self.representation = representation_named(config.representation)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        codebook = {
            "size": config.codebook_size,
            "dim": config.code_dim,
            "decay": config.ema_decay,
            "reseed": config.reseed,
        }
        self.quantizer = ResidualQuantizer(
            config.num_quantizers, config.shared_codebook, config.quantize_dropout, codebook
        )

    def latents(self, motion: Tensor) -> Tensor:
        """Encoder output before quantisation: motion -> (B, C, 5, n)."""
        latents: Tensor = self.encoder(self.pack(motion))
        return latents

    def encode(self, motion: Tensor) -> Tensor:
        """Token map of the nearest codes of quantiser layer 0: motion -> (B, 5, n) int64."""
        latents = self.latents(motion)
        ids = self.quantizer.first.nearest(_as_vectors(latents))  # (B 5 n,)
        return ids.view(len(latents), *latents.shape[2:])

    def decode(self, ids: Tensor) -> Tensor:
        """Motion of a token map (B, 5, n), 4 n frames; -1 stands for a zero latent."""
        return self.decode_latents(self.quantizer.first.lookup(ids).permute(0, 3, 1, 2))  # (B, C, 5, n)

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Motion of latents (B, C, 5, n), 4 n frames."""
        return self._unpack(self.decoder(latents.contiguous(memory_format=torch.channels_last)))

    def forward(self, motion: Tensor, temperature: float = 0.5, bypass: bool = False) -> TokenizerOutput:
        """A training pass; in training mode the codebook moves and codes are drawn at `temperature`.

        `bypass` leaves the quantiser out: a plain autoencoder, to warm up before `codebook.initialise`.
        """
        latents = self.latents(motion)
        if bypass:
            zero = latents.new_zeros((), dtype=torch.float32)
            ids = torch.full((len(latents), *latents.shape[2:]), -1, device=latents.device)
            return TokenizerOutput(self.decode_latents(latents), zero, zero, ids)
        quantized = self.quantizer(_as_vectors(latents).float(), temperature)
        vectors = quantized.vectors.view(len(latents), *latents.shape[2:], -1)  # (B, 5, n, C)
        vectors = vectors.permute(0, 3, 1, 2)  # (B, C, 5, n)
        ids = quantized.ids[:, 0].view(len(latents), *latents.shape[2:])  # (B, 5, n)
        reconstruction = self.decode_latents(vectors.to(latents.dtype))
        return TokenizerOutput(reconstruction, quantized.commitment, quantized.perplexity, ids)

    def pack(self, motion: Tensor) -> Tensor:
        """Network input (B, channels, J, T) of a motion; InputError when the shape does not fit."""
        expected = self.representation.feature_shape
        if tuple(motion.shape[2:]) != expected or motion.shape[1] < FRAMES_PER_TOKEN:
            raise InputError(
                f"motion of shape {tuple(motion.shape)}; this {self.representation} tokenizer takes "
                f"(batch, frames, {', '.join(map(str, expected))}) with at least {FRAMES_PER_TOKEN} frames"
            )
        if self.seen is not None:
            motion = motion * self.seen
        packed = PLANES[self.representation.name].pack(motion)
        return packed.contiguous(memory_format=torch.channels_last)

    def _unpack(self, plane: Tensor) -> Tensor:
        motion = PLANES[self.representation.name].unpack(plane)
        return motion if self.seen is None else motion * self.seen


def _outside_autocast(layer: nn.Module, x: Tensor) -> Tensor:
    """The output layer in its weights' precision: bfloat16 would round positions to several millimetres."""
    with torch.autocast(x.device.type, enabled=False):
        output: Tensor = layer(x.to(next(layer.parameters()).dtype))
        return output


def _as_vectors(latents: Tensor) -> Tensor:
    """(B, C, 5, n) -> (B 5 n, C) in (sample, row, time) order."""
    return latents.permute(0, 2, 3, 1).flatten(0, 2)
