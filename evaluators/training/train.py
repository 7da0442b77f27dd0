"""Training of duet-eval: contrastive pairs with hard negatives, on ground truth only.

A time- or step-budgeted, resumable stage of `intermask_cli.training.loop`; validation is retrieval on the
validation split plus two tests of attention: is a clip nearer to its caption than its person-swapped
(role) and its mirrored (side) version is?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.metrics import pool_ranks
from evaluators.networks.duet import DuetEval, DuetEvalConfig, collate
from evaluators.training.bundle import write_bundle
from evaluators.training.pairs import ContrastiveBatch, VariantTable
from evaluators.training.text_start import TextReading, TextStart
from intermask_cli.console import note
from intermask_cli.datasets.duets.corpus import Corpus, CorpusClip
from intermask_cli.files import write_json
from intermask_cli.models.text_encoders import TextEncoder, load_text_encoder
from intermask_cli.training.checkpoints import LAST, best_weights, find_checkpoint, load_weights
from intermask_cli.training.config import StageConfig
from intermask_cli.training.loop import StageRun, TrainingStage
from intermask_cli.training.recipes import named_recipe, open_folder
from intermask_cli.training.schedule import permutation
from intermask_cli.training.transformer.captions import StateCache, cached_states
from intermask_cli.training.transformer.text_pretraining import stated_loss

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
CACHE, TEXT_START = "cache", "text_start"
POOL = 32
FULL_CAPTION = 0  # captions come in the order of CAPTION_TYPES


@dataclass(frozen=True)
class EvaluatorTrainConfig(StageConfig):
    """Training of the evaluator."""

    #: clips per step; with their variants about twice as many motions
    batch_size: int = 48
    #: largest number of variants of a clip in one batch
    variants: int = 2
    #: captions per variant
    captions: int = 4
    #: largest number of clips of the training split
    clips: int = 3000
    lr: float = 1e-3
    weight_decay: float = 0.01
    #: largest standard deviation of slow noise added to joints, in metres
    noise_m: float = 0.05
    #: largest standard deviation of noise per frame, in metres
    jitter_m: float = 0.004
    #: largest turn of the scene about the vertical axis, in radians
    turn_rad: float = 0.15
    #: weight of classifying the labels from both embeddings
    label_weight: float = 0.0
    #: steps of pretraining: classifying the labels from captions alone
    text_steps: int = 0
    #: frozen text encoder: `minilm`, `clip`, or a folder
    text_encoder: str = "minilm"


@dataclass(frozen=True)
class EvaluatorRecipe:
    """A complete recipe of the evaluator."""

    #: sizes of the network
    network: DuetEvalConfig = field(default_factory=DuetEvalConfig)
    #: training of the network
    training: EvaluatorTrainConfig = field(default_factory=EvaluatorTrainConfig)


def load_evaluator_recipe(name: str) -> EvaluatorRecipe:
    """A bundled recipe by name (`duet-eval`) or a YAML file by path."""
    return named_recipe(EvaluatorRecipe, name, CONFIGS)


class PairLoss(nn.Module):
    """forward(ContrastiveBatch) -> (loss, terms): InfoNCE without false negatives, and label reading.

    Who acts, and with which hand, is a small part of what tells pairs apart, and is learnt late. Linear
    classifiers on both embeddings, thrown away after training, ask for it from the start.
    """

    def __init__(self, model: DuetEval, states: StateCache, label_sizes: Sequence[int], label_weight: float):
        super().__init__()
        self.model = model
        self._states, self._label_weight = states, label_weight
        width = model.config.out_dim
        self.text_labels = nn.ModuleList(nn.Linear(width, size) for size in label_sizes)
        self.motion_labels = nn.ModuleList(nn.Linear(width, size) for size in label_sizes)

    def forward(self, batch: ContrastiveBatch) -> tuple[Tensor, dict[str, Tensor]]:
        text = self.model.embed_text(self._states.take(batch.texts))
        motion = self.model.embed_motion(batch.positions, batch.frames)
        with torch.autocast(text.device.type, enabled=False):  # bfloat16 would blur the hard negatives
            logits = text.float() @ motion.float().T
        logits = logits.masked_fill(false_negatives(batch.also_true), -torch.inf)
        target = torch.arange(len(logits), device=logits.device)
        from_text, from_motion = F.cross_entropy(logits, target), F.cross_entropy(logits.T, target)
        hits = (logits.argmax(1) == target).float().mean()
        labels = _reading(self.text_labels, text, batch.said) + _reading(
            self.motion_labels, motion, batch.truth
        )
        total = (from_text + from_motion) / 2 + self._label_weight * labels
        return total, {"hits": hits, "labels": labels, "scale": self.model.latent_scale.detach()[0]}


def _reading(classifiers: nn.ModuleList, embedding: Tensor, values: Tensor) -> Tensor:
    """Sum over labels of the cross-entropy of reading their values (B, labels) off embeddings (B, D)."""
    losses = [stated_loss(read(embedding), values[:, i])[0] for i, read in enumerate(classifiers)]
    return torch.stack(losses).sum()


def false_negatives(also_true: Tensor) -> Tensor:
    """Pairs (i, j), i != j, that must not count as wrong: (B, B) bool."""
    return also_true & ~torch.eye(len(also_true), dtype=torch.bool, device=also_true.device)


def augmented(positions: Tensor, config: EvaluatorTrainConfig) -> Tensor:
    """A clip (2, T, 22, 3) with slow and fast noise and a small turn, as tokenizers do."""
    frames = positions.shape[1]
    knots = torch.randn(2 * 66, 1, frames // 6 + 2)
    slow = F.interpolate(knots, size=frames, mode="linear", align_corners=True)
    slow = slow.view(2, 22, 3, frames).permute(0, 3, 1, 2)
    sizes = torch.rand(3)
    noisy = positions + slow * (sizes[0] ** 2 * config.noise_m)
    noisy = noisy + torch.randn_like(positions) * (sizes[1] * config.jitter_m)
    angle = (2 * sizes[2] - 1) * config.turn_rad
    c, s = torch.cos(angle), torch.sin(angle)
    turn = torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return noisy @ turn.T


class EvaluatorStage(TrainingStage):
    """Contrastive pairs."""

    name: ClassVar[str] = "evaluator"
    config: EvaluatorTrainConfig
    model: DuetEval

    def __init__(
        self, recipe: EvaluatorRecipe, train: Sequence[CorpusClip], validation: Sequence[CorpusClip],
        encoder: TextEncoder, cache: Path, accelerator: Accelerator,
    ):  # fmt: skip
        self.config = c = recipe.training
        self._device, self._rank, self._world = (
            accelerator.device,
            accelerator.process_index,
            accelerator.num_processes,
        )
        self._train = VariantTable(train, c.captions, c.seed, "training pairs")
        self._validation = VariantTable(validation, c.captions, c.seed, "validation pairs")
        with accelerator.main_process_first():
            states = cached_states(cache / "train.safetensors", self._train.distinct, encoder)
            self._validation_states = cached_states(
                cache / "val.safetensors", self._validation.distinct, encoder
            )
        torch.manual_seed(c.seed)
        self.model = DuetEval(recipe.network)
        some = np.linspace(0, len(self._train) - 1, min(200, len(self._train))).astype(int)
        self.model.fit_statistics([self._train.positions(v) for i in some for v in self._train.of_clip[i]])
        self.model.to(self._device)
        sizes = self._train.label_sizes
        self.objective = PairLoss(self.model, states, sizes, c.label_weight).to(self._device)
        self._states = states
        self.steps_per_epoch = max(1, len(self._train) // (c.batch_size * self._world))
        note(f"evaluator: {len(self._train)} clips, {len(self._train.variants)} variants, "
             f"{len(self._train.distinct)} distinct captions")  # fmt: skip

    def text_start(self) -> TextStart:
        """The stage before this one."""
        c = self.config
        assert isinstance(self.objective, PairLoss)
        config = StageConfig(
            seed=c.seed, batch_size=2 * c.batch_size, steps=c.text_steps, epochs=0, lr=c.lr,
            schedule="cosine", warmup_steps=20, precision=c.precision, validate_minutes=1e9,
        )  # fmt: skip
        reading = TextReading(
            self.model.text_encoder, self.model.config.start_scale, self.objective.text_labels, self._states
        )
        return TextStart(config, reading, self._train, self._validation, self._validation_states)

    def batch(self, step: int) -> ContrastiveBatch:
        """`batch_size` clips, up to `variants` of each, a random caption each."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order = permutation(self.config.seed, "evaluator clips", epoch, len(self._train))
        start = (position * self._world + self._rank) * self.config.batch_size
        chosen: list[int] = []
        for clip in order[start : start + self.config.batch_size].tolist():
            own = self._train.of_clip[clip]
            chosen += [own[i] for i in torch.randperm(len(own))[: self.config.variants].tolist()]
        variants = torch.tensor(chosen)
        captions = torch.randint(self._train.texts.shape[1], (len(chosen),))
        positions, frames = collate([augmented(self._train.positions(v), self.config) for v in chosen])
        return ContrastiveBatch(
            positions.to(self._device), frames.to(self._device), self._train.texts[variants, captions],
            self._train.relevance(variants, captions).to(self._device),
            self._train.said[variants, captions].to(self._device),
            self._train.truth[variants].to(self._device),
        )  # fmt: skip

    def validate(self) -> dict[str, float]:
        """Retrieval by caption type, and the role and side tests; `score` is the share of wrong answers."""
        table, first = self._validation, torch.tensor([own[0] for own in self._validation.of_clip])
        motion = self._embed_motions(range(len(table.variants)))
        figures: dict[str, float] = {}
        for caption, name in ((0, "full"), (2, "anonymous")):
            if caption >= self.config.captions:
                continue
            text = self._embed_texts(first, caption)
            figures[f"top1_{name}"] = pooled_hits(text, motion[first], table, first, caption)
        text = self._embed_texts(torch.arange(len(table.variants)), FULL_CAPTION)
        figures["role"] = nearer_than_variant(text, motion, table, swapped=True)
        figures["side"] = nearer_than_variant(text, motion, table, swapped=False)
        known = [value for value in figures.values() if np.isfinite(value)]
        return {"score": 1 - float(np.mean(known)), **figures}

    def _embed_texts(self, variants: Tensor, caption: int) -> Tensor:
        return self.model.embed_text(
            self._validation_states.take(self._validation.texts[variants, caption])
        ).cpu()

    def _embed_motions(self, variants: Sequence[int]) -> Tensor:
        rows = []
        for start in range(0, len(variants), 64):
            positions, frames = collate([self._validation.positions(v) for v in variants[start : start + 64]])
            rows.append(self.model.embed_motion(positions.to(self._device), frames.to(self._device)).cpu())
        return torch.cat(rows)


