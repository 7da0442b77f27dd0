"""Ray as the engine: the same dataset from workers that come and go; a stand-in for the model.

Two tests start Ray, on loopback addresses and with little memory: one on this machine alone, one as two
machines. They end what they started.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from intermask_cli.datasets.remote_path import RemotePath
from intermask_cli.errors import IntermaskError, MissingError
from intermask_cli.generation.job import run_job
from intermask_cli.generation.ray.cluster import RaySettings, connected
from intermask_cli.generation.remote_job import run_at_url
from tests.helpers.generation import Loader, content, execute, job_of, plan_of, run, wait_for
from tests.helpers.paths import ROOT

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None or not Path("/proc/self/stat").exists(),
    reason="needs Ray (pip install 'intermask[ray]') and Linux",
)


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # workers import the stand-in
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@needs_ray
@pytest.mark.slow
@pytest.mark.long
def test_ray_on_this_machine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The same dataset as one process; failures, a part that ends its workers, an error while loading."""
    plan, on_ray = plan_of(40), RaySettings()
    run(tmp_path / "one", plan)
    with ExitStack() as stack:
        try:
            stack.enter_context(connected(on_ray, 2))
        except IntermaskError as error:  # its agents may take longer than it waits for them
            assert "Ray does not start on this machine" in str(error)
            pytest.skip(f"a busy machine: {error}")
        summary = execute(tmp_path / "run", plan, Loader(0, "p-17-s0", "fail"), processes=2, ray=on_ray)
        assert (summary.done, summary.made, summary.exit_code) == (39, 39, 3)
        err = capfd.readouterr().err
        assert "p-17-s0 failed: ValueError: bad text" in err
        assert "40/40 interactions" in err and "1 failed" in err

        middle = plan.parts[2]
        deadly = Loader(0, middle.items[0].id, "die")
        with pytest.raises(
            IntermaskError, match=f"3 workers were lost while making {middle.name} .*same command"
        ):
            execute(tmp_path / "deadly", plan, deadly, processes=2, ray=on_ray)
        written = {path.name for path in (tmp_path / "deadly" / "parts").glob("part-*.h5")}
        assert middle.name not in written and written
        assert "worker 2 was lost" in (err := capfd.readouterr().err) or "worker 1 was lost" in err

        with pytest.raises(MissingError, match="no such model; see --model"):
            execute(tmp_path / "missing", plan, Loader(act="missing"), processes=1, ray=on_ray)

        for folder in ("run", "deadly"):  # the same command makes the rest
            assert execute(tmp_path / folder, plan, Loader(), processes=2, ray=on_ray).done == 40
            assert content(tmp_path / folder) == content(tmp_path / "one")
        url = RemotePath((tmp_path / "bucket").as_uri())
        job = replace(job_of(tmp_path / "work", plan, Loader(), processes=2, ray=on_ray), url=url)
        at_url = run_at_url(job, run_job, whole=False)
        assert at_url is not None and (at_url.place, at_url.exit_code) == (url, 0)
        assert content(tmp_path / "bucket") == content(tmp_path / "one")


SCRIPT = """
import sys
from pathlib import Path
from intermask_cli.errors import IntermaskError
from intermask_cli.generation.ray.cluster import RaySettings
from tests.helpers.generation import Loader, execute, plan_of

folder, count, pause, act, device, gpus, address = sys.argv[1:]
settings = RaySettings(address, float(gpus) or None)
try:
    loader = Loader(float(pause), act=act)
    execute(Path(folder), plan_of(int(count)), loader, processes=None, ray=settings, device=device)
except IntermaskError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@needs_ray
@pytest.mark.slow
@pytest.mark.long
def test_two_machines_and_kill_9_of_the_driver_a_worker_and_a_machine(tmp_path: Path) -> None:
    plan, folder = plan_of(160), tmp_path / "run"
    run(tmp_path / "one", plan)
    script = tmp_path / "driver.py"
    script.write_text(SCRIPT)
    with two_machines() as (address, temporary):

        def start(*arguments: object) -> subprocess.Popen[str]:
            command = [sys.executable, str(script), *map(str, arguments), address]
            return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)

        def parts() -> int:
            return len(list(folder.glob("parts/part-*.h5")))

        # Long batches, so that the second worker has loaded before the first has made them all.
        driver = start(tmp_path / "halves", 16, 3.0, "say", "auto", 0.5)
        _, err = driver.communicate(timeout=300)
        assert driver.returncode == 0, err
        # The second machine says that it has one GPU.
        assert len({line for line in err.splitlines() if " on GPU 0" in line}) == 2, err

        driver = start(folder, 160, 0.1, "", "cpu", 0)
        wait_for(lambda: parts() >= 2 or driver.poll() is not None)
        driver.kill()
        driver.communicate()
        before = parts()
        assert 2 <= before < len(plan.parts)

        driver = start(folder, 160, 0.1, "", "cpu", 0)
        first, second = (raylet_of(ip, temporary) for ip in ("127.0.0.2", "127.0.0.3"))
        wait_for(lambda: (parts() > before and bool(workers_of(first))) or driver.poll() is not None)
        workers_of(first)[0].kill()
        wait_for(lambda: parts() > before + 3 or driver.poll() is not None)
        second.kill()
        _, err = driver.communicate(timeout=300)
        assert driver.returncode == 0, err
        assert "was lost while making part-" in err
        assert content(folder) == content(tmp_path / "one")


@contextmanager
def two_machines() -> Iterator[tuple[str, Path]]:
    """The address of a Ray of two machines, which are loopback addresses of this one, and its folder."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets in it have names of at most 107 bytes
    port = 20_000 + secrets.randbelow(10_000)
    address = f"127.0.0.2:{port}"
    started: list[subprocess.Popen[bytes]] = []
    before = dict(os.environ)
    os.environ.update(
        RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0"
    )
    common = [
        "--object-store-memory=80000000",
        "--disable-usage-stats",
        "--include-log-monitor=false",
        "--block",
    ]
    head = ["--head", f"--port={port}", "--num-cpus=1", "--include-dashboard=false", f"--temp-dir={folder}"]
    head += [f"--ray-client-server-port={port + 1}", "--no-monitor"]
    ray_start = [sys.executable, "-m", "ray.scripts.scripts", "start", *common]

    def start(ip: str, *options: str) -> None:
        log = folder / f"{ip}.log"
        for _ in range(3):  # on a busy machine the agents of Ray may take longer than it waits for them
            with log.open("wb") as output:
                command = [*ray_start, f"--node-ip-address={ip}", *options]
                started.append(process := subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT))
            wait_for(lambda: b"Ray runtime started" in log.read_bytes() or process.poll() is not None)
            if process.poll() is None:
                return
        pytest.skip(f"Ray does not start here: {log.read_text().strip().splitlines()[-1]}")

    try:
        start("127.0.0.2", *head)
        start("127.0.0.3", f"--address={address}", "--num-cpus=2", "--num-gpus=1")
        yield address, folder
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(60)
        for pid in processes_with(str(folder)):
            os.kill(pid, signal.SIGKILL)
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def raylet_of(ip: str, folder: Path) -> psutil.Process:
    """The process that is a machine of the Ray in that folder."""
    (pid,) = processes_with("raylet/raylet", str(folder), f"--node_ip_address={ip}")
    return psutil.Process(pid)


def workers_of(raylet: psutil.Process) -> list[psutil.Process]:
    """Our workers on that machine."""
    return [child for child in raylet.children() if "RayWorker" in " ".join(child.cmdline())]


def processes_with(*words: str) -> list[int]:
    """Processes whose command lines have all the words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(int(path.parent.name))
    return found
