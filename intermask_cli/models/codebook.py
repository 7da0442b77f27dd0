"""The tokenizer's codebook: nearest-code quantisation, its moving averages, and a stack of codebooks.

Published form: docs/reference/model.md#codebook. The codebook learns by exponential moving averages, not by
gradient. Sums, counts and the "initialised" flag are buffers, so that a resumed training continues instead
of starting again (the published code loses them). With several processes statistics and fresh vectors
come from the vectors of all of them, in order of the ranks, as from one process with all of the batch.

Axes: N vectors, C width of a vector, K codes, q layers of a stack.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from intermask_cli.sampling.noise import gumbel_noise

#: Running count below which a code is dead and replaced; the published value.
DEAD_COUNT = 1
#: Running count given to a fresh code: it has some forty steps (at decay 0.99) to be used before its count
#: falls below 1 and it is replaced again.
FRESH_COUNT = 1.5
#: Deviation times sqrt(C) of the noise on copies of a batch of fewer than K vectors; the published value.
COPY_NOISE = 0.01
#: Buffers of our own checkpoints that published ones lack.
EXTRA_BUFFERS = ("code_sum", "code_count", "initialised")


class Quantized(NamedTuple):
    """What quantisation returns; N vectors in (sample, position) order."""

    vectors: Tensor  # (N, C), straight-through: the gradient is that of the input
    ids: Tensor  # (N,) int64, or (N, q) from a stack
    commitment: Tensor  # scalar, mean squared distance of input and code, gradient to the input only
    perplexity: Tensor  # scalar, exp of the entropy of the code shares in this batch


def perplexity(ids: Tensor, size: int) -> Tensor:
    """exp(-sum p log(p + 1e-7)) over the shares p of `size` codes: (N,) -> scalar."""
    return perplexity_of(torch.bincount(ids, minlength=size))


def perplexity_of(counts: Tensor) -> Tensor:
    """As `perplexity`, from the number of vectors of each code: (K,) -> scalar."""
    share = counts / counts.sum()
    return torch.exp(-(share * torch.log(share + 1e-7)).sum())


def _sum_over_ranks(value: Tensor) -> Tensor:
    """The sum of a tensor over all processes; in place if there are several."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value


def _from_first_rank(value: Tensor) -> Tensor:
    """The tensor of rank 0, in every process."""
    if dist.is_available() and dist.is_initialized():
        value = value.clone(memory_format=torch.contiguous_format)  # often a view of the batch itself
        dist.broadcast(value, src=0)
    return value


