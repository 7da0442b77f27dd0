"""Training of duet-eval from a Duets corpus to a bundle; resumable, with a budget of time or steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator

from evaluators.training.bundle import write_bundle
from evaluators.training.recipe import EvaluatorRecipe
from evaluators.training.stage import EvaluatorStage
from intermask_cli.datasets.duets.corpus import Corpus
from intermask_cli.errors import InputError
from intermask_cli.files import file_sha256, write_json
from intermask_cli.models.text_encoders import load_text_encoder
from intermask_cli.training.checkpoints import LAST, best_weights, find_checkpoint, load_weights
from intermask_cli.training.loop import StageRun
from intermask_cli.training.recipes import open_folder

#: Folders within a training folder.
CACHE, TEXT_PRETRAINING = "cache", "text_start"


def train_evaluator(
    recipe: EvaluatorRecipe,
    data: Path,
    out: Path,
    resume: bool,
    accelerator: Accelerator,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train on the train split of a Duets corpus and write the bundle of the best weights.

    Args:
        recipe: network and training settings.
        data: folder of the corpus.
        out: training folder.
        resume: continue the training in `out`.
        accelerator: devices and processes.
        start: folder of a finished training of the same network whose best weights this one starts from.

    Returns:
        The report, as in `out/report.json`.

    Raises:
        InputError: `out` holds a training and `resume` is False, or the recipe differs from that training's.
        MissingError: no training to resume, or no weights to start from.
    """
    corpus = Corpus(data)
    depends = {"data": str(data), "start": start and str(start)}
    encoder = load_text_encoder(recipe.training.text_encoder, accelerator.device.type)
    train = corpus.split("train")[: recipe.training.clips]
    validation = corpus.split("val")[: recipe.training.validate_clips]
    for split, clips in (("train", train), ("val", validation)):
        if not clips:
            raise InputError(f"{data}: no clips in {split}; make a larger corpus with `intermask data duets`")
    content = {
        "corpus": f"{corpus.manifest['fingerprint']} {corpus.clips}",
        "start": file_sha256(best_weights(start)) if start is not None else None,
        "text encoder": encoder.sha256,
    }
    open_folder(out, "evaluator", recipe, depends, content, resume, accelerator, (TEXT_PRETRAINING,))
    stage = EvaluatorStage(recipe, train, validation, encoder, out / CACHE, accelerator)
    if start is not None:
        load_weights(stage.model, best_weights(start))
    has_checkpoint = find_checkpoint(out, LAST) is not None
    if recipe.training.text_steps > 0 and not has_checkpoint:
        folder = out / TEXT_PRETRAINING
        resume_text = resume and find_checkpoint(folder, LAST) is not None
        StageRun(stage.text_pretraining(), folder, accelerator, resume_text).run()
    report = StageRun(stage, out, accelerator, resume and has_checkpoint).run()
    if accelerator.is_main_process:
        report["bundle_sha256"] = write_bundle(
            out, recipe.network, recipe.training, recipe.training.clips, encoder, corpus, report
        )
        write_json(out / "report.json", report)
    return report
