"""A model as a folder: config.json, safetensors weights, normaliser statistics and a card. Never pickle.

Here is what needs no PyTorch; `models.bundle` loads and saves the networks.

=========================  =================================================================
file                       content
=========================  =================================================================
config.json                the fields of `BundleInfo`, plus format, format_version and kind
tokenizer.safetensors      state dict without the moving averages that only training needs
transformer.safetensors    state dict
pair_decoder.safetensors   state dict; only where config.json has a section "pair_decoder"
normalizer.npz             mean and std of the features; absent for Inter-X, which has none
reader.safetensors, .json  of a label reader (`reading`); only where config.json has "reading": "labels"
README.md                  the model card
=========================  =================================================================
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intermask_cli.config import (
    BODIES,
    FRAMES_PER_TOKEN,
    LONGEST_FRAMES,
    PairDecoderConfig,
    SamplingConfig,
    TokenizerConfig,
    TransformerConfig,
    check_choice,
    check_fields,
    from_dict,
)
from intermask_cli.errors import InputError, MissingError
from intermask_cli.models.bundle_files import (
    CARD,
    CONFIG,
    BundleKind,
    bundled_names,
    check_encoder_record,
    folder_sha256,
    local_folder,
    read_config,
)
from intermask_cli.models.hub import hub_folder
from intermask_cli.motion.representation import Representation, representation_named

MODEL = BundleKind("model", "an intermask model", "give the model as --model NAME|PATH|HUB_ID")
TOKENIZER, TRANSFORMER = "tokenizer.safetensors", "transformer.safetensors"
PAIR_DECODER, NORMALIZER = "pair_decoder.safetensors", "normalizer.npz"
READER, READER_TABLES = "reader.safetensors", "reader.json"
#: The files that decide results: all of a bundle but its card.
FILES = (CONFIG, NORMALIZER, PAIR_DECODER, TOKENIZER, TRANSFORMER, READER, READER_TABLES)
#: The folder of the bundled models and evaluators.
ASSETS = Path(__file__).resolve().parents[1] / "assets"


@dataclass(frozen=True)
class BundleInfo:
    """The fields of a model's config.json."""

    name: str
    tokenizer: TokenizerConfig
    transformer: TransformerConfig
    #: {id, sha256, dim} of the encoder the model was trained with; sha256 None accepts any weights
    text_encoder: dict[str, Any]
    #: the model's own settings, used where the user gives none
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    fps: int = 30
    #: frames of the shortest clip the model was trained on
    min_frames: int = 16
    #: frames of the longest
    max_frames: int = 300
    licence: str = ""
    training_data: str = ""
    #: who made it, when, from what and with which command
    provenance: dict[str, Any] = field(default_factory=dict)
    #: None decodes persons apart, as published
    pair_decoder: PairDecoderConfig | None = None
    #: what decoded motion becomes unless the user says otherwise: "decoded", as published, or "rigid"
    body: str = "decoded"
    #: what reads its prompts: "labels", the reader in the bundle, a plug-in's name, or "" for nothing
    reading: str = ""

    def __post_init__(self) -> None:
        check_fields(self)
        self.check_body(self.body)
        check_encoder_record(self.text_encoder)
        if self.fps != (fps := self.representation.fps):
            raise InputError(f"fps is {self.fps}; {self.representation} has {fps:g}")
        if not FRAMES_PER_TOKEN <= self.min_frames <= self.max_frames <= LONGEST_FRAMES:
            raise InputError(
                f"min_frames is {self.min_frames}, max_frames {self.max_frames}; accepted: "
                f"{FRAMES_PER_TOKEN} to {LONGEST_FRAMES}, the first not above the second"
            )
        expected, codes = self.transformer.codebook_size, self.tokenizer.codebook_size
        if expected != codes:
            raise InputError(f"transformer for {expected} codes, tokenizer with {codes}: not the same model")
        if self.pair_decoder is not None and not self.representation.holds_joints:
            raise InputError(
                f"pair_decoder: needs joints, which the representation {self.representation} does not have"
            )

    def check_body(self, body: Any) -> None:
        """InputError unless the model's motion can become this body."""
        check_choice("body", body, BODIES)
        if body == "rigid" and not self.representation.holds_joints:
            raise InputError(
                f"body is 'rigid', which needs joints; {self.representation} motion has only decoded bodies"
            )

    @property
    def representation(self) -> Representation:
        """What the model's features are; config.json names it in the section of the tokenizer."""
        return representation_named(self.tokenizer.representation)


def list_bundled() -> list[str]:
    """Names of the models that ship with the package."""
    return bundled_names(ASSETS, MODEL)


def resolve_bundle(name: str) -> Path:
    """Folder of a bundled name, a path or a hub id; MissingError lists the bundled names."""
    if (folder := local_folder(name, ASSETS, MODEL)) is not None:
        return folder
    bundled = ", ".join(list_bundled()) or "none"
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise MissingError(f"model '{name}' is neither bundled ({bundled}) nor a folder; {MODEL.remedy}")
    files = (CONFIG, TOKENIZER, TRANSFORMER, PAIR_DECODER, NORMALIZER, READER, READER_TABLES, CARD)
    return hub_folder(
        name, files, lambda f: (f / TRANSFORMER).is_file(), f"bundled: {bundled}; {MODEL.remedy}"
    )


def read_info(folder: Path) -> BundleInfo:
    """The checked config.json of a bundle, without its weights."""
    values, source = read_config(folder, MODEL), str(folder / CONFIG)
    for key, record in (
        ("tokenizer", TokenizerConfig),
        ("transformer", TransformerConfig),
        ("sampling", SamplingConfig),
    ):
        if key not in values:
            raise InputError(f"{source}: no section '{key}'")
        values[key] = from_dict(record, values[key], f"{source}: {key}")
    for key, value in (("pair_decoder", None), ("body", "decoded"), ("reading", "")):
        values.setdefault(key, value)  # older bundles have none of them
    if values["pair_decoder"] is not None:
        values["pair_decoder"] = from_dict(
            PairDecoderConfig, values["pair_decoder"], f"{source}: pair_decoder"
        )
    missing = [f.name for f in dataclasses.fields(BundleInfo) if f.name not in values]
    if missing:
        raise InputError(f"{source}: no '{missing[0]}'")
    return from_dict(BundleInfo, values, source)


def bundle_sha256(folder: Path) -> str:
    """SHA-256 over names and contents of the files that decide results."""
    return folder_sha256(folder, FILES)
