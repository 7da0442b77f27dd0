"""The code of docs/guides/scale.md runs as printed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import intermask_cli
from intermask_cli.generation.plan import Shard, make_plan
from intermask_cli.generation.prompts import Prompt
from tests.helpers.fakes import FakeTextEncoder
from tests.helpers.paths import ROOT
from tests.helpers.tiny import save_tiny

TEXT = (ROOT / "docs" / "guides" / "scale.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_map_batches_class_makes_what_generate_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, bundle = intermask_cli.load_model, save_tiny(tmp_path / "tiny")
    monkeypatch.setattr(
        intermask_cli, "load_model", lambda name, device: load(bundle, FakeTextEncoder(), device)
    )
    space: dict[str, Any] = {}
    exec(blocks("python")[0], space)
    rows = {"text": np.array(["they hug", "one bows"]), "frames": np.array([12, 8])}
    made = space["Pairs"]()(rows)
    assert list(made["text"]) == ["they hug", "one bows"]
    prompts = [
        Prompt(str(i), str(t), "p", i, int(n)) for i, (t, n) in enumerate(zip(*rows.values(), strict=True))
    ]
    plan = make_plan(prompts, 0, 1, 60)
    expected = load(bundle, FakeTextEncoder()).generate(
        [item.text for item in plan.items], [12, 8], seeds=[item.seed for item in plan.items]
    )
    for joints, pair in zip(made["joints"], expected, strict=True):
        np.testing.assert_array_equal(joints, pair.joints)


def test_the_slurm_script_makes_a_shard_and_queues_itself_again(tmp_path: Path) -> None:
    """Run by bash with stand-ins for the commands of Slurm and for ours."""
    (script,) = blocks("bash")
    (tmp_path / "job.sh").write_text(script)
    for name, body in (
        ("srun", 'exec "$@"'),
        ("intermask", f'echo "$@" >> {tmp_path}/calls; exit 143'),
        ("scontrol", f'echo "$@" >> {tmp_path}/calls'),
    ):
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_ARRAY_JOB_ID": "77",
        "SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "2",  # tasks 3 and 15 run again
    }  # fmt: skip
    run = subprocess.run(["bash", str(tmp_path / "job.sh")], env=environment, check=False)
    assert run.returncode == 143
    assert (tmp_path / "calls").read_text().splitlines() == [
        "generate prompts/big.txt --out runs/big --shard 3/16 --rejected-ok",
        "requeue 77_3",
    ]
    assert "#SBATCH --array=1-16" in script and "SHARDS=16" in script


def test_the_kubernetes_job_asks_for_shards_from_1(tmp_path: Path) -> None:
    job = yaml.safe_load(blocks("yaml")[0])["spec"]
    container = job["template"]["spec"]["containers"][0]
    (tmp_path / "intermask").write_text(f'#!/bin/bash\necho "$@" >> {tmp_path}/calls\n')
    (tmp_path / "intermask").chmod(0o755)
    asked = []
    for index in range(job["completions"]):
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(index)}
        subprocess.run([*container["command"], *container["args"]], env=environment, check=True)
        words = (tmp_path / "calls").read_text().splitlines()[-1].split()
        asked.append(Shard.parse(words[words.index("--shard") + 1]))
    assert asked == [Shard(k + 1, 16) for k in range(16)]
