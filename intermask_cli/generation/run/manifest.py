"""The manifest of a run: what it is, how far it came, and which other runs continue it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from intermask_cli.config import LAYOUTS
from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.errors import InputError
from intermask_cli.files import json_object, without_absolute_paths, write_json
from intermask_cli.version import __version__

MANIFEST = "manifest.json"
MANIFEST_FORMAT = "intermask-run"
MANIFEST_VERSION = 1
#: Packages whose version can change results.
_PACKAGES = ("torch", "numpy", "h5py", "transformers", "accelerate", "safetensors")
#: Entries of a manifest that are read, and their kinds.
_MANIFEST_KINDS = {
    "command": str, "fingerprint": str, "status": str, "counts": dict, "identity": dict, "dataset": dict,
    "about": dict,
}  # fmt: skip
_KIND_NAMES = {str: "text", dict: "JSON object"}


def utc_now() -> str:
    """The time, to the second, as ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """intermask, Python and the packages whose version can change results."""
    return {"intermask": __version__, "python": platform.python_version(), **dict(_package_versions())}


@cache  # a run asks three times, and each look searches all of site-packages
def _package_versions() -> tuple[tuple[str, str], ...]:
    found = []
    for package in _PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            found.append((package, "not installed"))
    return tuple(found)


def fingerprint(parts: Mapping[str, Any]) -> str:
    """SHA-256 of everything that changes results; runs with the same one continue each other."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class RunInfo:
    """Description of a run.

    `identity` is the input of the fingerprint, by the names that messages show. `dataset` becomes the root
    attributes of the dataset. `about` is only recorded in the manifest. `store` is how numbers are stored
    (`config.STORES`), `layout` in how many files (`config.LAYOUTS`), `csv_bom` whether index.csv begins with
    a byte order mark, `full_provenance` whether the manifest names machine, process and absolute paths.
    """

    command: str
    items: int
    prompts: int
    identity: Mapping[str, Any]
    dataset: Mapping[str, Any]
    about: Mapping[str, Any]
    store: str = "exact"
    recorded_fingerprint: str | None = None  # of a run described by its manifest
    csv_bom: bool = False
    full_provenance: bool = False
    layout: str = LAYOUTS[0]

    @property
    def fingerprint(self) -> str:
        """Runs with the same one continue each other."""
        parts = {**self.identity, "command": self.command, "version": __version__}
        return self.recorded_fingerprint or fingerprint(parts)

    @classmethod
    def from_manifest(cls, values: Mapping[str, Any], csv_bom: bool = False) -> RunInfo:
        """The run a manifest describes, for merging it later."""
        return cls(
            command=values["command"],
            items=values["counts"]["items"],
            prompts=values["counts"]["prompts"],
            identity=values["identity"],
            dataset=values["dataset"],
            about=values["about"],
            recorded_fingerprint=values["fingerprint"],
            csv_bom=csv_bom,
            layout=values["layout"] if values.get("layout") in LAYOUTS else LAYOUTS[0],
        )


def read_manifest(folder: Path | RemotePath) -> dict[str, Any] | None:
    """manifest.json of a run directory, None when there is none."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    remedy = "move it away or use another --out"
    values = json_object(path, remedy)
    if values.get("format") != MANIFEST_FORMAT:
        raise InputError(f"{path}: not the manifest of an intermask run; use another --out")
    for name, kind in _MANIFEST_KINDS.items():
        if not isinstance(values.get(name), kind):
            raise InputError(
                f"{path}: damaged, {name} is {str(values.get(name))[:60]}; "
                f"expected a {_KIND_NAMES[kind]}; {remedy}"
            )
    for name, count in values["counts"].items():
        if type(count) is not int or count < 0:
            raise InputError(f"{path}: damaged, counts: {name} is {str(count)[:60]}; {remedy}")
    for name in ("items", "prompts"):
        if name not in values["counts"]:
            raise InputError(f"{path}: damaged, counts: no {name}; {remedy}")
    return values


def write_manifest(
    folder: Path, info: RunInfo, state: Mapping[str, Any], counts: Mapping[str, int] | None = None
) -> None:
    """Write the manifest of a run. state: how far it is; counts: in addition to those of the plan."""
    values = {
        "format": MANIFEST_FORMAT,
        "format_version": MANIFEST_VERSION,
        "command": info.command,
        "command_line": ["intermask", *sys.argv[1:]],
        "fingerprint": info.fingerprint,
        **state,
        "counts": {"prompts": info.prompts, "items": info.items, **(counts or {})},
        "layout": info.layout,
        "identity": info.identity,
        "about": info.about,
        "dataset": info.dataset,
        "versions": versions(),
    }
    if info.full_provenance:
        values |= {"host": platform.node(), "process": os.getpid(), "command_line": sys.argv}
    else:
        values = without_absolute_paths(values)
    write_json(folder / MANIFEST, values)


def update_manifest(folder: Path, **values: Any) -> None:
    """Replace entries of the manifest of a run."""
    write_json(folder / MANIFEST, {**json_object(folder / MANIFEST, "restore it"), **values})


def how_it_differs(manifest: Mapping[str, Any], info: RunInfo) -> str:
    """The entries of the identity that differ from those of a manifest, for a message."""
    if manifest.get("command") != info.command:
        return f"made by 'intermask {manifest.get('command')}'"
    changed = changed_identity(manifest, info)
    return f"other {', '.join(changed)}" if changed else "made by another version of intermask"


def changed_identity(manifest: Mapping[str, Any], info: RunInfo) -> list[str]:
    """The entries of the identity in which a run differs from the one of a manifest."""
    recorded = manifest.get("identity") or {}
    own = json.loads(json.dumps(info.identity))
    short = without_absolute_paths(own)  # as a manifest has it, unless --provenance full
    names = dict.fromkeys([*own, *recorded])
    return [name for name in names if recorded.get(name) not in (own.get(name), short.get(name))]
