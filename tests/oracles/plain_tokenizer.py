"""The tokenizer's networks written out plainly (docs/reference/model.md#tokenizer).

One sample at a time. Works on the published state dict. Graph messages go along a list of edges,
up-sampling copies rows one by one; only the convolutions are the framework's.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]
CHAINS = ((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20))
EDGES = [pair for chain in CHAINS for i, j in pairwise(chain) for pair in ((i, j), (j, i))]
#: Joint row read by each row, as listed in docs/reference/model.md#upsampling.
UPSAMPLED_ROWS = {
    "interhuman": ("0 0 0 1 1 2 2 3 3 4 4", "0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10"),
    "interx": (
        "0 0 0 0 1 1 1 2 2 2 2 3 3 3 4 4 4",
        "0 0 0 0 1 1 1 2 2 2 3 3 3 3 4 4 4 5 5 5 6 6 6 6 7 7 7 8 8 8 9 9 9 10 10 10 10 11 11 11 12 12 12 "
        "13 13 13 13 14 14 14 15 15 15 16 16 16",
    ),
}
ACTIVATIONS = {"relu": F.relu, "silu": F.silu, "gelu": F.gelu}


def conv(
    x: Tensor, w: Weights, name: str, stride: tuple[int, int] = (1, 1), padding: int = 1, dilation: int = 1
):
    """2-D convolution of one (C, joints, time) sample with the parameters called `name`."""
    return F.conv2d(x[None], w[f"{name}.weight"], w[f"{name}.bias"], stride, padding, dilation)[0]


def graph_layer(x: Tensor, w: Weights, name: str) -> Tensor:
    """GraphSAGE on (C, 22, T) with messages in frame 0 only."""
    out = torch.zeros(len(w[f"{name}.lin_l.weight"]), *x.shape[1:])
    for t in range(x.shape[2]):
        for i in range(22):
            neighbours = [a for a, b in EDGES if b == i] if t == 0 else []
            messages = [
                F.relu(F.linear(x[:, j, t], w[f"{name}.lin.weight"], w[f"{name}.lin.bias"]))
                for j in neighbours
            ]
            mean = torch.stack(messages).mean(0) if messages else torch.zeros(len(x))
            out[:, i, t] = (
                w[f"{name}.lin_l.weight"] @ mean
                + w[f"{name}.lin_l.bias"]
                + w[f"{name}.lin_r.weight"] @ x[:, i, t]
            )
    return out


def residual_stack(x: Tensor, w: Weights, name: str, growth: int, activation: str) -> Tensor:
    """Blocks in descending dilation."""
    act = ACTIVATIONS[activation]
    depth = sum(key.startswith(f"{name}.model.") and key.endswith("conv1.weight") for key in w)
    for i in range(depth):
        dilation = growth ** (depth - 1 - i)
        inner = conv(act(x), w, f"{name}.model.{i}.conv1", padding=dilation, dilation=dilation)
        x = x + conv(act(inner), w, f"{name}.model.{i}.conv2", padding=0)
    return x


def pack(motion: Tensor, representation: str) -> Tensor:
    """One sample's features -> (C, joints, T)."""
    if representation == "interx":
        return motion.permute(2, 1, 0)
    plane = torch.zeros(12, 22, len(motion))
    for t, frame in enumerate(motion):
        for j in range(22):
            plane[0:3, j, t] = frame[3 * j : 3 * j + 3]
            plane[3:6, j, t] = frame[66 + 3 * j : 66 + 3 * j + 3]
            if j > 0:
                plane[6:12, j, t] = frame[132 + 6 * (j - 1) : 132 + 6 * j]
    return plane


def unpack(plane: Tensor, representation: str) -> Tensor:
    """(C, joints, T) -> one sample's features."""
    if representation == "interx":
        return plane.permute(2, 1, 0)
    motion = torch.zeros(plane.shape[2], 262)
    for t in range(plane.shape[2]):
        for j in range(22):
            motion[t, 3 * j : 3 * j + 3] = plane[0:3, j, t]
            motion[t, 66 + 3 * j : 66 + 3 * j + 3] = plane[3:6, j, t]
            if j > 0:
                motion[t, 132 + 6 * (j - 1) : 132 + 6 * j] = plane[6:12, j, t]
    return motion


def encode(w: Weights, motion: Tensor, representation: str, growth: int, activation: str) -> Tensor:
    """Features of one sample -> latents (code_dim, 5, T // 4)."""
    x = pack(motion, representation)
    stage, stride = 0, (3 if representation == "interx" else 2)
    if "encoder.gcn_layer1.lin.weight" in w:
        x = F.relu(graph_layer(x, w, "encoder.gcn_layer1"))
        x = F.relu(graph_layer(x, w, "encoder.gcn_layer2"))
    else:
        x = F.relu(conv(x, w, "encoder.model.0"))
        stage = 2
    for i in (stage, stage + 1):
        x = conv(x, w, f"encoder.model.{i}.0", stride=(stride, 2))
        x = residual_stack(x, w, f"encoder.model.{i}.1", growth, activation)
    return conv(x, w, f"encoder.model.{stage + 2}")


def decode(w: Weights, latents: Tensor, representation: str, growth: int, activation: str) -> Tensor:
    """Latents of one sample (code_dim, 5, n) -> features of 4n frames."""
    x = F.relu(conv(latents, w, "decoder.model.0"))
    for i, rows in zip((2, 3), UPSAMPLED_ROWS[representation], strict=True):
        x = residual_stack(x, w, f"decoder.model.{i}.0", growth, activation)
        x = torch.stack([x[:, int(row)] for row in rows.split()], dim=1)
        x = torch.stack([x[:, :, t // 2] for t in range(2 * x.shape[2])], dim=2)
        x = conv(x, w, f"decoder.model.{i}.2")
    x = F.relu(conv(x, w, "decoder.model.4"))
    if "decoder.gcn_layer1.lin.weight" in w:
        x = F.relu(graph_layer(x, w, "decoder.gcn_layer1"))
        x = graph_layer(x, w, "decoder.gcn_layer2")
    else:
        x = conv(x, w, "decoder.model.6")
    return unpack(x, representation)
