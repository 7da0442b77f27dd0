"""Training of a model's label reader, and the files it adds to the model's bundle."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from intermask_cli.console import counter
from intermask_cli.datasets.duets.labels import APPROACHES, KINDS, TEMPOS
from intermask_cli.errors import InputError
from intermask_cli.models.bundle import load_bundle
from intermask_cli.models.bundle_files import write_config
from intermask_cli.models.bundle_info import MODEL, READER, READER_TABLES, bundle_sha256, resolve_bundle
from intermask_cli.models.text_encoders import TextEncoder
from intermask_cli.models.text_head import PooledTextHead
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.models.weights import save_weights
from intermask_cli.reading.label_network import LabelNetwork
from intermask_cli.reading.label_tables import LabelNetworkConfig, LabelTables
from intermask_cli.reading.readers import LABELS
from intermask_cli.training.reader.sentences import (
    OPEN,
    Sentence,
    captions_of_kinds,
    outside_sentences,
    paraphrases_of_kinds,
    plain_sentences,
    role_sentences,
)
from intermask_cli.training.reader.tables import kind_tables
from intermask_cli.training.transformer.captions import UNSTATED, StateCache, cached_states

#: Variants of a kind: "they bow" is a bow for a model that does not know that both can.
VARIANTS = {"both_bow": "bow", "waves_back": "wave", "high_ten": "high_five"}
#: Sentences whose states are averaged together.
_TOGETHER = 256
#: The state caches' files, in the folder for work files: of sentences for kinds and for labels.
KIND_STATES, LABEL_STATES = "reader-kinds.safetensors", "reader-labels.safetensors"
PLAIN_STATES = "reader-plain.safetensors"


@dataclass(frozen=True)
class ReaderRecipe:
    """How a reader is trained; the numbers of sentences are per kind unless said."""

    seed: int = 3407
    captions: int = 100
    paraphrases: int = 80
    #: of kinds that the model does not know, of which no labels are read
    unknown: int = 40
    plain: int = 6  # people given to every plainest sentence
    roles: int = 3  # people given to every sentence of `roles.yaml`, twice: either person acts
    outside: int = 3  # people given to every sentence that is outside
    steps: int = 2500  # of the labels
    kind_steps: int = 2000
    batch_size: int = 64
    #: learning rates of the labels' linear heads, of the kind's, and of the small transformer
    lr_heads: float = 5e-3
    lr_kind: float = 3e-3
    lr_layers: float = 6e-4
    #: of the kind's weights: a plain linear classifier is less sure of words it never met
    weight_decay: float = 0.05
    #: normal noise on the normalised mean states: users write what lies between the captions
    noise: float = 1.0
    least_confidence: float = 0.25
    split_confidence: float = 0.6


def train_reader(
    model: str, kinds: Sequence[str], work: Path, recipe: ReaderRecipe | None = None
) -> dict[str, Any]:
    """Train a reader for a model and put it into its bundle -> a summary.

    model: a bundle's name or folder. kinds: those that the model knows; the reader distinguishes all kinds of
    the corpus, and says of the others that the model does not know them. work: folder for encoded
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
    sentences = training_sentences(recipe, kinds, rng)
    labels = label_values()
    width = bundle.info.text_encoder["dim"]
    network = _new_network(bundle.transformer, width, len(KINDS), labels, recipe.seed)
    work.mkdir(parents=True, exist_ok=True)
    variants = {kind for kind, plain in VARIANTS.items() if kind not in kinds and plain in kinds}
    examples = [
        _kind_examples(network, some, variants, work / file, encoder)
        for some, file in ((sentences, KIND_STATES), (plain_sentences(rng, recipe.plain), PLAIN_STATES))
    ]
    means, targets = (torch.cat(parts) for parts in zip(*examples, strict=True))
    accuracy = {"kind": fit_kind(network, means, targets, recipe)}
    labelled = [sentence for sentence in sentences if sentence.labels]
    numbered = list(dict.fromkeys(s.numbered for s in labelled))
    accuracy |= fit_labels(
        network, labelled, cached_states(work / LABEL_STATES, numbered, encoder), labels, recipe
    )
    tables = LabelTables(
        network=network.config,
        kinds=tuple(KINDS),
        labels=labels,
        least_confidence=recipe.least_confidence,
        split_confidence=recipe.split_confidence,
        tables=kind_tables(kinds, recipe.seed),
    )
    save_weights(network.state_dict(), folder / READER, fp16=True)
    tables.save(folder / READER_TABLES)
    write_config(folder, MODEL, replace(bundle.info, reading=LABELS))
    return {
        "bundle": str(folder),
        "sha256": bundle_sha256(folder),
        "sentences": len(targets),
        "kinds": len(KINDS),
        "known_to_the_model": len(kinds),
        **accuracy,
    }


