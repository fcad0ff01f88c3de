"""A corpus as a restartable stream of texts, and as numbers on disk with the vocabulary that numbers it.

Passes over the texts: one counts words, one more learns phrases where they are asked for, one writes ids.
None holds more than a batch of texts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings.blocks import BREAK, EncodedCorpus, Ids, TrainingError, Vocabulary
from reportnlp.errors import InputError
from reportnlp.formats._files import BREAKS, decoded, open_bytes, source_name
from reportnlp.formats.blocks import ReadOptions, Row, cut_short
from reportnlp.formats.loader import read_reports
from reportnlp.text import phrases
from reportnlp.text.words import SPECIALS, UNKNOWN, Words, count_words, cutter
from reportnlp.types import BadRow, Report

BATCH_TEXTS, BATCH_CHARACTERS = 512, 1 << 21
"""A batch of texts ends when one of them is reached."""

LONGEST_LINE = 1 << 20
"""Bytes of a plain text's line that are one text; the rest of a longer line is the next."""

CHUNK = 1 << 22
"""Ids that are renumbered together."""

PLAIN = (".txt", ".txt.gz")


@dataclass(slots=True)
class Tally:
    """What a pass over the texts saw.

    Attributes:
        texts: how many there were.
        left_out: reasons why rows are no text, with how often.
        digest: of all texts in order.
    """

    texts: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    digest: str = ""


class Texts:
    """The texts of files, folders and globs; each pass reads them anew.

    A file `.txt` that is named, or matched by a glob, is plain text with a text on each line, read line by
    line. With a format (`txt` too) it is what the format says; a folder of `.txt` holds one report a file.

    Args:
        inputs: files, folders or globs.
        format: a registered report format; None: by suffix or folder.
        options: input columns.
        seen: hears of each text that was read.
    """

    def __init__(
        self,
        inputs: Sequence[str | Path],
        *,
        format: str | None = None,
        options: ReadOptions | None = None,
        seen: Callable[[int], None] | None = None,
    ) -> None:
        if not inputs:
            raise InputError("No corpus was given. Give a file, a folder or a glob.")
        self.inputs = tuple(inputs)
        self._format = format
        self._options = options or ReadOptions()
        self._seen = seen or _unheard
        self.tally: Tally | None = None

    def __iter__(self) -> Iterator[str]:
        """One pass.

        Raises:
            InputError: an input is missing or of no known format, or is not what the pass before read.
        """
        tally = Tally()
        digest = blake2b(digest_size=16)
        for row in self.rows():
            if isinstance(row, BadRow):
                tally.left_out[_kind(row.reason)] += 1
                continue
            tally.texts += 1
            digest.update(row.text.encode("utf-8", "surrogatepass") + b"\0")
            self._seen(1)
            yield row.text
        tally.digest = digest.hexdigest()
        if self.tally is not None and self.tally != tally:
            raise InputError("The corpus changed while it was read. Leave it alone, and start again.")
        self.tally = tally

    def batches(self) -> Iterator[list[str]]:
        """One pass, in lists of a bounded size."""
        batch: list[str] = []
        characters = 0
        for text in self:
            batch.append(text)
            characters += len(text)
            if len(batch) >= BATCH_TEXTS or characters >= BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
        if batch:
            yield batch

    def rows(self) -> Iterator[Row]:
        """One pass with the rows that are no text too; who overrides it hears of them."""
        for given in self.inputs:
            plain = _plain_files(given) if self._format is None else []
            for path in plain:
                yield from _lines(path)
            if not plain:
                yield from read_reports([given], format=self._format, options=self._options)


def _unheard(step: object) -> None:
    """Nobody watches."""


def _unheard_phase(name: str, total: int | None) -> None:
    """Nobody watches."""


def _kind(reason: str) -> str:
    """A reason without its details; a file that breaks off stands for unknown many rows."""
    return re.sub(r"(?<!UTF-)(?<!UTF-1)\d+", "..", re.split("[,;]", reason)[0])


def _plain_files(given: str | Path) -> list[Path]:
    path = Path(given)
    if not path.name.lower().endswith(PLAIN) or path.is_dir():
        return []
    if path.is_file():
        return [path]
    try:
        return sorted(found for found in path.parent.glob(path.name) if found.is_file())
    except (OSError, ValueError):
        return []  # the reader of reports says what is wrong


