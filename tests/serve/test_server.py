"""The socket of the service, and what signals do."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve: pip install 'intermask[serve]'")

from intermask_cli.errors import InputError
from intermask_cli.serve.access import Access
from intermask_cli.serve.limits import ServeLimits
from intermask_cli.serve.server import ServiceServer, address_of, listening_socket


def test_the_first_signal_stops_in_steps_and_the_second_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished, steps = threading.Event(), []

    def stop() -> None:
        assert finished.wait(60)
        steps.append("the batch is finished")

    folder = tmp_path / "results"
    folder.mkdir()
    service: Any = SimpleNamespace(
        limits=ServeLimits(), folder=folder, stop=stop, wait_for_clients=lambda: steps.append("clients")
    )
    server = ServiceServer(service, Access("127.0.0.1"))
    server.handle_exit(signal.SIGTERM, None)
    assert server.signal == signal.SIGTERM and not server.should_exit, "the batch is being made"

    def ends(code: int) -> None:
        raise SystemExit(code)

    with monkeypatch.context() as patched:
        patched.setattr(os, "_exit", ends)
        with pytest.raises(SystemExit) as ended:
            server.handle_exit(signal.SIGINT, None)
    assert ended.value.code == 130 and not folder.exists() and not steps
    (stopping,) = [thread for thread in threading.enumerate() if thread.name == "stop"]
    finished.set()
    stopping.join(60)
    assert steps == ["the batch is finished", "clients"] and server.should_exit


def test_addresses() -> None:
    with listening_socket("127.0.0.1", 0) as listener:
        address = address_of(listener)
        port = int(address.removeprefix("http://127.0.0.1:"))
        with pytest.raises(InputError, match=f"port {port}.*choose another --port"):
            listening_socket("127.0.0.1", port)
    with pytest.raises(InputError, match="no such address"):
        listening_socket("no such host", 0)
