"""Every labelling function votes in the panel's words or abstains, the same each time, on a report alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

from reportnlp.findings import load_panel
from reportnlp.functions._ballot import Ballot
from reportnlp.functions.blocks import Reader, reader_of
from reportnlp.functions.loader import Voice, answers_alone, build, choose, needs
from reportnlp.registry import FUNCTIONS
from reportnlp.types import ABSTAIN, NOT_APPLICABLE, Report
from tests.test_functions_standins import chat_server

TEXTS = (
    "",
    "No acute disease.",
    "There is a large clot in the left main pulmonary artery.",
    "\u202e?PE\n\n" * 3,
    "FINDINGS: Possible clot.\nIMPRESSION: Pulmonary embolism of the right main artery.\nADDENDUM: No PE.",
    "INDICATION: Prior pulmonary embolism.\nFINDINGS: Lungs are clear.",
    "TECHNIQUE: CT angiography of the chest for pulmonary embolism.\nFINDINGS: Lungs are clear.",
)
PANEL = load_panel("pe")
ALONE = tuple(filter(answers_alone, FUNCTIONS.names()))

OWN = {
    "a function": """
def vote(report):
    return {"pulmonary_embolism": "present"} if "clot" in report.text else None
""",
    "a class": """
class Function:
    def __init__(self, panel):
        self.name = panel.findings[0].name

    def vote(self, report):
        return {self.name: "absent"} if "No PE" in report.text else {}
""",
}
"""The shapes that a user's own file may have."""


@pytest.fixture(scope="module", autouse=True)
def reader() -> Reader:
    return reader_of(PANEL)  # so that the rules are compiled once for all


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with chat_server() as chat:
        yield chat.url


@pytest.fixture(scope="module", params=[*FUNCTIONS.names(), *OWN])
def voice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, address: str) -> Voice:
    name: str = request.param
    folder = tmp_path_factory.mktemp("function")
    if name in OWN:
        path = folder / "mine.py"
        path.write_text(OWN[name], "utf-8")
        return build(choose(["rules"], [path], []), PANEL)[1]
    given = {"url": address, "model": "small"} if name == "chat" else {}
    if needs(name) and not given:
        given = FUNCTIONS.get(name).plant(folder, PANEL)
    [built] = build(choose([name], [], [f"{name}.{key}={value}" for key, value in given.items()]), PANEL)
    return built


def test_votes_in_the_words_of_the_panel_or_not_at_all(voice: Voice) -> None:
    answers = {question.name: question.answers for question in PANEL.questions}
    for text in TEXTS:
        for question, answer in (voice.voter.vote(Report("id", text)) or {}).items():
            assert answer in answers[question]


def test_something_makes_it_vote_and_the_rest_is_an_abstain(voice: Voice) -> None:
    [cast] = Ballot(PANEL, [voice])([Report("id", text) for text in TEXTS])
    sizes = [len(question.answers) for question in PANEL.questions]
    assert cast.faults == ("",) * len(TEXTS)
    assert cast.values.shape == (len(TEXTS), len(PANEL.questions))
    assert ((cast.values == ABSTAIN) | ((cast.values >= 0) & (cast.values < sizes))).all()
    assert (cast.values != ABSTAIN).any()
    for at, question in enumerate(PANEL.questions):
        if NOT_APPLICABLE in question.answers:
            assert (cast.values[:, at] != question.answers.index(NOT_APPLICABLE)).all()


def test_the_same_report_gets_the_same_vote_alone_and_among_others(voice: Voice) -> None:
    ballot = Ballot(PANEL, [voice])
    reports = [Report("id", text) for text in TEXTS]
    together = ballot(reports)[0].values
    assert (ballot([*reports[::-1], *reports])[0].values[len(reports) :] == together).all()
    for report, row in zip(reports, together, strict=True):
        assert (ballot([report])[0].values == row).all()


def test_what_looks_at_the_text_alone_does_not_mind_the_rest(voice: Voice) -> None:
    if not getattr(voice.voter, "text_only", False):
        pytest.skip("it looks at more than the text")
    for text in TEXTS:
        other = Report("other", text, patient="p", modality="MR", site="s")
        assert voice.voter.vote(other) == voice.voter.vote(Report("id", text))


def test_it_is_given_a_report_and_nothing_else(voice: Voice) -> None:
    [parameter] = inspect.signature(voice.voter.vote).parameters.values()
    assert parameter.default is inspect.Parameter.empty
    assert voice.identity


@pytest.mark.parametrize("name", FUNCTIONS.names())
def test_has_a_title(name: str) -> None:
    assert FUNCTIONS.get(name).TITLE


@pytest.mark.parametrize("name", ALONE)
def test_what_can_label_alone_answers_every_question(name: str) -> None:
    function = FUNCTIONS.get(name).Function(PANEL)
    for text in TEXTS:
        labels = function(Report("id", text))
        assert [label.question for label in labels] == [question.name for question in PANEL.questions]
        for label, question in zip(labels, PANEL.questions, strict=True):
            assert label.answer in question.answers
            assert 0 <= label.probability <= 1
            assert label.evidence is None or 0 <= label.evidence.start < label.evidence.end <= len(text)
        assert function(Report("other id", text)) == labels
