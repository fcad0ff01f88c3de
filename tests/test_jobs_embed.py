"""`reportnlp embed`: a corpus in, a folder of vectors out; stopped and resumed; what is asked of vectors."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reportnlp.archive import disk
from reportnlp.archive.progress import Silent
from reportnlp.archive.stop import Stopped
from reportnlp.embeddings import _plot
from reportnlp.embeddings._corpus import Texts
from reportnlp.embeddings._processes import Company
from reportnlp.embeddings._vectors import FILES, Vectors
from reportnlp.embeddings._work import MANIFEST, Checkpoints
from reportnlp.embeddings.blocks import (
    Checkpoint,
    EncodedCorpus,
    Trained,
    TrainingError,
    Vocabulary,
    Watcher,
)
from reportnlp.errors import (
    InputError,
    InvalidDefinitionError,
    OutputError,
    ReportNLPError,
    ResumeError,
    UnknownNameError,
)
from reportnlp.jobs import _vectors as views
from reportnlp.jobs.embed import QUARANTINE, EmbedSettings, Share, help_out, plan, run
from reportnlp.registry import EMBEDDINGS
from reportnlp.text.phrases import PhraseConfig
from tests.conftest import Command

LINES = [
    f"No acute embolism in the {side} lower lobe, {size} mm nodule."
    for side in ("left", "right")
    for size in (5, 7, 9)
]


@dataclass(frozen=True)
class FakeConfig:
    width: int = 4
    epochs: int = 3
    min_count: int = 2
    learning_rate: float = 0.5
    subwords: bool = False
    min_n: int = 3
    max_n: int = 4
    buckets: int = 10


class Method:
    """An embedding method that is quick, and can be stopped."""

    Config = FakeConfig
    ENGINES = ("numba", "torch")

    def __init__(self) -> None:
        self.stop_after: int | None = None
        self.stop: BaseException = Stopped("SIGTERM")
        self.nan = False
        self.trained: list[int] = []
        self.seen: list[tuple[str, int, int]] = []

    def train(
        self,
        corpus: EncodedCorpus,
        vocabulary: Vocabulary,
        config: FakeConfig,
        *,
        seed: int,
        engine: str,
        workers: int,
        watcher: Watcher,
        checkpoint: Checkpoint | None,
    ) -> Trained:
        self.seen.append((engine, workers, seed))
        kept = checkpoint.load() if checkpoint else None
        first = np.random.default_rng(seed).normal(size=(len(vocabulary), config.width)).astype(np.float32)
        done, arrays = kept or (0, {"matrix": first, "draws": np.array([7], np.uint64)})
        matrix = np.array(arrays["matrix"])
        for epoch in range(done, config.epochs):
            matrix = self._epoch(matrix, corpus, config, int(arrays["draws"][0]))
            self.trained.append(epoch)
            watcher.advance(corpus.tokens, 1 / (epoch + 1))
            if checkpoint:
                checkpoint.save(epoch + 1, {"matrix": matrix.T.copy().T, "draws": arrays["draws"]})
            if self.stop_after == epoch + 1:
                raise self.stop
        if self.nan:
            matrix[0, 0] = math.nan
        buckets = np.ones((config.buckets, config.width), np.float32) if config.subwords else None
        return Trained(matrix, buckets)

    def _epoch(self, matrix: Any, corpus: EncodedCorpus, config: FakeConfig, draws: int) -> Any:
        order = blake2b(corpus.ids.tobytes(), digest_size=4).digest()
        seed = [int.from_bytes(order, "big"), draws, int(abs(matrix).sum() * 1e6) % 2**32]
        noise = np.random.default_rng(seed).normal(size=matrix.shape).astype(np.float32)
        return matrix + np.float32(config.learning_rate) * noise


@pytest.fixture
def method(monkeypatch: pytest.MonkeyPatch) -> Method:
    made = Method()
    point = SimpleNamespace(load=lambda: made)
    _ = EMBEDDINGS._plugins
    monkeypatch.setitem(EMBEDDINGS.__dict__, "_plugins", {"fake": point})
    return made


@pytest.fixture
def settings(tmp_path: Path) -> EmbedSettings:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(LINES), encoding="utf-8")
    return EmbedSettings([corpus], tmp_path / "v", "fake", engine="numba", seed=3, workers=1)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def left_behind(settings: EmbedSettings) -> list[str]:
    expected = {"corpus.txt", settings.out.name}
    return sorted(path.name for path in settings.out.parent.iterdir() if path.name not in expected)


def test_a_folder_of_vectors_is_made(method: Method, settings: EmbedSettings) -> None:
    done = run(settings)
    assert sorted(content(settings.out)) == sorted(FILES)
    vectors = Vectors.load(settings.out)
    assert {"embolism", "left", "mm", "nodule"} <= set(vectors.words)
    np.testing.assert_array_equal(vectors.matrix, done.vectors.matrix)
    assert (done.texts, done.tokens) == (6, 66)
    assert done.loss == pytest.approx(1 / 3)
    assert done.rate > 0
    assert left_behind(settings) == []
    assert method.seen == [("numba", 1, 3)]


def test_the_configuration_says_how(method: Method, settings: EmbedSettings) -> None:
    run(replace(settings, options={"width": 5}))
    config = json.loads((settings.out / "config.json").read_text("utf-8"))
    assert config["method"] == "fake"
    assert (config["engine"], config["engine_reason"]) == ("numba", "it was asked for")
    assert config["settings"]["width"] == config["width"] == 5
    assert (config["seed"], config["workers"], config["phrases"]) == (3, 1, None)
    assert config["corpus"]["texts"] == 6
    assert config["corpus"]["tokens"] == 66
    assert config["corpus"]["inputs"] == ["corpus.txt"]
    assert re.fullmatch("[0-9a-f]{32}", config["corpus"]["digest"])
    assert str(settings.out.parent) not in json.dumps(config)


def test_the_same_again_is_the_same_bytes(method: Method, settings: EmbedSettings) -> None:
    run(settings)
    run(replace(settings, out=settings.out.with_name("w")))
    assert content(settings.out) == content(settings.out.with_name("w"))
    run(replace(settings, out=settings.out.with_name("x"), seed=4))
    assert content(settings.out) != content(settings.out.with_name("x"))


def test_the_engine_is_chosen_with_a_reason(method: Method, settings: EmbedSettings) -> None:
    chosen = plan(replace(settings, engine="auto"))
    assert chosen.engine in Method.ENGINES
    assert len(chosen.reason) > 10


def test_subwords_are_kept(method: Method, settings: EmbedSettings) -> None:
    run(replace(settings, options={"subwords": True}))
    vectors = Vectors.load(settings.out)
    assert vectors.config["subwords"] == {"min_n": 3, "max_n": 4, "buckets": 10}
    assert vectors["neverseen"].tolist() == [1] * 4


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_stopped_training_goes_on_to_the_same_bytes(
    after: int, method: Method, settings: EmbedSettings
) -> None:
    run(settings)
    method.trained.clear()
    stopped = replace(settings, out=settings.out.with_name("w"))
    method.stop_after = after
    with pytest.raises(
        OutputError, match=r"Stopped by SIGTERM .* run the same command with --resume"
    ) as stop:
        run(stopped)
    assert stop.value.exit_code == 128 + signal.SIGTERM  # type: ignore[attr-defined]
    assert not stopped.out.exists()
    method.stop_after = None
    run(replace(stopped, resume=True))
    assert method.trained == [0, 1, 2]
    assert content(settings.out) == content(stopped.out)
    assert left_behind(stopped) == ["v"]


def test_a_stop_while_the_corpus_is_read_starts_over(
    method: Method, settings: EmbedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings)
    stopped = replace(settings, out=settings.out.with_name("w"))

    def batches(texts: Texts) -> Any:
        yield list(texts)[:2]
        raise Stopped("SIGINT")

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="--resume"):
        patch.setattr(Texts, "batches", batches)
        run(stopped)
    run(replace(stopped, resume=True))
    assert content(settings.out) == content(stopped.out)


def test_with_nothing_to_resume_it_begins(method: Method, settings: EmbedSettings) -> None:
    run(replace(settings, resume=True))
    assert settings.out.is_dir()
    with pytest.raises(OutputError, match=r"exists already\. There is no unfinished work to resume"):
        run(replace(settings, resume=True))


def interrupted(method: Method, settings: EmbedSettings) -> None:
    method.stop_after = 1
    with pytest.raises(OutputError, match="Stopped"):
        run(settings)
    method.stop_after = None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 9}, "was made with seed 3, and this is seed 9"),
        ({"workers": 2}, "workers 1, and this is workers 2"),
        ({"engine": "torch"}, "engine numba, and this is engine torch"),
        ({"options": {"width": 9}}, "width 4, and this is width 9"),
        ({"max_words": 5}, "max words none, and this is max words 5"),
        ({"phrases": PhraseConfig()}, "phrases none, and this is phrases"),
        ({"format": "txt"}, "format none, and this is format txt"),
    ],
)
def test_other_settings_are_not_resumed(
    change: dict[str, Any], message: str, method: Method, settings: EmbedSettings
) -> None:
    interrupted(method, settings)
    with pytest.raises(ResumeError, match=message):
        run(replace(settings, resume=True, **change))
    run(replace(settings, resume=True))


def test_another_corpus_is_not_resumed(method: Method, settings: EmbedSettings) -> None:
    interrupted(method, settings)
    Path(settings.inputs[0]).write_text("\n".join(LINES[1:]), encoding="utf-8")
    with pytest.raises(ResumeError, match="The corpus is not what the work"):
        run(replace(settings, resume=True))


def test_a_damaged_checkpoint_is_told(method: Method, settings: EmbedSettings) -> None:
    interrupted(method, settings)
    [kept] = disk.work_folder(settings.out).glob("epoch-*.safetensors")
    kept.write_bytes(kept.read_bytes()[:40])
    with pytest.raises(ResumeError, match="damaged"):
        run(replace(settings, resume=True))


def test_unfinished_work_is_neither_lost_nor_taken_for_granted(
    method: Method, settings: EmbedSettings
) -> None:
    interrupted(method, settings)
    with pytest.raises(OutputError, match="Continue it with --resume, or start again with --overwrite"):
        run(settings)
    method.trained.clear()
    run(replace(settings, overwrite=True))
    assert method.trained == [0, 1, 2]


def test_nothing_is_overwritten_unless_asked_for(method: Method, settings: EmbedSettings) -> None:
    run(settings)
    before = content(settings.out)
    with pytest.raises(OutputError, match="exists already"):
        run(replace(settings, seed=9))
    assert content(settings.out) == before
    run(replace(settings, seed=9, overwrite=True))
    assert content(settings.out) != before


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_of_other_things_is_never_replaced(
    overwrite: bool, method: Method, settings: EmbedSettings
) -> None:
    settings.out.mkdir()
    (settings.out / "thesis.docx").touch()
    with pytest.raises(OutputError, match="holds other things than vectors"):
        run(replace(settings, overwrite=overwrite))
    with pytest.raises(OutputError, match="is a file"):
        run(replace(settings, out=settings.out / "thesis.docx", overwrite=overwrite))
    with pytest.raises(OutputError, match="there is no folder"):
        run(replace(settings, out=settings.out / "gone" / "v", overwrite=overwrite))
    work = disk.work_folder(settings.out.with_name("w"))
    work.mkdir()
    (work / "mine").touch()
    with pytest.raises(OutputError, match="is in the way"):
        run(replace(settings, out=settings.out.with_name("w"), overwrite=overwrite))


def test_two_at_once_are_refused(method: Method, settings: EmbedSettings) -> None:
    seen: list[str] = []

    class Second:
        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: None

        def phase(self, name: str, total: int | None, unit: str = "") -> None:
            with pytest.raises(OutputError, match=r"Another process|Unfinished work") as error:
                run(replace(settings, overwrite=True))
            seen.append(str(error.value))

    run(settings, Second())
    assert seen


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"method": "fak"}, UnknownNameError, "Did you mean 'fake'"),
        ({"engine": "numbe"}, UnknownNameError, "No engine of fake is called 'numbe'. Did you mean 'numba'"),
        (
            {"options": {"widht": 3}},
            UnknownNameError,
            "No setting of fake is called 'widht'. Did you mean 'width'",
        ),
        ({"options": {"width": "3"}}, InvalidDefinitionError, "'width' was given as '3'.*kind 'int'"),
        ({"options": {"epochs": True}}, InvalidDefinitionError, "'epochs' was given as True"),
        ({"options": {"min_count": 99}}, TrainingError, "No word of the 6 texts occurs 99 times"),
        ({"inputs": ["gone.txt"]}, InputError, "gone.txt"),
        ({"inputs": []}, InputError, "No corpus was given"),
    ],
)
def test_mistakes_are_told_before_and_leave_nothing(
    change: dict[str, Any], error: type[ReportNLPError], message: str, method: Method, settings: EmbedSettings
) -> None:
    with pytest.raises(error, match=message):
        run(replace(settings, **change))
    assert left_behind(settings) == []
    assert not settings.out.exists()


def test_an_empty_corpus_is_told(method: Method, settings: EmbedSettings) -> None:
    Path(settings.inputs[0]).write_text("\n\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="The corpus is empty"):
        run(settings)


def test_numbers_that_are_none_are_told(method: Method, settings: EmbedSettings) -> None:
    method.nan = True
    with pytest.raises(TrainingError, match="smaller --learning-rate"):
        run(settings)
    assert not settings.out.exists()
    assert left_behind(settings) == []


def test_settings_come_from_a_file_too(method: Method, settings: EmbedSettings, tmp_path: Path) -> None:
    path = tmp_path / "fake.toml"
    path.write_text("width = 7\nepochs = 1\nlearning_rate = 1\n", encoding="utf-8")
    chosen = plan(replace(settings, settings=path, options={"epochs": 2}))
    assert chosen.config == FakeConfig(width=7, epochs=2, learning_rate=1)


def test_a_disk_that_refuses_is_told(
    method: Method, settings: EmbedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoints, "save", save)
    with pytest.raises(OutputError, match=r"No space left on device\. Finished work is kept"):
        run(settings)


def test_rate_and_loss_are_told(method: Method, settings: EmbedSettings) -> None:
    heard: list[tuple[object, ...]] = []

    class Listening:
        def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
            heard.append(("phase", name, total, unit))

        def expect(self, total: int) -> None:
            heard.append(("expect", total))

        def advance(self, steps: int) -> None:
            heard.append(("advance", steps))

        def note(self, text: str) -> None:
            heard.append(("note", text))

    interrupted(method, settings)
    run(replace(settings, resume=True), Listening())
    assert heard[0] == ("phase", "comparing the corpus", 6, "texts")
    assert heard[7:] == [
        ("phase", "training fake", 132, "words"),
        ("note", "loss 0.5000"),
        ("advance", 66),
        ("note", "loss 0.3333"),
        ("advance", 66),
    ]


SMALL: Mapping[str, Any] = {"width": 8, "epochs": 3, "min_count": 2}


@pytest.mark.parametrize("name", EMBEDDINGS.names())
def test_every_method_resumes_to_the_same_vectors(
    name: str, settings: EmbedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**SMALL, **({"buckets": 200} if name == "fasttext" else {})}
    Path(settings.inputs[0]).write_text("\n".join(LINES * 30), encoding="utf-8")
    whole = replace(settings, method=name, options=options)
    run(whole)
    save = Checkpoints.save

    def stopping(self: Checkpoints, epoch: int, arrays: Any) -> None:
        save(self, epoch, arrays)
        if epoch == 2:
            raise Stopped("SIGTERM")

    parts = replace(whole, out=settings.out.with_name("w"))
    with monkeypatch.context() as patch, pytest.raises(OutputError, match="Stopped"):
        patch.setattr(Checkpoints, "save", stopping)
        run(parts)
    run(replace(parts, resume=True))
    assert content(whole.out) == content(parts.out)


def test_glove_tells_of_counting_before_it_trains(settings: EmbedSettings) -> None:
    heard: list[tuple[str, int | None, str]] = []
    counted: dict[str, int] = {}

    class Listening(Silent):
        def phase(self, name: str, total: int | None, unit: str = "reports") -> None:
            heard.append((name, total, unit))

        def advance(self, steps: int) -> None:
            counted[heard[-1][0]] = counted.get(heard[-1][0], 0) + steps

    done = run(replace(settings, method="glove", options=SMALL), Listening())
    words, cells = done.tokens, 3 * done.tokens
    assert heard[-2:] == [("counting pairs of words", words, "words"), ("training glove", cells, "words")]
    assert (counted["counting pairs of words"], counted["training glove"]) == (words, cells)


KILLED = """
import os, signal, sys
from pathlib import Path
from reportnlp.jobs.embed import EmbedSettings, run
class Heard:
    def phase(self, name, total, unit="reports"):
        self.name = name
    def expect(self, total): pass
    def note(self, text): pass
    def advance(self, steps):
        if self.name == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)
