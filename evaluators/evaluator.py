"""Loaded evaluators, which embed texts and motions with any of the networks.

Where a `Motion` has features (those of a dataset or a decoder), the published evaluators score them
unchanged, velocities included (quirk Q5, docs/reference/data-and-evaluation.md#q5). Without them InterHuman's
are computed from joints and rotations; Inter-X's cannot be.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from evaluators.networks.bundle import load_network
from evaluators.networks.bundle_info import EvaluatorInfo, evaluator_sha256, read_info, resolve_evaluator
from evaluators.networks.canonical import check_joints
from evaluators.networks.clip_vocabulary import REMEDY as VOCABULARY_REMEDY
from evaluators.networks.clip_vocabulary import load_clip_vocabulary
from evaluators.networks.duet import DuetEval, collate, positions_tensor
from evaluators.networks.interclip import InterClip
from evaluators.networks.interx import FRAMES as INTERX_FRAMES
from evaluators.networks.interx import InterXEvaluator
from intermask_cli import plugins
from intermask_cli.datasets.interx.reader import framed_tokens
from intermask_cli.datasets.interx.word_vectors import WordVectors
from intermask_cli.devices import choose_device
from intermask_cli.errors import InputError, MissingError
from intermask_cli.inference.inputs import numbers, text_list
from intermask_cli.inference.interaction import Interaction
from intermask_cli.models.text_encoders import TextEncoder, check_encoder, load_text_encoder
from intermask_cli.motion.joint_rotations import rotations_from_joints
from intermask_cli.motion.motion import Motion
from intermask_cli.motion.representation import INTERX
from intermask_cli.motion.representation.interhuman import (
    NUM_FEATURES,
    pair_features,
)
from intermask_cli.motion.representation.interx import FEATURE_ROWS
from intermask_cli.motion.skeleton import NUM_JOINTS

#: Texts or motions that are embedded together.
BATCH = 64
Progress = Callable[[int], None]
#: A pair of persons: a record, or joints (2, T, 22, 3) in metres, Y up, 30 fps.
Pair = Interaction | Motion | np.ndarray


def motion_of(pair: Pair) -> Motion:
    """A pair as a record of motion."""
    if isinstance(pair, Interaction):
        return pair.motion
    return pair if isinstance(pair, Motion) else Motion(numbers(pair, "joints"))


def interx_motion(features: np.ndarray) -> Motion:
    """A pair from Inter-X features (2, T, 56, 6), which are kept: 22 body joints of the stand-in body.

    Inter-X puts the first root of person 0 at the origin, so the lowest joint is moved to the floor.
    """
    joints = INTERX.joints_of(features)[..., :NUM_JOINTS, :]
    joints[..., 1] -= joints[..., 1].min()
    return Motion(joints, None, features)


class Evaluator(ABC):
    """Embeddings of texts and motions in one space.

    A subclass implements `embed_texts`, `prepared` and `embed_batch`. `info.protocol` names the protocol its
    numbers belong to; `info` and `sha256` are reported with every number.
    """

    def __init__(self, info: EvaluatorInfo, sha256: str, device: torch.device):
        self.info, self.sha256, self.device = info, sha256, device

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.device})"

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def text_id(self) -> str:
        """Identity of the text encoder that reads the captions."""
        return str(self.info.text_encoder["id"])

    @property
    def key(self) -> str:
        """What cached embeddings depend on, in addition to their input; other devices round differently."""
        return f"{self.sha256} {self.text_id} {self.device.type}"

    @abstractmethod
    def embed_texts(self, texts: str | Sequence[str]) -> np.ndarray:
        """N texts -> (N, D) float32; each embedding depends on its own text only."""

    @abstractmethod
    def prepared(self, motion: Motion, name: str) -> Tensor:
        """One motion (2, T, ...) as the network reads it; ValueError with `name` if it cannot be scored."""

    @property
    def longest(self) -> int | None:
        """Frames of the longest motion it reads; None without a limit."""
        return None

    def refusal(self, motion: Motion) -> str | None:
        """Why a motion is too long to be embedded, or None."""
        if self.longest is None or motion.frames <= self.longest:
            return None
        return f"{motion.frames} frames; evaluator {self.name} reads at most {self.longest}"

    @abstractmethod
    def embed_batch(self, motions: list[Tensor]) -> Tensor:
        """B prepared motions of any lengths -> (B, D)."""

    @torch.no_grad()
    def embed_motions(
        self, motions: Sequence[Pair], names: Sequence[str] | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """N motions of any lengths -> (N, D) float32; batches are sorted by length, so little is padded.

        `names` identify motions in messages, `progress` is called with the size of every finished batch.
        Raises InputError naming the motion that cannot be scored.
        """
        if isinstance(motions, Motion | Interaction) or not isinstance(motions, Iterable):
            raise InputError("motions is a single value; accepted: a list of pairs")
        records = [motion_of(pair) for pair in motions]
        if not records:
            raise InputError("no motions; give one or more")
        names = names or [f"interaction {i}" for i in range(len(records))]
        lengths = [motion.frames if motion.joints.ndim > 1 else 0 for motion in records]
        order = np.argsort(lengths)
        rows: list[Tensor] = []
        for start in range(0, len(order), BATCH):
            indices = order[start : start + BATCH]
            try:
                batch = [self.prepared(records[i], names[i]) for i in indices]
                rows.append(self.embed_batch(batch).cpu())
            except ValueError as error:
                raise InputError(f"evaluator {self.name}: {error}") from error
            if progress:
                progress(len(indices))
        embedded = torch.cat(rows).float().numpy()
        result = np.empty_like(embedded)
        result[order] = embedded
        return result


class DuetEvaluator(Evaluator):
    """duet-eval: joints only, MiniLM token states."""

    def __init__(self, info: EvaluatorInfo, sha256: str, network: DuetEval, text_encoder: TextEncoder):
        super().__init__(info, sha256, next(network.parameters()).device)
        self.network, self.text_encoder = network, text_encoder

    @property
    def longest(self) -> int:
        return self.network.config.max_frames

    @torch.no_grad()
    def embed_texts(self, texts: str | Sequence[str]) -> np.ndarray:
        texts = text_list(texts)
        distinct = list(dict.fromkeys(texts))
        rows: dict[str, Tensor] = {}
        for start in range(0, len(distinct), BATCH):
            part = distinct[start : start + BATCH]
            embedded = self.network.embed_text(self.text_encoder.encode(part)).cpu()
            rows |= dict(zip(part, embedded, strict=True))
        return torch.stack([rows[text] for text in texts]).numpy()

    def prepared(self, motion: Motion, name: str) -> Tensor:
        check_joints(motion.joints, name)
        return positions_tensor(motion.joints)

    def embed_batch(self, motions: list[Tensor]) -> Tensor:
        positions, frames = collate(motions)
        return self.network.embed_motion(positions.to(self.device), frames.to(self.device))


class FeatureEvaluator(Evaluator):
    """A published evaluator: it reads the features of a dataset or a decoder unchanged, frame by frame."""

    #: Shape of one person's features in one frame.
    feature_shape: ClassVar[tuple[int, ...]]

    @abstractmethod
    def _forward(self, pairs: Tensor, frames: Tensor) -> Tensor:
        """Zero-padded features (B, 2, T, ...) and numbers of valid frames (B,), on the device -> (B, D)."""

    @torch.no_grad()
    def embed_features(
        self, features: Sequence[np.ndarray], frames: Sequence[int], names: Sequence[str]
    ) -> np.ndarray:
        """N pairs (2, T, *feature_shape), of which `frames` frames are valid -> (N, D) float32, in one batch.

        Raises InputError naming the pair that cannot be scored.
        """
        try:
            batch = [self._checked(pair, name) for pair, name in zip(features, names, strict=True)]
            return self._forward(*self._padded(batch, frames)).float().cpu().numpy()
        except ValueError as error:
            raise InputError(f"evaluator {self.name}: {error}") from error

    def _checked(self, features: np.ndarray, name: str) -> Tensor:
        if features.shape[:1] + features.shape[2:] != (2, *self.feature_shape):
            accepted = ", ".join(str(size) for size in self.feature_shape)
            raise ValueError(f"{name}: features have shape {features.shape}; accepted: (2, T, {accepted})")
        if not np.isfinite(features).all():
            raise ValueError(f"{name}: features contain NaN or infinity")
        return torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))

    def embed_batch(self, motions: list[Tensor]) -> Tensor:
        return self._forward(*self._padded(motions, [motion.shape[1] for motion in motions]))

    def _padded(self, motions: Sequence[Tensor], frames: Sequence[int]) -> tuple[Tensor, Tensor]:
        longest = max(motion.shape[1] for motion in motions)
        padded = torch.zeros(len(motions), 2, longest, *self.feature_shape)
        for row, motion in zip(padded, motions, strict=True):
            row[:, : motion.shape[1]] = motion
        return padded.to(self.device), torch.tensor(list(frames), device=self.device)


class InterClipEvaluator(FeatureEvaluator):
    """InterCLIP: features that are not normalised, in the frame of person 0, and CLIP's vocabulary."""

    feature_shape = (NUM_FEATURES,)

    def __init__(
        self, info: EvaluatorInfo, sha256: str, network: InterClip, tokens: Callable[[Sequence[str]], Tensor]
    ):
        super().__init__(info, sha256, next(network.parameters()).device)
        self.network, self._tokens = network, tokens

    @torch.no_grad()
    def embed_texts(self, texts: str | Sequence[str]) -> np.ndarray:
        parts = torch.split(self._tokens(text_list(texts)).to(self.device), BATCH)
        return torch.cat([self.network.embed_text(ids) for ids in parts]).cpu().numpy()

    def prepared(self, motion: Motion, name: str) -> Tensor:
        if motion.features is not None:
            return self._checked(motion.features, name)
        check_joints(motion.joints, name)
        rotations = motion.rotations6d
        if rotations is None:
            rotations = np.stack([rotations_from_joints(person).rotations6d for person in motion.joints])
        return torch.from_numpy(pair_features(motion.joints, rotations))

    @property
    def longest(self) -> int:
        motion = self.network.config.motion
        return (motion.max_positions - 1) * motion.patch  # one position is the query's

    def _forward(self, pairs: Tensor, frames: Tensor) -> Tensor:
        return self.network.embed_motion(pairs[:, 0], pairs[:, 1], frames)


