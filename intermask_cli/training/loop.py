"""The training loop of every stage: budget, checkpoints, validation, log, averaged weights, signals."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from intermask_cli.console import Counter, counter, note
from intermask_cli.errors import EXIT_SIGINT, EXIT_SIGTERM, InputError, IntermaskError, InterruptedRun
from intermask_cli.files import write_json
from intermask_cli.training.checkpoints import (
    LAST,
    STATE,
    TrainingState,
    find_checkpoint,
    load_last,
    save_best,
    save_last,
)
from intermask_cli.training.config import StageConfig
from intermask_cli.training.first_step import FirstStep
from intermask_cli.training.log import TRAIN, VALIDATION, LogTable, draw_curves
from intermask_cli.training.schedule import TrainingBudget, learning_rate_factor, seed_step

REPORT = "report.json"


class TrainingStage(ABC):
    """What the loop needs of a kind of training: a model, its loss, its batches and its validation."""

    name: ClassVar[str]
    section: ClassVar[str]  # of the recipe that has the stage's learning rate
    #: Whether several processes share each batch, so that they do what one process does. Random draws for a
    #: batch are then the same in all of them, and each keeps its own rows.
    shares_batch: ClassVar[bool] = True
    config: StageConfig
    model: nn.Module  # its state dict is saved
    objective: nn.Module  # forward(batch) -> (loss, terms by name); contains the model
    steps_per_epoch: int

    @abstractmethod
    def batch(self, step: int) -> Any:
        """Training batch of a step on the accelerator's device; global random state is already set."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Validation figures of `model`; the weights with the lowest finite `score` are kept as the best."""

    def before_step(self, step: int) -> None:  # noqa: B027 - most stages have nothing to do
        """Called before the batch of a step is drawn."""

    def freeze(self) -> None:  # noqa: B027 - most stages train everything
        """Put frozen parts back into eval mode; called after the objective was put into training mode."""

    def planned_steps(self) -> int:
        """Budget in steps; 0 if only time limits the stage."""
        if self.config.steps > 0:
            return self.config.steps
        return math.ceil(self.config.epochs * self.steps_per_epoch)

    def minimum_steps(self) -> int:
        """Steps below which the stage has no result."""
        return 1

    def minimum_advice(self) -> str:
        """Why there is such a minimum, and what lowers it."""
        return ""

    def draws_in_model(self) -> bool:
        """Whether the model draws random numbers in training, as drop-out does."""
        return any(isinstance(module, nn.Dropout) and module.p > 0 for module in self.objective.modules())

    def positions(self) -> int:
        """Places of a step's batch at which the model's weights are used, for an estimate of its cost."""
        return self.config.batch_size

    def warmup_steps(self) -> int:
        """Length of the linear warm-up."""
        return self.config.warmup_steps or int(self.config.warmup_epochs * self.steps_per_epoch)


