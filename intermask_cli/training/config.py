"""Records of a training recipe: models, losses, budgets and schedules, one section per record.

Defaults are the published settings (docs/reference/model.md#tokenizer-training and #transformer-training)
without the quirks marked "fixed" in docs/reference/model.md#quirks. `published: true` restores the published
behaviour of a stage. `recipes.py` reads and changes recipes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, get_origin, get_type_hints

from intermask_cli.config import (
    PairDecoderConfig,
    SamplingConfig,
    TokenizerConfig,
    TransformerConfig,
    check_fields,
)
from intermask_cli.errors import InputError


@dataclass(frozen=True)
class StageConfig:
    """What all training stages share: budget, schedule, optimiser, precision and saving."""

    #: published behaviour, quirks included; false repairs the quirks
    published: bool = False
    #: seed of weights, data order, masks and drop-out
    seed: int = 3407
    #: samples per step, which several processes share in equal parts
    batch_size: int = 256
    #: budget in passes over the data, used when `steps` is 0; 0 for none
    epochs: float = 50
    #: budget in optimiser steps; 0 takes it from `epochs`
    steps: int = 0
    #: wall-clock budget, 0 for none; the stage ends with the first budget that is used up
    minutes: float = 0.0
    #: learning rate of AdamW after the warm-up
    lr: float = 2e-4
    #: decay rates of AdamW's two moving averages
    betas: tuple[float, ...] = (0.9, 0.99)
    #: weight decay of AdamW
    weight_decay: float = 0.0
    #: largest gradient norm; 0 does not clip
    clip: float = 1.0
    #: `multistep`: times `gamma` at each milestone; `cosine`: constant, then down to `lr_end`
    schedule: Literal["multistep", "cosine"] = "multistep"
    #: shares of the budget at which `multistep` lowers the learning rate
    milestones: tuple[float, ...] = (0.7, 0.85)
    #: factor on the learning rate at each milestone
    gamma: float = 0.1
    #: share of the budget at which the `cosine` decay starts
    decay_from: float = 0.5
    #: last learning rate of `cosine`, as a share of `lr`
    lr_end: float = 0.02
    #: length of the linear warm-up in passes over the data
    warmup_epochs: float = 0.25
    #: length of the linear warm-up in steps; above 0 it replaces `warmup_epochs`
    warmup_steps: int = 0
    #: `fp32`, or `bf16` for autocast with fp32 weights
    precision: Literal["fp32", "bf16"] = "fp32"
    #: decay of averaged weights, which are then validated and saved as the best; 0 is none
    ema: float = 0.0
    #: minutes of training between validations
    validate_minutes: float = 5.0
    #: largest number of clips of the validation split that are used
    validate_clips: int = 256
    #: minutes of training between checkpoints
    save_minutes: float = 2.0
    #: steps between rows of the training log; a row holds means over these steps
    log_steps: int = 20

    #: Published: the tokenizer's milestones are counted from the end of the warm-up.
    milestones_after_warmup: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_and_convert(self)
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

    The kind `published` has the terms of docs/reference/model.md#tokenizer-losses. The kind `metric`, our
    own, is L1 in metres with joints relative to the root: in global positions most of the variance is that of
    the root, and hands have little weight.
    """

    #: `published` or `metric`
    kind: Literal["published", "metric"] = "published"
    #: distance of the published terms: `l1_smooth` or `l1`
    criterion: Literal["l1_smooth", "l1"] = "l1_smooth"
    #: encoder outputs towards their codes
    commitment: float = 0.02
    #: published: all features but foot contacts
    reconstruction: float = 1.0
    #: published: joint positions; metric: the root in metres
    position: float = 1.0
    #: metric: joints relative to the root, in metres
    relative: float = 0.0
    #: differences of positions between frames
    motion: float = 100.0
    #: bone lengths
    bone: float = 5.0
    #: published: angle between rotations; metric: L1 on normalised rotations
    rotation: float = 0.01
    #: metric: L1 on normalised velocity features
    velocity: float = 0.0
    #: displacement of feet in contact with the floor
    foot: float = 500.0
    #: metric: weight of the wrists in `relative` and `motion`
    wrist_weight: float = 1.0
    #: metric: weight of elbows, head, ankles and toes in `relative` and `motion`
    limb_weight: float = 1.0
    #: metric: added to the weight of fast joints in `relative`, in full from 3 m/s
    speed_weight: float = 0.0

    def __post_init__(self) -> None:
        check_and_convert(self)


