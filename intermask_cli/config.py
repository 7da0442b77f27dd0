"""Configuration records: frozen, serialisable values only, a comment per field, YAML in and out.

Defaults are the published InterMask settings (docs/reference/model.md#defaults). Every field is checked
against its annotation. Unknown keys are errors that name the nearest known key.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from intermask_cli.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")

#: Persons of an interaction: the length of axis P of every array.
PERSONS = 2
#: Frames per token: the product of the tokenizer's two strides along time.
FRAMES_PER_TOKEN = 4
#: Rows of the token map, to which the tokenizer reduces the joint axis.
BODY_ROWS = 5
#: Kinds of first layers that the tokenizer of each representation can have; the keys are the names of
#: `motion.representation`. "graph" needs InterHuman's skeleton on the joint axis.
STEMS = {"interhuman": ("graph", "conv"), "interx": ("conv",)}
#: Name of the bundled model that is used when no other is given.
DEFAULT_MODEL = "duet-mini"
#: Length of a clip when none is given.
DEFAULT_SECONDS = 5.0
#: Lowest temperature: below it, logits divided by the temperature overflow.
COLDEST = 1e-30
#: What decoded motion becomes: bodies of rigid bones with planted feet (`motion.body`), or what the decoder
#: returned, as published.
BODIES = ("rigid", "decoded")
#: Precisions of the transformer, on the command line and in the library.
DTYPES = ("float32", "bf16")

#: A size or count: an error here names the key, one inside torch would not.
Size = Annotated[int, "above 0"]


def check_choice(name: str, value: Any, accepted: Sequence[Any]) -> None:
    """InputError unless the value is one of those accepted."""
    if value not in accepted:
        raise InputError(f"{name} is {value!r}; accepted: {', '.join(map(str, accepted))}")


def check_fields(record: Any) -> None:
    """Check every field of a record against its annotation; InputError names the field.

    Annotations with a check: `Literal`, `Size`, float (a whole number will do), int, bool and str. YAML reads
    `1e-3` as text (a float needs a point); without this check the text would fail far from its cause.
    """
    annotations = get_type_hints(type(record), include_extras=True)
    for name in (field.name for field in dataclasses.fields(record)):
        value, kind = getattr(record, name), annotations[name]
        if get_origin(kind) is Literal:
            check_choice(name, value, get_args(kind))
        elif kind == Size:
            if type(value) is not int or value < 1:
                raise InputError(f"{name} is {value!r}; accepted: a whole number above 0")
        elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            continue
        elif kind in (float, int, bool, str) and type(value) is not kind:
            hint = " (in YAML write 1.0e-3, not 1e-3)" if kind is float and isinstance(value, str) else ""
            raise InputError(f"{name} is {value!r}; expected {kind.__name__}{hint}")


@dataclass(frozen=True)
class TokenizerConfig:
    """Motion tokenizer (VQ-VAE over the joint x time plane of one person; paper section 3.1)."""

    #: name of the motion representation: interhuman (262 features) or interx (56 x 6)
    representation: str = "interhuman"
    #: first layers: "graph" (released InterHuman models) or "conv" (Inter-X, first releases, ours)
    stem: Literal["graph", "conv"] = "graph"
    #: channels of every hidden convolution
    width: Size = 512
    #: width of latents and codes, C
    code_dim: Size = 512
    #: codes, K
    codebook_size: Size = 1024
    #: residual blocks per stage
    depth: Size = 2
    #: the dilation of block i is dilation_growth**i, in descending order
    dilation_growth: Size = 3
    #: inside residual blocks
    activation: Literal["relu", "silu", "gelu"] = "relu"
    #: inside residual blocks
    dropout: float = 0.2
    #: residual quantiser layers; the transformer uses layer 0
    num_quantizers: Size = 1
    #: all quantiser layers share one codebook
    shared_codebook: bool = False
    #: probability of dropping later quantiser layers in training
    quantize_dropout: float = 0.2
    #: decay of the codebook's moving averages (mu in the published options)
    ema_decay: float = 0.99
    #: what dead codes become: "random" batch vectors with fresh counts, or what "published" code does
    reseed: Literal["random", "published"] = "random"

    def __post_init__(self) -> None:
        check_fields(self)
        check_choice("representation", self.representation, tuple(STEMS))
        check_choice(f"stem of representation {self.representation}", self.stem, STEMS[self.representation])


@dataclass(frozen=True)
class PairDecoderConfig:
    """Corrects both decoded persons together; ours, absent from published models (`models.pair_decoder`)."""

    #: channels
    width: Size = 128
    #: residual blocks over time, with dilations 1, 2, 4, 8 in turn
    blocks: Size = 8

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class TransformerConfig:
    """Inter-M transformer and its trained text head (paper section 3.2)."""

    #: codes, K; must equal the tokenizer's
    codebook_size: Size = 1024
    #: width of the token embedding; must equal the tokenizer's for published weights
    code_dim: Size = 512
    #: width of the model, d
    latent_dim: Size = 384
    #: attention heads of latent_dim / heads each
    heads: Size = 6
    #: Inter-M blocks
    layers: Size = 6
    #: width of the feed-forward layers
    ff_dim: Size = 1024
    #: in attention, feed-forward layers and behind the embedding
    dropout: float = 0.2
    #: width of the frozen encoder's states
    text_dim: Size = 768
    #: "clip": unmasked layers, end token's state (published); "pooled": masked layers, learned query
    text_head: Literal["clip", "pooled"] = "clip"
    #: width of the trained text layers; equals text_dim for "clip"
    text_width: Size = 768
    #: trained text layers
    text_layers: int = 2
    #: attention heads of the text layers
    text_heads: Size = 8
    #: width of the text layers' feed-forward layers
    text_ff: Size = 2048
    #: a vector per person, zero at the start; off for published weights
    person_embedding: bool = False
    #: a text vector per person instead of one for both; "pooled" only
    person_condition: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
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
    """Iterative masked decoding (docs/reference/model.md#sampling)."""

    #: parallel decoding steps; reaction uses half of them
    steps: int = 20
    #: w in u + w (c - u), the guided logits; 1 uses the conditional pass only
    guidance: float = 2.0
    #: share of codes dropped per position; ceil((1 - filter) * K) are kept
    filter: float = 0.9
    #: divides the filtered logits before the draw
    temperature: float = 1.0
    #: "categorical": inverse CDF of one uniform number per token; "gumbel": argmax(logits + g)
    draw: Literal["categorical", "gumbel"] = "categorical"

    def __post_init__(self) -> None:
        check_fields(self)
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
    """The model's settings, replaced by those that are not None; InputError for NaN and infinity."""
    given = dict[str, Any](steps=steps, guidance=guidance, temperature=temperature, draw=draw, filter=filter)
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"--{name} {value}: accepted is a finite number")
    return dataclasses.replace(defaults, **{key: value for key, value in given.items() if value is not None})


def from_dict(kind: type[C], values: dict[str, Any], source: str) -> C:
    """Build a config record from a mapping.

    Raises InputError, beginning with `source`, for unknown keys (naming the nearest) and wrong values.
    """
    known = {field.name for field in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(str(key), sorted(known), n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else f"; accepted: {', '.join(sorted(known))}"
            raise InputError(f"{source}: unknown key '{key}'{hint}")
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def to_dict(config: Any) -> dict[str, Any]:
    """The record as plain values, ready for JSON or YAML."""
    return dataclasses.asdict(config)


def load_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; InputError with the path if it holds something else."""
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
