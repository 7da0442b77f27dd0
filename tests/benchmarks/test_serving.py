"""The benchmark of the service, with a tiny model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

pytest.importorskip("fastapi", reason="needs the extra serve: pip install 'intermask[serve]'")

from benchmarks import serving
from tests.helpers.served import listening, tiny_service, tiny_source
from tests.helpers.tiny_model import TinyModel

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_clients_and_batch_make_the_same_number(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def service() -> Iterator[tuple[str, psutil.Process]]:
        with tiny_service(tiny_model) as running, listening(running) as client:
            yield client.address, psutil.Process()
            assert sum(job.done for job in running.jobs.all()) == 2 * 3, "a warm-up and a round"

    source = tiny_source(tiny_model)
    monkeypatch.setattr(serving, "service", service)
    monkeypatch.setattr(serving.ModelSource, "find", lambda *_: source)
    monkeypatch.setattr("sys.argv", ["serving", "--clients", "3", "--frames", "8", "--rounds", "1"])
    with pytest.raises(SystemExit):
        serving.main()
    out = capsys.readouterr().out
    assert "| 3 prompts of 8 frames | interactions/s | processor s |" in out and "goal 0.8" in out
