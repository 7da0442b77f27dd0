"""Places of the joints that a file lacks: from End Sites, neighbours, or the proportions of a body."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from intermask_cli.datasets.motion_files.matching.limb_points import SIDES, LimbPoints
from intermask_cli.datasets.motion_files.matching.points import Points
from intermask_cli.datasets.motion_files.matching.stance import Stance, find_stance
from intermask_cli.datasets.motion_files.matching.trunk import SPINE, spine_shares
from intermask_cli.motion.rotation import normalize
from intermask_cli.motion.skeleton import JOINT, PARENTS, REST_OFFSETS

#: Our joint -> points of the file and their weights, which sum to 1.
Recipes = dict[str, dict[int, float]]
#: A foot points away from the shin by more than this (cosine); an End Site straight below the ankle is the
#: sole, not the toes.
_SAME_DIRECTION = 0.87


@dataclass
class Placed:
    """Where each of our 22 joints is.

    Attributes:
        recipes: our joint -> points and weights.
        fixed: our joint -> (joint, offset (3,) in its frame, in the file's unit), where no points give it.
        notes: what was placed, and from what.
    """

    recipes: Recipes
    fixed: dict[str, tuple[int, np.ndarray]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a note once."""
        if text not in self.notes:
            self.notes.append(text)


def place_missing(points: Points, limbs: LimbPoints, recipes: Recipes) -> Placed:
    """The given recipes, of pelvis, hips, knees, ankles, shoulders and elbows at least, and all others."""
    placed = Placed(dict(recipes))
    stance = find_stance(points, limbs)
    for side in SIDES:
        if f"{side}_wrist" not in recipes:
            _place_wrist(points, limbs, stance, placed, side)
        if f"{side}_foot" not in recipes:
            _place_toes(points, limbs, stance, placed, side)
    _place_neck_and_head(points, placed)
    _place_spine(placed)
    _place_collars(placed)
    return placed


def _mixed(*parts: tuple[dict[int, float], float]) -> dict[int, float]:
    """Weighted sum of recipes."""
    result: dict[int, float] = {}
    for recipe, weight in parts:
        for point, share in recipe.items():
            result[point] = result.get(point, 0.0) + weight * share
    return result


# ---------------------------------------------------------------- ends of limbs


def _tip(points: Points, joint: int, placed: Placed) -> int | None:
    """The End Site, or a last joint that is not used, below a joint; of several the farthest."""
    taken = {point for recipe in placed.recipes.values() for point in recipe}
    free = [child for child in points.children[joint] if child not in taken]
    below = [child for child in free if not points.same_place(joint, child)]
    return max(below, key=lambda child: points.distance(joint, child)) if below else None


def _source(points: Points, tip: int) -> str:
    return "End Sites" if tip >= points.joints else "the joints below"


def _place_wrist(points: Points, limbs: LimbPoints, stance: Stance, placed: Placed, side: str) -> None:
    shoulder, elbow = limbs.joints[f"{side}_shoulder"], limbs.joints[f"{side}_elbow"]
    tip = _tip(points, elbow, placed)
    if tip is not None:
        placed.recipes[f"{side}_wrist"] = {tip: 1.0}
        placed.note(f"wrists from {_source(points, tip)}")
        return
    # Straight on from the upper arm in the most stretched pose.
    upper = stance.place(points, elbow) - stance.place(points, shoulder)
    share = _length(f"{side}_wrist") / _length(f"{side}_elbow")
    placed.fixed[f"{side}_wrist"] = (elbow, stance.in_frame(points, elbow, share * upper))
    placed.note("wrists by proportion")


def _place_toes(points: Points, limbs: LimbPoints, stance: Stance, placed: Placed, side: str) -> None:
    hip, knee, ankle = (limbs.joints[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    tip = _tip(points, ankle, placed)
    if tip is not None and not _continues(points, knee, ankle, tip):
        placed.recipes[f"{side}_foot"] = {tip: 1.0}
        placed.note(f"toes from {_source(points, tip)}")
        return
    # A foot that stands flat below the leg in the most stretched pose and points where the hips face.
    across = stance.place(points, limbs.joints["left_hip"]) - stance.place(points, limbs.joints["right_hip"])
    up = normalize(stance.place(points, hip) - stance.place(points, ankle))
    forward = normalize(np.cross(across, up))
    leg = points.distance(hip, knee) + points.distance(knee, ankle)
    _, height, length = REST_OFFSETS[JOINT["left_foot"]]
    offset = (height * up + length * forward) * leg / (_length("left_knee") + _length("left_ankle"))
    placed.fixed[f"{side}_foot"] = (ankle, stance.in_frame(points, ankle, offset))
    placed.note("toes by proportion")


def _continues(points: Points, knee: int, ankle: int, tip: int) -> bool:
    """Whether the bone to the tip points on along the shin, as that to the sole does."""
    shin = normalize(points.poses[:, ankle] - points.poses[:, knee])
    foot = normalize(points.poses[:, tip] - points.poses[:, ankle])
    return bool((shin * foot).sum(-1).mean() > _SAME_DIRECTION)


# ---------------------------------------------------------------- trunk


def _place_neck_and_head(points: Points, placed: Placed) -> None:
    recipes = placed.recipes
    shoulders = _mixed((recipes["left_shoulder"], 0.5), (recipes["right_shoulder"], 0.5))
    neck, head, between = (_rest_height(name) for name in ("neck", "head", "left_shoulder"))
    if "neck" not in recipes:
        placed.note("neck by proportion")
        if "head" in recipes:
            share = (neck - between) / (head - between)
            recipes["neck"] = _mixed((shoulders, 1 - share), (recipes["head"], share))
        else:  # the way from the pelvis to between the shoulders, continued
            share = neck / between
            recipes["neck"] = _mixed((recipes["pelvis"], 1 - share), (shoulders, share))
    if "head" not in recipes:
        single = list(recipes["neck"])
        tip = _tip(points, single[0], placed) if len(single) == 1 else None
        if tip is not None:
            recipes["head"] = {tip: 1.0}
            placed.note(f"head from {_source(points, tip)}")
        else:
            share = (head - neck) / (neck - between)
            recipes["head"] = _mixed((recipes["neck"], 1 + share), (shoulders, -share))
            placed.note("head by proportion")


def _place_spine(placed: Placed) -> None:
    """Missing joints of the spine on straight lines between their neighbours."""
    recipes = placed.recipes
    have = [name for name in SPINE if name in recipes]
    shares = {"pelvis": 0.0, **dict(zip(SPINE, spine_shares(), strict=True)), "neck": 1.0}
    known = ["pelvis", *have, "neck"]
    for name in SPINE:
        if name in have:
            continue
        below = max((one for one in known if shares[one] < shares[name]), key=lambda one: shares[one])
        above = min((one for one in known if shares[one] > shares[name]), key=lambda one: shares[one])
        share = (shares[name] - shares[below]) / (shares[above] - shares[below])
        if (below, above) == ("spine1", "spine3"):
            share = 0.5  # two joints of a short spine lie where ours do, or not; half-way fits both
        recipes[name] = _mixed((recipes[below], 1 - share), (recipes[above], share))
    if len(have) < len(SPINE):
        placed.note(f"{len(SPINE)} spine joints from {len(have)}")


def _place_collars(placed: Placed) -> None:
    """Collars where they are in the rest pose, in terms of chest, neck and shoulder."""
    recipes = placed.recipes
    for side in SIDES:
        if f"{side}_collar" in recipes:
            continue
        collar, shoulder = REST_OFFSETS[JOINT["left_collar"]], REST_OFFSETS[JOINT["left_shoulder"]]
        aside = collar[0] / (collar[0] + shoulder[0])
        up = (collar[1] - aside * (collar[1] + shoulder[1])) / REST_OFFSETS[JOINT["neck"]][1]
        recipes[f"{side}_collar"] = _mixed(
            (recipes["spine3"], 1 - aside - up), (recipes["neck"], up), (recipes[f"{side}_shoulder"], aside)
        )
        placed.note("collars by proportion")


def _length(joint: str) -> float:
    return float(np.linalg.norm(REST_OFFSETS[JOINT[joint]]))


def _rest_height(joint: str) -> float:
    """Height of a joint above the pelvis in the rest pose, metres."""
    height = 0.0
    number = JOINT[joint]
    while number > 0:
        height += float(REST_OFFSETS[number][1])
        number = PARENTS[number]
    return height
