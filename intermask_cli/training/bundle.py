"""Model bundles from training folders: checks that the stages fit, writes weights, provenance and card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from intermask_cli.console import note
from intermask_cli.errors import InputError
from intermask_cli.files import json_object
from intermask_cli.models.bundle import Bundle, save_bundle
from intermask_cli.models.bundle_files import check_free
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.models.pair_decoder import PairDecoder
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.training.checkpoints import REMEDY, STATE, find_checkpoint
from intermask_cli.training.recipes import read_config, read_recipe, recipe_to_dict
from intermask_cli.training.stages import (
    bundle_at,
    load_trained_pair_decoder,
    load_trained_tokenizer,
    load_trained_transformer,
    parameter_count,
)
from intermask_cli.training.transformer.token_cache import tokens_digest
from intermask_cli.version import __version__


def assemble_bundle(
    tokenizer_folder: Path,
    transformer_folder: Path,
    pair_decoder_folder: Path | None,
    out: Path,
    name: str,
    licence: str | None,
    training_data: str | None,
    fp16: bool,
    body: str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the best weights of every stage as a bundle -> a summary.

    tokenizer_folder: a training folder, or the model bundle whose tokens the transformer was trained on.
    fp16: half precision instead of full.
    pair_decoder_folder: a training folder or a bundle; None takes the pair decoder of the tokenizer's bundle.
    licence, training_data: None takes those of the model that the transformer starts from.
    body: what the model's motion becomes by default, "rigid" or "decoded"; None: as in the tokenizer's
    bundle, else "decoded".
    overwrite: replace another bundle in the folder.
    Raises InputError if the stages were not trained on the same tokens.
    """
    check_free(out, overwrite)
    tokenizer_bundle = bundle_at(tokenizer_folder)
    for folder in [transformer_folder] + ([] if tokenizer_bundle else [tokenizer_folder]):
        if "stage" not in read_config(folder):
            raise InputError(
                f"{folder}: not a training folder; accepted: a folder written by `intermask train`"
            )
    tokenizer, normalizer, tokenizer_recipe = load_trained_tokenizer(tokenizer_folder)
    transformer, recipe = load_trained_transformer(transformer_folder)
    config = read_config(transformer_folder)
    if recipe.tokenizer != tokenizer_recipe.tokenizer:
        raise InputError(f"{transformer_folder} was trained with another tokenizer than {tokenizer_folder}")
    expected = config.get("tokens_digest")
    if expected != tokens_digest(tokenizer):
        raise InputError(
            f"{transformer_folder} was trained on the tokens of other weights than those now in "
            f"{tokenizer_folder}; train the transformer again"
        )
    pair_decoder, pair_recipe, pair_validation = None, {}, {}
    pair_bundle = bundle_at(pair_decoder_folder) if pair_decoder_folder is not None else tokenizer_bundle
    if pair_bundle is not None:
        pair_decoder = _pair_decoder_of(pair_bundle, tokenizer, named=pair_decoder_folder is not None)
        if pair_decoder is not None:
            if pair_decoder_folder is None:
                note(f"pair decoder: that of {pair_bundle.info.name}")
            provenance = pair_bundle.info.provenance
            pair_recipe = _pair_sections(provenance.get("recipe", {}))
            pair_validation = provenance.get("validation", {}).get("pair_decoder", {})
    elif pair_decoder_folder is not None:
        if read_config(pair_decoder_folder).get("tokens_digest") != expected:
            raise InputError(f"{pair_decoder_folder} was trained on other tokens than {transformer_folder}")
        pair_decoder = load_trained_pair_decoder(pair_decoder_folder)
        pair_recipe = _pair_sections(recipe_to_dict(read_recipe(pair_decoder_folder)))
        pair_validation = _validation(pair_decoder_folder)
    origin = config.get("origin")
    if pair_decoder is None and origin and origin.get("pair_decoder"):
        note(
            f"the pair decoder of {origin['name']} is left out: it is for the tokenizer of {origin['name']}; "
            f"--tokenizer {origin['name']} keeps it, `intermask train pair-decoder` makes another"
        )
    if tokenizer_bundle and origin is None:
        origin = vars(tokenizer_bundle.info)
    data = [Path(folder).name for folder in config.get("data", ())]
    licence = _inherited(licence, origin, "licence", "")
    training_data = _inherited(
        training_data, origin, "training_data", f"further trained on {', '.join(data)}"
    )
    if tokenizer_bundle:
        provenance = tokenizer_bundle.info.provenance
        validation = {"tokenizer": provenance.get("validation", {}).get("tokenizer", {})}
        tokenizer_training = provenance.get("recipe", {}).get("tokenizer_training", {})
    else:
        validation = {"tokenizer": _validation(tokenizer_folder)}
        tokenizer_training = recipe_to_dict(tokenizer_recipe)["tokenizer_training"]
    validation["transformer"] = _validation(transformer_folder)
    if pair_decoder is not None:
        validation["pair_decoder"] = pair_validation
    info = BundleInfo(
        name=name,
        tokenizer=recipe.tokenizer,
        transformer=recipe.transformer,
        text_encoder=config.get("text_encoder"),  # type: ignore[arg-type]  # the record checks it
        sampling=recipe.sampling,
        max_frames=recipe.transformer_training.max_frames,
        licence=licence,
        training_data=training_data,
        provenance={
            "intermask": __version__,
            "recipe": {
                **recipe_to_dict(recipe),
                "tokenizer_training": tokenizer_training,
                **pair_recipe,
            },
            "validation": validation,
        },
        pair_decoder=pair_decoder.config if pair_decoder else None,
        body=body or (tokenizer_bundle.info.body if tokenizer_bundle else "decoded"),
    )
    card = _card(name, licence, training_data, validation)
    normalizer_or_none = normalizer if info.representation.normalised else None
    digest = save_bundle(
        out, info, tokenizer, transformer, normalizer_or_none, card, fp16, pair_decoder, overwrite
    )
    return {
        "bundle": str(out),
        "sha256": digest,
        "tokenizer_parameters": parameter_count(tokenizer),
        "transformer_parameters": parameter_count(transformer),
        **({"pair_decoder_parameters": parameter_count(pair_decoder)} if pair_decoder else {}),
        "megabytes": round(sum(p.stat().st_size for p in out.iterdir()) / 1e6, 2),
        **{f"{stage}_validation": figures for stage, figures in validation.items()},
    }


