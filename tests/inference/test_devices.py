"""Devices by name, and the number of torch threads: one inside, the host program's own outside."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import torch

from intermask_cli.devices import choose_device, map_samples, on_one_thread, processors
from intermask_cli.errors import InputError
from tests.helpers.paths import ROOT

T = TypeVar("T")
CPU = torch.device("cpu")


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_new_thread(function: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@pytest.mark.usefixtures("three_threads")
def test_calls_have_one_torch_thread_and_the_program_keeps_its_own() -> None:
    def seen(_: int) -> tuple[int, int, int]:
        return torch.get_num_threads(), in_new_thread(torch.get_num_threads), threading.get_ident()

    calls = map_samples(seen, list(range(7)))
    assert {inside for inside, _, _ in calls} == {1}
    assert {new for _, new, _ in calls} == {3}
    assert len({thread for *_, thread in calls} - {threading.get_ident()}) <= 3
    assert on_one_thread(torch.get_num_threads, rows=7, device=CPU) == 1
    assert on_one_thread(torch.get_num_threads, rows=64, device=CPU) == 3
    assert (torch.get_num_threads(), in_new_thread(torch.get_num_threads)) == (3, 3)


@pytest.mark.usefixtures("three_threads")
def test_a_failing_call_leaves_the_threads_alone() -> None:
    def fail(sample: int) -> int:
        raise ValueError(f"sample {sample}")

    with pytest.raises(ValueError, match="sample 0"):
        map_samples(fail, [0, 1])
    assert (torch.get_num_threads(), in_new_thread(torch.get_num_threads)) == (3, 3)


@pytest.mark.usefixtures("three_threads")
def test_callers_with_different_numbers_of_threads_keep_them() -> None:
    def work(threads: int) -> list[int]:
        torch.get_num_threads()  # torch takes over the default at the first use, whatever was set before
        torch.set_num_threads(threads)
        seen = []
        for _ in range(20):
            map_samples(lambda sample: sample, [1, 2, 3])
            seen.append(torch.get_num_threads())
        return seen

    with ThreadPoolExecutor(2) as pool:
        two, four = pool.map(work, (2, 4))
    assert (set(two), set(four), torch.get_num_threads()) == ({2}, {4}, 3)


def test_devices_by_name() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto").split(":")[0] == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="device tpu9: accepted are auto, cpu, cuda"):
        choose_device("tpu9")
    with pytest.raises(InputError, match="device cuda:77: this machine has"):
        choose_device("cuda:77")
    assert processors() >= 1


def test_torch_is_not_loaded_for_a_number_of_processors() -> None:
    code = "import sys, intermask_cli.devices as d; d.processors(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
