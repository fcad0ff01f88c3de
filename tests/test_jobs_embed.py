"""`reportnlp embed`: a corpus in, a folder of vectors out; stopped and resumed; what is asked of vectors."""

from __future__ import annotations

import json
import math
import re
import shlex
import signal
import xml.etree.ElementTree as xml
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reportnlp.archive import disk
from reportnlp.archive.stop import Stopped
from reportnlp.embeddings import _plot
from reportnlp.embeddings._corpus import Texts
from reportnlp.embeddings._vectors import FILES, Vectors
from reportnlp.embeddings._work import Checkpoints
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
from reportnlp.jobs.embed import EmbedSettings, plan, run
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
        checkpoint: Checkpoint,
    ) -> Trained:
        self.seen.append((engine, workers, seed))
        kept = checkpoint.load()
        first = np.random.default_rng(seed).normal(size=(len(vocabulary), config.width)).astype(np.float32)
        done, arrays = kept or (0, {"matrix": first, "draws": np.array([7], np.uint64)})
        matrix = np.array(arrays["matrix"])
        for epoch in range(done, config.epochs):
            matrix = self._epoch(matrix, corpus, config, int(arrays["draws"][0]))
            self.trained.append(epoch)
            watcher.advance(corpus.tokens, 1 / (epoch + 1))
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
    with pytest.raises(InputError, match="name them with --items"):
        views.intrinsic(vectors, tmp_path / "gone.csv")


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
    assert (code, err) == (3, "     1 left out: the text is UTF-..\n")


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
