"""A transformer row: train a variant, then generate and react for the captions of the held-out clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.ablations.generating import generated, reactions
from benchmarks.ablations.settings import Row
from benchmarks.ablations.transformer_variants import VARIANTS, Variant
from benchmarks.ablations.workplace import Workplace
from intermask_cli.config import SamplingConfig
from intermask_cli.inference.model import InteractionModel
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.checkpoints import BEST, LAST, WEIGHTS, find_checkpoint, load_weights
from intermask_cli.training.config import Recipe
from intermask_cli.training.loop import StageRun
from intermask_cli.training.stages import TEXT_HEAD, parameter_count
from intermask_cli.training.transformer.stage import TransformerData, new_transformer
from intermask_cli.training.transformer.text_pretraining import TextPretraining

#: Names of validation figures here and in the trainer.
VALIDATION = {
    "all_hidden_ce": "all_hidden_ce", "partner_hidden_ce": "reaction_ce", "accuracy_30": "accuracy_30",
    "accuracy_70": "accuracy_70",
}  # fmt: skip
#: Figures of a reaction that say something about the partner that was made.
REACTION = ("r1", "fid", "kind", "jerk_ratio", "skate_ratio")


def run(place: Workplace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """Train (or finish training) in `folder`, then score."""
    recipe, variant = place.recipe(row, seed), VARIANTS[row.variant]
    transformer, best = train(place, recipe, variant, place.tokens(row, recipe), folder)
    model = assembled(place, recipe, variant, transformer)
    return {
        **{ours: best[theirs] for ours, theirs in VALIDATION.items()},
        **score(place, model, recipe.sampling, seed),
        "parameters": parameter_count(transformer),
    }


def train(
    place: Workplace, recipe: Recipe, variant: Variant, data: TransformerData, folder: Path
) -> tuple[InteractionTransformer, dict[str, Any]]:
    """The text head's start, then the transformer -> its weights at the end and their validation."""
    codebook = place.bundle.tokenizer.quantizer.first.codebook.cpu()
    model = variant.change(new_transformer(recipe, codebook)).to(place.accelerator.device)
    started = find_checkpoint(folder, LAST) is not None
    head = folder / TEXT_HEAD
    if recipe.text_pretraining.enabled and not started:
        again = find_checkpoint(head, LAST) is not None
        StageRun(
            TextPretraining(recipe, data, model, place.accelerator), head, place.accelerator, again
        ).run()
    stage = variant.stage(recipe, data, model, place.accelerator)
    report = StageRun(stage, folder, place.accelerator, started).run()
    load_weights(model, folder / BEST / WEIGHTS)
    return model.eval(), report["best"]


def assembled(
    place: Workplace, recipe: Recipe, variant: Variant, transformer: InteractionTransformer
) -> InteractionModel:
    """The variant in the place of the bundled transformer."""
    encoder = variant.encoder(place.model.filler.text_encoder)
    identity = {"id": encoder.id, "sha256": encoder.sha256, "dim": encoder.dim}
    info = replace(place.bundle.info, transformer=recipe.transformer, text_encoder=identity)
    bundle = replace(place.bundle, info=info, transformer=transformer)
    model = InteractionModel(bundle, encoder, place.device)
    filler = model.filler
    model.clips.filler = variant.filler(filler.transformer, encoder, filler.device, filler.batch_size)
    return model


def score(place: Workplace, model: InteractionModel, sampling: SamplingConfig, seed: int) -> dict[str, float]:
    """Figures of generated pairs, and of reactions under `reaction_`."""
    judge = place.judge
    pairs, made = reactions(model, judge.clips, seed, sampling)
    reacted = judge.motions(pairs, made)
    return {
        **judge.motions(generated(model, judge.clips, seed, sampling)),
        **{f"reaction_{name}": reacted[name] for name in REACTION},
    }