def pooled_hits(text: Tensor, motion: Tensor, table: VariantTable, variants: Tensor, caption: int) -> float:
    """Top-1 in pools of POOL clips; a motion the caption is also true of is relevant."""
    hits = []
    size = min(POOL, len(variants))
    for start in range(0, len(variants) - size + 1, size):
        part = slice(start, start + size)
        own = variants[part]
        relevant = table.relevance(own, torch.full((size,), caption)).numpy()
        hits.append(pool_ranks(text[part].numpy(), motion[part].numpy(), relevant) == 0)
    return float(np.concatenate(hits).mean())


def nearer_than_variant(text: Tensor, motion: Tensor, table: VariantTable, swapped: bool) -> float:
    """Share of captions nearer to their motion than to its swapped (else mirrored) variant.

    Only captions that are not true of the other variant as well; NaN if there is none.
    """
    answers: list[bool] = []
    for own in table.of_clip:
        for i in own:
            for j in own:
                one, other = table.variants[i], table.variants[j]
                if (one.swapped != other.swapped, one.mirrored != other.mirrored) != (swapped, not swapped):
                    continue
                pair = torch.tensor([i, j])
                if bool(table.relevance(pair, torch.tensor([FULL_CAPTION, FULL_CAPTION]))[0, 1]):
                    continue
                answers.append(bool((text[i] - motion[i]).norm() < (text[i] - motion[j]).norm()))
    return float(np.mean(answers)) if answers else float("nan")


