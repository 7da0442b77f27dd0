"""The service on a free port in a thread of this process, and a client of the standard library."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.serve.access import Access
from intermask_cli.serve.limits import ServeLimits
from intermask_cli.serve.server import ServiceServer, address_of, listening_socket
from intermask_cli.serve.service import Service
from tests.helpers.tiny_model import TinyModel


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The line of an error, which is all that it holds."""
        assert self.status >= 400 and list(self.json) == ["error"], self
        line: str = self.json["error"]
        assert "\n" not in line and "Traceback" not in line and "/tmp" not in line, line
        return line


@dataclass
class Client:
    """Sends requests to a server; `headers` go with every one."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, path: str, data: bytes | None = None, method: str | None = None, **headers: str) -> Answer:
        """The answer to a request; names of headers have _ for -."""
        fields = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = urllib.request.Request(self.address + path, data, fields, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def post(self, path: str, value: Any, **headers: str) -> Answer:
        """Send JSON."""
        return self.send(path, json.dumps(value).encode(), Content_Type="application/json", **headers)

    def submit(self, **request: Any) -> str:
        """The name of the job of accepted prompts."""
        answer = self.post("/v1/jobs", request)
        assert answer.status == 202, answer
        name: str = answer.json["job"]
        return name

    def ended(self, name: str) -> dict[str, Any]:
        """The status of a job once it has ended."""
        for _ in range(20):
            status: dict[str, Any] = self.send(f"/v1/jobs/{name}?wait=30").json
            if status["status"] not in ("queued", "running"):
                return status
        raise AssertionError(status)


def tiny_source(tiny: TinyModel) -> ModelSource:
    """The tiny model as commands describe it."""
    return ModelSource.find(str(tiny.bundle), str(tiny.encoder), "float32")


@contextmanager
def tiny_service(tiny: TinyModel, limits: ServeLimits | None = None, **settings: Any) -> Iterator[Service]:
    """The tiny model, loaded and at work."""
    with Service(tiny_source(tiny), "cpu", limits, **settings) as service:
        yield service


@contextmanager
def listening(service: Service, token: str | None = None) -> Iterator[Client]:
    """A service on a free port of this machine."""
    with listening_socket("127.0.0.1", 0) as listener:
        server = ServiceServer(service, Access("127.0.0.1", token))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Client(address_of(listener))
        finally:
            server.should_exit = True
            thread.join(60)
