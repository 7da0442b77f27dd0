"""What the rows of a run share: corpus, held-out clips, tokens, judge; each is made when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from accelerate import Accelerator

from benchmarks.ablations.judge import Judge
from benchmarks.ablations.settings import CORPUS_SEED, EVALUATOR, MODEL, Budget, Row, recipe_of
from benchmarks.ablations.transformer_variants import VARIANTS
from benchmarks.judges.label_reader import LabelTraining, label_classifier
from evaluators.evaluator import load_evaluator
from intermask_cli.datasets.duets.corpus import CorpusClip
from intermask_cli.datasets.duets.corpus_writer import write_corpus
from intermask_cli.inference.model import InteractionModel, load_model
from intermask_cli.models.bundle import Bundle
from intermask_cli.training.config import Recipe
from intermask_cli.training.sources.open import DuetsSource, open_source
from intermask_cli.training.sources.pairs import PairSource
from intermask_cli.training.sources.source import TrainingSource
from intermask_cli.training.transformer.stage import TransformerData


class HeldOutSource(PairSource[CorpusClip]):
    """Test clips as a training source: validation figures are of the clips that motions are generated for."""

    text = DuetsSource.text

    def __init__(self, clips: Sequence[CorpusClip]):
        super().__init__(clips, f"Duets, test clips of seed {CORPUS_SEED}")


class Workspace:
    """Everything is kept in one folder per budget."""

    def __init__(self, folder: Path, budget: Budget, accelerator: Accelerator):
        self.folder, self.budget, self.accelerator = folder, budget, accelerator
        self.device = accelerator.device.type
        self._tokens: dict[str, TransformerData] = {}

    @cached_property
    def train(self) -> TrainingSource:
        """The training split, written to disk once."""
        corpus = self.folder / f"corpus-{self.budget.clips}"
        write_corpus(corpus, self.budget.clips, CORPUS_SEED)
        return open_source(corpus, "train")

    @cached_property
    def held_out(self) -> HeldOutSource:
        """The clips on which everything is scored."""
        return HeldOutSource(self.judge.clips)

    @cached_property
    def judge(self) -> Judge:
        """Scores motions against the held-out clips."""
        reader = label_classifier(self.folder, CORPUS_SEED, LabelTraining(**self.budget.labels))
        evaluator = load_evaluator(EVALUATOR, device=self.device)
        return Judge(self.budget.test_clips, evaluator, reader, self.folder / "embeddings")

    @cached_property
    def model(self) -> InteractionModel:
        """The bundled model with its text encoder."""
        return load_model(MODEL, device=self.device)

    @cached_property
    def bundle(self) -> Bundle:
        """The bundled model without its pair decoder, as published ones are. Trained rows start from it."""
        bundle = self.model.bundle
        return replace(bundle, info=replace(bundle.info, pair_decoder=None), pair_decoder=None)

    @cached_property
    def apart(self) -> InteractionModel:
        """The bundled model without its pair decoder."""
        return InteractionModel(self.bundle, self.model.filler.text_encoder, self.device)

    def recipe(self, row: Row, seed: int) -> Recipe:
        """The recipe of a row with a seed."""
        return recipe_of(row, self.budget, seed, self.bundle.info.tokenizer)

    def tokens(self, row: Row, recipe: Recipe) -> TransformerData:
        """Tokens and captions, shared by all rows that encode text in the same way."""
        encoder = VARIANTS[row.variant].encoder(self.model.filler.text_encoder)
        if encoder.id not in self._tokens:
            bundle, cache = self.bundle, self.folder / f"cache-{encoder.sha256[:8]}"
            assert bundle.normalizer is not None
            self._tokens[encoder.id] = TransformerData(
                recipe, self.train, self.held_out, bundle.tokenizer, bundle.normalizer, encoder, cache,
                self.accelerator,
            )  # fmt: skip
        return self._tokens[encoder.id]
