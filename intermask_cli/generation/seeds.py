"""One seed per sample, from what the sample is and not from where it stands."""

from __future__ import annotations

import hashlib

MAX_SEED = 2**63 - 1


def sample_seed(run_seed: int, text: str, occurrence: int, sample: int) -> int:
    """63 bits of SHA-256 over the run seed, the text, which occurrence of that text (0 first) and the sample.

    Other lines, their order, batch size, number of processes and resuming do not enter.
    """
    digest = hashlib.sha256(f"{run_seed}\n{occurrence}\n{sample}\n{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def explicit_seed(seed: int, sample: int) -> int:
    """The seed column wins: sample 0 uses exactly that seed, further samples are derived from it."""
    return seed if sample == 0 else sample_seed(seed, "", 0, sample)
