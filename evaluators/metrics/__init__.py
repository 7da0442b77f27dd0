"""The paper's metrics, computed from embeddings in float64.

One metric per file. `evaluate` runs exactly these functions (`evaluators.protocols.scoring`). None of them
depends on a model, a dataset or a protocol: pool sizes, factors, relevance and generators are arguments.
`evaluators.protocols.protocol` holds the published values, `registered` the metrics of installed packages.
Definitions: docs/reference/data-and-evaluation.md#metrics; its #quirks lists the quirks (Q).
"""

from evaluators.metrics.confidence import Interval, confidence_interval
from evaluators.metrics.distances import euclidean_distances
from evaluators.metrics.diversity import diversity
from evaluators.metrics.fid import Gaussian, fid, frechet_distance
from evaluators.metrics.mm_distance import mm_distance, paired_distances
from evaluators.metrics.multimodality import multimodality
from evaluators.metrics.r_precision import (
    NOT_RANKED,
    Retrieval,
    pool_ranks,
    precision_at,
    r_precision,
    same_group,
    split_pools,
)

__all__ = [
    "NOT_RANKED",
    "Gaussian",
    "Interval",
    "Retrieval",
    "confidence_interval",
    "diversity",
    "euclidean_distances",
    "fid",
    "frechet_distance",
    "mm_distance",
    "multimodality",
    "paired_distances",
    "pool_ranks",
    "precision_at",
    "r_precision",
    "same_group",
    "split_pools",
]