def _pair_decoder_of(bundle: Bundle, tokenizer: Tokenizer, named: bool) -> PairDecoder | None:
    """The pair decoder of a bundle, if it learnt from the decoded motion of this tokenizer.

    Raises InputError if the user `named` a bundle that has none, or one for other tokens.
    """
    fits = tokens_digest(bundle.tokenizer) == tokens_digest(tokenizer)
    if bundle.pair_decoder is not None and fits:
        return bundle.pair_decoder
    if named:
        reason = "its pair decoder is for other tokens" if bundle.pair_decoder else "it has no pair decoder"
        raise InputError(f"--pair-decoder {bundle.info.name}: {reason}; leave --pair-decoder out")
    return None


def _pair_sections(recipe: dict[str, Any]) -> dict[str, Any]:
    return {name: keys for name, keys in recipe.items() if name.startswith("pair_decoder")}


def _inherited(given: str | None, origin: dict[str, Any] | None, name: str, further: str) -> str:
    """A field of the card: as given, else that of the model the weights start from, with what is added.

    Where nothing states it the field is empty, and a note asks for the option.
    """
    if given is not None:
        return given
    stated = (origin or {}).get(name, "")
    if origin is None or not stated:
        of = f" by {origin['name']}, which the weights start from" if origin is not None else ""
        note(f"{name} is not stated{of}; give it as --{name.replace('_', '-')}")
    if origin is None:
        return ""
    source = f"from {origin['name']}"
    before = f"{stated} ({source})" if stated and "(from " not in stated else stated or source
    return f"{before}; {further}" if further else before if stated else ""


def _validation(folder: Path) -> dict[str, Any]:
    checkpoint = find_checkpoint(folder, "best")
    assert checkpoint is not None  # the weights were just loaded from it
    return json_object(checkpoint / STATE, REMEDY)


def _card(name: str, licence: str, training_data: str, validation: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"# {name}",
        "",
        f"Training data: {training_data or 'not stated'}.",
        f"Licence: {licence or 'not stated'}.",
        "",
    ]
    for stage, figures in validation.items():
        lines += [f"## {stage} at its best validation", ""]
        numbers = {key: value for key, value in figures.items() if isinstance(value, int | float)}
        lines += [f"- {key}: {value:.4g}" for key, value in numbers.items() if key != "score"]
        lines.append("")
    # benchmarks.bundled_model pastes its table here.
    lines += [
        "## Measured on held-out clips",
        "",
        "<!-- bundled-model:begin -->",
        "<!-- bundled-model:end -->",
        "",
    ]
    return "\n".join(lines)
