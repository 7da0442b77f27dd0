"""Cutting a long clip into windows of tokens that a model can hold, each overlapping the one before."""

from __future__ import annotations

from dataclasses import dataclass

from intermask_cli.errors import InputError


@dataclass(frozen=True)
class Window:
    """Tokens start..stop of a clip, of which the first `overlap` are known from the window before."""

    start: int
    stop: int
    overlap: int


def plan_windows(total: int, longest: int, overlap: int, done: int = 0) -> list[Window]:
    """Windows that cover tokens done..total, none longer than `longest`, as equal in length as can be.

    With `done` tokens there already, the first window is a continuation too. Raises InputError when the
    overlap leaves no room in a window or exceeds what is done.
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
