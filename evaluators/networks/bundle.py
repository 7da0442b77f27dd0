"""An evaluator as a folder: config.json, weights.safetensors and a card; never a pickle.

config.json holds the fields of `EvaluatorInfo`. `architecture` names the network: "duet" (ours), "interclip"
and "interx" (imported). The hash covers config and weights, and stands beside every score.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from evaluators.networks.duet import DuetEval, DuetEvalConfig
from evaluators.networks.interclip import InterClip, InterClipConfig, MotionTowerConfig, TowerConfig
from evaluators.networks.interx import InterXConfig, InterXEvaluator
from intermask_cli.config import from_dict
from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.text_encoders import file_sha256

FORMAT, FORMAT_VERSION, KIND = "intermask-bundle", 1, "evaluator"
CONFIG, WEIGHTS, CARD = "config.json", "weights.safetensors", "README.md"
ASSETS = Path(__file__).resolve().parents[1] / "assets"
ARCHITECTURES = ("duet", "interclip", "interx")
REMEDY = "give the evaluator as --evaluator NAME|PATH"


@dataclass(frozen=True)
class EvaluatorInfo:
    """What an evaluator says about itself; `network` holds the sizes of its architecture."""

    name: str
    architecture: str
    network: dict[str, Any]
    protocol: str  # name of the protocol its numbers belong to
    text_encoder: dict[str, Any]  # {id, sha256, dim}; sha256 None: only the vocabulary matters
    licence: str = ""
    training_data: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise InputError(f"architecture is {self.architecture!r}; accepted: {', '.join(ARCHITECTURES)}")


def network_config(network: DuetEval | InterClip | InterXEvaluator) -> dict[str, Any]:
    """Sizes of a network as plain values."""
    return dataclasses.asdict(network.config)


def build_network(info: EvaluatorInfo, where: str) -> nn.Module:
    """The network `info` describes, with fresh weights."""
    if info.architecture == "duet":
        return DuetEval(from_dict(DuetEvalConfig, info.network, where))
    if info.architecture == "interx":
        return InterXEvaluator(from_dict(InterXConfig, info.network, where))
    sizes = dict(info.network)
    for name, record in (("text", TowerConfig), ("motion", MotionTowerConfig)):
        sizes[name] = from_dict(record, dict(sizes.get(name, {})), f"{where}: {name}")
    return InterClip(from_dict(InterClipConfig, sizes, where))


def save_evaluator(
    folder: Path, info: EvaluatorInfo, network: nn.Module, card: str, fp16: bool = False
) -> str:
    """Write an evaluator bundle, return its SHA-256; `fp16` stores matrices in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": KIND, **dataclasses.asdict(info)}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    save_file({k: _stored(k, v, fp16) for k, v in network.state_dict().items()}, folder / WEIGHTS)
    (folder / CARD).write_text(card, encoding="utf-8")
    return evaluator_sha256(folder)


def _stored(name: str, value: Tensor, fp16: bool) -> Tensor:
    value = value.detach().cpu().contiguous().clone()
    if fp16 and value.is_floating_point() and value.ndim >= 2:
        value = value.half()
        if not torch.isfinite(value).all():
            raise InputError(f"'{name}' does not fit half precision; save the evaluator in float32")
    return value


def list_evaluators() -> list[str]:
    """Names of the evaluators that ship with the package."""
    return sorted(path.parent.name for path in ASSETS.glob(f"*/{CONFIG}"))


def resolve_evaluator(name: str) -> Path:
    """Folder of a bundled name or a path."""
    for folder in (ASSETS / name, Path(name).expanduser()):
        if (folder / CONFIG).is_file():
            return folder
    bundled = ", ".join(list_evaluators()) or "none"
    if Path(name).expanduser().is_dir():
        raise MissingError(f"{name}: a folder without {CONFIG}, so not an evaluator bundle; {REMEDY}")
    raise MissingError(f"evaluator '{name}' is neither bundled ({bundled}) nor a folder; {REMEDY}")


def read_info(folder: Path) -> EvaluatorInfo:
    """The checked config.json."""
    where = str(folder / CONFIG)
    try:
        values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{where}: not readable as JSON ({error})") from error
    head = tuple(values.pop(key, None) for key in ("format", "format_version", "kind"))
    if head != (FORMAT, FORMAT_VERSION, KIND):
        raise InputError(f"{where}: describes {head[2] or 'something else'}, not an evaluator; {REMEDY}")
    required = [f.name for f in dataclasses.fields(EvaluatorInfo) if f.default is dataclasses.MISSING]
    missing = [name for name in required if name not in values and name != "provenance"]
    if missing:
        raise InputError(f"{where}: no '{missing[0]}'")
    return from_dict(EvaluatorInfo, values, where)


def load_network(folder: Path, info: EvaluatorInfo) -> nn.Module:
    """The network with its weights, float32, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        network = build_network(info, str(folder / CONFIG))
    path = folder / WEIGHTS
    if not path.is_file():
        raise MissingError(f"{path}: not found; the evaluator bundle is incomplete")
    try:
        state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged, not readable as safetensors ({error}); get it again") from error
    _check_state(state, network.state_dict(), path)
    network.load_state_dict(state)
    return network.eval()


def _check_state(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    for key in sorted(state.keys() ^ expected.keys()):
        raise InputError(
            f"{path}: {'unknown' if key in state else 'missing'} key '{key}'; get the evaluator again"
        )
    for key, value in expected.items():
        if state[key].shape != value.shape:
            raise InputError(
                f"{path}: '{key}' is {tuple(state[key].shape)}, config.json asks for {tuple(value.shape)}"
            )
        if state[key].is_floating_point() and not torch.isfinite(state[key]).all():
            raise InputError(f"{path}: '{key}' has NaN or infinite values; get the evaluator again")


def evaluator_sha256(folder: Path) -> str:
    """SHA-256 over the config and weight files."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        digest.update(f"{name} {file_sha256(folder / name)}\n".encode())
    return digest.hexdigest()
