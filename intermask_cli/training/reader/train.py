"""Training of a model's label reader, and the files it adds to the model's bundle."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from intermask_cli.console import counter, note
from intermask_cli.datasets.duets.labels import APPROACHES, KINDS, TEMPOS
from intermask_cli.errors import InputError
from intermask_cli.models.bundle import load_bundle
from intermask_cli.models.bundle_files import write_config
from intermask_cli.models.bundle_info import MODEL, READER, READER_TABLES, bundle_sha256, resolve_bundle
from intermask_cli.models.text_encoders import TextEncoder
from intermask_cli.models.text_head import PooledTextHead
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.models.weights import save_weights
from intermask_cli.reading.label_network import LabelNetwork, LabelNetworkConfig
from intermask_cli.reading.label_tables import THEN, LabelTables
from intermask_cli.reading.readers import LABELS
from intermask_cli.training.reader.sentences import (
    OPEN,
    Sentence,
    captions_of_kinds,
    captions_of_two,
    outside_sentences,
    paraphrases_of_kinds,
)
from intermask_cli.training.reader.tables import kind_tables
from intermask_cli.training.transformer.captions import UNSTATED, StateCache, cached_states

#: The state cache's file, in the folder for work files.
STATES = "reader-states.safetensors"


@dataclass(frozen=True)
class ReaderRecipe:
    """How a reader is trained; the numbers of sentences are per kind unless said."""

    seed: int = 3407
    captions: int = 200
    paraphrases: int = 120
    two_phases: int = 2500  # in all
    outside: int = 4  # people given to every sentence that is outside
    steps: int = 1600
    batch_size: int = 64
    #: learning rates of the linear heads, of the kind's, and of the small transformer
    lr_labels: float = 5e-3
    lr_kind: float = 3e-3
    lr_layers: float = 6e-4
    #: of the kind's weights: a plain linear classifier is less sure of words it never met
    weight_decay: float = 0.05
    least_confidence: float = 0.4
    split_confidence: float = 0.6


def train_reader(
    model: str, kinds: Sequence[str], work: Path, recipe: ReaderRecipe | None = None
) -> dict[str, Any]:
    """Train a reader for a model and put it into its bundle -> a summary.

    model: a bundle's name or folder. kinds: those that the model knows; the reader tells all kinds of the
    corpus apart, and says of the others that the model does not know them. work: folder for encoded
    sentences, which are used again.

    Raises InputError for kinds the corpus does not have.
    """
    from intermask_cli.inference.model import default_encoder
    from intermask_cli.models.text_encoders import load_text_encoder

    recipe = recipe or ReaderRecipe()
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise InputError(f"unknown kind '{unknown[0]}'; accepted: {', '.join(KINDS)}")
    folder = resolve_bundle(model)
    bundle = load_bundle(folder)
    encoder = load_text_encoder(default_encoder(bundle.info))
    rng = np.random.default_rng(recipe.seed)
    sentences = training_sentences(recipe, rng)
    labels = label_values()
    width = bundle.info.text_encoder["dim"]
    network = _new_network(bundle.transformer, width, len(KINDS), labels, recipe.seed)
    work.mkdir(parents=True, exist_ok=True)
    texts = list(dict.fromkeys(sentence.text for sentence in sentences))
    states = cached_states(work / STATES, texts, encoder)
    accuracy = fit(network, sentences, states, list(KINDS), labels, recipe)
    tables = LabelTables(
        network=network.config,
        kinds=tuple(KINDS),
        labels=labels,
        least_confidence=recipe.least_confidence,
        split_confidence=recipe.split_confidence,
        tables=kind_tables(kinds, _condition_vectors(bundle.transformer, encoder), recipe.seed),
    )
    save_weights(network.state_dict(), folder / READER, fp16=True)
    tables.save(folder / READER_TABLES)
    write_config(folder, MODEL, replace(bundle.info, reading=LABELS))
    return {
        "bundle": str(folder),
        "sha256": bundle_sha256(folder),
        "sentences": len(texts),
        "kinds": len(KINDS),
        "known_to_the_model": len(kinds),
        **accuracy,
    }


def label_values() -> dict[str, list[str]]:
    """Every label that a reader reads, and its values."""
    manners = sorted({manner for info in KINDS.values() for manner in info.manners})
    repeats = sorted({str(number) for info in KINDS.values() for number in info.repeats})
    both = {"actor": ["0", "1"], "side": ["left", "right", "straight"], "manner": manners, "repeats": repeats}
    once = {"tempo": list(TEMPOS), "approach": list(APPROACHES)}
    return {**both, **once, **{THEN + name: values for name, values in both.items()}}


def training_sentences(recipe: ReaderRecipe, rng: np.random.Generator) -> list[Sentence]:
    """All sentences of a training."""
    kinds = list(KINDS)
    return [
        *captions_of_kinds(rng, kinds, recipe.captions),
        *paraphrases_of_kinds(rng, kinds, recipe.paraphrases),
        *captions_of_two(rng, kinds, recipe.two_phases),
        *outside_sentences(rng, recipe.outside),
    ]


def _new_network(
    transformer: InteractionTransformer, dim: int, kinds: int, labels: dict[str, list[str]], seed: int
) -> LabelNetwork:
    """A network that starts from the text head of a model, or from random weights where that is another."""
    config, heads = transformer.config, transformer.text_modules()
    torch.manual_seed(seed)
    pooled = next((head for head in heads if isinstance(head, PooledTextHead)), None)
    if pooled is None:
        return LabelNetwork(LabelNetworkConfig(dim), kinds, labels)
    sizes = LabelNetworkConfig(dim, config.text_width, config.text_heads, config.text_layers, config.text_ff)
    network = LabelNetwork(sizes, kinds, labels)
    own = network.state_dict()
    shared = {name: value for name, value in pooled.state_dict().items() if name in own}
    network.load_state_dict({**own, **shared})
    return network


def fit(
    network: LabelNetwork,
    sentences: Sequence[Sentence],
    states: StateCache,
    kinds: Sequence[str],
    labels: dict[str, list[str]],
    recipe: ReaderRecipe,
) -> dict[str, float]:
    """Train a network on sentences -> its accuracy in the last tenth of the training."""
    numbers = torch.tensor([states.number[sentence.text] for sentence in sentences])
    kind_of = torch.tensor([_kind_number(sentence, kinds) for sentence in sentences])
    stated = {name: _label_numbers(sentences, name, values) for name, values in labels.items()}
    groups = {"labels": recipe.lr_labels, "kind": recipe.lr_kind}
    parameters = [
        {
            "params": [p for name, p in network.named_parameters() if name.partition(".")[0] == group],
            "lr": lr,
            "weight_decay": recipe.weight_decay if group == "kind" else 0.01,
        }
        for group, lr in groups.items()
    ]
    others = [p for name, p in network.named_parameters() if name.partition(".")[0] not in groups]
    optimizer = torch.optim.AdamW([*parameters, {"params": others, "lr": recipe.lr_layers}])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe.steps))
    batches = _batches(states.lengths(numbers), recipe)
    right: dict[str, list[float]] = {}
    network.train()
    with counter("train the reader", recipe.steps, "steps") as progress:
        for step, rows in zip(range(recipe.steps), batches, strict=False):
            kind_logits, logits = network(states.take(numbers[rows]))
            outputs = {"kind": (kind_logits, kind_of[rows])}
            outputs |= {name: (logits[name], stated[name][rows]) for name in labels}
            loss = torch.zeros(())
            for name, (output, target) in outputs.items():
                known = target != UNSTATED
                if not bool(known.any()):
                    continue
                loss = loss + F.cross_entropy(output[known], target[known])
                if step >= 0.9 * recipe.steps:
                    hits = (output[known].argmax(-1) == target[known]).float().mean()
                    right.setdefault(name, []).append(float(hits))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.advance(status=f"loss {loss.item():.2f}")
    network.eval()
    accuracy = {name: round(sum(hits) / len(hits), 3) for name, hits in right.items()}
    note(f"right while training: {accuracy}")
    return accuracy


def _batches(lengths: Tensor, recipe: ReaderRecipe) -> Iterator[Tensor]:
    """Endless batches of row numbers; each is cut from a sorted stretch, so little is padded."""
    generator = torch.Generator().manual_seed(recipe.seed)
    stretch = 16
    while True:
        rows = torch.randint(len(lengths), (recipe.batch_size * stretch,), generator=generator)
        parts = rows[lengths[rows].argsort(stable=True)].split(recipe.batch_size)
        yield from (parts[i] for i in torch.randperm(stretch, generator=generator))


def _rate(step: int, steps: int, warmup: int = 50) -> float:
    """Factor of the learning rates: up over the first steps, then down along a cosine."""
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _kind_number(sentence: Sentence, kinds: Sequence[str]) -> int:
    """Class of the kind: 0 for none; unknown for two phases, which have two."""
    if any(name.startswith(THEN) for name in sentence.labels):
        return UNSTATED
    return 1 + kinds.index(sentence.kind) if sentence.kind else 0


def _label_numbers(sentences: Sequence[Sentence], name: str, values: Sequence[str]) -> Tensor:
    """Class of a label in each sentence: 0 where it is left open."""
    numbers = {OPEN: 0, **{value: number for number, value in enumerate(values, start=1)}}
    return torch.tensor([numbers[s.labels[name]] if name in s.labels else UNSTATED for s in sentences])


def _condition_vectors(transformer: InteractionTransformer, encoder: TextEncoder) -> Any:
    """Texts -> the model's conditions (N, E), those of both persons side by side."""

    @torch.inference_mode()
    def vectors(texts: Sequence[str]) -> Tensor:
        parts = [transformer.condition(encoder.encode([text])).flatten() for text in texts]
        return torch.stack(parts)

    return vectors
