"""transformers' `Trainer`, but that its state is kept without pickle and each step draws its own chance."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from reportnlp.errors import TrainingError
from reportnlp.training import _state
from reportnlp.training._average import Average
from reportnlp.training._log import Log
from reportnlp.training._order import Longest, Mixed, lengths_of
from reportnlp.training._work import Work
from reportnlp.training.history import Course, Epoch
from reportnlp.training.progress import Progress
from reportnlp.training.settings import Example, TrainSettings

STATE = "trainer_state.json"
"""The library reads it itself when it goes on."""

LOG_EVERY = 10
"""Steps between two points of the log; a loss is waited for then alone, a device runs on in between."""

Collate = Callable[[Sequence[Example]], dict[str, Tensor]]
Prefer = Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]


@dataclass(frozen=True)
class Task:
    """What a training is about, beside the model.

    Attributes:
        training, validation: the examples; validation may be empty.
        collate: makes a batch of examples.
        settings: how to train.
        precision: "bf16", "fp16" or "float32".
        seed: of all chance.
        prefer: (logits, labels) of the validation examples to a score, higher is better; or None.
        each: hears the end of each epoch, counted from 1; or None.
    """

    training: Sequence[Example]
    validation: Sequence[Example]
    collate: Collate
    settings: TrainSettings
    precision: str
    seed: int
    prefer: Prefer | None
    each: Callable[[int, Epoch], None] | None


def arguments(task: Task, work: Path, *, cpu: bool) -> TrainingArguments:
    """The library's own settings: all that it could tell or send to others is off."""
    settings = task.settings
    return TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        lr_scheduler_type={"constant": "constant_with_warmup"}.get(settings.schedule, settings.schedule),
        optim={"adamw": "adamw_torch"}.get(settings.optimizer, settings.optimizer),
        max_grad_norm=settings.clip,
        gradient_accumulation_steps=settings.accumulate,
        bf16=task.precision == "bf16",
        fp16=task.precision == "fp16",
        use_cpu=cpu,
        seed=task.seed % 2**32,
        logging_strategy="steps",
        logging_steps=LOG_EVERY,
        logging_nan_inf_filter=False,
        eval_strategy="epoch" if task.validation else "no",
        save_strategy="epoch",
        log_level="error",
        log_level_replica="error",
        disable_tqdm=True,
        report_to="none",
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=settings.loader_workers,
        # Workers that outlive an epoch outlive the training, and are waited for when they are swept up.
        dataloader_persistent_workers=False,
        dataloader_pin_memory=not cpu and torch.cuda.is_available(),
    )


