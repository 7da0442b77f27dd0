"""`python -m benchmarks.serving`: concurrent requests to the service against one batch of the same prompts.

Every client sends one prompt, waits for its job and fetches the HDF5 file, over HTTP and all at once. The
batch is `intermask generate` with all prompts. Both make the same interactions with a loaded model, in turns;
the goal is a share of the batch's throughput. Processor time, without that of the clients, is printed too: it
means something on a busy machine as well.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import ROOT, busy_share, describe
from intermask_cli.generation.job import Execution, run_job
from intermask_cli.generation.prompts.read import prompts_of
from intermask_cli.generation.prompts.sources import PromptSource
from intermask_cli.generation.requests import PromptRequest, RunSettings, generate_job
from intermask_cli.generation.workers.engine import Engine
from intermask_cli.generation.workers.launch import Worker
from intermask_cli.generation.workers.loaders import GenerationLoader
from intermask_cli.generation.workers.model_source import ModelSource

#: Least share of the batch's throughput.
GOAL = 0.8


def texts(count: int) -> list[str]:
    """The first prompts of the benchmark's file, again from the start if it has fewer."""
    with (ROOT / "prompts" / "benchmark.csv").open(newline="", encoding="utf-8") as file:
        rows = [row["text"] for row in csv.DictReader(file)]
    return [rows[k % len(rows)] for k in range(count)]


@contextmanager
def service() -> Iterator[tuple[str, psutil.Process]]:
    """The address of `intermask serve` in a process of its own, and that process."""
    command = [sys.executable, "-m", "intermask_cli", "serve", "--port", "0", "--device", "cpu"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        match = re.search(r"http://\S+", line)
        if match is None:
            raise RuntimeError(f"the service did not start: {line}{process.stderr.read()}")
        with ThreadPoolExecutor(1) as reader:  # so that its messages never fill the pipe
            reader.submit(process.stderr.read)
            try:
                yield match[0], psutil.Process(process.pid)
            finally:
                process.terminate()


def ask(address: str, value: Any = None) -> bytes:
    """The body of an answer."""
    data = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        body: bytes = answer.read()
    return body


def one_client(address: str, text: str, frames: int) -> int:
    """Send a prompt, wait, fetch the file -> its size."""
    prompts = {"prompts": [text], "frames": frames}
    job = f"{address}/v1/jobs/{json.loads(ask(f'{address}/v1/jobs', prompts))['job']}"
    while (status := json.loads(ask(f"{job}?wait=30"))["status"]) != "done":
        if status not in ("queued", "running"):
            raise RuntimeError(f"a job is {status}")
    return len(ask(f"{job}/result?format=h5"))


def batch_run(source: ModelSource, prompts: Sequence[str], frames: int) -> Callable[[], None]:
    """A run of all prompts with a model that is loaded already."""
    worker = Worker(0, 1, "cpu")
    loader = GenerationLoader(source, source.info.sampling, None)
    engine: Engine = loader.engine(source.load(worker), worker)

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            settings = RunSettings(source, source.info.sampling, out=Path(folder) / "run",
                                   execution=Execution("cpu"))  # fmt: skip
            read = prompts_of(PromptSource("prompts", "json", json.dumps(list(prompts)).encode()))
            job = generate_job(settings, PromptRequest([Path("prompts")], read, frames))
            run_job(replace(job, load_engine=lambda worker: engine))

    return run


def timed(work: Callable[[], object], process: psutil.Process) -> tuple[float, float]:
    """Seconds that the work takes, and processor seconds of a process meanwhile."""
    before, started = process.cpu_times(), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - started, process.cpu_times()
    return seconds, after.user + after.system - before.user - before.system


def measure(clients: int, frames: int, rounds: int) -> dict[str, Any]:
    """Seconds and processor seconds of both in turns, after a warm-up of each."""
    prompts = texts(clients)
    batch = batch_run(ModelSource.find("duet-mini", None, "float32"), prompts, frames)
    seconds: dict[str, list[float]] = {"batch": [], "service": []}
    processor: dict[str, list[float]] = {"batch": [], "service": []}
    with service() as (address, process), ThreadPoolExecutor(clients) as pool:
        for number in range(rounds + 1):
            batch_s, batch_cpu = timed(batch, psutil.Process())
            service_s, service_cpu = timed(
                lambda: list(pool.map(lambda text: one_client(address, text, frames), prompts)), process
            )
            if number:  # the first is the warm-up
                seconds["batch"].append(batch_s)
                seconds["service"].append(service_s)
                processor["batch"].append(batch_cpu)
                processor["service"].append(service_cpu)
        batches = json.loads(ask(f"{address}/health"))["batches"]
    shares = [one / other for one, other in zip(seconds["batch"], seconds["service"], strict=True)]
    return {
        "clients": clients,
        "frames": frames,
        "seconds": seconds,
        "processor_seconds": processor,
        "share": statistics.median(shares),
        "shares": shares,
        "batches_per_round": batches / (rounds + 1),
    }


def main() -> None:
    """Print a table in Markdown; exit 1 below the goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--frames", type=int, default=148)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    machine, busy = describe(), busy_share()
    found = measure(options.clients, options.frames, options.rounds)
    rows = {"batch": "one batch", "service": "concurrent requests"}
    rate = {name: options.clients / statistics.median(values) for name, values in found["seconds"].items()}
    print(f"| {options.clients} prompts of {options.frames} frames | interactions/s | processor s |")
    print("| --- | --- | --- |")
    for name, row in rows.items():
        print(f"| {row} | {rate[name]:.2f} | {statistics.median(found['processor_seconds'][name]):.1f} |")
    shares = ", ".join(f"{share:.2f}" for share in found["shares"])
    verdict = "reached" if found["share"] >= GOAL else "missed"
    print(
        f"\nshare of the batch's throughput: {found['share']:.2f} (rounds: {shares}); goal {GOAL}: {verdict}"
    )
    print(f"batches per round of the service: {found['batches_per_round']:.1f}")
    print(f"{machine['processor']}, {machine['cores']} cores; others used {busy:.0%} of them at the start")
    sys.exit(found["share"] < GOAL)


if __name__ == "__main__":
    main()
