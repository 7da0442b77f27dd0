"""Training stages: each reads data and the folders of earlier stages, trains, and writes its own folder.

=====================  ====================================================================
file                   content
=====================  ====================================================================
config.json            the recipe as used, the data, and what the stage depends on
normalizer.npz         statistics of the features (tokenizer folder)
best/ last/            weights of the best validation; everything a resume needs
train.csv              a row every `log_steps` steps;  validation.csv a row per validation
report.json curves.png summary at the end; training and validation curves
=====================  ====================================================================
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from accelerate import Accelerator
from torch import nn

from intermask_cli.errors import InputError
from intermask_cli.inference.model import DEFAULT_ENCODERS
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.bundle import Bundle, load_bundle
from intermask_cli.models.bundle_info import list_bundled
from intermask_cli.models.pair_decoder import PairDecoder
from intermask_cli.models.text_encoders import TextEncoder, load_text_encoder
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.models.weights import load_network
from intermask_cli.motion.body_model import BodyModel
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.training.checkpoints import (
    BEST,
    LAST,
    REMEDY,
    WEIGHTS,
    best_weights,
    find_checkpoint,
)
from intermask_cli.training.config import Recipe, TransformerTrainConfig
from intermask_cli.training.loop import StageRun
from intermask_cli.training.pair_decoder.corrupted_pairs import (
    CLIP_BATCH,
    CorruptedPairs,
    PairCorruptor,
    cached_maps,
    draw_clips,
)
from intermask_cli.training.pair_decoder.stage import PairDecoderStage
from intermask_cli.training.recipes import CONFIG, open_folder, read_config, read_recipe, update_config
from intermask_cli.training.sources.open import checked_splits
from intermask_cli.training.sources.source import TrainingSource, source_normalizer
from intermask_cli.training.tokenizer.interx_body import InterXBody
from intermask_cli.training.tokenizer.stage import RefineStage, TokenizerStage
from intermask_cli.training.transformer.fit import for_data
from intermask_cli.training.transformer.stage import TransformerData, TransformerStage, new_transformer
from intermask_cli.training.transformer.text_pretraining import TextPretraining
from intermask_cli.training.transformer.token_cache import tokenizer_digest, tokens_digest, weights_digest
from intermask_cli.training.transformer.warm_start import start_from

N = TypeVar("N", bound=nn.Module)
NORMALIZER, TEXT_HEAD, CACHE = "normalizer.npz", "text_head", "cache"


def train_tokenizer(
    recipe: Recipe,
    data: Sequence[Path],
    out: Path,
    resume: bool,
    accelerator: Accelerator,
    body_model: Path | None = None,
) -> dict[str, Any]:
    """Train the tokenizer (first stage) -> the report.

    body_model: SMPLX_NEUTRAL.npz, which the losses of Inter-X need.
    """
    body = InterXBody(BodyModel.load(body_model)) if body_model else None
    train, validation = checked_splits(data)
    depends = {"data": _names(data)}
    content = motion_digests(train, validation)
    open_folder(out, "tokenizer", recipe, depends, content, resume, accelerator, (NORMALIZER,))
    with accelerator.main_process_first():
        if not (out / NORMALIZER).is_file():
            source_normalizer(train).save(out / NORMALIZER)
        normalizer = Normalizer.load(out / NORMALIZER)
    stage = TokenizerStage(recipe, train, validation, normalizer, accelerator, body)
    return StageRun(stage, out, accelerator, resume).run()


def refine_tokenizer(
    recipe: Recipe,
    data: Sequence[Path],
    tokenizer_folder: Path,
    out: Path,
    decoder_only: bool,
    resume: bool,
    accelerator: Accelerator,
) -> dict[str, Any]:
    """Train a finished tokenizer further (optional) -> the report.

    Later stages read the new folder instead of the old one. With `decoder_only` the tokens stay the same,
    so a transformer trained on them stays valid.
    """
    tokenizer, normalizer, tokenizer_recipe = load_trained_tokenizer(tokenizer_folder)
    recipe = dataclasses.replace(
        recipe, tokenizer=tokenizer_recipe.tokenizer, tokenizer_training=tokenizer_recipe.tokenizer_training
    )
    train, validation = checked_splits(data)
    depends = {"data": _names(data), "tokenizer": str(tokenizer_folder), "decoder_only": decoder_only}
    content = {
        **motion_digests(train, validation),
        "tokenizer": tokenizer_digest(tokenizer, normalizer),
        "--decoder-only": str(decoder_only),
    }
    open_folder(out, "refine", recipe, depends, content, resume, accelerator, (NORMALIZER,))
    if accelerator.is_main_process:
        normalizer.save(out / NORMALIZER)
    stage = RefineStage(recipe, train, validation, normalizer, accelerator)
    stage.start_from(tokenizer, decoder_only)
    return StageRun(stage, out, accelerator, resume).run()


def train_transformer(
    recipe: Recipe,
    data: Sequence[Path],
    tokenizer_folder: Path,
    out: Path,
    resume: bool,
    accelerator: Accelerator,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train the transformer (second stage), its text head first if the recipe says so -> the report.

    start: training folder or bundle of a transformer of the same sizes, for the initial weights.
    """
    tokenizer, normalizer, tokenizer_recipe = load_trained_tokenizer(tokenizer_folder)
    recipe = dataclasses.replace(recipe, tokenizer=tokenizer_recipe.tokenizer)
    trained = load_start(start) if start is not None else None
    train, validation = checked_splits(data)
    recipe = for_data(recipe, train, ", ".join(_names(data)), from_start=trained is not None)
    encoder = load_text_encoder(recipe.transformer_training.text_encoder, accelerator.device.type)
    check_text_width(encoder, recipe)
    model = new_transformer(recipe, tokenizer.quantizer.first.codebook.cpu())
    if start is not None and trained is not None:
        start_from(model, trained, start)
    depends = {
        "data": _names(data),
        "tokenizer": str(tokenizer_folder),
        "start": str(start) if start else None,
    }
    content = {
        **motion_digests(train, validation),
        "captions": captions_digest(train, validation),
        "tokenizer": tokenizer_digest(tokenizer, normalizer),
        "start": weights_digest(trained) if trained is not None else None,
        "text encoder": encoder.sha256,
    }
    open_folder(out, "transformer", recipe, depends, content, resume, accelerator, (TEXT_HEAD,))
    identity = {"id": encoder.id, "sha256": encoder.sha256, "dim": encoder.dim}
    origin = start_origin(start) if start is not None else None
    if accelerator.is_main_process:
        update_config(
            out, {"text_encoder": identity, "tokens_digest": tokens_digest(tokenizer), "origin": origin}
        )
    tokens = TransformerData(
        recipe,
        train,
        validation,
        tokenizer.to(accelerator.device),
        normalizer,
        encoder,
        out / CACHE,
        accelerator,
    )
    del encoder
    has_checkpoint = find_checkpoint(out, LAST) is not None
    if recipe.text_pretraining.enabled and not (resume and has_checkpoint):
        head = out / TEXT_HEAD
        resume_head = resume and find_checkpoint(head, LAST) is not None
        StageRun(TextPretraining(recipe, tokens, model, accelerator), head, accelerator, resume_head).run()
    stage = TransformerStage(recipe, tokens, model, accelerator)
    return StageRun(stage, out, accelerator, resume and has_checkpoint).run()


