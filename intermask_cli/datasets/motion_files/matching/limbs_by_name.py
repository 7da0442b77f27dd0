"""Limbs by the names of their joints: by a naming scheme, else by the words of all schemes together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import product

from intermask_cli.datasets.motion_files.matching.joint_names import parse_name
from intermask_cli.datasets.motion_files.matching.limb_points import SIDES, LimbPoints
from intermask_cli.datasets.motion_files.matching.points import Points
from intermask_cli.datasets.motion_files.matching.schemes import (
    ARM,
    LEG,
    NEEDED,
    PELVIS_WORDS,
    SCHEMES,
    WORDS_FOR,
)

#: (side, word) -> point.
_Named = dict[tuple[str, str], int]


def limbs_by_name(points: Points) -> LimbPoints | None:
    """The limbs, or None where the names do not say them.

    Rigs hold several sets of joints that differ in what stands before the part (`DEF-`, `ORG-`, a namespace):
    the most complete set is taken.
    """
    sets = _sets_of_names(points)
    best: LimbPoints | None = None
    for named in sets:
        found = _by_scheme(points, named) or _by_all_words(points, named)
        if found is not None and (best is None or len(found.joints) > len(best.joints)):
            best = found
    return best


def _sets_of_names(points: Points) -> list[_Named]:
    """Named points for each prefix, largest set first, and last those of all prefixes together."""
    sets: dict[str, _Named] = defaultdict(dict)
    parsed = [(parse_name(name), point) for point, name in enumerate(points.names[: points.joints])]
    # Of several joints with one word (`upperleg01`, `upperleg02`) the one nearest to the root counts.
    order = [
        ((len(points.to_root(point)), name.number, point), name, point) for name, point in parsed if name
    ]
    together: _Named = {}
    for _, name, point in sorted(order, key=lambda entry: entry[0]):
        sets[name.prefix].setdefault((name.side, name.word), point)
        together.setdefault((name.side, name.word), point)
    return [*sorted(sets.values(), key=len, reverse=True), together]


def _by_scheme(points: Points, named: _Named) -> LimbPoints | None:
    """The limbs by the scheme that names most of them; of several the first."""
    text = " ".join(points.names).lower()
    best: tuple[str, dict[str, int]] = ("", {})
    for scheme in SCHEMES:
        joints = _added({}, named, scheme.words) if scheme.sign in text else {}
        complete = all(f"{side}_{joint}" in joints for side in SIDES for joint in NEEDED)
        if complete and len(joints) > len(best[1]):
            best = (scheme.name, joints)
    name, joints = best
    if not joints:
        return None
    # Joints that the scheme does not name, by other words.
    return LimbPoints(_added(joints, named, WORDS_FOR), _pelvis(points, named, joints), name)


def _added(
    joints: Mapping[str, int], named: _Named, words_for: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    """The joints, and those that are missing by the first of their words that is not taken."""
    found = dict(joints)
    for side in SIDES:
        for joint, words in words_for.items():
            taken = found.values()
            free = [named[side, word] for word in words if (side, word) in named]
            point = next((point for point in free if point not in taken), None)
            if point is not None:
                found.setdefault(f"{side}_{joint}", point)
    return found


def _by_all_words(points: Points, named: _Named) -> LimbPoints | None:
    """The limbs by words of any scheme, in the order of the tree."""
    joints: dict[str, int] = {}
    for side in SIDES:
        for limb in (LEG, ARM):
            chain = _chain(points, named, side, limb)
            if not set(NEEDED) & set(limb) <= set(chain):
                return None
            joints |= {f"{side}_{joint}": point for joint, point in chain.items()}
    return LimbPoints(joints, _pelvis(points, named, joints), "common")


def _chain(points: Points, named: _Named, side: str, limb: tuple[str, ...]) -> dict[str, int]:
    """One limb: as many joints as possible, then the best words; none above the joint before it."""
    choices = [
        [(rank, named[side, word]) for rank, word in enumerate(WORDS_FOR[joint]) if (side, word) in named]
        + [(0, None)]
        for joint in limb
    ]
    best: tuple[tuple[int, int], dict[str, int]] = ((0, 0), {})
    for choice in product(*choices):
        chain = {joint: point for joint, (_, point) in zip(limb, choice, strict=True) if point is not None}
        score = (len(chain), -sum(rank for rank, _ in choice))
        taken = list(chain.values())
        if score > best[0] and len(set(taken)) == len(taken) and _in_order(points, taken):
            best = (score, chain)
    return best[1]


def _in_order(points: Points, chain: list[int]) -> bool:
    return not any(points.is_above(later, point) for k, point in enumerate(chain) for later in chain[k + 1 :])


def _pelvis(points: Points, named: _Named, joints: Mapping[str, int]) -> int | None:
    """The lowest joint called pelvis or hips that is above both hips."""
    candidates = [named["", word] for word in PELVIS_WORDS if ("", word) in named]
    hips = [joints["left_hip"], joints["right_hip"]]
    above = [point for point in candidates if all(points.is_above(point, hip) for hip in hips)]
    return max(above, key=lambda point: len(points.to_root(point)), default=None)
