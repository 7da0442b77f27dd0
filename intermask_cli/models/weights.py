"""Weights of networks as safetensors files; their shapes are compared before a network is built.

Sizes in a config.json may be anything, and a network of 1e9 layers takes all memory before its first weight
is read. A file, in contrast, cannot claim shapes of more bytes than it has: its header decides.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from intermask_cli.config import Layers, OptionalLayers, Size
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import replacing, what_came_instead
from intermask_cli.models.bundle_files import CONFIG

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

M = TypeVar("M", bound=nn.Module)
Shapes = dict[str, tuple[int, ...]]
#: What to do about weights that are damaged.
GET_AGAIN = "get the bundle again"


def save_weights(state: dict[str, Tensor], path: Path, fp16: bool) -> None:
    """Write a state dict as safetensors.

    `fp16` stores matrices in half precision and vectors in float32. Raises InputError where a matrix does not
    fit half precision.
    """
    stored = {}
    for key, value in state.items():
        value = value.detach().cpu().contiguous().clone()
        if fp16 and value.is_floating_point() and value.ndim >= 2:
            value = value.half()
            if not torch.isfinite(value).all():
                raise InputError(f"'{key}' does not fit half precision; save the bundle in float32")
        stored[key] = value
    with replacing(path) as temporary:
        save_file(stored, temporary)


def load_network(
    build: Callable[[], M],
    sizes: DataclassInstance,
    path: Path,
    absent: tuple[str, ...] = (),
    remedy: str = GET_AGAIN,
) -> M:
    """The network with the weights of a file, float32.

    build: makes the network. sizes: the record it is built from; its fields of kind `Size` and `Layers` are
    compared with the file first. absent: ends of the names of tensors that the file does not have.

    Raises:
        MissingError: no such file. InputError: damaged, or another network's; names the field or the tensor.
    """
    shapes = stored_shapes(path, remedy)
    _check_sizes(sizes, shapes, path)
    try:
        with torch.device("meta"), _NoValues():  # no memory for weights
            outline = build()
    except RuntimeError as error:  # more numbers than can be counted
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: {CONFIG} has sizes of which no network can be built ({reason})") from error
    check_shapes(outline, shapes, path, absent)
    with torch.random.fork_rng(devices=[]):  # initial weights must not be drawn from the caller's stream
        network = build()
    load_weights(network, path, absent, remedy)
    return network


class _NoValues(TorchFunctionMode):
    """Shapes of the networks' initial values, on the device "meta", without the computation.

    For random numbers and arithmetic there, torch imports its compiler, which takes longer than all of torch.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        if func is torch.arange:  # one row of numbers, as many as the network is wide
            return func(*args, **{**kwargs, "device": "cpu"})
        if func is torch.eye:
            return torch.empty(args[0], args[0])
        if func in (torch.Tensor.sin, torch.Tensor.cos):
            return torch.empty(args[0].shape)
        if func in (torch.Tensor.mul, torch.Tensor.add):
            return torch.empty(np.broadcast_shapes(*(getattr(value, "shape", ()) for value in args)))
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def load_weights(
    module: nn.Module, path: Path, absent: tuple[str, ...] = (), remedy: str = GET_AGAIN
) -> None:
    """Load exactly the module's keys (those ending in `absent` excepted), as float32.

    Raises MissingError without the file, InputError naming the first key that does not fit.
    """
    check_shapes(module, stored_shapes(path, remedy), path, absent)
    state = load_file(path)
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{path}: '{key}' has NaN or infinite values; {remedy}")
    weights = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    module.load_state_dict(weights, strict=not absent)


def stored_shapes(path: Path, remedy: str = GET_AGAIN) -> Shapes:
    """Shapes by name, from the header of a safetensors file.

    Raises MissingError without the file, InputError if it is damaged.
    """
    if not path.is_file():
        raise MissingError(f"{path}: not found; {remedy}")
    if (found := what_came_instead(path)) is not None:
        raise InputError(f"{path}: is {found}")
    try:
        with safe_open(path, framework="pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged, not readable as safetensors ({error}); {remedy}") from error


def check_shapes(module: nn.Module, shapes: Shapes, path: Path, absent: tuple[str, ...] = ()) -> None:
    """InputError unless these are the names and shapes of the module's tensors; names the first other one."""
    expected = module.state_dict()
    needed = {key for key in expected if key.rpartition(".")[2] not in absent}
    for key in sorted(set(shapes) ^ needed):
        problem, others = ("unknown", needed) if key in shapes else ("missing", set(shapes))
        near = difflib.get_close_matches(key, sorted(others), n=1)
        hint = f" (nearest: '{near[0]}')" if near else ""
        raise InputError(f"{path}: {problem} key '{key}'{hint}; the weights do not fit {CONFIG}")
    for key in sorted(needed):
        if shapes[key] != (shape := tuple(expected[key].shape)):
            raise InputError(f"{path}: '{key}' is {shapes[key]}, {CONFIG} asks for {shape}")


def _check_sizes(sizes: DataclassInstance, shapes: Shapes, path: Path) -> None:
    """InputError for a size that no shape of the weights can have."""
    largest = max((length for shape in shapes.values() for length in shape), default=0)
    for name, value, kind in _fields(sizes):
        limit = len(shapes) if kind in (Layers, OptionalLayers) else largest
        if value > limit:
            what = f"{limit} tensors" if kind in (Layers, OptionalLayers) else f"no size above {limit}"
            raise InputError(
                f"{path}: has {what}, but {CONFIG} says {name} {value}; they do not belong together"
            )


def _fields(sizes: DataclassInstance) -> Iterator[tuple[str, int, object]]:
    """Name, value and kind of the sizes in a record and in the records that it holds."""
    kinds = get_type_hints(type(sizes), include_extras=True)
    for field in dataclasses.fields(sizes):
        value, kind = getattr(sizes, field.name), kinds[field.name]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from ((f"{field.name}.{name}", inner, k) for name, inner, k in _fields(value))
        elif kind in (Size, Layers, OptionalLayers):
            yield field.name, value, kind
