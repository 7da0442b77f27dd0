"""Nests of tuples of tensors, such as a network's modulation: one function on all of their tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def each(function: Callable[..., Tensor], nest: Any, *others: Any) -> Any:
    """`function` of every tensor of a nest and of those at its place in equal nests -> a nest of results."""
    if isinstance(nest, Tensor):
        return function(nest, *others)
    parts = [each(function, *members) for members in zip(nest, *others, strict=True)]
    return type(nest)(*parts) if hasattr(nest, "_fields") else tuple(parts)
