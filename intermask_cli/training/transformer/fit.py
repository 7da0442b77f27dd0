"""What a recipe of the transformer becomes on data without labels, or with fewer clips than a batch."""

from __future__ import annotations

import dataclasses

from intermask_cli.console import note
from intermask_cli.errors import InputError
from intermask_cli.training.config import Recipe, TextPretrainConfig
from intermask_cli.training.sources.source import TrainingSource
from intermask_cli.training.transformer.token_cache import excerpts_of


def for_data(recipe: Recipe, train: TrainingSource, name: str, from_start: bool) -> Recipe:
    """The recipe as it is used on a training split; one note per change. `name` is that of the data.

    Without labels the text head is not pretrained. It then learns with the transformer, unless it has the
    weights of a trained one (`from_start`). A batch has at most as many samples as there are excerpts.

    Raises InputError if no clip is long enough for a token.
    """
    training = recipe.transformer_training
    if recipe.text_pretraining.enabled and not _has_labels(train):
        frozen = training.freeze_text and from_start
        fate = "keeps the weights it starts from" if frozen else "is trained with the transformer"
        note(f"no labels in {name}: the stage that reads labels is skipped, the text head {fate}")
        recipe = dataclasses.replace(recipe, text_pretraining=TextPretrainConfig())
        training = dataclasses.replace(training, freeze_text=frozen)
    elif training.freeze_text and not from_start and not recipe.text_pretraining.enabled:
        note("the text head is trained with the transformer: freeze_text needs trained weights to start from")
        training = dataclasses.replace(training, freeze_text=False)
    excerpts = len(train) if training.published else len(excerpts_of(train, training.max_frames))
    if excerpts == 0:
        raise InputError(f"{name}: no training clip is as long as one token, 4 frames; give longer clips")
    if excerpts < training.batch_size:
        note(
            f"{name} has {excerpts} training excerpts: batches of {excerpts} instead of {training.batch_size}"
        )
        training = dataclasses.replace(training, batch_size=excerpts)
    return dataclasses.replace(recipe, transformer_training=training)


def _has_labels(source: TrainingSource) -> bool:
    return any(source.text(clip).labels for clip in range(len(source)))
