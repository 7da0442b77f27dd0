"""Tensors that are slow to compute, cached in a file for later runs with the same inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from intermask_cli.console import note
from intermask_cli.files import replacing


def cached_tensors(
    path: Path, key: dict[str, str], compute: Callable[[], dict[str, Tensor]], stale: str
) -> dict[str, Tensor]:
    """Tensors by name from the file if it was written with the same `key`, else computed and written.

    stale: text of the note about a file with another key.
    """
    if path.is_file():
        with safe_open(path, "pt") as file:
            if file.metadata() == key:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        note(f"{path}: {stale}")
    tensors = compute()
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=key)
    return tensors
