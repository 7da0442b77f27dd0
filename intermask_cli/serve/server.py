"""The service on a socket: start, graceful stop, exit code."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from types import FrameType

import uvicorn

from intermask_cli.console import note
from intermask_cli.errors import EXIT_SIGTERM, InputError, InterruptedRun
from intermask_cli.serve.access import Access
from intermask_cli.serve.app import create_app
from intermask_cli.serve.service import Service

#: Connections at the same time; further ones get status 503.
_CONNECTIONS = 512
#: Seconds for answers that are being sent when the service ends.
_LAST_ANSWERS_S = 5


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket on that address; port 0 takes a free one. InputError if it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: no such address ({error})") from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_CONNECTIONS)
    except OSError as error:
        opened.close()
        raise InputError(
            f"{host} port {port}: {error.strerror or error}; choose another --port, or 0 for a free one"
        ) from error
    return opened


class ServiceServer(uvicorn.Server):
    """Stops in steps: the running batch is finished, its results can be fetched, then it ends.

    A second signal ends it at once. `signal` is the first one.
    """

    def __init__(self, service: Service, access: Access):
        config = uvicorn.Config(
            create_app(service, access),
            log_config=None,
            log_level="critical",  # errors are answered and logged by `guard`
            access_log=False,  # addresses hold names of jobs
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
            lifespan="off",
        )
        super().__init__(config)
        self.service = service
        self.signal: int | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.signal is not None:  # threads that sample cannot be ended in another way
            note("stopped at once")
            shutil.rmtree(self.service.folder, ignore_errors=True)
            os._exit(128 + sig)
        self.signal = sig
        threading.Thread(target=self._stop, name="stop", daemon=True).start()

    def _stop(self) -> None:
        note("finishing the running batch; press Ctrl-C again to stop at once")
        self.service.stop()
        self.service.wait_for_clients()
        self.should_exit = True


def run_server(service: Service, access: Access, listener: socket.socket) -> None:
    """Answer requests until a signal comes; then raise InterruptedRun with its exit code."""
    server = ServiceServer(service, access)
    note(f"{service.source.info.name} on {service.device}: {address_of(listener)} (Ctrl-C stops it)")
    server.run(sockets=[listener])
    done, cancelled = service.counts()
    message = f"stopped; {done:,} jobs were done, {cancelled:,} cancelled"
    raise InterruptedRun(message, 128 + server.signal if server.signal else EXIT_SIGTERM)


def address_of(listener: socket.socket) -> str:
    """The address of a socket, for browsers."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
