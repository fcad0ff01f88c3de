"""Ids replaced by digests: one salt gives one digest an id, in a manifest as in a label table."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from reportnlp.evaluation.labelled import Labelled

HIDDEN = {
    "patient": ("patient",),
    "all": ("patient", "study", "accession", "report_id", "series"),
}
"""What `--hide` may say, to the columns of a manifest that are replaced."""


def hidden(name: str, salt: str) -> str:
    """The digest that stands for an id: the same for one id and salt; without the salt no way back.

    HMAC-SHA256 with the salt as key, of the id in UTF-8, the first 20 hexadecimal digits: any tool can make
    the same, so that tables joined by an id still are.
    """
    return hmac.new(salt.encode(), name.encode(), hashlib.sha256).hexdigest()[:20]


def hidden_reports(labelled: Labelled, salt: str) -> Labelled:
    """A label table whose report ids are replaced as those of a manifest; evidence is left out."""
    known = labelled.posteriors
    return replace(
        labelled,
        answers={hidden(report, salt): row for report, row in labelled.answers.items()},
        posteriors=None
        if known is None
        else replace(known, report_ids=tuple(hidden(report, salt) for report in known.report_ids)),
        evidence={},
    )
