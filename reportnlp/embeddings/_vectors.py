"""Words and their vectors: looked up, compared, kept in a folder, and handed to other programs.

A folder of vectors holds `vectors.safetensors` (`vectors`: (words, width) float32; for fastText `subwords`:
(buckets, width) float32), `vocab.txt` (a word and its count on each line), `tokenizer.json` and
`config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reportnlp.embeddings import _exchange
from reportnlp.embeddings._corpus import read_vocabulary, write_vocabulary
from reportnlp.embeddings.blocks import Matrix, Vocabulary
from reportnlp.errors import InputError, MissingExtraError, OutputError, UnknownNameError
from reportnlp.formats._writing import writing
from reportnlp.text.words import JOINT, Words

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

TENSORS, VOCABULARY, TOKENIZER, CONFIG = "vectors.safetensors", "vocab.txt", "tokenizer.json", "config.json"
FILES = (TENSORS, VOCABULARY, TOKENIZER, CONFIG)

GUESSED = 1 << 16
"""Of so many words, the most frequent, the nearest to a wrong one is guessed."""

Vector = npt.NDArray[np.float32]


class Neighbour(NamedTuple):
    """A word and the cosine of its vector with the one asked for."""

    word: str
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Subwords:
    """Vectors of hashed character n-grams (Bojanowski et al. 2017, arXiv:1607.04606, section 3.2).

    Attributes:
        buckets: (buckets, width) float32.
        min_n, max_n: the shortest and the longest n-gram.
    """

    buckets: Matrix
    min_n: int
    max_n: int

    def compose(self, word: str) -> Vector | None:
        """(width,) float32, the mean over a word's n-grams; None for a word too short to have any."""
        from reportnlp.embeddings._subwords import subwords_of

        _, ids = subwords_of([word], self.min_n, self.max_n, len(self.buckets))
        if not len(ids):
            return None
        mean: Vector = self.buckets[ids].mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean


