"""One batch's step on the two tables, in torch operations that run on any device.

For a pair of hidden vector h and target vector u with label y, both methods of Mikolov 2013 (arXiv:1310.4546)
minimise the logistic loss of h . u: negative sampling over a word and its negatives, hierarchical softmax
over the nodes of its path. The steps are rate (y - sigma(h . u)) u on h and rate (y - sigma(h . u)) h on u.
In skip-gram h is one context's row, in CBOW the mean of all contexts' rows, each of which then gets the step
of h whole, as in word2vec.c, gensim and fastText (the plain gradient would divide it by their number).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from reportnlp.embeddings._torch_batches import Groups

MOST_WAY = 0.99
"""Steps are taken to go at most this part of the way when repeated ones are damped."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A batch with the damping of every step.

    Attributes:
        groups: the batch.
        weights: (groups, contexts) float32, each context's part in h; 0 where there is none. Skip-gram: 1.
        input_scales: (groups, contexts) float32, factor on the step of each input row.
        output_scales: (groups, targets) float32, factor on the step of each output row; 0 where not asked.
    """

    groups: Groups
    weights: torch.Tensor
    input_scales: torch.Tensor
    output_scales: torch.Tensor


def damped(repeats: torch.Tensor, way: float) -> torch.Tensor:
    """Return the factor that keeps the summed steps of a row that a batch holds many times stable.

    Where one step goes a part w of the way to the least loss, k steps one after the other go 1 - (1 - w) ** k
    of it; their plain sum goes k w and overshoots, for frequent words, once that is above 2. The factor is
    the quotient: 1 for a row that is there once, near 1 for the many that are rare, and never more than about
    1 / w whole steps for a row however often it is there. Clipping would lose what the rest of a row's
    examples taught, and the mean over its examples would all but stop frequent words; this does neither.

    Args:
        repeats: any shape, how often each row is in the batch.
        way: w, see `way_of`.
    """
    together = -torch.expm1(repeats * math.log1p(-way))
    return (together / (repeats * way).clamp_min(1e-12)).where(repeats > 1.0, 1.0)


def way_of(rate: float, curvature: float, steps: int = 1) -> float:
    """Return what part of the way so many successive steps go, for a loss of that second derivative."""
    return min(MOST_WAY, -math.expm1(steps * math.log1p(-min(rate * curvature, MOST_WAY))))


class Repeats:
    """Counts how often a batch holds each row of a table, with memory that is reused and never swept."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self._counts = torch.zeros(rows, device=device)

    def __call__(self, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return for each place the sum of the weights of all places with its row.

        Args:
            rows: any shape, int64.
            weights: the same shape, float32.
        """
        flat = rows.reshape(-1)
        self._counts.index_add_(0, flat, weights.reshape(-1))
        found: torch.Tensor = self._counts[flat].view(rows.shape)
        self._counts.index_fill_(0, flat, 0.0)
        return found


def hidden_weights(present: torch.Tensor, sizes: torch.Tensor | None, cbow: bool) -> torch.Tensor:
    """Return each context's part in the hidden vector.

    Args:
        present: (groups, contexts) float32, 1 or 0.
        sizes: (groups, contexts) float32, rows that each context is a mean of (fastText); None for 1 each.
        cbow: a mean over contexts, else every context by itself.

    Returns:
        (groups, contexts) float32.
    """
    if not cbow:
        return present
    shares = present if sizes is None else present * sizes
    return shares / shares.sum(dim=1, keepdim=True).clamp_min(1.0)


def examples(groups: Groups, cbow: bool) -> torch.Tensor:
    """Return how many examples a batch holds: pairs, or in CBOW centres with a context. () float32."""
    if cbow:
        return groups.present.amax(dim=1).sum()
    return groups.present.sum()


def step(
    inputs: torch.Tensor, steps: torch.Tensor, outputs: torch.Tensor, batch: Scaled, rate: float, cbow: bool
) -> torch.Tensor:
    """Make one batch's step, in place.

    Centres step together, the contexts of a centre one after the other: its targets move after each context,
    as in the original programs, before the next is looked at. (All contexts at once learns less: on 0.4
    million words vectors stayed a tenth shorter and shared 60 % of neighbours with a sequential program, not
    64 %. That program shares 63 % to 64 % with itself when the texts come in another order.)

    Args:
        inputs: (rows, width) float32, read as they are at the start.
        steps: (rows, width) float32, what the steps of input rows are added to: `inputs`, but in fastText.
        outputs: (rows, width) float32, read and changed.
        batch: the batch.
        rate: the learning rate.
        cbow: the architecture.

    Returns:
        () float32, the summed loss before each step.
    """
    groups, width = batch.groups, inputs.shape[1]
    count, contexts = groups.inputs.shape
    rows = inputs.index_select(0, groups.inputs.reshape(-1)).view(count, contexts, width)
    targets = outputs.index_select(0, groups.outputs.reshape(-1)).view(count, -1, width)
    before = targets.clone()
    if cbow:
        hidden = torch.bmm(batch.weights[:, None, :], rows)
        back, loss = _meet(hidden, targets, groups, batch.weights.amax(dim=1), rate)
        backs = back * (batch.input_scales * (batch.weights > 0))[:, :, None]
    else:
        backs, loss = torch.empty_like(rows), rows.new_zeros(())
        for slot in range(contexts):
            back, lost = _meet(rows[:, slot : slot + 1], targets, groups, batch.weights[:, slot], rate)
            backs[:, slot : slot + 1] = back * batch.input_scales[:, slot, None, None]
            loss += lost
    steps.index_add_(0, groups.inputs.reshape(-1), backs.view(-1, width))
    ahead = targets.sub_(before).mul_(batch.output_scales[:, :, None])
    outputs.index_add_(0, groups.outputs.reshape(-1), ahead.view(-1, width))
    return loss


def _meet(
    hidden: torch.Tensor, targets: torch.Tensor, groups: Groups, weights: torch.Tensor, rate: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Let one hidden vector of each group meet its targets, which move in place.

    Args:
        hidden: (groups, 1, width).
        targets: (groups, targets, width).
        groups: the batch.
        weights: (groups,), 0 where there is no hidden vector.
        rate: the learning rate.

    Returns:
        The steps of the hidden vectors (groups, 1, width), and the summed loss ().
    """
    scores = hidden.bmm(targets.transpose(1, 2)).squeeze(1)
    counts = (weights > 0)[:, None] * groups.asked
    loss = ((torch.nn.functional.softplus(scores) - groups.labels * scores) * counts).sum()
    errors = (groups.labels - scores.sigmoid()) * counts * rate
    back = errors[:, None, :].bmm(targets)
    targets.baddbmm_(errors[:, :, None], hidden)
    return back, loss
