"""Configuration records: frozen, serialisable values only, a comment per field, YAML in and out.

Defaults are the published InterMask settings (docs/reference/model.md#defaults). Every field is checked
against its annotation. Unknown keys are errors that name the nearest known key.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import sys
from collections.abc import Mapping, Sequence
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
#: Joints that each body row drives in the decoder (`sampling.tasks`).
ROW_JOINTS: tuple[tuple[int, ...], ...] = (
    (0, 1, 2, 3, 4, 5),
    (6, 7, 8, 9),
    (10, 11, 12, 13),
    (14, 15, 16, 17),
    (18, 19, 20, 21),
)
#: Kinds of first layers that the tokenizer of each representation can have; the keys are the names of
#: `motion.representation`. "graph" needs InterHuman's skeleton on the joint axis.
STEMS = {"interhuman": ("graph", "conv"), "interx": ("conv",)}
#: Name of the bundled model that is used when no other is given.
DEFAULT_MODEL = "duet-mini"
#: Length of a clip when none is given.
DEFAULT_SECONDS = 5.0
#: Seconds in which a plan makes clips to measure.
MEASURED_SECONDS = 20.0
#: Lowest temperature: below it, logits divided by the temperature overflow.
COLDEST = 1e-30
#: What decoded motion becomes: bodies of rigid bones with planted feet (`motion.body`), or what the decoder
#: returned, as published.
BODIES = ("rigid", "decoded")
#: How a run stores its numbers (`datasets.rounding`), the default first.
STORES = ("rounded", "exact")
#: In how many files a run leaves its interactions (`generation.run.merged_file`), the default first.
LAYOUTS = ("auto", "single", "parts")
#: Precisions of the transformer, on the command line and in the library.
DTYPES = ("float32", "bf16")

#: A width or another number that shapes of weights show: an error here names the key, unlike one of torch.
Size = Annotated[int, "above 0"]
#: Numbers of equal layers, which the number of weights limits; the second kind may be 0.
Layers = Annotated[int, "layers"]
OptionalLayers = Annotated[int, "layers or none"]
#: The probability of a drop-out, or a decay.
Probability = Annotated[float, "0 to 1"]
#: Longest clip in frames: ten minutes.
LONGEST_FRAMES = 18_000
#: Most parallel decoding steps: a clip has fewer tokens than this.
MAX_STEPS = 10_000
#: Largest dilation of a residual block, in frames of the token map: more would only be padding.
MAX_DILATION = 4096


def check_choice(name: str, value: Any, accepted: Sequence[Any]) -> None:
    """InputError unless the value is one of those accepted."""
    if value not in accepted:
        raise InputError(f"{name} is {_shown(value)}; accepted: {', '.join(map(str, accepted))}")


def check_fields(record: Any) -> None:
    """Check every field of a record against its annotation; InputError names the field.

    Annotations with a check: `Literal`, `Size`, `Layers`, float (finite; a whole number will do), int, bool,
    str, dict and tuples of floats. YAML reads `1e-3` as text (a float needs a point); without this check the
    text would fail far from its cause.
    """
    annotations = get_type_hints(type(record), include_extras=True)
    for name in (field.name for field in dataclasses.fields(record)):
        value, kind = getattr(record, name), annotations[name]
        if get_origin(kind) is Literal:
            check_choice(name, value, get_args(kind))
        elif kind in (Size, Layers, OptionalLayers):
            least = 0 if kind == OptionalLayers else 1
            if type(value) is not int or value < least:
                accepted = "above 0" if least else "of 0 or more"
                raise InputError(f"{name} is {_shown(value)}; accepted: a whole number {accepted}")
        elif kind in (float, Probability):
            _check_number(name, value)
            if kind == Probability and not 0 <= value <= 1:
                raise InputError(f"{name} is {value}; accepted: 0 to 1")
        elif get_origin(kind) is tuple:
            if not isinstance(value, tuple):
                raise InputError(f"{name} is {_shown(value)}; expected a list of numbers")
            for entry in value:
                _check_number(name, entry)
        elif (plain := get_origin(kind) or kind) in _NAMES and type(value) is not plain:
            raise InputError(f"{name} is {_shown(value)}; expected {_NAMES[plain]}")


#: What a field of a plain type must be, for messages.
_NAMES = {int: "a whole number", bool: "true or false", str: "a text", dict: "keys with values"}
#: Characters of a wrong value that messages show.
_SHOWN = 60
#: Characters of a parser's reason that messages show.
_REASON = 160


def _check_number(name: str, value: Any) -> None:
    """InputError unless the value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = " (in YAML write 1.0e-3, not 1e-3)" if _is_number(value) else ""
        raise InputError(f"{name} is {_shown(value)}; expected a number{hint}")
    if isinstance(value, int):
        value = value if abs(value) < sys.float_info.max else math.inf
    if not math.isfinite(value):
        raise InputError(f"{name} is {_shown(value)}; expected a finite number")


