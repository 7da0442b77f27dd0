"""`intermask serve`: the engine behind HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from intermask_cli.commands import options as opt


@opt.with_option_groups
def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others can reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="INTERMASK_SERVE_TOKEN",
            help="What clients have to send; better in the environment, where other users do not see it.",
            show_default=False,
            show_envvar=True,
        ),
    ] = None,
    model: opt.ModelOptions,
    batch_size: opt.BatchSize = "auto",
    max_wait: Annotated[
        float,
        typer.Option(
            min=0,
            max=10,
            help="Seconds that a request waits for others to be sampled with, where none is running.",
        ),
    ] = 0.0,
    max_seconds: Annotated[
        float, typer.Option(min=0.2, max=600, help="Longest clip that a client may ask for.")
    ] = 20.0,
    max_interactions: Annotated[
        int, typer.Option(min=1, max=1024, help="Interactions of one request: prompts times samples.")
    ] = 64,
    queue: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, help="Interactions that wait or are being made; more get status 429."
        ),
    ] = 512,
    max_upload: Annotated[float, typer.Option(min=0.01, max=1024, help="Megabytes of a motion file.")] = 16.0,
    keep: Annotated[float, typer.Option(min=0.01, max=10_000, help="Minutes that results stay.")] = 60.0,
) -> None:
    """Serve a model over HTTP, with a page to try it.

    Clients send prompts or a motion file and get a job, its status, and its result as JSON, HDF5, BVH or GLB.
    Requests that come together are sampled together; results equal those of `intermask generate` and
    `intermask react`. SIGTERM or Ctrl-C finishes the running batch.
    """
    from intermask_cli.serve.limits import ServeLimits
    from intermask_cli.serve.start import start

    limits = ServeLimits(max_seconds, max_interactions, queue, int(max_upload * 1e6), keep * 60)
    start(model.source(), model.device, host, port, token, limits, opt.parse_batch_size(batch_size), max_wait)
