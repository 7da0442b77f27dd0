"""CUDA graphs: a network's kernels are recorded once per shape of its input, then replayed in one call.

For small batches on a fast GPU, launching several hundred kernels one by one takes longer than their work.
A recording works on fixed memory, so inputs are copied into it and the output is overwritten by the next
replay. Nothing here has run on a GPU yet; the bookkeeping is tested with a stand-in for `record`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from intermask_cli.sampling.guidance import TokensToLogits

#: Runs before recording, in which libraries choose kernels and allocate their work space.
WARM_UPS = 3
#: Tokens in a batch up to which launching takes most of the time: an estimate, twenty clips of ten seconds.
MAX_GRAPH_TOKENS = 16_384
#: Recordings kept, one per batch size, length and guidance scale: each holds its own inputs and output.
MAX_RECORDINGS = 16

#: Records a function without arguments: a replay, and the tensor that every replay fills.
Record = Callable[[Callable[[], Tensor]], "tuple[Callable[[], object], Tensor]"]


class _Recording(NamedTuple):
    """One recorded network, the memory of its inputs and output, and the replay."""

    ids: Tensor
    condition: Any
    network: TokensToLogits  # kept, since a recording reads the memory of whatever it was recorded with
    replay: Callable[[], object]
    logits: Tensor


class GraphCache:
    """The most recently used recordings; `record` is `CudaRecorder()`, a stand-in in tests."""

    def __init__(self, record: Record):
        self._record = record
        self._kept: OrderedDict[Hashable, _Recording] = OrderedDict()

    def network(
        self, settings: Hashable, build: Callable[[Any], TokensToLogits], condition: Any
    ) -> TokensToLogits:
        """`build(condition)`, replayed over all positions, whichever are wanted.

        It may also depend on `settings`. `condition` is a tree of nested tuples of tensors. Logits are valid
        until the next call.
        """
        recording: _Recording | None = None

        def logits(ids: Tensor, wanted: Tensor | None = None) -> Tensor:
            nonlocal recording
            if recording is None:
                recording = self._recording((tuple(ids.shape), settings), build, condition, ids)
            recording.ids.copy_(ids)
            recording.replay()
            return recording.logits if wanted is None else recording.logits[wanted]

        return logits

    def _recording(
        self, key: Hashable, build: Callable[[Any], TokensToLogits], condition: Any, ids: Tensor
    ) -> _Recording:
        """The recording for a shape, with this condition in its memory."""
        recording = self._kept.pop(key, None)
        if recording is None:
            own_ids, own_condition = ids.clone(), map_tensors(Tensor.clone, condition)
            network = build(own_condition)
            replay_and_logits = self._record(lambda: network(own_ids))
            recording = _Recording(own_ids, own_condition, network, *replay_and_logits)
        else:
            map_tensors(Tensor.copy_, recording.condition, condition)
        self._kept[key] = recording
        while len(self._kept) > MAX_RECORDINGS:
            self._kept.popitem(last=False)
        return recording


class CudaRecorder:
    """Records into one memory pool, since an output is used before the next recording is replayed."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, function: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            logits = function()
        return graph.replay, logits


def map_tensors(function: Callable[..., Tensor], tree: Any, *others: Any) -> Any:
    """Apply `function` to each tensor of nested tuples, with the tensors at the same place in `others`."""
    if isinstance(tree, Tensor):
        return function(tree, *others)
    parts = [map_tensors(function, *members) for members in zip(tree, *others, strict=True)]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
