"""Published InterMask checkpoints as our modules and bundles (docs/reference/model.md#checkpoint-files).

A published model is two folders side by side, `<dataset>/<transformer>` and `<dataset>/<tokenizer>`;
the transformer's options name the tokenizer. Sizes come from the tensors; `opt.txt` supplies what
cannot be read from tensors, and must not contradict them. Every key is accounted for: unknown, missing or
misshapen ones are refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from intermask_cli.config import STEMS, TokenizerConfig, TransformerConfig
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import file_sha256
from intermask_cli.models.bundle import save_bundle
from intermask_cli.models.bundle_files import check_free
from intermask_cli.models.bundle_info import BundleInfo
from intermask_cli.models.codebook import EXTRA_BUFFERS, Codebook
from intermask_cli.models.positional import frequencies
from intermask_cli.models.published_files import (
    BEST,
    Options,
    State,
    checkpoint_file,
    count,
    load_exactly,
    number,
    numbered,
    read_options,
    read_state,
    sizes,
)
from intermask_cli.models.text_encoders import CLIP_HUB_ID
from intermask_cli.models.tokenizer import PLANES, Tokenizer
from intermask_cli.models.transformer import SPECIAL_IDS, InteractionTransformer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation import (
    INTERHUMAN,
    INTERX,
    Representation,
    representation_named,
)

#: Names under which published checkpoints hold the state dict.
TOKENIZER_KEYS = ("vq_model", "net")
TRANSFORMER_KEYS = ("t2m_transformer", "trans")
#: Prefix of the frozen CLIP weights in a transformer's checkpoint; ours come from the text encoder.
FROZEN_CLIP = "clip_"
#: Heads of the published text layers; fixed in its code, and not visible in the tensors.
CLIP_HEADS = 8
#: What the frozen encoder of all published models is called; their weights are not pinned by a hash.
CLIP_ID = CLIP_HUB_ID.rpartition("/")[2]
#: Longest clips the published models were trained on.
MAX_FRAMES = {INTERHUMAN.name: 300, INTERX.name: 150}
LICENCE = {
    INTERHUMAN.name: "code MIT; trained on InterHuman (CC BY-NC-SA 4.0, non-commercial, not redistributable)",
    INTERX.name: "code MIT; trained on Inter-X (non-commercial research, not redistributable)",
}
#: Where a transformer's folder is.
LAYOUT = "<checkpoints>/<dataset>/<transformer name>"
#: File of the options in every published folder, and the number of folders that a message lists.
OPTIONS, _LISTED = "opt.txt", 5
STATS_REMEDY = (
    "give --stats global_mean.npy global_std.npy: the two (262,) files of InterGen's and InterMask's "
    "repositories (data folder), or recompute them from your copy of InterHuman"
)


@dataclass(frozen=True)
class Published:
    """A published model, read and checked."""

    dataset: str  # name of its representation
    tokenizer: Tokenizer
    transformer: InteractionTransformer
    variant: str  # one line: which of the known variants this is
    files: tuple[Path, Path]  # tokenizer, transformer


def load_tokenizer(folder: Path) -> tuple[Tokenizer, Options]:
    """The tokenizer of a published folder, in eval mode, and its options."""
    options = read_options(folder / OPTIONS)
    path = _tokenizer_file(folder)
    state = read_state(path, TOKENIZER_KEYS)
    config = _tokenizer_config(state, options, path)
    tokenizer = Tokenizer(config)
    load_exactly(tokenizer, state, str(path), absent=EXTRA_BUFFERS)
    for layer in tokenizer.quantizer.layers:
        assert isinstance(layer, Codebook)
        layer.adopt(layer.codebook.clone())
    return tokenizer.eval(), options


def load_transformer(folder: Path, which: str = BEST) -> tuple[InteractionTransformer, Options]:
    """The transformer of a published folder, in eval mode, and its options."""
    options = read_options(folder / OPTIONS)
    path = checkpoint_file(folder, which)
    state = read_state(path, TRANSFORMER_KEYS)
    state = {key: value for key, value in state.items() if not key.startswith(FROZEN_CLIP)}
    transformer = InteractionTransformer(_transformer_config(state, options, path))
    load_exactly(transformer, state, str(path))
    stored = state["position_enc.positional_encoding.inv_freq"]
    # Wide enough for weights stored in half precision; the table itself is computed from the formula.
    if not torch.allclose(stored, frequencies(transformer.config.latent_dim), rtol=5e-3, atol=1e-6):
        raise InputError(f"{path}: its position frequencies are not the published formula's; cannot be used")
    return transformer.eval(), options


def load_published(folder: Path, which: str = BEST) -> Published:
    """A published transformer folder and the tokenizer its options name."""
    _check_folder(folder)
    transformer, options = load_transformer(folder, which)
    if "vq_name" not in options:
        raise InputError(
            f"{folder / OPTIONS}: no vq_name, so its tokenizer is unknown; add 'vq_name: <folder>'"
        )
    tokenizer_folder = folder.parent / str(options["vq_name"])
    tokenizer, _ = load_tokenizer(tokenizer_folder)
    transformer_config, tokenizer_config = transformer.config, tokenizer.config
    for name in ("codebook_size", "code_dim"):
        expected, value = getattr(transformer_config, name), getattr(tokenizer_config, name)
        if expected != value:
            raise InputError(
                f"{folder}: transformer with {name} {expected}, tokenizer '{options['vq_name']}' with "
                f"{value}; they do not belong together"
            )
    dataset = _dataset(folder, options, tokenizer_config.representation)
    if tokenizer_config.stem == "graph":
        stem = "graph stem"
    elif "graph" in STEMS[dataset]:  # its later releases have the graph
        stem = "convolution stem of before 23 April 2025"
    else:
        stem = "convolution stem"
    variant = (
        f"{dataset}, {stem}; tokenizer width {tokenizer_config.width}, "
        f"{tokenizer_config.codebook_size} codes of {tokenizer_config.code_dim}; "
        f"transformer {transformer_config.layers} blocks of {transformer_config.latent_dim}, "
        f"{transformer_config.heads} heads"
    )
    files = (_tokenizer_file(tokenizer_folder), checkpoint_file(folder, which))
    return Published(dataset, tokenizer, transformer, variant, files)


def import_checkpoint(
    folder: Path,
    out: Path,
    stats: Sequence[Path] | None = None,
    which: str = BEST,
    overwrite: bool = False,
) -> tuple[Published, str]:
    """Write a published model as a bundle; returns what was read and the bundle's SHA-256.

    `stats`: the features' mean and deviation, two .npy files or one .npz. InterHuman needs them (they are
    in no checkpoint); Inter-X has none. `overwrite` replaces another bundle.
    """
    check_free(out, overwrite)
    model = load_published(folder, which)
    normalizer = _normalizer(representation_named(model.dataset), stats)
    info = BundleInfo(
        name=f"intermask-{model.dataset}-{folder.resolve().name}",
        tokenizer=model.tokenizer.config,
        transformer=model.transformer.config,
        text_encoder={"id": CLIP_ID, "sha256": None, "dim": model.transformer.config.text_dim},
        max_frames=MAX_FRAMES[model.dataset],
        licence=LICENCE[model.dataset],
        training_data=model.dataset,
        provenance={
            "imported_from": [f"{path.parents[1].name}/{path.name}" for path in model.files],
            "sha256": [file_sha256(path) for path in model.files],
            "variant": model.variant,
        },
    )
    sha256 = save_bundle(
        out, info, model.tokenizer, model.transformer, normalizer, _card(info), overwrite=overwrite
    )
    return model, sha256


def _check_folder(folder: Path) -> None:
    """Raise MissingError or InputError unless a folder has options; the message names the one that has."""
    if folder.is_file():
        near = next((str(p) for p in folder.parents[:2] if (p / OPTIONS).is_file()), LAYOUT)
        raise InputError(
            f"{folder}: a file; give the folder {near}, or an evaluator under its released name, "
            "interclip.ckpt or finest.tar"
        )
    if not folder.is_dir():
        raise MissingError(f"{folder}: no such folder; expected {LAYOUT}")
    if (folder / OPTIONS).is_file():
        return
    if (folder.resolve().parent / OPTIONS).is_file():
        raise MissingError(
            f"{folder}: no {OPTIONS} in it, but one folder above; give {folder.resolve().parent}"
        )
    below = [
        path.parent for depth in ("*", "*/*", "*/*/*") for path in sorted(folder.glob(f"{depth}/{OPTIONS}"))
    ]
    if below:
        models = [path for path in below if "vq_name" in read_options(path / OPTIONS)] or below
        raise MissingError(
            f"{folder}: no {OPTIONS} in it, but below; give the folder of a transformer: "
            f"{', '.join(map(str, models[:_LISTED]))}"
        )


def _normalizer(representation: Representation, stats: Sequence[Path] | None) -> Normalizer | None:
    """The statistics that the representation needs, from the files in `stats`; None if it needs none."""
    if not representation.normalised:
        if stats:
            raise InputError(
                f"{representation.title} models take features that are not normalised; leave --stats out"
            )
        return None
    if not stats:
        raise MissingError(
            f"{representation.title} models need the features' mean and deviation; {STATS_REMEDY}"
        )
    normalizer = Normalizer.load(*stats)
    if len(normalizer.mean) != representation.num_features:
        raise InputError(
            f"{stats[0]}: statistics of {len(normalizer.mean)} features, expected "
            f"{representation.num_features}"
        )
    return normalizer


def _card(info: BundleInfo) -> str:
    sources = zip(info.provenance["imported_from"], info.provenance["sha256"], strict=True)
    lines = "\n".join(f"* `{name}` (SHA-256 `{digest}`)" for name, digest in sources)
    return (
        f"# {info.name}\n\nA published InterMask model (ICLR 2025, arXiv 2410.10010), imported with "
        f"`intermask import-checkpoint` from\n\n{lines}\n\n{info.provenance['variant']}.\n\n"
        f"Licence: {info.licence}. The weights stay under their authors' terms.\n"
    )


def _tokenizer_file(folder: Path) -> Path:
    """The tokenizer's checkpoint `best_fid.tar`: all later published stages read this one."""
    return checkpoint_file(folder, BEST, f"copy the one to use to {BEST}.tar: tokenizers are read from there")


