"""word2vec: settings, look-up tables, and the numba kernels against the formulas they stand for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reportnlp.embeddings import _choose, word2vec
from reportnlp.embeddings._numba_tables import alias_table, kept_share, tables_of
from reportnlp.embeddings.blocks import BREAK, EncodedCorpus, Trained, TrainingError, Vocabulary
from reportnlp.errors import InputError, MissingExtraError, ResumeError, UnknownNameError

HALF = 2**32
RATE = 0.05
Matrix = npt.NDArray[np.float32]


class Heard:
    def __init__(self) -> None:
        self.words: list[int] = []
        self.losses: list[float] = []

    def advance(self, words: int, loss: float) -> None:
        self.words.append(words)
        self.losses.append(loss)


class Stored:
    """A checkpoint that holds what it was made with."""

    def __init__(self, **arrays: npt.NDArray[np.generic]) -> None:
        self.arrays = arrays

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        raise NotImplementedError

    def load(self) -> tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None:
        return 1, self.arrays


def drawn(words: int, texts: int, length: int, seed: int = 0) -> tuple[EncodedCorpus, Vocabulary]:
    """Texts of words drawn evenly."""
    ids = np.random.default_rng(seed).integers(words, size=(texts, length)).astype(np.int32)
    counts = np.bincount(ids.ravel(), minlength=words)
    order = np.argsort(-counts, kind="stable")
    places = np.argsort(order, kind="stable").astype(np.int32)
    lined = np.hstack([places[ids], np.full((texts, 1), BREAK, np.int32)]).ravel()
    return EncodedCorpus(lined, ids.size), Vocabulary(tuple(f"w{n}" for n in range(words)), counts[order])


def run(corpus: EncodedCorpus, vocabulary: Vocabulary, *, checkpoint: Any = None, **settings: Any) -> Trained:
    pytest.importorskip("numba")
    given = {"width": 24, "epochs": 1, "min_count": 1, "sample": 0.0, "learning_rate": RATE, **settings}
    return word2vec.train(
        corpus,
        vocabulary,
        word2vec.Config(**given),
        seed=3,
        engine="numba",
        workers=1,
        watcher=Heard(),
        checkpoint=checkpoint,
    )


def sigmoid(score: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-score))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"width": 0}, "width is 0"),
        ({"negative": -1}, "negative is -1"),
        ({"negative": 0}, "nothing is learned"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"sample": float("nan")}, "sample is nan"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        word2vec.Config(**settings)


def test_an_unknown_architecture_gets_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'skipgram'"):
        word2vec.Config(architecture="skip-gram")


def test_the_learning_rate_falls_to_a_ten_thousandth() -> None:
    config = word2vec.Config(learning_rate=0.1)
    assert [config.rate(done) for done in (0, 0.5, 1)] == pytest.approx([0.1, 0.05, 1e-5])


def test_the_alias_table_holds_the_distribution() -> None:
    weights = np.array([50.0, 20, 20, 5, 4, 1, 0])
    table = alias_table(weights)
    own = (table >> np.uint64(32)).astype(float) / HALF
    share = own.copy()
    np.add.at(share, (table & np.uint64(HALF - 1)).astype(int), 1 - own)
    np.testing.assert_allclose(share / len(weights), weights / weights.sum(), atol=1e-8)


def test_frequent_words_are_thinned_by_the_programs_formula() -> None:
    counts = np.array([900, 99, 1])
    # sqrt(t / f) + t / f with t = 0.01 and f = 0.9, 0.099, 0.001
    assert kept_share(counts, 0.01) == pytest.approx([0.11652, 0.41884, 1.0], abs=1e-5)
    assert kept_share(counts, 0.0).tolist() == [1, 1, 1]


def test_subsampling_keeps_that_share() -> None:
    kernels = pytest.importorskip("reportnlp.embeddings._numba_kernels")
    counts = np.array([60_000, 30_000, 10_000], np.int64)
    tables = tables_of(counts, word2vec.Config(sample=0.05))
    ids = np.repeat(np.arange(3, dtype=np.int32), counts)
    ids = np.append(ids, np.full(7, BREAK, np.int32))
    kept = kernels.thin(ids, tables.keep, np.array([9], np.uint64))
    found = np.bincount(ids[:kept][ids[:kept] >= 0], minlength=3) / counts
    np.testing.assert_allclose(found, kept_share(counts, 0.05), atol=0.01)
    assert np.count_nonzero(ids[:kept] == BREAK) == 7


def test_negatives_are_drawn_from_counts_to_the_power() -> None:
    kernels = pytest.importorskip("reportnlp.embeddings._numba_kernels")
    counts = np.array([1000, 100, 10, 1], np.int64)
    tables = tables_of(counts, word2vec.Config())
    rows = np.zeros(200_001, np.int32)
    kernels.negatives(tables.alias, 200_000, rows, np.array([4], np.uint64))
    shares = np.bincount(rows[1:], minlength=4) / 200_000
    np.testing.assert_allclose(shares, counts**0.75 / (counts**0.75).sum(), atol=0.005)


def test_windows_have_every_width_and_end_with_the_text() -> None:
    kernels = pytest.importorskip("reportnlp.embeddings._numba_kernels")
    ids = np.array([1] * 20 + [BREAK] + [2] * 20, np.int32)
    state = np.array([1], np.uint64)
    spans = [kernels.span(ids, len(ids), 10, 5, state) for _ in range(5000)]
    reach = np.bincount([10 - first for first, _ in spans])
    assert all(10 - first == end - 11 for first, end in spans)
    np.testing.assert_allclose(reach[1:] / 5000, 0.2, atol=0.03)
    assert all(kernels.span(ids, len(ids), 19, 5, state)[1] == 20 for _ in range(50))
    assert all(kernels.span(ids, len(ids), 21, 5, state)[0] == 21 for _ in range(50))


@pytest.mark.parametrize("count", range(1, 15))
@pytest.mark.parametrize("width", [16, 112])
def test_one_example_is_one_step_down_the_logistic_loss(count: int, width: int) -> None:
    kernels = pytest.importorskip("reportnlp.embeddings._numba_kernels")
    rng = np.random.default_rng(count)
    hidden, outputs = (rng.normal(size=(20, width), scale=0.2).astype(np.float32) for _ in range(2))
    rows = rng.permutation(20)[:count].astype(np.int32)
    labels = (np.arange(count) % 3 == 0).astype(np.float32)
    scores = outputs[rows].astype(float) @ hidden[4]
    sizes = RATE * (labels - sigmoid(scores))
    sink = hidden[4] + sizes @ outputs[rows]
    stepped = outputs.copy()
    stepped[rows] += np.outer(sizes, hidden[4]).astype(np.float32)
    work, found = np.ones((1, width), np.float32), np.zeros(count, np.float32)
    loss = kernels.learn_in_place(hidden, 4, work, outputs, rows, labels, count, found, np.float32(RATE))
    np.testing.assert_allclose(hidden[4], sink, atol=1e-4)
    np.testing.assert_allclose(outputs, stepped, atol=1e-4)
    assert loss == pytest.approx(-np.log(sigmoid((2 * labels - 1) * scores)).sum(), rel=2e-3)


def test_a_negative_drawn_twice_counts_twice_and_the_word_itself_not() -> None:
    kernels = pytest.importorskip("reportnlp.embeddings._numba_kernels")
    hidden, outputs = np.ones((1, 16), np.float32), np.zeros((3, 16), np.float32)
    rows = np.array([0, 1, 1, 0, 2, 0], np.int32)
    labels = np.array([1, 0, 0, 0, 0, 0], np.float32)
    sink = np.zeros((1, 16), np.float32)
    kernels.learn(hidden, 0, sink, 0, outputs, rows, labels, 6, np.zeros(6, np.float32), np.float32(1.0))
    np.testing.assert_allclose(outputs[:, 0], [0.5, -1.0, -0.5], atol=1e-3)


@pytest.mark.parametrize("score", [-7.0, -6.0, -5.9999995, -2.0, 0.0, 3.0, 5.9999995, 6.0, 7.0])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_the_logistic_table_holds_to_its_ends(score: float, label: float) -> None:
    kernels = pytest.importorskip("reportnlp.embeddings._numba_kernels")
    scores = np.array([score], np.float32)
    loss = kernels.errors(np.zeros(1, np.int32), np.array([label], np.float32), 1, scores, np.float32(1.0))
    chance = 1 / (1 + np.exp(-score))
    assert scores[0] == pytest.approx(label - chance, abs=3e-3)
    assert loss == pytest.approx(-np.log(chance if label else 1 - chance), abs=3e-3)


def reference(architecture: str, corpus: EncodedCorpus, vocabulary: Vocabulary, start: Matrix) -> Matrix:
    """Hierarchical softmax with a window of 1, where nothing is left to chance, in plain numpy."""
    tables = tables_of(vocabulary.counts, word2vec.Config(negative=0, hierarchical=True, sample=0.0))
    inputs = start.astype(float)
    outputs = np.zeros((len(vocabulary) - 1, start.shape[1]))
    ids = corpus.ids
    for place, word in enumerate(ids):
        around = [near for near in (place - 1, place + 1) if 0 <= near < len(ids) and ids[near] >= 0]
        if word < 0 or not around:
            continue
        path = slice(tables.tree_offsets[word], tables.tree_offsets[word + 1])
        rows, labels = tables.tree_rows[path], tables.tree_labels[path]
        rate = RATE * max(1 - place / len(ids), 1e-4)
        groups = [around] if architecture == "cbow" else [[near] for near in around]
        for group in groups:
            hidden = inputs[ids[group]].mean(axis=0)
            sizes = rate * (labels - sigmoid(outputs[rows] @ hidden))
            for near in group:
                inputs[ids[near]] += sizes @ outputs[rows]
            outputs[rows] += np.outer(sizes, hidden)
    return inputs.astype(np.float32)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_training_is_the_programs_algorithm(architecture: str) -> None:
    pytest.importorskip("numba")
    from reportnlp.embeddings._numba import _uniform

    corpus, vocabulary = drawn(words=12, texts=200, length=9)
    settings = {"architecture": architecture, "negative": 0, "hierarchical": True, "window": 1}
    trained = run(corpus, vocabulary, **settings)
    start = _uniform(12, 24, 0.5 / 24, [3, 0])
    expected = reference(architecture, corpus, vocabulary, start)
    assert np.abs(expected - start).max() > 0.01
    np.testing.assert_allclose(trained.matrix, expected, atol=2e-4)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("hierarchical", [False, True])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_the_loss_falls(architecture: str, hierarchical: bool, shared: bool) -> None:
    pytest.importorskip("numba")
    texts = np.tile(np.arange(20, dtype=np.int32), (300, 1))
    ids = np.hstack([texts, np.full((300, 1), BREAK, np.int32)]).ravel()
    vocabulary = Vocabulary(tuple(f"w{n}" for n in range(20)), np.full(20, 300, np.int64))
    heard = Heard()
    config = word2vec.Config(
        architecture=architecture,
        hierarchical=hierarchical,
        shared_negatives=shared,
        width=24,
        window=2,
        epochs=20,
        min_count=1,
        sample=0.0,
    )
    word2vec.train(
        EncodedCorpus(ids, 6000),
        vocabulary,
        config,
        seed=1,
        engine="numba",
        workers=1,
        watcher=heard,
        checkpoint=None,
    )
    assert sum(heard.words) == 20 * 6000
    assert heard.losses[-1] < 0.9 * heard.losses[0]


def test_no_window_reaches_into_another_text() -> None:
    pytest.importorskip("numba")
    from reportnlp.embeddings._numba import _uniform

    ids = np.array([0, BREAK, 1, BREAK] * 50, np.int32)
    vocabulary = Vocabulary(("a", "b"), np.array([50, 50]))
    trained = run(EncodedCorpus(ids, 100), vocabulary)
    assert np.array_equal(trained.matrix, _uniform(2, 24, 0.5 / 24, [3, 0]))


def test_the_corpus_is_cut_between_texts_and_wholly_read() -> None:
    numba = pytest.importorskip("reportnlp.embeddings._numba")
    rng = np.random.default_rng(2)
    ids = rng.integers(9, size=200_000).astype(np.int32)
    ids[rng.random(len(ids)) < 0.01] = BREAK
    cuts = list(numba._stretches(ids))
    assert [start for start, _ in cuts[1:]] == [stop for _, stop in cuts[:-1]]
    assert cuts[0][0] == 0
    assert cuts[-1][1] == len(ids)
    assert all(ids[stop - 1] == BREAK for _, stop in cuts[:-1])
    endless = list(numba._stretches(np.zeros(100_000, np.int32)))
    assert [stop - start for start, stop in endless] == [32768, 32768, 32768, 100_000 - 3 * 32768]


def test_vectors_that_grow_without_end_are_an_error() -> None:
    corpus, vocabulary = drawn(words=5, texts=50, length=9)
    with pytest.raises(TrainingError, match="learning_rate 1e\\+30"):
        run(corpus, vocabulary, learning_rate=1e30, epochs=3)


@pytest.mark.parametrize("engine", ["numba", "gensim"])
def test_another_trainings_checkpoint_is_refused(engine: str) -> None:
    pytest.importorskip(engine)
    corpus, vocabulary = drawn(words=5, texts=50, length=9)
    stored = Stored(inputs=np.zeros((5, 7), np.float32), outputs=np.zeros((5, 7), np.float32))
    with pytest.raises(ResumeError, match="start anew"):
        word2vec.train(
            corpus,
            vocabulary,
            word2vec.Config(width=24, min_count=1),
            seed=1,
            engine=engine,
            workers=1,
            watcher=Heard(),
            checkpoint=stored,
        )


def test_gensim_reads_every_text_whole_and_none_across_a_break() -> None:
    engine = pytest.importorskip("reportnlp.embeddings._gensim")
    ids = np.array([0, 1, BREAK, BREAK, 2, *[1] * 25_000, BREAK, 0], np.int32)
    heard = Heard()
    texts = engine._Texts(EncodedCorpus(ids, 25_004), np.array(["a", "b", "c"], dtype=object), heard)
    for _ in range(2):
        pieces = list(texts)
        assert [len(piece) for piece in pieces] == [2, 10_000, 10_000, 5001, 1]
        assert (pieces[0], pieces[1][:2], pieces[-1]) == (["a", "b"], ["c", "b"], ["a"])
    assert sum(heard.words) == 2 * 25_004


@pytest.mark.parametrize(
    ("cuda", "missing", "chosen"),
    [
        (True, (), "torch"),
        (False, (), "numba"),
        (False, ("numba",), "gensim"),
        (False, ("numba", "gensim"), "torch"),
    ],
)
def test_auto_takes_the_fastest_at_hand(
    cuda: bool, missing: tuple[str, ...], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_choose, "_cuda", lambda: cuda)
    monkeypatch.setattr(_choose, "_installed", lambda library: library not in missing)
    engine, reason = _choose.choose("word2vec", word2vec.Config())
    assert engine == chosen
    assert (reason == "a CUDA device is at hand") == cuda


def test_auto_with_nothing_at_hand_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in _choose.LIBRARIES.values():
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"reportnlp\[train\]"):
        _choose.choose("word2vec", word2vec.Config())