def _lines(path: Path) -> Iterator[Row]:
    name = source_name(path)
    with open_bytes(path) as stream:
        number = 0
        try:
            for number, piece in enumerate(_pieces(stream), start=1):
                if not piece.isspace():
                    yield _line(piece, name, number)
        except BREAKS:
            yield cut_short(name, number + 1)


def _line(piece: bytes, name: str, number: int) -> Row:
    try:
        return Report(f"{name}:{number}", decoded(piece))
    except ValueError as error:
        return BadRow(name, number, str(error))


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Lines; one that is very long in several pieces, cut at a space."""
    rest = b""
    while piece := stream.readline(LONGEST_LINE):
        piece, rest = rest + piece, b""
        if not piece.endswith(b"\n") and len(piece) >= LONGEST_LINE:
            head, space, tail = piece.rpartition(b" ")
            piece, rest = (head, tail) if space and len(tail) < LONGEST_LINE else (piece, b"")
        yield piece
    if rest:
        yield rest


@dataclass(frozen=True, slots=True)
class VocabularyConfig:
    """Which words get vectors.

    Attributes:
        min_count: how often a word must occur.
        max_size: the most words, the most frequent ones; None: as many as there are.
        lowercase: whether case is folded.
        phrases: how phrases are learned; None: they are not.
    """

    min_count: int = 5
    max_size: int | None = None
    lowercase: bool = True
    phrases: phrases.PhraseConfig | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A corpus that is ready for training.

    Attributes:
        words: the tokenizer that numbered it.
        vocabulary: the words with their counts.
        corpus: their places in the order of the texts.
        tally: what was read.
    """

    words: Words
    vocabulary: Vocabulary
    corpus: EncodedCorpus
    tally: Tally


def prepare(
    texts: Texts,
    folder: Path,
    config: VocabularyConfig,
    phase: Callable[[str, int | None], None] | None = None,
) -> Prepared:
    """Count words, learn phrases, and write the corpus as ids into a folder, where `reopen` finds it.

    Args:
        texts: the corpus.
        folder: where to.
        config: which words get vectors.
        phase: hears of each pass when it begins: what it does, and how many texts it will see.

    Raises:
        InputError: nothing to read, or the corpus changed meanwhile.
        TrainingError: no words, or one alone, are frequent enough.
    """
    tell = phase or _unheard_phase
    tell("counting words", None)
    known = count_words(texts.batches(), min_count=config.min_count, lowercase=config.lowercase)
    _refuse_few(known, texts.tally, config)
    if config.phrases is not None:
        tell("learning phrases", texts.tally.texts if texts.tally else None)
        known = (*known, *_phrases(texts, known, folder, config, config.phrases))
    words = Words.build(known, lowercase=config.lowercase)
    path = folder / "corpus.ids"
    tell("numbering words", texts.tally.texts if texts.tally else None)
    counts = _write(words, texts, path, len(known))
    vocabulary = _frequent(known, counts, config)
    _refuse_few(vocabulary.words, texts.tally, config)
    _renumber(path, known, vocabulary)
    words = Words.build(vocabulary.words, lowercase=config.lowercase)
    words.save(folder / "tokenizer.json")
    write_vocabulary(folder / "vocab.txt", vocabulary)
    tally = texts.tally or Tally()
    account = {"texts": tally.texts, "left_out": dict(tally.left_out), "digest": tally.digest}
    (folder / "corpus.json").write_text(json.dumps(account), encoding="utf-8")
    return Prepared(words, vocabulary, _opened(path, vocabulary), tally)


def reopen(folder: Path) -> Prepared:
    """What `prepare` wrote into the folder."""
    account = json.loads((folder / "corpus.json").read_text("utf-8"))
    vocabulary = read_vocabulary(folder / "vocab.txt")
    tally = Tally(account["texts"], Counter(account["left_out"]), account["digest"])
    words = Words.read(folder / "tokenizer.json")
    return Prepared(words, vocabulary, _opened(folder / "corpus.ids", vocabulary), tally)


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """A word, a space and its count on each line."""
    lines = (f"{word} {count}\n" for word, count in zip(vocabulary.words, vocabulary.counts, strict=True))
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def read_vocabulary(path: Path) -> Vocabulary:
    """What `write_vocabulary` wrote.

    Raises:
        InputError: it cannot be read, or a line has no count.
    """
    words, counts = [], []
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                word, _, count = line.rstrip("\n").rpartition(" ")
                words.append(word)
                counts.append(int(count))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError:  # not UTF-8 either
        raise InputError(f"{path}: line {len(words)} is not a word, a space and a count.") from None
    return Vocabulary(tuple(words), np.array(counts, np.int64))


