"""Which interactions of a dataset are exported, viewed or drawn."""

from __future__ import annotations

from collections.abc import Sequence

from intermask_cli.datasets.interactions import InteractionFile
from intermask_cli.errors import InputError


def selected_ids(dataset: InteractionFile, ids: Sequence[str], limit: int | None) -> list[str]:
    """The given ids, or all of the file in its order; at most `limit`.

    Raises:
        InputError: an id that the file does not have; the message lists the first ids of the file.
    """
    known = dataset.ids
    unknown = sorted(set(ids) - set(known))
    if unknown:
        shown = ", ".join(known[:5]) + (", ..." if len(known) > 5 else "")
        raise InputError(f"{dataset.path}: no interaction '{unknown[0]}'; it holds {shown}")
    selected = list(ids) or known
    return selected if limit is None else selected[:limit]