def train_evaluator(
    recipe: EvaluatorRecipe,
    data: Path,
    out: Path,
    resume: bool,
    accelerator: Accelerator,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train on a Duets corpus's train split, write the bundle of the best weights -> the report.

    `start`: the folder of a training of the same network to go on from.
    """
    corpus = Corpus(data)
    depends = {"data": str(data), "start": start and str(start)}
    open_folder(out, "evaluator", recipe, depends, resume, accelerator, (TEXT_START,))
    encoder = load_text_encoder(recipe.training.text_encoder, accelerator.device.type)
    train = corpus.split("train")[: recipe.training.clips]
    validation = corpus.split("val")[: recipe.training.validate_clips]
    stage = EvaluatorStage(recipe, train, validation, encoder, out / CACHE, accelerator)
    if start is not None:
        load_weights(stage.model, best_weights(start))
    started = find_checkpoint(out, LAST) is not None
    if recipe.training.text_steps > 0 and not started:
        text = out / TEXT_START
        again = resume and find_checkpoint(text, LAST) is not None
        StageRun(stage.text_start(), text, accelerator, again).run()
    report = StageRun(stage, out, accelerator, resume and started).run()
    if accelerator.is_main_process:
        report["bundle_sha256"] = write_bundle(
            out, recipe.network, recipe.training, recipe.training.clips, encoder, corpus, report
        )
        write_json(out / "report.json", report)
    return report
