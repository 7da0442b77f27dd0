"""Configuration records refuse what no network can be built from, and name the key."""

from __future__ import annotations

import pytest

from intermask_cli.config import TokenizerConfig, TransformerConfig
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
