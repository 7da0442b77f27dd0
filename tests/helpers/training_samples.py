"""Small stand-ins for training: a learnable source, word states, a tiny recipe, an interrupted stage."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from intermask_cli.config import TokenizerConfig, TransformerConfig
from intermask_cli.models.text_encoders import TextStates
from intermask_cli.motion.kinematics import forward_kinematics
from intermask_cli.motion.representation import INTERHUMAN
from intermask_cli.motion.representation.interhuman import pair_features
from intermask_cli.motion.rotation import matrix_from_axis_angle, sixd_columns_from_matrix
from intermask_cli.motion.skeleton import REST_OFFSETS
from intermask_cli.training.checkpoints import LAST, WEIGHTS
from intermask_cli.training.config import (
    MaskingConfig,
    Recipe,
    TextPretrainConfig,
    TokenizerLossConfig,
    TokenizerTrainConfig,
    TransformerTrainConfig,
)
from intermask_cli.training.sources.source import ClipCaption, ClipText


def smooth_pair(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two bodies swinging their joints: joints (2, T, 22, 3) and rotations6d (2, T, 21, 6)."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    joints, sixd = [], []
    for person in range(2):
        phase, size = rng.uniform(0, 6, (1, 22, 3)), rng.uniform(0, 0.5, (1, 22, 3))
        turn = size * np.sin(2 * np.pi * rng.uniform(0.2, 0.8) * time + phase)
        turn[:, 0] = [0, np.pi * person, 0]
        local = matrix_from_axis_angle(turn)
        root = np.array([0.0, 0.95, 1.5 * person]) + rng.uniform(0, 0.1) * np.sin(time[:, 0])
        joints.append(forward_kinematics(local, root, REST_OFFSETS)[0])
        sixd.append(sixd_columns_from_matrix(local)[:, 1:])
    return np.stack(joints).astype(np.float32), np.stack(sixd).astype(np.float32)


#: Every stage in milliseconds, in the form of a recipe's file; the defaults fit the data of `pairs_tree`.
TINY_RECIPE = """
tokenizer: {stem: conv, width: 8, code_dim: 6, codebook_size: 16, dropout: 0.0}
tokenizer_loss: {kind: metric}
tokenizer_training: {batch_size: 4, steps: 3, window: 32, gumbel: 0.0, validate_clips: 2, log_steps: 1}
refine_loss: {kind: metric}
refine_training: {batch_size: 4, steps: 2, window: 32, gumbel: 0.0, validate_clips: 2, log_steps: 1}
transformer: {codebook_size: 16, code_dim: 6, latent_dim: 16, heads: 2, layers: 1, ff_dim: 24, dropout: 0.0,
              text_dim: 384, text_head: pooled, text_width: 16, text_layers: 1, text_heads: 2, text_ff: 24,
              person_embedding: true}
text_pretraining: {steps: 2, batch_size: 4}
transformer_training: {batch_size: 4, steps: 3, step_unroll: 0.0, validate_clips: 2, log_steps: 1,
                       freeze_text: true, max_frames: 80}
pair_decoder: {width: 8, blocks: 1}
pair_decoder_training: {batch_size: 4, steps: 2, window: 32, clips: 8, fill_steps: 2, validate_clips: 2,
                        log_steps: 1}
sampling: {guidance: 2.0, steps: 2}
"""


def pairs_tree(root: Path, train: int = 6, validation: int = 2, frames: int = 61, seed: int = 0) -> Path:
    """A data set as `intermask data pairs` writes it: InterHuman's layout, one caption, no labels."""
    for folder in ("motions_processed/person1", "motions_processed/person2", "annots", "split"):
        (root / folder).mkdir(parents=True)
    ids = [str(number) for number in range(1, train + validation + 1)]
    for id in ids:
        joints, rotations = smooth_pair(frames, seed + int(id))
        raw = np.zeros((2, frames, 492), dtype=np.float32)
        z_up = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1)
        raw[..., :66] = z_up.reshape(2, frames, 66)
        raw[..., 186:312] = rotations.reshape(2, frames, 126)
        for person in (0, 1):
            np.save(root / f"motions_processed/person{person + 1}/{id}.npy", raw[person])
        (root / f"annots/{id}.txt").write_text(f"two people bow to each other, take {id}\n")
    splits = {"train": ids[:train], "val": ids[train:], "test": ids[train:]}
    for split, own in splits.items():
        (root / f"split/{split}.txt").write_text("".join(f"{id}\n" for id in own))
    return root


