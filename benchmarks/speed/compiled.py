"""What `torch.compile` gains on one pass of the full-size network, and what its first call costs."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.speed.gpu import TINY_NETWORK
from benchmarks.speed.sampling import random_network
from benchmarks.speed.timing import in_turns, summary
from intermask_cli.config import TransformerConfig

EAGER, COMPILED = "without torch.compile", "with torch.compile"


def measure(
    config: TransformerConfig, tokens: int, rounds: int, device: str, dtype: torch.dtype
) -> dict[str, Any]:
    """Seconds of a pass over one clip, and of the first compiled call."""
    network = random_network(config).to(device, dtype)
    compiled = torch.compile(network)
    ids = torch.full((1, 10 * tokens), network.mask_id, device=device)
    with torch.inference_mode():
        modulation = network.prepare(torch.ones(1, config.text_width, device=device))
        started = time.perf_counter()
        compiled(ids, modulation)
        first = time.perf_counter() - started
        runs: dict[str, Callable[[], object]] = {
            EAGER: lambda: network(ids, modulation),
            COMPILED: lambda: compiled(ids, modulation),
        }
        settle = None if device == "cpu" else torch.cuda.synchronize
        for run in runs.values():
            run()
        found = summary(in_turns(str(dtype), runs, rounds, settle), EAGER)
    return {"first_call_seconds": first, "runs": found}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.speed.compiled", description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tiny", action="store_true", help="a network of a few seconds")
    options = parser.parse_args(arguments)
    config, tokens, rounds = (TINY_NETWORK, 4, 2) if options.tiny else (TransformerConfig(), 75, 10)
    kinds = {"float32": torch.float32, "bf16": torch.bfloat16}
    print(
        json.dumps(
            {name: measure(config, tokens, rounds, options.device, kind) for name, kind in kinds.items()}
        )
    )


if __name__ == "__main__":
    main()
