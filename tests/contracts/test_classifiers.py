"""What every architecture keeps, whatever it is made of; a new file in the folder is tested with no edit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reportnlp.classifiers import _start
from reportnlp.classifiers._encode import Encoded, Encoder, Reading, collate
from reportnlp.classifiers._examples import examples, tensors
from reportnlp.classifiers._export import export, round_weights
from reportnlp.classifiers._predict import open_session
from reportnlp.classifiers._questions import Columns
from reportnlp.classifiers.blocks import Classifier
from reportnlp.errors import ReportNLPError
from reportnlp.findings import load_panel
from reportnlp.registry import CLASSIFIERS
from reportnlp.text.words import Words, count_words

NAMES = CLASSIFIERS.names()
COLUMNS = Columns(load_panel("pe").questions)
TEXTS = (
    "FINDINGS: No filling defect. IMPRESSION: No pulmonary embolism.",
    "CTPA. There is a saddle embolus. Both main arteries are filled. The right heart is strained; the lungs "
    "are clear. No effusion is seen, and the aorta is normal. IMPRESSION: Acute central pulmonary embolism.",
    "IMPRESSION: Segmental embolus of the right lower lobe, acute.",
    "Motion. Cannot exclude subsegmental pulmonary embolism.",
    "Chronic web in the left lobar artery.",
    "Normal.",
)
ANSWERS: Sequence[Mapping[str, str]] = [
    {"pulmonary_embolism": presence, "pulmonary_embolism.location": place}
    for presence, place in (
        ("absent", "not_applicable"),
        ("present", "saddle"),
        ("present", "segmental"),
        ("uncertain", "not_applicable"),
        ("present", "lobar"),
        ("not_mentioned", ""),
    )
]
SMALL: dict[str, dict[str, Any]] = {
    "linear": {"buckets": 512},
    "cnn": {"width": 12, "filters": 6},
    "rnn": {"width": 12, "hidden": 6},
    "attention": {"width": 12, "hidden": 6, "scorer": 5},
}
"""Small settings; an architecture without a row is tested with its defaults."""

MORE = [
    ("linear", {"buckets": 512, "lasso": 0.5}),
    ("linear", {"features": "vectors", "width": 12}),
    ("cnn", {"width": 12, "filters": 6, "pooling": "attention", "vectors": "both"}),
    ("cnn", {"width": 12, "filters": 6, "spans": [1, 2, 5], "vectors": "both"}),
    ("rnn", {"width": 12, "hidden": 6, "cell": "gru", "pooling": "attention"}),
    ("rnn", {"width": 12, "hidden": 6, "cell": "simple", "directions": 1}),
    ("attention", {"width": 12, "hidden": 6, "scorer": 5, "form": "hierarchical"}),
    ("attention", {"width": 12, "hidden": 6, "scorer": 5, "layer": "convolution"}),
]
CASES = [*((name, SMALL.get(name, {})) for name in NAMES), *MORE]
READING = Reading.usual(sentences=True)


def words() -> Words:
    vocabulary = count_words([list(TEXTS)], min_count=1, lowercase=True, signs=True)
    return Words.build(vocabulary, signs=True)


WORDS = words()
READ = Encoder(WORDS, READING)(TEXTS)


def tiny_encoder() -> dict[str, Any]:
    """The settings that a BERT of this size would bring, with windows shorter than a report."""
    own = {
        "model_type": "bert",
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": len(WORDS.tokenizer.get_vocab()),
        "max_position_embeddings": 32,
    }
    return {"encoder": own, "window": 12, "overlap": 4, "start": 0, "end": 1, "unknown": 1, "scorer": 5}


def made(name: str, settings: Mapping[str, Any], *, seed: int = 0) -> Classifier:
    given = {**tiny_encoder(), **settings} if name == "transformer" else settings
    model = _start.new(name, given, COLUMNS, WORDS, READING, seed)
    solver: Any = getattr(model, "fit", None)
    if solver is not None:
        solver(READ, *COLUMNS.targets(ANSWERS), seed=seed)
    model.train(False)
    return model


def batch(reports: Sequence[Encoded]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(values) for name, values in collate(reports).items()}


def logits(model: Classifier, reports: Sequence[Encoded]) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(**batch(reports)).logits
    return found


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_says_what_it_is(name: str) -> None:
    entry = CLASSIFIERS.get(name)
    assert entry.TITLE
    assert issubclass(entry.Model, Classifier)
    assert entry.Model.Config is entry.Config


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_report_gets_alone_what_it_gets_in_a_batch(name: str, settings: dict[str, Any]) -> None:
    model = made(name, settings)
    alone = torch.cat([logits(model, [report]) for report in READ])
    torch.testing.assert_close(logits(model, READ), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_what_words_add_is_all_but_the_bias(name: str, settings: dict[str, Any]) -> None:
    model = made(name, settings)
    with torch.no_grad():
        out = model(**batch(READ), explain=True)
    bias = out.logits - out.relevance.sum(dim=1)
    assert out.relevance.shape == (*batch(READ)["input_ids"].shape, COLUMNS.width)
    torch.testing.assert_close(bias, bias[:1].expand_as(bias), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ReportNLPError, match="No key of the model's settings is called 'dropuot'"):
        made(name, {**SMALL.get(name, {}), "dropuot": 0.5})


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_same_seed_gives_the_same_network(name: str, settings: dict[str, Any]) -> None:
    one, other = made(name, settings, seed=3), made(name, settings, seed=3)
    for (key, ours), theirs in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), key


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_network_answers_as_before(name: str, tmp_path: Path) -> None:
    model = made(name, SMALL.get(name, {}))
    state = round_weights(model)
    model.save_pretrained(tmp_path, state_dict=state)
    again = type(model).from_pretrained(tmp_path)
    assert next(again.parameters()).dtype == torch.float32
    again.train(False)
    assert torch.equal(logits(model, READ), logits(again, READ))
    kept = json.loads((tmp_path / "config.json").read_text())
    assert (kept["architecture"], kept["model_type"]) == (name, "reportnlp")
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".bin", ".pt", ".pkl")]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_onnx_answers_as_torch_does(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    model = made(name, settings)
    round_weights(model)
    export(model, READ[:2], tmp_path / "model.onnx")
    run = open_session(tmp_path / "model.onnx", 1)
    for rows in ([0], [5], [1, 2, 3], range(6)):
        chosen = [READ[i] for i in rows]
        found, relevance = run(collate(chosen))
        with torch.no_grad():
            out = model(**batch(chosen), explain=True)
        np.testing.assert_allclose(found, out.logits.numpy(), atol=1e-5, rtol=1e-4)
        np.testing.assert_allclose(relevance, out.relevance.numpy(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_steps_lower_the_loss_and_masked_questions_teach_nothing(name: str, settings: dict[str, Any]) -> None:
    model = made(name, settings)
    labels, weights = COLUMNS.targets(ANSWERS)
    learned = tensors(examples(READ, labels, weights))
    first = float(model(**learned).loss.detach())
    if hasattr(model, "fit"):
        assert first < np.log(4)  # its solver has done better than to know nothing
        return
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(15):
        optimizer.zero_grad()
        model(**learned).loss.backward()
        optimizer.step()
    assert float(model(**learned).loss.detach()) < first
    nothing = {**learned, "weights": torch.zeros_like(learned["weights"])}
    assert float(model(**nothing).loss.detach()) == 0


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_report_without_a_word_gets_numbers(name: str, settings: dict[str, Any]) -> None:
    empty = Encoder(WORDS, READING)(["", "IMPRESSION:"])
    model = made(name, settings)
    for reports in (empty, [empty[0], READ[1]]):
        assert torch.isfinite(logits(model, reports)).all()


@pytest.mark.parametrize(("vectors", "moves"), [("tuned", True), ("frozen", False), ("both", True)])
def test_given_vectors_move_or_stay(vectors: str, moves: bool) -> None:
    model = made("cnn", {"width": 4, "filters": 3, "vectors": vectors})
    matrix = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert _start.take_vectors(model, WORDS, ["embolus", "web"], matrix) == 2
    table: Any = model.vectors
    place = WORDS.tokenizer.token_to_id("embolus")
    before = table.words.weight[place].detach().clone()
    assert before.std() > 0
    if vectors == "both":
        assert torch.equal(table.still.weight[place], before)
        assert not table.still.weight.requires_grad
    assert table.words.weight.requires_grad is moves


def test_vectors_that_do_not_fit_are_refused() -> None:
    model = made("cnn", {"width": 4, "filters": 3})
    with pytest.raises(ReportNLPError, match="have 5 numbers each, and the network takes 4"):
        _start.take_vectors(model, WORDS, ["web"], np.ones((1, 5), dtype=np.float32))
    with pytest.raises(ReportNLPError, match="None of the reports' words has a vector"):
        _start.take_vectors(model, WORDS, ["zebra"], np.ones((1, 4), dtype=np.float32))
