"""An evaluator as a folder: config.json, weights.safetensors and a card; never a pickle.

config.json holds the fields of `EvaluatorInfo`. `architecture` names the network: "duet" (ours), "interclip"
and "interx" (imported). The hash covers config and weights, and is reported with every score.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from evaluators.networks.duet import DuetEval, DuetEvalConfig
from evaluators.networks.interclip import InterClip, InterClipConfig, MotionTowerConfig, TowerConfig
from evaluators.networks.interx import InterXConfig, InterXEvaluator
from intermask_cli.config import check_fields, from_dict
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import write_text
from intermask_cli.models.bundle_files import (
    CARD,
    CONFIG,
    BundleKind,
    bundled_names,
    check_encoder_record,
    folder_sha256,
    local_folder,
    new_bundle,
    read_config,
    write_config,
)
from intermask_cli.models.weights import load_network as load_network_with
from intermask_cli.models.weights import save_weights

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


def network_config(network: DuetEval | InterClip | InterXEvaluator) -> dict[str, Any]:
    """Sizes of a network as plain values."""
    return dataclasses.asdict(network.config)


def network_sizes(info: EvaluatorInfo, source: str) -> DuetEvalConfig | InterClipConfig | InterXConfig:
    """The sizes in `info` as the record of its architecture; InputError names `source` and the field."""
    if info.architecture == "duet":
        return from_dict(DuetEvalConfig, info.network, source)
    if info.architecture == "interx":
        return from_dict(InterXConfig, info.network, source)
    sizes = dict(info.network)
    for name, record in (("text", TowerConfig), ("motion", MotionTowerConfig)):
        if name not in sizes:
            raise InputError(f"{source}: no '{name}'")
        sizes[name] = from_dict(record, sizes[name], f"{source}: {name}")
    return from_dict(InterClipConfig, sizes, source)


def build_network(
    sizes: DuetEvalConfig | InterClipConfig | InterXConfig,
) -> DuetEval | InterClip | InterXEvaluator:
    """The network of these sizes, with fresh weights."""
    if isinstance(sizes, DuetEvalConfig):
        return DuetEval(sizes)
    return InterXEvaluator(sizes) if isinstance(sizes, InterXConfig) else InterClip(sizes)


def save_evaluator(
    folder: Path,
    info: EvaluatorInfo,
    network: nn.Module,
    card: str,
    fp16: bool = False,
    overwrite: bool = False,
) -> str:
    """Write an evaluator bundle, return its SHA-256; `fp16` stores matrices in half precision.

    Raises InputError for a folder that holds anything; with `overwrite`, anything but a bundle.
    """
    with new_bundle(folder, overwrite) as draft:
        save_weights(network.state_dict(), draft / WEIGHTS, fp16)
        write_text(draft / CARD, card)
        write_config(draft, EVALUATOR, info)
    return evaluator_sha256(folder)


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


def load_network(folder: Path, info: EvaluatorInfo) -> DuetEval | InterClip | InterXEvaluator:
    """The network with its weights, float32, in eval mode."""
    sizes = network_sizes(info, f"{folder / CONFIG}: network")
    network = load_network_with(partial(build_network, sizes), sizes, folder / WEIGHTS)
    return network.eval()


def evaluator_sha256(folder: Path) -> str:
    """SHA-256 over the config and weight files."""
    return folder_sha256(folder, (CONFIG, WEIGHTS))
