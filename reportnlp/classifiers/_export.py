"""A trained network as ONNX, so that labelling needs no torch."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reportnlp.classifiers._encode import Encoded, collate
from reportnlp.classifiers.blocks import Batch, Classifier

LARGE = 1024
"""Numbers from which a table is worth keeping in half precision."""


class _Explained(nn.Module):
    """The network with plain outputs, relevance among them."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, section_ids: Tensor, sentence_ids: Tensor, sentences: Tensor
    ) -> tuple[Tensor, Tensor]:
        batch = Batch(input_ids, section_ids, sentence_ids, sentences)
        logits, relevance = self.model.read_fast(batch)
        assert relevance is not None
        return logits, relevance


def export(model: Classifier, reports: Sequence[Encoded], path: Path) -> None:
    """Write the network, for any number of reports of any length.

    Args:
        model: the network.
        reports: two or more to trace it with.
        path: the file to write.
    """
    model.train(False)
    model.cpu()
    batch = {name: torch.from_numpy(values) for name, values in collate(reports).items()}
    rows, tokens = torch.export.Dim("reports"), torch.export.Dim("tokens")
    shapes = {name: {0: rows, 1: tokens} for name in batch}
    shapes["sentences"] = {0: rows, 1: torch.export.Dim("sentences")}
    with warnings.catch_warnings(), _silent(), torch.no_grad():
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            _Explained(model),
            kwargs=batch,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(batch),
            output_names=["logits", "relevance"],
            external_data=False,
            verbose=False,
        )
    program.save(str(path), external_data=False)
    _halve(path)


def round_weights(model: Classifier) -> dict[str, Tensor]:
    """Round a network's weights to half precision, in place, and give them as they are to be kept.

    A model on disk is half as large so, and reads as it did: the network here, its weights on disk and its
    ONNX file all have the same rounded values.

    Returns:
        The state dict, floating-point tensors as float16.
    """
    with torch.no_grad():
        for values in model.state_dict().values():
            if values.is_floating_point():
                values.copy_(values.half().to(values.dtype))
    state = model.state_dict()
    return {name: v.half() if v.is_floating_point() else v for name, v in state.items()}


def _halve(path: Path) -> None:
    """Keep the large tables of an ONNX file in half precision; ONNX Runtime widens them when it opens it."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    for table in list(graph.initializer):
        values = numpy_helper.to_array(table)
        if values.dtype != np.float32 or values.size < LARGE:
            continue
        graph.initializer.remove(table)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), f"{table.name}_half"))
        widened = helper.make_node("Cast", [f"{table.name}_half"], [table.name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, widened)
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]  # where on the exporting machine the code stood
        part.doc_string = ""
    onnx.save(model, path)


def in_eight_bits(path: Path, out: Path) -> None:
    """Write an exported network with its weights in eight bits, by channel.

    What goes through it is quantised as it comes, at a scale of the whole batch (ONNX Runtime's dynamic
    quantisation; Jacob 2018, arXiv:1712.05877): a report gets what it gets alone only in a batch of its own.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = out.with_suffix(".whole")
    _widen(path, whole)
    with _silent():
        quantize_dynamic(whole, out, per_channel=True, weight_type=QuantType.QInt8)
    whole.unlink()
    _halve(out)


def _widen(path: Path, out: Path) -> None:
    """Undo `_halve`: behind a cast, the quantiser does not see weights."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    graph = model.graph
    kept = {tensor.name: tensor for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Cast" and node.input[0] in kept]:
        values = numpy_helper.to_array(kept[node.input[0]]).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        graph.initializer.remove(kept[node.input[0]])
        graph.node.remove(node)
    onnx.save(model, out)


@contextlib.contextmanager
def _silent() -> Any:
    """Torch tells its export on the screen and in its log."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