options = {"width": 8, "epochs": 3, "min_count": 2}
corpus, out = [sys.argv[1]], Path(sys.argv[2])
run(EmbedSettings(corpus, out, "glove", engine="numba", workers=1, options=options), Heard())
"""


@pytest.mark.parametrize("phase", ["counting pairs of words", "training glove"])
def test_a_killed_glove_leaves_only_what_a_resume_takes_over(
    phase: str, settings: EmbedSettings, root: Path
) -> None:
    given = [sys.executable, "-c", KILLED, str(settings.inputs[0]), str(settings.out), phase]
    assert subprocess.run(given, cwd=root, check=False).returncode == -signal.SIGKILL
    work = disk.work_folder(settings.out)
    assert left_behind(settings) == [work.name]
    names = {path.name for path in work.rglob("*")}
    kept = {"corpus", "corpus.ids", "corpus.json", "tokenizer.json", "vocab.txt"}
    assert {name for name in names if not name.startswith("epoch-")} == {"lock", MANIFEST, QUARANTINE, *kept}
    run(replace(settings, method="glove", options=SMALL, seed=0, resume=True))
    assert left_behind(settings) == []


# Several processes that torchrun started.

STOPPING = """
import sys
from reportnlp.archive.stop import Stopped
from reportnlp.embeddings._work import Checkpoints
save, stop = Checkpoints.save, int(sys.argv.pop(1))
def stopping(self, epoch, arrays):
    save(self, epoch, arrays)
    if epoch == stop:
        raise Stopped("SIGTERM")
