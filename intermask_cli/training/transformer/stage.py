"""Training of the masked transformer: its data, its batches and its validation."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from accelerate import Accelerator
from torch import Tensor

from intermask_cli.config import BODY_ROWS, PERSONS
from intermask_cli.console import note
from intermask_cli.errors import InputError
from intermask_cli.models.text_encoders import TextEncoder, TextStates
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.config import MaskingConfig, Recipe, TransformerTrainConfig
from intermask_cli.training.loop import TrainingStage
from intermask_cli.training.processes import OwnRows
from intermask_cli.training.schedule import derived_seed
from intermask_cli.training.sources.source import ClipText, TrainingSource
from intermask_cli.training.transformer.batches import FreshTokens, TokenSupply, batch_order
from intermask_cli.training.transformer.captions import (
    StateCache,
    cached_states,
    caption_table,
    captions_of,
    label_values,
)
from intermask_cli.training.transformer.masking import (
    MaskingDecision,
    MaskingDraws,
    decide,
    draw,
    hide,
    valid_positions,
)
from intermask_cli.training.transformer.objective import TokenBatch, TransformerObjective, masked_loss
from intermask_cli.training.transformer.token_cache import TokenCache, cached_split

#: Excerpts that are validated together.
VALIDATION_BATCH = 32


class TransformerData:
    """Tokens, captions and text states of the training and the validation split."""

    def __init__(
        self,
        recipe: Recipe,
        train: TrainingSource,
        validation: TrainingSource,
        tokenizer: Tokenizer,
        normalizer: Normalizer,
        encoder: TextEncoder,
        cache: Path,
        accelerator: Accelerator,
    ):
        config, device = recipe.transformer_training, accelerator.device
        limit = config.max_frames
        with accelerator.main_process_first():
            self.tokens: TokenSupply = (
                FreshTokens(train, tokenizer, normalizer, limit, device)
                if config.published
                else cached_split(
                    cache / "train-tokens.safetensors", train, tokenizer, normalizer, limit, device
                )
            )
            self.validation_tokens: TokenCache = cached_split(
                cache / "validation-tokens.safetensors", validation, tokenizer, normalizer, limit, device
            )
            train_text, validation_text = _texts(train), _texts(validation)
            used = [caption for clip in train_text for caption in captions_of(clip, config.paraphrases)]
            used += [caption for clip in validation_text for caption in clip.captions]
            captions = sorted({caption.text for caption in used})
            self.states: StateCache = cached_states(cache / "captions.safetensors", captions, encoder)
        role_share = 0.0 if config.published else config.role_captions
        labels = label_values(train_text)
        self.captions = caption_table(train_text, self.states.number, role_share, labels, config.paraphrases)
        self.validation_captions = caption_table(validation_text, self.states.number, role_share, labels)
        note(f"transformer: {len(self.tokens.lengths)} excerpts, {len(captions)} captions")


def _texts(source: TrainingSource) -> list[ClipText]:
    return [source.text(clip) for clip in range(len(source))]


class TransformerStage(TrainingStage):
    """Masked token prediction for both persons."""

    name: ClassVar[str] = "transformer"
    section: ClassVar[str] = "transformer_training"
    config: TransformerTrainConfig
    model: InteractionTransformer
    objective: TransformerObjective

    def __init__(
        self, recipe: Recipe, data: TransformerData, model: InteractionTransformer, accelerator: Accelerator
    ):
        self.config, self._masking = recipe.transformer_training, recipe.masking
        self._data, self._device = data, accelerator.device
        self._rows = OwnRows(accelerator)
        self._rows.check(self.config.batch_size, self.section)
        self.model = model.to(self._device)
        if self.config.freeze_text:
            # Otherwise the text head would lose what the transformer does not use yet, such as who acts, and
            # the transformer could never learn to use it.
            for module in model.text_modules():
                module.requires_grad_(False)
        c = self.config
        self.objective = TransformerObjective(model, c.step_unroll, c.published, c.half_weights)
        self.steps_per_epoch = max(1, len(data.tokens.lengths) // self.config.batch_size)
        self._order: tuple[int, Tensor] | None = None
        if len(data.tokens.lengths) < self.config.batch_size:
            raise InputError(
                f"{len(data.tokens.lengths)} training excerpts are fewer than one batch; "
                f"--set {self.section}.batch_size={len(data.tokens.lengths)} fits"
            )

    def positions(self) -> int:
        """Tokens of both persons in the longest excerpts, in one or two passes."""
        tokens = 2 * BODY_ROWS * int(self._data.tokens.lengths.max())
        return self.config.batch_size * tokens * (2 if self.config.step_unroll > 0 else 1)

    def batch(self, step: int) -> TokenBatch:
        """Masked tokens and text of a step."""
        items = self._items(step)
        decision = decide(len(items), self._masking)
        # The given person of a reaction is the canonical one: with person 0 hidden that is person 1.
        canonical = (decision.hidden_person == 0).long()
        ids, lengths = self._data.tokens.take(items, canonical, self._rows.slice(len(items)))
        texts, _ = self._data.captions.draw(self._data.tokens.clips[items])
        codes = self.model.config.codebook_size
        draws = draw(decision, ids.shape[1], codes, self._masking)
        dropped = torch.rand(2, len(items)) < self.config.cond_drop
        own = self._rows.slice(len(items))
        draws = MaskingDraws(*(values[own] for values in draws))
        batch = self._assemble(ids, lengths, draws, texts[own], dropped[:, own])
        return self._with_neighbours(batch, self._data.tokens.clips[items], own)

    def _with_neighbours(self, batch: TokenBatch, clips: Tensor, own: slice) -> TokenBatch:
        """The batch with what its conditions are mixed with, and their noise, drawn for all `clips` (B,)."""
        c, d = self.config, self._device
        if c.full_condition + c.mixed_condition > 0:
            kind, between = torch.rand(2, len(clips))
            share = torch.where(kind < c.full_condition + c.mixed_condition, between, 1.0)
            share = torch.where(kind < c.full_condition, 0.0, share)
            states = self._data.states.take(self._data.captions.first(clips[own]))
            full = TextStates(states.states.to(d), states.mask.to(d), states.end.to(d))
            batch = batch._replace(full=full, own_share=share[own].to(d))
        if c.condition_noise > 0:
            config = self.model.config
            persons = PERSONS if config.person_condition else 1
            noise = torch.randn(len(clips), persons, config.text_width) * c.condition_noise
            batch = batch._replace(noise=noise[own].to(d))
        return batch

    def _items(self, step: int) -> Tensor:
        epoch, position = divmod(step, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            c = self.config
            self._order = (
                epoch,
                batch_order(self._data.tokens.lengths, c.seed, epoch, c.batch_size, c.bucket),
            )
        return self._order[1][position]

    def _assemble(
        self, ids: Tensor, lengths: Tensor, draws: MaskingDraws, texts: Tensor, dropped: Tensor
    ) -> TokenBatch:
        per_row = ids.shape[1] // 10
        valid = valid_positions(lengths, per_row)
        hidden = hide(ids, valid, draws, self.model.config.codebook_size, self.config.published)
        padded = bool((lengths < per_row).any())
        states = self._data.states.take(texts)
        d = self._device
        return TokenBatch(
            type(hidden)(*(tensor.to(d, non_blocking=True) for tensor in hidden)),
            lengths.to(d) if padded else None,
            TextStates(states.states.to(d), states.mask.to(d), states.end.to(d)),
            dropped.to(d),
        )

    def validate(self) -> dict[str, float]:
        """Accuracy with 30 and 70 % hidden, cross-entropy with all tokens or one person hidden."""
        tests = {"hidden30": (0.3, -1), "hidden70": (0.7, -1), "all": (1.0, -1), "reaction": (1.0, 1)}
        sums: dict[str, list[tuple[float, float]]] = {name: [] for name in tests}
        weights: dict[str, list[float]] = {name: [] for name in tests}
        count = min(len(self._data.validation_tokens), self.config.validate_clips)
        order = self._data.validation_tokens.lengths[:count].argsort(stable=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(0, "validation"))
            for items in order.split(VALIDATION_BATCH):
                for name, (ratio, hidden_person) in tests.items():
                    batch = self._validation_batch(items, ratio, hidden_person)
                    condition = self.model.condition(batch.text)
                    logits = self.model(batch.hidden.ids, condition, batch.lengths)
                    loss = masked_loss(logits, batch.hidden.labels)
                    sums[name].append((float(loss.ce), float(loss.accuracy)))
                    weights[name].append(float((batch.hidden.labels >= 0).sum()))
        mean = {
            name: (torch.tensor(sums[name]) * torch.tensor(weights[name])[:, None]).sum(0)
            / sum(weights[name])
            for name in tests
        }
        return {
            "score": float(mean["all"][0]),
            "all_hidden_ce": float(mean["all"][0]),
            "reaction_ce": float(mean["reaction"][0]),
            "accuracy_30": float(mean["hidden30"][1]),
            "accuracy_70": float(mean["hidden70"][1]),
            "ce_70": float(mean["hidden70"][0]),
        }

    def _validation_batch(self, items: Tensor, ratio: float, hidden_person: int) -> TokenBatch:
        data, size = self._data, len(items)
        ids, lengths = data.validation_tokens.take(items, torch.zeros(size, dtype=torch.int64), slice(None))
        decision = MaskingDecision(torch.full((size,), hidden_person), torch.zeros(size, dtype=torch.bool))
        codes = self.model.config.codebook_size
        draws = draw(decision, ids.shape[1], codes, MaskingConfig(corrupted_samples=0.0))
        draws = draws._replace(ratio=torch.full((size,), ratio))
        texts = data.validation_captions.first(data.validation_tokens.clips[items])
        batch = self._assemble(ids, lengths, draws, texts, torch.zeros(2, size, dtype=torch.bool))
        return batch


def new_transformer(recipe: Recipe, codebook: Tensor) -> InteractionTransformer:
    """A transformer with initial weights from the recipe's seed."""
    torch.manual_seed(recipe.transformer_training.seed)
    model = InteractionTransformer(recipe.transformer)
    if recipe.transformer_training.codebook_start:
        model.init_from_codebook(codebook)
    return model