class StageRun:
    """One training in a folder, started with `run`. `clock` returns seconds, for budgets in time."""

    def __init__(
        self,
        stage: TrainingStage,
        folder: Path,
        accelerator: Accelerator,
        resume: bool,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.stage, self.folder, self.accelerator = stage, folder, accelerator
        self.config = stage.config
        folder.mkdir(parents=True, exist_ok=True)
        optimizer = torch.optim.AdamW(
            [p for p in stage.objective.parameters() if p.requires_grad],
            lr=self.config.lr,
            betas=(self.config.betas[0], self.config.betas[1]),
            weight_decay=self.config.weight_decay,
            fused=True,
        )
        self._check_budget()
        self.ema = AveragedWeights(stage.model, self.config.ema) if self.config.ema > 0 else None
        self.state = TrainingState()
        if resume:
            self.state, average = load_last(folder, stage.model, optimizer)
            if self.ema and average:
                self.ema.load(average)
        self.optimizer = optimizer
        self.objective = accelerator.prepare_model(stage.objective)
        self.budget = TrainingBudget(stage.planned_steps(), self.config.minutes, self.state.elapsed_s, clock)
        if accelerator.is_main_process:
            self._train_log = LogTable(folder / TRAIN, self.state.step)
            self._validation_log = LogTable(folder / VALIDATION, self.state.step)
        self._sums: dict[str, Tensor] = {}
        self._first_bad = torch.full((), -1, device=accelerator.device)  # first step without a finite loss
        self._last_save_s = self.state.elapsed_s

    def run(self) -> dict[str, Any]:
        """Train until the budget is used up -> the report.

        SIGTERM or SIGINT ends it after the current step: a checkpoint is saved and InterruptedRun is raised.
        Raises IntermaskError if the loss is not finite.
        """
        stage, weights = self.stage, sum(p.numel() for p in self.stage.objective.parameters())
        samples, positions = self.config.batch_size, stage.positions()
        announce = FirstStep(stage.name, stage.section, weights, samples, positions, self.accelerator)
        with StopRequest() as stop, self._counter() as progress_bar:
            while (progress := self._shared(self.budget.progress(self.state.step))) < 1.0:
                with announce:
                    self._step(progress)
                self._count(progress_bar)
                if exit_code := int(self._shared(float(stop.exit_code))):
                    self._save()
                    raise InterruptedRun(
                        f"{self.stage.name}: stopped after step {self.state.step}; --resume continues",
                        exit_code,
                    )
                self._housekeeping()
        if self.state.step and self.state.validated_s < self.state.elapsed_s:
            self._validate()
        self._save()
        score = self.state.best.get("score", math.inf)  # rank 0 has it
        if not math.isfinite(self._shared(score)):
            raise IntermaskError(
                f"{self.stage.name}: no usable validation after {self.state.step} steps"
                f"{self.stage.minimum_advice()}; continue with --resume and a larger budget"
            )
        return self._report()

    def _check_budget(self) -> None:
        planned, minimum = self.stage.planned_steps(), self.stage.minimum_steps()
        if 0 < planned < minimum:
            raise InputError(
                f"{self.stage.name}: a budget of {planned} steps{self.stage.minimum_advice()}; accepted: "
                f"{minimum} steps or more"
            )

    def _step(self, progress: float) -> None:
        step, config, stage = self.state.step, self.config, self.stage
        rank, several = self.accelerator.process_index, self.accelerator.num_processes > 1
        seed_step(config.seed, stage.name, step, 0 if stage.shares_batch else rank)
        self.stage.before_step(step)
        rate = config.lr * learning_rate_factor(
            config, step, progress, self.stage.warmup_steps(), self.stage.planned_steps()
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.objective.train()
        self.stage.freeze()
        batch = self.stage.batch(step)
        if several and stage.shares_batch and stage.draws_in_model():
            # Otherwise drop-out would hide the same places in the rows of every process.
            seed_step(config.seed, stage.name, step, 1 + rank)
        with self._autocast():
            loss, terms = self.objective(batch)
        bad = ~torch.isfinite(loss.detach()) & (self._first_bad < 0)
        self._first_bad = torch.where(bad, step + 1, self._first_bad)  # read later, without waiting now
        loss.backward()
        if config.clip > 0:
            terms["gradient"] = nn.utils.clip_grad_norm_(self.stage.objective.parameters(), config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema:
            self.ema.update(step)
        self.state.step += 1
        self._log({"loss": loss, **terms}, rate)

    def _autocast(self) -> contextlib.AbstractContextManager[None]:
        return torch.autocast(
            self.accelerator.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"
        )

    def _log(self, terms: dict[str, Tensor], rate: float) -> None:
        for name, value in terms.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        if self.state.step % self.config.log_steps:
            return
        self._check_finite(rate)
        means = self._means_over_ranks()
        self._sums = {}
        self._status = f"loss {means['loss']:.4f} lr {rate:.2e}"
        if self.accelerator.is_main_process:
            minutes = self.budget.elapsed_s() / 60
            self._train_log.add({"step": self.state.step, "minutes": minutes, "lr": rate, **means})
        self._track("train", {"lr": rate, **means})

    def _means_over_ranks(self) -> dict[str, float]:
        """Means of the logged terms since the last row, over all processes."""
        names, world = list(self._sums), self.accelerator.num_processes
        sums = torch.stack([self._sums[name].to(self.accelerator.device) for name in names])
        if world > 1:
            torch.distributed.all_reduce(sums)
        return dict(zip(names, (sums / (world * self.config.log_steps)).tolist(), strict=True))

    def _track(self, kind: str, figures: dict[str, float]) -> None:
        """Give figures to the trackers of `--log-with`, if there are any."""
        if self.accelerator.trackers:
            named = {f"{self.stage.name}/{kind}/{name}": value for name, value in figures.items()}
            self.accelerator.log(named, step=self.state.step)

    def _check_finite(self, rate: float) -> None:
        """Raise IntermaskError if a loss or a weight is not finite; checkpoints stay as they are.

        Processes look together, as one of them may have seen it alone.
        """
        first = self._first_bad.clone()
        if self.accelerator.num_processes > 1:
            torch.distributed.all_reduce(first, torch.distributed.ReduceOp.MAX)
        weights = (v for v in self.stage.model.state_dict().values() if v.is_floating_point())
        if int(first) < 0 and all(bool(torch.isfinite(value).all()) for value in weights):
            return
        what = f"loss is not finite in step {int(first)}" if int(first) > 0 else (
            f"weights are not finite after step {self.state.step}"
        )  # fmt: skip
        lower = f"--set {self.stage.section}.lr={self.config.lr / 10:.2g}"
        checkpoint = find_checkpoint(self.folder, LAST)
        if checkpoint is not None:
            step = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))["step"]
            remedy = f"the checkpoint of step {step} is whole: continue from it with --resume and {lower}"
        else:
            remedy = f"there is no checkpoint yet: start again, without --resume, with {lower}"
        raise IntermaskError(
            f"{self.stage.name}: {what} (learning rate {rate:g}, after the warm-up {self.config.lr:g}); "
            f"{remedy}"
        )

    def _housekeeping(self) -> None:
        """Validate and save if it is due by the clock of rank 0."""
        self.state.elapsed_s = self._shared(self.budget.elapsed_s())
        if self.state.elapsed_s - self.state.validated_s >= 60 * self.config.validate_minutes:
            self._validate()
        if self.state.elapsed_s - self._last_save_s >= 60 * self.config.save_minutes:
            self._save()

    def _validate(self) -> None:
        self._check_finite(self.optimizer.param_groups[0]["lr"])
        self.state.validated_s = self.state.elapsed_s
        if self.accelerator.is_main_process:
            self.stage.objective.eval()
            with torch.no_grad(), self.ema.applied() if self.ema else contextlib.nullcontext():
                figures = self.stage.validate()
                record = {"step": self.state.step, "minutes": self.state.elapsed_s / 60, **figures}
                if math.isfinite(figures["score"]) and figures["score"] <= self.state.best.get(
                    "score", math.inf
                ):
                    self.state.best = record
                    save_best(self.folder, self.stage.model, record)
            self._validation_log.add(record)
            self._track("validation", figures)
            note(
                f"{self.stage.name} step {self.state.step}: "
                + ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            )
        self.accelerator.wait_for_everyone()

    def _save(self) -> None:
        self._check_finite(self.optimizer.param_groups[0]["lr"])
        self.state.elapsed_s = self._shared(self.budget.elapsed_s())
        self._last_save_s = self.state.elapsed_s
        if self.accelerator.is_main_process:
            average = self.ema.shadow if self.ema else None
            save_last(self.folder, self.stage.model, average, self.optimizer, self.state)
        self.accelerator.wait_for_everyone()

    def _report(self) -> dict[str, Any]:
        report = {
            "stage": self.stage.name,
            "steps": self.state.step,
            "minutes": round(self.state.elapsed_s / 60, 2),
            "processes": self.accelerator.num_processes,
            "device": self.accelerator.device.type,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "best": self.state.best,
        }
        if self.accelerator.is_main_process:
            write_json(self.folder / REPORT, report)
            draw_curves(self.folder)
        return report

    def _shared(self, value: float) -> float:
        """Rank 0's value on every rank, so that all stop, save and decay together."""
        if self.accelerator.num_processes == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=self.accelerator.device)
        torch.distributed.broadcast(tensor, src=0)
        return float(tensor)

    def _counter(self) -> contextlib.AbstractContextManager[Counter]:
        self._status = ""
        if self.config.minutes > 0:
            remaining_s = 60 * self.config.minutes - self.state.elapsed_s
            return counter(f"train {self.stage.name}", max(1, math.ceil(remaining_s)), "s")
        return counter(f"train {self.stage.name}", self.stage.planned_steps() - self.state.step, "steps")

    def _count(self, bar: Counter) -> None:
        if not self.accelerator.is_main_process:
            return
        if self.config.minutes > 0:
            spent = int(self.budget.elapsed_s() - self.budget.spent_s)
            bar.advance(min(spent, bar.total) - bar.done, f"step {self.state.step} {self._status}")
        else:
            bar.advance(1, self._status)


