"""`python -m benchmarks.factory.stage FIGURES COMMAND...`: a command of intermask, measured."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any


def measured(words: Sequence[str]) -> dict[str, Any]:
    """Run a command in this process: its seconds, those of the model in it, peak memory and exit code."""
    started = time.perf_counter()
    of_model = [0.0]
    code: Any = 0
    with _timed_model(of_model) if words[0] in ("plan", "generate") else nullcontext():
        from intermask_cli.cli import main as intermask

        try:
            intermask(list(words))
        except SystemExit as end:
            code = end.code
    from intermask_cli.generation.trial import peak_memory

    seconds = time.perf_counter() - started
    return {
        "seconds": seconds, "model_seconds": of_model[0], "peak_bytes": peak_memory(), "exit_code": code,
    }  # fmt: skip


def _timed_model(of_model: list[float]) -> AbstractContextManager[Any]:
    """Add up what `InteractionModel.generate` takes: texts, sampling, decoding, bodies."""
    from unittest import mock

    from intermask_cli.inference.model import InteractionModel

    generate = InteractionModel.generate

    def timed(*arguments: Any, **settings: Any) -> Any:
        begun = time.perf_counter()
        try:
            return generate(*arguments, **settings)
        finally:
            of_model[0] += time.perf_counter() - begun

    return mock.patch.object(InteractionModel, "generate", timed)


if __name__ == "__main__":
    values = measured(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(values))
    sys.exit(values["exit_code"])
