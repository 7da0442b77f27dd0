"""Start of the service: what can be wrong is said before the model is loaded."""

from __future__ import annotations

from intermask_cli.errors import MissingError
from intermask_cli.generation.workers.model_source import ModelSource
from intermask_cli.serve.access import Access
from intermask_cli.serve.limits import ServeLimits


def start(
    source: ModelSource,
    device: str,
    host: str,
    port: int,
    token: str | None,
    limits: ServeLimits,
    batch_size: int | None = None,
    max_wait_s: float = 0.0,
) -> None:
    """Load the model and serve until a signal comes.

    Raises:
        MissingError: FastAPI or uvicorn is not installed.
        InputError: an address that cannot be used, or that needs a token.
        InterruptedRun: a signal, after a graceful stop.
    """
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingError("serve needs FastAPI and uvicorn: pip install 'intermask[serve]'") from error
    from intermask_cli.serve.server import listening_socket, run_server
    from intermask_cli.serve.service import Service

    access = Access(host, token)
    with (
        listening_socket(host, port) as listener,
        Service(source, device, limits, batch_size, max_wait_s) as service,
    ):
        run_server(service, access, listener)