class SmoothSource:
    """A training source of `count` clips; tempo and actor are its labels, stated in the first caption."""

    representation = INTERHUMAN
    normalizer = None

    def __init__(self, count: int, lengths: tuple[int, ...] = (70, 83, 96), seed: int = 0):
        self._pairs = [smooth_pair(lengths[i % len(lengths)], seed + i) for i in range(count)]
        self.digest = f"smooth-{count}-{lengths}-{seed}"

    def __len__(self) -> int:
        return len(self._pairs)

    def frames(self, index: int) -> int:
        return self._pairs[index][0].shape[1]

    def features(self, index: int, canonical: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        joints, rotations6d = (part[:, start:stop] for part in self._pairs[index])
        return pair_features(joints, rotations6d, canonical=canonical, keep_last=True)

    def check(self) -> None:
        pass

    def text(self, index: int) -> ClipText:
        tempo = ("slow", "fast")[index % 2]
        actor = index // 2 % 2
        stated = f"the {('first', 'second')[actor]} person moves {tempo}ly"
        captions = (ClipCaption(stated, frozenset({"tempo", "actor"})), ClipCaption("two people move"))
        return ClipText(captions, {"tempo": tempo, "actor": str(actor)})


def tiny_recipe(**changes) -> Recipe:
    """Both stages small enough for a step in milliseconds; `changes` by section."""
    sections = {
        "tokenizer": TokenizerConfig(stem="conv", width=8, code_dim=8, codebook_size=16, dropout=0.1),
        "tokenizer_loss": TokenizerLossConfig(
            kind="metric", commitment=0.25, position=10.0, relative=5.0, motion=10.0, foot=1.0
        ),
        "tokenizer_training": TokenizerTrainConfig(
            batch_size=4, window=16, window_stride=4, steps=12, plain_steps=5, kmeans_latents=400, lr=1e-3,
            warmup_steps=2, log_steps=2, schedule="cosine", validate_minutes=1e9, save_minutes=1e9,
            fast_share=0.5,
        ),
        "transformer": TransformerConfig(
            codebook_size=16, code_dim=8, latent_dim=16, heads=2, layers=1, ff_dim=16, text_dim=6,
            text_head="pooled",
            text_width=8, text_layers=1, text_heads=2, text_ff=8, person_embedding=True, dropout=0.1,
        ),
        "masking": MaskingConfig(interaction=0.3, full=0.2, corrupted_samples=0.5, interaction_partial=0.5),
        "text_pretraining": TextPretrainConfig(steps=4, batch_size=4),
        "transformer_training": TransformerTrainConfig(
            batch_size=3, steps=8, lr=1e-3, warmup_steps=2, log_steps=2, ema=0.9, bucket=2, max_frames=80,
            validate_minutes=1e9, save_minutes=1e9, codebook_start=True,
        ),
    }  # fmt: skip
    sections |= {name: dataclasses.replace(sections[name], **values) for name, values in changes.items()}
    return Recipe(**sections)


class WordStates:
    """A stand-in text encoder: every word has fixed states of width 6."""

    id, sha256, dim = "words", "0" * 64, 6

    def encode(self, texts):
        words = [text.split() for text in texts]
        longest = max(map(len, words))
        states, mask = torch.zeros(len(texts), longest, 6), torch.zeros(len(texts), longest, dtype=torch.bool)
        for row, text in enumerate(words):
            for column, word in enumerate(text):
                generator = torch.Generator().manual_seed(sum(word.encode()))
                states[row, column] = torch.randn(6, generator=generator)
                mask[row, column] = True
        return TextStates(states, mask, mask.sum(1) - 1)


def last_weights(folder: Path, name: str = WEIGHTS) -> dict[str, torch.Tensor]:
    return load_file(folder / LAST / name)


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert set(first) == set(second)
    for name in first:
        assert torch.equal(first[name], second[name]), name


class StopAfter:
    """Sends the process SIGTERM while a given step's batch is being made."""

    def __init__(self, stage, step: int):
        self._batch, self._step = stage.batch, step
        stage.batch = self

    def __call__(self, step: int):
        if step == self._step:
            signal.raise_signal(signal.SIGTERM)
        return self._batch(step)
