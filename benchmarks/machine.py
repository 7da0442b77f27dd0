"""What a figure was measured on: hardware, versions, commit, and how fast it multiplies matrices."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import torch

from intermask_cli.devices import processors
from intermask_cli.generation.run.manifest import utc_now, versions

ROOT = Path(__file__).resolve().parents[1]


def describe() -> dict[str, Any]:
    """Everything a reader needs to judge or repeat a figure."""
    return {
        "measured": utc_now(),
        "processor": _processor(),
        "cores": processors(),
        "physical_cores": psutil.cpu_count(logical=False),
        "amx": "amx_tile" in _processor_flags(),
        "torch_threads": torch.get_num_threads(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "system": platform.platform(),
        "versions": versions(),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _processor_flags() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def busy_share(seconds: float = 2.0) -> float:
    """Share of this machine's processors that other programs use, measured while this one waits."""
    return psutil.cpu_percent(seconds) / 100


def _git(*words: str) -> str:
    run = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout.strip()


def matrix_peak(device: str, dtype: torch.dtype, size: int = 1024, seconds: float = 0.5) -> float:
    """Best rate of square products of `size` on this device in GFLOP/s, a multiply-add counted as 2."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    end, best = time.perf_counter() + seconds, float("inf")
    while time.perf_counter() < end:
        _settle(device)
        started = time.perf_counter()
        for _ in range(4):
            torch.mm(a, b)
        _settle(device)
        best = min(best, (time.perf_counter() - started) / 4)
    return 2 * size**3 / best / 1e9


def _settle(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)
