"""`api/openapi.json` is what the application does, and the application does no other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from pydantic_core import PydanticUndefined
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from reportnlp_api import Settings, contract
from reportnlp_api.problems import KIND
from tests.api_service import app_in, listening, serving

REWRITE = "python -m reportnlp_api api/openapi.json"
"""Writes the committed document anew, after a change that is meant."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return app_in(tmp_path_factory.mktemp("api"))


def committed(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "api" / "openapi.json").read_text("utf-8"))
    return found


def test_the_committed_contract_is_the_applications(app: FastAPI, root: Path) -> None:
    assert (root / "api" / "openapi.json").read_text("utf-8") == contract.shown(app), REWRITE


def test_the_contract_is_rewritten_by_one_command(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, *REWRITE.split()[1:-1], str(tmp_path / "openapi.json")],
        env={"PYTHONPATH": f"{root}:{root / 'api'}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "openapi.json").read_text("utf-8")) == committed(root)


def test_every_problem_is_documented_in_one_form(root: Path) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operations = [o for path in committed(root)["paths"].values() for o in path.values()]
    assert len(operations) >= 8
    for operation in operations:
        for status, answer in operation["responses"].items():
            assert status in ("200", "201", "202") or answer["content"] == problem
    assert "HTTPValidationError" not in committed(root)["components"]["schemas"]
    assert KIND.startswith("urn:")


def test_the_document_and_its_page_need_nothing_from_elsewhere(app: FastAPI) -> None:
    with serving(app) as client:
        assert client.get("/openapi.json").json() == app.openapi()
        page = client.get("/docs").text
        assert client.get("/docs.css").headers["content-type"].startswith("text/css")
    assert "POST /v1/label" in page and 'href="/docs.css"' in page
    assert "http://" not in page and "https://" not in page
    assert "<script" not in page and "style=" not in page


def test_the_readme_has_every_setting_with_its_default_and_every_route(app: FastAPI, root: Path) -> None:
    readme = (root / "api" / "README.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in readme.splitlines() if line.startswith("| `REPORTNLP_")]
    shown = {row[0].strip(" `"): row[2].strip(" `") for row in rows}
    fields = Settings.model_fields.items()
    assert list(shown) == [f"REPORTNLP_{name.upper()}" for name, _ in fields]
    for name, field in fields:
        if field.default not in (PydanticUndefined, None, ()):
            default = field.default
            told = str(default).lower() if isinstance(default, bool) else str(default)
            assert shown[f"REPORTNLP_{name.upper()}"] == told
    for path in app.openapi()["paths"]:
        assert path in readme


THERE: dict[str, dict[str, Any]] = {
    "panel": {"enum": ["pe"]},
    "method": {"enum": ["auto", "rules"]},
    "questions": {"items": {"enum": ["pulmonary_embolism"]}, "type": "array", "minItems": 1},
    "path": {"enum": ["june.jsonl"]},
    "abstain": {"const": False},
    "deadline_s": {"minimum": 30, "maximum": 86_400, "type": "number"},
}
"""What the contract leaves open because it is a service's own: names that are there, no band of doubt, and a
deadline that can be kept."""


def narrowed(document: dict[str, Any]) -> dict[str, Any]:
    """The contract of one service: whatever it allows must be accepted."""
    schemas = document["components"]["schemas"]
    for fields in (schemas[name]["properties"] for name in ("LabelRequest", "Options", "JobRequest")):
        fields.update({name: there for name, there in THERE.items() if name in fields})
    for parameter in document["paths"]["/v1/jobs/{client_id}"]["put"]["parameters"]:
        parameter["schema"] = THERE.get(parameter["name"], parameter["schema"])
    return document


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_answer_is_a_fault_or_undocumented(root: Path, tmp_path: Path, mode: GenerationMode) -> None:
    asked: set[str] = set()
    (tmp_path / "june.jsonl").write_text('{"id": "1", "text": "No PE."}', encoding="utf-8")
    with listening(app_in(tmp_path, job_roots=[tmp_path])) as url:
        document = committed(root) if mode is GenerationMode.NEGATIVE else narrowed(committed(root))
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=url)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.path_parameters):
                continue  # nothing of it can be wrong
            asked.add(operation.label)
            _hold(operation.as_strategy(generation_mode=mode), mode is GenerationMode.POSITIVE)
    assert "POST /v1/label" in asked


def _hold(cases: SearchStrategy[Any], are_right: bool) -> None:
    @settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def check(case: Any) -> None:
        if are_right and case.operation.label.startswith("PUT") and case.media_type == "application/json":
            case.query = {}  # they belong to the other kind of body, which OpenAPI cannot say
        case.call_and_validate()

    check()
