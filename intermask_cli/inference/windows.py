"""Cuts a long clip into windows of tokens that a model can hold; each overlaps the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from intermask_cli.config import FRAMES_PER_TOKEN
from intermask_cli.errors import InputError

#: Tokens of overlap between consecutive phases: half a second makes a smooth seam, and more would continue
#: the action of the phase before.
PHASE_OVERLAP = 4


@dataclass(frozen=True)
class Window:
    """Tokens start..stop of a clip, of which the first `overlap` are known from the window before."""

    start: int
    stop: int
    overlap: int


def plan_windows(total: int, longest: int, overlap: int, done: int = 0) -> list[Window]:
    """Windows that cover tokens done..total, none longer than `longest`, as equal in length as possible.

    If `done` tokens exist, the first window continues them. Raises InputError when the overlap leaves no room
    in a window or exceeds what is done.
    """
    if done == 0 and total <= longest:
        return [Window(0, total, 0)]
    if not 0 < overlap < longest or (done and overlap > done):
        most = min(longest - 1, done or longest)
        raise InputError(
            f"an overlap of {overlap} tokens (4 frames each) does not fit; accepted: 1 to {most}"
        )
    covered = done or overlap
    fresh = -(-(total - covered) // -(-(total - covered) // (longest - overlap)))
    windows: list[Window] = []
    while covered < total:
        known = overlap if windows or done else 0
        start = covered - overlap
        covered = min(covered + fresh, total)
        windows.append(Window(start, covered, known))
    return windows


def plan_phases(
    total: int, shares: Sequence[int], longest: int, overlap: int, done: int = 0
) -> list[tuple[int, Window]]:
    """`plan_windows` for a clip of phases -> the phase of every window, and the window.

    shares: relative lengths of the phases. Raises InputError when a phase would get no token.
    """
    planned: list[tuple[int, Window]] = []
    covered = done
    for phase, end in enumerate(phase_ends(total, shares, done)):
        shared = overlap
        if phase:
            in_one = end - covered + PHASE_OVERLAP <= longest
            shared = min(PHASE_OVERLAP if in_one else overlap, covered)
        planned += [(phase, window) for window in plan_windows(end, longest, shared, covered)]
        covered = end
    return planned


def phase_ends(total: int, shares: Sequence[int], done: int = 0) -> list[int]:
    """The token at which each phase of a clip ends; `shares` are relative lengths.

    Raises InputError when there are fewer tokens than phases.
    """
    phases, tokens = len(shares), total - done
    if tokens < phases:
        raise InputError(
            f"{tokens * FRAMES_PER_TOKEN} frames for {phases} phases; "
            f"accepted: {phases * FRAMES_PER_TOKEN} or more"
        )
    ends: list[int] = []
    for phase, share in enumerate(accumulate(shares)):
        end = tokens * share // sum(shares)
        first, last = phase + 1, tokens - (phases - phase - 1)  # every phase has a token
        ends.append(done + min(max(end, first, ends[-1] - done + 1 if ends else 1), last))
    return ends
