"""intermask: two-person 3D interactions from text, and partners for given motion.

    import intermask_cli as im
    pair = im.load_model("duet-mini").generate(["two people bow"])[0]

Importing this package imports nothing heavy; torch comes with the first use of a name below.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from intermask_cli.version import __version__

if TYPE_CHECKING:
    from intermask_cli.config import SamplingConfig
    from intermask_cli.inference.interaction import Interaction
    from intermask_cli.inference.model import InteractionModel, load_model
    from intermask_cli.models.bundle import list_bundled

__all__ = ["Interaction", "InteractionModel", "SamplingConfig", "__version__", "list_bundled", "load_model"]

_HOMES = {
    "Interaction": "intermask_cli.inference.interaction",
    "InteractionModel": "intermask_cli.inference.model",
    "SamplingConfig": "intermask_cli.config",
    "list_bundled": "intermask_cli.models.bundle",
    "load_model": "intermask_cli.inference.model",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'intermask_cli' has no attribute '{name}'")
