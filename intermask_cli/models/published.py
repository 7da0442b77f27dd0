"""Reading the checkpoints of the published InterMask code (reference `model.md` section 11).

A published model is two folders side by side, `<dataset>/<transformer>` and `<dataset>/<tokenizer>`,
each with `opt.txt` and `model/*.tar`. A `.tar` is a `torch.save`d dictionary and is only ever read with
`weights_only=True`. Sizes come from the tensors; `opt.txt` supplies what tensors cannot tell, and must
not contradict them. Every key is accounted for: unknown, missing or misshapen ones are refused by name.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from intermask_cli.config import TokenizerConfig, TransformerConfig
from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.codebook import EXTRA_BUFFERS, Codebook
from intermask_cli.models.positional import frequencies
from intermask_cli.models.tokenizer import PLANES, Tokenizer
from intermask_cli.models.transformer import InteractionTransformer

TOKENIZER_KEYS = ("vq_model", "net")
TRANSFORMER_KEYS = ("t2m_transformer", "trans")
FROZEN_CLIP = "clip_"
CLIP_HEADS = 8
BEST = "best_fid"
Options = dict[str, Any]
State = dict[str, Tensor]


@dataclass(frozen=True)
class Published:
    """A published model, read and checked."""

    dataset: str  # "interhuman" or "interx"
    tokenizer: Tokenizer
    transformer: InteractionTransformer
    tokenizer_options: Options
    transformer_options: Options
    variant: str  # one line: which of the known variants this is


def read_options(path: Path) -> Options:
    """`opt.txt`, one `key: value` per line: booleans, whole and decimal numbers, the rest text."""
    if not path.is_file():
        raise MissingError(
            f"{path}: not found; it belongs to every published checkpoint folder, copy it there"
        )
    options: Options = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, colon, value = line.partition(": ")
        if colon and not line.startswith("---"):
            options[key.strip()] = _typed(value.strip())
    return options


def _typed(value: str) -> Any:
    if value in ("True", "False"):
        return value == "True"
    if re.fullmatch(r"\d+", value):
        return int(value)
    return float(value) if re.fullmatch(r"\d+\.\d+", value) else value


def checkpoint_file(folder: Path, which: str = BEST) -> Path:
    """`<folder>/model/<which>.tar`, else the one file there whose name contains `which`."""
    exact = folder / "model" / f"{which}.tar"
    if exact.is_file():
        return exact
    there = sorted((folder / "model").glob("*.tar"))
    named = [path for path in there if which in path.name]
    if len(named) == 1:
        return named[0]
    seen = ", ".join(path.name for path in named or there) or "no .tar file"
    problem = f"several files match '{which}'" if named else f"no checkpoint '{which}'"
    raise MissingError(f"{folder / 'model'}: {problem} ({seen}); choose one with --which")


def read_state(path: Path, names: Iterable[str]) -> State:
    """The state dict stored under one of `names`; float tensors must be finite."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise InputError(
            f"{path}: not a readable weights file ({str(error).splitlines()[0]}); expected a torch.save'd "
            "dictionary of tensors, nothing else in it is executed"
        ) from error
    found = [name for name in names if isinstance(content, dict) and name in content]
    if not found:
        keys = ", ".join(map(str, list(content)[:6])) if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path}: holds {keys}; expected one of {', '.join(names)}")
    state = content[found[0]]
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(f"{path}: '{key}' is a {type(value).__name__}, expected a tensor")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{path}: '{key}' has NaN or infinite values; the checkpoint is damaged")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def load_tokenizer(folder: Path, which: str = BEST) -> tuple[Tokenizer, Options]:
    """The tokenizer of a published folder, in eval mode, and its options."""
    options = read_options(folder / "opt.txt")
    path = checkpoint_file(folder, which)
    state = read_state(path, TOKENIZER_KEYS)
    config = _tokenizer_config(state, options, path)
    tokenizer = Tokenizer(config)
    _load_exactly(tokenizer, state, path, absent=EXTRA_BUFFERS)
    for layer in tokenizer.quantizer.layers:
        assert isinstance(layer, Codebook)
        layer.adopt(layer.codebook.clone())
    return tokenizer.eval(), options


