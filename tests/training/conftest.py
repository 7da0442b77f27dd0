"""Fixtures of the training tests: small sources and stages built from a recipe."""

from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator

from intermask_cli.training.config import (
    Recipe,
)
from intermask_cli.training.sources.source import source_normalizer
from intermask_cli.training.tokenizer.stage import TokenizerStage
from intermask_cli.training.transformer.stage import TransformerData, TransformerStage, new_transformer
from tests.helpers.training_samples import SmoothSource, WordStates


@pytest.fixture(scope="session")
def source():
    return SmoothSource(12)


@pytest.fixture(scope="session")
def validation():
    return SmoothSource(3, seed=100)


@pytest.fixture(scope="session")
def normalizer(source):
    return source_normalizer(source)


@pytest.fixture
def accelerator():
    return Accelerator(cpu=True)


@pytest.fixture
def tokenizer_stage(source, validation, normalizer, accelerator):
    def build(recipe: Recipe) -> TokenizerStage:
        return TokenizerStage(recipe, source, validation, normalizer, accelerator)

    return build


@pytest.fixture
def transformer_stage(source, validation, normalizer, accelerator, tokenizer_stage, tmp_path):
    def build(recipe: Recipe) -> TransformerStage:
        tokenizer = tokenizer_stage(recipe).model.eval()
        torch.manual_seed(0)
        tokenizer.quantizer.first.initialise(torch.randn(200, 8))
        data = TransformerData(
            recipe, source, validation, tokenizer, normalizer, WordStates(), tmp_path / "cache", accelerator
        )
        model = new_transformer(recipe, tokenizer.quantizer.first.codebook)
        return TransformerStage(recipe, data, model, accelerator)

    return build
