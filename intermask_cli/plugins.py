"""Plug-ins: what installed packages add to intermask through entry points (docs/guides/plugins.md).

============================  ==========================================================================
group                         an entry point is
============================  ==========================================================================
intermask.text_encoders       `load(source: str | None, device: str) -> TextEncoder`
intermask.evaluators          `load(text_encoder: str | None, device: str) -> Evaluator`
intermask.metrics             a metric (`evaluators.metrics.registered`)
intermask.readings            `load(model: Path, text_encoder: TextEncoder) -> Reader`
============================  ==========================================================================

A package is imported when one of its plug-ins is used, not before.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from intermask_cli.errors import InputError, IntermaskError

TEXT_ENCODERS = "intermask.text_encoders"
EVALUATORS = "intermask.evaluators"
METRICS = "intermask.metrics"
READINGS = "intermask.readings"
GROUPS = (TEXT_ENCODERS, EVALUATORS, METRICS, READINGS)


def registered(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name, sorted by name; nothing is imported.

    If two packages register the same name, the first in the order of package names is used.
    """
    by_name: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, package_of(entry))):
        by_name.setdefault(entry.name, entry)
    return by_name


def load(group: str, name: str) -> Any:
    """Import the object that a plug-in registers.

    Raises:
        InputError: no plug-in of that name, or its package cannot be imported; the message names the package.
    """
    entries = registered(group)
    if name not in entries:
        names = ", ".join(entries) or "no package registers one"
        raise InputError(f"no plug-in '{name}' in group {group}; registered: {names}")
    entry = entries[name]
    try:
        return entry.load()
    except Exception as error:
        raise _failed(entry, error) from error


def call(group: str, name: str, *arguments: Any) -> Any:
    """Import the callable that a plug-in registers and call it with these arguments.

    Raises:
        InputError: as `load`, or the call raised something other than an `IntermaskError`.
    """
    loader = load(group, name)
    try:
        return loader(*arguments)
    except IntermaskError:
        raise
    except Exception as error:
        raise _failed(registered(group)[name], error) from error


def package_of(entry: EntryPoint) -> str:
    """Name and version of the package that registers an entry point, "?" where unknown."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "?"


def _failed(entry: EntryPoint, error: Exception) -> InputError:
    message = (str(error).splitlines() or [""])[0]
    return InputError(
        f"plug-in '{entry.name}' ({entry.group}) of package {package_of(entry)} failed: "
        f"{type(error).__name__}: {message}"
    )
