"""A transformer that starts from trained weights, for new data or to add a condition per person."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from intermask_cli.errors import InputError
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.checkpoints import weights_of

#: Weights that only a transformer with a condition per person has.
PERSON_MAPS = "text_head.person_maps"


def start_from(model: InteractionTransformer, trained: InteractionTransformer, source: Path) -> None:
    """Copy the weights of `trained` into `model`; InputError if their sizes differ.

    Only a condition per person may be new: then the maps per person keep their initial weights. `source` is
    named in errors.
    """
    sizes, trained_sizes = dataclasses.asdict(model.config), dataclasses.asdict(trained.config)
    different = [
        name
        for name in sizes
        if sizes[name] != trained_sizes[name] and name not in ("person_condition", "dropout")
    ]
    if model.config.person_condition < trained.config.person_condition:
        different.append("person_condition")
    if different:
        differing = ", ".join(f"{name} {trained_sizes[name]}, here {sizes[name]}" for name in different)
        raise InputError(
            f"--start-from {source}: another transformer ({differing}); use a recipe with the same sizes"
        )
    initial = {name: value for name, value in model.state_dict().items() if name == PERSON_MAPS}
    model.load_state_dict(initial | weights_of(trained))
