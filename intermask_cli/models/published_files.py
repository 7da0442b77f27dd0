"""The files of the published InterMask code: `opt.txt` and `model/*.tar` (reference `model.md` section 11).

A `.tar` is not an archive but a `torch.save`d dictionary, and is only ever read with `weights_only=True`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from intermask_cli.errors import InputError, MissingError

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
    if value in ("True", "False"):
        return value == "True"
    if re.fullmatch(r"\d+", value):
        return int(value)
    return float(value) if re.fullmatch(r"\d+\.\d+", value) else value


def checkpoint_file(folder: Path, which: str = BEST) -> Path:
    """`<folder>/model/<which>.tar`, else the one file there whose name contains `which`."""
    exact = folder / "model" / f"{which}.tar"
    if exact.is_file():
        return exact
    there = sorted((folder / "model").glob("*.tar"))
    named = [path for path in there if which in path.name]
    if len(named) == 1:
        return named[0]
    seen = ", ".join(path.name for path in named or there) or "no .tar file"
    problem = f"several files match '{which}'" if named else f"no checkpoint '{which}'"
    raise MissingError(f"{folder / 'model'}: {problem} ({seen}); choose one with --which")


def read_state(path: Path, names: Iterable[str]) -> State:
    """The state dict stored under one of `names`; float tensors must be finite."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged pickles raise whatever the byte at hand leads to
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: not a readable weights file ({reason}); expected a torch.save'd dictionary of tensors, "
            "nothing else in it is executed"
        ) from error
    found = [name for name in names if isinstance(content, dict) and name in content]
    if not found:
        keys = ", ".join(map(str, list(content)[:6])) if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path}: holds {keys}; expected one of {', '.join(names)}")
    state = content[found[0]]
    if not isinstance(state, dict):
        raise InputError(
            f"{path}: '{found[0]}' is a {type(state).__name__}, expected a dictionary of tensors"
        )
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(f"{path}: '{key}' is a {type(value).__name__}, expected a tensor")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{path}: '{key}' has NaN or infinite values; the checkpoint is damaged")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def number(options: Options, name: str, default: float, path: Path) -> float:
    """A numeric option, `default` where the file has none."""
    value = options.get(name, default)
    if not isinstance(value, int | float):
        raise InputError(f"{path}: {name} is '{value}' in opt.txt; expected a number")
    return value