def load_transformer(folder: Path, which: str = BEST) -> tuple[InteractionTransformer, Options]:
    """The transformer of a published folder, in eval mode, and its options."""
    options = read_options(folder / "opt.txt")
    path = checkpoint_file(folder, which)
    state = read_state(path, TRANSFORMER_KEYS)
    state = {key: value for key, value in state.items() if not key.startswith(FROZEN_CLIP)}
    transformer = InteractionTransformer(_transformer_config(state, options, path))
    _load_exactly(transformer, state, path)
    stored = state["position_enc.positional_encoding.inv_freq"]
    if not torch.allclose(stored, frequencies(transformer.config.latent_dim), rtol=1e-4):
        raise InputError(f"{path}: its position frequencies are not the published formula's; cannot be used")
    return transformer.eval(), options


def load_published(folder: Path, which: str = BEST) -> Published:
    """A published transformer folder and the tokenizer its options name."""
    if not folder.is_dir():
        raise MissingError(f"{folder}: no such folder; expected <checkpoints>/<dataset>/<transformer name>")
    transformer, options = load_transformer(folder, which)
    if "vq_name" not in options:
        raise InputError(
            f"{folder / 'opt.txt'}: no vq_name, so its tokenizer is unknown; add 'vq_name: <folder>'"
        )
    tokenizer, tokenizer_options = load_tokenizer(folder.parent / str(options["vq_name"]))
    ours, theirs = transformer.config, tokenizer.config
    for name in ("codebook_size", "code_dim"):
        if getattr(ours, name) != getattr(theirs, name):
            raise InputError(
                f"{folder}: transformer with {name} {getattr(ours, name)}, tokenizer '{options['vq_name']}' "
                f"with {getattr(theirs, name)}; they do not belong together"
            )
    dataset = _dataset(folder, options, theirs.representation)
    if dataset == "interx":
        stem = "convolution stem"
    else:
        stem = "graph stem" if theirs.stem == "graph" else "convolution stem of before 23 April 2025"
    variant = (
        f"{dataset}, {stem}; tokenizer width {theirs.width}, "
        f"{theirs.codebook_size} codes of {theirs.code_dim}; "
        f"transformer {ours.layers} blocks of {ours.latent_dim}, {ours.heads} heads"
    )
    return Published(dataset, tokenizer, transformer, tokenizer_options, options, variant)


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
    """Sizes from tensors, the rest from options; refuses what has no place in our network."""
    if str(options.get("vq_norm", "None")) != "None":
        raise InputError(f"{path}: vq_norm is {options['vq_norm']}; accepted: None (no normalisation layers)")
    for name in ("down_t", "stride_t"):
        if options.get(name, 2) != 2:
            raise InputError(
                f"{path}: {name} is {options[name]}; only 2 (four frames per token) is supported"
            )
    graph = "encoder.gcn_layer1.lin.weight" in state
    first, stage = (0, "encoder.model.0") if graph else (2, "encoder.model.2")
    codebook = _tensor(state, "quantizer.layers.0.codebook", path)
    stride = _tensor(state, f"{stage}.0.weight", path)
    joint_stride = {plane.stride * 2: name for name, plane in PLANES.items()}
    if stride.shape[2] not in joint_stride:
        raise InputError(
            f"{path}: '{stage}.0.weight' has a kernel of {stride.shape[2]} joints; accepted: 4 or 6"
        )
    sizes = {
        "width": stride.shape[0],
        "code_dim": codebook.shape[1],
        "nb_code": codebook.shape[0],
        "depth": _count(state, rf"encoder\.model\.{first}\.1\.model\.(\d+)\.conv1\.weight"),
        "num_quantizers": _count(state, r"quantizer\.layers\.(\d+)\.codebook"),
    }
    _agree(sizes, options, path)
    return TokenizerConfig(
        representation=joint_stride[stride.shape[2]],
        stem="graph" if graph else "conv",
        width=sizes["width"],
        code_dim=sizes["code_dim"],
        codebook_size=sizes["nb_code"],
        depth=sizes["depth"],
        dilation_growth=int(_number(options, "dilation_growth_rate", 3, path)),
        activation=str(options.get("vq_act", "relu")),
        num_quantizers=sizes["num_quantizers"],
        shared_codebook=bool(options.get("shared_codebook", False)),
        quantize_dropout=_number(options, "quantize_dropout_prob", 0.2, path),
        ema_decay=_number(options, "mu", 0.99, path),
    )