@dataclass(frozen=True)
class TokenizerTrainConfig(StageConfig):
    """Training of the tokenizer, and of its optional refinement."""

    milestones_after_warmup: ClassVar[bool] = True

    #: frames of a training window, a multiple of 4
    window: int = 64
    #: frames between the starts of windows
    window_stride: int = 10
    #: share of windows drawn in proportion to their fastest limb
    fast_share: float = 0.0
    #: person in whose frame the windows are; `alternate`: person 2 in every other clip
    canonical: Literal["first", "alternate"] = "first"
    #: number of first steps without quantiser; then the codebook starts from k-means
    plain_steps: int = 0
    #: latent vectors from which k-means starts the codebook
    kmeans_latents: int = 25000
    #: iterations of that k-means
    kmeans_iterations: int = 12
    #: temperature of the sampled code assignment in training; 0 takes the nearest code
    gumbel: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window < 4 or self.window % 4:
            raise InputError(f"window is {self.window}; accepted: a multiple of 4 frames, at least 4")
        if not 0.0 <= self.fast_share <= 1.0:
            raise InputError(f"fast_share is {self.fast_share}; accepted: 0 to 1")


@dataclass(frozen=True)
class MaskingConfig:
    """Which tokens are hidden in training, and what the model gets in their place.

    Published form: docs/reference/model.md#training-masks. The corruption is that of BERT.
    """

    #: share of samples in which one person is hidden, as in a reaction
    interaction: float = 0.2
    #: share of those samples in which that person is hidden only in part
    interaction_partial: float = 0.0
    #: share of samples with all tokens hidden and none corrupted
    full: float = 0.0
    #: share of samples whose hidden tokens may be corrupted; in the others all are masks
    corrupted_samples: float = 1.0
    #: probability that a hidden token is replaced by a random code
    random_code: float = 0.10
    #: probability that any other hidden token becomes a mask; the rest keep their code
    mask_code: float = 0.88
    #: one decision per sample; false: one per batch, persons by half-batch (published)
    per_sample: bool = True

    def __post_init__(self) -> None:
        check_and_convert(self)
        shares = ("interaction", "interaction_partial", "full", "corrupted_samples")
        for name in (*shares, "random_code", "mask_code"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"{name} is {getattr(self, name)}; accepted: 0 to 1")
        if self.interaction + self.full > 1.0:
            raise InputError(f"interaction + full is {self.interaction + self.full:g}; accepted: at most 1")


@dataclass(frozen=True)
class TextPretrainConfig:
    """Pretraining of the text head on the labels of the corpus; off when steps and minutes are 0."""

    #: budget in optimiser steps
    steps: int = 0
    #: wall-clock budget
    minutes: float = 0.0
    #: learning rate of AdamW after the warm-up
    lr: float = 1e-3
    #: captions per step and process
    batch_size: int = 64
    #: weight of the labels that name a person or a side, against 1 of the others
    role_weight: float = 1.0
    #: steps at the start that draw clips of `first_kinds` alone
    first_steps: int = 0
    #: values of the label `kind`, separated by commas; clips of two phases are left out
    first_kinds: str = ""

    def __post_init__(self) -> None:
        check_and_convert(self)
        if self.first_steps > 0 and not self.first_kinds:
            raise InputError("first_steps needs first_kinds: values of the label kind, as bow,handshake")

    @property
    def enabled(self) -> bool:
        """Whether there is a budget for it."""
        return self.steps > 0 or self.minutes > 0


@dataclass(frozen=True)
class TransformerTrainConfig(StageConfig):
    """Training of the masked transformer."""

    batch_size: int = 52
    epochs: float = 500
    weight_decay: float = 1e-5
    clip: float = 0.0
    milestones: tuple[float, ...] = (0.5, 0.7, 0.85)
    gamma: float = 1 / 3
    #: weight of the second pass, which imitates one decoding step; 0 is none
    step_unroll: float = 1.0
    #: share of samples trained without their text, for classifier-free guidance
    cond_drop: float = 0.1
    #: longest excerpt in frames; longer clips are cropped
    max_frames: int = 300
    #: number of batches within which clips are sorted by length; 0 shuffles all
    bucket: int = 0
    #: token embeddings start from the whitened codebook
    codebook_start: bool = False
    #: the text head keeps the weights of its pretraining
    freeze_text: bool = False
    #: least share of draws that take a caption naming role and side, where a clip has one
    role_captions: float = 0.5
    #: share of draws that take a paraphrase from outside the data set, where a clip has one
    paraphrases: float = 0.0
    #: share of samples whose condition is that of the clip's full caption, whatever caption was drawn
    full_condition: float = 0.0
    #: share of samples whose condition lies between that and the drawn caption's, evenly spread
    mixed_condition: float = 0.0
    #: noise on conditions: its standard deviation as a share of the condition's root mean square
    condition_noise: float = 0.0
    #: with `precision: bf16`, passes of the transformer compute in bf16 throughout, on a copy of its fp32
    #: weights, instead of under autocast, which takes norms and sums in fp32
    half_weights: bool = False
    #: frozen text encoder: `minilm`, `clip`, a plug-in, a folder or a hub id
    text_encoder: str = "minilm"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_weights and self.precision != "bf16":
            raise InputError(f"half_weights with precision {self.precision}; accepted: with precision bf16")
        if not 0.0 <= self.paraphrases < 1.0:
            raise InputError(f"paraphrases is {self.paraphrases}; accepted: 0 to below 1")
        for name in ("full_condition", "mixed_condition"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"{name} is {getattr(self, name)}; accepted: 0 to 1")
        if self.full_condition + self.mixed_condition > 1.0:
            raise InputError(
                f"full_condition + mixed_condition is {self.full_condition + self.mixed_condition:g}; "
                "accepted: at most 1"
            )
        if self.condition_noise < 0:
            raise InputError(f"condition_noise is {self.condition_noise}; accepted: 0 or more")


