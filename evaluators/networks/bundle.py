"""An evaluator as a folder: config.json, weights.safetensors and a card; never a pickle.

config.json holds the fields of `EvaluatorInfo`. `architecture` names the network: "duet" (ours), "interclip"
and "interx" (imported). The hash covers config and weights, and is reported with every score.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evaluators.networks.duet import DuetEval, DuetEvalConfig
from evaluators.networks.interclip import InterClip, InterClipConfig, MotionTowerConfig, TowerConfig
from evaluators.networks.interx import InterXConfig, InterXEvaluator
from intermask_cli.config import from_dict
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import write_text
from intermask_cli.models.bundle_files import (
    CARD,
    CONFIG,
    BundleKind,
    bundled_names,
    folder_sha256,
    load_weights,
    local_folder,
    read_config,
    save_weights,
    write_config,
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


def network_config(network: DuetEval | InterClip | InterXEvaluator) -> dict[str, Any]:
    """Sizes of a network as plain values."""
    return dataclasses.asdict(network.config)


def build_network(info: EvaluatorInfo, source: str) -> DuetEval | InterClip | InterXEvaluator:
    """The network `info` describes, with fresh weights; InputError names `source` for unknown sizes."""
    if info.architecture == "duet":
        return DuetEval(from_dict(DuetEvalConfig, info.network, source))
    if info.architecture == "interx":
        return InterXEvaluator(from_dict(InterXConfig, info.network, source))
    sizes = dict(info.network)
    for name, record in (("text", TowerConfig), ("motion", MotionTowerConfig)):
        sizes[name] = from_dict(record, dict(sizes.get(name, {})), f"{source}: {name}")
    return InterClip(from_dict(InterClipConfig, sizes, source))


def save_evaluator(
    folder: Path, info: EvaluatorInfo, network: nn.Module, card: str, fp16: bool = False
) -> str:
    """Write an evaluator bundle, return its SHA-256; `fp16` stores matrices in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(network.state_dict(), folder / WEIGHTS, fp16)
    write_text(folder / CARD, card)
    write_config(folder, EVALUATOR, info)
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
    with torch.random.fork_rng(devices=[]):  # building draws initial weights: not from the caller's stream
        network = build_network(info, str(folder / CONFIG))
    load_weights(network, folder / WEIGHTS)
    return network.eval()


def evaluator_sha256(folder: Path) -> str:
    """SHA-256 over the config and weight files."""
    return folder_sha256(folder, (CONFIG, WEIGHTS))