class AveragedWeights:
    """Exponential moving average of a model's parameters.

    The decay is smaller in the first steps, so that the initial weights soon have no influence.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self._live = dict(model.named_parameters())
        self.shadow = {name: p.detach().clone() for name, p in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the averages towards the weights after step number `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.shadow.values()), list(self._live.values()), 1 - decay)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Context manager: inside, the model holds the averaged weights."""
        trained = {name: p.detach().clone() for name, p in self._live.items()}
        self._copy(self.shadow)
        try:
            yield
        finally:
            self._copy(trained)

    @torch.no_grad()
    def _copy(self, values: dict[str, Tensor]) -> None:
        for name, p in self._live.items():
            p.copy_(values[name])

    def load(self, values: dict[str, Tensor]) -> None:
        """Restore saved averages, by parameter name."""
        for name, shadow in self.shadow.items():
            shadow.copy_(values[name])


class StopRequest:
    """Context manager that turns SIGTERM and SIGINT into a request to stop after the current step.

    `exit_code` is 0 until a signal arrives. A second signal has its usual effect.
    """

    def __init__(self) -> None:
        self.exit_code = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        # Python sets handlers from the main thread only; in another thread the host program handles signals.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.exit_code = EXIT_SIGTERM if number == signal.SIGTERM else EXIT_SIGINT
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
