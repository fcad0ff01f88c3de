"""What the service is measured against: the labeler called by each request, in FastAPI's own way."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

import reportnlp

app = FastAPI()
labeler = reportnlp.load(os.environ["BENCH_PANEL"], method=os.environ["BENCH_METHOD"])


class One(BaseModel):
    """A report."""

    id: str
    text: str


class Asked(BaseModel):
    """Reports."""

    reports: list[One]


@app.get("/readyz")
def ready() -> dict[str, str]:
    """It is, once it was imported."""
    return {"status": "ok"}


@app.post("/v1/label")
def label(asked: Asked) -> dict[str, Any]:
    """All labels of each report."""
    reports = [reportnlp.Report(one.id, one.text) for one in asked.reports]
    results = [
        {
            "id": report.id,
            "labels": [_shown(label, report.text) for label in labels],
            "tokens_read": read.tokens,
            "sections": read.sections,
            "error": None,
        }
        for report, (labels, read) in zip(reports, labeler.label_and_read(reports), strict=True)
    ]
    return {"panel": labeler.panel_name, "model": labeler.model, "results": results}


def _shown(label: reportnlp.Label, text: str) -> dict[str, Any]:
    span = label.evidence
    evidence = {"start": span.start, "end": span.end, "text": text[slice(*span)]} if span else None
    finding, _, attribute = label.question.partition(".")
    return {
        "question": label.question,
        "finding": finding,
        "attribute": attribute or None,
        "answer": str(label.answer),
        "probability": label.probability,
        "evidence": evidence,
        "section": label.section,
    }
