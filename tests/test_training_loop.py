"""The training loop on networks of a few numbers: that it learns, repeats, stops, goes on and is safe."""

from __future__ import annotations

import errno
import io
import logging
import os
import pickle
import pickletools
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

import torch
from tensorboardX.proto.event_pb2 import Event
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from reportnlp.errors import OutputError, ResumeError, TrainingError, UnknownNameError
from reportnlp.training import _work
from reportnlp.training._average import Average
from reportnlp.training._order import Longest, Mixed
from reportnlp.training.history import Epoch, History
from reportnlp.training.loop import train
from reportnlp.training.progress import Silent
from reportnlp.training.settings import Example, TrainSettings

Weights = Mapping[str, Tensor]

SMALL = TrainSettings(epochs=3, batch_size=8, learning_rate=0.02, device="cpu", precision="float32")


class TinyConfig(PretrainedConfig):
    model_type = "tiny"

    def __init__(self, dropout: float = 0.2, **others: Any) -> None:
        self.dropout = dropout
        super().__init__(**others)


class Tiny(PreTrainedModel):
    """A bag of words, one hidden layer, two answers. `**others` as transformers' own models have it."""

    config_class = TinyConfig

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.words = nn.EmbeddingBag(12, 6, mode="mean", padding_idx=0)
        self.norm = nn.LayerNorm(6)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(6, 2)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(self, ids: Tensor, labels: Tensor | None = None, **others: Any) -> ModelOutput:
        logits = self.head(self.dropout(self.norm(self.words(ids))))
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return ModelOutput(loss=loss, logits=logits, ids=ids)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks of a few numbers only wait for a second one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tiny(dropout: float = 0.2) -> Tiny:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Tiny(TinyConfig(dropout=dropout))


def examples(count: int, *, seed: int = 0) -> list[Example]:
    """Word 3 means yes, and one in ten is told wrong."""
    chance = np.random.default_rng(seed)
    made: list[Example] = []
    for _ in range(count):
        ids = chance.integers(1, 12, size=chance.integers(2, 9))
        label = (3 in ids) != (chance.random() < 0.1)
        made.append({"ids": ids, "label": float(label), "length": len(ids)})
    return made


TRAINING, VALIDATION = examples(52), examples(21, seed=1)


def collate(batch: Sequence[Example]) -> dict[str, Tensor]:
    ids = np.zeros((len(batch), max(len(example["ids"]) for example in batch)), dtype=np.int64)
    for row, example in zip(ids, batch, strict=True):
        row[: len(example["ids"])] = example["ids"]
    return {
        "ids": torch.from_numpy(ids),
        "labels": torch.tensor([int(example["label"]) for example in batch]),
    }


class Killed(BaseException):
    """Stands for the signal that ends a process."""


@dataclass
class Watcher(Silent):
    """Keeps what it hears, and ends the training after so many calls."""

    kill_after: int = 10**9
    steps: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    phases: list[tuple[str, int | None, str]] = field(default_factory=list)

    def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
        self.phases.append((name, total, unit))

    def advance(self, steps: int) -> None:
        self.steps.append(steps)
        if len(self.steps) == self.kill_after:
            raise Killed

    def note(self, text: str) -> None:
        self.notes.append(text)


def run(
    work: Path,
    settings: TrainSettings = SMALL,
    *,
    model: Tiny | None = None,
    training: Sequence[Example] = TRAINING,
    validation: Sequence[Example] = VALIDATION,
    progress: Watcher | None = None,
    seed: int = 7,
    **others: Any,
) -> tuple[Tiny, History]:
    model = tiny() if model is None else model
    history = train(
        model,
        training,
        validation,
        settings,
        seed=seed,
        work=work,
        progress=progress or Watcher(),
        **{"collate": collate, **others},
    )
    return model, history


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)


def timeless(history: History) -> History:
    return replace(history, seconds=0, examples_per_second=0)


