"""Pretraining of the text head: classify the labels of the corpus from its captions.

The modulation by text starts at zero, so text influences the transformer's loss late, and roles and sides
last of all. A few minutes of classification give the head useful vectors to start from; the classifiers are
then discarded. The text side of the evaluator is not used as a start: that would favour its own scores.

Who acts is learnt last. On many kinds in many wordings it may not be learnt at all: the clips of a few kinds
come first (`first_kinds`), and what is learnt there carries over.

With a condition per person the labels are those of that person's view (`from_view_of`): "I act", "with my
left hand". Both persons share the classifiers, so a direction means the same for both.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from intermask_cli.console import note
from intermask_cli.models.text_encoders import TextStates
from intermask_cli.models.transformer import InteractionTransformer
from intermask_cli.training.config import Recipe, StageConfig
from intermask_cli.training.loop import TrainingStage
from intermask_cli.training.processes import OwnRows, mean_of_all
from intermask_cli.training.transformer.captions import UNSTATED, CaptionTable
from intermask_cli.training.transformer.stage import TransformerData

#: Captions that are validated together.
VALIDATION_BATCH = 128
#: Labels whose values "0" and "1" are the persons -> the label of the side that person uses.
SIDE_OF = {"actor": "side", "then_actor": "then_side"}
#: Largest gradient norm; the losses of all labels are summed, so gradients are larger than in other stages.
CLIP = 5.0


class LabelBatch(NamedTuple):
    """Texts and the labels they state."""

    text: TextStates
    stated: Tensor  # (B, labels) value numbers, UNSTATED where a caption does not state a label


class LabelObjective(nn.Module):
    """forward(LabelBatch) -> (loss, terms): one classifier per label on each condition vector."""

    def __init__(
        self, transformer: InteractionTransformer, labels: dict[str, list[str]], role_weight: float = 1.0
    ):
        super().__init__()
        self.labels = labels
        roles = {label for pair in SIDE_OF.items() for label in pair}
        self._weights = [role_weight if name in roles else 1.0 for name in labels]
        # Of the transformer, only the text head is registered: with several processes every parameter needs a
        # gradient.
        self.head = nn.ModuleList(transformer.text_modules())
        self.condition = transformer.condition
        self.person_condition = transformer.config.person_condition
        width = transformer.config.text_width
        self.classifiers = nn.ModuleList(
            nn.Linear(width, classes) for classes in self._class_counts().values()
        )

    def forward(self, batch: LabelBatch) -> tuple[Tensor, dict[str, Tensor]]:
        condition, stated = self.examples(batch)
        losses, terms = [], {}
        for number, name in enumerate(self.labels):
            values = stated[:, number]
            loss, accuracy = stated_loss(self.classifiers[number](condition), values)
            if self.training:
                count = (values != UNSTATED).sum()
                loss, accuracy = mean_of_all(loss, count), mean_of_all(accuracy, count)
            terms[name] = accuracy
            losses.append(self._weights[number] * loss)
        return torch.stack(losses).sum(), terms

    def examples(self, batch: LabelBatch) -> tuple[Tensor, Tensor]:
        """Condition vectors (N, E) and the labels (N, labels) they should encode; N is B or 2 B."""
        condition = self.condition(batch.text)
        if not self.person_condition:
            return condition, batch.stated
        stated = torch.stack([from_view_of(person, batch.stated, self.labels) for person in (0, 1)], dim=1)
        return condition.flatten(0, 1), stated.flatten(0, 1)  # (B, 2, ...) -> (2 B, ...)

    def _class_counts(self) -> dict[str, int]:
        sides = SIDE_OF.values() if self.person_condition else ()
        return {name: len(values) * (3 if name in sides else 1) for name, values in self.labels.items()}


def from_view_of(person: int, stated: Tensor, labels: dict[str, list[str]]) -> Tensor:
    """Value numbers (B, labels) in the terms of person 0 or 1; UNSTATED stays.

    An actor becomes 0, "I", or 1, "my partner"; a side its value number, plus the number of values if it is
    the partner's, or twice that if the caption does not say whose.
    """
    values, columns = stated.clone(), {name: column for column, name in enumerate(labels)}
    for actor, side in SIDE_OF.items():
        if actor not in columns:
            continue
        acts = stated[:, columns[actor]]
        is_partner = torch.tensor([value != str(person) for value in labels[actor]], device=stated.device)
        actor_value = is_partner[acts].long()  # 0: I, 1: my partner
        values[:, columns[actor]] = torch.where(acts == UNSTATED, UNSTATED, actor_value)
        if side in columns:
            value, count = stated[:, columns[side]], len(labels[side])
            whose = torch.where(acts == UNSTATED, 2, actor_value)
            values[:, columns[side]] = torch.where(value == UNSTATED, UNSTATED, value + whose * count)
    return values


def stated_loss(logits: Tensor, stated: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and accuracy of logits (B, values) where `stated` (B,) is not UNSTATED; 0 if nowhere."""
    present = stated != UNSTATED
    count = present.sum().clamp(min=1)  # an empty sum must not be the mean's NaN
    logits, stated = logits[present].float(), stated[present]
    loss = F.cross_entropy(logits, stated, reduction="sum") / count
    return loss, (logits.argmax(-1) == stated).float().sum() / count