def _is_number(value: Any) -> bool:
    """Whether a text is a number that YAML did not read as one."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _shown(value: Any) -> str:
    """A wrong value as messages show it: in one line, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, lists in each other
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def check_heads(name: str, width: int, heads: int, heads_name: str = "heads") -> None:
    """InputError unless a width can be divided among attention heads."""
    if width % heads:
        raise InputError(f"{name}={width} is not a multiple of {heads_name}={heads}")


@dataclass(frozen=True)
class TokenizerConfig:
    """Motion tokenizer (VQ-VAE over the joint x time plane of one person; paper section 3.1)."""

    #: name of the motion representation: interhuman (262 features) or interx (56 x 6)
    representation: str = "interhuman"
    #: rotations among the features that are encoded and decoded: "all" (published), or those of the "ends"
    #: (head, hands, toes), which no joint position shows; the others follow from the joints. interhuman only
    rotations: Literal["all", "ends"] = "all"
    #: first layers: "graph" (released InterHuman models) or "conv" (Inter-X, first releases, ours)
    stem: Literal["graph", "conv"] = "graph"
    #: channels of every hidden convolution
    width: Size = 512
    #: width of latents and codes, C
    code_dim: Size = 512
    #: codes, K
    codebook_size: Size = 1024
    #: residual blocks per stage
    depth: Layers = 2
    #: the dilation of block i is dilation_growth**i, in descending order
    dilation_growth: Size = 3
    #: inside residual blocks
    activation: Literal["relu", "silu", "gelu"] = "relu"
    #: inside residual blocks
    dropout: Probability = 0.2
    #: residual quantiser layers; the transformer uses layer 0
    num_quantizers: Layers = 1
    #: all quantiser layers share one codebook
    shared_codebook: bool = False
    #: probability of dropping later quantiser layers in training
    quantize_dropout: Probability = 0.2
    #: decay of the codebook's moving averages (mu in the published options)
    ema_decay: Probability = 0.99
    #: what dead codes become: "random" batch vectors with fresh counts, or what "published" code does
    reseed: Literal["random", "published"] = "random"

    def __post_init__(self) -> None:
        check_fields(self)
        check_choice("representation", self.representation, tuple(STEMS))
        check_choice(f"stem of representation {self.representation}", self.stem, STEMS[self.representation])
        rotations = ("all", "ends") if self.representation == "interhuman" else ("all",)
        check_choice(f"rotations of representation {self.representation}", self.rotations, rotations)
        # `min` first: a power of huge numbers would take all memory.
        growth, depth = min(self.dilation_growth, MAX_DILATION + 1), min(self.depth, MAX_DILATION)
        if growth ** (depth - 1) > MAX_DILATION:
            raise InputError(
                f"dilation_growth {self.dilation_growth} with depth {self.depth} dilates a convolution by "
                f"more than {MAX_DILATION} frames"
            )


