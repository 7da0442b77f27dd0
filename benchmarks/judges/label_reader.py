"""What a motion shows: kind, actor and side of a Duets interaction, read from joints by a small network.

It covers the kinds of the bundled model, in clips of their own and as one of two phases. It is trained on
ground-truth Duets clips only, never on generated motion. Training clips are distorted as a tokenizer
distorts motion (drifting roots, slow wobble of joints, smoothed strikes, jitter), so that the reader ignores
such noise. Velocities, in which the noise dominates, are not read. It answers what embeddings answer badly:
did the right person do the right thing with the right hand? `detectors` give a second opinion, by geometry.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.data.sets import DUETS_KINDS
from evaluators.networks.canonical import facing_partner
from intermask_cli.console import counter
from intermask_cli.datasets.duets.clips import make_clip
from intermask_cli.datasets.duets.corpus import split_of
from intermask_cli.datasets.duets.labels import DuetClip, Labels, kind_set

#: The kinds of the model that is judged.
_CORPUS = kind_set(DUETS_KINDS)
KIND_NAMES = _CORPUS.kinds
SIDES = ("left", "right")
UNKNOWN = -1
#: Only every second frame is read: 15 per second are enough.
_EVERY = 2
_STRIDES = (1, 2, 2, 1)
#: Per person: root, joints around the root, way to the partner's root (`observations`).
_CHANNELS = 2 * (3 + 63 + 3)
#: Number of batches whose clips are sorted by length together, so that little is padded.
_STRETCH = 8


@dataclass(frozen=True)
class LabelTraining:
    """Recipe of the classifier."""

    clips: int = 4000
    seed: int = 11
    width: int = 96
    epochs: int = 7
    batch_size: int = 64
    lr: float = 2e-3
    root_noise_m: float = 0.06  # largest std of each person's slow drift
    joint_noise_m: float = 0.05  # largest std of the slow noise added to joints
    jitter_m: float = 0.015  # largest std of frame-by-frame noise of joints
    turn_rad: float = 0.1  # std of the turn of each person's view
    smooth: int = 2  # largest half width of a moving average over time, in steps of 1/15 s
    warp: float = 0.15  # largest relative change of tempo


@dataclass(frozen=True)
class Recognised:
    """Labels read from N motions: kind names, actor (0/1) and side, with the probability of each choice.

    Actor and side are always filled; they only mean something for kinds that have them.
    """

    kind: tuple[str, ...]
    actor: np.ndarray
    side: tuple[str, ...]
    kind_probability: np.ndarray
    actor_probability: np.ndarray
    side_probability: np.ndarray


class LabelNetwork(nn.Module):
    """Own-frame joints (B, 2, T, 22, 3), partner roots (B, 2, T, 3), frames (B,) -> three logits."""

    def __init__(self, width: int):
        super().__init__()
        widths = [_CHANNELS, width, width, width]
        self.stack = nn.ModuleList(
            nn.Conv1d(w, width, 5, stride=stride, padding=2)
            for w, stride in zip(widths, _STRIDES, strict=True)
        )
        self.kind = nn.Linear(2 * width, len(KIND_NAMES))
        self.actor = nn.Linear(2 * width, 2)
        self.side = nn.Linear(2 * width, 2)

    def forward(self, own: Tensor, partner: Tensor, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        steps = frames
        # Padding is zero before every layer, so a clip's result does not depend on its batch.
        x = _masked(observations(own, partner), steps)
        for layer, stride in zip(self.stack, _STRIDES, strict=True):
            steps = torch.div(steps + stride - 1, stride, rounding_mode="floor")
            x = _masked(F.silu(layer(x)), steps)
        mean = x.sum(-1) / steps[:, None]
        valid = torch.arange(x.shape[-1])[None] < steps[:, None]
        largest = x.masked_fill(~valid[:, None], -torch.inf).amax(-1)
        pooled = torch.cat([mean, largest], dim=-1)
        return self.kind(pooled), self.actor(pooled), self.side(pooled)


def _masked(x: Tensor, steps: Tensor) -> Tensor:
    return x * (torch.arange(x.shape[-1])[None] < steps[:, None])[:, None]


def observations(own: Tensor, partner: Tensor) -> Tensor:
    """(B, 2, T, 22, 3), (B, 2, T, 3) -> channels (B, 138, T) of about unit size.

    Per person: root, joints around the root, and the way to the partner's root.
    """
    root = own[..., 0, :]
    around = (own[..., 1:, :] - root[..., None, :]).flatten(-2) * 3.0
    each = torch.cat([root, around, partner - root], dim=-1)  # (B, 2, T, 69)
    return torch.cat([each[:, 0], each[:, 1]], dim=-1).transpose(1, 2)


@dataclass
class _ClipBatch:
    own: Tensor
    partner: Tensor
    frames: Tensor


def _collate(clips: Sequence[tuple[Tensor, Tensor]]) -> _ClipBatch:
    frames = torch.tensor([own.shape[1] for own, _ in clips])
    longest = int(frames.max())
    # The last frame is held so that its velocity is 0, as at the end of a clip alone.
    own = torch.stack([_hold(own, longest) for own, _ in clips])
    partner = torch.stack([_hold(partner, longest) for _, partner in clips])
    return _ClipBatch(own, partner, frames)


def _hold(values: Tensor, frames: int) -> Tensor:
    missing = frames - values.shape[1]
    return torch.cat([values, values[:, -1:].expand(-1, missing, *values.shape[2:])], dim=1)


def own_positions(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World joints (2, T, 22, 3) -> each person's joints (2, T, 22, 3) and the partner's root (2, T, 3).

    Both are float32 in the frame of that person facing the partner.
    """
    own, partner = [], []
    for person in (0, 1):
        frame = facing_partner(joints, person)
        own.append(frame.to_canonical(joints[person]))
        partner.append(frame.to_canonical(joints[1 - person][:, 0]))
    return np.stack(own).astype(np.float32), np.stack(partner).astype(np.float32)


