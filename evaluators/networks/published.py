"""Evaluators from the released files: InterCLIP's `interclip.ckpt` and Inter-X's `finest.tar`.

Both are pickles. They are read with `weights_only=True`, which refuses anything but tensors and plain
containers; nothing in them is ever executed. Sizes come from the tensors, so reduced models load as well.
"""

from __future__ import annotations

import re
from pathlib import Path

from evaluators.networks.interclip import InterClip, InterClipConfig, MotionTowerConfig, TowerConfig
from evaluators.networks.interx import InterXConfig, InterXEvaluator
from intermask_cli.errors import InputError
from intermask_cli.models.published_files import (
    State,
    checked_state,
    load_exactly,
    numbered,
    read_weights,
    sizes,
)

HEADS = 8  # of both towers; tensor shapes do not show it
INTERX_PARTS = ("movement_encoder", "motion_encoder", "text_encoder")
#: The released InterCLIP file puts this before every name.
_PREFIX = "model."
_MARK = "motion_encoder.query_token"


def interclip_from_state(
    state: State, text_heads: int = HEADS, motion_heads: int = HEADS, source: str = "InterCLIP"
) -> InterClip:
    """InterCLIP from its tensors, `model.` prefix or not; names and shapes must match exactly."""
    state = {key.removeprefix(_PREFIX): value for key, value in state.items()}
    config = InterClipConfig(
        text=_tower(state, "textTransEncoder.layers", text_heads, source),
        motion=MotionTowerConfig(
            **vars(_tower(state, "motion_encoder.transformer.layers", motion_heads, source)),
            max_positions=sizes(state, "motion_encoder.sequence_pos_encoder.pe", 2, source)[0],
        ),
        vocabulary=sizes(state, "token_embedding.weight", 2, source)[0],
        context=sizes(state, "positional_embedding", 2, source)[0],
        out_dim=sizes(state, "out.weight", 2, source)[0],
    )
    network = InterClip(config)
    load_exactly(network, state, source)
    return network.eval()


def _tower(state: State, prefix: str, heads: int, source: str) -> TowerConfig:
    ff, width = sizes(state, f"{prefix}.0.linear1.weight", 2, source)
    if width % heads:
        raise InputError(f"{source}: width {width} of '{prefix}' is not a multiple of its {heads} heads")
    return TowerConfig(
        width=width,
        layers=numbered(state, rf"{re.escape(prefix)}\.(\d+)\.linear1\.weight"),
        heads=heads,
        ff=ff,
    )


def interx_from_state(state: State, source: str = "Inter-X evaluator") -> InterXEvaluator:
    """Inter-X evaluator from tensors named `<part>.<name>`; names and shapes must match exactly."""
    text_hidden, word_width = sizes(state, "text_encoder.input_emb.weight", 2, source)
    config = InterXConfig(
        movement_hidden=sizes(state, "movement_encoder.main.0.weight", 3, source)[0],
        movement_width=sizes(state, "movement_encoder.main.3.weight", 3, source)[0],
        motion_hidden=sizes(state, "motion_encoder.input_emb.weight", 2, source)[0],
        text_hidden=text_hidden,
        word_width=word_width,
        word_kinds=sizes(state, "text_encoder.pos_emb.weight", 2, source)[1],
        out_dim=sizes(state, "motion_encoder.output_net.3.weight", 2, source)[0],
    )
    network = InterXEvaluator(config)
    load_exactly(network, state, source)
    return network.eval()


def read_interclip(path: Path) -> InterClip:
    """`interclip.ckpt`: the tensors under `state_dict`."""
    content = read_weights(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    problem = f"{path}: no InterCLIP tensors under 'state_dict'; expected the released interclip.ckpt"
    if not isinstance(state, dict) or not any(str(key).endswith(_MARK) for key in state):
        raise InputError(problem)
    state = checked_state(state, f"{path}: 'state_dict'")
    if not {_MARK, _PREFIX + _MARK} & set(state):
        raise InputError(problem)
    return interclip_from_state(state, source=str(path))


def read_interx(path: Path) -> InterXEvaluator:
    """`finest.tar`: three state dicts; optimiser states and counters are ignored."""
    content = read_weights(path)
    missing = [part for part in INTERX_PARTS if not (isinstance(content, dict) and part in content)]
    if missing:
        raise InputError(
            f"{path}: lacks {', '.join(missing)}; expected Inter-X's text_mot_match/model/finest.tar"
        )
    parts = {part: checked_state(content[part], f"{path}: '{part}'") for part in INTERX_PARTS}
    state = {f"{part}.{name}": value for part, tensors in parts.items() for name, value in tensors.items()}
    return interx_from_state(state, str(path))
