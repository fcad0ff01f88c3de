"""The torch engine on the CPU: its steps against autograd, its draws, what it learns, that it repeats."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")

import torch

from reportnlp.embeddings import fasttext, glove, word2vec
from reportnlp.embeddings._cooccurrence import ENTRY
from reportnlp.embeddings._glove_model import Model as GloveModel
from reportnlp.embeddings._glove_model import first_model
from reportnlp.embeddings._numba_tables import kept_share
from reportnlp.embeddings._processes import Processes
from reportnlp.embeddings._settings import WindowSettings
from reportnlp.embeddings._subwords import subwords_of
from reportnlp.embeddings._torch import train_fasttext, train_word2vec
from reportnlp.embeddings._torch_batches import Batcher, Groups, batches, cut, expected_rows
from reportnlp.embeddings._torch_glove import TorchLearner
from reportnlp.embeddings._torch_replica import Replica, Task, pairs_per_batch, wants_fused
from reportnlp.embeddings._torch_roofline import roofline, traffic
from reportnlp.embeddings._torch_settings import Plan
from reportnlp.embeddings._torch_subwords import Composer, subword_rows
from reportnlp.embeddings._torch_team import Team
from reportnlp.embeddings._torch_tree import huffman_paths
from reportnlp.embeddings._torch_update import (
    Repeats,
    Scaled,
    damped,
    hidden_weights,
    step,
    way_of,
)
from reportnlp.embeddings.blocks import (
    BREAK,
    EncodedCorpus,
    Ids,
    Matrix,
    TrainingError,
    Vocabulary,
)
from reportnlp.errors import ResumeError

CPU = torch.device("cpu")
TOPICS, EACH = 4, 10
ARCHITECTURES = ("skipgram", "cbow")
SMALL = Plan(chunk=20_000, pairs=1_024, parts=2)


@dataclass
class Heard:
    """A watcher that keeps what it hears."""

    words: int = 0
    losses: list[float] = field(default_factory=list)

    def advance(self, words: int, loss: float) -> None:
        self.words += words
        self.losses.append(loss)


@dataclass
class Kept:
    """A checkpoint in memory."""

    state: tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None = None

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self.state = epoch, {name: array.copy() for name, array in arrays.items()}

    def load(self) -> tuple[int, Mapping[str, npt.NDArray[np.generic]]] | None:
        return self.state


@dataclass
class Stops(Kept):
    """A checkpoint under which training dies after so many epochs."""

    after: int = 1

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        super().save(epoch, arrays)
        if epoch == self.after:
            raise KeyboardInterrupt


def planted(texts: int = 600, seed: int = 5) -> tuple[EncodedCorpus, Vocabulary]:
    """Texts of twenty words, each from one topic."""
    random = np.random.default_rng(seed)
    topics = random.integers(TOPICS, size=texts)
    words = topics[:, None] + TOPICS * random.integers(EACH, size=(texts, 20))
    counts = np.bincount(words.ravel(), minlength=TOPICS * EACH)
    order = np.argsort(-counts, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    ids = np.concatenate([places[words], np.full((texts, 1), BREAK)], axis=1).astype(np.int32).ravel()
    names = tuple(f"{'abcd'[word % TOPICS] * 3}{word:02d}" for word in order)
    return EncodedCorpus(ids, words.size), Vocabulary(names, counts[order].astype(np.int64))


def config(**changes: object) -> word2vec.Config:
    settings = {"width": 16, "sample": 0.0, "epochs": 4, "learning_rate": 0.05, "min_count": 1} | changes
    return word2vec.Config(**settings)  # type: ignore[arg-type]


def subword_config(**changes: object) -> fasttext.Config:
    settings = {"width": 16, "sample": 0.0, "epochs": 4, "buckets": 500, "min_count": 1} | changes
    return fasttext.Config(**settings)  # type: ignore[arg-type]


def separation(vocabulary: Vocabulary, matrix: Matrix) -> float:
    """Mean cosine within a topic less that between topics."""
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    cosines = unit @ unit.T
    topics = np.array([word[0] for word in vocabulary.words])
    same = topics[:, None] == topics
    off = ~np.eye(len(topics), dtype=bool)
    return float(cosines[same & off].mean() - cosines[~same].mean())


def random_groups(random: np.random.Generator, *, distinct: bool = False) -> tuple[Groups, int]:
    """A batch of 6 centres with 4 contexts and 3 targets, some missing; repeated rows unless `distinct`."""
    count, contexts, targets = 6, 4, 3
    rows = count * contexts if distinct else 9
    inputs = random.permutation(rows) if distinct else random.integers(rows, size=count * contexts)
    outputs = np.arange(count * targets) if distinct else random.integers(rows, size=count * targets)
    present = random.random((count, contexts)) < 0.7
    present[0] = False
    asked = random.random((count, targets)) < 0.8
    labels = (random.random((count, targets)) < 0.4) & asked
    groups = Groups(
        torch.from_numpy(inputs.reshape(count, contexts)),
        torch.from_numpy(present).float(),
        torch.from_numpy(outputs.reshape(count, targets).astype(np.int64)),
        torch.from_numpy(labels).float(),
        torch.from_numpy(asked).float(),
    )
    return groups, rows


def plain_loss(
    inputs: torch.Tensor, outputs: torch.Tensor, groups: Groups, sizes: torch.Tensor | None, cbow: bool
) -> torch.Tensor:
    """The papers' loss, written as loops over pairs."""
    loss = torch.zeros((), dtype=inputs.dtype)
    for group in range(len(groups.inputs)):
        there = groups.present[group] > 0
        rows = inputs[groups.inputs[group][there]]
        if cbow and there.any():
            parts = torch.ones(len(rows), 1) if sizes is None else sizes[group][there][:, None]
            rows = ((rows * parts).sum(0) / parts.sum())[None]
        for hidden in rows:
            for target in range(groups.outputs.shape[1]):
                if groups.asked[group, target] > 0:
                    score = hidden @ outputs[groups.outputs[group, target]]
                    sign = 2 * groups.labels[group, target] - 1
                    loss = loss - torch.nn.functional.logsigmoid(sign * score)
    return loss


