"""What the bundled model can do, on held-out Duets clips: `python -m benchmarks.bundled_model`.

Reconstruction error, whether kind, role and side of generated motion are those of the prompt (by a
classifier trained on ground truth, and by geometry), smoothness and feet against the ground truth, for
generation and for reaction. Prints a table, writes JSON, and pastes the table between the markers of the
files that show it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pasting import paste
from evaluators.labels import SIDES, LabelClassifier, label_classifier
from evaluators.physics import physics_table
from intermask_cli import load_model
from intermask_cli.cleaning import clean
from intermask_cli.cleaning_modes import Clean
from intermask_cli.console import counter, note
from intermask_cli.datasets.duets.corpus import CorpusClip, test_split
from intermask_cli.datasets.duets.detectors import detect
from intermask_cli.datasets.duets.labels import CORE_KINDS, KINDS
from intermask_cli.motion.skeleton import JOINT
from intermask_cli.pipeline import InteractionModel

ROOT = Path(__file__).resolve().parents[1]
CORPUS_SEED = 2026
RESULTS = ROOT / "benchmarks" / "results" / "bundled-model.json"
MARKER = "bundled-model"
PASTED_INTO = (
    ROOT / "docs" / "bundled-model.md",
    ROOT / "intermask_cli" / "assets" / "duet-mini" / "README.md",
)
FULL_CAPTION = 0
WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]
#: Equal lengths are sampled together, so lengths are rounded down to this many frames.
LENGTH_STEP = 12
BATCH = 16
FAMILY = (
    "foot_skate_mm_per_frame",
    "jerk_m_per_s3",
    "bone_length_error_mm",
    "penetration_mm",
    "contact_ratio",
)


@dataclass(frozen=True)
class Recognition:
    """Shares of motions in which the label read equals the prompt's; NaN where no prompt has the label."""

    kind: float
    role: float
    side: float
    role_by_geometry: float
    side_by_geometry: float
    kind_by_kind: dict[str, float]


def recognition(
    motions: Sequence[np.ndarray], clips: Sequence[CorpusClip], reader: LabelClassifier
) -> Recognition:
    """Compare what motions show with the labels of the clips whose captions they were made for."""
    seen = reader(motions)
    kinds = np.array([a == clip.labels.kind for a, clip in zip(seen.kind, clips, strict=True)])
    acted = [i for i, clip in enumerate(clips) if KINDS[clip.labels.kind].has_actor]
    sided = [i for i, clip in enumerate(clips) if clip.labels.side in SIDES]
    found = [detect(motion, clip.labels.kind) for motion, clip in zip(motions, clips, strict=True)]
    return Recognition(
        kind=float(kinds.mean()),
        role=_share(seen.actor[i] == clips[i].labels.actor for i in acted),
        side=_share(seen.side[i] == clips[i].labels.side for i in sided),
        role_by_geometry=_share(found[i][0] == clips[i].labels.actor for i in acted),
        side_by_geometry=_share(found[i][1] == clips[i].labels.side for i in sided),
        kind_by_kind={
            kind: _share(kinds[i] for i, clip in enumerate(clips) if clip.labels.kind == kind)
            for kind in CORE_KINDS
        },
    )


def _share(answers: Any) -> float:
    answers = list(answers)
    return float(np.mean(answers)) if answers else float("nan")


def reconstruction(
    model: InteractionModel, clips: Sequence[CorpusClip]
) -> tuple[dict[str, float], list[np.ndarray]]:
    """Joint errors without alignment (mm) and use of the codebook; and the reconstructed joints."""
    errors, codes, rebuilt = [], [], []
    with counter("reconstruct", len(clips), "clips") as progress:
        for clip in clips:
            result = model.reconstruct(clip.joints, clip.rotations6d)
            errors.append(np.linalg.norm(result.joints - clip.joints, axis=-1).reshape(-1, 22) * 1000)
            codes.append(result.tokens.reshape(-1))
            rebuilt.append(result.joints)
            progress.advance()
    error, used = np.concatenate(errors), np.unique(np.concatenate(codes))
    size = model.info.tokenizer.codebook_size
    figures = {
        "mpjpe_mm": float(error.mean()),
        "wrist_mm": float(error[:, WRISTS].mean()),
        "codebook_use_percent": 100.0 * len(used[used >= 0]) / size,
    }
    return figures, rebuilt


def in_batches(
    clips: Sequence[CorpusClip], make: Callable[[list[int]], list[np.ndarray]], label: str
) -> list[np.ndarray]:
    """Motions made for all clips, clips of equal length together, in the clips' order."""
    motions: list[np.ndarray] = [np.empty(0)] * len(clips)
    groups: dict[int, list[int]] = {}
    for i, clip in enumerate(clips):
        groups.setdefault(clip.joints.shape[1], []).append(i)
    with counter(label, len(clips), "clips") as progress:
        for _, members in sorted(groups.items()):
            for start in range(0, len(members), BATCH):
                part = members[start : start + BATCH]
                for i, motion in zip(part, make(part), strict=True):
                    motions[i] = motion
                progress.advance(len(part))
    return motions


def generated(model: InteractionModel, clips: Sequence[CorpusClip], guidance: float) -> list[np.ndarray]:
    """A motion for every clip's full caption, of the clip's length."""
    sampling = replace(model.info.sampling, guidance=guidance)

    def make(part: list[int]) -> list[np.ndarray]:
        texts = [clips[i].captions[FULL_CAPTION] for i in part]
        frames = clips[part[0]].joints.shape[1]
        return [r.joints for r in model.generate(texts, frames, seeds=part, sampling=sampling)]

    return in_batches(clips, make, f"generate at guidance {guidance:g}")


