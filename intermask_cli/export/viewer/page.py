"""The HTML viewer: a gallery of interactions that opens from disk, without a network or a server.

The page is assembled from the files in `assets/viewer`: plain JavaScript, one idea per file, no library.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.export.pictures.figure import figure_table
from intermask_cli.export.viewer.clip_data import CLIPS_PER_FILE, QUANTUM_M, ClipStore, encode_joints
from intermask_cli.files import write_text
from intermask_cli.motion.capsules import BODY
from intermask_cli.motion.physics import CONTACT_M
from intermask_cli.motion.skeleton import (
    FEET,
    FPS,
    JOINT,
    JOINT_NAMES,
    NUM_JOINTS,
    PALM_M,
    PARENTS,
    REST_OFFSETS,
)

#: Columns that measure quality -> whether "high" or "low" values are worse. The page starts with the worst
#: by the first of them that the items have: what an evaluation says comes before physics.
WORST = {
    **dict.fromkeys(("mm_distance", "rank"), "high"),
    **dict.fromkeys(("top1", "top2", "top3"), "low"),
    **dict.fromkeys(
        ("foot_skate_mm_per_frame", "floor_penetration_mm", "float_mm", "penetration_mm"), "high"
    ),
    **dict.fromkeys(("penetration_share", "jerk_m_per_s3", "bone_length_error_mm"), "high"),
    "foot_contact_agreement": "low",
}
#: Metres per frame, 15 cm/s: a low foot that moves faster is marked as sliding.
SLIDE_M = 0.005
#: Metres: a foot joint below it is low. Half of what the metrics take: a foot that steps is often lower than
#: theirs, and a mark on every step would hide those on feet that slide.
LOW_M = 0.025
#: Metres of overlap of the capsules beyond which a contact is marked as one body inside the other.
DEEP_M = 0.03
#: Radius of the capsule of a palm, metres.
_PALM_RADIUS_M = 0.04
#: Parts of the script, in this order.
SCRIPTS = (
    "state", "vectors", "clips", "camera", "figure", "webgl", "flat", "marks", "scene", "panels", "playback",
    "strip", "curves", "items", "details", "gestures", "keys", "rig", "bvh", "glb", "take", "address",
    "start",
)  # fmt: skip


@dataclass(frozen=True)
class ViewerItem:
    """One interaction of the gallery.

    Attributes:
        id: its name in the list.
        prompt: its text.
        joints: (2, T, 22 or 55, 3) metres.
        fields: columns that it can be sorted by.
        truth: joints (2, T, 22 or 55, 3) shown next to it, such as the ground truth of its prompt, or None.
        given: the person (0 or 1) whose motion was given, or None.
    """

    id: str
    prompt: str
    joints: np.ndarray
    fields: Mapping[str, Any] = field(default_factory=dict)
    truth: np.ndarray | None = None
    given: int | None = None


@dataclass(frozen=True)
class WrittenPage:
    """What was written: `items` shown, of which `compared` have a comparison; `folder` of a large page."""

    items: int
    compared: int
    folder: Path | None


def write_viewer(items: Iterable[ViewerItem], path: Path, title: str, note: str = "") -> WrittenPage:
    """Write the page with the given interactions in their order; they are taken one at a time.

    A page whose clips take more than `clip_data.PAGE_LIMIT` keeps them in a folder `<page>_data` next to it.
    title: heading of the page; note: added to the number of interactions shown.
    """
    columns: dict[str, None] = {}
    rows = []
    store = ClipStore(path)
    with store.filling():
        for item in items:
            columns.update(dict.fromkeys(item.fields))
            clip = encode_joints(item.joints)
            row = {
                "id": item.id,
                "prompt": item.prompt,
                "fields": {name: _rounded(value) for name, value in item.fields.items()},
                "frames": clip["frames"],
            }
            if item.given is not None:
                row["given"] = item.given + 1
            if item.truth is not None:
                clip["truth"] = encode_joints(item.truth)
                row["truth"] = {"frames": clip["truth"]["frames"]}
            rows.append(row)
            store.add(clip)
    if store.inline is not None:
        rows = [{**row, **clip} for row, clip in zip(rows, store.inline, strict=True)]
    data = {
        **_constants(),
        "columns": list(columns),
        "worst": {name: worse for name, worse in WORST.items() if name in columns},
        "note": note,
        "items": rows,
    }
    if store.inline is None:
        data["parts"] = {"folder": store.folder.name, "size": CLIPS_PER_FILE}
    write_text(path, _page(title, data))
    return WrittenPage(
        len(rows), sum("truth" in row for row in rows), None if store.inline is not None else store.folder
    )


def _rounded(value: Any) -> Any:
    """Six significant digits are enough to sort by."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


@lru_cache(maxsize=1)
def _constants() -> dict[str, Any]:
    """Skeleton, figure and thresholds: the same on every page."""
    capsules = zip(BODY.parents.tolist(), BODY.children.tolist(), BODY.radii_m.tolist(), strict=True)
    sides = ("left", "right")
    trunk = {"pelvis": ("left_hip", "right_hip", "spine1"), "spine3": ("left_collar", "right_collar", "neck")}
    return {
        "fps": FPS,
        "scale": QUANTUM_M,
        "joints": NUM_JOINTS,
        "names": JOINT_NAMES,
        "parents": PARENTS,
        "rest": REST_OFFSETS.tolist(),
        "head": JOINT["head"],
        "feet": FEET,
        "trunk": {
            JOINT[name]: dict(zip(("left", "right", "up"), map(JOINT.__getitem__, children), strict=True))
            for name, children in trunk.items()
        },
        "chest": {
            "left": JOINT["left_shoulder"], "right": JOINT["right_shoulder"],
            "neck": JOINT["neck"], "pelvis": JOINT["pelvis"],
        },
        "figure": figure_table(),
        "capsules": [[a, b, round(radius, 4)] for a, b, radius in capsules],
        "palms": [[JOINT[f"{side}_elbow"], JOINT[f"{side}_wrist"], _PALM_RADIUS_M] for side in sides],
        "palm": PALM_M,
        "contact": CONTACT_M,
        "deep": DEEP_M,
        "low": LOW_M,
        "slide": SLIDE_M,
    }  # fmt: skip


def _page(title: str, data: Mapping[str, Any]) -> str:
    """The HTML of the page."""
    folder = resources.files("intermask_cli").joinpath("assets", "viewer")

    def text(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    # "<" is escaped so that a prompt can never close the script element.
    payload = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    content = {
        "@@TITLE@@": html.escape(title),
        "@@STYLE@@": text("style.css"),
        "@@SCRIPT@@": "\n".join(text(f"{name}.js") for name in SCRIPTS),
        "@@DATA@@": payload.replace("<", "\\u003c"),
    }
    head, *rest = text("page.html").split("@@")  # one pass, so that content is never searched for places
    return head + "".join(content.get(f"@@{part}@@", part) for part in rest)