def reference(
    inputs: torch.Tensor,
    outputs: torch.Tensor,
    groups: Groups,
    rate: float,
    cbow: bool,
    sizes: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The steps on both tables and the loss, by autograd, slot after slot; a group has its own targets."""
    copies = outputs[groups.outputs].detach()
    own = torch.arange(copies.shape[0] * copies.shape[1]).view(groups.outputs.shape)
    slots = [slice(None)] if cbow else [slice(slot, slot + 1) for slot in range(groups.inputs.shape[1])]
    moved, loss = torch.zeros_like(inputs), torch.zeros((), dtype=inputs.dtype)
    for slot in slots:
        places, present = groups.inputs[:, slot], groups.present[:, slot]
        rows = inputs[places.reshape(-1)].detach().requires_grad_()
        flat = copies.reshape(-1, inputs.shape[1]).clone().requires_grad_()
        contexts = torch.arange(places.numel()).view(places.shape)
        part = Groups(contexts, present, own, groups.labels, groups.asked)
        shares = present if sizes is None else present * sizes[:, slot]
        now = plain_loss(rows, flat, part, None if sizes is None else sizes[:, slot], cbow)
        now.backward()  # type: ignore[no-untyped-call]
        assert rows.grad is not None and flat.grad is not None
        gradient = rows.grad
        if cbow:  # each context gets the mean's step whole: undo its share in the plain gradient
            shares = shares / shares.sum(dim=1, keepdim=True).clamp_min(1)
            gradient = gradient / shares.reshape(-1, 1).clamp_min(1e-9)
        moved = moved.index_add(0, places.reshape(-1), -rate * gradient)
        copies = (flat - rate * flat.grad).detach().view(copies.shape)
        loss = loss + now.detach()
    ahead = (copies - outputs[groups.outputs]).reshape(-1, inputs.shape[1])
    return moved, torch.zeros_like(outputs).index_add(0, groups.outputs.reshape(-1), ahead), loss


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_step_is_the_gradient(architecture: str) -> None:
    cbow, random = architecture == "cbow", np.random.default_rng(1)
    groups, rows = random_groups(random)
    tables = random.normal(size=(2, rows, 5)).astype(np.float32)
    inputs, outputs = torch.from_numpy(tables[0]), torch.from_numpy(tables[1])
    moved, ahead, loss = reference(inputs, outputs, groups, 0.1, cbow)
    learned = inputs.clone(), outputs.clone()
    ones = torch.ones_like(groups.present), torch.ones_like(groups.asked)
    batch = Scaled(groups, hidden_weights(groups.present, None, cbow), *ones)
    found = step(learned[0], learned[0], learned[1], batch, 0.1, cbow)
    torch.testing.assert_close(found, loss)
    torch.testing.assert_close(learned[0], inputs + moved)
    torch.testing.assert_close(learned[1], outputs + ahead)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_subword_step_is_the_gradient_with_every_row_whole(architecture: str) -> None:
    """A row's step is the sum of the steps of its words' vectors, not divided by how many rows they have."""
    corpus, vocabulary = planted(2)
    layout = subword_rows(np.array([0, 2, 3, 3, *[3] * 37]), np.array([7, 9, 7], dtype=np.int32))
    settings = subword_config(architecture=architecture, negative=2, width=5)
    task = Task(vocabulary, settings, Plan(curvature=1e-9, fused=False), layout)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(layout.size, 5, generator=generator)
    outputs = torch.randn(len(vocabulary), 5, generator=generator)
    replica = Replica(task, CPU, inputs, outputs)
    chunk = replica.batcher.load(corpus.ids, [1])
    groups = replica.batcher.groups(chunk, chunk.slices[0])
    replica._learn_subwords(Composer(layout, CPU), groups, 0.1)
    composed = Composer(layout, CPU)(inputs, torch.arange(len(vocabulary)))
    sizes = composed.sizes[groups.inputs]
    moved, ahead, _ = reference(composed.vectors, outputs, groups, 0.1, task.cbow, sizes)
    expected = inputs.index_add(0, composed.rows, moved[composed.owners])
    torch.testing.assert_close(replica.inputs, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(replica.outputs, outputs + ahead, rtol=1e-4, atol=1e-5)


def test_damping_leaves_rare_rows_alone_and_bounds_frequent_ones() -> None:
    repeats = torch.tensor([0.0, 1.0, 10.0, 1e6])
    factors = damped(repeats, way_of(0.025, 1.0))
    torch.testing.assert_close(factors[:2], torch.ones(2))
    assert (repeats * factors).max() <= 1 / 0.025 + 1e-3
    assert way_of(0.025, 1.0, 6) == pytest.approx(1 - 0.975**6)
    assert all(earlier >= later for earlier, later in pairwise(factors.tolist()))


def test_repeats_count_rows_and_leave_nothing_behind() -> None:
    repeats = Repeats(5, CPU)
    rows = torch.tensor([[1, 1], [3, 1]])
    weights = torch.tensor([[1.0, 2.0], [1.0, 0.0]])
    for _ in range(2):
        assert repeats(rows, weights).tolist() == [[3, 3], [1, 3]]


def test_stretches_cover_the_corpus_and_end_between_texts() -> None:
    ids = np.array(([0] * 6 + [BREAK]) * 30, dtype=np.int32)
    for multiple in (1, 3):
        stretches = cut(ids, 40, multiple)
        assert len(stretches) % multiple == 0
        assert stretches[0][0] == 0 and stretches[-1][1] == len(ids)
        assert all(one[1] == two[0] for one, two in pairwise(stretches))
        assert all(ids[end - 1] == BREAK for _, end in stretches)


def test_a_text_longer_than_a_stretch_is_cut() -> None:
    assert cut(np.zeros(100, dtype=np.int32), 40, 1) == [(0, 33), (33, 66), (66, 100)]


def test_each_window_width_gets_an_equal_share() -> None:
    planned = batches(1_000, 5, 64)
    shares = [sum(part.end - part.start for part in planned if part.window == width) for width in range(1, 6)]
    assert shares == [200] * 5
    assert max((part.end - part.start) * 2 * part.window for part in planned) <= 64


def batcher(settings: WindowSettings, vocabulary: Vocabulary) -> Batcher:
    return Batcher(vocabulary, settings, CPU, 10_000)


def test_contexts_are_the_words_beside_the_centre_in_its_text() -> None:
    ids = np.array([0, 1, 2, BREAK, 3, BREAK, 4, 5], dtype=np.int32)
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, dtype=np.int64))
    maker = batcher(config(window=1), vocabulary)
    chunk = maker.load(ids, [1])
    assert chunk.read == 6
    found = {}
    for part in chunk.slices:
        groups = maker.groups(chunk, part)
        for row in range(len(groups.inputs)):
            there = groups.present[row] > 0
            found[int(groups.outputs[row, 0])] = groups.inputs[row][there].tolist()
    assert found == {0: [1], 1: [0, 2], 2: [1], 3: [], 4: [5], 5: [4]}


@pytest.mark.parametrize("power", [0.75, 0.5], ids=["word2vec", "fasttext"])
def test_words_are_kept_and_drawn_as_often_as_the_papers_say(power: float) -> None:
    counts = np.array([60_000, 30_000, 9_000, 1_000], dtype=np.int64)
    vocabulary = Vocabulary(tuple("abcd"), counts)
    ids = np.random.default_rng(2).permutation(np.repeat(np.arange(4, dtype=np.int32), counts))
    made = subword_config if power == 0.5 else config
    settings = made(sample=0.05, negative=5)
    maker = batcher(settings, vocabulary)
    chunk = maker.load(ids, [1])
    kept = np.bincount(chunk.words.numpy(), minlength=4)
    np.testing.assert_allclose(kept / counts, kept_share(counts, 0.05), rtol=0.03)
    negatives = [maker.groups(chunk, part).outputs[:, 1:].reshape(-1) for part in chunk.slices]
    drawn = np.bincount(torch.cat(negatives).numpy(), minlength=4)
    np.testing.assert_allclose(drawn / drawn.sum(), counts**power / (counts**power).sum(), rtol=0.03)


def test_a_negative_that_is_the_word_is_not_asked() -> None:
    corpus, vocabulary = planted(50)
    maker = batcher(config(negative=20), vocabulary)
    chunk = maker.load(corpus.ids, [1])
    groups = maker.groups(chunk, chunk.slices[0])
    clash = groups.outputs[:, 1:] == groups.outputs[:, :1]
    assert clash.any()
    assert torch.equal(groups.asked[:, 1:] == 0, clash)
    assert groups.labels.sum() == len(groups.labels)


def test_expected_rows_agree_with_what_batches_hold() -> None:
    corpus, vocabulary = planted(400)
    settings = config(hierarchical=True, negative=3)
    maker = batcher(settings, vocabulary)
    chunk = maker.load(corpus.ids, [1])
    held, pairs = np.zeros(2 * len(vocabulary) - 1), 0.0
    for part in chunk.slices:
        groups = maker.groups(chunk, part)
        weight = groups.present.sum(dim=1, keepdim=True) * (groups.asked > 0)
        np.add.at(held, groups.outputs.numpy(), weight.numpy())
        pairs += float(groups.present.sum())
    expected = expected_rows(vocabulary, settings)[1]
    np.testing.assert_allclose(held / pairs, expected, rtol=0.25, atol=0.01)


def test_huffman_paths_are_a_shortest_prefix_code() -> None:
    counts = np.array([40, 30, 10, 10, 6, 4], dtype=np.int64)
    paths = huffman_paths(counts)
    lengths = (paths.nodes >= 0).sum(axis=1)
    assert (lengths * counts).sum() == 40 + 2 * 30 + 4 * (10 + 10 + 6 + 4) - 0  # by hand: 1, 2, then 4 each
    codes = {tuple(paths.codes[word, : lengths[word]][::-1]) for word in range(6)}
    assert len(codes) == 6
    assert sum(2.0 ** -len(code) for code in codes) == 1.0
    assert (paths.nodes[np.arange(6), lengths - 1] == len(counts) - 2).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("negative, hierarchical", [(5, False), (0, True), (3, True)])
def test_word2vec_tells_topics_apart_and_the_loss_falls(
    architecture: str, negative: int, hierarchical: bool
) -> None:
    corpus, vocabulary = planted()
    heard = Heard()
    settings = config(architecture=architecture, negative=negative, hierarchical=hierarchical, epochs=6)
    trained = train_word2vec(corpus, vocabulary, settings, seed=1, workers=1, watcher=heard, plan=SMALL)
    assert trained.matrix.shape == (len(vocabulary), 16) and trained.matrix.dtype == np.float32
    assert heard.words == corpus.tokens * settings.epochs
    assert heard.losses[-1] < 0.9 * heard.losses[0]
    assert separation(vocabulary, trained.matrix) > 0.5


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_fasttext_tells_topics_apart_and_gives_buckets(architecture: str) -> None:
    corpus, vocabulary = planted()
    settings, heard = subword_config(architecture=architecture), Heard()
    trained = train_fasttext(corpus, vocabulary, settings, seed=1, workers=1, watcher=heard, plan=SMALL)
    assert trained.buckets is not None and trained.buckets.shape == (500, 16)
    assert heard.losses[-1] < 0.9 * heard.losses[0]
    assert separation(vocabulary, trained.matrix) > 0.5


def test_a_huge_batch_stays_stable() -> None:
    """Forty words in batches of fifty thousand pairs: every row is there a thousand times."""
    corpus, vocabulary = planted()
    plan, heard = Plan(chunk=100_000, pairs=50_000, parts=1), Heard()
    settings = config(epochs=15, learning_rate=0.1)
    trained = train_word2vec(corpus, vocabulary, settings, seed=1, workers=1, watcher=heard, plan=plan)
    assert separation(vocabulary, trained.matrix) > 0.5
    assert max(heard.losses) < 1.1 * heard.losses[0]


def test_batches_are_as_large_as_the_vocabulary_bears() -> None:
    _, small = planted(50)
    large = Vocabulary(tuple(map(str, range(5_000))), np.full(5_000, 9, dtype=np.int64))
    assert 1_000 < pairs_per_batch(Task(small, config(), Plan(), None), CPU) < 2_000
    assert pairs_per_batch(Task(large, config(), Plan(), None), CPU) == 16_384
    assert pairs_per_batch(Task(small, config(), Plan(pairs=99), None), CPU) == 99


def test_words_that_share_most_rows_make_small_batches() -> None:
    """Six words that differ in a letter move one another: as if one word were there six times as often."""
    counts = np.full(6, 9, dtype=np.int64)
    like = Vocabulary(tuple(f"pneumothorax{letter}" for letter in "abcdef"), counts)
    unlike = Vocabulary(("aaa", "bbb", "ccc", "ddd", "eee", "fff"), counts)
    sizes = {}
    for name, words in (("like", like), ("unlike", unlike)):
        settings = subword_config(buckets=100_000, learning_rate=0.01)
        layout = subword_rows(*subwords_of(words.words, 3, 6, settings.buckets))
        sizes[name] = pairs_per_batch(Task(words, settings, Plan(), layout), CPU)
        assert pairs_per_batch(Task(words, settings, Plan(), None), CPU) == 1_200
    assert sizes["unlike"] == 1_200
    assert 200 < sizes["like"] < 400


def test_the_seed_decides() -> None:
    corpus, vocabulary = planted(200)
    settings = config(sample=0.01)
    once, again, other = (
        train_word2vec(corpus, vocabulary, settings, seed=seed, workers=1, watcher=Heard(), plan=SMALL).matrix
        for seed in (1, 1, 2)
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


@pytest.mark.parametrize("kind", ["word2vec", "fasttext"])
def test_resuming_between_epochs_changes_nothing(kind: str) -> None:
    corpus, vocabulary = planted(200)

    def train(checkpoint: Kept) -> Matrix:
        if kind == "word2vec":
            return train_word2vec(
                corpus,
                vocabulary,
                config(),
                seed=3,
                workers=1,
                watcher=Heard(),
                checkpoint=checkpoint,
                plan=SMALL,
            ).matrix
        return train_fasttext(
            corpus,
            vocabulary,
            subword_config(),
            seed=3,
            workers=1,
            watcher=Heard(),
            checkpoint=checkpoint,
            plan=SMALL,
        ).matrix

    whole, stopped = train(Kept()), Stops(after=2)
    with pytest.raises(KeyboardInterrupt):
        train(stopped)
    assert np.array_equal(whole, train(Kept(stopped.state)))


def test_a_checkpoint_of_another_width_is_refused() -> None:
    corpus, vocabulary = planted(20)
    arrays = {"inputs": np.zeros((40, 8), np.float32), "outputs": np.zeros((40, 8), np.float32)}
    with pytest.raises(ResumeError, match=r"shape \(40, 8\).*\(40, 16\)"):
        train_word2vec(
            corpus, vocabulary, config(), seed=1, workers=1, watcher=Heard(), checkpoint=Kept((1, arrays))
        )


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    corpus, vocabulary = planted(100)
    with pytest.raises(TrainingError, match=r"epoch 1 of 4\. Lower learning_rate"):
        train_word2vec(
            corpus, vocabulary, config(learning_rate=1e30), seed=1, workers=1, watcher=Heard(), plan=SMALL
        )


def test_vectors_that_ran_away_are_refused_though_the_loss_is_a_number() -> None:
    corpus, vocabulary = planted(100)
    far = {name: np.full((len(vocabulary), 16), 2e3, np.float32) for name in ("inputs", "outputs")}
    kept = Kept((1, far))
    with pytest.raises(TrainingError, match=r"ran away: .* 1000 is refused, in epoch 2 of 4\. Lower"):
        train_word2vec(
            corpus, vocabulary, config(), seed=1, workers=1, watcher=Heard(), checkpoint=kept, plan=SMALL
        )
    assert kept.state == (1, far)


@dataclass
class Referring(Kept):
    """A checkpoint that copies nothing, and notes what it was given."""

    sums: list[float] = field(default_factory=list)
    given: list[Mapping[str, npt.NDArray[np.generic]]] = field(default_factory=list)

    def save(self, epoch: int, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self.given.append(arrays)
        self.sums.append(total(arrays))


def total(arrays: Mapping[str, npt.NDArray[np.generic]]) -> float:
    return float(sum(np.abs(array.astype(np.float64)).sum() for array in arrays.values()))


def glove_matrix(engine: str, **given: Any) -> Matrix:
    corpus, vocabulary = planted(100)
    settings = glove.Config(width=8, epochs=3, min_count=1)
    options: dict[str, Any] = {"seed": 1, "workers": 1, "watcher": Heard(), "checkpoint": None} | given
    return glove.train(corpus, vocabulary, settings, engine=engine, **options).matrix


@pytest.mark.parametrize("kind", ["word2vec", "glove-torch", "glove-numba"])
def test_what_a_checkpoint_is_given_does_not_change_later(kind: str) -> None:
    kept = Referring()
    if kind == "word2vec":
        corpus, vocabulary = planted(100)
        train_word2vec(corpus, vocabulary, config(), seed=1, workers=1, watcher=Heard(), checkpoint=kept)
    else:
        glove_matrix(kind.removeprefix("glove-"), checkpoint=kept)
    assert len(set(kept.sums)) == len(kept.sums) > 2
    assert [total(arrays) for arrays in kept.given] == kept.sums


def low_rank_cells(words: int, rank: int = 4) -> npt.NDArray[np.void]:
    """All cells of a matrix whose logarithm is of low rank beside its biases."""
    random = np.random.default_rng(5)
    left, right = random.normal(size=(2, words, rank)) / np.sqrt(rank)
    biases = random.normal(size=(2, words))
    cells = np.empty(words * words, ENTRY)
    cells["word"], cells["context"] = np.divmod(np.arange(words * words), words)
    cells["log_count"] = (left @ right.T + biases[0][:, None] + biases[1]).ravel()
    cells["weight"] = random.random(words * words) * 0.9 + 0.1
    return random.permutation(cells)


def learn_cells(copies: int, epochs: int = 15, batch: int = 128) -> tuple[list[float], GloveModel]:
    cells = low_rank_cells(200)
    learner = TorchLearner(
        cells, first_model(200, 8, seed=1), 0.05, 1, devices=("cpu",) * copies, batch=batch
    )
    chunks = [slice(start, start + 5_000) for start in range(0, len(cells), 5_000)]
    losses = []
    for _ in range(epochs):
        heard = list(learner.learn(chunks))
        assert sum(number for number, _ in heard) == len(cells)
        losses.append(sum(loss for _, loss in heard) / len(cells))
    return losses, learner.model()


@pytest.mark.parametrize("copies", [2, 3])
def test_glove_on_several_copies_learns_as_on_one(copies: int) -> None:
    """And as fast as one whose batches are as large as theirs together."""
    (shared, model), (_, again) = learn_cells(copies), learn_cells(copies)
    alone, single = learn_cells(1, batch=128 * copies)
    assert np.array_equal(model.rows, again.rows) and np.array_equal(model.squares, again.squares)
    assert max(alone[-1], shared[-1]) < 0.02 * shared[0]
    np.testing.assert_allclose(shared, alone, rtol=0.1, atol=0.02 * alone[0])
    one, other = ((m.rows[:200, :8] @ m.rows[200:, :8].T).ravel() for m in (single, model))
    assert np.corrcoef(one, other)[0, 1] > 0.99


def test_no_two_copies_of_glove_move_the_same_row(monkeypatch: pytest.MonkeyPatch) -> None:
    meet, most = Team.bring_together, []

    def spy(team: Team[Any]) -> None:
        for place, before in enumerate(team._before):
            moved = [(copy.tables[place] != before).any(dim=1).int() for copy in team.replicas]
            most.append(int(torch.stack(moved).sum(dim=0).max()))
        meet(team)

    monkeypatch.setattr(Team, "bring_together", spy)
    learn_cells(3, epochs=1)
    assert len(most) >= 6 and set(most) == {1}


def test_nothing_to_learn_from_is_said() -> None:
    _, vocabulary = planted(20)
    empty = EncodedCorpus(np.zeros(0, dtype=np.int32), 0)
    with pytest.raises(TrainingError, match="no word"):
        train_word2vec(empty, vocabulary, config(), seed=1, workers=1, watcher=Heard())


def test_texts_of_one_word_train_nothing_and_do_no_harm() -> None:
    ids: Ids = np.array([0, BREAK, 1, BREAK] * 20, dtype=np.int32)
    vocabulary = Vocabulary(("a", "b"), np.array([20, 20], dtype=np.int64))
    heard = Heard()
    trained = train_word2vec(EncodedCorpus(ids, 40), vocabulary, config(), seed=1, workers=1, watcher=heard)
    assert np.isfinite(trained.matrix).all() and np.isnan(heard.losses).all()


def test_two_copies_learn_as_one() -> None:
    corpus, vocabulary = planted()
    plan = Plan(chunk=3_000, pairs=1_024, parts=2, devices=("cpu", "cpu"))
    once, again = (
        train_word2vec(
            corpus, vocabulary, config(epochs=8), seed=1, workers=1, watcher=Heard(), plan=plan
        ).matrix
        for _ in range(2)
    )
    assert np.array_equal(once, again)
    assert separation(vocabulary, once) > 0.5


def test_copies_meet_in_the_mean_of_those_that_moved() -> None:
    _, vocabulary = planted(20)
    task = Task(vocabulary, config(), Plan(), None)
    first = torch.zeros(len(vocabulary), 16)
    team = Team([Replica(task, CPU, first, first) for _ in range(2)], Processes())
    team.replicas[0].inputs[0] += 4.0
    team.replicas[1].inputs[0] += 2.0
    team.replicas[1].inputs[1] += 2.0
    team.bring_together()
    for replica in team.replicas:
        assert replica.inputs[:3, 0].tolist() == [3.0, 2.0, 0.0]


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


PROCESS = """
import os, sys, numpy as np
sys.path.insert(0, {tests!r})
from test_embeddings_torch import Heard, Kept, config, glove_matrix, planted, Plan, separation, train_word2vec
first = os.environ["RANK"] == "0"
corpus, vocabulary = planted(300)
heard = Heard()
plan = Plan(chunk=2_000, pairs=1_024, parts=2, devices=("cpu",))
trained = train_word2vec(corpus, vocabulary, config(epochs=8), seed=1, workers=1, watcher=heard, plan=plan)
np.save({out!r}, trained.matrix)
np.save({out!r}.replace(".npy", ".words.npy"), heard.words)

def whole_and_resumed(train):
    kept, heard = Kept(), Heard()
    whole = train(watcher=heard, checkpoint=kept)
    assert (kept.state is not None) == (heard.words > 0) == first
    one = kept.state  # of the last epoch: what is trained from it is what it holds
    assert np.array_equal(train(watcher=Heard(), checkpoint=Kept(one)), whole)
    return whole

plan = Plan(chunk=2_000, devices=("cpu",))
given = dict(seed=1, workers=1, plan=plan)
whole_and_resumed(lambda **more: train_word2vec(corpus, vocabulary, config(), **given, **more).matrix)
matrix = whole_and_resumed(lambda **given: glove_matrix("torch", **given))
np.save({out!r}.replace(".npy", ".glove.npy"), matrix)
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed part")
def test_two_processes_end_with_the_same_vectors(tmp_path: Path) -> None:
    tests = str(Path(__file__).parent)
    codes = [PROCESS.format(tests=tests, out=str(tmp_path / f"{rank}.npy")) for rank in (0, 1)]
    script = "\n".join(
        [
            "import os, sys, subprocess, socket",
            # Below the ports that the system gives out by itself: no other test is given it in between.
            "is_free = lambda port: socket.socket().connect_ex(('127.0.0.1', port)) != 0",
            "port = next(filter(is_free, range(20_000 + os.getpid() % 10_000, 32_000)))",
            "common = dict(os.environ, WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))",
            f"codes = {codes!r}",
            "started = [subprocess.Popen([sys.executable, '-c', code], env=dict(common, RANK=str(rank)))",
            "           for rank, code in enumerate(codes)]",
            "sys.exit(max(abs(process.wait()) for process in started))",
        ]
    )
    done = run(script)
    assert done.returncode == 0, done.stderr
    one, two = (np.load(tmp_path / f"{rank}.npy") for rank in (0, 1))
    assert np.array_equal(one, two)
    corpus, vocabulary = planted(300)
    assert separation(vocabulary, one) > 0.5
    assert [int(np.load(tmp_path / f"{rank}.words.npy")) for rank in (0, 1)] == [8 * corpus.tokens, 0]
    one, two = (np.load(tmp_path / f"{rank}.glove.npy") for rank in (0, 1))
    assert np.array_equal(one, two)


INTERPRETED = """
import sys, numpy as np, torch
sys.path.insert(0, {tests!r})
from test_embeddings_torch import Groups, Scaled, hidden_weights, random_groups, step
from reportnlp.embeddings import _triton_update
for cbow in (False, True):
    random = np.random.default_rng(4)
    groups, rows = random_groups(random, distinct=True)
    tables = [torch.from_numpy(random.normal(size=(rows, 20)).astype(np.float32)) for _ in range(2)]
    shapes = groups.present.shape, groups.asked.shape
    scales = [torch.from_numpy(random.random(shape).astype(np.float32)) for shape in shapes]
    batch = Scaled(groups, hidden_weights(groups.present, None, cbow), *scales)
    one, two = ([table.clone() for table in tables] for _ in range(2))
    losses = [step(one[0], one[0], one[1], batch, 0.3, cbow)]
    losses += [_triton_update.step(two[0], two[0], two[1], batch, 0.3, cbow)]
    torch.testing.assert_close(losses[0], losses[1])
    for left, right, start in zip(one, two, tables):
        assert not torch.equal(left, start)
        torch.testing.assert_close(left, right)
"""


def test_the_fused_kernel_makes_the_same_step() -> None:
    """Through Triton's interpreter: the arithmetic only. Nothing here compiles for a GPU."""
    pytest.importorskip("triton", reason="the fused kernel needs triton, which comes with torch's CUDA build")
    done = run(INTERPRETED.format(tests=str(Path(__file__).parent)), TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stderr


COMPILED = """
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from reportnlp.embeddings._triton_update import _kernel
kinds = ["*fp32"] * 3 + ["*i64", "*fp32", "*fp32", "*i64"] + ["*fp32"] * 4
kinds += ["fp32", "i32", "i32"] + ["constexpr"] * 4
for cbow in (False, True):
    given = dict(WIDTH=300, BLOCK=512, TILE=8, CBOW=cbow)
    source = ASTSource(_kernel, dict(zip(_kernel.arg_names, kinds, strict=True)), given)
    assert compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
"""


def test_the_fused_kernel_compiles_for_a_gpu_that_is_not_here(tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="the fused kernel needs triton, which comes with torch's CUDA build")
    done = run(COMPILED, TRITON_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_the_fused_kernel_is_for_cuda_and_can_be_refused() -> None:
    assert not wants_fused(Plan(), CPU)
    assert not wants_fused(Plan(fused=False), torch.device("cuda"))


def test_the_roofline_is_worked_out_by_hand() -> None:
    assert traffic(shared=False).per_pair == 7 * 300 * 4 * 2
    assert traffic().per_word == (6 + 1 + 5) * 300 * 4 * 2
    assert roofline(5_900_000, bandwidth=3.35e12).splitlines() == [
        "5,900,000 words/s, 5,900,000 of them kept, 35,400,000 pairs/s",
        "28,800 bytes per kept word, 4,800 per pair: 169.9 GB/s, 5.1 % of 3,350 GB/s",
        "bound: 116,319,444 words/s out of main memory",
    ]