@dataclass(frozen=True)
class PairDecoderConfig:
    """Corrects both decoded persons together; ours, absent from published models (`models.pair_decoder`)."""

    #: channels
    width: Size = 128
    #: residual blocks over time, with dilations 1, 2, 4, 8 in turn
    blocks: Layers = 8

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
    layers: Layers = 6
    #: width of the feed-forward layers
    ff_dim: Size = 1024
    #: in attention, feed-forward layers and behind the embedding
    dropout: Probability = 0.2
    #: width of the frozen encoder's states
    text_dim: Size = 768
    #: "clip": unmasked layers, end token's state (published); "pooled": masked layers, learned query
    text_head: Literal["clip", "pooled"] = "clip"
    #: width of the trained text layers; equals text_dim for "clip"
    text_width: Size = 768
    #: trained text layers
    text_layers: OptionalLayers = 2
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
        check_heads("latent_dim", self.latent_dim, self.heads)
        check_heads("text_width", self.text_width, self.text_heads, "text_heads")
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
    #: lowest and highest share of masked tokens in a step that is guided; the others are conditional only
    guidance_interval: tuple[float, ...] = (0.0, 1.0)
    #: share of codes dropped per position; ceil((1 - filter) * K) are kept
    filter: float = 0.9
    #: divides the filtered logits before the draw
    temperature: float = 1.0
    #: "categorical": inverse CDF of one uniform number per token; "gumbel": argmax(logits + g)
    draw: Literal["categorical", "gumbel"] = "categorical"

    def __post_init__(self) -> None:
        if isinstance(self.guidance_interval, list):  # as JSON and YAML have it
            object.__setattr__(self, "guidance_interval", tuple(self.guidance_interval))
        check_fields(self)
        if (
            len(self.guidance_interval) != 2
            or not 0 <= self.guidance_interval[0] <= self.guidance_interval[1] <= 1
        ):
            raise InputError(
                f"guidance_interval is {_shown(self.guidance_interval)}; accepted: two shares of masked "
                "tokens from 0 to 1, the lower one first"
            )
        if not 1 <= self.steps <= MAX_STEPS:
            raise InputError(f"steps is {_shown(self.steps)}; accepted: 1 to {MAX_STEPS}")
        if not 0.0 <= self.filter < 1.0:
            raise InputError(f"filter is {self.filter}; accepted: 0 (keep all codes) up to, not including, 1")
        if self.temperature < COLDEST:
            raise InputError(
                f"temperature is {self.temperature}; accepted: {COLDEST} (always the likeliest code) or more"
            )


def sampling_with(
    defaults: SamplingConfig,
    steps: int | None = None,
    guidance: float | None = None,
    guidance_interval: str | None = None,
    temperature: float | None = None,
    draw: str | None = None,
    filter: float | None = None,
) -> SamplingConfig:
    """The model's settings, replaced by those that are not None, as the command line has them.

    Raises:
        InputError: NaN and infinity, or an interval that is none or has no effect.
    """
    given = dict[str, Any](steps=steps, guidance=guidance, temperature=temperature, draw=draw, filter=filter)
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"--{name} {value}: accepted is a finite number")
    if guidance_interval is not None:
        given["guidance_interval"] = _interval(guidance_interval)
    settings = dataclasses.replace(
        defaults, **{key: value for key, value in given.items() if value is not None}
    )
    if guidance_interval is not None and settings.guidance == 1:
        raise InputError(
            f"--guidance-interval {guidance_interval} has no effect, since guidance 1 is none; leave it out"
        )
    return settings


def _interval(text: str) -> tuple[float, float]:
    """The value of --guidance-interval."""
    low, dash, high = text.partition("-")
    try:
        found = float(low), float(high)
        if dash and 0 <= found[0] <= found[1] <= 1:
            return found
    except ValueError:
        pass
    raise InputError(
        f"--guidance-interval {text}: accepted are two shares of masked tokens from 0 to 1, as 0.5-1"
    )


def from_dict(kind: type[C], values: Any, source: str) -> C:
    """Build a config record from a mapping.

    Raises InputError, beginning with `source`, for anything but a mapping, unknown keys (naming the nearest)
    and wrong values.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{source}: expected keys with values, got {_shown(values)}")
    known = {field.name for field in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(str(key), sorted(known), n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else f"; accepted: {', '.join(sorted(known))}"
            raise InputError(f"{source}: unknown key {_shown(key)}{hint}")
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
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a number without digits
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not valid YAML ({reason[:_REASON]})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of sections, got {type(values).__name__}")
    return values