def loss_of(model: Tiny, of: Sequence[Example]) -> float:
    with torch.no_grad():
        return float(model(**collate(of))["loss"])


def test_it_learns_and_holds_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    settings = replace(SMALL, epochs=12, learning_rate=0.5, patience=0)
    model, history = run(tmp_path, settings)
    assert history.best_epoch < len(history.validation_loss) == 12
    assert min(history.validation_loss) == history.validation_loss[history.best_epoch - 1]
    assert loss_of(model, VALIDATION) == pytest.approx(min(history.validation_loss), rel=1e-5)
    assert min(history.validation_loss) < 0.6
    assert history.steps == 12 * 7
    assert (history.device, history.processes, history.precision) == ("cpu", 1, "float32")
    assert history.examples_per_second == pytest.approx(12 * len(TRAINING) / history.seconds)


def test_without_validation_the_last_epoch_is_the_best(tmp_path: Path) -> None:
    model, history = run(tmp_path, validation=())
    assert (history.validation_loss, history.best_epoch, len(history.training_loss)) == ((), 3, 3)
    assert not same(model, tiny())


def test_the_last_epoch_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    settings = replace(SMALL, epochs=12, learning_rate=0.5, patience=1, keep="last")
    model, history = run(tmp_path, settings)
    assert history.best_epoch == len(history.validation_loss) == 12
    assert loss_of(model, VALIDATION) == pytest.approx(history.validation_loss[-1], rel=1e-5)
    assert history.validation_loss[-1] > min(history.validation_loss)


def test_a_mean_of_the_weights_is_what_is_judged_and_kept(tmp_path: Path) -> None:
    settings = replace(SMALL, epochs=12, learning_rate=0.5, patience=0)
    _, rough = run(tmp_path / "rough", settings)
    model, history = run(tmp_path / "mean", replace(settings, average=3))
    assert history.training_loss == rough.training_loss
    assert loss_of(model, VALIDATION) == pytest.approx(min(history.validation_loss), rel=1e-5)
    jumps = [np.abs(np.diff(told.validation_loss[4:])).mean() for told in (history, rough)]
    assert jumps[0] < jumps[1] / 2


def test_a_mean_weighs_its_steps_and_leaves_the_network_as_it_was() -> None:
    network = nn.BatchNorm1d(1)
    average = Average(network, 4)
    expected = 1.0
    for step, value in enumerate((3.0, -1.0, 5.0), start=1000):
        nn.init.constant_(network.weight, value)
        average.update(step)
        expected += (value - expected) / 4
    with average.shown():
        assert network.weight.item() == pytest.approx(expected)
    assert network.weight.item() == 5.0
    average.update(1)
    # The first step of a training takes most of its place.
    with average.shown():
        assert network.weight.item() == pytest.approx(expected + (5.0 - expected) * 0.9)


def test_same_seed_same_weights_whatever_chance_there_was_before(tmp_path: Path) -> None:
    one, history = run(tmp_path / "one")
    torch.rand(3), random.random(), np.random.random()
    two, again = run(tmp_path / "two")
    other, _ = run(tmp_path / "other", seed=8)
    assert same(one, two)
    assert timeless(history) == timeless(again)
    assert not same(one, other)


def test_an_accelerator_that_is_not_used_hears_of_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    monkeypatch.setattr(torch, "manual_seed", heard.append)
    counts = []
    for epochs in (1, 3):
        run(tmp_path / str(epochs), replace(SMALL, epochs=epochs))
        counts.append(len(heard))
        heard.clear()
    assert counts[0] == counts[1]


def test_what_the_library_takes_over_is_given_back(tmp_path: Path) -> None:
    from transformers.utils import logging as told

    model = tiny().train()
    before = model.config.to_dict(), told.get_verbosity(), set(vars(model))
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    expected = torch.rand(1).item(), random.random(), np.random.random()
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    run(tmp_path, replace(SMALL, precision="bf16", frozen=("words",)), model=model)
    assert (torch.rand(1).item(), random.random(), np.random.random()) == expected
    assert (model.config.to_dict(), told.get_verbosity(), set(vars(model))) == before
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not model.training


