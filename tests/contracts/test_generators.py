"""Every generator: answers hold as asked, evidence is in the text, and no report comes twice."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from reportnlp.corpora import problems, read_corpus
from reportnlp.generators import Generator, Written, _apart
from reportnlp.generators._grammar import CLOSE, OPEN, REGISTERS
from reportnlp.generators.loader import load_words
from reportnlp.jobs.generate import GenerateSettings, run
from reportnlp.registry import GENERATORS
from reportnlp.types import Presence
from tests.conftest import ROOT

SEED = 11
DRAWN = 400
WRITTEN = ("ctpa", "head_ct")
SILENT = ("not_mentioned", "not_applicable")


@cache
def generator(panel: str) -> Generator:
    return Generator(panel, seed=SEED)


@cache
def drawn(panel: str) -> tuple[Written, ...]:
    return tuple(generator(panel).write(number) for number in range(DRAWN))


ASKED = [
    pytest.param(panel, question.name, answer, id=f"{question.name}-{answer}")
    for panel in GENERATORS.names()
    for question in generator(panel).panel.questions
    for answer in question.answers
]


@pytest.mark.parametrize(("panel", "question", "answer"), ASKED)
def test_an_answer_that_is_asked_for_is_given(panel: str, question: str, answer: str) -> None:
    for number in range(5):
        written = generator(panel).write(number, wanted={question: answer})
        assert written.answers[question] == answer


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_evidence_is_there_where_something_is_said(panel: str) -> None:
    for written in drawn(panel):
        text = written.report.text
        for finding in generator(panel).panel.findings:
            said = written.answers[finding.name] not in SILENT
            if finding.none_of_panel:
                continue
            assert (finding.name in written.evidence) == said, (finding.name, written.answers, text)
        for start, end in written.evidence.values():
            assert 0 <= start < end <= len(text)
            assert text[start:end].strip() == text[start:end]


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_no_mark_is_left_in_a_text(panel: str) -> None:
    for written in drawn(panel):
        assert not any("\ue000" <= sign <= "\uf8ff" for sign in written.report.text)
        assert not any(sign in written.report.text for sign in "{}|")


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_the_same_seed_gives_the_same_reports(panel: str) -> None:
    again = Generator(panel, seed=SEED)
    assert all(again.write(number) == drawn(panel)[number] for number in range(20))
    other = Generator(panel, seed=SEED + 1)
    assert other.write(0).report.text != drawn(panel)[0].report.text


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_a_finding_is_said_in_many_ways(panel: str) -> None:
    finding = generator(panel).panel.findings[0].name
    for answer in (Presence.PRESENT, Presence.ABSENT, Presence.UNCERTAIN):
        shown = set()
        for number in range(DRAWN):
            written = generator(panel).write(number, wanted={finding: answer.value})
            start, end = written.evidence[finding]
            shown.add(written.report.text[start:end].lower())
        assert len(shown) > DRAWN / 3, answer


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_every_rule_can_be_expanded(panel: str) -> None:
    names = GENERATORS.get(panel).SLOTS
    _, grammar = load_words(panel, names)
    for rule in grammar.names():
        for register in REGISTERS:
            words = grammar.expand(rule, Random(0), register=register, slots=dict.fromkeys(names, "slot"))
            assert max(words.count(OPEN), words.count(CLOSE)) <= 1, (rule, words)


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_no_report_tells_of_a_year_after_its_exam(panel: str) -> None:
    for written in drawn(panel):
        assert written.report.exam_date is not None
        years = [int(year) for year in re.findall(r"\b20[12]\d\b", written.report.text)]
        assert max(years, default=0) <= written.report.exam_date.year


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_a_generated_corpus_is_sound(panel: str, tmp_path: Path) -> None:
    settings = GenerateSettings(tmp_path / "corpus", panel, count=300, seed=SEED)
    assert run(settings) == 300
    assert list(problems(read_corpus(tmp_path / "corpus"))) == []


def test_the_written_corpora_are_the_ones_that_generators_keep_apart_from() -> None:
    texts = [text for name in WRITTEN for text in read_corpus(ROOT / "corpora" / name).texts.values()]
    known = np.fromfile(_apart.FILE, dtype="<u8").tolist()
    mend = "write them anew: tests/bench/generated_reports.py --write-apart"
    assert set(known) == _apart.digests(texts), mend


@pytest.mark.parametrize("panel", GENERATORS.names())
def test_no_written_sentence_is_generated(panel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    number = next(n for n, w in enumerate(drawn(panel)) if any(_apart.sentences(w.report.text)))
    written = drawn(panel)[number].report.text
    again = Generator(panel, seed=SEED)
    monkeypatch.setattr(again._apart, "_written", _apart.digests([written]))
    assert again.write(number).report.text != written
    assert not again._apart.shares(again.write(number).report.text)