class InterXPairEvaluator(FeatureEvaluator):
    """Inter-X's evaluator; a text is its tokens `word/TAG`, separated by blanks.

    Tokens and word vectors: docs/reference/data-and-evaluation.md#word-vectors.
    """

    feature_shape = (FEATURE_ROWS, 6)

    def __init__(self, info: EvaluatorInfo, sha256: str, network: InterXEvaluator, words: WordVectors):
        super().__init__(info, sha256, next(network.parameters()).device)
        if words.vectors.shape[1] != network.config.word_width:
            raise InputError(
                f"evaluator {info.name} reads word vectors of {network.config.word_width} numbers, not "
                f"{words.vectors.shape[1]}; give Inter-X's glove folder as --evaluator-text-encoder"
            )
        self.network, self.words = network, words

    @property
    def text_id(self) -> str:
        return f"{self.info.text_encoder['id']} {self.words.sha256[:12]}"

    @torch.no_grad()
    def embed_texts(self, texts: str | Sequence[str]) -> np.ndarray:
        texts, rows = text_list(texts), []
        for start in range(0, len(texts), BATCH):
            encoded = [self._encoded(text) for text in texts[start : start + BATCH]]
            vectors, kinds, lengths = zip(*encoded, strict=True)
            words, classes = (
                torch.from_numpy(np.stack(values)).float().to(self.device) for values in (vectors, kinds)
            )
            with exact_convolutions(self.device):
                rows.append(self.network.embed_text(words, classes, torch.tensor(lengths)).cpu())
        return torch.cat(rows).numpy()

    def _encoded(self, text: str) -> tuple[np.ndarray, np.ndarray, int]:
        words = text.split()
        if not all("/" in word for word in words):
            raise InputError(
                f"evaluator {self.name} reads tokens 'word/TAG'; seen: {text[:60]!r}. Only Inter-X's own "
                "captions have them: give its root as --reference, or --dataset interx with --root"
            )
        tokens, length = framed_tokens(words)
        return *self.words.encode(tokens), length

    def prepared(self, motion: Motion, name: str) -> Tensor:
        if motion.features is None:
            raise ValueError(f"{name}: no Inter-X features (2, T, 56, 6); 22 joints cannot be scored")
        return self._checked(motion.features, name)

    def _forward(self, pairs: Tensor, frames: Tensor) -> Tensor:
        """Only the first 150 frames are read, as published."""
        pair = torch.cat([pairs[:, 0], pairs[:, 1]], dim=-1)[:, :INTERX_FRAMES]  # (B, T, 56, 12)
        with exact_convolutions(self.device):
            return self.network.embed_motion(pair, frames.clamp(max=INTERX_FRAMES))


