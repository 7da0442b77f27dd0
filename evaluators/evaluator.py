"""A loaded evaluator: texts and interactions in, embeddings out, whatever the network behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from evaluators.bundle import EvaluatorInfo, evaluator_sha256, load_network, read_info, resolve_evaluator
from evaluators.canonical import check_joints
from evaluators.clip_vocabulary import load_clip_vocabulary
from evaluators.contrastive import InterClip
from evaluators.duet import DuetEval, collate, positions_tensor
from intermask_cli.errors import InputError
from intermask_cli.models.text_encoders import CLIP_HUB_ID, TextEncoder, check_encoder, load_text_encoder
from intermask_cli.motion.features import joints_from_features, pair_features, rotations6d_from_features
from intermask_cli.motion.joint_rotations import rotations_from_joints

BATCH = 64
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Motion:
    """What is scored: joints (2, T, 22, 3) and, where the source has them, rotations6d (2, T, 21, 6).

    `features` (2, T, 262) are those of a data set or a decoder: the published protocol scores them as they
    are, velocities included (quirk Q5). Otherwise features are worked out from joints and rotations.
    """

    joints: np.ndarray
    rotations6d: np.ndarray | None = None
    features: np.ndarray | None = None

    @classmethod
    def from_features(cls, features: np.ndarray) -> Motion:
        """From InterHuman features (2, T, 262) that are not normalised."""
        return cls(joints_from_features(features), rotations6d_from_features(features), features)


class Evaluator(ABC):
    """Embeddings of one network. `sha256` and `info` belong beside every number made with it."""

    def __init__(self, info: EvaluatorInfo, sha256: str):
        self.info, self.sha256 = info, sha256

    @property
    def name(self) -> str:
        return self.info.name

    @abstractmethod
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """N texts -> (N, D) float32; no text's embedding depends on the others."""

    @abstractmethod
    def _prepared(self, motion: Motion, name: str) -> Tensor:
        """One motion as the network wants it, time on axis 1."""

    @abstractmethod
    def _embed(self, motions: list[Tensor]) -> Tensor:
        """A batch of prepared motions -> (B, D)."""

    @torch.no_grad()
    def embed_motions(
        self, motions: Sequence[Motion], names: Sequence[str] | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """N motions of any lengths -> (N, D) float32; sorted by length inside, so little is padded.

        Raises InputError naming the motion that cannot be scored.
        """
        names = names or [f"interaction {i}" for i in range(len(motions))]
        order = np.argsort([motion.joints.shape[1] if motion.joints.ndim > 1 else 0 for motion in motions])
        rows: list[Tensor] = []
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            try:
                batch = [self._prepared(motions[i], names[i]) for i in chosen]
                rows.append(self._embed(batch).cpu())
            except ValueError as error:
                raise InputError(f"evaluator {self.name}: {error}") from error
            if progress:
                progress(len(chosen))
        embedded = torch.cat(rows).float().numpy()
        result = np.empty_like(embedded)
        result[order] = embedded
        return result


class DuetEvaluator(Evaluator):
    """duet-eval: joints only, MiniLM token states."""

    architecture: ClassVar[str] = "duet"

    def __init__(self, info: EvaluatorInfo, sha256: str, network: DuetEval, text_encoder: TextEncoder):
        super().__init__(info, sha256)
        self.network, self.text_encoder = network, text_encoder

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        distinct = list(dict.fromkeys(texts))
        rows: dict[str, Tensor] = {}
        for start in range(0, len(distinct), BATCH):
            part = distinct[start : start + BATCH]
            rows |= dict(zip(part, self.network.embed_text(self.text_encoder.encode(part)), strict=True))
        return torch.stack([rows[text] for text in texts]).numpy()

    def _prepared(self, motion: Motion, name: str) -> Tensor:
        check_joints(motion.joints, name)
        return positions_tensor(motion.joints)

    def _embed(self, motions: list[Tensor]) -> Tensor:
        return self.network.embed_motion(*collate(motions))


class InterClipEvaluator(Evaluator):
    """InterCLIP: features that are not normalised, person 1 canonical, CLIP's vocabulary."""

    architecture: ClassVar[str] = "interclip"

    def __init__(
        self, info: EvaluatorInfo, sha256: str, network: InterClip, tokens: Callable[[Sequence[str]], Tensor]
    ):
        super().__init__(info, sha256)
        self.network, self._tokens = network, tokens

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        ids = self._tokens(texts)
        rows = [self.network.embed_text(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
        return torch.cat(rows).numpy()

    def _prepared(self, motion: Motion, name: str) -> Tensor:
        check_joints(motion.joints, name)
        if motion.features is not None:
            return torch.from_numpy(np.ascontiguousarray(motion.features, dtype=np.float32))
        rotations = motion.rotations6d
        if rotations is None:
            rotations = np.stack([rotations_from_joints(person).rotations6d for person in motion.joints])
        return torch.from_numpy(pair_features(motion.joints, rotations))

    def _embed(self, motions: list[Tensor]) -> Tensor:
        lengths = torch.tensor([motion.shape[1] for motion in motions])
        padded = torch.zeros(len(motions), 2, int(lengths.max()), motions[0].shape[2])
        for row, motion in zip(padded, motions, strict=True):
            row[:, : motion.shape[1]] = motion
        return self.network.embed_motion(padded[:, 0], padded[:, 1], lengths)


def load_evaluator(name_or_path: str | Path = "duet-eval", text_encoder: str | None = None) -> Evaluator:
    """Load a bundled name or a folder; `text_encoder` overrides where the text encoder is looked for.

    Raises MissingError when it is not there, InputError when damaged or with another text encoder.
    """
    folder = resolve_evaluator(str(name_or_path))
    info = read_info(folder)
    sha256 = evaluator_sha256(folder)
    if info.architecture == "interx":
        raise InputError(
            f"evaluator {info.name} scores Inter-X features (56 x 12 per frame); 22-joint interactions need "
            "duet-eval or an imported InterCLIP"
        )
    network = load_network(folder, info)
    if isinstance(network, DuetEval):
        encoder = load_text_encoder(text_encoder or "minilm")
        check_encoder(encoder, info.text_encoder, info.name)
        return DuetEvaluator(info, sha256, network, encoder)
    assert isinstance(network, InterClip)
    return InterClipEvaluator(info, sha256, network, load_clip_vocabulary(text_encoder or CLIP_HUB_ID))
