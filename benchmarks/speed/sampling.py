"""The sampling loop against the loop as published: full-size transformer, random weights, same noise."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import ROOT, matrix_peak
from benchmarks.speed import attention
from benchmarks.speed.bounds import shares
from benchmarks.speed.published_loop import flops_per_pass, plain_generate
from benchmarks.speed.timing import in_turns, summary
from intermask_cli.config import BODY_ROWS, SamplingConfig, TransformerConfig
from intermask_cli.inference.cuda_graphs import CudaRecorder, GraphCache
from intermask_cli.inference.token_filler import TokenFiller
from intermask_cli.models.transformer import InteractionTransformer, Modulation
from intermask_cli.sampling import tasks

PLAIN, OURS, HALF, GRAPHS = "plain loop, float32", "ours, float32", "ours, bf16", "ours, bf16, CUDA graphs"
PRECISION = {PLAIN: "float32", OURS: "float32", HALF: "bf16", GRAPHS: "bf16"}


@dataclass(frozen=True)
class SamplingSizes:
    """How large the rows are; these take a few minutes on two cores."""

    config: TransformerConfig = field(default_factory=TransformerConfig)
    tokens: int = 75  # per body row: 300 frames
    steps: int = 20
    rounds: int = 2
    batch: int = 8
    batch_steps: int = 2  # every step costs the same
    mixed: int = 8  # clips of mixed length, out of prompts/benchmark.csv
    mixed_steps: int = 2


def random_network(config: TransformerConfig) -> InteractionTransformer:
    """Full of random numbers, since the published start switches whole branches off."""
    torch.manual_seed(0)
    network = InteractionTransformer(config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.requires_grad_(False)


class GivenConditions(TokenFiller):
    """Our loop with condition vectors in the place of texts, so that no text encoder is timed.

    The kept unconditional first pass is not used: it would flatter runs of few steps.
    """

    def __init__(
        self,
        network: InteractionTransformer,
        conditions: Tensor,
        device: str,
        recordings: GraphCache | None = None,
    ):
        together = len(conditions)
        super().__init__(network, None, torch.device(device), lambda tokens: together, recordings)  # type: ignore[arg-type]
        self.conditions = conditions

    def _first_pass(self, n: int) -> None:  # type: ignore[override]
        return None

    def _prepared(self, texts: Sequence[str]) -> dict[str, Modulation]:
        return {text: self.transformer.prepare(self.conditions[int(text)][None]) for text in texts}


class Contest:
    """One set of clips to make, by the plain loop and by ours in both precisions."""

    def __init__(self, config: TransformerConfig, lengths: Sequence[int], steps: int, device: str = "cpu"):
        self.config, self.lengths, self.device = config, list(lengths), device
        self.sampling = SamplingConfig(steps=steps)
        self.made: dict[str, list[Tensor]] = {}
        network = random_network(config).to(device)
        self.weights = network.state_dict()
        conditions = torch.randn(
            len(lengths), config.text_width, generator=torch.Generator().manual_seed(1)
        ).to(device)
        self.conditions = conditions
        half = random_network(config).to(device, torch.bfloat16)
        self.fillers = {
            OURS: GivenConditions(network, conditions, device),
            HALF: GivenConditions(half, conditions, device),
        }
        if device != "cpu":
            self.fillers[GRAPHS] = GivenConditions(half, conditions, device, GraphCache(CudaRecorder()))

    def runs(self) -> dict[str, Callable[[], object]]:
        return {PLAIN: self.plain, **{name: partial(self.ours, name) for name in self.fillers}}

    def _generators(self) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(i) for i in range(len(self.lengths))]

    def plain(self) -> None:
        """One padded batch."""
        self.made[PLAIN] = plain_generate(
            self.weights, self.config, self.conditions, self.lengths, self._generators(), self.sampling
        )

    def ours(self, name: str) -> None:
        """Equal lengths together, as the pipeline makes them."""
        filler, generators = self.fillers[name], self._generators()
        made: dict[int, Tensor] = {}
        for n in sorted(set(self.lengths), reverse=True):
            which = [i for i, length in enumerate(self.lengths) if length == n]
            known, chosen = [tasks.generate(n)] * len(which), [generators[i] for i in which]
            filled = filler.fill([str(i) for i in which], known, chosen, self.sampling, self.sampling.steps)
            made |= dict(zip(which, filled, strict=True))
        self.made[name] = [made[i] for i in range(len(self.lengths))]

    def one_pass(self, name: str) -> Callable[[], object]:
        """The network on the first clip, half of whose tokens are masked."""
        network = self.fillers[name].transformer
        ids = torch.arange(2 * BODY_ROWS * self.lengths[0], device=self.device)[None]
        ids = torch.where(ids % 2 == 0, network.mask_id, ids % network.mask_id)
        with torch.inference_mode():
            modulation = network.prepare(self.conditions[:1])

        def run() -> None:
            with torch.inference_mode():
                network(ids, modulation)

        return run

    def row(self, label: str, rounds: int, peaks: dict[str, float]) -> dict[str, Any]:
        """Times, ratios, equal tokens and share of the matrix peak. Two short steps come first, untimed."""
        timed, self.sampling = self.sampling, SamplingConfig(steps=2)
        self.lengths, every = self.lengths[:1] * min(2, len(self.lengths)), self.lengths
        conditions, self.conditions = self.conditions, self.conditions[: len(self.lengths)]
        for run in self.runs().values():
            run()
        self.sampling, self.lengths, self.conditions = timed, every, conditions
        settle = None if self.device == "cpu" else torch.cuda.synchronize
        found = summary(in_turns(label, self.runs(), rounds, settle), PLAIN)
        work = sum(2 * self.sampling.steps * flops_per_pass(self.config, n) for n in self.lengths)
        for name, row in found.items():
            row["seconds_per_clip"] = row["min"] / len(self.lengths)
            row["share_of_matrix_peak"] = work / row["min"] / 1e9 / peaks[PRECISION[name]]
        frames = [4 * n for n in self.lengths]
        return {
            "clips": len(frames), "frames": frames, "steps": self.sampling.steps,
            "guidance": self.sampling.guidance, "gflop_of_the_plain_method": work / 1e9,
            "tokens_equal_to_plain": self._equal(), "runs": found,
        }  # fmt: skip

    def _equal(self) -> float:
        """Share of tokens that our float32 loop makes like the plain one."""
        pairs = zip(self.made[PLAIN], self.made[OURS], strict=True)
        same = [(plain == ours).float().mean() for plain, ours in pairs]
        return float(torch.stack(same).mean())


def mixed_lengths(count: int) -> list[int]:
    """Tokens per body row of some clips of prompts/benchmark.csv, spread evenly over its lengths."""
    with open(ROOT / "prompts" / "benchmark.csv", newline="", encoding="utf-8") as file:
        every = sorted(int(row["frames"]) // 4 for row in csv.DictReader(file))
    return [every[round(i * (len(every) - 1) / max(1, count - 1))] for i in range(count)]


def measure(sizes: SamplingSizes, device: str = "cpu") -> dict[str, Any]:
    """Batch 1, a batch, mixed lengths."""
    peaks = {name: matrix_peak(device, kind) for name, kind in
             (("float32", torch.float32), ("bf16", torch.bfloat16))}  # fmt: skip
    one = Contest(sizes.config, [sizes.tokens], sizes.steps, device)
    several = Contest(sizes.config, [sizes.tokens] * sizes.batch, sizes.batch_steps, device)
    mixed = Contest(sizes.config, mixed_lengths(sizes.mixed), sizes.mixed_steps, device)
    return {
        "matrix_peak_gflops": peaks,
        "shares_of_a_pass": {name: shares(one.one_pass(name)) for name in (OURS, HALF)},
        "attention": attention.measure(sizes.config, sizes.tokens, 10 * sizes.rounds),
        "one clip": one.row("one clip", sizes.rounds, peaks),
        "a batch": several.row("a batch", sizes.rounds, peaks),
        "mixed lengths": mixed.row("mixed lengths", sizes.rounds, peaks),
    }
