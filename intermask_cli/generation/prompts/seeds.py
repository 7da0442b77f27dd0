"""One seed per sample, derived from its text and not from its position in the prompt file."""

from __future__ import annotations

import hashlib

MAX_SEED = 2**63 - 1


def sample_seed(run_seed: int, text: str, occurrence: int, sample: int) -> int:
    """63 bits of the SHA-256 of the run seed, the text, the occurrence of that text (from 0) and the sample.

    Other lines, their order, batch size, number of processes and resuming do not change it.
    """
    digest = hashlib.sha256(f"{run_seed}\n{occurrence}\n{sample}\n{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def explicit_seed(seed: int, sample: int) -> int:
    """The seed of a sample whose prompt has a seed: that seed for sample 0, else one derived from it."""
    return seed if sample == 0 else sample_seed(seed, "", 0, sample)


def next_seed(seed: int) -> int:
    """The seed of the sample that is made in place of the one with this seed."""
    digest = hashlib.sha256(f"{seed}\nagain".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
