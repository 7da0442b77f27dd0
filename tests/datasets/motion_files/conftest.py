"""The pair of persons that most tests of motion files store."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.motion_samples import fk_pair


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """joints (2, 40, 22, 3) and rotations6d (2, 40, 21, 6)."""
    return fk_pair(40)