def reactions(model: InteractionModel, clips: Sequence[CorpusClip], given: Sequence[int]) -> list[np.ndarray]:
    """A partner for one person of every clip, with the full caption."""
    motions = []
    with counter("react", len(clips), "clips") as progress:
        for i, (clip, person) in enumerate(zip(clips, given, strict=True)):
            texts = [clip.captions[FULL_CAPTION]]
            made = model.react(clip.joints[person], texts, person, clip.rotations6d[person], seed=i)
            motions.append(made[0].joints)
            progress.advance()
    return motions


def with_ratios(
    motions: list[np.ndarray], truth: list[np.ndarray], persons: Sequence[tuple[int, ...]]
) -> dict[str, float]:
    """Physics of the motions, and each divided by the ground truth's."""
    ours, theirs = physics_table(motions, persons), physics_table(truth, persons)
    figures: dict[str, float] = {}
    for name in FAMILY:
        figures[name] = float(np.nanmean(ours[name]))
        figures[f"{name}_truth"] = float(np.nanmean(theirs[name]))
    figures["jerk_ratio"] = figures["jerk_m_per_s3"] / figures["jerk_m_per_s3_truth"]
    figures["foot_skate_ratio"] = (
        figures["foot_skate_mm_per_frame"] / figures["foot_skate_mm_per_frame_truth"]
    )
    return figures


def held_out(count: int) -> list[CorpusClip]:
    """Test clips, cut to a multiple of LENGTH_STEP frames."""
    clips = []
    for clip in test_split(count, CORPUS_SEED):
        frames = clip.joints.shape[1] // LENGTH_STEP * LENGTH_STEP
        clips.append(replace(clip, joints=clip.joints[:, :frames], rotations6d=clip.rotations6d[:, :frames]))
    return clips


def measure(
    model: InteractionModel, clips: list[CorpusClip], reader: LabelClassifier, sweep: Sequence[float]
) -> dict:
    """All figures by row."""
    truth, both = [clip.joints for clip in clips], [(0, 1)] * len(clips)
    rows: dict[str, dict[str, Any]] = {"ground truth": {**asdict(recognition(truth, clips, reader)),
                                                        **with_ratios(truth, truth, both)}}  # fmt: skip
    errors, rebuilt = reconstruction(model, clips)
    rows["reconstruction"] = {
        **errors,
        **asdict(recognition(rebuilt, clips, reader)),
        **with_ratios(rebuilt, truth, both),
    }
    for guidance in sorted({model.info.sampling.guidance, *sweep}):
        made = generated(model, clips, guidance)
        rows[f"generation, guidance {guidance:g}"] = {
            **asdict(recognition(made, clips, reader)), **with_ratios(made, truth, both),
        }  # fmt: skip
        if guidance == model.info.sampling.guidance:
            planted = [clean(motion, None, [Clean.feet])[0] for motion in made]
            rows[f"generation, guidance {guidance:g}, --clean feet"] = {
                **asdict(recognition(planted, clips, reader)), **with_ratios(planted, truth, both),
            }  # fmt: skip
    for given in (0, 1):
        part = clips[given::2]
        made = reactions(model, part, [given] * len(part))
        rows[f"reaction to person {given + 1}"] = {
            **asdict(recognition(made, part, reader)),
            **with_ratios(made, [clip.joints for clip in part], [(1 - given,)] * len(part)),
        }
    return rows


def markdown(record: dict[str, Any]) -> str:
    """The table of a record."""
    head = [
        "row",
        "kind",
        "role",
        "side",
        "role (geometry)",
        "side (geometry)",
        "jerk ratio",
        "foot skate ratio",
    ]
    keys = ["kind", "role", "side", "role_by_geometry", "side_by_geometry", "jerk_ratio", "foot_skate_ratio"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for name, row in record["rows"].items():
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:.2f}" for key in keys) + " |")
    r = record["rows"]["reconstruction"]
    best = f"generation, guidance {record['guidance']:g}"
    kinds = ", ".join(f"{kind} {share:.2f}" for kind, share in record["rows"][best]["kind_by_kind"].items())
    return "\n".join([
        *lines, "",
        f"Tokenizer: joint error {r['mpjpe_mm']:.0f} mm (wrists {r['wrist_mm']:.0f} mm), unaligned, "
        f"{r['codebook_use_percent']:.0f} % of the codebook used.", "",
        f"Share of generated clips whose kind is recognised, by kind: {kinds}.", "",
        f"`{record['model']}` ({record['model_sha256'][:12]}), {record['clips']} held-out Duets clips, "
        f"full captions, {record['machine']}, {record['minutes']:.1f} min; "
        "`python -m benchmarks.bundled_model`. Reaction rows: feet and jerk of the generated person; kind, "
        "role and side of the pair, which the given person partly shows.",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="duet-mini")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument(
        "--guidance-sweep", type=float, nargs="*", default=[], help="further guidance scales to measure"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "work", help="where the label classifier is kept"
    )
    options = parser.parse_args()
    model = load_model(options.model)
    reader = label_classifier(options.cache, CORPUS_SEED)
    clips = held_out(options.clips)
    started = time.monotonic()
    rows = measure(model, clips, reader, options.guidance_sweep)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    record = {
        "model": model.info.name, "model_sha256": model.bundle.sha256, "clips": len(clips),
        "corpus_seed": CORPUS_SEED, "guidance": model.info.sampling.guidance,
        "sampling": asdict(model.info.sampling), "machine": f"{machine}, torch {torch.__version__}",
        "minutes": (time.monotonic() - started) / 60, "rows": rows,
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    block = markdown(record)
    print(block)
    note(f"wrote {options.out}")
    for path in PASTED_INTO:
        if options.out == RESULTS and paste(path, MARKER, block):
            note(f"updated {path}")


if __name__ == "__main__":
    main()
