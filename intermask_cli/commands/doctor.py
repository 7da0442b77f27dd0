"""`intermask doctor`: what works on this machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from intermask_cli.commands.options import Json
from intermask_cli.errors import EXIT_MISSING, IntermaskError


def doctor(
    hub: Annotated[
        bool, typer.Option("--hub", help="Also try to reach the Hugging Face hub (network).")
    ] = False,
    json: Json = False,
) -> None:
    """Check what works on this machine.

    Versions, device, bundled models, text encoder, disk and optional extras. Exit code 4 when generating
    with the bundled model cannot work; the line of that check then says what to do.
    """
    from intermask_cli.console import emit_json, out

    checks = check_machine(hub)
    if json:
        emit_json(
            {"ok": all(check.state != "missing" for check in checks), "checks": [vars(c) for c in checks]}
        )
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            out.print(f"{check.state:<8} {check.name:<{width}}  {check.detail}", markup=False)
    if any(check.state == "missing" for check in checks):
        raise typer.Exit(EXIT_MISSING)


#: Optional package -> what it is for and how to get it.
_EXTRAS = {
    "matplotlib": "contact sheets; pip install 'intermask[viz]'",
    "imageio_ffmpeg": "GIF and MP4; pip install 'intermask[viz]'",
    "pygltflib": "GLB export; pip install 'intermask[export]'",
    "pxr": "USD export; pip install 'intermask[usd]'",
    "fastapi": "serve; pip install 'intermask[serve]'",
}


@dataclass
class Check:
    """One line of the report; `state` is ok, note (works with a limit) or missing (generate cannot work)."""

    state: str
    name: str
    detail: str


def check_machine(hub: bool) -> list[Check]:
    """All checks, in the order shown. Only with `hub` is the network used."""
    from intermask_cli.generation.run.manifest import versions

    checks = [
        Check("ok", "versions", ", ".join(f"{name} {version}" for name, version in versions().items())),
        Check("ok", "machine", f"{platform.platform()}, {os.cpu_count()} processors"),
        _attempt("torch", _torch),
        _attempt("bundled models", _bundled),
        _attempt("text encoder", _text_encoder),
        _disk(),
        _cache(),
        *(_extra(package, purpose) for package, purpose in _EXTRAS.items()),
        _blender(),
        *_plugins(),
    ]
    return [*checks, _hub()] if hub else checks


def _attempt(name: str, find: Callable[[], str]) -> Check:
    """An ok line with the result of `find`, or a line with the error that says what is missing."""
    try:
        return Check("ok", name, find())
    except (IntermaskError, ImportError) as error:
        return Check("missing", name, str(error))


def _torch() -> str:
    import torch

    devices = [
        f"cuda:{i} {torch.cuda.get_device_name(i)} ({torch.cuda.mem_get_info(i)[1] / 2**30:.0f} GiB)"
        for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    return f"{torch.get_num_threads()} threads; {', '.join(devices) or 'no CUDA device, using the CPU'}"


def _bundled() -> str:
    from intermask_cli.config import DEFAULT_MODEL
    from intermask_cli.models.bundle_info import bundle_sha256, list_bundled, resolve_bundle

    resolve_bundle(DEFAULT_MODEL)
    return ", ".join(f"{name} (sha256 {bundle_sha256(resolve_bundle(name))})" for name in list_bundled())


def _text_encoder() -> str:
    from intermask_cli.models.text_encoders import MINILM_ID, load_text_encoder

    encoder = load_text_encoder("minilm:")
    return f"{MINILM_ID} (sha256 {encoder.sha256}, as expected)"


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    writable = os.access(Path.cwd(), os.W_OK)
    detail = f"{free:,.1f} GB free in {Path.cwd()}" + (
        "" if writable else "; not writable, use --out elsewhere"
    )
    return Check("ok" if writable and free > 1 else "note", "disk", detail)


def _cache() -> Check:
    from intermask_cli.files import cache_folder, check_writable

    folder = cache_folder()
    try:
        check_writable(folder)
    except IntermaskError as error:
        return Check("note", "cache", f"{error}; for evaluate, --cache DIR or INTERMASK_CACHE names another")
    return Check("ok", "cache", f"{folder}, embeddings and samples of evaluate")


def _extra(package: str, purpose: str) -> Check:
    installed = importlib.util.find_spec(package) is not None
    return Check(
        "ok" if installed else "note", package, "installed" if installed else f"not installed, for {purpose}"
    )


def _blender() -> Check:
    from intermask_cli.datasets.motion_files.blender import BLENDER_VARIABLE, blender_command

    command = blender_command()
    if command is not None:
        return Check("ok", "blender", command[0])
    advice = f"pip install 'intermask[blender]', or set {BLENDER_VARIABLE} to an installed Blender"
    return Check("note", "blender", f"not found, for FBX; {advice}")


def _plugins() -> list[Check]:
    """One line per plug-in of installed packages; none of them is imported."""
    from intermask_cli import plugins

    return [
        Check("ok", "plug-in", f"{entry.name} ({group}) of {plugins.package_of(entry)}")
        for group in plugins.GROUPS
        for entry in plugins.registered(group).values()
    ]


def _hub() -> Check:
    from intermask_cli.models.hub import HUB_HOST, hub_answers

    reachable = hub_answers()
    return Check(
        "ok" if reachable else "note", "hub", f"{HUB_HOST} {'answers' if reachable else 'cannot be reached'}"
    )
