"""Training recipes: frozen records, one YAML file per recipe (`intermask_cli/configs`).

Defaults are the published settings (reference `model.md` sections 5, 8 and 12) with the free fixes of
section 14 on; `published: true` restores the published behaviour of a stage, quirks included.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from intermask_cli.config import (
    PairDecoderConfig,
    SamplingConfig,
    TokenizerConfig,
    TransformerConfig,
    from_dict,
    load_yaml,
)
from intermask_cli.console import note
from intermask_cli.errors import InputError, MissingError

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class StageConfig:
    """What both stages share: budget, schedule, optimiser, precision, saving."""

    published: bool = False  # published behaviour where it differs from ours (each place is named in docs)
    seed: int = 3407
    batch_size: int = 256  # per process
    epochs: float = 50  # budget in passes over the data, used when steps is 0; 0: none
    steps: int = 0  # budget in optimiser steps; 0: from epochs
    minutes: float = 0.0  # wall-clock budget; 0: none. The first of the two budgets reached ends the stage
    lr: float = 2e-4
    betas: tuple[float, ...] = (0.9, 0.99)  # AdamW
    weight_decay: float = 0.0
    clip: float = 1.0  # gradient norm; 0: no clipping
    schedule: str = "multistep"  # "multistep": gamma at milestones; "cosine": flat, then down to lr_end
    milestones: tuple[float, ...] = (0.7, 0.85)  # shares of the budget
    gamma: float = 0.1
    decay_from: float = 0.5  # "cosine": share of the budget at which the decay starts
    lr_end: float = 0.02  # "cosine": last learning rate as a share of lr
    warmup_epochs: float = 0.25  # linear warm-up
    warmup_steps: int = 0  # instead of warmup_epochs when above 0
    precision: str = "fp32"  # "fp32", or "bf16" for autocast (fp32 weights)
    ema: float = 0.0  # decay of averaged weights, which are then validated and shipped; 0: none
    validate_minutes: float = 5.0
    validate_clips: int = 256  # at most so many clips of the validation split
    save_minutes: float = 2.0
    log_steps: int = 20

    milestones_after_warmup: ClassVar[bool] = False  # published: milestones counted from the end of warm-up

    def __post_init__(self) -> None:
        check_types(self)
        _accept("schedule", self.schedule, ("multistep", "cosine"))
        _accept("precision", self.precision, ("fp32", "bf16"))
        for name in ("batch_size", "log_steps", "validate_clips"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; accepted: 1 or more")
        if self.epochs <= 0 and self.steps <= 0 and self.minutes <= 0:
            raise InputError("no budget: give epochs, steps or minutes above 0")
        if self.published and self.epochs <= 0 and self.steps <= 0:
            raise InputError("published milestones need a budget in epochs or steps")
        if not 0.0 <= self.ema < 1.0:
            raise InputError(f"ema is {self.ema}; accepted: 0 (off) up to, not including, 1")


@dataclass(frozen=True)
class TokenizerLossConfig:
    """Weights of the tokenizer's loss terms.

    kind "published": terms of reference section 5. kind "metric": ours, L1 in metres, joints relative to
    the root, because losses on global positions leave hands without weight (feasibility.md section 3).
    """

    kind: str = "published"
    criterion: str = "l1_smooth"  # "l1_smooth" or "l1"; kind "published" only
    commitment: float = 0.02
    reconstruction: float = 1.0  # published: all features but contacts
    position: float = 1.0  # published: "explicit"; metric: root, metres
    relative: float = 0.0  # metric: joints relative to the root, metres
    motion: float = 100.0  # frame differences of positions
    bone: float = 5.0
    rotation: float = 0.01  # published: geodesic angle; metric: L1 on normalised rotations
    velocity: float = 0.0  # metric: L1 on normalised velocity features
    foot: float = 500.0  # displacement of feet in contact
    wrist_weight: float = 1.0  # metric: joint weights of `relative` and `motion`
    limb_weight: float = 1.0  # elbows, head, ankles, toes
    speed_weight: float = 0.0  # metric: adds speed_weight * min(speed / 3 m/s, 1) to a joint's weight

    def __post_init__(self) -> None:
        check_types(self)
        _accept("kind", self.kind, ("published", "metric"))
        _accept("criterion", self.criterion, ("l1_smooth", "l1"))


@dataclass(frozen=True)
class TokenizerTrainConfig(StageConfig):
    """Stage one."""

    milestones_after_warmup: ClassVar[bool] = True

    window: int = 64  # frames
    window_stride: int = 10  # frames between window starts
    fast_share: float = 0.0  # share of windows drawn in proportion to their fastest limb
    canonical: str = "first"  # whose frame the windows are in; "alternate": person 2 in every other clip
    plain_steps: int = 0  # first steps without quantiser; the codebook then starts from k-means
    kmeans_latents: int = 25000
    kmeans_iterations: int = 12
    gumbel: float = 0.5  # temperature of the sampled assignment in training; 0: nearest code

    def __post_init__(self) -> None:
        super().__post_init__()
        _accept("canonical", self.canonical, ("first", "alternate"))
        if self.window < 4 or self.window % 4:
            raise InputError(f"window is {self.window}; accepted: a multiple of 4 frames, at least 4")
        if not 0.0 <= self.fast_share <= 1.0:
            raise InputError(f"fast_share is {self.fast_share}; accepted: 0 to 1")


@dataclass(frozen=True)
class MaskingConfig:
    """Which tokens are hidden in training (reference section 8) and how (BERT-like corruption)."""

    interaction: float = 0.2  # share with one person hidden
    interaction_partial: float = 0.0  # share of those whose hidden person is only partly hidden
    full: float = 0.0  # share of samples with everything hidden and no corruption
    corrupted_samples: float = 1.0  # share of samples to which corruption applies; else plain masks
    random_code: float = 0.10  # hidden token -> random code
    mask_code: float = 0.88  # of the rest -> mask; the remainder keeps its true id
    per_sample: bool = True  # False: one decision per batch, sides by half-batch (published)

    def __post_init__(self) -> None:
        check_types(self)
        for name in (
            "interaction",
            "interaction_partial",
            "full",
            "corrupted_samples",
            "random_code",
            "mask_code",
        ):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"{name} is {getattr(self, name)}; accepted: 0 to 1")
        if self.interaction + self.full > 1.0:
            raise InputError(f"interaction + full is {self.interaction + self.full:g}; accepted: at most 1")


@dataclass(frozen=True)
class TextPretrainConfig:
    """Start of the text head on the corpus's own labels; off when steps and minutes are 0."""

    steps: int = 0
    minutes: float = 0.0
    lr: float = 1e-3
    batch_size: int = 64

    def __post_init__(self) -> None:
        check_types(self)

    @property
    def wanted(self) -> bool:
        """Whether there is a budget for it."""
        return self.steps > 0 or self.minutes > 0


