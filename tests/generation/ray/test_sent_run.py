"""A run for other machines: a loader whose model and run directory are elsewhere there."""

from __future__ import annotations

from pathlib import Path

import pytest

from intermask_cli.cleanup.modes import Clean
from intermask_cli.config import SamplingConfig
from intermask_cli.generation.ray.sent_run import SentRun
from intermask_cli.generation.run.directory import RunDirectory
from intermask_cli.generation.workers.loaders import CleaningLoader, GenerationLoader
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.models.bundle_info import bundle_sha256
from intermask_cli.models.text_encoders import identify_text_encoder
from tests.helpers.generation import info, plan_of
from tests.helpers.tiny_model import TinyModel


@pytest.fixture(params=["{}", "minilm:{}"])
def sent(request: pytest.FixtureRequest, tiny_model: TinyModel, tmp_path: Path) -> SentRun:
    """A run of the tiny model with --clean, from the directory `here`."""
    source = ModelSource.find(str(tiny_model.bundle), request.param.format(tiny_model.encoder), "float32")
    loader = GenerationLoader(source, SamplingConfig(), 4)
    cleaning = CleaningLoader.around(loader, (Clean.smooth,), tmp_path / "here")
    return SentRun.of(RunDirectory(tmp_path / "here", info(plan_of(3))), cleaning)


def test_the_machine_that_has_the_model_uses_its_own(
    sent: SentRun, tiny_model: TinyModel, tmp_path: Path
) -> None:
    loader = sent.loader_here(tmp_path / "there", tmp_path / "scratch", None)
    assert isinstance(loader, CleaningLoader) and isinstance(loader.load, GenerationLoader)
    assert loader.load.source.folder == tiny_model.bundle
    assert loader.log == tmp_path / "there" / "cleaning.jsonl"
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("missing", ["bundle", "encoder"])
def test_a_machine_without_the_model_gets_its_files(
    sent: SentRun, tiny_model: TinyModel, tmp_path: Path, missing: str
) -> None:
    files, folder = sent.files(), getattr(tiny_model, missing)
    aside = folder.rename(folder.with_name("aside"))
    try:
        assert sent.loader_here(tmp_path / "there", tmp_path / "scratch", None) is None
        loader = sent.loader_here(tmp_path / "there", tmp_path / "scratch", files)
        assert isinstance(loader, CleaningLoader) and isinstance(loader.load, GenerationLoader)
        source = loader.load.source
        assert bundle_sha256(source.folder) == source.sha256
        assert identify_text_encoder(str(source.text_encoder)).sha256 == source.encoder.sha256
        assert (source.folder.parent == tmp_path / "scratch") == (missing == "bundle")
        assert (str(tmp_path / "scratch") in str(source.text_encoder)) == (missing == "encoder")
    finally:
        aside.rename(folder)


def test_another_model_in_its_place_is_not_taken_for_it(
    sent: SentRun, tiny_model: TinyModel, tmp_path: Path
) -> None:
    config = tiny_model.bundle / "config.json"
    before = config.read_bytes()
    try:
        config.write_bytes(before + b"\n")
        assert sent.loader_here(tmp_path / "there", tmp_path / "scratch", None) is None
    finally:
        config.write_bytes(before)
