"""The page: its sections in order, put into the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from string import Template

from reportnlp.evaluation.record import Evaluation
from reportnlp.evaluation.report import beside, figures, head, probabilities
from reportnlp.evaluation.report.markup import Content, Markup, escaped, join, section, tag
from reportnlp.evaluation.report.svg import drawing_style

_PARTS: tuple[tuple[str, str, Callable[[Evaluation], Content]], ...] = (
    ("compared", "What was compared", head.compared),
    ("figures", "Main figures", head.main),
    ("questions", "Each question", figures.questions),
    ("answers", "Each answer", figures.answers),
    ("confusion", "What is taken for what", figures.confusions),
    ("curves", "ROC and precision-recall curves", probabilities.curves),
    ("calibration", "Are probabilities to be believed?", probabilities.calibration),
    ("groups", "By site and year", beside.strata),
    ("comparison", "Against another method", beside.comparison),
    ("audit", "Was there enough to learn from?", beside.audit),
    ("learning", "Would more training reports help?", beside.learning),
    ("errors", "Errors", beside.errors),
)
_SHORT = {
    "compared": "Compared",
    "figures": "Figures",
    "questions": "Questions",
    "answers": "Answers",
    "confusion": "Confusion",
    "curves": "Curves",
    "calibration": "Calibration",
    "groups": "Sites, years",
    "comparison": "Comparison",
    "audit": "Audit",
    "learning": "Learning curve",
    "errors": "Errors",
}


def page(evaluation: Evaluation) -> str:
    """One self-contained HTML file; the same evaluation gives the same bytes.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with drawing_style():
        parts = [(anchor, title, part(evaluation)) for anchor, title, part in _PARTS]
    shown = [(anchor, _SHORT[anchor], title, content) for anchor, title, content in parts if content]
    return framed(head.title(evaluation), head.lead(evaluation), shown, head.footer(evaluation))


def framed(title: str, lead: Markup, parts: Sequence[tuple[str, str, str, Content]], footer: Markup) -> str:
    """Parts of a page in the frame that every report has.

    Args:
        title: of the page.
        lead: its first paragraph.
        parts: anchor, name among the links, heading and content of each.
        footer: what stands below.
    """
    links = (tag("li", tag("a", short, href=f"#{anchor}")) for anchor, short, _, _ in parts)
    return Template(_beside("page.html")).substitute(
        title=escaped(title),
        style=_beside("page.css"),
        lead=lead,
        contents=tag("ul", *links),
        sections=join(section(anchor, heading, content) for anchor, _, heading, content in parts),
        footer=footer,
        script=_beside("page.js"),
    )


def _beside(name: str) -> Markup:
    return Markup(Path(__file__).with_name(name).read_text("utf-8").strip())
