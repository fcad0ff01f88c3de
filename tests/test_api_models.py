"""Models that a request may name: those in a configured root, by the name of their folder, and no other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import reportnlp
from reportnlp.sums import update_config
from reportnlp_api.catalogue import read_catalogue
from reportnlp_api.settings import SettingsError
from tests.api_service import app_in, serving, settings_in
from tests.test_api_limits import until

NDJSON = {"Content-Type": "application/x-ndjson"}
TEXT = "IMPRESSION: Acute segmental pulmonary embolism in the right lower lobe."


NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def models(root: Path, tmp_path: Path) -> Path:
    """A root with one good model, which is in doubt of all it is asked."""
    folder = tmp_path / "models"
    shutil.copytree(root / "reportnlp" / "models" / "pe", folder / "mine")
    config = json.loads((folder / "mine" / "config.json").read_text("utf-8"))
    config["decisions"]["pulmonary_embolism"].update(low=0.0, high=1.01)
    update_config(folder / "mine", config)
    return folder


def body(method: str, **more: Any) -> dict[str, Any]:
    return {"report": {"text": TEXT}, "method": method, **more}


def test_a_model_is_named_by_its_folder_and_brings_its_panel(models: Path, tmp_path: Path) -> None:
    expected = reportnlp.load(method=models / "mine")
    with serving(app_in(tmp_path, model_roots=[models], panel="head_ct")) as client:
        listed = client.get("/v1/models").json()["models"]
        [mine] = [model for model in listed if model["name"] == "mine"]
        assert mine["panel"] == "pe" and mine["kind"] == "model" and mine["digest"] == expected.digest
        answer = client.post("/v1/label", json=body("mine")).json()
        assert (answer["panel"], answer["method"], answer["model"]) == ("pe", "mine", expected.model)
        assert answer["panel_digest"] == expected.panel_digest
        labels = {label["question"]: label["answer"] for label in answer["results"][0]["labels"]}
        assert labels == expected(TEXT).answers
        assert client.post("/v1/label", json=body("mine", panel="pe")).status_code == 200
        wrong = client.post("/v1/label", json=body("mine", panel="head_ct"))
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["pointer"] == "/panel"


def test_a_panel_of_ones_own_is_served_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "clots.toml"
    file.write_text(
        'title = "Clots"\ndefinition = "Clots in the lung."\nfindings = ["pulmonary_embolism"]\n', "utf-8"
    )
    expected = reportnlp.load(file)
    with serving(app_in(tmp_path, panel_files=[file], panel="clots")) as client:
        names = [panel["name"] for panel in client.get("/v1/panels").json()["panels"]]
        assert "clots" in names and "pe" in names
        for asked in ({}, {"panel": "clots", "method": "rules"}, {"panel": "clots", "method": "auto"}):
            answer = client.post("/v1/label", json={"report": {"text": TEXT}, **asked}).json()
            assert (answer["panel"], answer["panel_digest"]) == ("clots", expected.panel_digest)
            labels = {label["question"]: label["answer"] for label in answer["results"][0]["labels"]}
            assert labels == expected(TEXT).answers
        report = b'{"id": "a", "text": "No PE."}\n'
        assert client.put("/v1/jobs/mine?panel=clots", content=report, headers=NDJSON).status_code == 201
        until(lambda: client.get("/v1/jobs/mine").json()["state"] == "done")
        rows = [json.loads(line) for line in client.get("/v1/jobs/mine/results").text.splitlines()]
        assert rows[0]["question"] == "pulmonary_embolism" and rows[0]["answer"] == "absent"


def test_panels_of_one_name_and_files_that_are_none_are_told(tmp_path: Path) -> None:
    (tmp_path / "pe.toml").write_text('title = "x"\ndefinition = "x"\nfindings = ["pulmonary_embolism"]\n')
    for file, message in (("pe.toml", "There is a panel 'pe' already"), ("none.toml", "is no file")):
        with pytest.raises(SettingsError, match=message):
            app_in(tmp_path, panel_files=[tmp_path / file])


def test_a_panel_that_the_method_does_not_have_stops_the_start(models: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'mine' does not label with 'head_ct', only pe"):
        app_in(tmp_path, model_roots=[models], method="mine", panel="head_ct")
    with pytest.raises(SettingsError, match="is a model folder itself"):
        app_in(tmp_path, model_roots=[models / "mine"])


def test_only_what_has_a_band_of_doubt_abstains(models: Path, tmp_path: Path) -> None:
    asks = {"abstain": True, "questions": ["pulmonary_embolism"]}
    with serving(app_in(tmp_path, model_roots=[models])) as client:
        listed = client.get("/v1/models").json()["models"]
        assert {model["name"] for model in listed if model["can_abstain"]} == {"mine"}
        answer = client.post("/v1/label", json=body("mine", options=asks)).json()
        assert [label["answer"] for label in answer["results"][0]["labels"]] == [""]
        for method in ("rules", "auto"):
            refused = [
                client.post("/v1/label", json=body(method, options=asks)),
                client.put("/v1/jobs/a", json={"path": "x", "method": method, "abstain": True}),
                client.put(f"/v1/jobs/a?method={method}&abstain=true", content=b"{}", headers=NDJSON),
            ]
            faults = [answer.json()["errors"][0] for answer in refused]
            assert [answer.status_code for answer in refused] == [422] * 3
            assert [fault["pointer"] for fault in faults] == [
                "/options/abstain",
                "/abstain",
                "/query/abstain",
            ]
            assert all("--abstain-error" in fault["detail"] for fault in faults)


@pytest.mark.parametrize("name", ["../models/mine", "mine/", "./mine", "mine/../mine", "MINE", "{absolute}"])
def test_no_path_is_a_name(models: Path, tmp_path: Path, name: str) -> None:
    with serving(app_in(tmp_path, model_roots=[models])) as client:
        answer = client.post("/v1/label", json=body(name.format(absolute=models / "mine")))
        assert answer.status_code == 422
        assert "Allowed: auto, mine, rules." in answer.json()["errors"][0]["detail"]


def test_what_leads_out_of_the_root_or_is_no_model_is_left_out_and_told(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(models / "mine", outside)
    (models / "linked").symlink_to(outside)
    shutil.copytree(models / "mine", models / "inner")
    (models / "inner" / "model.onnx").unlink()
    (models / "inner" / "model.onnx").symlink_to(outside / "model.onnx")
    shutil.copytree(models / "mine", models / "rules")
    shutil.copytree(models / "mine", models / "a name")
    shutil.copytree(models / "mine", models / "damaged")
    (models / "damaged" / "model.onnx").write_bytes(b"another")
    (models / "empty").mkdir()
    (models / "notes.txt").write_text("no folder")
    (models / "again").symlink_to(models / "mine")
    app_in(tmp_path, model_roots=[models])
    catalogue = read_catalogue(settings_in(tmp_path, model_roots=[models]))
    assert {name for name, _ in catalogue.methods} == {"again", "auto", "mine", "rules"}
    told = "\n".join(catalogue.skipped)
    assert len(catalogue.skipped) == 6
    for name in ("linked", "inner", "rules", "a name", "damaged", "empty"):
        assert str(models / name) in told
        assert str(models / name) in caplog.text


def test_a_model_that_changed_on_disk_is_not_believed(models: Path, tmp_path: Path) -> None:
    app = app_in(tmp_path, model_roots=[models])
    sums = models / "mine" / "SHA256SUMS"
    sums.write_text("\n".join(reversed(sums.read_text("utf-8").splitlines())) + "\n", encoding="utf-8")
    with serving(app) as client:
        answer = client.post("/v1/label", json=body("mine"))
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "urn:reportnlp:problem:method-unavailable",
        )
        assert "is not what it was when the service started" in answer.json()["detail"]
        shutil.rmtree(models / "mine")
        answer = client.post("/v1/label", json=body("mine", options={"abstain": True}))
        assert answer.status_code == 503
        assert "UnknownNameError" in answer.json()["detail"]
        assert client.post("/v1/label", json=body("rules")).status_code == 200


def test_two_roots_may_not_hold_models_of_one_name(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models, tmp_path / "other")
    with pytest.raises(SettingsError, match="Two model roots hold a model 'mine'"):
        app_in(tmp_path, model_roots=[models, tmp_path / "other"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model_roots": ["gone"]}, "The model root gone is no folder"),
        ({"panel": "chest"}, "no panel 'chest'. Allowed: chest_ct, "),
        ({"method": "mine"}, "no method 'mine'. Allowed: auto, rules."),
    ],
)
def test_wrong_defaults_stop_the_start(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        app_in(tmp_path, **given)
    assert message in str(error.value)