@dataclass(frozen=True, eq=False)
class Vectors:
    """Words and their vectors.

    Attributes:
        vocabulary: the words, most frequent first, with their counts.
        matrix: (words, width) float32. With subwords a row is the word's whole vector, n-grams included.
        tokenizer: cuts texts into these words.
        subwords: what vectors of words never seen are made of; None when there is nothing.
        config: how they were made, as it stands in `config.json`.
    """

    vocabulary: Vocabulary
    matrix: Matrix
    tokenizer: Words
    subwords: Subwords | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """The words, by place."""
        return self.vocabulary.words

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.matrix.shape[1])

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary.index

    def __getitem__(self, term: str) -> Vector:
        """(width,) float32: the vector of a word or phrase; of several words the mean of their directions.

        Raises:
            UnknownNameError: a word has none; the message guesses the nearest.
        """
        found = self.find(term)
        if found is not None:
            return found
        parts = self.tokenizer.split(term)
        vectors = [self.find(part) for part in parts]
        if not parts or any(vector is None for vector in vectors):
            raise self._unknown(term, parts, vectors)
        mean: Vector = unit(np.stack([vector for vector in vectors if vector is not None])).mean(axis=0)
        return mean

    def _unknown(self, term: str, parts: Sequence[str], vectors: Sequence[object]) -> UnknownNameError:
        missing = [part for part, vector in zip(parts, vectors, strict=True) if vector is None]
        word = missing[0] if len(parts) > 1 else term
        near = get_close_matches(word.lower(), self.words[:GUESSED], n=1)
        guess = f" Did you mean '{near[0]}'?" if near else ""
        return UnknownNameError(f"There is no vector of '{word}' among the {len(self)} words.{guess}")

    def find(self, word: str) -> Vector | None:
        """(width,) float32: the vector of one word or phrase; None where there is none.

        It is taken as it stands, else as the tokenizer cuts it ("Ground-glass" is `ground_glass`, where that
        is a phrase). A word never seen is made of its n-grams, where there are such.
        """
        if (place := self.vocabulary.index.get(word)) is not None:
            return np.array(self.matrix[place])
        parts = self.tokenizer.split(word)
        if len(parts) == 1 and (place := self.vocabulary.index.get(parts[0])) is not None:
            return np.array(self.matrix[place])
        if self.subwords is None or not parts or (len(parts) > 1 and JOINT not in word):
            return None
        return self.subwords.compose(JOINT.join(parts))

    def places(self, term: str) -> set[int]:
        """The places of the words that a term is taken for."""
        index = self.vocabulary.index
        return {index[part] for part in {term, *self.tokenizer.split(term)} if part in index}

    @cached_property
    def directions(self) -> Matrix:
        """(words, width) float32 of length 1; a vector of zeros stays one."""
        return unit(self.matrix)

    def similarity(self, one: str, other: str) -> float:
        """The cosine of two words' vectors.

        Raises:
            UnknownNameError: one of them has none.
        """
        left, right = unit(np.stack((self[one], self[other])))
        return float(left @ right)

    def neighbours(self, word: str, count: int = 10) -> list[Neighbour]:
        """The words with the nearest vectors, the word itself left out.

        Raises:
            UnknownNameError: it has no vector.
        """
        return self.nearest(self[word], count, without=self.places(word))

    def analogy(self, first: str, second: str, third: str, count: int = 10) -> list[Neighbour]:
        """`first` is to `second` as `third` is to what? By 3CosAdd (Mikolov et al. 2013, NAACL, section 4).

        Raises:
            UnknownNameError: one of the words has no vector.
        """
        a, b, c = unit(np.stack((self[first], self[second], self[third])))
        without = self.places(first) | self.places(second) | self.places(third)
        return self.nearest(b - a + c, count, without=without)

    def nearest(self, vector: Vector, count: int, *, without: set[int] | None = None) -> list[Neighbour]:
        """The words whose vectors have the highest cosine with the one given.

        Args:
            vector: (width,) float32.
            count: how many.
            without: places of words that are left out.
        """
        similarities = self.directions @ unit(vector[None])[0]
        similarities[list(without or ())] = -np.inf
        count = max(0, min(count, len(self) - len(without or ())))
        top = np.argpartition(-similarities, min(count, len(self) - 1))[:count]
        top = top[np.lexsort((top, -similarities[top]))]
        return [Neighbour(self.words[place], float(similarities[place])) for place in top.tolist()]

    def save(self, folder: Path) -> None:
        """Write a new folder, file by file; a caller that needs it whole or not there renames it afterwards.

        Raises:
            OutputError: it exists and is not empty, or cannot be written.
            MissingExtraError: `safetensors` is not installed.
        """
        _make_empty(folder)
        tensors = {"vectors": np.ascontiguousarray(self.matrix)}
        if self.subwords is not None:
            tensors["subwords"] = np.ascontiguousarray(self.subwords.buckets)
        write_tensors(folder / TENSORS, tensors)
        write_vocabulary(folder / VOCABULARY, self.vocabulary)
        self.tokenizer.save(folder / TOKENIZER)
        with writing(folder / CONFIG) as file:
            file.write(json.dumps(self._described(), indent=2, ensure_ascii=False).encode() + b"\n")

    def _described(self) -> dict[str, Any]:
        about: dict[str, Any] = {**self.config, "words": len(self), "width": self.width}
        if self.subwords is not None:
            sizes = {"min_n": self.subwords.min_n, "max_n": self.subwords.max_n}
            about["subwords"] = {**sizes, "buckets": len(self.subwords.buckets)}
        return {**about, "digest": self.digest}

    @cached_property
    def digest(self) -> str:
        """Of words and vectors."""
        digest = blake2b("\n".join(self.words).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self.matrix).data)
        if self.subwords is not None:
            digest.update(np.ascontiguousarray(self.subwords.buckets).data)
        return digest.hexdigest()

    @classmethod
    def load(cls, folder: Path) -> Vectors:
        """Read a folder of vectors.

        Raises:
            InputError: a file is not there or damaged, or they do not fit together.
            MissingExtraError: `safetensors` or `tokenizers` is not installed.
        """
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}. Give one that 'reportnlp embed' wrote.")
        if missing := [name for name in FILES if not (folder / name).is_file()]:
            raise InputError(f"{folder} is no folder of vectors: it has no {' and no '.join(missing)}.")
        config = _config(folder / CONFIG)
        tensors = read_tensors(folder / TENSORS)
        vocabulary = read_vocabulary(folder / VOCABULARY)
        _check(folder, tensors, len(vocabulary), config)
        subwords = None
        if "subwords" in tensors:
            sizes = config["subwords"]
            subwords = Subwords(tensors["subwords"], sizes["min_n"], sizes["max_n"])
        words = Words.read(folder / TOKENIZER)
        return cls(vocabulary, tensors["vectors"], words, subwords, config)

    @classmethod
    def open(cls, path: Path) -> Vectors:
        """Read a folder of vectors, or a file in word2vec's format.

        Raises:
            InputError: it is neither, or damaged.
        """
        return cls.read_word2vec(path) if path.is_file() else cls.load(path)

    @classmethod
    def read_word2vec(cls, path: Path, *, binary: bool | None = None) -> Vectors:
        """Read word2vec's text or binary format, packed by gzip or not; counts are unknown, and stay 0.

        Args:
            path: the file.
            binary: which of the two it is; None: its beginning tells.

        Raises:
            InputError: a bad header, another width, or an early end.
        """
        words, matrix = _exchange.read(path, binary)
        return cls.of(words, matrix, config={"method": "imported", "source": path.name})

    def write_word2vec(self, path: Path, *, binary: bool = False) -> None:
        """Write word2vec's text or binary format, packed when the name ends in `.gz`.

        Raises:
            OutputError: no room, no permission.
        """
        _exchange.write(path, self.words, self.matrix, binary=binary)

    @classmethod
    def of(cls, words: Sequence[str], matrix: Matrix, *, config: Mapping[str, Any] | None = None) -> Vectors:
        """Make vectors of words without counts; the tokenizer folds case unless a word has capitals."""
        vocabulary = Vocabulary(tuple(words), np.zeros(len(words), np.int64))
        lowercase = not any(word != word.lower() for word in words)
        tokenizer = Words.build(vocabulary.words, lowercase=lowercase)
        return cls(vocabulary, np.asarray(matrix, np.float32), tokenizer, None, config or {})

    def to_gensim(self) -> KeyedVectors:
        """Gensim's `KeyedVectors` of the same words, with their counts.

        Raises:
            MissingExtraError: gensim is not installed.
        """
        try:
            from gensim.models import KeyedVectors
        except ImportError as error:
            raise MissingExtraError("Handing vectors to gensim", "train") from error
        vectors = KeyedVectors(self.width)
        vectors.add_vectors(list(self.words), self.matrix)
        if self.vocabulary.counts.any():
            for word, count in zip(self.words, self.vocabulary.counts.tolist(), strict=True):
                vectors.set_vecattr(word, "count", count)
        return vectors

    @classmethod
    def from_gensim(cls, vectors: KeyedVectors) -> Vectors:
        """The words of gensim's `KeyedVectors`, in their order and with their counts, where it has such."""
        made = cls.of(tuple(vectors.index_to_key), vectors.vectors, config={"method": "imported"})
        if "count" not in vectors.expandos:
            return made
        counts = np.asarray(vectors.expandos["count"], np.int64)
        return replace(made, vocabulary=Vocabulary(made.words, counts))


