"""What the bundles of models and evaluators have in common: config.json, safetensors weights, names, a hash.

A bundle is a folder. Its config.json holds the fields of one record, plus format, format_version and kind. No
pickle is ever read.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import file_sha256, json_object, replacing_folder, write_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT, FORMAT_VERSION = "intermask-bundle", 1
CONFIG, CARD = "config.json", "README.md"


class BundleKind(NamedTuple):
    """One kind of bundle, and the words for it in messages."""

    kind: str  # in config.json: "model" or "evaluator"
    title: str  # with its article
    remedy: str  # how to name another one on the command line


#: Names of the files that a bundle can have; a folder with any other is not replaced.
BUNDLE_FILES = frozenset(
    (
        CONFIG, CARD, "tokenizer.safetensors", "transformer.safetensors", "pair_decoder.safetensors",
        "normalizer.npz", "weights.safetensors", "reader.safetensors", "reader.json",
    )
)  # fmt: skip


@contextmanager
def new_bundle(folder: Path, overwrite: bool) -> Iterator[Path]:
    """A hidden folder to write a bundle in, which becomes `folder` if the block succeeds.

    Raises:
        InputError: `folder` is not empty; with `overwrite`, it holds something else than a bundle.
    """
    check_free(folder, overwrite)
    with replacing_folder(folder) as draft:
        yield draft


def check_free(folder: Path, overwrite: bool) -> None:
    """Raise InputError unless a bundle can be written to the folder: before the work on one begins."""
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; choose another --out")
    held, is_bundle = content_of(folder)
    if held and not (overwrite and is_bundle):
        remedy = "use --overwrite to replace it, or another --out" if is_bundle else "choose another --out"
        raise InputError(f"{folder}: holds {held}, which is not overwritten; {remedy}")


def content_of(folder: Path) -> tuple[str, bool]:
    """What a folder holds, in words ("" if nothing), and whether that is a bundle and nothing else."""
    names = sorted(path.name for path in folder.iterdir())
    if not names:
        return "", False
    others = [name for name in names if name not in BUNDLE_FILES]
    listed = ", ".join(others[:_LISTED]) + (", ..." if len(others) > _LISTED else "")
    try:
        values = config_values(folder) if CONFIG in names else {}
    except InputError:
        values = {}
    if values.get("format") == FORMAT and isinstance(values.get("kind"), str):
        held = f"the {values['kind']} {str(values.get('name'))[:_LONGEST_NAME]}"
        return (f"{held} and {listed}", False) if others else (held, True)
    if isinstance(values.get("stage"), str):
        return f"a training ({values['stage'][:_LONGEST_NAME]})", False
    return listed or ", ".join(names), False


#: File names listed in a message, and characters of a model's name.
_LISTED, _LONGEST_NAME = 3, 80


def check_encoder_record(record: Any) -> None:
    """InputError unless `text_encoder` of a config.json is {id, sha256, dim}."""
    if not isinstance(record, dict) or set(record) != {"id", "sha256", "dim"}:
        seen = sorted(map(str, record)) if isinstance(record, dict) else repr(record)[:_LONGEST_NAME]
        raise InputError(f"text_encoder is {seen}; expected an object with id, sha256 and dim")
    id, sha256, dim = record["id"], record["sha256"], record["dim"]
    if not isinstance(id, str) or not isinstance(sha256, str | None) or type(dim) is not int or dim < 1:
        raise InputError(
            f"text_encoder is {str(record)[:_LONGEST_NAME]}; expected a text as id, a text or null as "
            "sha256, a whole number above 0 as dim"
        )


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
    return json_object(folder / CONFIG, "get the bundle again")


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
