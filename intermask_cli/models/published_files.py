"""The files of the published InterMask code: `opt.txt` and `model/*.tar`.

Source: docs/reference/model.md#checkpoint-files, #options-file.

A `.tar` is not an archive but a `torch.save`d dictionary, and is only ever read with `weights_only=True`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from intermask_cli.errors import InputError, MissingError

#: Published name of the checkpoint with the lowest validation FID.
BEST = "best_fid"
Options = dict[str, Any]
State = dict[str, Tensor]


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
    """The value of an option as bool, int, float or text."""
    if value in ("True", "False"):
        return value == "True"
    if re.fullmatch(r"\d+", value):
        return int(value)
    return float(value) if re.fullmatch(r"\d+\.\d+", value) else value


def checkpoint_file(folder: Path, which: str = BEST, remedy: str = "choose one with --which") -> Path:
    """`<folder>/model/<which>.tar`, else the one file there whose name contains `which`."""
    exact = folder / "model" / f"{which}.tar"
    if exact.is_file():
        return exact
    existing = sorted((folder / "model").glob("*.tar"))
    named = [path for path in existing if which in path.name]
    if len(named) == 1:
        return named[0]
    names = ", ".join(path.name for path in named or existing) or "no .tar file"
    problem = f"several files match '{which}'" if named else f"no checkpoint '{which}'"
    raise MissingError(f"{folder / 'model'}: {problem} ({names}); {remedy}")


def read_weights(path: Path) -> Any:
    """Contents of a `torch.save`d file, without running code in it; InputError if there is code or damage."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may raise anything
        refused_class = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused_class:
            raise InputError(
                f"{path}: not a readable weights file: not all of it is tensors ({refused_class[1]}); such "
                "objects are not loaded because a pickle can run code; if you trust the file, keep only its "
                "tensors once, in your own Python: c = torch.load(PATH, weights_only=False); "
                "torch.save({KEY: c[KEY] for each state dictionary}, NEW)"
            ) from error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: not a readable weights file ({reason}); expected a torch.save'd dictionary of tensors, "
            "get it again"
        ) from error


def read_state(path: Path, names: Iterable[str]) -> State:
    """The state dict stored under one of `names`."""
    content = read_weights(path)
    stored = [name for name in names if isinstance(content, dict) and name in content]
    if not stored:
        keys = ", ".join(map(str, list(content)[:6])) if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path}: holds {keys}; expected one of {', '.join(names)}")
    return checked_state(content[stored[0]], f"{path}: '{stored[0]}'")


def checked_state(state: Any, source: str) -> State:
    """A dictionary of finite tensors by name, floats as float32; InputError names the first other entry."""
    if not isinstance(state, dict):
        raise InputError(f"{source} is a {type(state).__name__}, expected a dictionary of tensors")
    for key, value in state.items():
        if not (isinstance(key, str) and isinstance(value, Tensor)):
            raise InputError(f"{source}: {key!r} is a {type(value).__name__}, expected names and tensors")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise InputError(
                f"{source}: '{key}' claims shape {tuple(value.shape)}, holds less; the checkpoint is damaged"
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{source}: '{key}' has NaN or infinite values; the checkpoint is damaged")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def sizes(state: State, key: str, axes: int, source: str) -> tuple[int, ...]:
    """Shape of a tensor that must have `axes` axes, none of them empty."""
    if key not in state:
        raise InputError(f"{source}: no '{key}'; this is not a checkpoint of the published architecture")
    shape = tuple(state[key].shape)
    if len(shape) != axes or 0 in shape:
        raise InputError(f"{source}: '{key}' has shape {shape}; expected {axes} axes, none of them empty")
    return shape


def numbered(state: State, pattern: str) -> int:
    """Number of different values of the first group of `pattern` among the names."""
    return len({match[1] for match in (re.fullmatch(pattern, key) for key in state) if match})


def load_exactly(module: nn.Module, state: State, source: str, absent: tuple[str, ...] = ()) -> None:
    """Load a state dict; only keys ending in one of `absent` may be missing, nothing may be left over."""
    expected = module.state_dict()
    needed = {key for key in expected if key.rpartition(".")[2] not in absent}
    problems = [
        ("unknown", sorted(set(state) - set(expected))),
        ("missing", sorted(needed - set(state))),
        ("misshapen", sorted(k for k in needed & set(state) if state[k].shape != expected[k].shape)),
    ]
    parts = [
        f"{len(keys)} {kind} ({', '.join(keys[:4])}{', ...' if keys[4:] else ''})"
        for kind, keys in problems
        if keys
    ]
    if parts:
        raise InputError(f"{source}: does not fit the published architecture: {'; '.join(parts)}")
    module.load_state_dict(state, strict=not absent)


def number(options: Options, name: str, default: float, path: Path) -> float:
    """A numeric option, `default` where the file has none."""
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {name} is '{value}' in opt.txt; expected a number")
    return value


def count(options: Options, name: str, default: int, path: Path) -> int:
    """A whole number above 0 among the options, `default` where the file has none."""
    value = number(options, name, default, path)
    if value != int(value) or value < 1:
        raise InputError(f"{path}: {name} is {value} in opt.txt; expected a whole number above 0")
    return int(value)
