"""Models as folders of weights (`models.bundle_info`): saving and loading."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from intermask_cli.errors import InputError
from intermask_cli.files import write_text
from intermask_cli.models.bundle_files import CARD, new_bundle, write_config
from intermask_cli.models.bundle_info import (
    MODEL,
    NORMALIZER,
    PAIR_DECODER,
    TOKENIZER,
    TRANSFORMER,
    BundleInfo,
    bundle_sha256,
    read_info,
    resolve_bundle,
)
from intermask_cli.models.codebook import EXTRA_BUFFERS, Codebook
from intermask_cli.models.pair_decoder import PairDecoder
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.models.weights import load_network, save_weights
from intermask_cli.motion.normalizer import Normalizer


@dataclass(frozen=True)
class Bundle:
    """A loaded model in eval mode, float32; `sha256` covers all its files but the card."""

    info: BundleInfo
    tokenizer: Tokenizer
    transformer: InteractionTransformer
    pair_decoder: PairDecoder | None
    normalizer: Normalizer | None
    sha256: str
    folder: Path


def save_bundle(
    folder: Path,
    info: BundleInfo,
    tokenizer: Tokenizer,
    transformer: InteractionTransformer,
    normalizer: Normalizer | None,
    card: str,
    fp16: bool = False,
    pair_decoder: PairDecoder | None = None,
    overwrite: bool = False,
) -> str:
    """Write a bundle, return its SHA-256; `fp16` stores matrices in half precision, vectors in float32.

    Raises InputError for a folder that holds anything; with `overwrite`, anything but a bundle.
    """
    if (normalizer is not None) != info.representation.normalised:
        need = "no normaliser" if normalizer is not None else "a normaliser"
        raise InputError(f"{info.name}: a bundle for {info.representation} takes {need}")
    if (pair_decoder.config if pair_decoder else None) != info.pair_decoder:
        raise InputError(f"{info.name}: config.json and the pair decoder disagree")
    state = {k: v for k, v in tokenizer.state_dict().items() if k.rpartition(".")[2] not in EXTRA_BUFFERS}
    with new_bundle(folder, overwrite) as draft:
        save_weights(state, draft / TOKENIZER, fp16)
        save_weights(transformer.state_dict(), draft / TRANSFORMER, fp16)
        if pair_decoder is not None:
            save_weights(pair_decoder.state_dict(), draft / PAIR_DECODER, fp16)
        if normalizer is not None:
            normalizer.save(draft / NORMALIZER)
        write_text(draft / CARD, card)
        write_config(draft, MODEL, info)
    return bundle_sha256(folder)


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Load the model with a bundled name, in a folder or with a hub id.

    Raises:
        MissingError: no such model. InputError: a damaged or incomplete bundle.
    """
    folder = resolve_bundle(str(name_or_path))
    info = read_info(folder)
    sizes = info.tokenizer, info.transformer, info.pair_decoder
    tokenizer = load_network(partial(Tokenizer, sizes[0]), sizes[0], folder / TOKENIZER, absent=EXTRA_BUFFERS)
    transformer = load_network(partial(InteractionTransformer, sizes[1]), sizes[1], folder / TRANSFORMER)
    pair_decoder = None
    if sizes[2] is not None:
        pair_decoder = load_network(partial(PairDecoder, sizes[2]), sizes[2], folder / PAIR_DECODER).eval()
    for layer in tokenizer.quantizer.layers:
        assert isinstance(layer, Codebook)
        layer.adopt(layer.codebook.clone())
    normalizer = None
    if info.representation.normalised:
        normalizer = Normalizer.load(folder / NORMALIZER)
    sha256 = bundle_sha256(folder)
    return Bundle(info, tokenizer.eval(), transformer.eval(), pair_decoder, normalizer, sha256, folder)
