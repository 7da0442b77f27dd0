"""Deals numbers of texts evenly to groups of forms, and lengths evenly to texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

from intermask_cli.generation.prompt_sets.forms import Form

T = TypeVar("T")


def evenly(capacities: Sequence[int], count: int, rng: Random) -> list[int]:
    """Numbers that add up to `count`, as equal as capacities allow; the rest of a division goes to any.

    `count` is at most the sum of the capacities.
    """
    dealt = [0] * len(capacities)
    open_to = [i for i, capacity in enumerate(capacities) if capacity]
    while count:
        share = count // len(open_to)
        if share == 0:
            for i in rng.sample(open_to, count):
                dealt[i] += 1
            break
        for i in open_to:
            more = min(share, capacities[i] - dealt[i])
            dealt[i] += more
            count -= more
        open_to = [i for i in open_to if dealt[i] < capacities[i]]
    return dealt


def deal(
    forms: Sequence[Form], labels: Sequence[str], count: int, rng: Random, left: Sequence[int]
) -> list[int]:
    """How many texts each form gives: as many of each value of the first label, and so on within it.

    `left`: how many each form can give; `count` is at most their sum.
    """
    groups: dict[str, list[int]] = {}
    for index, form in enumerate(forms):
        groups.setdefault(form.labels.get(labels[0], "") if labels else str(index), []).append(index)
    capacities = [sum(left[i] for i in of) for of in groups.values()]
    numbers = [0] * len(forms)
    for of, share in zip(groups.values(), evenly(capacities, count, rng), strict=True):
        if not labels:
            numbers[of[0]] = share
            continue
        inside = deal([forms[i] for i in of], labels[1:], share, rng, [left[i] for i in of])
        for i, number in zip(of, inside, strict=True):
            numbers[i] = number
    return numbers


def in_turn(values: Sequence[T], counts: Mapping[str, int], rng: Random) -> dict[str, list[T]]:
    """For each name as many values as its count: all of `values` equally often, in a random order."""
    turns: dict[str, list[T]] = {}
    start = 0
    for name, count in counts.items():
        turns[name] = [values[(start + i) % len(values)] for i in range(count)]
        rng.shuffle(turns[name])
        start += count
    return turns
