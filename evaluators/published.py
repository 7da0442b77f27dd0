"""Evaluators from the released files: InterCLIP's `interclip.ckpt` and Inter-X's `finest.tar`.

Both are pickles. They are read with `weights_only=True`, which refuses anything but tensors and plain
containers; nothing in them is ever executed. Sizes come from the tensors, so reduced models load as well.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evaluators.contrastive import InterClip, InterClipConfig, MotionTowerConfig, TowerConfig
from evaluators.interx import InterXConfig, InterXEvaluator
from intermask_cli.errors import InputError, MissingError

State = Mapping[str, Tensor]
INTERX_PARTS = ("movement_encoder", "motion_encoder", "text_encoder")
#: The released InterCLIP file puts this before every name.
_PREFIX = "model."


def read_torch_file(path: Path) -> Any:
    """Contents of a .ckpt/.tar/.pt file without running code in it; InputError says what to do if refused."""
    if not path.is_file():
        raise MissingError(f"{path}: no such file; give the path of the released evaluator file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: holds objects besides tensors ({_refused_type(error)}), which are not loaded because a "
            "pickle can run code; if you trust the file, keep only its tensors once, in your own Python: "
            "c = torch.load(PATH, weights_only=False); torch.save({'state_dict': c['state_dict']}, NEW)"
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: not a readable PyTorch file ({str(error).splitlines()[0]}); download it again"
        ) from error


def _refused_type(error: Exception) -> str:
    match = re.search(r"GLOBAL ([\w.]+)", str(error))
    return match.group(1) if match else "unnamed type"


def layer_count(state: State, prefix: str) -> int:
    """How many layers `prefix.N.` has."""
    found = {int(m.group(1)) for key in state if (m := re.match(rf"{re.escape(prefix)}\.(\d+)\.", key))}
    return len(found)


def is_interclip(state: State) -> bool:
    """Whether a state dict (prefix allowed) is an InterCLIP one."""
    return any(key.removeprefix(_PREFIX) == "motion_encoder.query_token" for key in state)


def interclip_from_state(state: State, text_heads: int = 8, motion_heads: int = 8) -> InterClip:
    """InterCLIP from its tensors, `model.` prefix or not; names and shapes must match exactly."""
    state = {key.removeprefix(_PREFIX): value for key, value in state.items()}
    if "motion_encoder.query_token" not in state or "token_embedding.weight" not in state:
        raise InputError(
            "not an InterCLIP state: motion_encoder.query_token or token_embedding.weight is missing"
        )
    config = InterClipConfig(
        text=_tower(state, "textTransEncoder.layers", text_heads),
        motion=MotionTowerConfig(
            **vars(_tower(state, "motion_encoder.transformer.layers", motion_heads)),
            max_positions=len(state["motion_encoder.sequence_pos_encoder.pe"]),
        ),
        vocabulary=len(state["token_embedding.weight"]),
        context=len(state["positional_embedding"]),
        out_dim=len(state["out.weight"]),
    )
    return _load(InterClip(config), state, "InterCLIP")


def _tower(state: State, prefix: str, heads: int) -> TowerConfig:
    ff, width = state[f"{prefix}.0.linear1.weight"].shape
    return TowerConfig(width=width, layers=layer_count(state, prefix), heads=heads, ff=ff)


def interx_from_state(state: State) -> InterXEvaluator:
    """Inter-X evaluator from tensors named `<part>.<name>`; names and shapes must match exactly."""
    config = InterXConfig(
        movement_hidden=len(state["movement_encoder.main.0.weight"]),
        movement_width=len(state["movement_encoder.main.3.weight"]),
        motion_hidden=len(state["motion_encoder.input_emb.weight"]),
        text_hidden=len(state["text_encoder.input_emb.weight"]),
        word_width=state["text_encoder.input_emb.weight"].shape[1],
        word_kinds=state["text_encoder.pos_emb.weight"].shape[1],
        out_dim=len(state["motion_encoder.output_net.3.weight"]),
    )
    return _load(InterXEvaluator(config), dict(state), "Inter-X evaluator")


def _load(model: Any, state: State, name: str) -> Any:
    """Strict loading with a message that names what differs."""
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    seen = {key: tuple(value.shape) for key, value in state.items()}
    for label, keys in (
        ("lacks", expected.keys() - seen.keys()),
        ("has unknown", seen.keys() - expected.keys()),
    ):
        if keys:
            raise InputError(f"{name}: the file {label} {', '.join(sorted(keys)[:5])} ({len(keys)} tensors)")
    for key, shape in expected.items():
        if seen[key] != shape:
            raise InputError(f"{name}: {key} has shape {seen[key]}; accepted: {shape}")
    model.load_state_dict(state)
    return model.eval()


def read_interclip(path: Path) -> InterClip:
    """`interclip.ckpt`: the tensors under `state_dict`."""
    content = read_torch_file(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    if not isinstance(state, Mapping) or not is_interclip(state):
        raise InputError(
            f"{path}: no InterCLIP tensors under 'state_dict'; expected the released interclip.ckpt"
        )
    return interclip_from_state(state)


def read_interx(path: Path) -> InterXEvaluator:
    """`finest.tar`: three state dicts; optimiser states and counters beside them are ignored."""
    content = read_torch_file(path)
    missing = [part for part in INTERX_PARTS if not (isinstance(content, dict) and part in content)]
    if missing:
        raise InputError(
            f"{path}: lacks {', '.join(missing)}; expected Inter-X's text_mot_match/model/finest.tar"
        )
    state = {f"{part}.{name}": value for part in INTERX_PARTS for name, value in content[part].items()}
    return interx_from_state(state)
