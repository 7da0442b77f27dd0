"""Addresses, and how many workers a cluster has room for."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from intermask_cli.commands.options import RunOptions
from intermask_cli.errors import InputError, MissingError
from intermask_cli.generation.ray.cluster import RaySettings, Share, connected


def node(cpus: float, gpus: float = 0) -> dict[str, Any]:
    return {"Alive": True, "Resources": {"CPU": cpus, **({"GPU": gpus} if gpus else {}), "memory": 1e9}}


@pytest.mark.parametrize(
    ("device", "gpus", "nodes", "workers", "share"),
    [
        ("auto", None, [node(4), node(2)], 6, "1 CPU"),
        ("cpu", None, [node(4, 1)], 4, "1 CPU"),
        ("auto", None, [node(8, 2), node(8)], 2, "1 CPU and 1 GPU"),
        ("auto", 0.25, [node(8, 2)], 8, "1 CPU and 0.25 GPU"),
        ("auto", 0.1, [node(99, 1)], 10, "1 CPU and 0.1 GPU"),
        ("auto", 0.25, [node(3, 2)], 3, "1 CPU and 0.25 GPU"),
        ("cuda", 2, [node(8, 3), node(8, 2)], 2, "1 CPU and 2 GPU"),
        ("cuda", None, [node(8)], 0, "1 CPU and 1 GPU"),  # an autoscaler may add some
        ("auto", None, [{"Alive": True, "Resources": {}}], 0, "1 CPU"),
    ],
)
def test_room(device: str, gpus: float | None, nodes: list[Any], workers: int, share: str) -> None:
    found = Share.of(device, RaySettings("auto", gpus), nodes)
    assert (found.fitting(nodes), str(found)) == (workers, share)


def test_values_that_are_not_accepted() -> None:
    for gpus in (0, -1, 1.5):
        with pytest.raises(InputError, match=r"--gpus-per-worker .*accepted are a fraction such as 0.25"):
            RaySettings(None, gpus)
    with pytest.raises(InputError, match="no machine of the cluster has a GPU; leave it out"):
        Share.of("auto", RaySettings("auto", 0.5), [node(2)])
    with pytest.raises(InputError, match="--device is cpu; leave it out"):
        Share.of("cpu", RaySettings("auto", 0.5), [node(2, 1)])
    with pytest.raises(InputError, match="Ray chooses the GPU"):
        Share.of("cuda:1", RaySettings("auto"), [node(2, 2)])
    with pytest.raises(InputError, match=r"ray://head:10001: .*--address auto or HOST:PORT"):
        RaySettings("ray://head:10001")


def test_options_of_commands() -> None:
    assert RunOptions().ray_settings() is None
    options = RunOptions(engine="ray", address="auto", gpus_per_worker=0.5)
    assert options.ray_settings() == RaySettings("auto", 0.5)
    with pytest.raises(InputError, match="--engine slurm: accepted are local and ray"):
        RunOptions(engine="slurm").ray_settings()
    with pytest.raises(InputError, match="--address: is of Ray; add --engine ray"):
        RunOptions(address="auto").ray_settings()
    with pytest.raises(InputError, match="--gpus-per-worker: is of Ray; add --engine ray"):
        RunOptions(gpus_per_worker=0.5).ray_settings()


def test_the_address_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert RaySettings().where is None
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert RaySettings().where == "10.0.0.1:6379"
    assert RaySettings("auto").where == "auto"


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(MissingError, match=r"needs Ray: pip install 'intermask\[ray\]'"),
        connected(RaySettings(), 1),
    ):
        pytest.fail("connected")