def _prepare(joints: np.ndarray) -> tuple[Tensor, Tensor]:
    own, partner = own_positions(joints[:, ::_EVERY])
    return torch.from_numpy(own), torch.from_numpy(partner)


def _distorted(
    clip: tuple[Tensor, Tensor], recipe: LabelTraining, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """A clip at another tempo, smoothed, with a coarse tokenizer's noise on roots and joints."""
    own, partner = clip
    frames = own.shape[1]
    new_frames = max(8, round(frames * (1 + rng.uniform(-recipe.warp, recipe.warp))))
    at = np.linspace(0, frames - 1, new_frames).round().astype(int)
    own = _smoothed(own[:, at], int(rng.integers(recipe.smooth + 1)))
    drift = _slow_noise(2, new_frames, rng) * rng.uniform(0, recipe.root_noise_m)
    wobble = _slow_noise(2 * 22, new_frames, rng).view(2, 22, new_frames, 3).transpose(1, 2)
    jitter = torch.from_numpy(rng.normal(size=own.shape).astype(np.float32))
    own = own + drift[:, :, None] + wobble * rng.uniform(0, recipe.joint_noise_m)
    own = own + jitter * rng.uniform(0, recipe.jitter_m)
    # The partner has a drift of their own, which is added in roughly the right frame.
    partner = partner[:, at] + drift.flip(0)
    turn = torch.stack([_turn(rng.normal() * recipe.turn_rad) for _ in range(2)])
    return own @ turn[:, None], partner @ turn


def _slow_noise(tracks: int, frames: int, rng: np.random.Generator) -> Tensor:
    """Noise of unit std between knots a fifth of a second to a second apart: (tracks, frames, 3)."""
    knots = rng.normal(size=(tracks * 3, 1, frames // int(rng.integers(3, 16)) + 2)).astype(np.float32)
    noise = F.interpolate(torch.from_numpy(knots), size=frames, mode="linear", align_corners=True)
    return noise.view(tracks, 3, frames).transpose(1, 2)


def _smoothed(own: Tensor, half_width: int) -> Tensor:
    """Moving average over 2 half_width + 1 steps: (2, T, 22, 3), ends held."""
    if half_width == 0:
        return own
    tracks = F.pad(own.permute(0, 2, 3, 1).flatten(1, 2), (half_width, half_width), mode="replicate")
    smooth = F.avg_pool1d(tracks, 2 * half_width + 1, stride=1)
    return smooth.view(2, 22, 3, -1).permute(0, 3, 1, 2)


def _turn(angle: float) -> Tensor:
    """Rotation about the vertical, for row vectors: (3, 3)."""
    c, s = np.cos(angle), np.sin(angle)
    return torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]], dtype=torch.float32)


class LabelClassifier:
    """Reads labels off motions; `train_label_classifier` makes one."""

    def __init__(self, network: LabelNetwork):
        self.network = network.eval()

    @torch.no_grad()
    def __call__(self, interactions: Sequence[np.ndarray], batch_size: int = 64) -> Recognised:
        """Joints (2, T, 22, 3) of N interactions, any lengths -> Recognised."""
        outputs: list[tuple[Tensor, ...]] = []
        for start in range(0, len(interactions), batch_size):
            batch = _collate([_prepare(joints) for joints in interactions[start : start + batch_size]])
            outputs.append(self.network(batch.own, batch.partner, batch.frames))
        kind, actor, side = (torch.cat(parts).softmax(-1) for parts in zip(*outputs, strict=True))
        return Recognised(
            kind=tuple(KIND_NAMES[i] for i in kind.argmax(-1).tolist()),
            actor=actor.argmax(-1).numpy(),
            side=tuple(SIDES[i] for i in side.argmax(-1).tolist()),
            kind_probability=kind.amax(-1).numpy(),
            actor_probability=actor.amax(-1).numpy(),
            side_probability=side.amax(-1).numpy(),
        )

    def save(self, path: Path) -> None:
        """Weights as safetensors."""
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(self.network.state_dict(), path)

    @classmethod
    def load(cls, path: Path, recipe: LabelTraining) -> LabelClassifier:
        """Weights that were saved, trained with this recipe."""
        network = LabelNetwork(recipe.width)
        network.load_state_dict(load_file(path))
        return cls(network)


