"""A corpus as a stream that can be read again, as numbers on disk, and the vocabulary that numbers it."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reportnlp.embeddings import _corpus
from reportnlp.embeddings._corpus import Prepared, Texts, VocabularyConfig, prepare, read_vocabulary, reopen
from reportnlp.embeddings.blocks import BREAK, TrainingError
from reportnlp.errors import InputError
from reportnlp.formats import jsonl
from reportnlp.text.phrases import PhraseConfig
from reportnlp.types import Report

TEXTS = ("No acute embolism.", "Embolism, no doubt!", "...1...", "no no No", "rare")


def reports(folder: Path, texts: tuple[str, ...] = TEXTS) -> Path:
    folder.mkdir(exist_ok=True)
    return jsonl.plant(folder, [Report(str(number), text) for number, text in enumerate(texts)])


def decoded(prepared: Prepared) -> list[list[str]]:
    """The corpus as words again."""
    texts: list[list[str]] = [[]]
    for place in prepared.corpus.ids.tolist():
        if place == BREAK:
            texts.append([])
        else:
            texts[-1].append(prepared.vocabulary.words[place])
    return texts


def prepared(texts: Texts, folder: Path, min_count: int = 1, **rest: object) -> Prepared:
    folder.mkdir(exist_ok=True)
    return prepare(texts, folder, VocabularyConfig(min_count, **rest))  # type: ignore[arg-type]


def test_reports_are_streamed_again_and_again(tmp_path: Path) -> None:
    texts = Texts([reports(tmp_path)])
    assert list(texts) == list(texts) == list(TEXTS)
    assert texts.tally is not None
    assert texts.tally.texts == 5


def test_plain_text_is_a_text_a_line(tmp_path: Path) -> None:
    lines = "One two.\r\n\n  \nthree\nfour without an end"
    (tmp_path / "a.txt").write_text(lines, encoding="utf-8", newline="")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbffive\n"))
    found = [text.strip() for text in Texts([tmp_path / "a.txt", tmp_path / "b.txt.gz"])]
    assert found == ["One two.", "three", "four without an end", "five"]
    assert [text.strip() for text in Texts([str(tmp_path / "*.txt")])] == found[:3]


def test_a_folder_of_text_files_and_a_named_format_are_reports(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo", encoding="utf-8")
    assert list(Texts([tmp_path])) == ["one\ntwo"]
    assert list(Texts([tmp_path / "a.txt"], format="txt")) == ["one\ntwo"]


def test_an_endless_line_is_cut_between_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_corpus, "LONGEST_LINE", 16)
    words = [f"word{number}" for number in range(50)]
    (tmp_path / "a.txt").write_text(" ".join(words), encoding="utf-8")
    pieces = list(Texts([tmp_path / "a.txt"]))
    assert " ".join(pieces).split() == words
    assert max(map(len, pieces)) <= 32


def test_batches_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Texts([reports(tmp_path)])
    monkeypatch.setattr(_corpus, "BATCH_TEXTS", 2)
    assert [len(batch) for batch in texts.batches()] == [2, 2, 1]
    monkeypatch.setattr(_corpus, "BATCH_CHARACTERS", 30)
    monkeypatch.setattr(_corpus, "BATCH_TEXTS", 99)
    assert [len(batch) for batch in texts.batches()] == [2, 3]


def test_rows_that_are_no_report_are_left_out_and_counted(tmp_path: Path) -> None:
    path = reports(tmp_path, ("good", ""))
    with path.open("ab") as file:
        file.write(b'{"report_id": "x"\n{"report_id": "y", "text"\n')
    (tmp_path / "b.txt").write_bytes(b"fine\n\xff\xfe\n")
    texts = Texts([path, tmp_path / "b.txt"])
    assert [text.strip() for text in texts] == ["good", "fine"]
    assert texts.tally is not None
    assert sum(texts.tally.left_out.values()) == 4
    assert texts.tally.left_out["empty text"] == 1
    assert texts.tally.left_out["no valid JSON from column .."] == 2


def test_a_file_that_breaks_off_counts(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"line {number}\n" for number in range(5000)).encode())
    (tmp_path / "a.txt.gz").write_bytes(packed[:-200])
    texts = Texts([tmp_path / "a.txt.gz"])
    assert list(texts)
    assert texts.tally is not None
    assert "ends early or is damaged" in next(iter(texts.tally.left_out))


def test_a_corpus_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    texts = Texts([reports(tmp_path)])
    list(texts)
    reports(tmp_path, (*TEXTS, "more"))
    with pytest.raises(InputError, match="changed while it was read"):
        list(texts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: [], "No corpus was given"),
        (lambda folder: [folder / "gone.txt"], r"no file or folder '.*gone\.txt'"),
        (lambda folder: [folder / "a.xyz"], "no file or folder"),
    ],
)
def test_what_is_not_there_is_told(make: Callable[[Path], list[Path]], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        list(Texts(make(tmp_path)))


def test_the_corpus_is_numbered_by_frequency_then_alphabet(tmp_path: Path) -> None:
    done = prepared(Texts([reports(tmp_path)]), tmp_path / "work")
    assert done.vocabulary.words == ("no", "embolism", "1", "acute", "doubt", "rare")
    assert done.vocabulary.counts.tolist() == [5, 2, 1, 1, 1, 1]
    assert done.vocabulary.counts.dtype == np.int64
    assert isinstance(done.corpus.ids, np.memmap)
    assert done.corpus.ids.dtype == np.int32
    assert done.corpus.tokens == 11
    assert decoded(done) == [
        ["no", "acute", "embolism"],
        ["embolism", "no", "doubt"],
        ["1"],
        ["no", "no", "no"],
        ["rare"],
    ]


def test_rare_words_are_left_out_and_leave_no_empty_text(tmp_path: Path) -> None:
    done = prepared(Texts([reports(tmp_path)]), tmp_path / "work", 2)
    assert done.vocabulary.words == ("no", "embolism")
    assert decoded(done) == [["no", "embolism"], ["embolism", "no"], ["no", "no", "no"]]
    assert done.corpus.tokens == 7


def test_the_most_frequent_words_are_kept(tmp_path: Path) -> None:
    done = prepared(Texts([reports(tmp_path)]), tmp_path / "work", max_size=3)
    assert done.vocabulary.words == ("no", "embolism", "1")
    assert decoded(done)[2:] == [["1"], ["no", "no", "no"]]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5])
def test_pieces_make_no_difference(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ("rare", *TEXTS, "x y", "no")
    whole = prepared(Texts([reports(tmp_path, texts)]), tmp_path / "whole", 2)
    monkeypatch.setattr(_corpus, "CHUNK", chunk)
    pieces = prepared(Texts([reports(tmp_path, texts)]), tmp_path / "pieces", 2)
    assert pieces.corpus.ids.tolist() == whole.corpus.ids.tolist()
    assert decoded(whole)[-1] == ["no"]


def test_the_tokenizer_and_the_numbers_agree(tmp_path: Path) -> None:
    texts = Texts([reports(tmp_path)])
    done = prepared(texts, tmp_path / "work", 2)
    again = [[w.text for w in done.words(text) if w.id > 1] for text in texts]
    assert [words for words in again if words] == decoded(done)


def test_learned_phrases_are_words(tmp_path: Path) -> None:
    filler = [" ".join(f"w{(a * b) % 97}" for b in range(1, 60)) for a in range(1, 60)]
    texts = tuple(f"{line}. Pulmonary embolism of the lung. Pulmonary, embolism" for line in filler)
    config = PhraseConfig(threshold=5, rounds=1)
    done = prepared(Texts([reports(tmp_path, texts)]), tmp_path / "work", 5, phrases=config)
    assert "pulmonary_embolism" in done.vocabulary.words
    counts = dict(zip(done.vocabulary.words, done.vocabulary.counts.tolist(), strict=True))
    whole = Counter(word for text in decoded(done) for word in text)
    assert counts == whole
    joined = [word for word in whole if "pulmonary_embolism" in word]
    assert sum(whole[word] for word in joined) == 59  # and those with a comma between are not
    assert counts["pulmonary"] == 59
    assert not (tmp_path / "work" / "phrases.ids").exists()


def test_what_was_prepared_can_be_reopened(tmp_path: Path) -> None:
    made = prepared(Texts([reports(tmp_path)]), tmp_path / "work", 2)
    again = reopen(tmp_path / "work")
    assert again.vocabulary.words == made.vocabulary.words
    assert again.vocabulary.counts.tolist() == made.vocabulary.counts.tolist()
    assert again.corpus.ids.tolist() == made.corpus.ids.tolist()
    assert (again.corpus.tokens, again.tally) == (made.corpus.tokens, made.tally)
    assert again.words("no embolism") == made.words("no embolism")


@pytest.mark.parametrize(
    ("texts", "min_count", "message"),
    [
        ((), 1, "no text was found"),
        (("", ""), 1, r"no text was found in it. The commonest reason .*: empty text\."),
        (("one two three",), 2, "No word of the 1 texts occurs 2 times or more"),
        (("one one two",), 2, "One word alone occurs 2 times or more"),
    ],
)
def test_too_few_words_are_told(texts: tuple[str, ...], min_count: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=message):
        prepared(Texts([reports(tmp_path, texts)]), tmp_path / "work", min_count)


def test_one_word_is_left_when_phrases_took_the_others(tmp_path: Path) -> None:
    texts = ("alpha beta",) * 20
    with pytest.raises(TrainingError, match="One word alone"):
        prepared(Texts([reports(tmp_path, texts)]), tmp_path / "w", 5, phrases=PhraseConfig(threshold=0.01))


@pytest.mark.parametrize("content", [b"a 1\nb", b"a x\n", b"\xff 1\n"])
def test_a_vocabulary_without_counts_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"vocab\.txt: line"):
        read_vocabulary(tmp_path / "vocab.txt")


def test_phases_are_told(tmp_path: Path) -> None:
    heard: list[tuple[str, int | None]] = []
    (tmp_path / "work").mkdir()
    seen: list[int] = []
    texts = Texts([reports(tmp_path)], seen=seen.append)
    config = VocabularyConfig(1, phrases=PhraseConfig())
    prepare(texts, tmp_path / "work", config, lambda name, total: heard.append((name, total)))
    assert heard == [("counting words", None), ("learning phrases", 5), ("numbering words", 5)]
    assert sum(seen) == 15
    assert json.loads((tmp_path / "work" / "corpus.json").read_text("utf-8"))["texts"] == 5
