"""Which tokens are known: every task is a token map with FILL (-1) where the sampler works.

A token map is one pair of persons, (P, s, n) int64 with P = 2 persons, s = 5 body rows and n time steps of
4 frames. The five body rows come from two strided convolutions over the joint order, so they are
neighbourhoods of joint *numbers*, not limbs. `config.ROW_JOINTS` lists the joints a row drives through the
decoder's up-sampling table (InterHuman). The convolutions of encoder and decoder mix rows too: keeping a
row keeps its joints approximately, and refilling one moves joints of all others (docs/guides/continue.md
has figures).

    row 0: pelvis, hips, spine1, knees                  row 3: right collar, head, shoulders
    row 1: spine2, ankles, spine3                       row 4: elbows, wrists
    row 2: toes, neck, left collar
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from intermask_cli.config import BODY_ROWS, PERSONS
from intermask_cli.errors import InputError
from intermask_cli.sampling.sampler import FILL


def generate(n: int) -> Tensor:
    """Nothing is known: n tokens per row -> (2, 5, n)."""
    return torch.full((PERSONS, BODY_ROWS, n), FILL, dtype=torch.long)


def react(given: Tensor, person: int) -> Tensor:
    """One person (0 or 1) is given as (5, n), the other is filled."""
    known = generate(given.shape[-1])
    known[_person(person)] = given
    return known


def in_between(tokens: Tensor, first: int, last: int) -> Tensor:
    """First and last tokens per row of both persons are known; the middle of tokens (2, 5, n) is filled."""
    n = tokens.shape[-1]
    if first < 0 or last < 0 or first + last == 0 or first + last >= n:
        raise InputError(
            f"in-between keeps {first} + {last} of {n} tokens per row; keep one or more and fill one or more"
        )
    known = tokens.clone()
    known[:, :, first : n - last] = FILL
    return known


def edit(
    tokens: Tensor,
    persons: Sequence[int] = (0, 1),
    rows: Sequence[int] = tuple(range(BODY_ROWS)),
    start: int = 0,
    stop: int | None = None,
) -> Tensor:
    """Refill rows of persons in tokens [start, stop); everything else in tokens (2, 5, n) is kept."""
    n = tokens.shape[-1]
    stop = n if stop is None else stop
    if not 0 <= start < stop <= n:
        raise InputError(f"edit range {start}..{stop} is not within the {n} tokens per row")
    unknown = [row for row in rows if row not in range(BODY_ROWS)]
    if unknown or not rows or not persons:
        raise InputError(
            f"edit of rows {list(rows)} of persons {list(persons)}; accepted: one or more of rows 0-4 and of "
            "persons 0-1"
        )
    known = tokens.clone()
    for person in persons:
        known[_person(person), list(rows), start:stop] = FILL
    return known


def batch(maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Maps (2, 5, n_b) of any lengths -> known, valid (B, 10 L), L the longest; padding ends each row."""
    longest = max(m.shape[-1] for m in maps)
    known = torch.full((len(maps), PERSONS, BODY_ROWS, longest), FILL, dtype=torch.long)
    valid = torch.zeros(known.shape, dtype=torch.bool)
    for b, tokens in enumerate(maps):
        known[b, :, :, : tokens.shape[-1]] = tokens
        valid[b, :, :, : tokens.shape[-1]] = True
    return known.flatten(1), valid.flatten(1)  # (B, P, s, L) -> (B, 10 L)


def unbatch(ids: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """Flat results (B, 10 L) -> one (2, 5, n_b) map per sample, padding cut off."""
    maps = ids.unflatten(1, (PERSONS, BODY_ROWS, -1))  # (B, P, s, L)
    return [m[:, :, :n] for m, n in zip(maps, lengths, strict=True)]


def _person(person: int) -> int:
    if person not in (0, 1):
        raise InputError(f"person is {person}; accepted: 0 or 1")
    return person