def clips_of(table: CaptionTable, kinds: str) -> Tensor:
    """Numbers of the clips of one phase whose `kind` is among those, separated by commas."""
    columns = {name: column for column, name in enumerate(table.labels)}
    if "kind" not in columns:
        return torch.empty(0, dtype=torch.int64)
    named = {kind.strip() for kind in kinds.split(",")}
    wanted = [number for number, kind in enumerate(table.labels["kind"]) if kind in named]
    stated = table.stated.amax(1)  # (clips, labels): UNSTATED if no caption of a clip states the label
    of_these = torch.isin(stated[:, columns["kind"]], torch.tensor(wanted, dtype=torch.int64))
    if "then_kind" in columns:
        of_these &= stated[:, columns["then_kind"]] == UNSTATED
    return of_these.nonzero()[:, 0]


class TextPretraining(TrainingStage):
    """The short stage before the training of the transformer."""

    name: ClassVar[str] = "text_head"
    section: ClassVar[str] = "text_pretraining"
    model: InteractionTransformer
    objective: LabelObjective

    def __init__(
        self, recipe: Recipe, data: TransformerData, model: InteractionTransformer, accelerator: Accelerator
    ):
        own = recipe.text_pretraining
        self.config = StageConfig(
            seed=recipe.transformer_training.seed,
            batch_size=own.batch_size,
            steps=own.steps,
            minutes=own.minutes,
            lr=own.lr,
            clip=CLIP,
            schedule="cosine",
            warmup_steps=20,
            precision=recipe.transformer_training.precision,
            validate_minutes=1e9,
            epochs=0.0,
        )
        self._data, self._device, self._rows = data, accelerator.device, OwnRows(accelerator)
        self._rows.check(own.batch_size, self.section)
        self.model = model.to(self._device)
        self.objective = LabelObjective(model, data.captions.labels, own.role_weight).to(self._device)
        self._first_steps = own.first_steps
        self._first = clips_of(data.captions, own.first_kinds)
        if own.first_steps > 0 and len(self._first) == 0:
            note(f"no clips of one phase of {own.first_kinds}: the text head starts with all kinds")
            self._first_steps = 0
        self.steps_per_epoch = max(1, len(data.captions.texts) // own.batch_size)

    def batch(self, step: int) -> LabelBatch:
        """Random clips, at first of a few kinds; captions that state roles preferred."""
        clips = torch.randint(len(self._data.captions.texts), (self.config.batch_size,))
        if step < self._first_steps:
            clips = self._first[clips % len(self._first)]
        texts, stated = self._data.captions.draw(clips)
        return self._labelled(self._rows.of(texts), self._rows.of(stated))

    def _labelled(self, texts: Tensor, stated: Tensor) -> LabelBatch:
        states, d = self._data.states.take(texts), self._device
        text = TextStates(states.states.to(d), states.mask.to(d), states.end.to(d))
        return LabelBatch(text, stated.to(d))

    def validate(self) -> dict[str, float]:
        """Accuracy per label over all validation captions that state it."""
        table: CaptionTable = self._data.validation_captions
        used = table.chances.flatten() > 0
        texts, stated = table.texts.flatten()[used], table.stated.flatten(0, 1)[used]
        correct: dict[str, float] = dict.fromkeys(self.objective.labels, 0.0)
        count: dict[str, float] = dict.fromkeys(self.objective.labels, 0.0)
        for part in torch.arange(len(texts)).split(VALIDATION_BATCH):
            batch = self._labelled(texts[part], stated[part])
            condition, values = self.objective.examples(batch)
            for number, name in enumerate(self.objective.labels):
                present = values[:, number] != UNSTATED
                predicted = self.objective.classifiers[number](condition[present]).argmax(-1)
                correct[name] += float((predicted == values[present, number]).sum())
                count[name] += float(present.sum())
        accuracy = {name: correct[name] / max(1.0, count[name]) for name in correct}
        return {"score": -sum(accuracy.values()) / max(1, len(accuracy)), **accuracy}