def train_pair_decoder(
    recipe: Recipe,
    data: Sequence[Path],
    tokenizer_folder: Path,
    transformer_folder: Path,
    out: Path,
    resume: bool,
    accelerator: Accelerator,
    text_encoder: str | None = None,
) -> dict[str, Any]:
    """Train the pair decoder (optional last stage) on clips that the two models corrupt -> the report.

    text_encoder: the transformer's, where it cannot be found under the recorded name.
    Raises InputError if the transformer was not trained on tokens of this tokenizer.
    """
    tokenizer, normalizer, tokenizer_recipe = load_trained_tokenizer(tokenizer_folder)
    transformer, trained = load_trained_transformer(transformer_folder)
    if _training_tokens_digest(transformer_folder) != tokens_digest(tokenizer):
        raise InputError(
            f"{transformer_folder} was not trained on tokens of {tokenizer_folder}; "
            "give the tokenizer it was trained with, or one refined with --decoder-only"
        )
    if not tokenizer.representation.holds_joints:
        raise InputError(
            f"{tokenizer_folder}: a tokenizer of {tokenizer.representation}, which has no joints to correct; "
            "accepted: interhuman"
        )
    recipe = dataclasses.replace(recipe, tokenizer=tokenizer_recipe.tokenizer)
    device = accelerator.device
    encoder = load_text_encoder(text_encoder or trained.transformer_training.text_encoder, device.type)
    sources = checked_splits(data)
    depends = {
        "data": _names(data),
        "tokenizer": str(tokenizer_folder),
        "transformer": str(transformer_folder),
    }
    models = {
        "tokenizer": tokenizer_digest(tokenizer, normalizer),
        "transformer": weights_digest(transformer),
        "text encoder": encoder.sha256,
    }
    captions = captions_digest(*sources)
    content = {**motion_digests(*sources), "captions": captions, **models}
    open_folder(out, "pair_decoder", recipe, depends, content, resume, accelerator)
    filler = TokenFiller(transformer.to(device), encoder, device, lambda tokens: CLIP_BATCH)
    training = recipe.pair_decoder_training
    splits: list[CorruptedPairs] = []
    with accelerator.main_process_first():
        counts = (training.clips, training.validate_clips)
        for split, source, count in zip(("train", "val"), sources, counts, strict=True):
            clips = draw_clips(source, count, training.seed)
            key = {
                **models, "source": source.digest, "captions": captions,
                "settings": json.dumps(_fill_settings(recipe), sort_keys=True),
            }  # fmt: skip
            corruptor = PairCorruptor(
                source, tokenizer.to(device), normalizer, filler, training, recipe.sampling
            )
            file = out / CACHE / f"{split}-tokens.safetensors"
            maps = cached_maps(file, key, partial(corruptor.maps, clips))
            splits.append(corruptor.pairs(clips, maps))
    stage = PairDecoderStage(recipe, splits[0], splits[1], accelerator)
    if accelerator.is_main_process:
        update_config(out, {"tokens_digest": tokens_digest(tokenizer)})
    return StageRun(stage, out, accelerator, resume).run()


