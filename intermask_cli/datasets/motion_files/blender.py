"""Run a script inside Blender: the `bpy` package, or an installed Blender.

Blender runs in a process of its own. It changes signal handlers and floating-point settings of the process
it is loaded into, can crash it, and its package exists for one version of Python only.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from intermask_cli.errors import IntermaskError, MissingError

#: Environment variable: a Blender program, or a Python that has `bpy`.
BLENDER_VARIABLE = "INTERMASK_BLENDER"
#: Reading or writing a clip takes a second; ten-minute captures of dozens of joints take a few minutes.
_TIMEOUT_S = 900


def blender_command() -> list[str] | None:
    """The start of a command line that runs a script inside Blender, or None where there is no Blender.

    Searched in this order: the program named by INTERMASK_BLENDER, `bpy` of this Python, `blender` in PATH.
    """
    named = os.environ.get(BLENDER_VARIABLE)
    if named is None and importlib.util.find_spec("bpy") is not None:
        return [sys.executable]
    program = shutil.which(named or "blender")
    if program is None:
        return None
    if Path(program).name.lower().startswith("python"):
        return [program]
    return [program, "--background", "--factory-startup", "--python-exit-code", "1", "--python"]


def run_in_blender(script: Path, *arguments: str, what: str) -> None:
    """Run a script of this package inside Blender; the arguments follow "--" in its `sys.argv`.

    Raises:
        MissingError: there is no Blender; the message begins with `what` needs it.
        IntermaskError: the script failed; the message holds its last line.
    """
    command = blender_command()
    if command is None:
        named = os.environ.get(BLENDER_VARIABLE)
        raise MissingError(
            f"{what} needs Blender: pip install 'intermask[blender]' (Python 3.11), or set "
            f"{BLENDER_VARIABLE} to an installed Blender"
            + ("" if named is None else f" (it is {named!r}, which is not a program)")
        )
    try:
        result = subprocess.run(
            [*command, str(script), "--", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise IntermaskError(f"{what}: Blender took more than {_TIMEOUT_S} s and was stopped") from None
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
        reason = lines[-1] if lines else f"exit code {result.returncode}"
        raise IntermaskError(f"{what}: Blender failed ({reason})")
