"""Recipe of the bundled evaluator: sizes of the network and settings of its training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from evaluators.networks.duet import DuetEvalConfig
from intermask_cli.training.config import StageConfig
from intermask_cli.training.recipes import named_recipe

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class EvaluatorTrainConfig(StageConfig):
    """Training of the evaluator."""

    #: clips per step; with their variants about twice as many motions
    batch_size: int = 48
    #: largest number of variants of a clip in one batch
    variants: int = 2
    #: captions per variant
    captions: int = 4
    #: largest number of clips of the training split
    clips: int = 3000
    lr: float = 1e-3
    weight_decay: float = 0.01
    #: largest standard deviation of slow noise added to joints, in metres
    noise_m: float = 0.05
    #: largest standard deviation of noise per frame, in metres
    jitter_m: float = 0.004
    #: largest turn of the scene about the vertical axis, in radians
    turn_rad: float = 0.15
    #: weight of classifying the labels from both embeddings
    label_weight: float = 0.0
    #: steps of pretraining: classifying the labels from captions alone
    text_steps: int = 0
    #: frozen text encoder: `minilm`, `clip`, a plug-in, a folder or a hub id
    text_encoder: str = "minilm"


@dataclass(frozen=True)
class EvaluatorRecipe:
    """A complete recipe of the evaluator."""

    #: sizes of the network
    network: DuetEvalConfig = field(default_factory=DuetEvalConfig)
    #: training of the network
    training: EvaluatorTrainConfig = field(default_factory=EvaluatorTrainConfig)


def load_evaluator_recipe(name: str) -> EvaluatorRecipe:
    """A bundled recipe by name (`duet-eval`) or a YAML file by path."""
    return named_recipe(EvaluatorRecipe, name, CONFIGS)
