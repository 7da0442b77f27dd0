"""What `intermask info` says: plain facts about a path, ready for JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from intermask_cli.datasets.interactions import FILE_NAME, InteractionFile
from intermask_cli.errors import InputError
from intermask_cli.generation.part_files import part_files
from intermask_cli.generation.run_directory import MANIFEST, PARTS, read_manifest

_MOTION = (".npy", ".npz", ".bvh")


def describe(name: str) -> dict[str, Any]:
    """Facts by name; InputError or MissingError when the path is none of the known things."""
    path = Path(name).expanduser()
    if (path / MANIFEST).is_file():
        return _run(path)
    if path.suffix.lower() in (".h5", ".hdf5") or (path / FILE_NAME).is_file():
        return _dataset(path)
    if path.suffix.lower() in _MOTION and path.is_file():
        return _motion(path)
    if path.is_file():
        raise InputError(f"{path}: not a run directory, .h5, bundle or motion file ({' '.join(_MOTION)})")
    return _bundle(name)


def _run(folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder)
    assert manifest is not None
    about = {
        key: manifest.get(key)
        for key in ("status", "started", "ended", "counts", "command_line", "fingerprint")
    }
    parts = len(list(part_files(folder / PARTS)))
    facts = {"kind": "run", "path": str(folder), **about, **({"parts": parts} if parts else {})}
    if (folder / FILE_NAME).is_file():
        facts |= {key: value for key, value in _dataset(folder).items() if key not in facts}
    return facts


def _dataset(path: Path) -> dict[str, Any]:
    with InteractionFile(path) as dataset:
        frames = dataset.column("frames")
        prompts = Counter(dataset.column("prompt"))
        attributes = {
            key: value
            for key, value in dataset.attributes.items()
            if key not in ("format", "joint_names", "parents")
        }
        return {
            "kind": "dataset",
            "path": str(dataset.path),
            "bytes": dataset.path.stat().st_size,
            "interactions": len(dataset),
            "prompts": len(prompts),
            "seconds": round(sum(frames) / dataset.fps, 3),
            "frames": {"shortest": min(frames, default=0), "longest": max(frames, default=0)},
            "arrays": dataset.shapes(dataset.ids[0]) if len(dataset) else {},
            "columns": dataset.columns,
            **attributes,
        }


def _motion(path: Path) -> dict[str, Any]:
    from intermask_cli.datasets.motion_files.checks import body_height
    from intermask_cli.datasets.motion_files.read import read_motion

    motion = read_motion(path, person=0)
    return {
        "kind": "motion",
        "path": str(path),
        "source": motion.source,
        "original_fps": motion.original_fps,
        "original_frames": motion.original_frames,
        "frames_at_30_fps": motion.frames,
        "seconds": round(motion.frames / 30, 3),
        "rotations": motion.rotations6d is not None,
        "body_height_m": round(body_height(motion.joints), 3),
    }


def _bundle(name: str) -> dict[str, Any]:
    from intermask_cli.models.bundle import bundle_sha256, resolve_bundle
    from intermask_cli.models.bundle_files import CONFIG

    path = Path(name).expanduser()
    if path.is_dir() and not (path / CONFIG).is_file():
        raise InputError(
            f"{name or path}: a folder without {MANIFEST}, {FILE_NAME} or {CONFIG}: no run, dataset or bundle"
        )
    folder = resolve_bundle(name)
    values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    return {"kind": "bundle", "path": str(folder), "sha256": bundle_sha256(folder), "files": files} | {
        ("bundle_kind" if key == "kind" else key): value for key, value in values.items()
    }