@dataclass(frozen=True)
class TransformerTrainConfig(StageConfig):
    """Stage two."""

    batch_size: int = 52
    epochs: float = 500
    weight_decay: float = 1e-5
    clip: float = 0.0
    milestones: tuple[float, ...] = (0.5, 0.7, 0.85)
    gamma: float = 1 / 3
    step_unroll: float = 1.0  # weight of the second pass; 0: none
    cond_drop: float = 0.1  # share of samples whose condition is dropped
    max_frames: int = 300  # longer clips are cropped at random
    bucket: int = (
        0  # batches are made from clips of similar length, sorted within so many batches; 0: shuffled
    )
    codebook_start: bool = False  # token embedding starts from the whitened codebook
    freeze_text: bool = False  # keep the text head as reading labels has left it
    role_captions: float = (
        0.5  # least share of draws that take a caption naming role and side, where one exists
    )
    paraphrases: float = (
        0.0  # share of draws that take a sentence from outside the data set, where it has some
    )
    text_encoder: str = "minilm"  # frozen encoder

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.paraphrases < 1.0:
            raise InputError(f"paraphrases is {self.paraphrases}; accepted: 0 to below 1")


@dataclass(frozen=True)
class PairDecoderLossConfig:
    """Weights of the pair decoder's loss terms: L1 in metres, as kind "metric" above."""

    position: float = 10.0  # root
    relative: float = 5.0  # joints relative to the root
    motion: float = 50.0  # frame differences of positions
    bone: float = 10.0
    foot: float = 40.0  # displacement of planted feet
    rotation: float = 1.0  # entries of the rotations
    meeting: float = 10.0  # from a joint of one person to a near joint of the other
    wrist_weight: float = 3.0  # joint weights of `relative` and `motion`
    limb_weight: float = 1.5
    near_m: float = 0.15  # distance at which the weight of a pair of joints in `meeting` has fallen to 1/e

    def __post_init__(self) -> None:
        check_types(self)
        if self.near_m <= 0:
            raise InputError(f"near_m is {self.near_m}; accepted: above 0")


