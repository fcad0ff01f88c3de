from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reportnlp.embeddings import _cooccurrence, _numba_cooccurrence, glove
from reportnlp.embeddings._cooccurrence import ENTRY, Counting
from reportnlp.embeddings._glove_model import Model, first_model
from reportnlp.embeddings._numba_glove import NumbaLearner
from reportnlp.embeddings._torch_glove import TorchLearner
from reportnlp.embeddings.blocks import BREAK, EncodedCorpus, Ids, Matrix, TrainingError, Vocabulary
from reportnlp.errors import InputError, ResumeError, UnknownNameError

WORDS = 60


class Quiet:
    """Hears of progress, and keeps it."""

    def __init__(self) -> None:
        self.words = 0
        self.losses: list[float] = []

    def advance(self, words: int, loss: float) -> None:
        self.words += words
        self.losses.append(loss)


class Memory:
    """A checkpoint that can be stopped at."""

    def __init__(self, stop_after: int = -1) -> None:
        self._kept: tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None = None
        self._stop_after = stop_after

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self._kept = epoch, {name: np.array(array) for name, array in arrays.items()}
        if epoch == self._stop_after:
            raise KeyboardInterrupt

    def load(self) -> tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None:
        return self._kept


def random_ids(tokens: int = 3000, words: int = WORDS, seed: int = 1) -> Ids:
    """Words with the frequencies of a language, in texts of mixed length, some of one word."""
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(1, words + 1)
    ids = rng.choice(words, size=tokens, p=chances / chances.sum()).astype(np.int32)
    ids[rng.random(tokens) < 0.05] = BREAK
    return ids


def corpus_of(ids: Ids, words: int = WORDS) -> tuple[EncodedCorpus, Vocabulary]:
    counts = np.bincount(ids[ids >= 0], minlength=words)
    return EncodedCorpus(ids, int(counts.sum())), Vocabulary(tuple(f"w{k}" for k in range(words)), counts)


def brute_force(ids: Ids, window: int, symmetric: bool) -> dict[tuple[int, int], float]:
    counts: Counter[tuple[int, int]] = Counter()
    for right in range(len(ids)):
        for left in range(right - 1, max(-1, right - window - 1), -1):
            if ids[left] == BREAK or ids[right] == BREAK:
                break
            counts[int(ids[left]), int(ids[right])] += 1 / (right - left)  # type: ignore[assignment]
            if symmetric:
                counts[int(ids[right]), int(ids[left])] += 1 / (right - left)  # type: ignore[assignment]
    return dict(counts)


def all_cells(
    ids: Ids, counting: Counting, folder: Path, block: int = 1 << 20
) -> dict[tuple[int, int], float]:
    folder.mkdir()
    found: dict[tuple[int, int], float] = {}
    for part in _cooccurrence.merged(_cooccurrence.count(ids, counting, folder=folder), block=block):
        rows, columns, counts = _cooccurrence.cells(part, counting)
        pairs = list(zip(rows.tolist(), columns.tolist(), strict=True))
        assert not set(pairs) & set(found)
        found |= dict(zip(pairs, counts.tolist(), strict=True))
    return found