VARIANTS: dict[str, tuple[TrainSettings, dict[str, Any]]] = {
    "plain": (SMALL, {}),
    "within": (replace(SMALL, checkpoint_every=2), {}),
    "accumulate": (replace(SMALL, batch_size=3, accumulate=2, checkpoint_every=3), {}),
    "adafactor": (replace(SMALL, optimizer="adafactor", schedule="cosine"), {}),
    "bf16": (replace(SMALL, precision="bf16", schedule="constant"), {}),
    "frozen": (replace(SMALL, frozen=("words", "norm.bias")), {}),
    "no validation": (replace(SMALL, keep_checkpoints=1), {"validation": ()}),
    "score": (SMALL, {"prefer": lambda logits, labels: float((logits.argmax(-1) == labels).mean())}),
    "last": (replace(SMALL, learning_rate=0.9, keep="last", keep_checkpoints=1, patience=1), {}),
    "mean": (replace(SMALL, average=0.5, checkpoint_every=2), {}),
    "mean, no validation": (replace(SMALL, average=1, keep_checkpoints=1), {"validation": ()}),
    "early": (replace(SMALL, epochs=9, learning_rate=0.9, patience=2, keep_checkpoints=1), {}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_killed_training_goes_on_as_if_it_had_never_stopped(tmp_path: Path, variant: str) -> None:
    settings, others = VARIANTS[variant]
    whole, history = run(tmp_path / "whole", settings, **others)
    for kill_after in (3, 9, 8):
        with pytest.raises(Killed):
            run(tmp_path / "parts", settings, progress=Watcher(kill_after), resume=True, **others)
    model, again = run(tmp_path / "parts", settings, resume=True, **others)
    assert same(model, whole)
    assert timeless(again) == timeless(history)
    first, second = ({p.name for p in (tmp_path / name).glob("checkpoint-*")} for name in ("whole", "parts"))
    assert first == second


def test_a_finished_training_is_taken_over(tmp_path: Path) -> None:
    settings = replace(SMALL, epochs=12, learning_rate=0.9, patience=2)
    model, history = run(tmp_path, settings)
    assert len(history.training_loss) < 12
    watcher = Watcher()
    again, same_history = run(tmp_path, settings, progress=watcher, resume=True)
    assert (watcher.steps, watcher.phases) == ([], [])
    assert same(again, model)
    assert same_history == history


def test_without_resume_it_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, progress=Watcher(9))
    watcher = Watcher()
    run(tmp_path, progress=watcher)
    assert sum(watcher.steps) == 3 * len(TRAINING)
    assert len(list((tmp_path / "logs").iterdir())) == 1


def test_progress_tells_examples_and_losses(tmp_path: Path) -> None:
    watcher = Watcher()
    run(tmp_path, progress=watcher)
    assert watcher.phases == [("training", 3 * len(TRAINING), "examples")]
    assert sum(watcher.steps) == 3 * len(TRAINING)
    assert watcher.notes[-1].startswith("epoch 3 of 3, loss 0.")
    assert ", validation loss 0." in watcher.notes[-1]


def test_it_says_nothing_itself(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run(tmp_path, replace(SMALL, epochs=1))
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name.startswith("transformers")]


def pickled(content: bytes) -> bool:
    """Is it a pickle, or a zip of one, as torch writes them?"""
    if zipfile.is_zipfile(io.BytesIO(content)):
        return True
    try:
        found = list(pickletools.genops(content))
    except Exception:
        return False
    return bool(found)


def test_nothing_it_writes_is_a_pickle(tmp_path: Path) -> None:
    assert pickled(pickle.dumps({"a": 1})) and pickled(pickle.dumps([0.5], protocol=0))
    run(tmp_path, replace(SMALL, checkpoint_every=2, keep_checkpoints=9))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors", ".0"}
    assert [path for path in files if pickled(path.read_bytes())] == []


def test_nothing_pickled_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a pickle is read or written")

    with pytest.raises(Killed):
        run(tmp_path, progress=Watcher(10))
    for module, name in ((torch, "load"), (torch, "save"), (pickle, "load"), (pickle, "loads")):
        monkeypatch.setattr(module, name, refuse)
    run(tmp_path, resume=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"settings": replace(SMALL, learning_rate=0.5)},
            "learning_rate 0.02, and this is learning_rate 0.5",
        ),
        ({"settings": replace(SMALL, precision="bf16")}, "precision float32, and this is precision bf16"),
        ({"seed": 9}, "seed 7, and this is seed 9"),
        ({"training": TRAINING[1:]}, "other training examples"),
        ({"validation": VALIDATION[1:]}, "other validation examples"),
        ({"model": tiny(dropout=0.5)}, "another model"),
        ({"prefer": lambda logits, labels: 1.0}, "best epoch by loss, and this is best epoch by score"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, progress=Watcher(9))
    with pytest.raises(ResumeError) as error:
        run(tmp_path, **{"resume": True, **change})
    assert message in str(error.value)
    assert "start again with --overwrite" in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "mean.safetensors", "optimizer.json", "optimizer.safetensors", "course.json"],
)
def test_a_damaged_checkpoint_is_told(tmp_path: Path, name: str) -> None:
    settings = replace(SMALL, average=1)
    with pytest.raises(Killed):
        run(tmp_path, settings, progress=Watcher(9))
    path = tmp_path / "checkpoint-7" / name
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ResumeError, match="checkpoint-7 is damaged"):
        run(tmp_path, settings, resume=True)


