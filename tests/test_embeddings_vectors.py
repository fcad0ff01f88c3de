"""Vectors: looked up, compared, kept in a folder, and taken from and given to other programs."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import KeyedVectors
from safetensors.numpy import load_file, save_file

import reportnlp.embeddings as package
from reportnlp.embeddings import _vectors
from reportnlp.embeddings._compare import compare
from reportnlp.embeddings._subwords import subwords_of
from reportnlp.embeddings._vectors import Subwords, Vectors
from reportnlp.embeddings.blocks import Matrix, Vocabulary
from reportnlp.errors import InputError, MissingExtraError, OutputError, UnknownNameError
from reportnlp.text.words import Words

WORDS = ("no", "embolus", "emboli", "left", "right", "pulmonary_embolism", "?", "zero")


def matrix(words: int = len(WORDS), width: int = 6, seed: int = 0) -> Matrix:
    rows = np.random.default_rng(seed).normal(size=(words, width)).astype(np.float32)
    rows[-1] = 0
    return rows


def made(words: tuple[str, ...] = WORDS, *, subwords: bool = False, seed: int = 0) -> Vectors:
    counts = np.arange(len(words), 0, -1, dtype=np.int64)
    buckets = np.random.default_rng(seed + 1).normal(size=(50, 6)).astype(np.float32)
    table = Subwords(buckets, 3, 5) if subwords else None
    config = {"method": "fasttext" if subwords else "word2vec"}
    rows = matrix(len(words), seed=seed)
    return Vectors(Vocabulary(words, counts), rows, Words.build(words), table, config)


def test_a_word_is_found_as_it_stands_or_as_it_is_cut() -> None:
    vectors = made()
    assert vectors["embolus"].tolist() == vectors.matrix[1].tolist()
    assert vectors["Embolus"].tolist() == vectors.matrix[1].tolist()
    for term in ("pulmonary_embolism", "pulmonary embolism", "Pulmonary-Embolism"):
        assert vectors[term].tolist() == vectors.matrix[5].tolist()
    assert "embolus" in vectors and "Embolus" not in vectors
    assert (len(vectors), vectors.width) == (8, 6)


def test_several_words_are_their_mean_direction() -> None:
    vectors = made()
    both = vectors.matrix[[1, 3]] / np.linalg.norm(vectors.matrix[[1, 3]], axis=1, keepdims=True)
    np.testing.assert_allclose(vectors["left embolus"], both.mean(axis=0), rtol=1e-6)
    for term in ("left embolus", "left_embolus", "left atrium", ""):
        assert vectors.find(term) is None
    with pytest.raises(UnknownNameError, match="no vector of 'atrium'"):
        _ = vectors["left atrium"]
    with pytest.raises(UnknownNameError, match="no vector of ''"):
        _ = vectors[""]


def test_a_word_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no vector of 'embolis' among the 8 words\. Did you mean 'emboli'"
    ):
        _ = made()["embolis"]


def test_a_vector_that_is_found_is_a_copy() -> None:
    vectors = made()
    vectors["embolus"][:] = 0
    assert vectors.matrix[1].any()


def test_neighbours_are_those_of_the_cosine() -> None:
    vectors = made()
    unit = vectors.matrix / np.maximum(np.linalg.norm(vectors.matrix, axis=1, keepdims=True), 1e-9)
    cosines = unit @ unit[1]
    expected = [WORDS[place] for place in np.argsort(-cosines) if place != 1]
    found = vectors.neighbours("embolus", 3)
    assert [near.word for near in found] == expected[:3]
    assert found[0].similarity == pytest.approx(np.sort(cosines)[-2], abs=1e-6)
    assert len(vectors.neighbours("embolus", 100)) == len(WORDS) - 1
    assert not np.isnan([near.similarity for near in vectors.neighbours("zero", 9)]).any()


def test_equal_neighbours_come_in_the_order_of_the_words() -> None:
    words = ("a", "b", "c", "d")
    vectors = Vectors.of(words, np.ones((4, 2), np.float32))
    assert [near.word for near in vectors.neighbours("c", 3)] == ["a", "b", "d"]


def test_similarity_is_the_cosine() -> None:
    vectors = made()
    one, other = vectors.matrix[1].astype(float), vectors.matrix[2].astype(float)
    expected = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert vectors.similarity("embolus", "emboli") == pytest.approx(expected, abs=1e-6)
    assert vectors.similarity("embolus", "zero") == 0


def test_an_analogy_is_solved_as_gensim_solves_it() -> None:
    words = tuple(f"w{letter}" for letter in "abcdefghijklmnopqrst")
    vectors = Vectors.of(words, matrix(21)[:20])
    keyed = vectors.to_gensim()
    found = vectors.analogy("wa", "wb", "wc", 5)
    expected = keyed.most_similar(positive=["wb", "wc"], negative=["wa"], topn=5)
    assert [near.word for near in found] == [word for word, _ in expected]
    assert [n.similarity for n in found] == pytest.approx([score for _, score in expected], abs=1e-5)


def test_an_analogy_leaves_its_own_words_out() -> None:
    found = made().analogy("left", "right", "pulmonary embolism", 99)
    assert {near.word for near in found} == set(WORDS) - {"left", "right", "pulmonary_embolism"}


def test_a_word_never_seen_is_made_of_its_n_grams() -> None:
    vectors = made(subwords=True)
    assert vectors.subwords is not None
    _, ids = subwords_of(["embolsu"], 3, 5, 50)
    expected = vectors.subwords.buckets[ids].mean(axis=0)
    np.testing.assert_allclose(vectors["Embolsu"], expected, rtol=1e-5)
    assert vectors["embolus"].tolist() == vectors.matrix[1].tolist()
    assert vectors.neighbours("embolsu", 2)
    assert vectors.find("left embolsu") is None
    _, ids = subwords_of(["left_embolsu"], 3, 5, 50)
    joined = vectors.find("left_embolsu")
    assert joined is not None
    np.testing.assert_allclose(joined, vectors.subwords.buckets[ids].mean(axis=0), rtol=1e-5)
    assert vectors["left embolsu"].shape == (6,)


@pytest.mark.parametrize("subwords", [False, True])
def test_a_folder_holds_all(subwords: bool, tmp_path: Path) -> None:
    vectors = made(subwords=subwords)
    vectors.save(tmp_path / "v")
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == sorted(_vectors.FILES)
    again = Vectors.load(tmp_path / "v")
    assert again.words == WORDS
    assert again.matrix.dtype == np.float32
    np.testing.assert_array_equal(again.matrix, vectors.matrix)
    assert again.vocabulary.counts.tolist() == vectors.vocabulary.counts.tolist()
    assert again["pulmonary embolism"].tolist() == vectors.matrix[5].tolist()
    assert again.digest == vectors.digest == again.config["digest"]
    assert (again.config["words"], again.config["width"]) == (8, 6)
    if subwords:
        assert again.config["subwords"] == {"min_n": 3, "max_n": 5, "buckets": 50}
        assert again["never"].tolist() == vectors["never"].tolist()
        assert set(load_file(tmp_path / "v" / "vectors.safetensors")) == {"vectors", "subwords"}
    else:
        assert again.subwords is None


def test_the_vocabulary_is_plain_lines_of_word_and_count(tmp_path: Path) -> None:
    made().save(tmp_path / "v")
    lines = (tmp_path / "v" / "vocab.txt").read_text("utf-8").splitlines()
    assert lines[0] == "no 8" and lines[5] == "pulmonary_embolism 3"


def test_saving_twice_writes_the_same_bytes_and_overwrites_nothing(tmp_path: Path) -> None:
    vectors = made(subwords=True)
    vectors.save(tmp_path / "a")
    Vectors.load(tmp_path / "a").save(tmp_path / "b")
    for name in _vectors.FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        vectors.save(tmp_path / "a")


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    made().save(tmp_path / "v")
    (tmp_path / "probe").touch()
    assert (tmp_path / "v" / "vectors.safetensors").stat().st_mode == (tmp_path / "probe").stat().st_mode


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def tensors(**arrays: Any) -> Callable[[Path], None]:
    return lambda folder: save_file(arrays, folder / "vectors.safetensors")


def text(name: str, content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(content, encoding="utf-8")


def cut(folder: Path) -> None:
    path = folder / "vectors.safetensors"
    path.write_bytes(path.read_bytes()[:-5])


def config(**changes: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), encoding="utf-8")

    return change


F, G = np.zeros((8, 6), np.float32), np.zeros((50, 6), np.float32)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (drop("vocab.txt"), r"it has no vocab\.txt"),
        (drop("tokenizer.json"), r"it has no tokenizer\.json"),
        (cut, "cut short or damaged"),
        (tensors(other=F), "no matrix 'vectors' of float32"),
        (tensors(vectors=F.astype(np.float64), subwords=G), "no matrix 'vectors' of float32"),
        (tensors(vectors=F[:7].copy(), subwords=G), "7 vectors, and vocab.txt 8 words"),
        (tensors(vectors=np.zeros((8, 5), np.float32), subwords=G), "5 wide, and config.json says 6"),
        (tensors(vectors=F, subwords=G[:9].copy()), "no float32 table of 50 buckets and width 6"),
        (tensors(vectors=F, subwords=np.zeros((50, 5), np.float32)), "no float32 table of 50 buckets"),
        (config(subwords=None), "no min_n, max_n and buckets"),
        (text("config.json", "[]"), "is no JSON object"),
        (text("config.json", "{"), "is no JSON object"),
        (text("vocab.txt", "a\n"), "line 1 is not a word"),
        (text("tokenizer.json", "{}"), "is no tokenizer"),
    ],
)
def test_a_damaged_folder_is_refused(harm: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    made(subwords=True).save(tmp_path / "v")
    harm(tmp_path / "v")
    with pytest.raises(InputError, match=message):
        Vectors.load(tmp_path / "v")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no folder"):
        Vectors.open(tmp_path / "gone")


@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.txt.gz", "v.bin.gz"])
@pytest.mark.parametrize("tell", [True, False])
def test_word2vecs_formats_go_both_ways(name: str, tell: bool, tmp_path: Path) -> None:
    vectors, binary = made(), ".bin" in name
    vectors.write_word2vec(tmp_path / name, binary=binary)
    again = Vectors.read_word2vec(tmp_path / name, binary=binary if tell else None)
    assert again.words == WORDS
    np.testing.assert_array_equal(again.matrix, vectors.matrix)
    assert again["Pulmonary embolism"].tolist() == vectors.matrix[5].tolist()
    assert Vectors.open(tmp_path / name).words == WORDS
    assert again.config == {"method": "imported", "source": name}


@pytest.mark.parametrize("binary", [True, False])
def test_gensim_reads_ours_and_we_read_gensims(binary: bool, tmp_path: Path) -> None:
    vectors = made()
    vectors.write_word2vec(tmp_path / "ours", binary=binary)
    keyed = KeyedVectors.load_word2vec_format(str(tmp_path / "ours"), binary=binary)
    assert tuple(keyed.index_to_key) == WORDS
    np.testing.assert_array_equal(keyed.vectors, vectors.matrix)
    keyed.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    again = Vectors.read_word2vec(tmp_path / "theirs")
    assert set(again.words) == set(WORDS)
    for word in WORDS:
        np.testing.assert_array_equal(again[word], vectors[word])


def test_gensims_object_goes_both_ways() -> None:
    vectors = made()
    keyed = vectors.to_gensim()
    np.testing.assert_array_equal(keyed["emboli"], vectors["emboli"])
    assert keyed.get_vecattr("embolus", "count") == 7
    again = Vectors.from_gensim(keyed)
    assert again.words == WORDS
    assert again.vocabulary.counts.tolist() == vectors.vocabulary.counts.tolist()
    bare = KeyedVectors(2)
    bare.add_vectors(["a", "b"], np.eye(2, dtype=np.float32))
    assert Vectors.from_gensim(bare).vocabulary.counts.tolist() == [0, 0]


def test_the_original_programs_spelling_is_read(tmp_path: Path) -> None:
    # word2vec.c writes a space behind each number and a line end behind each binary row.
    (tmp_path / "a.txt").write_bytes(b"2 3\n</s> 0.5 -1e-05 2 \nNew_York 1 2 3 \n")
    rows = b"".join(np.arange(n, n + 3, dtype="<f4").tobytes() + b"\n" for n in (0, 3))
    (tmp_path / "b.bin").write_bytes(b"2 3\na " + rows[:13] + b"b " + rows[13:])
    text = Vectors.read_word2vec(tmp_path / "a.txt")
    assert text.words == ("</s>", "New_York")
    np.testing.assert_array_equal(text.matrix, np.array([[0.5, -1e-05, 2], [1, 2, 3]], np.float32))
    assert text["New York"].tolist() == [1, 2, 3]  # words with capitals keep their case
    assert text.find("new york") is None
    assert Vectors.read_word2vec(tmp_path / "b.bin").matrix.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_words_with_spaces_twice_or_not_utf8_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"4 2\nnew york 1 2\na 3 4\na 5 6\n\xff\xfe 7 8\n")
    vectors = Vectors.read_word2vec(tmp_path / "a.txt")
    assert vectors.words == ("new york", "a", "\ufffd\ufffd")
    assert vectors.matrix.tolist() == [[1, 2], [3, 4], [7, 8]]


BINARY = b"2 2\na " + np.arange(2, dtype="<f4").tobytes() + b"\nb " + np.arange(2, dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin with a line of two numbers"),
        (b"a 1 2\nb 3 4\n", r"does not begin with .* A file of GloVe has none: add it\."),
        (b"2 0\n", "does not begin with"),
        (b"2 x\na 1 2\n", "does not begin with"),
        (b"2 3\na 1 2\nb 3 4\n", "line 2: not a word and 3 numbers"),
        (b"2 2\na 1 2\nb 3 4 5\n", "line 3: not a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3\n", "line 3: not a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3: not a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3 nan\n", "word 2 has a number that is none"),
        (b"3 2\na 1 2\nb 3 4\n", "ends after 2 of the 3 words"),
        (b"900000000 300\na 1 2\n", "too short for the 900000000 words of width 300"),
        (BINARY[:-1], "ends after 1 of the 2 words"),
        (BINARY.replace(b"2 2", b"2 3"), "v: |v ends after|v goes on"),
        (BINARY.replace(b"2 2", b"2 1"), "v: |v ends after|v goes on"),
        (BINARY + b"\nmore", "goes on behind its 2 words"),
        (gzip.compress(b"2 2\na 1 2\nb 3 4\n" * 200, mtime=0)[:-9], "cannot be read to its end"),
    ],
)
def test_a_wrong_file_is_one_clear_error(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(content)
    if content.startswith(b"\x1f"):
        content = gzip.compress(b"9999 2\n" + b"".join(b"w%d 1 2\n" % n for n in range(9999)))
        (tmp_path / "v").write_bytes(content[:-40])
    with pytest.raises(InputError, match=message) as error:
        Vectors.read_word2vec(tmp_path / "v")
    assert "\n" not in str(error.value)


def test_a_word_with_a_space_cannot_be_written(tmp_path: Path) -> None:
    vectors = Vectors.of(("new york", "a"), matrix(2))
    with pytest.raises(InputError, match="Word 0 has a space"):
        vectors.write_word2vec(tmp_path / "v.txt")


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    words = tuple(f"word{number}" for number in range(20_000))
    vectors = Vectors.of(words, matrix(20_000, 12))
    for binary in (True, False):
        vectors.write_word2vec(tmp_path / "v", binary=binary)
        again = Vectors.read_word2vec(tmp_path / "v")
        assert again.words == words
        np.testing.assert_array_equal(again.matrix, vectors.matrix)


def test_turned_vectors_are_alike_and_others_are_not() -> None:
    words = tuple(f"w{number}" for number in range(300))
    first = Vectors.of(words, matrix(300, 8))
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(8, 8)))[0].astype(np.float32)
    second = Vectors.of(words[::-1][:250], (first.matrix @ turn)[::-1][:250])
    same = compare(first, second, seed=1)
    assert (same.words, same.shared, same.compared) == ((300, 250), 250, 250)
    assert same.overlap > 0.99 and same.correlation > 0.999
    other = compare(first, Vectors.of(words, matrix(300, 5, seed=9)), seed=1)
    assert other.overlap == pytest.approx(other.by_chance, abs=0.03)
    assert abs(other.correlation) < 0.05
    assert other.by_chance == pytest.approx(10 / 299)
    assert len(other.least) == 10 and other.least[0][1] == 0


def test_the_words_that_differ_are_named() -> None:
    words = tuple(f"w{number}" for number in range(100))
    rows = matrix(100, 8)
    changed = rows.copy()
    changed[17] = -changed[17]
    found = compare(Vectors.of(words, rows), Vectors.of(words, changed), seed=1, neighbours=5, words=99)
    assert found.least[0] == ("w17", 0.0)


def test_too_few_shared_words_are_told() -> None:
    with pytest.raises(InputError, match="have 1 words in common"):
        compare(Vectors.of(("a", "b"), matrix(2)), Vectors.of(("b", "c"), matrix(2)), seed=1)


@pytest.mark.parametrize(
    ("library", "do"),
    [
        ("safetensors", lambda folder: made().save(folder)),
        ("safetensors", lambda folder: Vectors.load(Path(folder.parent, "v"))),
        ("gensim.models", lambda folder: made().to_gensim()),
    ],
)
def test_a_missing_library_names_the_extra(
    library: str, do: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made().save(tmp_path / "v")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"reportnlp\[train\]"):
        do(tmp_path / "w")


def test_the_package_hands_out_vectors() -> None:
    assert package.Vectors is Vectors
    with pytest.raises(AttributeError, match="no attribute 'Vektors'"):
        _ = package.Vektors
