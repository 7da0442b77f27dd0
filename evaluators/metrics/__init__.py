"""The paper's metrics: embeddings in, numbers out, float64 throughout (reference section 9).

One metric a file. Nothing here knows a model, a dataset or a protocol: pool sizes, scale factors and
random generators are arguments. `evaluators.protocols.protocol` holds the published values.
"""

from evaluators.metrics.confidence import Interval, confidence_interval
from evaluators.metrics.distances import euclidean_distances
from evaluators.metrics.diversity import diversity
from evaluators.metrics.fid import Gaussian, fid, frechet_distance
from evaluators.metrics.mm_distance import mm_distance, paired_distances
from evaluators.metrics.multimodality import multimodality
from evaluators.metrics.r_precision import pool_ranks, precision_at, r_precision, same_group, split_pools

__all__ = [
    "Gaussian",
    "Interval",
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
