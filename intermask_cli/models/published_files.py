"""The files of the published InterMask code: `opt.txt` and `model/*.tar`.

Source: docs/reference/model.md#checkpoint-files, #options-file.

A `.tar` is not an archive but a `torch.save`d dictionary, and is only ever read with `weights_only=True`.
Weights saved again as safetensors are read as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from intermask_cli.console import note
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import what_came_instead
from intermask_cli.models.weights import stored_shapes

#: Published name of the checkpoint with the lowest validation FID.
BEST = "best_fid"
#: Suffixes of weights files; published ones are .tar.
SUFFIXES = (".tar", ".safetensors", ".pt", ".pth", ".ckpt")
#: What wrappers put before every name: data parallelism, compilation, averaging.
_ONLINE, _AVERAGED = "online_model.", "ema_model."
WRAPPERS = ("module.", "_orig_mod.", _ONLINE, _AVERAGED)
#: Entries that averaging wrappers add to a state dict.
_COUNTERS = frozenset(("n_averaged", "initted", "step"))
Options = dict[str, Any]
State = dict[str, Tensor]


def read_options(path: Path) -> Options:
    """`opt.txt`, one `key: value` per line: booleans, whole and decimal numbers, the rest text."""
    if not path.is_file():
        raise MissingError(
            f"{path}: not found; it belongs to every published checkpoint folder, copy it there"
        )
    if (found := what_came_instead(path)) is not None:
        raise InputError(f"{path}: is {found}")
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
    """`<folder>/model/<which>.tar`, else the one weights file there whose name contains `which`."""
    exact = folder / "model" / f"{which}.tar"
    if exact.is_file():
        return exact
    existing = sorted(path for path in (folder / "model").glob("*") if path.suffix in SUFFIXES)
    named = [path for path in existing if which in path.name]
    if len(named) == 1:
        return named[0]
    if not existing:
        raise MissingError(f"{folder / 'model'}: no weights ({', '.join(SUFFIXES)}) in it; get {which}.tar")
    names = ", ".join(path.name for path in named or existing)
    problem = f"several files match '{which}'" if named else f"no checkpoint '{which}'"
    raise MissingError(f"{folder / 'model'}: {problem} ({names}); {remedy}")


def read_weights(path: Path) -> Any:
    """Contents of a `torch.save`d or safetensors file; InputError if it is damaged or holds anything to run.

    A safetensors file is a dictionary of tensors.
    """
    if (found := what_came_instead(path)) is not None:
        raise InputError(f"{path}: is {found}")
    if path.suffix == ".safetensors":
        stored_shapes(path, "get it again")
        return load_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may raise anything
        # The library's reason is not repeated: it recommends to load the file by running what is in it.
        refused_class = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused_class:
            raise InputError(
                f"{path}: not a readable weights file: not all of it is tensors ({refused_class[1]}); such "
                "objects are never loaded, since they can run code; accepted: state dictionaries of tensors "
                "alone, or .safetensors"
            ) from error
        raise InputError(
            f"{path}: not a readable weights file; expected a torch.save'd dictionary of tensors, or "
            ".safetensors; get it again"
        ) from error


def read_state(path: Path, names: Sequence[str]) -> State:
    """The state dict stored under one of `names`; in a safetensors file, alone or under such a prefix.

    Averaged weights (EMA) are taken where there are no others. What was taken and left out is noted.
    """
    content = read_weights(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__}; expected one of {', '.join(names)}")
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return _flat_state(content, names, path)
    averaged = [key for key in content if _is_average(key) and isinstance(content[key], dict)]
    stored = [name for name in names if name in content] or averaged
    if not stored:
        keys = ", ".join(str(key)[:60] for key in list(content)[:6])
        raise InputError(f"{path}: holds {keys}; expected one of {', '.join(names)}")
    if averaged:
        note(f"{path}: {_taken(stored[0], [key for key in averaged if key != stored[0]])}")
    state = content[stored[0]]
    inner = [name for name in names if isinstance(state, dict) and isinstance(state.get(name), dict)]
    return checked_state(state[inner[0]] if inner else state, f"{path}: '{stored[0]}'")


def _flat_state(content: State, names: Sequence[str], path: Path) -> State:
    """The state dict of a file that holds tensors alone, without the name of its part."""
    for name in names:
        part = {key: value for key, value in content.items() if str(key).startswith(f"{name}.")}
        if part:
            return checked_state({key[len(name) + 1 :]: value for key, value in part.items()}, str(path))
    return checked_state(content, str(path))


def checked_state(state: Any, source: str) -> State:
    """A dictionary of finite tensors by name, floats as float32; InputError names the first other entry.

    What wrappers of a model put before every name is taken off.
    """
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
    state = _unwrapped(state, source)
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def _unwrapped(state: State, source: str) -> State:
    """The state without the prefixes of wrappers and without their counters; both are noted."""
    prefixes = ""
    while True:
        counters = _COUNTERS & set(state)
        names = [key for key in state if key not in counters]
        averaged = [key for key in names if key.startswith(_AVERAGED)]
        others = [key for key in names if key not in averaged]
        if averaged and others and all(key.startswith(_ONLINE) for key in others):
            note(f"{source}: {_taken(_ONLINE, [_AVERAGED])}")
            names = others
        prefix = next((p for p in WRAPPERS if names and all(key.startswith(p) for key in names)), None)
        if prefix is None:
            break
        state = {key.removeprefix(prefix): state[key] for key in names}
        prefixes += prefix
    if prefixes:
        note(f"{source}: names begin with '{prefixes}', left out")
    return state


def _is_average(key: Any) -> bool:
    """Whether a name is that of averaged weights."""
    return isinstance(key, str) and "ema" in re.split(r"[._-]", key.lower())


def _taken(name: str, left_out: Sequence[str]) -> str:
    """Which weights of several were taken, in words."""
    if not left_out:
        return f"the averaged weights '{name}' are taken, there are no others"
    return f"the weights '{name}' are taken, the averaged ones ('{left_out[0]}') are left out"


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