def test_a_loss_that_is_no_number_is_told_with_its_step(tmp_path: Path) -> None:
    seen = 0

    def poisoned(batch: Sequence[Example]) -> dict[str, Tensor]:
        nonlocal seen
        seen += 1
        made = collate(batch)
        return {**made, "spoil": torch.full((len(batch),), float("nan") if seen == 10 else 0.0)}

    class Spoilt(Tiny):
        def forward(self, ids: Tensor, labels: Tensor | None = None, **others: Any) -> ModelOutput:
            made = super().forward(ids, labels)
            made["loss"] = made["loss"] + others["spoil"].mean()
            return made

    with pytest.raises(TrainingError) as error:
        run(tmp_path, model=Spoilt(TinyConfig()), collate=poisoned, validation=())
    assert "no number at step 10 (epoch 2)" in str(error.value)
    assert "lower learning_rate (it was 0.02)" in str(error.value)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-7"]


def test_a_validation_loss_that_is_no_number_is_told(tmp_path: Path) -> None:
    class Spoilt(Tiny):
        def forward(self, ids: Tensor, labels: Tensor | None = None, **others: Any) -> ModelOutput:
            made = super().forward(ids, labels)
            made["loss"] = made["loss"] if self.training else made["loss"] * float("inf")
            return made

    with pytest.raises(TrainingError, match="validation loss is no number after epoch 1"):
        run(tmp_path, model=Spoilt(TinyConfig()))
    with pytest.raises(TrainingError, match="validation score is no number after epoch 1"):
        run(tmp_path, prefer=lambda logits, labels: float("nan"))


def test_a_batch_without_labels_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="The batch has ids; it needs 'labels'"):
        run(tmp_path, collate=lambda batch: {"ids": collate(batch)["ids"]})


def test_nothing_to_learn_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no example to learn from"):
        run(tmp_path, training=())
    with pytest.raises(TrainingError, match="All parameters are frozen"):
        run(tmp_path, replace(SMALL, frozen=("words", "norm", "head")))


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device can")
def test_a_precision_that_the_device_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot train in fp16"):
        run(tmp_path, replace(SMALL, precision="fp16"))
    assert run(tmp_path, replace(SMALL, precision="auto"))[1].precision == "float32"


