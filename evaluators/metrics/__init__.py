"""The paper's metrics, computed from embeddings in float64.

One metric per file. `evaluate` runs exactly these functions (`evaluators.protocols.scoring`). None of them
depends on a model, a dataset or a protocol: pool sizes, factors, relevance and generators are arguments.
`evaluators.protocols.protocol` holds the published values, `registered` the metrics of installed packages.
Definitions: docs/reference/data-and-evaluation.md#metrics; its #quirks lists the quirks (Q).
"""

from evaluators.metrics.confidence import (
    Difference,
    Interval,
    confidence_interval,
    paired_difference,
    repeated_interval,
    unpaired_difference,
)
from evaluators.metrics.distances import euclidean_distances
from evaluators.metrics.diversity import diversity
from evaluators.metrics.fid import Gaussian, fid, frechet_distance
from evaluators.metrics.mm_distance import mm_distance, paired_distances
from evaluators.metrics.multimodality import multimodality, published_multimodality
from evaluators.metrics.per_clip import (
    diversity_contributions,
    fid_contributions,
    multimodality_contributions,
    r_precision_contributions,
)
from evaluators.metrics.r_precision import (
    NOT_RANKED,
    Retrieval,
    chance_level,
    pool_ranks,
    precision_at,
    r_precision,
    same_group,
    split_pools,
)

__all__ = [
    "NOT_RANKED",
    "Difference",
    "Gaussian",
    "Interval",
    "Retrieval",
    "chance_level",
    "confidence_interval",
    "diversity",
    "diversity_contributions",
    "euclidean_distances",
    "fid",
    "fid_contributions",
    "frechet_distance",
    "mm_distance",
    "multimodality",
    "multimodality_contributions",
    "paired_difference",
    "paired_distances",
    "pool_ranks",
    "precision_at",
    "published_multimodality",
    "r_precision",
    "r_precision_contributions",
    "repeated_interval",
    "same_group",
    "split_pools",
    "unpaired_difference",
]
