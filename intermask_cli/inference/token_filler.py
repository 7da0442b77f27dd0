"""Fills the unknown tokens of token maps: text head, guidance and sampler together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from intermask_cli.config import BODY_ROWS, PERSONS, SamplingConfig
from intermask_cli.devices import on_one_thread, to_device
from intermask_cli.inference.cuda_graphs import MAX_GRAPH_TOKENS, GraphCache, map_tensors
from intermask_cli.models.text_encoders import TextEncoder, TextStates
from intermask_cli.models.transformer import InteractionTransformer, Modulation
from intermask_cli.sampling import tasks
from intermask_cli.sampling.guidance import TokensToLogits, guided, in_steps
from intermask_cli.sampling.noise import PerSampleNoise
from intermask_cli.sampling.sampler import FILL, sample
from intermask_cli.sampling.schedule import guided_steps

#: Clip lengths whose first unconditional pass is kept, 1.3 MB for 32 tokens per row and 1024 codes.
CACHED_LENGTHS = 8


class TokenFiller:
    """Fills maps of one length at a time, so nothing is padded.

    `batch_size` says how many maps of a number of tokens per body row are filled together. With `graphs`,
    small batches are replayed CUDA graphs.
    """

    def __init__(
        self,
        transformer: InteractionTransformer,
        text_encoder: TextEncoder,
        device: torch.device,
        batch_size: Callable[[int], int],
        graphs: GraphCache | None = None,
    ):
        self.transformer, self.text_encoder, self.device = transformer, text_encoder, device
        self.batch_size, self.graphs = batch_size, graphs
        self._first_passes: OrderedDict[int, Tensor] = OrderedDict()

    @torch.inference_mode()
    def fill(
        self,
        texts: Sequence[str],
        known: Sequence[Tensor],
        generators: Sequence[torch.Generator],
        sampling: SamplingConfig,
        steps: int,
        batch_size: int | None = None,
    ) -> list[Tensor]:
        """Maps (2, 5, n) of one length n with FILL where unknown -> complete maps, on the CPU.

        `batch_size` overrides the filler's own.
        """
        n = known[0].shape[-1]
        guides = guided_steps(sampling.guidance_interval, steps)
        prepared = self._prepared(texts) if sampling.guidance != 0 or not all(guides) else {}
        without = self.transformer.prepare(None)
        filled: list[Tensor] = []
        size = batch_size or self.batch_size(n)
        for start in range(0, len(texts), size):
            part = slice(start, start + size)
            with_text = without
            if prepared:
                with_text = map_tensors(_joined, *(prepared[text] for text in texts[part]))
            known_ids, known_valid = tasks.batch(known[part])  # (B, 10 n) each
            all_masked = bool((known_ids == FILL).all())
            ids, valid = to_device(known_ids, self.device), to_device(known_valid, self.device)

            network = self._guided(with_text, without, sampling.guidance, ids, all_masked and guides[0])
            if not all(guides):
                network = in_steps(guides, network, self._guided(with_text, without, 1.0, ids))
            noise = PerSampleNoise(generators[part])
            codes = self.transformer.config.codebook_size
            complete = sample(network, ids, valid, sampling, codes, noise, steps)
            filled += tasks.unbatch(complete.cpu(), [n] * len(complete))
        return filled

    @torch.inference_mode()
    def condition(self, text: str) -> Tensor:
        """The transformer's condition for a text: (1, E) or, with a vector for each person, (1, 2, E)."""
        states = self.text_encoder.encode([text])
        rows = states.states.shape[1]
        return on_one_thread(lambda: self.transformer.condition(states), rows, self.device)

    @torch.inference_mode()
    def logits(self, tokens: Tensor, text: str | None, guidance: float) -> Tensor:
        """Logits (2, 5, n, K) of a map (2, 5, n) with FILL where masked; without a text unconditional."""
        ids = tokens.masked_fill(tokens == FILL, self.transformer.mask_id).reshape(1, -1)  # (1, 10 n)
        without = self._network(self.transformer.prepare(None))
        network = without
        if text is not None:
            network = guided(self._network(self._prepared([text])[text]), without, guidance)
        logits = network(to_device(ids, self.device)).float().cpu()  # (1, 10 n, K)
        return logits.reshape(*tokens.shape, -1)

    def _guided(
        self, with_text: Modulation, without: Modulation, scale: float, ids: Tensor, all_masked: bool = False
    ) -> TokensToLogits:
        """Guided logits for batches such as `ids`; `all_masked`: at the first call every token is."""

        def build(condition: Modulation, first: Tensor | None = None) -> TokensToLogits:
            return guided(self._network(condition), self._network(without), scale, first)

        if self.graphs is not None and ids.numel() <= MAX_GRAPH_TOKENS:
            return self.graphs.network(scale, build, with_text)
        tokens = ids.shape[1] // (PERSONS * BODY_ROWS)
        return build(with_text, self._first_pass(tokens) if scale != 1 and all_masked else None)

    def _network(self, modulation: Modulation) -> TokensToLogits:
        """The transformer with its modulation fixed."""

        def logits(ids: Tensor, wanted: Tensor | None = None) -> Tensor:
            result: Tensor = self.transformer(ids, modulation, wanted=wanted)
            return result

        return logits

    def _first_pass(self, n: int) -> Tensor:
        """Unconditional logits (1, 10 n, K) of a fully masked map; they depend on n only."""
        first = self._first_passes.pop(n, None)
        if first is None:
            ids = torch.full((1, PERSONS * BODY_ROWS * n), self.transformer.mask_id, device=self.device)
            first = self.transformer(ids, None)
        self._first_passes[n] = first
        while len(self._first_passes) > CACHED_LENGTHS:
            self._first_passes.popitem(last=False)
        return first

    def _prepared(self, texts: Sequence[str]) -> dict[str, Modulation]:
        """Modulation of each distinct text, one at a time, so that it does not depend on the batch."""
        prepared = {}
        for text in dict.fromkeys(texts):
            states = self.text_encoder.encode([text])

            def prepare(states: TextStates = states) -> Modulation:
                return self.transformer.prepare(self.transformer.condition(states))

            prepared[text] = on_one_thread(prepare, states.states.shape[1], self.device)
        return prepared


def _joined(*tensors: Tensor) -> Tensor:
    return torch.cat(tensors)
