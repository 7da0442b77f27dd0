"""The formula: what N interactions cost in processor time, bytes and merging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figures:
    """What was measured, of one interaction where nothing else is said.

    core_seconds: processor time, from the plan to the written part, without loading the model. bytes: stored.
    merge_bytes_per_second: of the merge into one file, which one process does. index_seconds: of the index
    over parts. gpu_seconds: on a GPU that makes nothing else; None where it was not measured.
    """

    core_seconds: float
    bytes: float
    merge_bytes_per_second: float
    index_seconds: float
    gpu_seconds: float | None = None

    @classmethod
    def of(cls, record: dict[str, Any]) -> Figures:
        """The figures in a result of `measures`."""
        making, merging = record["making"], record["merging"]
        return cls(
            core_seconds=making["core_seconds"] / making["interactions"],
            bytes=making["bytes"] / making["interactions"],
            merge_bytes_per_second=merging["bytes"] / merging["single_seconds"],
            index_seconds=merging["parts_seconds"] / merging["interactions"],
            gpu_seconds=record.get("gpu_seconds"),
        )

    def hours(self, interactions: int, cores: int) -> float:
        """Hours of making them on `cores` cores that never wait."""
        return interactions * self.core_seconds / cores / 3600

    def merge_hours(self, interactions: int) -> float:
        """Hours of merging them into one file afterwards."""
        return interactions * self.bytes / self.merge_bytes_per_second / 3600

    def index_hours(self, interactions: int) -> float:
        """Hours of indexing their parts instead."""
        return interactions * self.index_seconds / 3600

    @property
    def cores_of_equal_merge(self) -> float:
        """The cores with which merging takes as long as making, for any number of interactions."""
        return self.core_seconds * self.merge_bytes_per_second / self.bytes