@pytest.fixture
def small_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send most pairs through the hash table, and let threads share a small corpus."""
    monkeypatch.setattr(_cooccurrence, "DENSE", 5)
    monkeypatch.setattr(_cooccurrence, "TOKENS", 100)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("window", [1, 4, 15])
@pytest.mark.parametrize("dense", [0, 5, WORDS])
def test_counts_are_those_of_a_brute_force_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, symmetric: bool, window: int, dense: int
) -> None:
    monkeypatch.setattr(_cooccurrence, "DENSE", dense)
    ids = random_ids()
    found = all_cells(ids, Counting(WORDS, window, symmetric, 1 << 24), tmp_path / "runs")
    expected = brute_force(ids, window, symmetric)
    assert found.keys() == expected.keys()
    assert all(found[pair] == pytest.approx(count, rel=1e-8) for pair, count in expected.items())


@pytest.mark.usefixtures("small_square")
@pytest.mark.parametrize("symmetric", [True, False])
def test_merged_runs_are_one_run_to_the_last_bit(tmp_path: Path, symmetric: bool) -> None:
    ids = random_ids()
    one = all_cells(ids, Counting(WORDS, 5, symmetric, 1 << 24), tmp_path / "one")
    little = Counting(WORDS, 5, symmetric, 1 << 12)
    (tmp_path / "count").mkdir()
    assert len(_cooccurrence.count(ids, little, folder=tmp_path / "count")) > 10
    assert all_cells(ids, little, tmp_path / "many", block=100) == one
    assert all_cells(ids, Counting(WORDS, 5, symmetric, 1 << 14, 3), tmp_path / "threads", block=64) == one


@pytest.mark.usefixtures("small_square")
def test_a_table_grows_while_the_memory_allows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, counting = random_ids(9000, 200), Counting(200, 5, True, 1 << 24)
    whole = all_cells(ids, counting, tmp_path / "whole")
    monkeypatch.setattr(_cooccurrence, "FIRST_SLOTS", 32)
    monkeypatch.setattr(_cooccurrence, "PIECE", 500)
    assert all_cells(ids, counting, tmp_path / "grown") == whole
    grown = [run for run in _cooccurrence.count(ids, counting, folder=None) if len(run.keys)]
    assert len(grown) == 2  # the table, never full, and the square


@pytest.mark.usefixtures("small_square")
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("memory", [1 << 12, 1 << 24])
def test_counting_tells_of_every_word_once(
    workers: int, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cooccurrence, "PIECE", 200)
    ids, heard = random_ids(), list[int]()
    _cooccurrence.count(ids, Counting(WORDS, 5, True, memory, workers), folder=None, seen=heard.append)
    assert sum(heard) == (ids >= 0).sum()
    assert len(heard) >= 15


@pytest.mark.usefixtures("small_square")
def test_a_stopped_count_does_not_count_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cooccurrence, "PIECE", 1)
    pieces = _numba_cooccurrence.count_pairs
    counted: list[int] = []

    def spy(*given: Any) -> tuple[int, int]:
        counted.append(1)
        time.sleep(0.001)
        return pieces(*given)

    def stop(words: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_cooccurrence, "count_pairs", spy)
    with pytest.raises(KeyboardInterrupt):
        _cooccurrence.count(random_ids(), Counting(WORDS, 5, True, 1 << 24, 2), folder=None, seen=stop)
    assert len(counted) < 2000


@pytest.mark.usefixtures("small_square")
def test_a_killed_training_leaves_no_file(tmp_path: Path) -> None:
    """None has a name, so that none is there to be left, while all can still be read."""
    ids, counting = random_ids(20_000, 200), Counting(200, 8, True, 1 << 14)
    runs = _cooccurrence.count(ids, counting, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    cells = _cooccurrence.shuffled(runs, counting, x_max=10.0, alpha=0.5, seed=3, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    del runs
    assert len(cells) == len(brute_force(ids, 8, True))


def test_merged_blocks_rise_and_stay_small(tmp_path: Path) -> None:
    counting = Counting(WORDS, 10, False, 1 << 12)
    runs = _cooccurrence.count(random_ids(), counting, folder=tmp_path)
    blocks = [keys for keys, _ in _cooccurrence.merged(runs, block=256)]
    joined = np.concatenate(blocks)
    assert len(blocks) > 3
    assert (np.diff(joined) > 0).all()
    assert max(map(len, blocks)) <= 512


@pytest.mark.usefixtures("small_square")
@pytest.mark.parametrize("memory", [1 << 14, 1 << 24])
@pytest.mark.parametrize("buckets", [2, 128])
def test_shuffled_cells_are_the_counts_in_random_order(
    tmp_path: Path, memory: int, buckets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cooccurrence, "BUCKETS", buckets)
    ids = random_ids(20_000, 200)
    counting = Counting(200, 8, True, memory)
    runs = _cooccurrence.count(ids, counting, folder=tmp_path)
    cells = _cooccurrence.shuffled(runs, counting, x_max=10.0, alpha=0.5, seed=3, folder=tmp_path)
    expected = brute_force(ids, 8, True)
    found = {(int(c["word"]), int(c["context"])): c for c in cells}
    assert len(cells) == len(found)
    assert found.keys() == expected.keys()
    for pair, count in expected.items():
        assert found[pair]["log_count"] == pytest.approx(np.log(count), abs=1e-6)
        assert found[pair]["weight"] == pytest.approx(min(1, (count / 10) ** 0.5), rel=1e-6)
    places = cells["word"].astype(float)
    assert abs(np.corrcoef(places[1:], places[:-1])[0, 1]) < 0.05
    assert abs(np.corrcoef(places, np.arange(len(places)))[0, 1]) < 0.05


def planted(rank: int, words: int = 80, seed: int = 5) -> tuple[npt.NDArray[np.void], Matrix]:
    """All cells of a matrix whose logarithm is of low rank beside its biases, and that logarithm."""
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(2, words, rank)) / np.sqrt(rank)
    biases = rng.normal(size=(2, words))
    logs = (left @ right.T + biases[0][:, None] + biases[1]).astype(np.float32)
    cells = np.empty(words * words, ENTRY)
    cells["word"], cells["context"] = np.divmod(np.arange(words * words), words)
    cells["log_count"], cells["weight"] = logs.reshape(-1), 1.0
    return rng.permutation(cells), logs


def passes(learner: NumbaLearner | TorchLearner, cells: int, epochs: int) -> list[float]:
    return [sum(loss for _, loss in learner.learn([slice(0, cells)])) / cells for _ in range(epochs)]


def product(model: Model) -> Matrix:
    words = len(model.rows) // 2
    left, right = model.rows[:words], model.rows[words:]
    whole: Matrix = left[:, :-1] @ right[:, :-1].T + left[:, -1:] + right[:, -1]
    return whole


@pytest.mark.parametrize("engine", ["numba", "torch", "torch in large batches"])
def test_a_planted_matrix_of_low_rank_is_fitted(engine: str) -> None:
    cells, logs = planted(rank=4)
    model = first_model(80, 8, seed=1)
    learner: NumbaLearner | TorchLearner
    if engine == "numba":
        learner = NumbaLearner(cells, model, 0.05, 1)
    else:
        learner = TorchLearner(
            cells, model, 0.05, 1, batch=64 if engine == "torch" else 3200, devices=("cpu",)
        )
    losses = passes(learner, len(cells), 150)
    assert losses[-1] < 1e-3 < 0.1 < losses[0]
    assert np.abs(product(learner.model()) - logs).max() < 0.5
    assert np.corrcoef(product(learner.model()).ravel(), logs.ravel())[0, 1] > 0.999


def one_step(model: Model, cell: npt.NDArray[np.void], rate: float) -> float:
    """One cell's AdaGrad step in float64, written from the paper and the original program's accumulators."""
    words, width = len(model.rows) // 2, model.rows.shape[1] - 1
    a, b = int(cell["word"]), words + int(cell["context"])
    w, c = model.rows[a].astype(np.float64), model.rows[b].astype(np.float64)
    error = w[:width] @ c[:width] + w[width] + c[width] - cell["log_count"]
    for place, own, other in ((a, w, c), (b, c, w)):
        slopes = cell["weight"] * error * np.append(other[:width], 1.0)
        slopes = np.append(np.clip(slopes[:width], -100, 100) * rate, slopes[width])
        model.rows[place] = own - slopes / np.sqrt(1 + model.squares[place])
        model.squares[place] += slopes**2
    return float(cell["weight"] * error**2 / 2)


@pytest.mark.parametrize("width", [3, 16, 37])
def test_the_numba_engine_takes_the_steps_of_the_original(width: int) -> None:
    cells, _ = planted(rank=3, words=12)
    cells["weight"] = np.random.default_rng(2).random(len(cells))
    cells["log_count"][:3] = 5e4  # the clip is reached
    learner = NumbaLearner(cells, first_model(12, width, seed=4), 0.05, 1)
    expected = first_model(12, width, seed=4)
    losses = [loss for _, loss in learner.learn([slice(0, len(cells))])]
    by_hand = sum(one_step(expected, cell, 0.05) for cell in cells)
    assert losses == [pytest.approx(by_hand, rel=1e-4)]
    np.testing.assert_allclose(learner.model().rows, expected.rows, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(learner.model().squares, expected.squares, rtol=1e-3, atol=1e-6)


def test_a_torch_batch_of_one_differs_from_a_numba_step_by_no_more_than_its_damping() -> None:
    cells, _ = planted(rank=3, words=12)
    cells["weight"] = 1e-3  # little weight: no damping, accumulators near their first values
    numba = NumbaLearner(cells, first_model(12, 20, seed=4), 0.05, 1)
    torch = TorchLearner(cells, first_model(12, 20, seed=4), 0.05, 1, batch=1, devices=("cpu",))
    one, other = (passes(learner, len(cells), 2) for learner in (numba, torch))
    assert one == pytest.approx(other, rel=1e-3)
    np.testing.assert_allclose(numba.model().rows, torch.model().rows, atol=1e-4)


def train(ids: Ids, *, words: int = WORDS, seed: int = 1, **given: Any) -> Matrix:
    corpus, vocabulary = corpus_of(ids, words)
    options: dict[str, Any] = {"engine": "numba", "workers": 1, "watcher": Quiet(), "checkpoint": None} | {
        name: given.pop(name) for name in ("engine", "workers", "watcher", "checkpoint") if name in given
    }
    config = glove.Config(**{"width": 12, "epochs": 3, "min_count": 1, **given})
    return glove.train(corpus, vocabulary, config, seed=seed, **options).matrix


@pytest.mark.parametrize("engine", glove.ENGINES)
def test_the_same_seed_gives_the_same_vectors_and_another_gives_others(engine: str) -> None:
    first, again, other = (train(random_ids(), engine=engine, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (WORDS, 12)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("engine", glove.ENGINES)
def test_a_stopped_training_goes_on_to_the_same_vectors(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glove, "CHUNK", 100)
    whole = train(random_ids(), engine=engine)
    kept = Memory(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        train(random_ids(), engine=engine, checkpoint=kept)
    np.testing.assert_array_equal(train(random_ids(), engine=engine, checkpoint=kept), whole)


def test_a_checkpoint_of_another_width_is_refused() -> None:
    kept = Memory()
    train(random_ids(), checkpoint=kept, width=5)
    with pytest.raises(ResumeError, match="another vocabulary, width"):
        train(random_ids(), checkpoint=kept, width=6)


@pytest.mark.parametrize("engine", glove.ENGINES)
def test_progress_adds_up_to_every_word_of_every_epoch_and_the_loss_falls(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glove, "CHUNK", 100)
    watcher = Quiet()
    ids = random_ids()
    train(ids, engine=engine, watcher=watcher, epochs=10)
    assert watcher.words == 10 * (ids >= 0).sum()
    tenth = len(watcher.losses) // 10
    assert np.mean(watcher.losses[-tenth:]) < 0.7 * np.mean(watcher.losses[:tenth])


def test_threads_learn_as_well_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glove, "CHUNK", 100)
    one, several = Quiet(), Quiet()
    train(random_ids(), watcher=one, epochs=10)
    train(random_ids(), watcher=several, epochs=10, workers=3)
    assert several.words == one.words
    assert np.mean(several.losses[-20:]) == pytest.approx(np.mean(one.losses[-20:]), rel=0.1)


def test_the_sum_is_the_word_s_own_vector_and_its_context_vector() -> None:
    model = first_model(3, 2, seed=1)
    np.testing.assert_array_equal(model.matrix(False), model.rows[:3, :2])
    np.testing.assert_array_equal(model.matrix(True), model.rows[:3, :2] + model.rows[3:, :2])
    both, own = (train(random_ids(), vectors=vectors) for vectors in glove.VECTORS)
    assert not np.array_equal(both, own)


@pytest.mark.parametrize("engine", glove.ENGINES)
def test_words_that_are_used_alike_become_neighbours(engine: str) -> None:
    """Ten meanings of two words each; a meaning has its own mixture of twenty contexts."""
    rng = np.random.default_rng(1)
    mixtures = rng.dirichlet(np.full(20, 0.5), size=10)
    meanings = rng.integers(10, size=40_000)
    contexts = np.array([rng.choice(20, p=mixtures[meaning]) for meaning in meanings])
    texts = np.stack(
        [2 * meanings + rng.integers(2, size=40_000), 20 + contexts, np.full(40_000, BREAK)], axis=1
    )
    vectors = train(texts.astype(np.int32).ravel(), words=40, engine=engine, epochs=30, vectors="word")
    vectors = vectors[:20] / np.linalg.norm(vectors[:20], axis=1, keepdims=True)
    likeness = vectors @ vectors.T - 2 * np.eye(20)
    assert (likeness.argmax(axis=1) == np.arange(20) ^ 1).mean() > 0.8


def test_counts_go_beside_the_corpus_and_are_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_ids().tofile(tmp_path / "ids")
    ids: Any = np.memmap(tmp_path / "ids", np.int32, "r")
    seen: list[Path | None] = []
    count = _cooccurrence.count

    def spy(ids: Ids, counting: Counting, *, folder: Path | None, **told: Any) -> list[_cooccurrence.Run]:
        seen.append(folder)
        return count(ids, counting, folder=folder, **told)

    monkeypatch.setattr(_cooccurrence, "count", spy)
    np.testing.assert_array_equal(train(ids), train(random_ids()))
    assert seen == [tmp_path, None]
    assert [path.name for path in tmp_path.iterdir()] == ["ids"]


def test_counting_is_a_phase_of_its_own_before_the_training() -> None:
    class Told(Quiet):
        def __init__(self) -> None:
            super().__init__()
            self.phases: list[tuple[str, int]] = []
            self.counted = 0

        def phase(self, name: str, words: int) -> None:
            assert not self.words
            self.phases.append((name, words))

        def prepared(self, words: int) -> None:
            self.counted += words

    ids, told = random_ids(), Told()
    train(ids, watcher=told)
    assert told.phases == [("counting pairs of words", told.counted)]
    assert told.counted == (ids >= 0).sum()


@pytest.mark.parametrize("engine", glove.ENGINES)
def test_numbers_that_are_none_stop_the_training(engine: str) -> None:
    spoilt = Memory()
    train(random_ids(), checkpoint=spoilt, epochs=1)
    kept = spoilt.load()
    assert kept
    np.asarray(kept[1]["rows"])[3, 2] = np.nan
    with pytest.raises(TrainingError, match=r"epoch 2 of 3. Lower learning_rate \(it was 0.05\)"):
        train(random_ids(), engine=engine, checkpoint=spoilt)


def test_hopeless_corpora_are_refused() -> None:
    with pytest.raises(TrainingError, match="min_count"):
        train(np.array([], np.int32), words=0)
    with pytest.raises(TrainingError, match="one word"):
        train(np.zeros(50, np.int32), words=1)
    with pytest.raises(TrainingError, match="stand in one text"):
        train(np.array([0, BREAK, 1, BREAK] * 20, np.int32), words=2)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="window is 0"):
        glove.Config(window=0)
    with pytest.raises(InputError, match="x_max"):
        glove.Config(x_max=float("nan"))
    with pytest.raises(UnknownNameError, match="sum"):
        glove.Config(vectors="sums")
    with pytest.raises(UnknownNameError, match="engine"):
        train(random_ids(), engine="nunba")
