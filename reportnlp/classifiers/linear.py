"""A penalised linear model over bags of words, or over averaged word vectors (Zech et al. 2018).

Bags hold single words, pairs and triples, hashed to buckets (Weinberger 2009, arXiv:0902.2206) and weighted
by how rare they are; vectors are averaged over the report. The weights are found by scikit-learn's elastic-
net logistic regression, not by gradient steps of ours, and are kept as tensors: nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from reportnlp.classifiers._encode import Encoded
from reportnlp.classifiers._questions import Floats
from reportnlp.classifiers.blocks import Batch, Classifier, ClassifierConfig, Read, Settings

Doubles = npt.NDArray[np.float64]

TITLE = "elastic-net logistic regression over bags of words or averaged word vectors"

FACTORS = (1, 1_000_003, 998_244_353)
"""Primes that tell the first, second and third word of an n-gram apart in its bucket."""


class Config(Settings):
    """Settings of the model.

    Attributes:
        features: "words": bags of n-grams; "vectors": averaged word vectors.
        longest: words of the longest n-gram.
        buckets: places that n-grams are hashed to.
        width: numbers per word vector, where vectors are averaged.
        penalty: weight of the penalty; larger is simpler.
        lasso: share of the penalty that is absolute (lasso), the rest being squared (ridge).
    """

    features: Literal["words", "vectors"] = "words"
    longest: int = Field(default=3, ge=1, le=3)
    buckets: int = Field(default=2**16, ge=2, le=2**22)
    width: int = Field(default=100, ge=1)
    penalty: float = Field(default=0.03, gt=0)
    lasso: float = Field(default=0.0, ge=0, le=1)


class Model(Classifier):
    """The model."""

    Config = Config

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        settings: Config = self.settings
        rows = settings.buckets if settings.features == "words" else config.vocabulary
        self.rarity = nn.Parameter(torch.ones(rows), requires_grad=False)
        self.vectors: nn.Embedding | None = None
        width = rows
        if settings.features == "vectors":
            self.vectors = nn.Embedding(rows, settings.width)
            width = settings.width
        self.weight = nn.Parameter(torch.zeros(width, self.columns.width))
        self.bias = nn.Parameter(torch.zeros(self.columns.width))
        self.ready()

    def read(self, batch: Batch, explain: bool) -> Read:
        """See `Classifier.read`."""
        there_is = batch.section_ids > 0
        mask = there_is.to(self.weight.dtype)
        added = torch.zeros(1, dtype=self.weight.dtype, device=mask.device)
        for ids, there in self._grams(batch.input_ids, there_is):
            weights = self.weight[ids] if self.vectors is None else self.vectors(ids) @ self.weight
            added = added + weights * (self.rarity[ids] * there).unsqueeze(-1)
        scale = mask.sum(dim=1, keepdim=True).clamp(min=1) ** -self._power
        added = added * scale.unsqueeze(-1)
        return Read(added.sum(dim=1) + self.bias, added if explain else None)

    @property
    def _power(self) -> float:
        """Bags are divided by the root of their length, as if to unit norm; averages by the length."""
        return 0.5 if self.vectors is None else 1.0

    def _grams(self, ids: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each length of n-gram its bucket at every word it begins at, and whether it fits there."""
        if self.vectors is not None:
            return [(ids, mask)]
        grams = []
        for length in range(1, self.settings.longest + 1):
            bucket, there = ids * FACTORS[0], mask
            for more in range(1, length):
                following = torch.roll(ids, -more, dims=1)
                bucket = bucket + following * FACTORS[more]
                last = torch.arange(ids.shape[1], device=ids.device) < ids.shape[1] - more
                there = there & torch.roll(mask, -more, dims=1) & last
            grams.append(((bucket + length - 1) % self.settings.buckets, there))
        return grams

    def fit(self, reports: Sequence[Encoded], labels: Floats, weights: Floats, *, seed: int) -> None:
        """Find the weights.

        Args:
            reports: the reports to learn from.
            labels: (reports, columns) float32, a distribution over each question's answers.
            weights: (reports, questions) float32; 0 leaves a question out.
            seed: of the solver's order of rows, where it has one.
        """
        self._weigh(reports)
        bags = self._bags(reports)
        for question in range(len(self.columns.questions)):
            part = self.columns.slices[question]
            self._fit_one(bags, labels[:, part], weights[:, question], part, seed)

    def _fit_one(self, bags: Any, labels: Floats, weights: Floats, part: slice, seed: int) -> None:
        rows, answers = np.nonzero(labels * weights[:, None])
        if not len(rows):
            return
        self.bias.data[part] = -10.0
        found = np.unique(answers)
        if len(found) == 1:
            self.bias.data[part.start + int(found[0])] = 0.0
            return
        model = _regression(self.settings, seed)
        model.fit(bags[rows], answers, sample_weight=(labels[rows, answers] * weights[rows]))
        coefficients, biases = _both_sides(model.coef_, model.intercept_)
        for place, answer in enumerate(found):
            column = part.start + int(answer)
            self.weight.data[:, column] = torch.from_numpy(coefficients[place].astype(np.float32))
            self.bias.data[column] = float(biases[place])

    def _weigh(self, reports: Sequence[Encoded]) -> None:
        """Inverse document frequency, smoothed as in scikit-learn."""
        counts = np.zeros(len(self.rarity))
        for report in reports:
            counts[np.unique(self._buckets(report))] += 1
        rarity = np.log((1 + len(reports)) / (1 + counts)) + 1
        self.rarity.data = torch.from_numpy(rarity.astype(np.float32))

    def _buckets(self, report: Encoded) -> npt.NDArray[np.int64]:
        ids = torch.from_numpy(report.input_ids.astype(np.int64)).unsqueeze(0)
        grams = self._grams(ids, torch.ones_like(ids, dtype=torch.bool))
        return np.concatenate([bucket[there].numpy() for bucket, there in grams])

    def _bags(self, reports: Sequence[Encoded]) -> Any:
        """(reports, features) as the weights see them: sparse bags, or dense averages."""
        from scipy.sparse import csr_array

        buckets = [self._buckets(report) for report in reports]
        lengths = np.repeat([max(1, len(r)) ** -self._power for r in reports], [len(b) for b in buckets])
        columns = np.concatenate([*buckets, np.zeros(0, dtype=np.int64)])
        values = self.rarity.detach().numpy()[columns] * lengths
        ends = np.concatenate([[0], np.cumsum([len(b) for b in buckets])])
        # scikit-learn's elastic-net solver takes 32-bit indices only
        places = (columns.astype(np.int32), ends.astype(np.int32))
        bags = csr_array((values, *places), shape=(len(reports), len(self.rarity)))
        bags.sum_duplicates()
        return bags if self.vectors is None else bags @ self.vectors.weight.detach().numpy()


def _regression(settings: Config, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    ridge = not settings.lasso
    return LogisticRegression(
        C=1 / settings.penalty,
        l1_ratio=settings.lasso,
        solver="lbfgs" if ridge else "saga",
        max_iter=3000,
        random_state=seed,
    )


def _both_sides(coefficients: Doubles, biases: Doubles) -> tuple[Doubles, Doubles]:
    """Of two answers scikit-learn keeps the second's weights only."""
    if len(coefficients) > 1:
        return coefficients, biases
    return np.concatenate([-coefficients, coefficients]) / 2, np.concatenate([-biases, biases]) / 2
