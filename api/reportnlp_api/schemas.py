"""The bodies of the routes: what is asked and what is answered. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"

NULL: dict[str, Any] = {"type": "null"}

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=NO_CONTROLS)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ReportIn(_Strict):
    """A report to label.

    Attributes:
        id: comes back with the labels; it need not be unique.
        text: the whole of it.
    """

    id: Identifier = ""
    text: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class Options(_Strict):
    """How to label.

    Attributes:
        abstain: leave an answer blank in the band of doubt that a model was trained with; refused where the
            method has none.
        questions: names of the questions to answer; null: all of the panel.
        deadline_s: give up after so many seconds; the service may allow fewer.
    """

    abstain: bool = False
    questions: Annotated[list[Name], Field(min_length=1)] | None = None
    deadline_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = None


def _either(given: str, other: str) -> dict[str, Any]:
    """Of two fields that may be null, the one that is given, as JSON schema says it."""
    return {"required": [given], "properties": {given: {"not": NULL}, other: NULL}}


class LabelRequest(_Strict):
    """Reports to label: one as `report`, or several as `reports`.

    Attributes:
        panel: name of a panel; null: the service's own, or that of the model.
        method: `rules`, `auto`, or the name of a model; null: the service's own.
        report, reports: what to label.
        options: how.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [_either("report", "reports"), _either("reports", "report")]}
    )

    panel: Name | None = None
    method: Name | None = None
    report: ReportIn | None = None
    reports: Annotated[list[ReportIn], Field(min_length=1)] | None = None
    options: Options = Options()

    @model_validator(mode="after")
    def _one_of_both(self) -> LabelRequest:
        if (self.report is None) == (self.reports is None):
            raise ValueError("Give either report or reports.")
        return self

    @property
    def all_reports(self) -> list[ReportIn]:
        """The reports, however they were given."""
        return self.reports if self.reports is not None else [self.report] if self.report else []


class Evidence(_Strict):
    """Where a report says so: Unicode code points of the text as it was sent, end not included."""

    start: int
    end: int
    text: str


class LabelOut(_Strict):
    """The answer to one question.

    Attributes:
        question: `finding`, or `finding.attribute`.
        answer: one of the question's answers; "" where it was withheld.
        probability: that the answer is right.
        evidence: the words that show it.
        section: in which they stand; "" without any.
    """

    question: str
    finding: str
    attribute: str | None
    answer: str
    probability: Annotated[float, Field(ge=0, le=1)]
    evidence: Evidence | None
    section: str


class NotLabelled(_Strict):
    """Why a report has no labels."""

    reason: str


class ResultOut(_Strict):
    """What one report says.

    Attributes:
        id: the report's own.
        labels: in the panel's order; none where there is an error.
        tokens_read: how many words and signs were read: all of the sections' named.
        sections: which were read, in order.
        error: why it could not be labelled.
    """

    id: str
    labels: list[LabelOut]
    tokens_read: int
    sections: list[str]
    error: NotLabelled | None


class LabelResponse(_Strict):
    """Labels, in the order of the request.

    Attributes:
        request_id: of the request.
        panel, panel_digest: what was looked for, and sha256 (hex) over its definitions.
        method: as it may be named in a request.
        model: what labelled: a name, and a digest.
        version: of reportnlp.
        results: one per report.
    """

    request_id: str
    panel: str
    panel_digest: str
    method: str
    model: str
    version: str
    results: list[ResultOut]


class QuestionOut(_Strict):
    """A question of a panel, with its ordered answers."""

    name: str
    finding: str
    attribute: str | None
    answers: list[str]


class PanelOut(_Strict):
    """Findings that are labelled together."""

    name: str
    title: str
    definition: str
    digest: str
    findings: list[str]
    questions: list[QuestionOut]


class PanelsOut(_Strict):
    """All panels."""

    panels: list[PanelOut]


class FindingOut(_Strict):
    """What can be labelled; `phrases` counts the rules' names for it."""

    name: str
    title: str
    definition: str
    attributes: list[str]
    phrases: int


class FindingsOut(_Strict):
    """All findings."""

    findings: list[FindingOut]


class ModelOut(_Strict):
    """A method for a panel.

    Attributes:
        name: as a request names it.
        panel: which it labels.
        kind: whether it was written or trained.
        digest: sha256 (hex) of the panel, or of the model's folder.
        title: for people.
        can_abstain: whether it takes the option `abstain`: it was trained with a band of doubt.
        loaded: whether it is ready; else its first request waits until it is.
    """

    name: str
    panel: str
    kind: Literal["rules", "model"]
    digest: str
    title: str
    can_abstain: bool
    loaded: bool


class DefaultOut(_Strict):
    """What labels where a request names nothing."""

    panel: str
    method: str


class ModelsOut(_Strict):
    """All methods."""

    models: list[ModelOut]
    default: DefaultOut


class StatusOut(_Strict):
    """That it is well."""

    status: Literal["ok"]
