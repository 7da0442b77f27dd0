"""A transformer that goes on from the weights of another training: new data, or a condition per person."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from intermask_cli.errors import InputError
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.checkpoints import weights_of

PERSON_MAPS = "text_head.person_maps"


def start_from(model: InteractionTransformer, trained: InteractionTransformer, where: Path) -> None:
    """Copy the weights of `trained` into `model`, whose sizes must be the same.

    Only the condition may be new: with `person_condition` the maps per person keep their own start.
    """
    ours, theirs = dataclasses.asdict(model.config), dataclasses.asdict(trained.config)
    other = [
        name for name in ours if ours[name] != theirs[name] and name not in ("person_condition", "dropout")
    ]
    if model.config.person_condition < trained.config.person_condition:
        other.append("person_condition")
    if other:
        said = ", ".join(f"{name} {theirs[name]}, here {ours[name]}" for name in other)
        raise InputError(
            f"--start-from {where}: another transformer ({said}); use a recipe with the same sizes"
        )
    own = {name: value for name, value in model.state_dict().items() if name == PERSON_MAPS}
    model.load_state_dict(own | weights_of(trained))