Checkpoints.save = stopping
from reportnlp.cli import main
main()
"""


@pytest.fixture
def torchrun(tmp_path: Path, root: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`reportnlp embed` in two processes, which are stopped after an epoch; 0: they are not."""
    script = tmp_path / "corpus.py"
    script.write_text(STOPPING, encoding="utf-8")

    def called(*arguments: str, stop: int = 0) -> subprocess.CompletedProcess[str]:
        start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        return subprocess.run(
            [*start, str(script), str(stop), "embed", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    return called


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What reportnlp, not torchrun, wrote to stderr."""
    return [line for line in done.stderr.splitlines() if line.startswith("reportnlp: ")]


def test_two_processes_make_one_folder_stopped_or_not(
    settings: EmbedSettings, torchrun: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    [corpus] = settings.inputs
    Path(corpus).write_text("\n".join(LINES * 30), encoding="utf-8")
    options = shlex.split(f"{corpus} --method word2vec --width 8 --epochs 3 --min-count 2")
    whole = torchrun(*options, "-o", "v")
    assert whole.returncode == 0, whole.stderr
    lines = whole.stdout.splitlines()
    assert lines[0].startswith("engine torch: torchrun started 2 processes")
    assert (len(lines), told(whole)) == (3, [])
    config = json.loads((settings.out / "config.json").read_text("utf-8"))
    assert (config["engine"], config["processes"]) == ("torch", 2)
    stopped = torchrun(*options, "-o", "w", stop=2)
    assert stopped.returncode != 0
    assert [line for line in told(stopped) if "Stopped by SIGTERM before w" in line]
    assert not settings.out.with_name("w").exists()
    again = torchrun(*options, "-o", "w", "--resume")
    assert again.returncode == 0, again.stderr
    assert content(settings.out) == content(settings.out.with_name("w"))
    assert left_behind(settings) == ["corpus.py", "w"]


def test_the_first_of_two_processes_tells_what_is_wrong(
    settings: EmbedSettings, torchrun: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    [corpus] = settings.inputs
    done = torchrun(str(corpus), "-o", "v", "--min-count", "1000")
    assert done.returncode != 0
    [line] = told(done)
    assert "occurs 1000 times or more" in line
    assert left_behind(settings) == ["corpus.py"]


def test_an_engine_that_learns_in_one_process_is_refused_in_several(settings: EmbedSettings) -> None:
    with pytest.raises(InputError, match=r"started 2 processes.* --engine torch, or start .* without"):
        plan(replace(settings, method="word2vec", engine="numba"), Company(0, 2))


def test_a_corpus_that_not_all_see_is_told_by_the_first(method: Method, settings: EmbedSettings) -> None:
    class Blind(Company):
        def begin(self, task: object) -> None:
            assert isinstance(task, Share) and task.corpus.is_dir()

        def all(self, here: bool) -> bool:
            return False

    with pytest.raises(InputError, match=r"Not every process sees .*a folder that all machines share"):
        run(settings, company=Blind())


@pytest.mark.parametrize("seen", [True, False])
def test_a_helper_learns_quietly_and_says_when_it_cannot_go_on(
    seen: bool, method: Method, settings: EmbedSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(method, settings)
    chosen = plan(replace(settings, resume=True))
    corpus = disk.work_folder(settings.out) / "corpus"

    class Helping(Company):
        share: Share | None = None

        def wait(self) -> Share | None:
            return self.share

        def all(self, here: bool) -> bool:
            assert here == (self.share is not None and self.share.corpus.is_dir())
            return here

    helper = Helping(1, 2)
    help_out(helper)  # there is nothing to learn
    helper.share = Share(corpus if seen else corpus / "gone", "fake", chosen.config, "numba", 3, 1)
    method.stop, method.stop_after = RuntimeError("Connection closed"), 1
    method.trained.clear()
    if seen:
        with pytest.raises(TrainingError, match=r"Process 1 cannot go on \(RuntimeError\)"):
            help_out(helper)
    else:
        help_out(helper)
    assert (method.trained, capsys.readouterr()) == ([0] if seen else [], ("", ""))


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    words = ("left", "right", "upper", "lower", "embolus", "emboli", "pulmonary_embolism", "rib", "spine")
    rows = np.random.default_rng(3).normal(size=(len(words), 8)).astype(np.float32)
    Vectors.of(words, rows, config={"method": "word2vec"}).save(tmp_path / "v")
    return tmp_path / "v"


def test_neighbours_and_analogies(vectors: Path) -> None:
    [(word, found)] = views.neighbours(vectors, ["Pulmonary embolism"], count=3)
    assert (word, len(found)) == ("Pulmonary embolism", 3)
    assert len(views.analogy(vectors, ["left", "right", "upper"], count=2)) == 2
    with pytest.raises(InputError, match="2 words were given; an analogy needs three"):
        views.analogy(vectors, ["left", "right"])


@pytest.mark.parametrize("layout", ["pca", "tsne"])
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_picture_is_drawn_the_same_each_time(
    layout: _plot.Layout, suffix: str, vectors: Path, tmp_path: Path
) -> None:
    words = ("left", "right", "embolus", "emboli", "pulmonary embolism")
    wanted = views.PlotSettings(vectors, words, tmp_path / f"a{suffix}", layout)
    assert views.plot(wanted) == 5
    first = wanted.out.read_bytes()
    views.plot(replace(wanted, overwrite=True))
    assert wanted.out.read_bytes() == first
    assert first.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", "v"]


def test_labels_of_an_svg_are_text(vectors: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    wanted = views.PlotSettings(vectors, ("left", "right", "embolus"), out, neighbours=2)
    assert 5 <= views.plot(wanted) <= 9
    labels = {node.text.strip() for node in xml.parse(out).iter() if node.tag.endswith("text") and node.text}
    assert {"left", "right", "embolus"} <= labels
    assert any("principal components" in label for label in labels)


def test_labels_do_not_overlap(vectors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes: list[Any] = []
    best = _plot._Placed._best

    def spying(self: _plot._Placed, box: Any) -> Any:
        found = best(self, box)
        boxes.append(found[1])
        return found

    monkeypatch.setattr(_plot._Placed, "_best", spying)
    points = np.random.default_rng(0).normal(size=(40, 2))
    dots = [_plot.Dot(f"word number {number}", 0) for number in range(40)]
    _plot.draw(tmp_path / "a.png", dots, points, title="", note="")
    assert len(boxes) == 40
    for place, one in enumerate(boxes):
        for other in boxes[:place]:
            apart = (one[:2] >= other[2:] - 1).any() or (other[:2] >= one[2:] - 1).any()
            assert apart


def test_layouts_are_what_they_say() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    points = _plot.lay_out(rows, "pca", seed=1)
    assert points.var(axis=0)[0] >= points.var(axis=0)[1]
    total = (rows - rows.mean(axis=0)).var(axis=0).sum()
    assert 0 < points.var(axis=0).sum() <= total
    same = _plot.lay_out(np.ones((3, 5), np.float32), "pca", seed=1)
    assert not same.any()
    np.testing.assert_array_equal(_plot.lay_out(rows, "tsne", seed=1), _plot.lay_out(rows, "tsne", seed=1))
    with pytest.raises(InputError, match="2 words cannot be laid out"):
        _plot.lay_out(rows[:2], "pca", seed=1)


def test_a_picture_is_of_a_known_kind_and_replaces_nothing(vectors: Path, tmp_path: Path) -> None:
    wanted = views.PlotSettings(vectors, ("left", "right", "rib"), tmp_path / "a.jpg")
    with pytest.raises(OutputError, match=r"Let its name end in \.svg or \.png"):
        views.plot(wanted)
    (tmp_path / "a.png").touch()
    with pytest.raises(OutputError, match="add --overwrite"):
        views.plot(replace(wanted, out=tmp_path / "a.png"))
    with pytest.raises(UnknownNameError, match="Did you mean 'spine'"):
        views.plot(replace(wanted, words=("spin", "left", "right"), out=tmp_path / "b.svg"))


@pytest.mark.parametrize("name", ["w.txt", "w.bin", "w.bin.gz", "w.vec"])
def test_vectors_go_out_and_come_in(name: str, vectors: Path, tmp_path: Path) -> None:
    views.hand_out(vectors, tmp_path / name, binary=None, overwrite=False)
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith(".gz") else b"9 ")
    again = views.bring_in(tmp_path / name, tmp_path / "again", binary=None, overwrite=False)
    first = Vectors.load(vectors)
    np.testing.assert_array_equal(Vectors.load(tmp_path / "again").matrix, first.matrix)
    assert again.words == first.words
    with pytest.raises(OutputError, match="exists"):
        views.hand_out(vectors, tmp_path / name, binary=None, overwrite=False)
    with pytest.raises(OutputError, match="exists"):
        views.bring_in(tmp_path / name, tmp_path / "again", binary=None, overwrite=False)
    views.hand_out(vectors, tmp_path / name, binary=True, overwrite=True)
    views.bring_in(tmp_path / name, tmp_path / "again", binary=None, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "again", "v"])


def test_a_file_that_cannot_come_in_leaves_nothing(vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("2 3\na 1 2\nb 1.25 2.5\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a word and 3 numbers"):
        views.bring_in(tmp_path / "bad.txt", tmp_path / "out", binary=None, overwrite=False)
    with pytest.raises(InputError, match="There is no file"):
        views.bring_in(tmp_path / "gone.txt", tmp_path / "out", binary=None, overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.txt", "v"]


def test_the_intrinsic_test_is_scored(vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(
        "kind,question,answer,distractors\nsynonym,embolus,embolus_x|emboli,rib spine\n"
        "laterality,left right upper,lower,rib\nsynonym,embolus,thrombus,rib\n",
        encoding="utf-8",
    )
    score = views.intrinsic(vectors, tmp_path / "items.csv")
    assert (score.overall.items, score.overall.missing) == (3, 1)
    lines = list(views.scored(score))
    assert re.match(r"synonym +2 +1 ", lines[1])
    assert any(line.startswith("laterality, any word") for line in lines)
    with pytest.raises(InputError, match=r"gone\.csv cannot be read: No such file"):
        views.intrinsic(vectors, tmp_path / "gone.csv")


def test_the_items_of_this_project_are_found_from_anywhere(
    vectors: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = views.intrinsic(vectors, root / "corpora" / "embedding_tests" / "items.csv")
    assert list(views.scored(views.intrinsic(vectors))) == list(views.scored(named))
    monkeypatch.setattr(views, "ITEMS", (tmp_path / "a.csv", tmp_path / "b.csv"))
    with pytest.raises(InputError, match=r"corpora/embedding_tests/items\.csv .* --items"):
        views.intrinsic(vectors)
    (tmp_path / "b.csv").write_text("kind,question,answer,distractors\nsynonym,rib,spine,left\n")
    assert views.intrinsic(vectors).overall.items == 1


@pytest.mark.usefixtures("method")
def test_the_command_tells_engine_rate_and_loss(settings: EmbedSettings, reportnlp: Command) -> None:
    [corpus] = settings.inputs
    code, out, err = reportnlp(
        *shlex.split(f"embed {corpus} -o {settings.out} --method fake --engine torch --epochs 2 --workers 1")
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "engine torch: it was asked for"
    assert re.fullmatch(r"1\d words of width 4 in .*v: 6 texts, 66 words of text", lines[1])
    assert re.fullmatch(r"[\d,]+ words/s in [\d.]+ s, loss 0\.5000", lines[2])


@pytest.mark.usefixtures("method")
def test_rows_that_were_left_out_are_told(settings: EmbedSettings, reportnlp: Command) -> None:
    corpus = Path(settings.inputs[0])
    corpus.write_bytes(corpus.read_bytes() + b"\n\xff\xfe\n")
    code, _, err = reportnlp("embed", str(corpus), "-o", str(settings.out), "--method", "fake")
    listed = disk.quarantine_file(settings.out)
    told = f"     1 the text is UTF-16\nreportnlp: the quarantined rows are listed in {listed}\n"
    assert (code, err) == (3, told)
    [row] = map(json.loads, listed.read_text("utf-8").splitlines())
    assert row == {
        "source": "corpus.txt",
        "offset": 7,
        "report_id": None,
        "reason": "the text is UTF-16; save it as UTF-8",
    }


@pytest.mark.parametrize("after", [None, 1])
def test_the_quarantine_lists_each_row_once_stopped_or_not(
    after: int | None, method: Method, settings: EmbedSettings
) -> None:
    corpus = Path(settings.inputs[0])
    whole = corpus.read_bytes()
    corpus.write_bytes(whole + b"\n\xff\xfe\n\xff\xfe\n")
    method.stop_after = after
    wanted = replace(settings, phrases=PhraseConfig(), resume=True)
    if after:
        with pytest.raises(OutputError, match="Stopped"):
            run(wanted)
    method.stop_after = None
    assert run(wanted).left_out.total() == 2
    listed = disk.quarantine_file(settings.out)
    assert [json.loads(line)["offset"] for line in listed.read_text("utf-8").splitlines()] == [7, 8]
    corpus.write_bytes(whole)
    run(replace(settings, overwrite=True))
    assert left_behind(settings) == []


def test_an_earlier_quarantine_is_not_replaced_unasked(method: Method, settings: EmbedSettings) -> None:
    listed = disk.quarantine_file(settings.out)
    listed.touch()
    with pytest.raises(OutputError, match=r"v\.quarantine\.jsonl exists already.* --overwrite"):
        run(settings)
    run(replace(settings, overwrite=True))
    assert not listed.exists()


def test_what_is_written_lies_among_no_inputs(method: Method, settings: EmbedSettings) -> None:
    for given in (settings.out.parent, settings.out.parent / "*.jsonl"):
        with pytest.raises(OutputError, match="would lie among the inputs"):
            run(replace(settings, inputs=[given]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("embed neighbors v embolus", "There is no command 'neighbors'. Did you mean 'neighbours'?"),
        ("embed corpus.txt", "--out was not given"),
        ("embed -o out", "CORPUS was not given"),
        ("embed neighbours v bone", "There is no vector of 'bone' among the 9 words."),
        ("embed neighbours gone x", "There is no folder gone"),
        ("embed corpus.txt -o w --method glov", "Did you mean 'glove'?"),
        ("embed corpus.txt -o w --method glove --negative 3", "No setting of glove is called 'negative'."),
        ("embed corpus.txt -o w --width 0", "width is 0. Give 1 or more."),
        ("embed corpus.txt -o w --seed -1", "--seed was given as -1"),
        ("embed corpus.txt -o gone/w", "there is no folder gone. Make it first."),
        ("embed corpus.txt -o v", "v exists already."),
        ("embed plot v left right rib -o gone/a.svg", "there is no folder gone. Make it first."),
        ("embed plot v left right rib -o a.svg --layout tsne --seed -1", "--seed was given as -1"),
        ("embed compare v v --seed -1", "--seed was given as -1"),
        ("embed test v --items gone.csv", "gone.csv cannot be read"),
        ("embed plot v left right rib -o a.pdf", "Let its name end in .svg or .png"),
        ("embed compare v v", "have 9 words in common, too few"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: str, message: str, vectors: Path, reportnlp: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(vectors.parent)
    code, out, err = reportnlp(*shlex.split(arguments))
    assert (code, out) == (2, "")
    assert err.startswith("reportnlp: ") and err.count("\n") == 1
    assert message in err


def test_answers_are_printed(vectors: Path, reportnlp: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(vectors.parent)
    out = reportnlp("embed", "neighbours", "v", "embolus", "pulmonary embolism", "-n", "2").out
    assert re.fullmatch(
        r"embolus:\n( +-?\d\.\d{3} \w+\n){2}pulmonary embolism:\n( +-?\d\.\d{3} \w+\n){2}", out
    )
    out = reportnlp("embed", "compare", "v", "v", "-n", "3").out
    assert "same neighbours among the 3 nearest: 100.0% (by chance 37.5%)" in out
    assert "correlation of cosines: 1.000" in out