def _names(folders: Sequence[Path]) -> list[str]:
    return [str(folder) for folder in folders]


def motion_digests(train: TrainingSource, validation: TrainingSource) -> dict[str, str | None]:
    """Digests of the motion of both splits, by the names that messages have for them."""
    return {"training motion": train.digest, "validation motion": validation.digest}


def captions_digest(*sources: TrainingSource) -> str:
    """Digest of all captions of some sources."""
    digest = hashlib.sha256()
    for source in sources:
        for clip in range(len(source)):
            for caption in source.text(clip).captions:
                digest.update(caption.text.encode() + b"\n")
            digest.update(b"\n")
    return digest.hexdigest()[:16]


def check_text_width(encoder: TextEncoder, recipe: Recipe) -> None:
    """InputError unless the transformer reads states of the encoder's width."""
    if encoder.dim != recipe.transformer.text_dim:
        raise InputError(
            f"text encoder {encoder.id} has width {encoder.dim}, the recipe's transformer reads "
            f"{recipe.transformer.text_dim}; --set transformer.text_dim={encoder.dim} fits, or give another "
            "--text-encoder"
        )


def _fill_settings(recipe: Recipe) -> dict[str, Any]:
    """Settings on which the filled tokens depend, for the key of the cache; models and clips have digests."""
    names = (
        "seed",
        "clips",
        "validate_clips",
        "intact_share",
        "max_masked_share",
        "fill_steps",
        "max_frames",
    )
    training = {name: getattr(recipe.pair_decoder_training, name) for name in names}
    return {**training, **dataclasses.asdict(recipe.sampling)}


