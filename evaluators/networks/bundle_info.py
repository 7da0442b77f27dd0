"""An evaluator as a folder: config.json, weights.safetensors and a card; never a pickle.

Here is what needs no PyTorch; `networks.bundle` loads and saves the networks.

config.json holds the fields of `EvaluatorInfo`. `architecture` names the network: "duet" (ours), "interclip"
and "interx" (imported). The hash covers config and weights, and is reported with every score.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intermask_cli.config import check_fields, from_dict
from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.bundle_files import (
    CONFIG,
    BundleKind,
    bundled_names,
    check_encoder_record,
    folder_sha256,
    local_folder,
    read_config,
)

EVALUATOR = BundleKind("evaluator", "an evaluator", "give the evaluator as --evaluator NAME|PATH")
WEIGHTS = "weights.safetensors"
ASSETS = Path(__file__).resolve().parents[1] / "assets"
#: Networks that can be in a bundle; evaluators of installed packages may have others.
ARCHITECTURES = ("duet", "interclip", "interx")


@dataclass(frozen=True)
class EvaluatorInfo:
    """What an evaluator records about itself; `network` holds the sizes of its architecture."""

    name: str
    architecture: str  # of ARCHITECTURES, if it is in a bundle
    network: dict[str, Any]
    protocol: str  # name of the protocol its numbers belong to
    text_encoder: dict[str, Any]  # {id, sha256, dim}; sha256 None: only the vocabulary matters
    licence: str = ""
    training_data: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        check_encoder_record(self.text_encoder)


def list_evaluators() -> list[str]:
    """Names of the evaluators that ship with the package."""
    return bundled_names(ASSETS, EVALUATOR)


def resolve_evaluator(name: str) -> Path:
    """Folder of a bundled name or a path; MissingError lists the bundled ones."""
    if (folder := local_folder(name, ASSETS, EVALUATOR)) is not None:
        return folder
    bundled = ", ".join(list_evaluators()) or "none"
    raise MissingError(f"evaluator '{name}' is neither bundled ({bundled}) nor a folder; {EVALUATOR.remedy}")


def read_info(folder: Path) -> EvaluatorInfo:
    """The checked config.json."""
    values, source = read_config(folder, EVALUATOR), str(folder / CONFIG)
    missing = [
        f.name
        for f in dataclasses.fields(EvaluatorInfo)
        if f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
        and f.name not in values
    ]
    if missing:
        raise InputError(f"{source}: no '{missing[0]}'")
    info = from_dict(EvaluatorInfo, values, source)
    if info.architecture not in ARCHITECTURES:
        raise InputError(
            f"{source}: architecture is {info.architecture!r}; accepted: {', '.join(ARCHITECTURES)}"
        )
    return info


def evaluator_sha256(folder: Path) -> str:
    """SHA-256 over the config and weight files."""
    return folder_sha256(folder, (CONFIG, WEIGHTS))
