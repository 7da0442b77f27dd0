"""Released evaluator files as bundles: InterCLIP's `interclip.ckpt`, Inter-X's `finest.tar`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluators.networks.bundle import network_config, save_evaluator
from evaluators.networks.bundle_info import EvaluatorInfo
from evaluators.networks.published import read_interclip, read_interx
from intermask_cli.files import file_sha256
from intermask_cli.models.bundle_files import check_free

INTERCLIP, INTERX = "interclip.ckpt", "finest.tar"
#: Subfolders where the authors' instructions put each file.
_PLACES = {
    INTERCLIP: ("", "eval_model"),
    INTERX: ("", "model", "text_mot_match/model", "hhi/text_mot_match/model"),
}


def find_evaluator(path: Path) -> Path | None:
    """The released evaluator file at `path` or in that folder, or None."""
    if path.is_file() and path.name in _PLACES:
        return path
    candidates = (path / place / name for name, places in _PLACES.items() for place in places)
    return next((file for file in candidates if file.is_file()), None)


def import_evaluator(file: Path, out: Path, overwrite: bool = False) -> tuple[EvaluatorInfo, str]:
    """Write the bundle of a released evaluator -> its record and SHA-256; `overwrite` replaces another one.

    Raises InputError when the file is another one, damaged, or holds objects other than tensors.
    """
    check_free(out, overwrite)
    source = {"file": file.name, "sha256": file_sha256(file), "command": "intermask import-checkpoint"}
    info, network = _interclip(file, source) if file.name == INTERCLIP else _interx(file, source)
    return info, save_evaluator(out, info, network, _card(info), overwrite=overwrite)


def _interclip(file: Path, source: dict[str, str]) -> tuple[EvaluatorInfo, Any]:
    network = read_interclip(file)
    # Only CLIP's vocabulary is used: its ids are the same for every CLIP model.
    encoder = {"id": "clip-vocabulary", "sha256": None, "dim": network.config.text.width}
    info = EvaluatorInfo(
        "interclip", "interclip", network_config(network), "interhuman", encoder,
        licence="CC BY-NC-SA 4.0 (InterGen authors)", training_data="InterHuman", provenance=dict(source),
    )  # fmt: skip
    return info, network


def _interx(file: Path, source: dict[str, str]) -> tuple[EvaluatorInfo, Any]:
    network = read_interx(file)
    encoder = {"id": "glove-interx", "sha256": None, "dim": network.config.word_width}
    info = EvaluatorInfo(
        "interx-eval", "interx", network_config(network), "interx", encoder,
        licence="non-commercial (Inter-X authors)", training_data="Inter-X", provenance=dict(source),
    )  # fmt: skip
    return info, network


def _card(info: EvaluatorInfo) -> str:
    return (
        f"# {info.name}\n\nImported from {info.provenance['file']} ({info.provenance['sha256'][:12]}), which "
        f"others released; licence: {info.licence}. Not part of intermask. Protocol: `{info.protocol}`.\n"
    )
