"""intermask: two-person 3D interactions from text, and partners for given motion.

    import intermask_cli as im

    model = im.load_model("duet-mini")
    pair = model.generate("two people bow", frames=120, seed=7)[0]
    partner = model.react(pair.joints[0], "two people bow")[0]
    im.save_interaction(pair, "bow.bvh")

`load_model` gives an `InteractionModel`. Its methods are the tasks (`generate`, `react`, `extend`,
`in_between`, `edit`, `reconstruct`) and the parts of the model (`encode`, `decode`, `text_states`,
`condition`, `logits`). Motion is in metres, Y up, 30 frames per second; persons are numbered from 0.
Expected failures are an `IntermaskError` with a message of one line.

Importing this package imports nothing heavy: PyTorch is imported when a name that needs it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from intermask_cli.version import __version__

if TYPE_CHECKING:
    from evaluators.api import evaluate_interactions
    from evaluators.evaluator import load_evaluator
    from intermask_cli.config import SamplingConfig
    from intermask_cli.datasets.interactions import InteractionFile, open_dataset, write_dataset
    from intermask_cli.datasets.motion_files.read import read_motion
    from intermask_cli.datasets.torch_dataset import InteractionDataset
    from intermask_cli.errors import InputError, IntermaskError, MissingError
    from intermask_cli.export.interaction import save_interaction
    from intermask_cli.inference.interaction import Interaction, Seam
    from intermask_cli.inference.model import InteractionModel, load_model
    from intermask_cli.models.bundle_info import list_bundled
    from intermask_cli.models.text_encoders import TextEncoder, TextStates, load_text_encoder
    from intermask_cli.motion.motion import Motion

__all__ = [
    "InputError",
    "Interaction",
    "InteractionDataset",
    "InteractionFile",
    "InteractionModel",
    "IntermaskError",
    "MissingError",
    "Motion",
    "SamplingConfig",
    "Seam",
    "TextEncoder",
    "TextStates",
    "__version__",
    "evaluate_interactions",
    "list_bundled",
    "load_evaluator",
    "load_model",
    "load_text_encoder",
    "open_dataset",
    "read_motion",
    "save_interaction",
    "write_dataset",
]

#: Where each public name is defined; imported on first use.
_MODULES = {
    "InputError": "intermask_cli.errors",
    "Interaction": "intermask_cli.inference.interaction",
    "InteractionDataset": "intermask_cli.datasets.torch_dataset",
    "InteractionFile": "intermask_cli.datasets.interactions",
    "InteractionModel": "intermask_cli.inference.model",
    "IntermaskError": "intermask_cli.errors",
    "MissingError": "intermask_cli.errors",
    "Motion": "intermask_cli.motion.motion",
    "SamplingConfig": "intermask_cli.config",
    "Seam": "intermask_cli.inference.interaction",
    "TextEncoder": "intermask_cli.models.text_encoders",
    "TextStates": "intermask_cli.models.text_encoders",
    "evaluate_interactions": "evaluators.api",
    "list_bundled": "intermask_cli.models.bundle_info",
    "load_evaluator": "evaluators.evaluator",
    "load_model": "intermask_cli.inference.model",
    "load_text_encoder": "intermask_cli.models.text_encoders",
    "open_dataset": "intermask_cli.datasets.interactions",
    "read_motion": "intermask_cli.datasets.motion_files.read",
    "save_interaction": "intermask_cli.export.interaction",
    "write_dataset": "intermask_cli.datasets.interactions",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'intermask_cli' has no attribute '{name}'")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