def test_too_little_memory_is_told(tmp_path: Path) -> None:
    def large(batch: Sequence[Example]) -> dict[str, Tensor]:
        raise torch.OutOfMemoryError

    with pytest.raises(TrainingError, match=r"batches of 8\. Lower batch_size, and raise accumulate"):
        run(tmp_path, collate=large)


def test_frozen_parameters_do_not_move(tmp_path: Path) -> None:
    model, _ = run(tmp_path, replace(SMALL, frozen=("words",), weight_decay=0.5))
    assert torch.equal(model.words.weight, tiny().words.weight)
    assert not torch.equal(model.head.weight, tiny().head.weight)
    with pytest.raises(UnknownNameError, match="Did you mean 'words'"):
        run(tmp_path, replace(SMALL, frozen=("word.",)))


def test_several_batches_to_a_step_are_one_large_one(tmp_path: Path) -> None:
    once, history = run(tmp_path / "once", model=tiny(dropout=0), training=TRAINING[:48])
    settings = replace(SMALL, batch_size=4, accumulate=2)
    twice, again = run(tmp_path / "twice", settings, model=tiny(dropout=0), training=TRAINING[:48])
    assert history.training_loss == pytest.approx(again.training_loss, rel=1e-4)
    assert torch.allclose(once.head.weight, twice.head.weight, atol=1e-4)


def test_prefer_sees_the_validation_examples_in_their_order(tmp_path: Path) -> None:
    seen: list[tuple[Any, Any]] = []

    def prefer(logits: Any, labels: Any) -> float:
        seen.append((logits, labels))
        return -float(len(seen))

    model, history = run(tmp_path, prefer=prefer)
    assert history.best_epoch == 1
    assert list(history.scores) == [-1, -2, -3]
    logits, labels = seen[0]
    assert labels.tolist() == [int(example["label"]) for example in VALIDATION]
    with torch.no_grad():
        expected = model(**collate(VALIDATION))["logits"].numpy()
    assert np.allclose(logits, expected, atol=1e-5)


def test_each_epoch_is_heard_of_and_may_end_the_training(tmp_path: Path) -> None:
    heard: list[tuple[int, Epoch]] = []

    def each(number: int, epoch: Epoch) -> None:
        heard.append((number, epoch))
        if number == 2:
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path, each=each)
    steps = [(number, epoch.step) for number, epoch in heard]
    losses = tuple(epoch.validation_loss for _, epoch in heard)
    assert steps == [(1, 7), (2, 14)]
    _, history = run(tmp_path, resume=True)
    assert history.validation_loss[:2] == losses


def test_workers_make_the_same_batches(tmp_path: Path) -> None:
    alone, _ = run(tmp_path / "alone")
    helped, _ = run(tmp_path / "helped", replace(SMALL, loader_workers=1))
    assert same(alone, helped)


class Known(Sequence[Example]):
    """Examples that are dear to read: they bring lengths and a fingerprint."""

    def __init__(self) -> None:
        self.lengths = [int(example["length"]) for example in TRAINING]
        self.digest = "known"
        self.read = 0

    def __len__(self) -> int:
        return len(TRAINING)

    def __getitem__(self, place: Any) -> Any:
        self.read += 1
        return TRAINING[place]


def test_a_sequence_that_knows_itself_is_not_read_beforehand(tmp_path: Path) -> None:
    known = Known()
    model, _ = run(tmp_path / "known", training=known)
    assert known.read == 3 * len(TRAINING)
    assert same(model, run(tmp_path / "plain")[0])


