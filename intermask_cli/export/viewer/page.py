"""The one-file HTML viewer: a gallery of interactions that opens from disk, without a network."""

from __future__ import annotations

import base64
import html
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from intermask_cli.errors import InputError
from intermask_cli.export.pictures.scene import HEAD_RADIUS_M, drawing_segments
from intermask_cli.files import write_text
from intermask_cli.motion.skeleton import FEET, FPS, JOINT, NUM_JOINTS

#: Positions are rounded to this many metres; the error on the page is at most half of it.
QUANTUM_M = 0.001
#: Columns that measure quality -> whether "high" or "low" values are worse.
WORST = {
    **dict.fromkeys(
        ("mm_distance", "rank", "foot_skate_mm_per_frame", "float_mm", "floor_penetration_mm",
         "jerk_m_per_s3", "bone_length_error_mm", "penetration_mm", "penetration_share"),
        "high",
    ),
    **dict.fromkeys(("top1", "top2", "top3", "foot_contact_agreement"), "low"),
}  # fmt: skip


@dataclass(frozen=True)
class ViewerItem:
    """One interaction of the gallery.

    Attributes:
        id: its name in the list.
        prompt: its text.
        joints: (2, T, 22 or 55, 3) metres.
        fields: columns that it can be sorted by.
        truth: joints (2, T, 22 or 55, 3) shown next to it, such as the ground truth of its prompt, or None.
    """

    id: str
    prompt: str
    joints: np.ndarray
    fields: Mapping[str, Any] = field(default_factory=dict)
    truth: np.ndarray | None = None


def encode_joints(joints: np.ndarray) -> dict[str, Any]:
    """(2, T, 22, 3) metres -> `frames`, `bits` and `data`: base64 of deflated millimetres, frame-major.

    Each frame is coded as its difference from the one before, in int16, or in int32 if a joint moves 32 m
    in one frame. The pair is moved so that the first frame is centred, which does not show: the viewer
    follows the pair.

    Raises:
        InputError: a joint moves too far for int32.
    """
    frames = np.swapaxes(joints, 0, 1).astype(np.float64)  # (T, 2, J, 3)
    centre = frames[0, :, 0].mean(0) * np.array([1.0, 0.0, 1.0])  # level, so that the floor stays at y = 0
    steps = np.rint((frames - centre) / QUANTUM_M).astype(np.int64)
    deltas = np.diff(steps, axis=0, prepend=0)
    largest = np.abs(deltas).max(initial=0)
    if largest > np.iinfo(np.int32).max:
        raise InputError(f"a joint moves {largest * QUANTUM_M:.4g} m in one frame; a page cannot show that")
    bits = 16 if largest <= np.iinfo(np.int16).max else 32
    packed = zlib.compress(deltas.astype(f"<i{bits // 8}").tobytes(), 9)
    return {"frames": len(frames), "bits": bits, "data": base64.b64encode(packed).decode("ascii")}


def _encoded(joints: np.ndarray) -> dict[str, Any]:
    """`encode_joints` of the 22 body joints; Inter-X bodies also have hands and a face."""
    return encode_joints(joints[:, :, :NUM_JOINTS])


def write_viewer(items: Sequence[ViewerItem], path: Path, title: str, note: str = "") -> None:
    """Write one self-contained HTML file with the given interactions in their order.

    title: heading of the page; note: added to the number of interactions shown.
    """
    columns: dict[str, None] = {}
    for item in items:
        columns.update(dict.fromkeys(item.fields))
    data = {
        "fps": FPS,
        "scale": QUANTUM_M,
        "joints": NUM_JOINTS,
        "neck": JOINT["neck"],
        "feet": list(FEET),
        "segments": [*drawing_segments(), (JOINT["head"], JOINT["head"], HEAD_RADIUS_M, 0)],
        "columns": list(columns),
        "worst": {name: WORST[name] for name in columns if name in WORST},
        "note": note,
        "items": [
            {
                "id": item.id,
                "prompt": item.prompt,
                "fields": dict(item.fields),
                **_encoded(item.joints),
                **({} if item.truth is None else {"truth": _encoded(item.truth)}),
            }
            for item in items
        ],
    }
    folder = resources.files("intermask_cli.export.viewer")
    page = folder.joinpath("viewer.html").read_text(encoding="utf-8")
    script = folder.joinpath("viewer.js").read_text(encoding="utf-8")
    # "<" is escaped so that a prompt can never close the script element.
    payload = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    page = (
        page.replace("@@TITLE@@", html.escape(title))
        .replace("@@SCRIPT@@", script)
        .replace("@@DATA@@", payload)
    )
    write_text(path, page)