def load_trained(build: Callable[[], N], sizes: Any, path: Path) -> N:
    """A trained network, built only if the file with its weights has these sizes."""
    return load_network(build, sizes, path, remedy=REMEDY)


def load_trained_pair_decoder(folder: Path) -> PairDecoder:
    """The pair decoder of a training folder (best weights)."""
    sizes = read_recipe(folder).pair_decoder
    return load_trained(partial(PairDecoder, sizes), sizes, best_weights(folder)).eval()


def load_trained_tokenizer(source: Path) -> tuple[Tokenizer, Normalizer, Recipe]:
    """The tokenizer of a training folder (best weights) or a model bundle -> model, statistics, recipe."""
    if (bundle := bundle_at(source)) is not None:
        if bundle.normalizer is None:
            raise InputError(
                f"{source}: a bundle of an Inter-X model, which has no statistics; give a training folder"
            )
        return bundle.tokenizer, bundle.normalizer, _bundle_recipe(bundle)
    recipe = read_recipe(source)
    sizes = recipe.tokenizer
    tokenizer = load_trained(partial(Tokenizer, sizes), sizes, best_weights(source))
    return tokenizer.eval(), Normalizer.load(source / NORMALIZER), recipe


def load_trained_transformer(source: Path) -> tuple[InteractionTransformer, Recipe]:
    """The transformer of a training folder (best weights) or a model bundle -> model, recipe."""
    if (bundle := bundle_at(source)) is not None:
        return bundle.transformer, _bundle_recipe(bundle)
    recipe = read_recipe(source)
    sizes = recipe.transformer
    transformer = load_trained(partial(InteractionTransformer, sizes), sizes, best_weights(source))
    return transformer.eval(), recipe


def bundle_at(source: Path) -> Bundle | None:
    """The model bundle of that name or folder; None for anything else, such as a training folder."""
    if not (source / CONFIG).is_file():
        return load_bundle(str(source)) if str(source) in list_bundled() else None
    return None if "stage" in read_config(source) else load_bundle(str(source))


def _training_tokens_digest(source: Path) -> str | None:
    """Digest of the tokens that a transformer, in a folder or a bundle, was trained on."""
    bundle = bundle_at(source)
    return tokens_digest(bundle.tokenizer) if bundle else read_config(source).get("tokens_digest")


def _bundle_recipe(bundle: Bundle) -> Recipe:
    encoder = bundle.info.text_encoder["id"]
    training = TransformerTrainConfig(text_encoder=DEFAULT_ENCODERS.get(encoder, encoder))
    return Recipe(
        tokenizer=bundle.info.tokenizer, transformer=bundle.info.transformer, transformer_training=training
    )


def start_origin(start: Path) -> dict[str, Any]:
    """What a transformer starts from: name, licence and training data of the bundle it began with.

    A training folder passes on what it began with itself.
    """
    bundle = bundle_at(start)
    if bundle is None:
        unknown = {"name": start.name, "licence": "", "training_data": "", "pair_decoder": False}
        return read_config(start).get("origin") or unknown
    info = bundle.info
    return {
        "name": info.name,
        "licence": info.licence,
        "training_data": info.training_data,
        "pair_decoder": info.pair_decoder is not None,
    }


def load_start(folder: Path) -> InteractionTransformer:
    """Best weights of a transformer, with the text head of its pretraining where the folder has one.

    Training the transformer weakens information in the text head that it does not use yet, such as who acts.
    A further pretraining therefore starts from the text head before that training.
    """
    trained, recipe = load_trained_transformer(folder)
    pretrained = find_checkpoint(folder / TEXT_HEAD, BEST)
    if pretrained is not None:
        sizes = recipe.transformer
        with_head = load_trained(partial(InteractionTransformer, sizes), sizes, pretrained / WEIGHTS)
        for module, source in zip(trained.text_modules(), with_head.text_modules(), strict=True):
            module.load_state_dict(source.state_dict())
    return trained


def parameter_count(model: nn.Module) -> int:
    """Number of parameters of a model, without buffers."""
    return sum(p.numel() for p in model.parameters())
