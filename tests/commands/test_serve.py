"""`intermask serve` as a process: start, graceful stop, exit codes, errors before the start."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.helpers.tiny_model import TinyModel

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.slow


@contextmanager
def killed_at_the_end(process: subprocess.Popen[str]) -> Iterator[None]:
    """So that a test that fails does not wait for a service that runs."""
    try:
        yield
    finally:
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.long
def test_sigterm_finishes_the_running_batch_and_exits_143(tiny_model: TinyModel) -> None:
    pytest.importorskip("fastapi", reason="needs the extra serve: pip install 'intermask[serve]'")
    from tests.helpers.served import Client

    command = [sys.executable, "-m", "intermask_cli", "serve", "--port", "0", "--batch-size", "1",
               *tiny_model.options]  # fmt: skip
    secret = "a-long-and-secret-token"
    environment = {**os.environ, "INTERMASK_SERVE_TOKEN": secret}
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process,
        killed_at_the_end(process),
    ):
        assert process.stderr is not None
        line = process.stderr.readline()
        match = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert match, line
        client = Client(match[0], {"Authorization": f"Bearer {secret}"})
        # Batches of one: far more of them than are made before the signal.
        large = client.submit(prompts=["two people bow"], samples=64, seconds=3, steps=20)
        while client.send("/health").json["batches"] < 1:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        while client.send("/health").json["status"] != "stopping":
            time.sleep(0.01)
        refused = client.post("/v1/jobs", {"prompts": ["two people bow"]})
        assert refused.status == 503 and "stopping" in refused.error
        status = client.ended(large)
        assert status["status"] == "cancelled" and status["error"] == "the service stopped"
        assert 1 <= status["interactions"]["done"] < 64
        rest = process.stderr.read()
        assert process.wait(60) == 143
    assert "error: stopped; 0 jobs were done, 1 cancelled" in rest.splitlines()
    assert "Traceback" not in rest and secret not in line + rest


def test_what_is_wrong_is_said_before_the_model_is_loaded(cli: Run, tiny_model: TinyModel) -> None:
    pytest.importorskip("fastapi", reason="needs the extra serve: pip install 'intermask[serve]'")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for options, expected in (
            (["--host", "0.0.0.0"], "needs a token; set INTERMASK_SERVE_TOKEN"),
            (["--host", "0.0.0.0", "--token", "short"], "the token has 5 characters"),
            (["--host", "no such host"], "needs a token"),
            (["--port", port], f"127.0.0.1 port {port}: Address already in use; choose another --port"),
            (["--queue", 3], "--queue 3 is less than --max-interactions 64"),
            (["--batch-size", "many"], "accepted are auto and 1 or more"),
        ):  # fmt: skip
            code, out, err = cli("serve", *options, *tiny_model.options)
            assert code == 2 and out == "" and expected in err and err.count("\n") == 1, err
    code, _, err = cli("serve", "--model", "no-such-model")
    assert code == 4 and err.count("\n") == 1


def test_without_the_extra_one_line_says_how_to_get_it(
    cli: Run, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    code, _, err = cli("serve", *tiny_model.options)
    assert code == 4 and err == "error: serve needs FastAPI and uvicorn: pip install 'intermask[serve]'\n"