def _rows_of_all_ranks(x: Tensor, rows: Tensor) -> Tensor:
    """Rows (K,) of the vectors (N, C) of all processes, one after the other; rank 0's `rows` count."""
    if not (dist.is_available() and dist.is_initialized()):
        return x[rows]
    rows = _from_first_rank(rows)
    own = (rows // len(x)) == dist.get_rank()  # (K,)
    return _sum_over_ranks(torch.where(own[:, None], x[rows % len(x)], torch.zeros_like(x[:1])))


def _ranks() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class Codebook(nn.Module):
    """K code vectors of width C, moved by moving averages of the vectors assigned to them.

    `reseed` says what a dead code (running count below 1) becomes after a training step:
    "published": the batch vector with the code's own row number, sum and count left alone;
    "random": a random batch vector, sum and count reset to it.
    """

    codebook: Tensor
    code_sum: Tensor
    code_count: Tensor
    initialised: Tensor

    def __init__(self, size: int, dim: int, decay: float = 0.99, reseed: str = "random"):
        super().__init__()
        self.size, self.dim, self.decay, self.reseed = size, dim, decay, reseed
        self.register_buffer("codebook", torch.zeros(size, dim))
        self.register_buffer("code_sum", torch.zeros(size, dim))
        self.register_buffer("code_count", torch.zeros(size))
        self.register_buffer("initialised", torch.tensor(False))

    def scores(self, x: Tensor) -> Tensor:
        """Minus the squared distance to each code, up to a constant per vector: (N, C) -> (N, K)."""
        with torch.autocast(x.device.type, enabled=False):  # half precision would change the choice
            codes = self.codebook.float()
            return torch.addmm(-codes.square().sum(1), x.float(), codes.t(), alpha=2.0)

    def nearest(self, x: Tensor) -> Tensor:
        """Nearest code per vector: (N, C) -> (N,) int64; ties take the lowest index."""
        return self.scores(x).argmax(dim=1)

    def lookup(self, ids: Tensor) -> Tensor:
        """Code vectors: (...) int64 -> (..., C); -1 gives the zero vector."""
        return F.embedding(ids.clamp(min=0), self.codebook) * (ids >= 0).unsqueeze(-1)

    @torch.no_grad()
    def adopt(self, vectors: Tensor, count: float = FRESH_COUNT) -> None:
        """Take (K, C) vectors as the codes, each with the running count `count`."""
        self.codebook.copy_(vectors)
        self.code_sum.copy_(vectors * count)
        self.code_count.fill_(count)
        self.initialised.fill_(True)

    @torch.no_grad()
    def initialise(self, vectors: Tensor, iterations: int = 12) -> None:
        """Codes by k-means on (N, C) vectors; clusters left empty restart from random vectors."""
        vectors = self._at_least_k(vectors.detach().float())
        self.codebook.copy_(self._spread_out(vectors))
        for _ in range(iterations):
            ids = self.nearest(vectors)
            sums, counts = self._statistics(vectors, ids)
            restart = vectors[torch.randint(len(vectors), (self.size,), device=vectors.device)]  # (K, C)
            means = sums / counts.clamp(min=1)[:, None]
            self.codebook.copy_(torch.where(counts[:, None] > 0, means, restart))
        self.adopt(_from_first_rank(self.codebook.clone()))

    def forward(self, x: Tensor, temperature: float = 0.0) -> Quantized:
        """Quantise (N, C) float32 vectors; in training mode also move the codebook.

        In training the code is drawn as argmax(-distance / temperature + Gumbel noise); temperature 0,
        and every call in eval mode, takes the plain nearest code.
        """
        if self.training and not bool(self.initialised):
            self.adopt(self._first_vectors(x.detach()), count=1.0)
        ids = self._choose(x.detach(), temperature)
        codes = self.lookup(ids)
        if self.training:
            self._move(x.detach(), ids)
        commitment = F.mse_loss(x, codes)
        counts = torch.bincount(ids, minlength=self.size)
        used = perplexity_of(_sum_over_ranks(counts) if self.training else counts)
        return Quantized(x + (codes - x).detach(), ids, commitment, used)

    def _choose(self, x: Tensor, temperature: float) -> Tensor:
        """Nearest or, in training at a temperature above 0, drawn code of each vector: (N, C) -> (N,)."""
        scores = self.scores(x)
        if self.training and temperature > 0:
            scores = scores / temperature + self._gumbel(scores)
        return scores.argmax(dim=1)

    def _gumbel(self, scores: Tensor) -> Tensor:
        """Standard Gumbel noise of the shape of `scores`; parity tests put recorded noise in its place."""
        return gumbel_noise(torch.rand(tuple(scores.shape), device=scores.device))

    def _normal(self, copies: Tensor) -> Tensor:
        """Standard normal noise of the shape of `copies`; parity tests put recorded noise in its place."""
        return torch.randn_like(copies)

    def _statistics(self, x: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Sum (K, C) and number (K,) of the vectors assigned to each code."""
        sums = torch.zeros_like(self.code_sum).index_add_(0, ids, x)
        return sums, torch.bincount(ids, minlength=self.size).to(sums.dtype)

    @torch.no_grad()
    def _move(self, x: Tensor, ids: Tensor) -> None:
        """One step of the moving averages, then new vectors for the dead codes."""
        sums, counts = self._statistics(x, ids)
        self.code_sum.lerp_(_sum_over_ranks(sums), 1 - self.decay)
        self.code_count.lerp_(_sum_over_ranks(counts), 1 - self.decay)
        dead = self.code_count < DEAD_COUNT  # (K,)
        mean = self.code_sum / self.code_count.clamp(min=1)[:, None]
        if self.reseed == "published":
            fresh = self._first_vectors(x)
        else:
            rows = torch.randint(len(x) * _ranks(), (self.size,), device=x.device)
            fresh = _rows_of_all_ranks(x, rows)
        self.codebook.copy_(torch.where(dead[:, None], fresh, mean))
        if self.reseed == "random":
            self.code_sum.copy_(torch.where(dead[:, None], fresh * FRESH_COUNT, self.code_sum))
            self.code_count.masked_fill_(dead, FRESH_COUNT)

    def _spread_out(self, vectors: Tensor) -> Tensor:
        """K vectors, each drawn in proportion to its squared distance from those before (k-means++)."""
        codes = [vectors[torch.randint(len(vectors), (1,), device=vectors.device)]]  # each (1, C)
        distance = torch.full((len(vectors),), torch.inf, device=vectors.device)
        for _ in range(self.size - 1):
            distance = torch.minimum(distance, (vectors - codes[-1]).square().sum(1))
            share = distance if distance.any() else torch.ones_like(distance)
            codes.append(vectors[torch.multinomial(share, 1)])
        return torch.cat(codes)

    def _first_vectors(self, x: Tensor) -> Tensor:
        """The first K vectors (K, C) of the batch of all processes, with noisy copies if it has fewer."""
        rows = torch.arange(min(self.size, len(x) * _ranks()), device=x.device)
        return _from_first_rank(self._at_least_k(_rows_of_all_ranks(x, rows))[: self.size])

    def _at_least_k(self, x: Tensor) -> Tensor:
        """The batch itself, or, if it has fewer than K vectors, noisy copies of it."""
        if len(x) >= self.size:
            return x
        copies = x.repeat(math.ceil(self.size / len(x)), 1)
        return copies + self._normal(copies) * (COPY_NOISE / math.sqrt(self.dim))


class ResidualQuantizer(nn.Module):
    """A stack of codebooks, each quantising the residual of those before it; their outputs add up.

    One layer is the default, and the transformer only ever sees layer 0.
    """

    def __init__(self, layers: int, shared: bool, drop_probability: float, codebook: dict[str, Any]):
        super().__init__()
        books = [Codebook(**codebook) for _ in range(1 if shared else layers)]
        self.layers = nn.ModuleList(books * layers if shared else books)
        self.drop_probability = drop_probability

    @property
    def first(self) -> Codebook:
        """Layer 0, whose ids are the tokens."""
        return cast(Codebook, self.layers[0])

    def forward(self, x: Tensor, temperature: float = 0.0) -> Quantized:
        """Quantise (N, C) vectors; ids (N, q), -1 in dropped layers; losses are means over the others."""
        residual, total = x, torch.zeros_like(x)
        used = self._layers_in_use()
        ids = torch.full((len(x), len(self.layers)), -1, dtype=torch.int64, device=x.device)
        commitment, perplexities = [], []
        for i in range(used):
            step: Quantized = self.layers[i](residual, temperature)
            residual = residual - step.vectors.detach()
            total = total + step.vectors
            ids[:, i] = step.ids
            commitment.append(step.commitment)
            perplexities.append(step.perplexity)
        return Quantized(total, ids, torch.stack(commitment).mean(), torch.stack(perplexities).mean())

    def _layers_in_use(self) -> int:
        """All layers, or in training sometimes only the first few (the same ones on every rank)."""
        if not self.training or len(self.layers) == 1:
            return len(self.layers)
        drop, cut = _from_first_rank(torch.rand(2, device=self.first.codebook.device)).tolist()
        return 1 + int(cut * len(self.layers)) if drop < self.drop_probability else len(self.layers)
