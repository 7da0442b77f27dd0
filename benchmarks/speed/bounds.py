"""What bounds a pass of the network: where its time goes, and how fast its largest part runs already."""

from __future__ import annotations

from collections.abc import Callable

from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

PRODUCTS, ATTENTION, REST = "weight products", "attention", "everything else"
#: Operators by the part of a pass they belong to; attention in half precision is written out on the CPU.
_PARTS = {"aten::addmm": PRODUCTS, "aten::bmm": ATTENTION, "aten::_softmax": ATTENTION}
PASSES = 3


def shares(run: Callable[[], object]) -> dict[str, float]:
    """Share of the operators' own time on the CPU per part, over a few calls of `run`."""
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(PASSES):
            run()
    seconds = dict.fromkeys((PRODUCTS, ATTENTION, REST), 0.0)
    for event in found.events() or []:
        seconds[_part(event)] += event.self_cpu_time_total / 1e6
    total = sum(seconds.values())
    return {name: value / total for name, value in seconds.items()}


def _part(event: FunctionEvent) -> str:
    if "scaled_dot_product" in event.name:
        return ATTENTION
    return _PARTS.get(event.name, REST)
