"""Evaluators as folders of weights (`networks.bundle_info`): networks by architecture, saving and loading."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from evaluators.networks.bundle_info import EVALUATOR, WEIGHTS, EvaluatorInfo, evaluator_sha256
from evaluators.networks.duet import DuetEval, DuetEvalConfig
from evaluators.networks.interclip import InterClip, InterClipConfig, MotionTowerConfig, TowerConfig
from evaluators.networks.interx import InterXConfig, InterXEvaluator
from intermask_cli.config import from_dict
from intermask_cli.errors import InputError
from intermask_cli.files import write_text
from intermask_cli.models.bundle_files import CARD, CONFIG, new_bundle, write_config
from intermask_cli.models.weights import load_network as load_network_with
from intermask_cli.models.weights import save_weights


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


def load_network(folder: Path, info: EvaluatorInfo) -> DuetEval | InterClip | InterXEvaluator:
    """The network with its weights, float32, in eval mode."""
    sizes = network_sizes(info, f"{folder / CONFIG}: network")
    network = load_network_with(partial(build_network, sizes), sizes, folder / WEIGHTS)
    return network.eval()