def label_values() -> dict[str, list[str]]:
    """Every label that a reader reads, and its values."""
    manners = sorted({manner for info in KINDS.values() for manner in info.manners})
    repeats = sorted({str(number) for info in KINDS.values() for number in info.repeats})
    return {
        "actor": ["0", "1"],
        "side": ["left", "right", "straight"],
        "manner": manners,
        "tempo": list(TEMPOS),
        "approach": list(APPROACHES),
        "repeats": repeats,
    }


def training_sentences(
    recipe: ReaderRecipe, kinds: Sequence[str], rng: np.random.Generator
) -> list[Sentence]:
    """All sentences of a training for a model that knows some kinds."""
    others = [kind for kind in KINDS if kind not in kinds]
    unknown = [
        *captions_of_kinds(rng, others, recipe.unknown),
        *paraphrases_of_kinds(rng, others, recipe.unknown),
    ]
    return [
        *captions_of_kinds(rng, kinds, recipe.captions),
        *paraphrases_of_kinds(rng, kinds, recipe.paraphrases),
        *role_sentences(rng, kinds, recipe.roles),
        *(sentence._replace(labels={}) for sentence in unknown),
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


def fit_labels(
    network: LabelNetwork,
    labelled: Sequence[Sentence],
    states: StateCache,
    labels: dict[str, list[str]],
    recipe: ReaderRecipe,
) -> dict[str, float]:
    """Train what reads the labels, on numbered sentences -> accuracy in the last tenth of the training."""
    numbers = torch.tensor([states.number[sentence.numbered] for sentence in labelled])
    stated = {name: _label_numbers(labelled, name, values) for name, values in labels.items()}
    heads = list(network.heads.parameters())
    layers = [
        network.query,
        *(p for part in (network.project, network.layers, network.norm) for p in part.parameters()),
    ]
    optimizer = torch.optim.AdamW(
        [{"params": heads, "lr": recipe.lr_heads}, {"params": layers, "lr": recipe.lr_layers}]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe.steps))
    hits: dict[str, list[float]] = {name: [] for name in labels}
    network.train()
    with counter("train the reader's labels", recipe.steps, "steps") as progress:
        for _, rows in zip(range(recipe.steps), _batches(states.lengths(numbers), recipe), strict=False):
            logits = network.labels(states.take(numbers[rows]))
            losses = []
            for name, values in stated.items():
                known = values[rows] != UNSTATED
                target, output = values[rows][known], logits[name][known]
                if len(target):
                    losses.append(F.cross_entropy(output, target))
                    hits[name].append(float((output.argmax(-1) == target).float().mean()))
            loss = torch.stack(losses).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.advance(status=f"loss {loss.item():.2f}")
    network.eval()
    last = {name: of_label[-max(len(of_label) // 10, 1) :] for name, of_label in hits.items()}
    return {name: round(float(np.mean(of_label)), 3) for name, of_label in last.items() if of_label}


def _kind_examples(
    network: LabelNetwork,
    sentences: Sequence[Sentence],
    left_out: Set[str],
    cache: Path,
    encoder: TextEncoder,
) -> tuple[Tensor, Tensor]:
    """Mean states of sentences (N, D) and the classes of their kinds (N,), 0 for none."""
    texts = list(dict.fromkeys(sentence.text for sentence in sentences))
    states = cached_states(cache, texts, encoder)
    kinds = list(KINDS)
    chosen = [sentence for sentence in sentences if sentence.kind not in left_out]
    numbers = torch.tensor([states.number[sentence.text] for sentence in chosen])
    targets = torch.tensor([1 + kinds.index(s.kind) if s.kind else 0 for s in chosen])
    with torch.no_grad():
        means = torch.cat([network.mean(states.take(part)) for part in numbers.split(_TOGETHER)])
    return means, targets


def fit_kind(network: LabelNetwork, means: Tensor, targets: Tensor, recipe: ReaderRecipe) -> float:
    """Train the linear classifier of kinds on mean states (N, D) and classes (N,) -> its accuracy."""
    classifier = network.kind
    optimizer = torch.optim.AdamW(classifier.parameters(), recipe.lr_kind, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe.kind_steps))
    generator = torch.Generator().manual_seed(recipe.seed)
    for _ in range(recipe.kind_steps):
        rows = torch.randint(len(means), (recipe.batch_size,), generator=generator)
        noise = torch.randn(len(rows), means.shape[1], generator=generator) * recipe.noise
        loss = F.cross_entropy(classifier(means[rows] + noise), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return round(float((classifier(means).argmax(-1) == targets).float().mean()), 3)


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


def _label_numbers(sentences: Sequence[Sentence], name: str, values: Sequence[str]) -> Tensor:
    """Class of a label in each sentence: 0 where it is left open."""
    numbers = {OPEN: 0, **{value: number for number, value in enumerate(values, start=1)}}
    return torch.tensor([numbers[s.labels[name]] if name in s.labels else UNSTATED for s in sentences])