def _dataset(folder: Path, options: Options, representation: str) -> str:
    """The dataset named by the options or the folder; the tensors must agree."""
    named = str(options.get("dataset_name", folder.parent.name))
    if named not in PLANES:
        raise InputError(f"{folder}: dataset '{named}'; accepted: {', '.join(PLANES)}")
    if named != representation:
        raise InputError(
            f"{folder}: options say '{named}', but the tokenizer's tensors are {representation}'s"
        )
    return named


def _tokenizer_config(state: State, options: Options, path: Path) -> TokenizerConfig:
    """Sizes from tensors, the rest from options; InputError for options that our network does not have."""
    if str(options.get("vq_norm", "None")) != "None":
        raise InputError(f"{path}: vq_norm is {options['vq_norm']}; accepted: None (no normalisation layers)")
    for name in ("down_t", "stride_t"):
        if options.get(name, 2) != 2:
            raise InputError(
                f"{path}: {name} is {options[name]}; only 2 (four frames per token) is supported"
            )
    graph = "encoder.gcn_layer1.lin.weight" in state
    first, stage = (0, "encoder.model.0") if graph else (2, "encoder.model.2")
    codes, code_dim = sizes(state, "quantizer.layers.0.codebook", 2, str(path))
    width, _, kernel, _ = sizes(state, f"{stage}.0.weight", 4, str(path))
    representations = {plane.stride * 2: name for name, plane in PLANES.items()}
    if kernel not in representations:
        raise InputError(f"{path}: '{stage}.0.weight' has a kernel of {kernel} joints; accepted: 4 or 6")
    from_tensors = {
        "width": width,
        "code_dim": code_dim,
        "nb_code": codes,
        "depth": numbered(state, rf"encoder\.model\.{first}\.1\.model\.(\d+)\.conv1\.weight"),
        "num_quantizers": numbered(state, r"quantizer\.layers\.(\d+)\.codebook"),
    }
    _agree(from_tensors, options, path)
    return TokenizerConfig(
        representation=representations[kernel],
        stem="graph" if graph else "conv",
        width=width,
        code_dim=code_dim,
        codebook_size=codes,
        depth=from_tensors["depth"],
        dilation_growth=count(options, "dilation_growth_rate", 3, path),
        activation=str(options.get("vq_act", "relu")),  # type: ignore[arg-type]  # the record checks it
        num_quantizers=from_tensors["num_quantizers"],
        shared_codebook=bool(options.get("shared_codebook", False)),
        quantize_dropout=number(options, "quantize_dropout_prob", 0.2, path),
        ema_decay=number(options, "mu", 0.99, path),
    )