def unit(matrix: Matrix) -> Matrix:
    """Rows of length 1; a row of zeros stays one."""
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    unit: Matrix = matrix / np.where(lengths == 0, 1, lengths).astype(np.float32)[:, None]
    return unit


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"{folder} exists already. Choose another folder.")
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror}.") from error


def write_tensors(path: Path, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as `.safetensors`, and have them on the disk.

    Raises:
        MissingExtraError: `safetensors` is not installed.
        OSError: no room, no permission.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import save_file
    except ImportError as error:
        raise MissingExtraError("Keeping vectors", "train") from error
    path.touch()
    mode = path.stat().st_mode  # what any file here gets; the library would keep others from reading it
    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    path.chmod(mode)


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of a `.safetensors` file.

    Raises:
        InputError: it is not there or damaged.
        MissingExtraError: `safetensors` is not installed.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise MissingExtraError("Reading vectors", "train") from error
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise InputError(f"{path} is cut short or damaged, or no safetensors file.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error


def _config(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError:
        value = None
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is no JSON object.")
    return value


def _check(
    folder: Path, tensors: Mapping[str, npt.NDArray[Any]], words: int, config: Mapping[str, Any]
) -> None:
    for problem in _problems(tensors, words, config):
        raise InputError(f"The files of {folder} do not fit together: {problem}.")


def _problems(
    tensors: Mapping[str, npt.NDArray[Any]], words: int, config: Mapping[str, Any]
) -> Iterator[str]:
    matrix, buckets = tensors.get("vectors"), tensors.get("subwords")
    if matrix is None or matrix.ndim != 2 or matrix.dtype != np.float32:
        yield f"{TENSORS} has no matrix 'vectors' of float32"
    elif len(matrix) != words:
        yield f"{TENSORS} has {len(matrix)} vectors, and {VOCABULARY} {words} words"
    elif matrix.shape[1] != config.get("width"):
        yield f"the vectors are {matrix.shape[1]} wide, and {CONFIG} says {config.get('width')}"
    elif buckets is not None:
        yield from _bucket_problems(buckets, matrix.shape[1], config.get("subwords"))


def _bucket_problems(buckets: npt.NDArray[Any], width: int, sizes: object) -> Iterator[str]:
    if not isinstance(sizes, dict) or not all(
        isinstance(sizes.get(name), int) for name in ("min_n", "max_n", "buckets")
    ):
        yield f"{TENSORS} has subwords, and {CONFIG} no min_n, max_n and buckets of theirs"
    elif buckets.shape != (sizes["buckets"], width) or buckets.dtype != np.float32:
        yield f"the subwords are no float32 table of {sizes['buckets']} buckets and width {width}"
