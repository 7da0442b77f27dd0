"""How a row of each stage is run: trained if it has to be, then scored against the held-out clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.ablations.generating import generated, reactions, timed
from benchmarks.ablations.judge import Judge, hand_gap_mm
from benchmarks.ablations.settings import Row
from benchmarks.ablations.token_layouts import LAYOUTS, LayoutStage
from benchmarks.ablations.transformer_variants import VARIANTS, Variant
from benchmarks.ablations.workspace import Workspace
from intermask_cli.config import SamplingConfig, from_dict
from intermask_cli.console import counter
from intermask_cli.inference.growing_clip import features_in, frames_at, motion_from
from intermask_cli.inference.model import InteractionModel
from intermask_cli.models.tokenizer import FRAMES_PER_TOKEN, Tokenizer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.skeleton import FPS
from intermask_cli.training.checkpoints import BEST, LAST, WEIGHTS, find_checkpoint, load_weights
from intermask_cli.training.config import Recipe
from intermask_cli.training.loop import StageRun
from intermask_cli.training.stages import TEXT_HEAD, parameter_count
from intermask_cli.training.transformer.stage import TransformerData, new_transformer
from intermask_cli.training.transformer.text_pretraining import TextPretraining

#: Names of validation figures here -> in the trainer.
VALIDATION = {
    "all_hidden_ce": "all_hidden_ce", "partner_hidden_ce": "reaction_ce", "accuracy_30": "accuracy_30",
    "accuracy_70": "accuracy_70",
}  # fmt: skip
#: Figures of a reaction that depend on the generated partner and not mostly on the given person.
REACTION = ("r1", "fid", "kind", "jerk_ratio", "skate_ratio")


# ---- rows of real motion, which are not trained


def run_real(space: Workspace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """The held-out clips, other real clips, or the held-out clips through the tokenizer.

    The seed has no influence; only the pools of R-Precision are random.
    """
    judge = space.judge
    if row.variant == "truth":
        return judge.motions([clip.joints for clip in judge.clips])
    if row.variant == "other":
        return judge.embedded(judge.other_real())
    assert row.variant == "reconstruction", row.variant
    rebuilt = []
    with counter("reconstruct", len(judge.clips), "clips") as progress:
        for clip in judge.clips:
            rebuilt.append(space.apart.reconstruct(clip.joints, clip.rotations6d, check_body=False).joints)
            progress.advance()
    return {**_errors(rebuilt, judge), **judge.motions(rebuilt)}


def _errors(rebuilt: list[np.ndarray], judge: Judge) -> dict[str, float]:
    """Joint error without alignment, and error of the distance of joined hands, in mm."""
    pairs = list(zip(rebuilt, judge.clips, strict=True))
    distances = [np.linalg.norm(joints - clip.joints, axis=-1).ravel() for joints, clip in pairs]
    gaps = np.concatenate([hand_gap_mm(joints, clip) for joints, clip in pairs])
    return {
        "mpjpe_mm": 1000 * float(np.concatenate(distances).mean()),
        "hand_gap_mm": float(gaps.mean()) if len(gaps) else float("nan"),
    }


# ---- sampling rows: the bundled model with one setting of its sampler


def run_sampling(space: Workspace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """Quality of the generated clips, and what they cost."""
    sampling, clips = from_dict(SamplingConfig, dict(row.sampling), row.name), space.judge.clips
    motions, cpu_seconds, clock_seconds = timed(lambda: generated(space.model, clips, seed, sampling))
    return {
        **space.judge.motions(motions),
        "passes": network_passes(sampling),
        "cpu_seconds_per_clip": cpu_seconds,
        "seconds_per_clip": clock_seconds,
    }


def network_passes(sampling: SamplingConfig) -> int:
    """Times the network runs for one clip; the first unconditional pass is kept from call to call."""
    if sampling.guidance in (0.0, 1.0):
        return sampling.steps
    return 2 * sampling.steps - 1


# ---- tokenizer rows: train a layout of tokens, then encode and decode the held-out clips


def run_tokenizer(space: Workspace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """Train (or finish training) in `folder`, then score."""
    stage = LayoutStage(
        LAYOUTS[row.variant],
        space.recipe(row, seed),
        space.train,
        space.held_out,
        space.bundle.normalizer,
        space.accelerator,
    )
    StageRun(stage, folder, space.accelerator, find_checkpoint(folder, LAST) is not None).run()
    load_weights(stage.model, folder / BEST / WEIGHTS)
    return _score_tokenizer(space, stage.model.eval())


@torch.inference_mode()
def _score_tokenizer(space: Workspace, tokenizer: Tokenizer) -> dict[str, float]:
    """Figures of the held-out clips after encoding and decoding."""
    normalizer, judge = space.bundle.normalizer, space.judge
    assert normalizer is not None
    rebuilt, token_maps = [], []
    for clip in judge.clips:
        motion = Motion(clip.joints, clip.rotations6d)
        frames = frames_at(motion, 0)
        flat = normalizer.normalize(np.stack(features_in(motion, frames))).astype(np.float32)  # (2, T, 262)
        ids = tokenizer.encode(torch.from_numpy(flat).to(space.accelerator.device))
        decoded = normalizer.denormalize(tokenizer.decode(ids).float().cpu().numpy())
        rebuilt.append(motion_from(decoded, frames).joints)
        token_maps.append(ids.cpu())
    per_step = token_maps[0].shape[:2].numel()  # rows of both persons' maps, or of the one for both
    used = torch.cat([ids.flatten() for ids in token_maps]).unique()
    return {
        **_errors(rebuilt, judge),
        **judge.motions(rebuilt),
        "codebook_use": len(used) / tokenizer.config.codebook_size,
        "tokens_per_second": per_step * FPS / FRAMES_PER_TOKEN,
        "parameters": parameter_count(tokenizer),
    }


# ---- transformer rows: train a variant, then generate and react for the captions of the held-out clips


def run_transformer(space: Workspace, row: Row, seed: int, folder: Path) -> dict[str, float]:
    """Train (or finish training) in `folder`, then score; figures of reactions begin with `reaction_`."""
    recipe, variant = space.recipe(row, seed), VARIANTS[row.variant]
    transformer, validation = _train_transformer(space, recipe, variant, space.tokens(row, recipe), folder)
    model, judge = _assembled(space, recipe, variant, transformer), space.judge
    pairs, partners = reactions(model, judge.clips, seed, recipe.sampling)
    reaction = judge.motions(pairs, partners)
    return {
        **{name: validation[trainers_name] for name, trainers_name in VALIDATION.items()},
        **judge.motions(generated(model, judge.clips, seed, recipe.sampling)),
        **{f"reaction_{name}": reaction[name] for name in REACTION},
        "parameters": parameter_count(transformer),
    }


def _train_transformer(
    space: Workspace, recipe: Recipe, variant: Variant, data: TransformerData, folder: Path
) -> tuple[InteractionTransformer, dict[str, Any]]:
    """The text head's start, then the transformer -> its weights at the end and their validation."""
    codebook = space.bundle.tokenizer.quantizer.first.codebook.cpu()
    model = variant.change(new_transformer(recipe, codebook)).to(space.accelerator.device)
    started = find_checkpoint(folder, LAST) is not None
    head = folder / TEXT_HEAD
    if recipe.text_pretraining.enabled and not started:
        pretraining = TextPretraining(recipe, data, model, space.accelerator)
        StageRun(pretraining, head, space.accelerator, find_checkpoint(head, LAST) is not None).run()
    stage = variant.stage(recipe, data, model, space.accelerator)
    report = StageRun(stage, folder, space.accelerator, started).run()
    load_weights(model, folder / BEST / WEIGHTS)
    return model.eval(), report["best"]


def _assembled(
    space: Workspace, recipe: Recipe, variant: Variant, transformer: InteractionTransformer
) -> InteractionModel:
    """The bundled model with the variant as its transformer."""
    encoder = variant.encoder(space.model.filler.text_encoder)
    identity = {"id": encoder.id, "sha256": encoder.sha256, "dim": encoder.dim}
    info = replace(space.bundle.info, transformer=recipe.transformer, text_encoder=identity)
    bundle = replace(space.bundle, info=info, transformer=transformer)
    model = InteractionModel(bundle, encoder, space.device)
    filler = model.filler
    model.clips.filler = variant.filler(filler.transformer, encoder, filler.device, filler.batch_size)
    return model


#: Stage -> how its rows are run: workspace, row, seed, folder for training files -> figures.
STAGE_RUNNERS: dict[str, Callable[[Workspace, Row, int, Path], dict[str, float]]] = {
    "real": run_real,
    "tokenizer": run_tokenizer,
    "transformer": run_transformer,
    "sampling": run_sampling,
}
