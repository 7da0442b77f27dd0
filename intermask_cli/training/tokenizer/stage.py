"""Training of the tokenizer on windows of single persons, and the refinement of a trained one."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from intermask_cli.config import BODY_ROWS, FRAMES_PER_TOKEN
from intermask_cli.console import note
from intermask_cli.models.codebook import Codebook, perplexity
from intermask_cli.models.tokenizer import Tokenizer
from intermask_cli.motion.normalizer import Normalizer
from intermask_cli.motion.representation.interhuman import POSITIONS
from intermask_cli.motion.skeleton import NUM_JOINTS
from intermask_cli.training.config import Recipe, TokenizerTrainConfig
from intermask_cli.training.loop import TrainingStage
from intermask_cli.training.processes import OwnRows
from intermask_cli.training.sources.source import TrainingSource, WindowSet, build_windows
from intermask_cli.training.tokenizer.losses import joints_of
from intermask_cli.training.tokenizer.metric_losses import WRISTS
from intermask_cli.training.tokenizer.objective import FeaturesToJoints, TokenizerObjective


class TokenizerStage(TrainingStage):
    """Windows of single persons through the tokenizer; validated on complete clips."""

    name: ClassVar[str] = "tokenizer"
    section: ClassVar[str] = "tokenizer_training"
    config: TokenizerTrainConfig
    model: Tokenizer
    objective: TokenizerObjective

    def __init__(
        self,
        recipe: Recipe,
        train: TrainingSource,
        validation: TrainingSource,
        normalizer: Normalizer,
        accelerator: Accelerator,
        body: FeaturesToJoints | None = None,
    ):
        self.config = getattr(recipe, f"{self.name}_training")
        self._device = accelerator.device
        self._rows = OwnRows(accelerator)
        torch.manual_seed(self.config.seed)
        self.model = self._new_model(recipe).to(self._device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = TokenizerObjective(
            self.model, normalizer, getattr(recipe, f"{self.name}_loss"), self.config.gumbel, body
        ).to(self._device)
        self._normalizer = normalizer
        self._windows = self._build_windows(train, normalizer)
        self._rows.check(self.config.batch_size, self.section)
        self.steps_per_epoch = max(1, len(self._windows) // self.config.batch_size)
        count = min(len(validation), self.config.validate_clips)
        clips = np.linspace(0, len(validation) - 1, count).astype(int)
        self._validation = [validation.features(int(clip), 0) for clip in clips]

    def _new_model(self, recipe: Recipe) -> Tokenizer:
        """A tokenizer with weights from the global random state; subclasses build other layouts."""
        return Tokenizer(recipe.tokenizer)

    def _build_windows(self, train: TrainingSource, normalizer: Normalizer) -> WindowSet:
        c = self.config
        windows = build_windows(train, normalizer, c.window, c.window_stride, c.canonical == "alternate")
        note(f"tokenizer: {len(windows)} windows, {windows.motion.nbytes / 2**20:.0f} MiB")
        return windows

    def planned_steps(self) -> int:
        """Budget in steps; published training runs one epoch more than its option says.

        Kept as quirk M19 (docs/reference/model.md#m19) when `published` is set.
        """
        steps = super().planned_steps()
        if self.config.published and self.config.steps == 0:
            steps += self.steps_per_epoch
        return steps

    def minimum_steps(self) -> int:
        """One step with the quantiser: without it there are no tokens."""
        return self.config.plain_steps + 1

    def minimum_advice(self) -> str:
        """The quantiser is on after `plain_steps`."""
        plain = self.config.plain_steps
        return f", and the codebook starts after {plain} ({self.section}.plain_steps)" if plain else ""

    def draws_in_model(self) -> bool:
        """Drop-out, or codes drawn at a temperature."""
        return super().draws_in_model() or self.config.gumbel > 0

    def positions(self) -> int:
        """Windows, five rows of tokens each."""
        return self.config.batch_size * self.config.window // FRAMES_PER_TOKEN * BODY_ROWS

    def before_step(self, step: int) -> None:
        """Bypass the quantiser in the first `plain_steps`; then start the codebook from k-means."""
        if self.config.plain_steps == 0:
            return
        self.objective.bypass = step < self.config.plain_steps
        if not self.objective.bypass and not bool(self.model.quantizer.first.initialised):
            self._start_codebook()

    @torch.no_grad()
    def _start_codebook(self) -> None:
        """K-means of the latents, layer by layer: each further layer takes the residuals of those before."""
        vectors = self._sample_latents()
        for book in self.model.quantizer.layers:
            assert isinstance(book, Codebook)
            book.initialise(vectors, self.config.kmeans_iterations)
            vectors = vectors - book.lookup(book.nearest(vectors))

    def _sample_latents(self) -> Tensor:
        self.model.eval()
        parts: list[Tensor] = []
        while sum(map(len, parts)) < self.config.kmeans_latents:
            motion = self._shape(self._windows.take(self._windows.random(64, self.config.fast_share)))
            # (B, C, 5, n) -> (B 5 n, C)
            parts.append(self.model.latents(motion).permute(0, 2, 3, 1).flatten(0, 2))
        return torch.cat(parts)[: self.config.kmeans_latents].float()

    def batch(self, step: int) -> Tensor:
        """(B, window, D) normalised."""
        size = self.config.batch_size
        if self.config.fast_share > 0:
            windows = self._windows.random(size, self.config.fast_share)
        else:
            epoch, position = divmod(step, self.steps_per_epoch)
            windows = self._windows.shuffled(self.config.seed, epoch, position, size)
        return self._windows.take(self._rows.of(windows)).to(self._device, non_blocking=True)

    def _shape(self, motion: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, 262) or (B, T, 56, 6) on the device."""
        shaped: Tensor = motion.to(self._device).unflatten(-1, self.model.representation.feature_shape)
        return shaped

    def validate(self) -> dict[str, float]:
        """Complete clips through encode and decode: unaligned errors in mm, and the use of the codebook."""
        errors: list[Tensor] = []
        ids: list[Tensor] = []
        for clip in self._validation:
            frames = clip.shape[1] // 4 * 4
            flat = self._normalizer.normalize(clip[:, :frames].reshape(2, frames, -1))
            motion = self._shape(torch.from_numpy(flat))
            if self.objective.bypass:
                decoded = self.model.decode_latents(self.model.latents(motion))
            else:
                ids.append(self.model.encode(motion))
                decoded = self.model.decode(ids[-1])
            errors.append(self._joint_errors(decoded.float(), motion))
        error = (torch.cat(errors) * 1000).detach()
        mean = float(error.mean())
        figures = {"score": mean, "mpjpe_mm": mean}
        if self.model.representation.holds_joints:
            figures["wrist_mm"] = float(error[:, WRISTS].mean())
            figures["root_mm"] = float(error[:, 0].mean())
        size = self.model.config.codebook_size
        if ids:
            codes = torch.cat([i.flatten() for i in ids])
            figures["codebook_use"] = len(codes.unique()) / size
            figures["perplexity"] = float(perplexity(codes, size))
        else:  # the error without quantiser is lower, but there are no tokens yet
            figures["score"] = math.inf
            figures["codebook_use"] = figures["perplexity"] = 0.0
        return figures

    def _joint_errors(self, decoded: Tensor, motion: Tensor) -> Tensor:
        """(2, T, ...) -> (2 T, J) distances in metres."""
        if self.objective.body is not None:
            distance: Tensor = (self.objective.body(decoded) - self.objective.body(motion)).norm(dim=-1)
        else:
            scale = self.objective.std[POSITIONS].view(NUM_JOINTS, 3)
            distance = ((joints_of(decoded) - joints_of(motion)) * scale).norm(dim=-1)
        return distance.flatten(0, 1).cpu()


class RefineStage(TokenizerStage):
    """More training for a trained tokenizer, all of it or the decoder alone.

    With `decoder_only` encoder and codebook do not change, so neither do the tokens. The decoder learns from
    the codes it decodes later, and a transformer trained on the same tokens stays valid.
    """

    name: ClassVar[str] = "refine"
    section: ClassVar[str] = "refine_training"
    decoder_only = False

    def start_from(self, tokenizer: Tokenizer, decoder_only: bool) -> None:
        """Take the weights of a trained tokenizer."""
        self.model.load_state_dict(tokenizer.state_dict())
        self.decoder_only = decoder_only
        self.model.encoder.requires_grad_(not decoder_only)

    def minimum_steps(self) -> int:
        """One: the codebook is already trained."""
        return 1

    def minimum_advice(self) -> str:
        """Nothing to say."""
        return ""

    def before_step(self, step: int) -> None:
        """Nothing: the codebook is already trained."""

    def freeze(self) -> None:
        """In eval mode the codebook neither moves nor samples, and the encoder has no drop-out."""
        if self.decoder_only:
            self.model.encoder.eval()
            self.model.quantizer.eval()
