"""The page is one file, the same each time, whole HTML; what is in it is text, whatever it looks like."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from reportnlp.errors import MissingExtraError
from reportnlp.evaluation import tables
from reportnlp.evaluation.audit import audit
from reportnlp.evaluation.compare import compare
from reportnlp.evaluation.labelled import Labelled, posteriors_from, questions_of
from reportnlp.evaluation.learning import learning_curve
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.mistakes import mistakes
from reportnlp.evaluation.record import About, Evaluation
from reportnlp.evaluation.report import page
from reportnlp.evaluation.report.beside import LISTED
from reportnlp.evaluation.report.markup import Markup, escaped, plain, tag
from reportnlp.evaluation.strata import stratify

NASTY = '"><script>alert(1)</script>&$title'
Table = dict[str, dict[str, str]]
VOID = {"meta", "input", "wbr"}


def full(*, site: str = "north", report: str = "r0", reports: int = 40) -> Evaluation:
    """Everything that a page can show."""
    gold: Table = {}
    given: Table = {}
    for i in range(reports):
        name = report if i == 0 else f"r{i}"
        present = i % 2 == 0
        place = ("main", "lobar", "segmental")[i % 3]
        gold[name] = {
            "pe": "present" if present else "absent",
            "pe.location": place if present else "not_applicable",
            "nodule": "present" if i % 5 == 0 else "not_mentioned",
        }
        given[name] = dict(gold[name])
        if i % 4 == 0:
            given[name] |= {"pe": "absent", "pe.location": "not_applicable"}
    p = {name: dict.fromkeys(row, 0.5 + i % 9 / 20) for i, (name, row) in enumerate(given.items())}
    labelled = Labelled(given, posteriors_from(given, p, questions_of(given, gold)), method="rules")
    other = Labelled(gold, labelled.posteriors, method="other")
    scores = evaluate(given, gold, seed=0, resamples=50, posteriors=labelled.posteriors)
    groups = {"site": {name: (site, "south")[i % 2] for i, name in enumerate(gold)}}

    def train(ids: Sequence[str]) -> Labelled:
        return labelled

    return Evaluation(
        About(
            ("reports.csv",), "gold.csv", "ab" * 32, "rules", "rules-1", "pe", "random", 9, "shared", "0.1"
        ),
        scores,
        stratify(given, gold, groups, seed=0, resamples=50),
        mistakes(labelled, gold),
        compare(labelled, other, gold, seed=0, resamples=50),
        audit(gold, scores),
        learning_curve(list(gold), gold, train, sizes=[2, 9], seed=0, resamples=20),
    )


@pytest.fixture(scope="module")
def whole() -> Evaluation:
    return full()


class Reader(HTMLParser):
    """Checks that elements nest, and notes ids, elements and what they name."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_is_whole_html_with_every_section(whole: Evaluation) -> None:
    text = page(whole)
    reader = read(text)
    anchors = [dict(attrs)["id"] for name, attrs in reader.elements if name == "section"]
    assert anchors == [
        *("compared", "figures", "questions", "answers", "confusion", "curves", "calibration", "groups"),
        *("comparison", "audit", "learning", "errors"),
    ]
    links = [attrs["href"] for name, attrs in reader.elements if name == "a"]
    assert links == [f"#{anchor}" for anchor in anchors]
    assert len(reader.ids) == len(set(reader.ids))


def test_the_page_begins_with_a_sentence_that_names_an_only_finding(whole: Evaluation) -> None:
    gold = {"1": {"pulmonary_embolism": "present"}, "2": {"pulmonary_embolism": "absent"}}
    one = Evaluation(About(), evaluate(gold, gold, seed=0, resamples=20))
    assert "Where pulmonary embolism is present, it was found 100" in page(one)
    assert "Where a finding is present, it was found" in page(whole)


def test_the_page_needs_nothing_from_elsewhere(whole: Evaluation) -> None:
    text = page(whole)
    addresses = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)", text)
    assert all(one.startswith("#") for pair in addresses for one in pair if one)
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_tables_and_pictures_are_told_to_who_does_not_see_them(whole: Evaluation) -> None:
    elements = read(page(whole)).elements
    names = [name for name, _ in elements]
    assert names.count("caption") == names.count("table") > 8
    assert all(attrs.get("scope") in ("col", "row") for name, attrs in elements if name == "th")
    pictures = [attrs for name, attrs in elements if name == "svg"]
    assert len(pictures) > 8
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in pictures)
    assert names.count("desc") == names.count("figcaption") == len(pictures)