def _transformer_config(state: State, options: Options, path: Path) -> TransformerConfig:
    """Sizes from tensors; the number of heads can only come from the options."""
    width, text_width = _tensor(state, "cond_emb.weight", path).shape
    chunks = _tensor(state, "Transformer.blocks.0.adaLN_mod_combined.model.1.weight", path).shape[0] / width
    if chunks != 6:
        raise InputError(
            f"{path}: {chunks:g} chunks in 'adaLN_mod_combined', 6 in the published model; this is a fork's "
            "architecture and cannot be imported"
        )
    if "n_heads" not in options:
        raise InputError(f"{path}: opt.txt has no n_heads, and the tensors cannot tell; add 'n_heads: 6'")
    table = _tensor(state, "token_emb.weight", path)
    sizes = {
        "latent_dim": width,
        "ff_size": _tensor(state, "Transformer.blocks.0.ffn_combined.model.0.weight", path).shape[0],
        "n_layers": _count(state, r"Transformer\.blocks\.(\d+)\.self_attn\.attention\.in_proj_weight"),
    }
    _agree(sizes, options, path)
    return TransformerConfig(
        codebook_size=table.shape[0] - 3,
        code_dim=table.shape[1],
        latent_dim=width,
        heads=int(_number(options, "n_heads", 0, path)),
        layers=sizes["n_layers"],
        ff_dim=sizes["ff_size"],
        dropout=_number(options, "dropout", 0.2, path),
        text_dim=text_width,
        text_width=text_width,
        text_layers=_count(state, r"clipTrans\.layers\.(\d+)\.linear1\.weight"),
        text_heads=CLIP_HEADS,
        text_ff=_tensor(state, "clipTrans.layers.0.linear1.weight", path).shape[0],
    )


def _tensor(state: State, key: str, path: Path) -> Tensor:
    if key not in state:
        raise InputError(f"{path}: no '{key}'; this is not a checkpoint of the published architecture")
    return state[key]


def _number(options: Options, name: str, default: float, path: Path) -> float:
    value = options.get(name, default)
    if not isinstance(value, int | float):
        raise InputError(f"{path}: {name} is '{value}' in opt.txt; expected a number")
    return value


def _count(state: State, pattern: str) -> int:
    """How many numbers the group of `pattern` takes among the keys."""
    return len({match[1] for match in (re.fullmatch(pattern, key) for key in state) if match})


def _agree(sizes: dict[str, int], options: Options, path: Path) -> None:
    for name, size in sizes.items():
        if options.get(name, size) != size:
            raise InputError(
                f"{path}: {name} is {size} in the tensors and {options[name]} in opt.txt; "
                "they do not belong together"
            )


def _load_exactly(module: nn.Module, state: State, path: Path, absent: tuple[str, ...] = ()) -> None:
    """Load a state dict; only keys ending in one of `absent` may be missing, nothing may be left over."""
    expected = module.state_dict()
    needed = {key for key in expected if key.rpartition(".")[2] not in absent}
    problems = [
        ("unknown", sorted(set(state) - set(expected))),
        ("missing", sorted(needed - set(state))),
        ("misshapen", sorted(k for k in needed & set(state) if state[k].shape != expected[k].shape)),
    ]
    said = [
        f"{len(keys)} {kind} ({', '.join(keys[:4])}{', ...' if keys[4:] else ''})"
        for kind, keys in problems
        if keys
    ]
    if said:
        raise InputError(f"{path}: does not fit the published architecture: {'; '.join(said)}")
    module.load_state_dict(state, strict=not absent)
