"""fastText: n-grams and buckets as the original program has them, and the kernels on top of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reportnlp.embeddings import fasttext
from reportnlp.embeddings._subwords import subwords_of
from reportnlp.embeddings.blocks import BREAK, EncodedCorpus, Trained, Vocabulary
from reportnlp.errors import InputError
from tests.test_embeddings_word2vec import RATE, Heard, Matrix, drawn, sigmoid

WORDS = ("embolism", "embolus", "hernia", "sulci", "clot", "a", "banana", "ödem", "naïve", "日本")
BUCKETS = 997


def fnv(text: str) -> int:
    """FNV-1a with the program's signed bytes, letter by letter."""
    code = 2166136261
    for byte in text.encode():
        code = ((code ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return code


def grams(word: str, min_n: int, max_n: int) -> list[str]:
    whole = f"<{word}>"
    found = [
        whole[start : start + size]
        for start in range(len(whole))
        for size in range(min_n, max_n + 1)
        if start + size <= len(whole)
    ]
    return [gram for gram in found if gram not in "<>"]


@pytest.mark.parametrize(("min_n", "max_n"), [(3, 6), (1, 4), (2, 2), (5, 9)])
def test_buckets_are_the_original_programs(min_n: int, max_n: int) -> None:
    offsets, ids = subwords_of(WORDS, min_n, max_n, BUCKETS)
    for place, word in enumerate(WORDS):
        expected = [fnv(gram) % BUCKETS for gram in grams(word, min_n, max_n)]
        assert ids[offsets[place] : offsets[place + 1]].tolist() == expected, word


def test_the_hash_of_ascii_is_the_published_fnv() -> None:
    # the draft's own test vectors (draft-eastlake-fnv, 32-bit FNV-1a): "a" is 0xe40c292c, "foobar" 0xbf9cf968
    assert (fnv("a"), fnv("foobar")) == (0xE40C292C, 0xBF9CF968)


def test_gensim_hashes_alike() -> None:
    inner = pytest.importorskip("gensim.models.fasttext_inner")
    offsets, ids = subwords_of(WORDS, 3, 6, BUCKETS)
    for place, word in enumerate(WORDS):
        expected = [inner.ft_hash_bytes(gram) % BUCKETS for gram in inner.compute_ngrams_bytes(word, 3, 6)]
        assert ids[offsets[place] : offsets[place + 1]].tolist() == expected


def test_no_words_and_no_ngrams_are_empty() -> None:
    assert [part.tolist() for part in subwords_of([], 3, 6, 10)] == [[0], []]
    assert [part.tolist() for part in subwords_of(["ab"], 3, 0, 10)] == [[0, 0], []]


@pytest.mark.parametrize("settings", [{"min_n": 0}, {"min_n": 5, "max_n": 4}, {"buckets": 0}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        fasttext.Config(**settings)


def run(corpus: EncodedCorpus, vocabulary: Vocabulary, engine: str = "numba", **settings: Any) -> Trained:
    pytest.importorskip(engine)
    given = {"width": 24, "epochs": 1, "min_count": 1, "sample": 0.0, "learning_rate": RATE, **settings}
    return fasttext.train(
        corpus,
        vocabulary,
        fasttext.Config(**given),
        seed=3,
        engine=engine,
        workers=1,
        watcher=Heard(),
        checkpoint=None,
    )


def reference(architecture: str, corpus: EncodedCorpus, vocabulary: Vocabulary, buckets: int) -> Matrix:
    """Hierarchical softmax with a window of 1, example by example as the original program has it."""
    from reportnlp.embeddings._numba import _uniform, _with_own
    from reportnlp.embeddings._numba_tables import tables_of

    tables = tables_of(vocabulary.counts, fasttext.Config(negative=0, hierarchical=True, sample=0.0))
    offsets, found = subwords_of(vocabulary.words, 3, 6, buckets)
    used, places = np.unique(found, return_inverse=True)
    offsets, members = _with_own(offsets, places)
    rows_of = [members[offsets[word] : offsets[word + 1]] for word in range(len(vocabulary))]
    inputs = _uniform(len(vocabulary) + len(used), 24, 1 / 24, [3, 0]).astype(float)
    outputs = np.zeros((len(vocabulary) - 1, 24))
    ids = corpus.ids
    for place, word in enumerate(ids):
        around = [near for near in (place - 1, place + 1) if 0 <= near < len(ids) and ids[near] >= 0]
        if word < 0 or not around:
            continue
        rate = RATE * max(1 - place / len(ids), 1e-4)
        pairs = [(ids[around], word)] if architecture == "cbow" else [([word], ids[near]) for near in around]
        for sources, target in pairs:
            path = slice(tables.tree_offsets[target], tables.tree_offsets[target + 1])
            rows, labels = tables.tree_rows[path], tables.tree_labels[path]
            group = np.concatenate([rows_of[source] for source in sources])
            hidden = inputs[group].mean(axis=0)
            sizes = rate * (labels - sigmoid(outputs[rows] @ hidden))
            np.add.at(inputs, group, sizes @ outputs[rows])
            outputs[rows] += np.outer(sizes, hidden)
    return np.array([inputs[rows].mean(axis=0) for rows in rows_of], np.float32)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_training_is_the_programs_algorithm(architecture: str) -> None:
    corpus, vocabulary = drawn(words=12, texts=200, length=9)
    vocabulary = Vocabulary(tuple(f"{n:05}word{n * n:05}" for n in range(12)), vocabulary.counts)
    settings: dict[str, Any] = {"negative": 0, "hierarchical": True, "window": 1, "buckets": 5000}
    trained = run(corpus, vocabulary, architecture=architecture, **settings)
    expected = reference(architecture, corpus, vocabulary, 5000)
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(trained.matrix, expected, atol=1e-3)


def test_buckets_of_no_word_keep_their_first_values() -> None:
    pytest.importorskip("numba")
    from reportnlp.embeddings._numba import _uniform

    corpus, vocabulary = drawn(words=12, texts=50, length=9)
    trained = run(corpus, vocabulary, buckets=BUCKETS)
    assert trained.buckets is not None
    used = np.zeros(BUCKETS, bool)
    used[subwords_of(vocabulary.words, 3, 6, BUCKETS)[1]] = True
    moved = (trained.buckets != _uniform(BUCKETS, 24, 1 / 24, [3, 1])).any(axis=1)
    assert np.array_equal(moved, used)


@pytest.mark.parametrize("engine", ["numba", "gensim", "torch"])
def test_a_misspelling_is_near_its_word(engine: str) -> None:
    topics = (
        ("embolism", "thrombus", "artery", "perfusion"),
        ("hemorrhage", "ventricle", "cortex", "sulcus"),
    )
    words = tuple(word for topic in topics for word in topic)
    rng = np.random.default_rng(1)
    texts = rng.integers(4, size=(400, 10)) + 4 * rng.integers(2, size=(400, 1))
    ids = np.hstack([texts, np.full((400, 1), BREAK)]).astype(np.int32).ravel()
    counts = np.bincount(texts.ravel()).astype(np.int64)
    trained = run(EncodedCorpus(ids, 4000), Vocabulary(words, counts), engine, buckets=20_000, epochs=8)
    assert trained.buckets is not None
    for wrong, right in (("embolsim", "embolism"), ("hemorrage", "hemorrhage"), ("ventrical", "ventricle")):
        unseen = trained.buckets[subwords_of([wrong], 3, 6, 20_000)[1]].mean(axis=0)
        cosines = trained.matrix @ unseen / np.linalg.norm(trained.matrix, axis=1)
        own = words.index(right) // 4
        assert cosines[words.index(right)] > np.delete(cosines, range(4 * own, 4 * own + 4)).max()
