"""Fixtures for tests that run commands: a tiny random model with a tiny real text encoder, and the CLI."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.helpers.tiny_model import TinyModel, make_tiny_model

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _environment_is_restored() -> Iterator[None]:
    """Accelerate may set variables of a launcher in this process; the next test must not see them."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """A bundle on disk with random weights and the text encoder it names; made once."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`cli("generate", ...)` runs the command line in this process: (exit code, stdout, stderr)."""
    from intermask_cli.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 1), out, err

    return run
