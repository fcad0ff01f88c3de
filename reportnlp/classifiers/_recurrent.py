"""Recurrent layers whose output does not depend on how far a batch is filled up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

Cell = Literal["simple", "lstm", "gru"]

LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"simple": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Recurrent(nn.Module):
    """A recurrent layer, in one or both directions.

    The backward direction reads each report from its own last word, and so never reads the filling behind it;
    packed sequences would do the same, but have no counterpart in ONNX.

    Args:
        cell: Elman's simple network, LSTM (Hochreiter 1997) or GRU (Cho 2014).
        width: numbers per token that come in.
        hidden: numbers per token and direction that come out.
        both: whether there is a backward direction.
    """

    def __init__(self, cell: Cell, width: int, hidden: int, *, both: bool) -> None:
        super().__init__()
        layer = LAYERS[cell]
        self.ahead = layer(width, hidden, batch_first=True)
        self.back = layer(width, hidden, batch_first=True) if both else None
        self.features = hidden * (2 if both else 1)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(reports, tokens, width) and (reports, tokens) to (reports, tokens, features); filling is 0."""
        states = [_states(self.ahead, tokens)]
        if self.back is not None:
            order = _mirrored(mask)
            states.append(_taken(_states(self.back, _taken(tokens, order)), order))
        return torch.cat(states, dim=-1) * mask.unsqueeze(-1)


def _mirrored(mask: Tensor) -> Tensor:
    """(reports, tokens) the places of each report's words from last to first, filling where it was."""
    places = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0)
    return torch.where(mask, mask.sum(dim=1, keepdim=True) - 1 - places, places)


def _taken(values: Tensor, order: Tensor) -> Tensor:
    return torch.gather(values, 1, order.unsqueeze(-1).expand(-1, -1, values.shape[-1]))


def _states(layer: nn.RNNBase, tokens: Tensor) -> Tensor:
    """(reports, tokens, width) to (reports, tokens, hidden).

    On the way to ONNX the layer becomes the operator of that name there: torch's own export would write out
    every step of as many tokens as the example has.
    """
    if not torch.compiler.is_exporting():
        states: Tensor = layer(tokens)[0]
        return states
    operator, order = _OPERATORS[type(layer)]
    hidden = layer.hidden_size
    found: Tensor = torch.onnx.ops.symbolic(
        operator,
        (tokens.transpose(0, 1), *(_gates(layer, order))),
        {"hidden_size": hidden, **({"linear_before_reset": 1} if operator == "GRU" else {})},
        dtype=tokens.dtype,
        shape=(tokens.shape[1], 1, tokens.shape[0], hidden),
    )
    return found.squeeze(1).transpose(0, 1)


_OPERATORS: dict[type[nn.RNNBase], tuple[str, tuple[int, ...]]] = {
    nn.RNN: ("RNN", (0,)),
    nn.GRU: ("GRU", (1, 0, 2)),
    nn.LSTM: ("LSTM", (0, 3, 1, 2)),
}
"""The operator in ONNX, and the order it has torch's gates in."""


def _gates(layer: nn.RNNBase, order: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Weights (1, gates, width), recurrent weights (1, gates, hidden) and both biases (1, 2 gates)."""

    def turned(values: Tensor) -> Tensor:
        parts = values.chunk(len(order))
        return torch.cat([parts[i] for i in order])

    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    into, across, first, second = (turned(getattr(layer, name)) for name in names)
    return into.unsqueeze(0), across.unsqueeze(0), torch.cat([first, second]).unsqueeze(0)
