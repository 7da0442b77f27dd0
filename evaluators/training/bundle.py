"""The bundle that the training of duet-eval writes at its end, and its model card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from evaluators.networks.bundle import network_config, save_evaluator
from evaluators.networks.bundle_info import EvaluatorInfo
from evaluators.networks.duet import DuetEval, DuetEvalConfig
from intermask_cli.datasets.duets.corpus import Corpus
from intermask_cli.errors import MissingError
from intermask_cli.models.text_encoders import TextEncoder
from intermask_cli.training.checkpoints import BEST, WEIGHTS, find_checkpoint, load_weights
from intermask_cli.training.config import StageConfig

BUNDLE = "bundle"


def write_bundle(
    out: Path, sizes: DuetEvalConfig, training: StageConfig, clips: int, encoder: TextEncoder, corpus: Corpus,
    report: dict[str, Any],
) -> str:  # fmt: skip
    """The best weights as an evaluator bundle in `out/bundle`, half precision -> its SHA-256."""
    network = DuetEval(sizes)
    best = find_checkpoint(out, BEST)
    if best is None:
        raise MissingError(f"{out}: no validated weights yet; let the training reach its first validation")
    load_weights(network, best / WEIGHTS)
    data = (
        f"Duets, seed {corpus.seed}, train split of {corpus.clips} clips (first {clips}), "
        f"fingerprint {corpus.manifest['fingerprint']}"
    )
    info = EvaluatorInfo(
        name="duet-eval", architecture="duet", network=network_config(network), protocol="duets",
        text_encoder={"id": encoder.id, "sha256": encoder.sha256, "dim": encoder.dim}, licence="MIT",
        training_data=data,
        provenance={
            "command": "intermask train evaluator", "recipe": dataclasses.asdict(training),
            "steps": report["steps"], "minutes": report["minutes"], "device": report["device"],
            "torch": report["torch"], "validation": report["best"],
        },
    )  # fmt: skip
    return save_evaluator(out / BUNDLE, info, network, evaluator_card(info), fp16=True, overwrite=True)


def evaluator_card(info: EvaluatorInfo) -> str:
    """README.md of the bundle."""
    best = info.provenance["validation"]
    figures = "\n".join(
        f"| {name} | {value:.3f} |" for name, value in best.items() if name not in ("step", "score")
    )
    return f"""# {info.name}

A small text-motion encoder of the InterCLIP family. It scores 22-joint two-person motion against text, for
the `{info.protocol}` protocol only: its numbers are never comparable with InterCLIP's or the paper's tables.

* Trained on ground truth only: {info.training_data}. No test clip, no generated motion.
* Text side: frozen {info.text_encoder["id"]} token states (Apache-2.0). Weights: {info.licence}.
* {info.provenance["steps"]} steps, {info.provenance["minutes"]} minutes on {info.provenance["device"]}.

| validation split (ground truth) | value |
| --- | --- |
{figures}

`role`, `side`: share of captions nearer to their clip than to it with the persons exchanged or mirrored.

<!-- evaluator-proof:begin -->
<!-- evaluator-proof:end -->
"""