class Loop(Trainer):
    """One training.

    Chance (dropout, say) is drawn anew at each step from seed, step and process: a training that goes on
    from a checkpoint needs no generator's state to go on as if it had never stopped.

    Args:
        model: what to train.
        args: the library's settings.
        task: what it is about.
        work: where checkpoints go.
        course: how far it is.
        log: None but in the first process.
        progress: hears of it.
    """

    def __init__(
        self,
        model: nn.Module,
        args: TrainingArguments,
        task: Task,
        work: Work,
        course: Course,
        log: Log | None,
        progress: Progress,
    ) -> None:
        self._network = model
        self._task, self._work, self._course, self._log, self._progress = task, work, course, log, progress
        # Without torchrun one device trains: the library would split batches over all that it sees.
        args._n_gpu = min(args.n_gpu, 1)
        super().__init__(
            model=model,
            args=args,
            data_collator=task.collate,
            train_dataset=task.training,
            eval_dataset=task.validation or None,
            compute_metrics=None if task.prefer is None else self._score,
            callbacks=[_Hooks(self)],
        )
        self.remove_callback(PrinterCallback)
        # The loss is the model's own mean; the library would scale it by a count of labels.
        self.model_accepts_loss_kwargs = False
        self._order = Mixed(
            lengths_of(task.training),
            args.train_batch_size * args.gradient_accumulation_steps * args.world_size,
            seed=task.seed,
        )
        self._longest = Longest(lengths_of(task.validation)) if task.validation else None
        wide = torch.float32 if args.device.type == "mps" else torch.float64
        self._sum = torch.tensor(course.loss_sum, dtype=wide, device=args.device)
        self._wrong = torch.tensor(-1, device=args.device)
        self._seen = 0
        self._tick = time.monotonic(), 0
        self._mean: Average | None = None
        self._resumed: Path | None = None

    # What is seen, and in which order.

    def _get_train_sampler(self, train_dataset: Any = None) -> Mixed:
        return self._order

    def _get_eval_sampler(self, eval_dataset: Any) -> Longest | None:
        return self._longest

    # A step.

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The model's loss, with its logits where they are asked for.

        Raises:
            TrainingError: the model has none.
        """
        outputs = model(**inputs)
        loss = outputs.get("loss")
        if loss is None:
            raise TrainingError(
                f"The model gave no loss. The batch has {', '.join(inputs)}; it needs 'labels', and the "
                "model to make a loss of them."
            )
        return (loss, {"loss": loss, "logits": outputs["logits"]}) if return_outputs else loss

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Forward and backward; the loss is kept on the device."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        self._sum += loss
        step = self.state.global_step + 1
        self._wrong = torch.where((self._wrong < 0) & ~torch.isfinite(loss), step, self._wrong)
        self._seen += len(next(iter(inputs.values()))) * self.args.world_size
        return loss

    def floating_point_ops(self, inputs: Any) -> int:
        """None are counted."""
        return 0

    def check(self) -> None:
        """Stop where a loss was no number.

        Raises:
            TrainingError: one was; it says at which step.
        """
        step = int(self._wrong.item())
        if step >= 0:
            raise self._diverged(
                f"The loss was no number at step {step:,} (epoch {self._epoch_of(step - 1) + 1})"
            )

    def _diverged(self, what: str) -> TrainingError:
        settings = self._task.settings
        tries = [f"lower learning_rate (it was {settings.learning_rate:g})"]
        if not settings.clip:
            tries.append("set clip (it was 0)")
        if self._task.precision != "float32":
            tries.append(f"ask for precision float32 (it was {self._task.precision})")
        return TrainingError(f"{what}. Look for targets that are no numbers; else {', or '.join(tries)}.")

    def _epoch_of(self, step: int) -> int:
        return step // self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch."""
        return math.ceil(
            math.ceil(len(self._order) / self._per_batch) / self.args.gradient_accumulation_steps
        )

    @property
    def _per_batch(self) -> int:
        return int(self.args.train_batch_size * self.args.world_size)

    # What the callbacks are told.

    def begin_epoch(self, step: int) -> None:
        """An epoch begins, or goes on, at this step."""
        self._order.set_epoch(self._epoch_of(step))
        # Not `set_epoch`: the library calls that of a data set too, with a count of its own.
        begin = getattr(self._task.training, "begin_epoch", None)
        if begin is not None:
            begin(self._epoch_of(step))
        self._reseed(step, 1)
        self._began = time.monotonic()
        self._tick = self._began, self._seen
        self._told = self._seen

    def begin_step(self, step: int) -> None:
        """A step begins."""
        self._reseed(step, 0)
        if self._mean is None and self._task.settings.average:
            self._begin_mean()

    def end_step(self, step: int) -> bool:
        """A step is over: is a checkpoint due?"""
        if self._mean is not None:
            self._mean.update(step)
        self._course.loss_steps += 1
        self._progress.advance(self._seen - self._told)
        self._told = self._seen
        every = self._task.settings.checkpoint_every
        return every > 0 and step % every == 0 and step % self.steps_per_epoch != 0

    def _begin_mean(self) -> None:
        """The mean of the weights, begun or gone on with; they are on their device by now."""
        self._mean = Average(self._network, self._task.settings.average * self.steps_per_epoch)
        if self._resumed is not None:
            with self._mean.shown():
                _state.read_weights(self._resumed, self._network, _state.MEAN)

    def end_epoch(self, step: int) -> None:
        """An epoch is over."""
        self.check()
        self._account()
        self._course.close(step)
        self._sum.zero_()
        if not self._task.validation:
            self._tell_epoch()

    def _account(self) -> None:
        """Bring the course up to what the device knows."""
        self._course.loss_sum = float(self.accelerator.reduce(self._sum, "mean").item())
        now = time.monotonic()
        self._course.seconds += now - self._began
        self._course.examples += self._seen
        self._began, self._seen, self._told = now, 0, 0
        self._tick = now, 0

    def _reseed(self, step: int, kind: int) -> None:
        entropy = (self._task.seed, step, kind, self.args.process_index)
        number = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        random.seed(number)
        np.random.seed(number)
        if self.args.device.type == "cpu":
            # `manual_seed` of all would keep a traceback for every accelerator that is asleep, at each step.
            torch.default_generator.manual_seed(number)
        else:
            torch.manual_seed(number)

    # What is said of it.

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Note the numbers of the last steps."""
        if "loss" not in logs:
            return
        self.check()
        (then, before), now = self._tick, time.monotonic()
        self._tick = now, self._seen
        self._write(
            {
                "loss/training": logs["loss"],
                "learning_rate": logs["learning_rate"],
                "examples_per_second": (self._seen - before) / max(now - then, 1e-9),
            }
        )
        self._note(logs["loss"])

    def _write(self, values: Mapping[str, float]) -> None:
        if self._log is not None:
            self._log.write(self.state.global_step, values)

    def _note(self, loss: float) -> None:
        epochs = self._course.epochs
        last = epochs[-1].validation_loss if epochs else None
        epoch = min(self._epoch_of(self.state.global_step - 1) + 1, self._task.settings.epochs)
        self._progress.note(
            f"epoch {epoch} of {self._task.settings.epochs}, loss {loss:.4f}"
            f"{'' if last is None else f', validation loss {last:.4f}'}"
        )

    def _tell_epoch(self) -> None:
        epoch = self._course.epochs[-1]
        self._note(epoch.training_loss)
        values = {"epoch/training_loss": epoch.training_loss}
        if epoch.validation_loss is not None:
            values["loss/validation"] = epoch.validation_loss
        if epoch.score is not None:
            values["score/validation"] = epoch.score
        self._write(values)

    # Validation.

    def _score(self, prediction: Any) -> dict[str, float]:
        """What `prefer` says, of rows in the order of the validation examples."""
        if self._task.prefer is None or self._longest is None:
            return {}
        logits, labels = np.empty_like(prediction.predictions), np.empty_like(prediction.label_ids)
        logits[self._longest.order], labels[self._longest.order] = (
            prediction.predictions,
            prediction.label_ids,
        )
        return {"score": float(self._task.prefer(logits, labels))}

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Judge the epoch that is over; training ends when none was better for long.

        Raises:
            TrainingError: the loss, or the score, is no number.
        """
        with self._mean.shown() if self._mean else nullcontext():
            metrics: dict[str, float] = super().evaluate(*args, **kwargs)
        loss, score = metrics["eval_loss"], metrics.get("eval_score")
        if not math.isfinite(loss) or (score is not None and not math.isfinite(score)):
            what = "loss" if not math.isfinite(loss) else "score"
            raise self._diverged(f"The validation {what} is no number after epoch {len(self._course.epochs)}")
        self._course.judge(loss, score)
        self._tell_epoch()
        if self._course.stale(self._task.settings.patience):
            self.control.should_training_stop = True
        return metrics

    # Checkpoints.

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        self.check()
        step = self.state.global_step
        within = step % self.steps_per_epoch != 0
        if within:
            self._account()
        if self.args.should_save:
            best = self._course.epochs[self._course.best].step if self._course.epochs else None
            self._work.save(step, self._write_state)
            self._work.rotate(self._task.settings.keep_checkpoints, best)
        self.accelerator.wait_for_everyone()
        if not within and self._task.each is not None:
            self._task.each(len(self._course.epochs), self._course.epochs[-1])

    def _write_state(self, folder: Path) -> None:
        _state.write_weights(folder, self._network)
        if self._mean is not None:
            with self._mean.shown():
                _state.write_weights(folder, self._network, _state.MEAN)
        _state.write_optimizer(folder, self.optimizer, self.lr_scheduler, self.accelerator.scaler)
        _state.write_course(folder, self._course)
        self.state.save_to_json(str(folder / STATE))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self._resumed = Path(resume_from_checkpoint)
        _state.read_weights(self._resumed, self._network)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            _state.read_optimizer(Path(checkpoint), self.optimizer, self.lr_scheduler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            _state.read_scaler(Path(checkpoint), self.accelerator.scaler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Each step makes its own."""


class _Hooks(TrainerCallback):
    """Tells a loop where it is; the library has no methods to override for this."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def on_epoch_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._loop.begin_epoch(state.global_step)

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._loop.begin_step(state.global_step)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self._loop.end_step(state.global_step):
            control.should_save = True

    def on_epoch_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._loop.end_epoch(state.global_step)