def test_an_order_is_a_permutation_of_like_lengths_and_new_each_epoch() -> None:
    lengths = np.random.default_rng(0).integers(5, 500, size=1003).tolist()
    mixed = Mixed(lengths, 16, seed=1)
    orders = []
    for epoch in (0, 1, 0):
        mixed.set_epoch(epoch)
        orders.append(list(mixed))
    assert sorted(orders[0]) == list(range(1003))
    assert orders[0] == orders[2] != orders[1]
    assert list(Mixed(lengths, 16, seed=2)) != orders[0]

    def padding(order: Sequence[int]) -> float:
        """Share of the places of all batches that hold nothing."""
        batches = [order[start : start + 16] for start in range(0, len(order), 16)]
        room: int = sum(len(batch) * max(lengths[place] for place in batch) for batch in batches)
        return float(1 - sum(lengths) / room)

    assert padding(orders[0]) < 0.1 < 0.4 < padding(range(1003))
    assert padding(list(Longest(lengths))) < 0.02


def events(folder: Path) -> Iterator[Event]:
    """What a reader of TensorBoard's files sees: length, its checksum, an event, its checksum."""
    for path in sorted(folder.iterdir(), key=lambda path: path.suffix):
        content = path.read_bytes()
        start = 0
        while start < len(content):
            (length,) = struct.unpack_from("<Q", content, start)
            yield Event.FromString(content[start + 12 : start + 12 + length])
            start += length + 16


def test_the_log_is_tensorboards(tmp_path: Path) -> None:
    _, history = run(tmp_path)
    points = [
        (value.tag, event.step, value.simple_value)
        for event in events(tmp_path / "logs")
        for value in event.summary.value
    ]
    assert {tag for tag, _, _ in points} == {
        "loss/training",
        "loss/validation",
        "epoch/training_loss",
        "learning_rate",
        "examples_per_second",
    }
    validation = [(step, value) for tag, step, value in points if tag == "loss/validation"]
    assert validation == [(7 * e, pytest.approx(loss)) for e, loss in enumerate(history.validation_loss, 1)]
    assert [step for tag, step, _ in points if tag == "learning_rate"] == [10, 20]


def test_a_log_that_goes_on_hides_what_was_cut_off(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, progress=Watcher(11))
    run(tmp_path, resume=True)
    starts = [event.step for event in events(tmp_path / "logs") if event.session_log.status]
    assert starts == [1, 8]


def test_a_full_disk_is_told_and_the_work_can_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = run(tmp_path / "whole")
    real: Callable[[Path], None] = _work.sync

    def full(path: Path) -> None:
        if "checkpoint-14" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path)

    monkeypatch.setattr(_work, "sync", full)
    with pytest.raises(OutputError, match=r"Cannot write .*work: No space left on device\."):
        run(tmp_path / "work")
    monkeypatch.setattr(_work, "sync", real)
    model, _ = run(tmp_path / "work", resume=True)
    assert same(model, whole)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"):
        run(tmp_path / "file" / "work")


SCRIPT = """
import sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
import test_training_loop as t
class Said(t.Watcher):
    def advance(self, steps):
        print("advance", flush=True)
        super().advance(steps)
def prefer(logits, labels):
    assert labels.tolist() == [int(example["label"]) for example in t.VALIDATION]
    return float((logits.argmax(-1) == labels).mean())
settings = t.replace(t.SMALL, epochs=2)
model, history = t.run(Path(sys.argv[2]), settings, progress=Said(), prefer=prefer, resume=True)
assert history.processes == 2
torch.save(model.state_dict(), f"{sys.argv[2]}.{torch.distributed.get_rank()}")
torch.distributed.destroy_process_group()
"""


def test_two_processes_train_one_model_and_the_first_writes(tmp_path: Path, root: Path) -> None:
    script, work = tmp_path / "script.py", tmp_path / "work"
    script.write_text(SCRIPT)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(script),
    ]
    result = subprocess.run(
        [*command, str(root / "tests"), str(work)],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    # 52 examples, 16 a step, the first process tells of each step.
    assert result.stdout.splitlines() == ["advance"] * 8
    one, two = (torch.load(f"{work}.{rank}", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], tiny().head.weight)
    assert sorted(path.name for path in work.iterdir()) == [
        "checkpoint-4",
        "checkpoint-8",
        "logs",
        "settings.json",
    ]
    assert len(list((work / "logs").iterdir())) == 1
