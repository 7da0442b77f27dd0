"""What the bundles of models and evaluators have in common: config.json, safetensors weights, names, a hash.

A bundle is a folder. Its config.json holds the fields of one record, plus format, format_version and kind. No
pickle is ever read.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import file_sha256, replacing, write_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT, FORMAT_VERSION = "intermask-bundle", 1
CONFIG, CARD = "config.json", "README.md"


class BundleKind(NamedTuple):
    """One kind of bundle, and the words for it in messages."""

    kind: str  # in config.json: "model" or "evaluator"
    title: str  # with its article
    remedy: str  # how to name another one on the command line


def write_config(folder: Path, kind: BundleKind, info: DataclassInstance) -> None:
    """config.json of a bundle from the fields of its record."""
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": kind.kind}
    write_json(folder / CONFIG, {**head, **dataclasses.asdict(info)})


def read_config(folder: Path, kind: BundleKind) -> dict[str, Any]:
    """Fields of the record in config.json; InputError unless it describes this kind and version of bundle."""
    values, path = config_values(folder), folder / CONFIG
    stored_format, stored_kind = values.pop("format", None), values.pop("kind", None)
    if stored_format != FORMAT or stored_kind != kind.kind:
        raise InputError(
            f"{path}: describes {stored_kind or 'something else'}, not {kind.title}; {kind.remedy}"
        )
    if (version := values.pop("format_version", None)) != FORMAT_VERSION:
        raise InputError(f"{path}: format_version {version}; this program reads {FORMAT_VERSION}")
    return values


def config_values(folder: Path) -> dict[str, Any]:
    """The content of config.json, unchecked; InputError unless it is a JSON object."""
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected an object, got {type(values).__name__}")
    return values


def bundled_names(assets: Path, kind: BundleKind) -> list[str]:
    """Names of the bundles of a kind in a folder of assets."""
    folders = (path.parent for path in assets.glob(f"*/{CONFIG}"))
    return sorted(folder.name for folder in folders if config_values(folder).get("kind") == kind.kind)


def local_folder(name: str, assets: Path, kind: BundleKind) -> Path | None:
    """Folder of a bundled name or a path, None if neither; MissingError for a folder without config.json."""
    path = Path(name).expanduser()
    for folder in (assets / name, path):
        if (folder / CONFIG).is_file():
            return folder
    if path.is_dir():
        raise MissingError(f"{name}: a folder without {CONFIG}, so not {kind.title}; {kind.remedy}")
    return None


def folder_sha256(folder: Path, names: Sequence[str]) -> str:
    """SHA-256 over names and contents of those of the files that exist, in the order given."""
    digest = hashlib.sha256()
    for name in names:
        if (folder / name).is_file():
            digest.update(f"{name} {file_sha256(folder / name)}\n".encode())
    return digest.hexdigest()


def save_weights(state: dict[str, Tensor], path: Path, fp16: bool) -> None:
    """Write a state dict as safetensors.

    `fp16` stores matrices in half precision and vectors in float32. Raises InputError where a matrix does not
    fit half precision.
    """
    stored = {}
    for key, value in state.items():
        value = value.detach().cpu().contiguous().clone()
        if fp16 and value.is_floating_point() and value.ndim >= 2:
            value = value.half()
            if not torch.isfinite(value).all():
                raise InputError(f"'{key}' does not fit half precision; save the bundle in float32")
        stored[key] = value
    with replacing(path) as temporary:
        save_file(stored, temporary)


def load_weights(module: nn.Module, path: Path, absent: tuple[str, ...] = ()) -> None:
    """Load exactly the module's keys (those ending in `absent` excepted), as float32.

    Raises MissingError without the file, InputError naming the first key that does not fit.
    """
    if not path.is_file():
        raise MissingError(f"{path}: not found; the bundle is incomplete")
    try:
        state = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: damaged, not readable as safetensors ({error}); get the bundle again"
        ) from error
    expected = module.state_dict()
    needed = {key for key in expected if key.rpartition(".")[2] not in absent}
    for key in sorted(set(state) ^ needed):
        problem, others = ("unknown", needed) if key in state else ("missing", set(state))
        near = difflib.get_close_matches(key, sorted(others), n=1)
        hint = f" (nearest: '{near[0]}')" if near else ""
        raise InputError(f"{path}: {problem} key '{key}'{hint}; the weights do not fit {CONFIG}")
    for key in sorted(needed):
        if state[key].shape != expected[key].shape:
            stored_shape, shape = tuple(state[key].shape), tuple(expected[key].shape)
            raise InputError(f"{path}: '{key}' is {stored_shape}, {CONFIG} asks for {shape}")
        if state[key].is_floating_point() and not torch.isfinite(state[key]).all():
            raise InputError(f"{path}: '{key}' has NaN or infinite values; get the bundle again")
    weights = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    module.load_state_dict(weights, strict=not absent)