def _refuse_few(words: Sequence[str], tally: Tally | None, config: VocabularyConfig) -> None:
    if len(words) >= 2:
        return
    if tally is None or not tally.texts:
        reasons = tally.left_out.most_common(1) if tally else []
        why = f" The commonest reason why a row was left out: {reasons[0][0]}." if reasons else ""
        raise TrainingError(f"The corpus is empty: no text was found in it.{why}")
    if len(words) == 1:
        raise TrainingError(
            f"One word alone occurs {config.min_count} times or more; vectors need at least two words. "
            "Give more texts, or a smaller --min-count."
        )
    raise TrainingError(
        f"No word of the {tally.texts} texts occurs {config.min_count} times or more. "
        "Give more texts, or a smaller --min-count."
    )


def _phrases(
    texts: Texts,
    known: Sequence[str],
    folder: Path,
    config: VocabularyConfig,
    settings: phrases.PhraseConfig,
) -> tuple[str, ...]:
    ids = {UNKNOWN: 1} | {word: place + len(SPECIALS) for place, word in enumerate(known)}
    strict = Words(cutter(ids, lowercase=config.lowercase, signs=True))
    path = folder / "phrases.ids"
    _write(strict, texts, path, len(known), gaps=True)
    stream = np.memmap(path, np.int32, "r+")
    found = phrases.learn(stream, known, settings)
    del stream
    path.unlink()
    return found


def _write(words: Words, texts: Texts, path: Path, size: int, *, gaps: bool = False) -> npt.NDArray[np.int64]:
    """Write places in the vocabulary, int32; returns how often each is there.

    Args:
        words: the tokenizer.
        texts: the corpus.
        path: file to write.
        size: of the vocabulary.
        gaps: write `BREAK` for a word outside the vocabulary too.
    """
    counts = np.zeros(size, np.int64)
    with path.open("wb") as file:
        for batch in texts.batches():
            places = np.concatenate([_places(ids, gaps) for ids in words.ids(batch)])
            counts += np.bincount(places[places != BREAK], minlength=size)
            file.write(places.tobytes())
    return counts


def _places(ids: Ids, gaps: bool) -> Ids:
    """One text's places in the vocabulary, and the break behind; nothing where there is no such word."""
    places = np.where(ids < len(SPECIALS), BREAK, ids - len(SPECIALS)).astype(np.int32)
    inside = places if gaps else places[places != BREAK]
    return np.append(inside, np.int32(BREAK)) if len(inside) else inside


def _frequent(known: Sequence[str], counts: npt.NDArray[np.int64], config: VocabularyConfig) -> Vocabulary:
    """Words that are frequent enough once phrases are joined, most frequent first."""
    kept = np.flatnonzero(counts >= config.min_count).tolist()
    kept.sort(key=lambda place: (-counts[place], known[place]))
    kept = kept[: config.max_size]
    return Vocabulary(tuple(known[place] for place in kept), counts[kept])


def _renumber(path: Path, known: Sequence[str], vocabulary: Vocabulary) -> None:
    """Replace places among the known words by those in the vocabulary, in place; other words go."""
    out = -2  # no place, and no break
    table = np.array([vocabulary.index.get(word, out) for word in known] + [BREAK], np.int32)
    ids = np.memmap(path, np.int32, "r+")
    end, last = 0, BREAK
    for start in range(0, len(ids), CHUNK):
        chunk = table[ids[start : start + CHUNK]]  # BREAK is -1: the table's last
        chunk = chunk[chunk != out]
        # A text of which nothing is left leaves one break of its two.
        before = np.concatenate((np.array([last], np.int32), chunk[:-1]))
        chunk = chunk[(chunk != BREAK) | (before != BREAK)]
        ids[end : end + len(chunk)] = chunk
        end += len(chunk)
        last = int(chunk[-1]) if len(chunk) else last
    ids.flush()
    del ids
    size = end - (last == BREAK)  # none behind the last text
    with path.open("r+b") as file:
        file.truncate(size * 4)


def _opened(path: Path, vocabulary: Vocabulary) -> EncodedCorpus:
    ids: Ids = np.memmap(path, np.int32, "r")
    return EncodedCorpus(ids, int(vocabulary.counts.sum()))