@dataclass(frozen=True)
class PairDecoderTrainConfig(StageConfig):
    """The optional stage after the transformer: rough motion in, true motion out."""

    window: int = 64  # frames
    clips: int = 6000  # training clips made rough, drawn at random; 0: all
    intact_share: float = 0.25  # share of clips whose tokens all stay: only the tokenizer's error
    max_masked_share: float = (
        0.7  # the others lose up to this share of their tokens, which the transformer refills
    )
    fill_steps: int = 4  # sampling steps of a refill, without guidance
    given_share: float = 0.25  # share of samples in which one person is true, as in a reaction
    max_frames: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("intact_share", "max_masked_share", "given_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"{name} is {getattr(self, name)}; accepted: 0 to 1")
        if self.window < 4 or self.fill_steps < 1 or self.clips < 0:
            raise InputError(
                f"window {self.window}, fill_steps {self.fill_steps}, clips {self.clips}; "
                "accepted: 4, 1 and 0 or more"
            )


@dataclass(frozen=True)
class Recipe:
    """A whole recipe: models, training stages, default sampling."""

    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    tokenizer_loss: TokenizerLossConfig = field(default_factory=TokenizerLossConfig)
    tokenizer_training: TokenizerTrainConfig = field(default_factory=TokenizerTrainConfig)
    refine_loss: TokenizerLossConfig = field(default_factory=TokenizerLossConfig)  # optional stage
    refine_training: TokenizerTrainConfig = field(default_factory=TokenizerTrainConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    text_pretraining: TextPretrainConfig = field(default_factory=TextPretrainConfig)
    transformer_training: TransformerTrainConfig = field(default_factory=TransformerTrainConfig)
    pair_decoder: PairDecoderConfig = field(default_factory=PairDecoderConfig)  # optional stage
    pair_decoder_loss: PairDecoderLossConfig = field(default_factory=PairDecoderLossConfig)
    pair_decoder_training: PairDecoderTrainConfig = field(default_factory=PairDecoderTrainConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def __post_init__(self) -> None:
        for name in ("codebook_size", "code_dim"):
            ours, theirs = getattr(self.tokenizer, name), getattr(self.transformer, name)
            if ours != theirs:
                raise InputError(f"{name} differs: tokenizer {ours}, transformer {theirs}; make them equal")


_SECTIONS: dict[str, type] = {
    "tokenizer": TokenizerConfig,
    "tokenizer_loss": TokenizerLossConfig,
    "tokenizer_training": TokenizerTrainConfig,
    "refine_loss": TokenizerLossConfig,
    "refine_training": TokenizerTrainConfig,
    "transformer": TransformerConfig,
    "masking": MaskingConfig,
    "text_pretraining": TextPretrainConfig,
    "transformer_training": TransformerTrainConfig,
    "pair_decoder": PairDecoderConfig,
    "pair_decoder_loss": PairDecoderLossConfig,
    "pair_decoder_training": PairDecoderTrainConfig,
    "sampling": SamplingConfig,
}


#: Keys of version 0.1 that have another name now: section -> old -> new.
RENAMED_KEYS = {"pair_decoder_training": {"whole_share": "intact_share", "most_hidden": "max_masked_share"}}


def load_recipe(name: str) -> Recipe:
    """A bundled recipe by name (`duet-mini`) or a YAML file by path."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = CONFIGS / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.yaml")))
        raise MissingError(
            f"--config {name}: no such recipe; bundled: {names}; or give a path to a .yaml file"
        )
    return recipe_from_dict(load_yaml(path), str(path))


def recipe_from_dict(values: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from plain values; unknown sections and keys are errors."""
    sections = dict(values)
    for name, section in sections.items():
        kind = _SECTIONS.get(name)
        if kind is None:
            raise InputError(f"{where}: unknown section '{name}'; accepted: {', '.join(_SECTIONS)}")
        sections[name] = from_dict(kind, with_new_keys(name, dict(section or {}), where), f"{where}: {name}")
    return Recipe(**sections)


def with_new_keys(section: str, values: dict[str, Any], where: str) -> dict[str, Any]:
    """The values of a section, with the keys of earlier releases renamed and a note for each."""
    for old, new in RENAMED_KEYS.get(section, {}).items():
        if old in values:
            if new in values:
                raise InputError(f"{where}: {section} has both {new} and its old name {old}; keep {new}")
            note(f"{where}: {section}.{old} is deprecated; it is now called {new}")
            values[new] = values.pop(old)
    return values


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values, ready for JSON; `recipe_from_dict` reads them back."""
    return dataclasses.asdict(recipe)


def check_types(record: Any) -> None:
    """Coerce whole numbers to floats and lists to tuples; anything else of the wrong type is an error.

    YAML reads `1e-3` as text (a float needs a point): without this check it would fail far from its cause.
    """
    for item in fields(record):
        value, kind = getattr(record, item.name), str(item.type)
        if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
            object.__setattr__(record, item.name, float(value))
        elif kind == "tuple[float, ...]" and isinstance(value, list | tuple):
            object.__setattr__(record, item.name, tuple(float(v) for v in value))
        elif kind in ("float", "int", "bool", "str") and type(value).__name__ != kind:
            raise InputError(f"{item.name} is {value!r}; expected {kind} (in YAML write 1.0e-3, not 1e-3)")


def _accept(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise InputError(f"{name} is {value!r}; accepted: {', '.join(accepted)}")
