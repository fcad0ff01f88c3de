"""What can be asked: `GET /v1/panels`, `/v1/findings`, `/v1/models`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from reportnlp import Finding, Panel
from reportnlp_api.batching import Batcher
from reportnlp_api.catalogue import Catalogue
from reportnlp_api.problems import ProblemError, documented
from reportnlp_api.schemas import (
    DefaultOut,
    FindingOut,
    FindingsOut,
    ModelOut,
    ModelsOut,
    PanelOut,
    PanelsOut,
    QuestionOut,
)

router = APIRouter(tags=["catalogue"], responses=documented(401, 403))


@router.get("/v1/panels", summary="The panels: findings that are labelled together")
async def panels(request: Request) -> PanelsOut:
    """Each with its questions and their answers, in the order in which labels come."""
    catalogue: Catalogue = request.app.state.catalogue
    return PanelsOut(panels=[_panel(panel) for panel in catalogue.panels.values()])


@router.get("/v1/findings", summary="The findings that panels are made of")
async def findings(request: Request) -> FindingsOut:
    """Each with what counts as present."""
    catalogue: Catalogue = request.app.state.catalogue
    return FindingsOut(findings=[_finding(finding) for finding in catalogue.findings.values()])


@router.get("/v1/findings/{name}", summary="One finding", responses=documented(404))
async def finding(request: Request, name: Annotated[str, Path(max_length=128)]) -> FindingOut:
    """What counts as present."""
    catalogue: Catalogue = request.app.state.catalogue
    if name not in catalogue.findings:
        raise ProblemError(404, "no-such-finding", "There is no such finding. See GET /v1/findings.")
    return _finding(catalogue.findings[name])


@router.get("/v1/models", summary="The methods, and which panel each labels")
async def models(request: Request) -> ModelsOut:
    """The rules, the shipped models (`auto`) and the models under the configured roots."""
    catalogue: Catalogue = request.app.state.catalogue
    batcher: Batcher = request.app.state.batcher
    found = [
        ModelOut(
            name=method.name,
            panel=method.panel,
            kind="model" if method.is_model else "rules",
            digest=method.digest,
            title=method.title,
            can_abstain=method.can_abstain,
            loaded=batcher.has_loaded(method),
        )
        for method in catalogue.methods.values()
    ]
    default = catalogue.default
    return ModelsOut(models=found, default=DefaultOut(panel=default.panel, method=default.name))


def _panel(panel: Panel) -> PanelOut:
    questions = [
        QuestionOut(name=q.name, finding=q.finding, attribute=q.attribute, answers=list(map(str, q.answers)))
        for q in panel.questions
    ]
    return PanelOut(
        name=panel.name,
        title=panel.title,
        definition=panel.definition,
        digest=panel.digest,
        findings=[finding.name for finding in panel.findings],
        questions=questions,
    )


def _finding(finding: Finding) -> FindingOut:
    return FindingOut(
        name=finding.name,
        title=finding.title,
        definition=finding.definition,
        attributes=list(finding.attributes),
        phrases=len(finding.phrases),
    )
