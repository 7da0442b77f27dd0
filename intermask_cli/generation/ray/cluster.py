"""A connection to a Ray cluster, or to a Ray of this machine that is started for one run."""

from __future__ import annotations

import math
import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from intermask_cli.devices import processors
from intermask_cli.errors import InputError, IntermaskError, MissingError

#: Names the cluster in the environment, as `ray job submit` does.
ADDRESS_VARIABLE = "RAY_ADDRESS"
#: Bytes of shared memory of a Ray that is started here: parts pass through it, at most some tens of MB each.
#: Ray would reserve 30 % of the memory.
_OBJECT_STORE = 256 * 2**20
#: Environment of a Ray that is started here. It listens on the loopback address alone, its processes accept
#: calls with a token only, and it reports no statistics to its makers.
_LOCAL_ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@dataclass(frozen=True)
class RaySettings:
    """Where a run uses Ray.

    `address` None is that of the environment, else a Ray of this machine alone; `gpus_per_worker` None is
    one GPU for each worker, where the device is a GPU.
    """

    address: str | None = None
    gpus_per_worker: float | None = None

    def __post_init__(self) -> None:
        gpus = self.gpus_per_worker
        if gpus is not None and not (0 < gpus < 1 or (gpus >= 1 and gpus == int(gpus))):
            raise InputError(
                f"--gpus-per-worker {gpus:g}: accepted are a fraction such as 0.25, or 1, 2, ..."
            )
        if (self.address or "").startswith("ray://"):
            raise InputError(
                f"--address {self.address}: a port of Ray Client; start the command on a machine of the "
                "cluster, with --address auto or HOST:PORT, or through `ray job submit`"
            )

    @property
    def where(self) -> str | None:
        """The address of the cluster; None for a Ray of this machine alone."""
        return self.address or os.environ.get(ADDRESS_VARIABLE) or None


@contextmanager
def connected(settings: RaySettings, workers: int | None) -> Iterator[Any]:
    """The module `ray`, connected; afterwards all processes that it started for this program end.

    A program that is connected already stays as it is.

    workers: how many a Ray that is started here must have room for; None for one per processor.

    Raises:
        MissingError: Ray is not installed. InputError: no cluster at the address, or one of another version.
        IntermaskError: Ray does not start on this machine.
    """
    address = settings.where
    own = {**_LOCAL_ENVIRONMENT, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with _environment(own if address is None else {}):
        ray = _imported()
        if ray.is_initialized():
            yield ray
            return
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address is None:
            options |= {
                "address": "local",
                "num_cpus": max(workers or 1, processors()),
                "object_store_memory": _OBJECT_STORE,
                "include_dashboard": False,
            }
        else:
            options["address"] = address
        # Ray replaces the handler of SIGTERM by one that ends the process.
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(**options)
        except Exception as error:  # Ray raises plain ones, too
            first = (str(error).splitlines() or [type(error).__name__])[0]
            if address is None:
                raise IntermaskError(
                    f"--engine ray: Ray does not start on this machine ({first}); try again "
                    "when it is less busy, or leave --engine out"
                ) from error
            raise InputError(
                f"--engine ray: no Ray at {address} ({first}); start one with `ray start --head`, or "
                f"leave out --address and {ADDRESS_VARIABLE} to use this machine alone"
            ) from error
        finally:
            signal.signal(signal.SIGTERM, handler)
        try:
            yield ray
        finally:
            ray.shutdown()


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingError("--engine ray needs Ray: pip install 'intermask[ray]'") from error
    return ray


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables in the block. Those that the user has set stay."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@dataclass(frozen=True)
class Share:
    """What each worker needs of its machine."""

    cpus: float
    gpus: float

    @classmethod
    def of(cls, device: str, settings: RaySettings, nodes: list[dict[str, Any]]) -> Share:
        """One CPU and, where the device is a GPU, the GPUs of a worker; InputError for other devices."""
        if device not in ("auto", "cpu", "cuda"):
            raise InputError(
                f"--device {device}: Ray chooses the GPU; with --engine ray give auto, cpu or cuda"
            )
        on_gpu = device == "cuda" or (device == "auto" and any(_of(node, "GPU") for node in nodes))
        if settings.gpus_per_worker is not None and not on_gpu:
            raise InputError(
                "--gpus-per-worker: "
                + ("--device is cpu" if device == "cpu" else "no machine of the cluster has a GPU")
                + "; leave it out, or give --device cuda where an autoscaler adds machines with GPUs"
            )
        return cls(1.0, (settings.gpus_per_worker or 1.0) if on_gpu else 0.0)

    def fitting(self, nodes: list[dict[str, Any]]) -> int:
        """Workers that the machines of the cluster have room for, without regard to other programs."""
        return sum(
            min(
                math.floor(_of(node, "CPU") / self.cpus),
                math.floor(_of(node, "GPU") / self.gpus + 1e-6) if self.gpus else 10**6,
            )
            for node in nodes
        )

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "")


def alive(ray: Any) -> list[dict[str, Any]]:
    """The machines of the cluster, as `ray.nodes` describes them."""
    try:
        return [node for node in ray.nodes() if node["Alive"]]
    except ray.exceptions.RayError as error:
        raise IntermaskError(f"the connection to Ray is lost ({str(error).splitlines()[0]})") from error


def _of(node: dict[str, Any], resource: str) -> float:
    return float(node["Resources"].get(resource, 0.0))