def train_label_classifier(
    clips: Sequence[tuple[np.ndarray, Labels]], recipe: LabelTraining | None = None
) -> LabelClassifier:
    """Train on (joints (2, T, 22, 3), Labels) pairs of ground truth; repeatable for a seed."""
    recipe = recipe or LabelTraining()
    rng = np.random.default_rng(recipe.seed)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = LabelNetwork(recipe.width)
    motions = [_prepare(joints) for joints, _ in clips]
    targets = torch.tensor([_targets(labels) for _, labels in clips])
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.lr, weight_decay=1e-3)
    steps = recipe.epochs * -(-len(clips) // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=steps, pct_start=0.1)
    with counter("train label classifier", recipe.epochs, "epochs") as progress:
        for _ in range(recipe.epochs):
            for chosen in _batches([own.shape[1] for own, _ in motions], recipe.batch_size, rng):
                batch = _collate([_distorted(motions[i], recipe, rng) for i in chosen])
                loss = _loss(network, batch, targets[chosen], rng)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            progress.advance(status=f"loss {loss.item():.3f}")
    return LabelClassifier(network)


def _batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """All clips once, in batches in random order; each is cut from a sorted stretch, so little is padded."""
    order = rng.permutation(len(lengths))
    stretch = _STRETCH * size
    parts = []
    for start in range(0, len(order), stretch):
        some = order[start : start + stretch]
        some = some[np.argsort(np.array(lengths)[some], kind="stable")]
        parts += [some[i : i + size] for i in range(0, len(some), size)]
    return [parts[i] for i in rng.permutation(len(parts))]


def _targets(labels: Labels) -> tuple[int, int, int]:
    actor = UNKNOWN if labels.actor is None else labels.actor
    side = SIDES.index(labels.side) if labels.side in SIDES else UNKNOWN
    return KIND_NAMES.index(labels.kind), actor, side


def _loss(network: LabelNetwork, batch: _ClipBatch, targets: Tensor, rng: np.random.Generator) -> Tensor:
    """Three cross-entropies; in half of the clips the persons are exchanged, and with them the actor."""
    swap = torch.from_numpy(rng.random(len(targets)) < 0.5)
    own = torch.where(swap[:, None, None, None, None], batch.own.flip(1), batch.own)
    partner = torch.where(swap[:, None, None, None], batch.partner.flip(1), batch.partner)
    kind, actor, side = targets.unbind(1)
    actor = torch.where(swap & (actor != UNKNOWN), 1 - actor, actor)
    total = torch.zeros(())
    for logits, target in zip(network(own, partner, batch.frames), (kind, actor, side), strict=True):
        if bool((target != UNKNOWN).any()):
            total = total + F.cross_entropy(logits, target, ignore_index=UNKNOWN)
    return total


def training_clips(count: int, seed: int) -> list[tuple[np.ndarray, Labels]]:
    """The first `count` clips of all kinds of the training split with this seed, made in memory."""
    clips: list[tuple[np.ndarray, Labels]] = []
    indices = itertools.islice((i for i in itertools.count() if split_of(i) == "train"), count)
    with counter("make training clips", count, "clips") as progress:
        for index in indices:
            clips += phases(make_clip(seed, index, kinds=_CORPUS))
            progress.advance()
    return clips


def phases(clip: DuetClip) -> list[tuple[np.ndarray, Labels]]:
    """Joints and labels of every phase; two are cut half-way between what happens in them."""
    one, two = clip.labels, clip.labels.then
    if two is None:
        return [(clip.joints, one)]
    done = max([frame for _, frame in one.events] + [touch.end for touch in one.contacts])
    begun = min([frame for _, frame in two.events] + [touch.start for touch in two.contacts])
    cut = (done + begun) // 2
    return [(clip.joints[:, :cut], one), (clip.joints[:, cut:], two)]


def label_classifier(folder: Path, corpus_seed: int, recipe: LabelTraining | None = None) -> LabelClassifier:
    """The classifier for a corpus: from `folder` if trained there before, else trained now (two minutes).

    A hash of recipe, seed and a sample of the corpus names the file, so a changed corpus is trained on again.
    """
    recipe = recipe or LabelTraining()
    sample = hashlib.sha256(make_clip(corpus_seed, 0, kinds=_CORPUS).joints.tobytes()).hexdigest()
    key = json.dumps([asdict(recipe), KIND_NAMES, corpus_seed, sample])
    path = folder / f"labels-{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"
    if path.is_file():
        return LabelClassifier.load(path, recipe)
    classifier = train_label_classifier(training_clips(recipe.clips, corpus_seed), recipe)
    classifier.save(path)
    return classifier