def _transformer_config(state: State, options: Options, path: Path) -> TransformerConfig:
    """Sizes from tensors; the number of heads can only come from the options."""
    source = str(path)
    width, text_width = sizes(state, "cond_emb.weight", 2, source)
    block = "Transformer.blocks.0"
    chunks = sizes(state, f"{block}.adaLN_mod_combined.model.1.weight", 2, source)[0] / width
    if chunks != 6:
        raise InputError(
            f"{path}: {chunks:g} chunks in 'adaLN_mod_combined', 6 in the published model; this is a fork's "
            "architecture and cannot be imported"
        )
    if "n_heads" not in options:
        raise InputError(f"{path}: opt.txt has no n_heads, which the tensors do not show; add 'n_heads: 6'")
    rows, code_dim = sizes(state, "token_emb.weight", 2, source)
    if rows <= SPECIAL_IDS:
        raise InputError(
            f"{path}: 'token_emb.weight' has {rows} rows; expected {SPECIAL_IDS} and one per code"
        )
    from_tensors = {
        "latent_dim": width,
        "ff_size": sizes(state, f"{block}.ffn_combined.model.0.weight", 2, source)[0],
        "n_layers": numbered(state, r"Transformer\.blocks\.(\d+)\.self_attn\.attention\.in_proj_weight"),
    }
    _agree(from_tensors, options, path)
    return TransformerConfig(
        codebook_size=rows - SPECIAL_IDS,
        code_dim=code_dim,
        latent_dim=width,
        heads=count(options, "n_heads", 0, path),
        layers=from_tensors["n_layers"],
        ff_dim=from_tensors["ff_size"],
        dropout=number(options, "dropout", 0.2, path),
        text_dim=text_width,
        text_width=text_width,
        text_layers=numbered(state, r"clipTrans\.layers\.(\d+)\.linear1\.weight"),
        text_heads=CLIP_HEADS,
        text_ff=sizes(state, "clipTrans.layers.0.linear1.weight", 2, source)[0],
    )


def _agree(from_tensors: dict[str, int], options: Options, path: Path) -> None:
    """Raise InputError if an option contradicts a size read from the tensors."""
    for name, size in from_tensors.items():
        if options.get(name, size) != size:
            raise InputError(
                f"{path}: {name} is {size} in the tensors and {options[name]} in opt.txt; "
                "they do not belong together"
            )
