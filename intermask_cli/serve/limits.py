"""What one client may ask of the service, and what the service keeps."""

from __future__ import annotations

from dataclasses import dataclass

from intermask_cli.errors import InputError

#: Bytes of a request with prompts. 64 prompts of a page each take a quarter of it.
JSON_BYTES = 2**20
#: Interactions of ended jobs that stay on disk: about 1 GB of five-second clips.
KEPT_INTERACTIONS = 8192
#: Most decoding steps of a request; models are published with 10 to 20.
MAX_STEPS = 100
#: Longest time for which a request for a status waits, seconds: proxies end longer ones.
MAX_WAIT_S = 30.0


@dataclass(frozen=True)
class ServeLimits:
    """Limits of the service.

    Attributes:
        seconds: longest clip.
        interactions: of one request: prompts times samples.
        queue: interactions of all requests that wait or are being made.
        upload_bytes: of a motion file.
        keep_s: seconds that the result of a job stays.
    """

    seconds: float = 20.0
    interactions: int = 64
    queue: int = 512
    upload_bytes: int = 16 * 2**20
    keep_s: float = 3600.0

    def __post_init__(self) -> None:
        if self.queue < self.interactions:
            raise InputError(
                f"--queue {self.queue} is less than --max-interactions {self.interactions}; "
                "a full request would never fit"
            )