@contextmanager
def exact_convolutions(device: torch.device) -> Iterator[None]:
    """cuDNN convolutions and recurrent layers in full float32; PyTorch's default rounds them to 10 bits."""
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def load_evaluator(
    name_or_path: str | Path = "duet-eval",
    text_encoder: str | None = None,
    device: str = "cpu",
    word_vectors: Path | None = None,
) -> Evaluator:
    """Load an evaluator: a bundled name, the folder of a bundle, or the name an installed package registers.

    Args:
        text_encoder: where the evaluator's text encoder is (folder or hub id), if not where expected.
        device: "cpu", "cuda", "cuda:1" and so on; "auto" is a GPU if there is one.
        word_vectors: folder of Inter-X's word vectors, for its evaluator if `text_encoder` is not given.

    Packages register evaluators as entry points of the group `intermask.evaluators`. The entry point is a
    callable `load(text_encoder, device) -> Evaluator`.

    Raises:
        MissingError: no such evaluator, or its text encoder is missing.
        InputError: a damaged bundle, or a text encoder it was not trained with.
    """
    device = choose_device(str(device))
    if str(name_or_path) in plugins.registered(plugins.EVALUATORS):
        plugin: Evaluator = plugins.call(plugins.EVALUATORS, str(name_or_path), text_encoder, device)
        return plugin
    folder = resolve_evaluator(str(name_or_path))
    info = read_info(folder)
    sha256 = evaluator_sha256(folder)
    network = load_network(folder, info).to(device)
    if isinstance(network, DuetEval):
        encoder = load_text_encoder(text_encoder or "minilm:", device)
        _check_text_encoder(encoder, info)
        return DuetEvaluator(info, sha256, network, encoder)
    if isinstance(network, InterXEvaluator):
        vectors = word_vectors if text_encoder is None else Path(text_encoder)
        if vectors is None:
            raise MissingError(
                f"evaluator {info.name} reads Inter-X's word vectors; give the folder glove of your copy "
                "as --evaluator-text-encoder, or the copy as --reference or --root"
            )
        return InterXPairEvaluator(info, sha256, network, WordVectors.load(vectors))
    assert isinstance(network, InterClip)
    vocabulary = load_clip_vocabulary(text_encoder or "clip:")
    last = int(vocabulary([""]).max())
    if last != network.config.vocabulary - 1:
        raise InputError(
            f"evaluator {info.name} reads CLIP's vocabulary of {network.config.vocabulary} tokens, whose end "
            f"token comes last; the one given ends texts with {last}; {VOCABULARY_REMEDY}"
        )
    return InterClipEvaluator(info, sha256, network, vocabulary)


def _check_text_encoder(encoder: TextEncoder, info: EvaluatorInfo) -> None:
    try:
        check_encoder(encoder, info.text_encoder, info.name)
    except InputError as error:
        expected = info.text_encoder
        raise InputError(
            f"evaluator {info.name} was trained with text encoder {expected['id']} "
            f"({(expected['sha256'] or 'any')[:12]}), got {encoder.id} ({encoder.sha256[:12]}); give "
            "the matching one as --evaluator-text-encoder PATH|HUB_ID"
        ) from error
