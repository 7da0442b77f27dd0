"""Cuts a long clip into windows of tokens that a model can hold; each overlaps the one before."""

from __future__ import annotations

from dataclasses import dataclass

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
    total: int, phases: int, longest: int, overlap: int, done: int = 0
) -> list[tuple[int, Window]]:
    """`plan_windows` for a clip of phases of equal length -> the phase of every window, and the window.

    Raises InputError when a phase would get no token.
    """
    if total - done < phases:
        raise InputError(
            f"{(total - done) * FRAMES_PER_TOKEN} frames for {phases} phases; "
            f"accepted: {phases * FRAMES_PER_TOKEN} or more"
        )
    planned: list[tuple[int, Window]] = []
    covered = done
    for phase in range(phases):
        end = done + (total - done) * (phase + 1) // phases
        shared = overlap
        if phase:
            in_one = end - covered + PHASE_OVERLAP <= longest
            shared = min(PHASE_OVERLAP if in_one else overlap, covered)
        planned += [(phase, window) for window in plan_windows(end, longest, shared, covered)]
        covered = end
    return planned
