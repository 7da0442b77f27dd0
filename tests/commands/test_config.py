"""Configuration records refuse what no network can be built from, and name the key."""

from __future__ import annotations

import pytest

from intermask_cli.config import SamplingConfig, TokenizerConfig, TransformerConfig
from intermask_cli.errors import InputError


@pytest.mark.parametrize("value", [0, -1, 1.5, "96", True, None])
@pytest.mark.parametrize(
    ("kind", "name"),
    [(TokenizerConfig, "dilation_growth"), (TokenizerConfig, "width"), (TransformerConfig, "layers")],
)
def test_sizes_are_whole_numbers_above_zero(kind, name, value):
    with pytest.raises(InputError, match=f"{name} is {value!r}; accepted: a whole number above 0"):
        kind(**{name: value})


def test_heads_divide_widths():
    with pytest.raises(InputError, match="latent_dim=384 is not a multiple of heads=5"):
        TransformerConfig(heads=5)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (TokenizerConfig, {"representation": "kit"}, "representation is 'kit'; accepted: interhuman, interx"),
        (TokenizerConfig, {"representation": "interx", "stem": "graph"}, "'graph'; accepted: conv"),
        (TokenizerConfig, {"activation": "tanh"}, "activation is 'tanh'; accepted: relu, silu, gelu"),
        (TransformerConfig, {"dropout": "1e-1"}, "dropout is '1e-1'; expected a number"),
        (TransformerConfig, {"person_embedding": 1}, "person_embedding is 1; expected true or false"),
        (SamplingConfig, {"steps": 2.5}, "steps is 2.5; expected a whole number"),
    ],
)
def test_fields_are_checked_against_their_annotations(kind, values, message):
    with pytest.raises(InputError, match=message):
        kind(**values)


def test_whole_numbers_do_for_floats_and_stay_whole():
    assert str(SamplingConfig(guidance=2).guidance) == "2"
