"""Metrics of installed packages, reported with the paper's: entry points of the group `intermask.metrics`.

A metric is a callable `metric(generated, reference, text) -> float`. Its arguments are the motion embeddings
(N, D) of the scored interactions, those (M, D) of the reference, and the embeddings (N, D) of the scored
interactions' captions, all float32 and unscaled. It is called once per repetition. Every row of an evaluation
reports the mean with its 95 % interval, under the name of the entry point. In the package's pyproject.toml:

    [project.entry-points."intermask.metrics"]
    "Mean norm" = "my_package:mean_norm"

A metric that fails is reported as absent with its error; the other numbers stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from intermask_cli import plugins

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def registered_metrics() -> dict[str, Metric]:
    """Installed metrics by name, in the order of their names."""
    return {name: plugins.load(plugins.METRICS, name) for name in plugins.registered(plugins.METRICS)}


def registered_scores(
    generated: np.ndarray, reference: np.ndarray, text: np.ndarray
) -> dict[str, float | str]:
    """Every installed metric of one repetition; a string is the reason why it is absent."""
    scores: dict[str, float | str] = {}
    for name, metric in registered_metrics().items():
        try:
            value = float(metric(generated, reference, text))
        except Exception as error:  # an error of a plug-in must not stop the other metrics
            scores[name] = f"{type(error).__name__}: {error}"
            continue
        scores[name] = value if math.isfinite(value) else f"the metric returned {value}"
    return scores
