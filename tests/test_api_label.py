"""Labelling over HTTP: what comes back is the library's own answer, to the request that asked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import reportnlp
from reportnlp_api.schemas import LabelResponse
from tests.api_service import app_in, serving

TEXT = "INDICATION: ?PE.\nFINDINGS: Filling defect in the right lower lobe artery.\nIMPRESSION: Acute PE."


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(app_in(tmp_path_factory.mktemp("api"))) as client:
        yield client


def ask(client: TestClient, *texts: str, **more: Any) -> dict[str, Any]:
    reports = [{"id": f"r{i}", "text": text} for i, text in enumerate(texts)]
    answer = client.post("/v1/label", json={"reports": reports, **more})
    assert answer.status_code == 200, answer.text
    LabelResponse.model_validate_json(answer.content)
    body: dict[str, Any] = answer.json()
    return body


def test_the_answer_is_the_librarys(client: TestClient) -> None:
    labeler = reportnlp.load("pe")
    body = ask(client, TEXT)
    [result] = body["results"]
    assert (body["panel"], body["panel_digest"]) == ("pe", labeler.panel_digest)
    assert (body["method"], body["model"], body["version"]) == ("rules", labeler.model, reportnlp.__version__)
    expected = labeler(TEXT)
    assert {label["question"]: label["answer"] for label in result["labels"]} == expected.answers
    assert {label["question"]: label["probability"] for label in result["labels"]} == expected.probabilities
    found = {label["question"]: label["evidence"] for label in result["labels"] if label["evidence"]}
    assert {question: span["text"] for question, span in found.items()} == expected.evidence


def test_a_label_names_its_finding_its_attribute_and_where_it_stands(client: TestClient) -> None:
    [result] = ask(client, TEXT)["results"]
    presence, *attributes = result["labels"]
    assert (presence["finding"], presence["attribute"]) == ("pulmonary_embolism", None)
    assert [label["attribute"] for label in attributes] == ["chronicity", "location", "laterality"]
    assert presence["section"] == "impression"


def test_what_was_read_is_told(client: TestClient) -> None:
    [result] = ask(client, TEXT)["results"]
    assert result["sections"] == ["findings", "impression"]
    assert result["tokens_read"] == 12


def test_offsets_count_code_points(client: TestClient) -> None:
    text = "\N{FACE WITH TEARS OF JOY}\u00e9 IMPRESSION: Acute pulmonary embolism."
    [result] = ask(client, text)["results"]
    evidence = result["labels"][0]["evidence"]
    assert text[evidence["start"] : evidence["end"]] == evidence["text"] == "pulmonary embolism"


def test_one_report_may_be_given_alone(client: TestClient) -> None:
    answer = client.post("/v1/label", json={"report": {"text": TEXT}})
    assert answer.json()["results"] == [{**ask(client, TEXT)["results"][0], "id": ""}]


def test_order_and_ids_are_the_requests_own(client: TestClient) -> None:
    texts = ["No PE.", "", "Acute PE.", "No PE."]
    reports = [{"id": name, "text": text} for name, text in zip("zaza", texts, strict=True)]
    results = client.post("/v1/label", json={"reports": reports}).json()["results"]
    assert [result["id"] for result in results] == list("zaza")
    answers = [result["labels"][0]["answer"] if result["labels"] else None for result in results]
    assert answers == ["absent", None, "present", "absent"]


@pytest.mark.parametrize("text", ["", " \n", "--- . !", "\u200b"])
def test_a_text_without_a_letter_or_digit_is_an_error_of_its_own(client: TestClient, text: str) -> None:
    body = ask(client, text, "No PE.")
    bad, good = body["results"]
    assert (bad["labels"], bad["tokens_read"], bad["sections"]) == ([], 0, [])
    assert bad["error"] == {"reason": "The text holds no letter and no digit."}
    assert good["error"] is None


def test_only_the_questions_that_are_asked_are_answered(client: TestClient) -> None:
    wanted = ["pulmonary_embolism.location", "pulmonary_embolism"]
    [result] = ask(client, TEXT, options={"questions": wanted})["results"]
    assert [label["question"] for label in result["labels"]] == wanted[::-1]


def test_another_panel(client: TestClient) -> None:
    body = ask(client, "Large subdural hematoma.", panel="head_ct")
    assert body["panel_digest"] == reportnlp.Panel.load("head_ct").digest
    answers = {label["question"]: label["answer"] for label in body["results"][0]["labels"]}
    assert answers["subdural_hemorrhage"] == answers["intracranial_hemorrhage"] == "present"


def test_auto_is_the_shipped_model_or_the_rules(client: TestClient) -> None:
    assert ask(client, TEXT, method="auto")["model"] == reportnlp.load("pe", method="auto").model
    assert ask(client, "No effusion.", panel="chest_xray", method="auto")["model"].startswith("rules-")


def test_the_same_report_gets_the_same_answer_alone_and_in_any_batch(client: TestClient, root: Path) -> None:
    reports = reportnlp.read_reports([root / "corpora" / "demo" / "reports.csv"])
    texts = [one.text for one in reports if isinstance(one, reportnlp.Report)][:12]
    for method in ("rules", "auto"):
        together = ask(client, *texts, method=method)["results"]
        backwards = ask(client, *texts[::-1], method=method)["results"][::-1]
        for text, one, other in zip(texts, together, backwards, strict=True):
            [alone] = ask(client, text, method=method)["results"]
            assert alone["labels"] == one["labels"] == other["labels"]
            assert alone["tokens_read"] == one["tokens_read"] == other["tokens_read"]


def test_each_answer_belongs_to_its_own_request(client: TestClient) -> None:
    def canary(number: int) -> None:
        word = f"canary{number}"
        text = f"IMPRESSION: Acute pulmonary embolism in {word} artery."
        reports = [{"id": f"{word}-{i}", "text": text} for i in range(1 + number % 3)]
        answer = client.post(
            "/v1/label", json={"reports": reports}, headers={"X-Request-ID": f"{number:032x}"}
        )
        body = answer.json()
        assert body["request_id"] == answer.headers["X-Request-ID"] == f"{number:032x}"
        assert [result["id"] for result in body["results"]] == [report["id"] for report in reports]
        assert [word in str(result["labels"]) for result in body["results"]] == [True] * len(reports)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(canary, range(200)))


def test_panels_findings_and_models_are_listed(client: TestClient) -> None:
    panels = client.get("/v1/panels").json()["panels"]
    assert [panel["name"] for panel in panels] == list(reportnlp.Panel.names())
    findings = client.get("/v1/findings").json()["findings"]
    assert [finding["name"] for finding in findings] == list(reportnlp.Finding.names())
    assert client.get("/v1/findings/pneumothorax").json() in findings
    body = client.get("/v1/models").json()
    assert body["default"] == {"panel": "pe", "method": "rules"}
    kinds = {(model["name"], model["panel"]): model["kind"] for model in body["models"]}
    assert kinds["rules", "pe"] == "rules" and kinds["auto", "pe"] == "model"
    assert kinds["auto", "chest_xray"] == "rules"
    assert [m["loaded"] for m in body["models"] if (m["name"], m["panel"]) == ("rules", "pe")] == [True]


def test_what_was_labelled_is_counted(tmp_path: Path) -> None:
    with serving(app_in(tmp_path)) as client:
        ask(client, TEXT, "...", panel="pe")
        shown = client.get("/metrics").text
    assert 'reportnlp_reports_total{method="rules",outcome="labelled",panel="pe"} 1.0' in shown
    assert 'reportnlp_reports_total{method="rules",outcome="not_labelled",panel="pe"} 1.0' in shown
    assert 'reportnlp_tokens_total{method="rules",panel="pe"} 12.0' in shown
    assert 'reportnlp_requests_total{method="POST",route="/v1/label",status="200"} 1.0' in shown