@dataclass(frozen=True)
class PairDecoderLossConfig:
    """Weights of the pair decoder's loss terms: L1 in metres, as the tokenizer's kind `metric`."""

    #: the root
    position: float = 10.0
    #: joints relative to the root
    relative: float = 5.0
    #: differences of positions between frames
    motion: float = 50.0
    #: bone lengths
    bone: float = 10.0
    #: displacement of planted feet
    foot: float = 40.0
    #: entries of the 6-D rotations
    rotation: float = 1.0
    #: vectors from a joint of one person to a near joint of the other
    meeting: float = 10.0
    #: weight of the wrists in `relative` and `motion`
    wrist_weight: float = 3.0
    #: weight of elbows, head, ankles and toes in `relative` and `motion`
    limb_weight: float = 1.5
    #: distance in metres at which the weight of a pair of joints in `meeting` is 1/e
    near_m: float = 0.15

    def __post_init__(self) -> None:
        check_and_convert(self)
        if self.near_m <= 0:
            raise InputError(f"near_m is {self.near_m}; accepted: above 0")


@dataclass(frozen=True)
class PairDecoderTrainConfig(StageConfig):
    """Training of the pair decoder, from decoded motion of corrupted tokens to the true motion."""

    #: frames of a training window
    window: int = 64
    #: training clips to corrupt, drawn at random; 0 takes all
    clips: int = 6000
    #: share of clips that keep all their tokens, so only the tokenizer's error remains
    intact_share: float = 0.25
    #: the other clips lose up to this share of their tokens, which the transformer fills in
    max_masked_share: float = 0.7
    #: sampling steps in which they are filled, without guidance
    fill_steps: int = 4
    #: share of samples in which one person has the true motion, as in a reaction
    given_share: float = 0.25
    #: longest clip in frames; longer ones are cut at their end
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
    """A complete recipe of a model: its networks, the training stages and the default sampling."""

    #: sizes of the tokenizer
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    #: loss of the tokenizer's training
    tokenizer_loss: TokenizerLossConfig = field(default_factory=TokenizerLossConfig)
    #: training of the tokenizer
    tokenizer_training: TokenizerTrainConfig = field(default_factory=TokenizerTrainConfig)
    #: loss of the tokenizer's refinement
    refine_loss: TokenizerLossConfig = field(default_factory=TokenizerLossConfig)
    #: refinement of a trained tokenizer (optional stage)
    refine_training: TokenizerTrainConfig = field(default_factory=TokenizerTrainConfig)
    #: sizes of the transformer
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    #: masks of the transformer's training
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    #: pretraining of the text head (optional)
    text_pretraining: TextPretrainConfig = field(default_factory=TextPretrainConfig)
    #: training of the transformer
    transformer_training: TransformerTrainConfig = field(default_factory=TransformerTrainConfig)
    #: sizes of the pair decoder
    pair_decoder: PairDecoderConfig = field(default_factory=PairDecoderConfig)
    #: loss of the pair decoder's training
    pair_decoder_loss: PairDecoderLossConfig = field(default_factory=PairDecoderLossConfig)
    #: training of the pair decoder (optional stage)
    pair_decoder_training: PairDecoderTrainConfig = field(default_factory=PairDecoderTrainConfig)
    #: sampling settings that the bundle suggests
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def __post_init__(self) -> None:
        for name in ("codebook_size", "code_dim"):
            encoded, predicted = getattr(self.tokenizer, name), getattr(self.transformer, name)
            if encoded != predicted:
                raise InputError(
                    f"{name} differs: tokenizer {encoded}, transformer {predicted}; make them equal"
                )


def check_and_convert(record: Any) -> None:
    """Convert whole numbers to floats and lists to tuples as annotations require, after `check_fields`."""
    kinds = get_type_hints(type(record))
    for name in (item.name for item in fields(record)):
        if get_origin(kinds[name]) is tuple and isinstance(getattr(record, name), list):
            object.__setattr__(record, name, tuple(getattr(record, name)))
    check_fields(record)
    for name in (item.name for item in fields(record)):
        value, kind = getattr(record, name), kinds[name]
        if kind is float:
            object.__setattr__(record, name, float(value))
        elif get_origin(kind) is tuple:
            object.__setattr__(record, name, tuple(float(number) for number in value))
