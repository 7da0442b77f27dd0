"""A transformer that goes on from the weights of another training: new data, or a condition per person."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from intermask_cli.errors import InputError
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.checkpoints import weights_of

QUERY = "text_head.query"


def start_from(model: InteractionTransformer, trained: InteractionTransformer, where: Path) -> None:
    """Copy the weights of `trained` into `model`, whose sizes must be the same.

    Only the condition may be new: with `person_condition` both queries start as the one of `trained`.
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
    weights = weights_of(trained)
    if QUERY in weights:
        weights[QUERY] = weights[QUERY].expand_as(model.state_dict()[QUERY])
    model.load_state_dict(weights)
