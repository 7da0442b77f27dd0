"""Configuration records: frozen, serialisable values only, one comment per field, YAML in and out.

Defaults are the published InterMask settings (reference `model.md` section 12). Unknown keys are
errors that name the nearest known key.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from intermask_cli.errors import InputError

C = TypeVar("C")
FRAMES_PER_TOKEN = 4  # the tokenizer's two strides along time
PERSONS = 2  # of an interaction, in every array with an axis P
BODY_ROWS = 5  # rows of the token map: what the tokenizer makes of the joint axis
#: Kinds of first layers that the tokenizer of each representation can have; the keys are the names of
#: `motion.representation`. "graph" needs InterHuman's skeleton on the joint axis.
STEMS = {"interhuman": ("graph", "conv"), "interx": ("conv",)}
DEFAULT_MODEL = "duet-mini"  # bundled
DEFAULT_SECONDS = 5.0  # of a clip when nobody says how long
COLDEST = 1e-30  # temperature below which logits overflow
DTYPES = ("float32", "bf16")  # of the transformer, on the command line and in the library


def _choice(name: str, value: Any, accepted: tuple[Any, ...]) -> None:
    if value not in accepted:
        raise InputError(f"{name} is {value!r}; accepted: {', '.join(map(str, accepted))}")


def _whole_numbers(config: Any, *names: str) -> None:
    """Sizes: an error here names the key; one inside torch would not."""
    for name in names:
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is {value!r}; accepted: a whole number above 0")


@dataclass(frozen=True)
class TokenizerConfig:
    """Motion tokenizer (VQ-VAE over the joint x time plane of one person; paper section 3.1)."""

    representation: str = "interhuman"  # "interhuman": 262-d features; "interx": 56 x 6
    stem: str = "graph"  # "graph" (released InterHuman) or "conv" (Inter-X, first releases, ours)
    width: int = 512  # channels of every hidden convolution
    code_dim: int = 512  # latent and codebook width
    codebook_size: int = 1024  # K
    depth: int = 2  # residual blocks per stage
    dilation_growth: int = 3  # dilation of block i is growth**i, used in descending order
    activation: str = "relu"  # "relu", "silu" or "gelu" inside residual blocks
    dropout: float = 0.2  # inside residual blocks
    num_quantizers: int = 1  # residual quantiser layers; the transformer uses layer 0
    shared_codebook: bool = False  # all quantiser layers share one codebook
    quantize_dropout: float = 0.2  # probability of dropping later quantiser layers in training
    ema_decay: float = 0.99  # mu of the codebook's moving averages
    reseed: str = "random"  # dead codes: "random" batch vectors with fresh counts, or as "published"

    def __post_init__(self) -> None:
        _choice("representation", self.representation, tuple(STEMS))
        _choice("activation", self.activation, ("relu", "silu", "gelu"))
        _choice("reseed", self.reseed, ("random", "published"))
        _whole_numbers(
            self, "width", "code_dim", "codebook_size", "depth", "dilation_growth", "num_quantizers"
        )
        _choice(f"stem of representation {self.representation}", self.stem, STEMS[self.representation])


@dataclass(frozen=True)
class PairDecoderConfig:
    """Corrects both decoded persons together; ours, absent from published models (`models.pair_decoder`)."""

    width: int = 128
    blocks: int = 8  # residual blocks over time, dilations 1, 2, 4, 8 in turn

    def __post_init__(self) -> None:
        for name in ("width", "blocks"):
            if getattr(self, name) < 1:
                raise InputError(f"pair_decoder: {name} is {getattr(self, name)}; accepted: 1 or more")


@dataclass(frozen=True)
class TransformerConfig:
    """Inter-M transformer and its trained text head (paper section 3.2)."""

    codebook_size: int = 1024  # K; must equal the tokenizer's
    code_dim: int = 512  # token embedding width; must equal the tokenizer's for published weights
    latent_dim: int = 384  # d
    heads: int = 6  # attention heads; head size is latent_dim / heads
    layers: int = 6  # Inter-M blocks
    ff_dim: int = 1024  # feed-forward width
    dropout: float = 0.2
    text_dim: int = 768  # width of the frozen encoder's states
    text_head: str = (
        "clip"  # "clip": unmasked layers, end-token state (published); "pooled": masked layers, learned query
    )
    text_width: int = 768  # width of the trained text layers; equals text_dim for "clip"
    text_layers: int = 2  # trained text layers
    text_heads: int = 8
    text_ff: int = 2048
    person_embedding: bool = False  # zero-initialised vector per person; off for published weights
    person_condition: bool = False  # a text vector for each person instead of one for both; "pooled" only

    def __post_init__(self) -> None:
        _choice("text_head", self.text_head, ("clip", "pooled"))
        sizes = ("codebook_size", "code_dim", "latent_dim", "heads", "layers", "ff_dim")
        _whole_numbers(self, *sizes, "text_dim", "text_width", "text_heads", "text_ff")
        for width, heads in (("latent_dim", "heads"), ("text_width", "text_heads")):
            w, h = getattr(self, width), getattr(self, heads)
            if w % h:
                raise InputError(f"{width}={w} is not a multiple of {heads}={h}")
        if self.text_head == "clip" and self.person_condition:
            raise InputError("person_condition needs text_head 'pooled'; the published head has one vector")
        if self.text_head == "clip" and self.text_width != self.text_dim:
            raise InputError(
                f"text_head 'clip' needs text_width == text_dim, got {self.text_width} and {self.text_dim}"
            )


@dataclass(frozen=True)
class SamplingConfig:
    """Iterative masked decoding (reference `model.md` section 9)."""

    steps: int = 20  # S, parallel decoding steps; reaction uses S // 2
    guidance: float = 2.0  # w in u + w * (c - u); 1 uses the conditional pass only
    filter: float = 0.9  # share of codes dropped per position; ceil((1 - filter) * K) are kept
    temperature: float = 1.0  # divides the filtered logits before the draw
    draw: str = (
        "categorical"  # "categorical": inverse CDF, one uniform per token; "gumbel": argmax(logits + g)
    )

    def __post_init__(self) -> None:
        _choice("draw", self.draw, ("categorical", "gumbel"))
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; accepted: 1 or more")
        if not 0.0 <= self.filter < 1.0:
            raise InputError(f"filter is {self.filter}; accepted: 0 (keep all codes) up to, not including, 1")
        if self.temperature < COLDEST:
            raise InputError(
                f"temperature is {self.temperature}; accepted: {COLDEST} (always the likeliest code) or more"
            )


def sampling_with(
    defaults: SamplingConfig,
    steps: int | None,
    guidance: float | None,
    temperature: float | None,
    draw: str | None,
    filter: float | None,
) -> SamplingConfig:
    """The model's own settings with what the user gave in their place."""
    given = {"steps": steps, "guidance": guidance, "temperature": temperature, "draw": draw, "filter": filter}
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"--{name} {value}: a finite number is accepted")
    return dataclasses.replace(defaults, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]


def from_dict(kind: type[C], values: dict[str, Any], where: str) -> C:
    """Build a config record from a mapping; unknown keys raise InputError naming the nearest."""
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), sorted(known), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; accepted: {', '.join(sorted(known))}"
            raise InputError(f"{where}: unknown key '{key}'{hint}")
    return kind(**values)


def to_dict(config: Any) -> dict[str, Any]:
    """The record as plain values, ready for JSON or YAML."""
    return dataclasses.asdict(config)


def load_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping; raises InputError with the path when it is not one."""
    import yaml  # here, because commands need this file before they need YAML

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of sections, got {type(values).__name__}")
    return values