def test_the_same_evaluation_gives_the_same_bytes() -> None:
    first, second = full(), full()
    assert page(first) == page(second)
    assert json.dumps(tables.document(first)) == json.dumps(tables.document(second))


def test_a_nasty_id_or_site_is_only_text() -> None:
    text = page(full(report=NASTY, site=NASTY))
    assert read(text).elements
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;$title" in text


@pytest.mark.parametrize("site", ["$x$ and $y", "\N{CJK UNIFIED IDEOGRAPH-4E2D}", "a" * 80])
def test_a_site_of_any_letters_is_drawn(site: str) -> None:
    assert site[:30] in page(full(site=site))


def test_colours_are_the_pages(whole: Evaluation) -> None:
    text = page(whole)
    assert "var(--series-0)" in text
    assert not re.findall(r"#0101[01]\d", text)
    assert "prefers-color-scheme: dark" in text


def test_undefined_figures_are_a_dash() -> None:
    table: Table = {"a": {"nodule": "absent"}, "b": {"nodule": "absent"}}
    text = page(Evaluation(About(), evaluate(table, table, seed=0, resamples=10)))
    assert read(text).elements
    assert ">nan" not in text.lower().replace("&", ">")
    assert re.search(r"<span title=\"undefined[^>]*>-</span>", text)


def test_parts_that_are_not_there_are_left_out() -> None:
    table: Table = {"a": {"nodule": "absent"}, "b": {"nodule": "present"}}
    text = page(Evaluation(About(), evaluate(table, table, seed=0, resamples=10)))
    anchors = [attrs["id"] for name, attrs in read(text).elements if name == "section"]
    assert anchors == ["compared", "figures", "questions", "answers", "confusion", "errors"]
    assert "None: every answer is gold" in text


def test_of_many_errors_the_first_are_listed() -> None:
    gold: Table = {f"r{i:04}": {"nodule": "present"} for i in range(LISTED + 5)}
    given: Table = {report: {"nodule": "absent"} for report in gold}
    scores = evaluate(given, gold, seed=0, resamples=2)
    text = page(Evaluation(About(), scores, mistakes=mistakes(Labelled(given), gold)))
    assert f"r{LISTED - 1:04}" in text
    assert f"r{LISTED:04}" not in text
    assert f"the first {LISTED} of {LISTED + 5}" in text


def test_the_document_has_all_of_it(whole: Evaluation) -> None:
    content = json.loads(json.dumps(tables.document(whole), allow_nan=False))
    assert content["presence"][0]["f1"].keys() == {"value", "low", "high"}
    assert content["about"]["split"] == "random"
    assert {"question", "answer", "recall", "auroc"} <= content["answers"][0].keys()
    assert content["calibration"][0]["bins"][0].keys() == {"probability", "right", "n", "low", "high"}
    assert content["strata"][0]["by"] == "site"
    assert content["mistakes"][0].keys() >= {"report", "gold", "given", "start", "end", "section"}
    assert content["comparison"]["tests"][0]["mcnemar"].keys() == {"only_a", "only_b", "p"}
    assert content["audit"]["rows"][0]["sensitivity"]["value"] is not None
    assert content["learning"]["sizes"] == [2, 9]


def test_a_date_is_shown_only_when_it_was_given(whole: Evaluation) -> None:
    assert "<dt>Date</dt>" not in page(whole)
    dated = replace(whole, about=replace(whole.about, date="2026-11-25"))
    assert "<dt>Date</dt><dd>2026-11-25</dd>" in page(dated)


def test_markup_escapes_all_but_markup() -> None:
    assert tag("b", "<", Markup("<i>x</i>"), title='"') == '<b title="&quot;">&lt;<i>x</i></b>'
    assert escaped(None) == ""
    assert plain(tag("b", "a < b", tag("i", "c"))) == "a < bc"


def test_without_matplotlib_the_extra_is_named(whole: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"reportnlp\[evaluate\]"):
        page(whole)
