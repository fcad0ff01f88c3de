"""Labelling functions: what each voice says, how they are chosen and built, and what a fault does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from reportnlp.errors import InputError, InvalidDefinitionError, ReportNLPError, UnknownNameError
from reportnlp.findings import Panel, load_panel
from reportnlp.functions._ballot import Ballot
from reportnlp.functions.blocks import Answers, Reader, reader_of
from reportnlp.functions.loader import Chosen, Voice, answers_alone, build, choose, needs, options_of
from reportnlp.jobs import functions
from reportnlp.labeler import load
from reportnlp.registry import FUNCTIONS
from reportnlp.types import ABSTAIN, Report
from tests.contracts.test_functions import PANEL

CHEST = load_panel("chest_xray")
HEAD = load_panel("head_ct")


@pytest.fixture(scope="module", autouse=True)
def readers() -> Sequence[Reader]:
    return [reader_of(panel) for panel in (PANEL, CHEST, HEAD)]  # so that each is compiled once


def vote(name: str, text: str, panel: Panel = PANEL, *options: str, report_id: str = "id") -> dict[str, str]:
    """What one function says of one text."""
    [voice] = build(choose([name], [], [f"{name}.{option}" for option in options]), panel)
    return dict(voice.voter.vote(Report(report_id, text)) or {})


PE = "pulmonary_embolism"


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("mention_impression", "FINDINGS: PE.\nIMPRESSION: No acute disease.", None),
        ("mention_impression", "FINDINGS: Clear.\nIMPRESSION: Acute pulmonary embolism.", "present"),
        ("mention_impression", "IMPRESSION: No pulmonary embolism.", None),
        ("mention_findings", "FINDINGS: Pulmonary embolism.\nIMPRESSION: None.", "present"),
        ("mention_findings", "FINDINGS: Clear.\nIMPRESSION: Pulmonary embolism.", None),
        ("negation", "IMPRESSION: No pulmonary embolism.", "absent"),
        ("negation", "FINDINGS: Pulmonary embolism.\nIMPRESSION: No central pulmonary embolism.", None),
        ("negation", "FINDINGS: No central pulmonary embolism.", "absent"),
        ("negation", "FINDINGS: Pulmonary embolism.\nIMPRESSION: No pulmonary embolism.", "absent"),
        ("negation", "FINDINGS: Pulmonary embolism.", None),
        ("doubt", "IMPRESSION: Possible pulmonary embolism.", "uncertain"),
        ("doubt", "IMPRESSION: Pulmonary embolism.", None),
        ("doubt", "FINDINGS: ?PE", "uncertain"),
        ("doubt", "FINDINGS: ?PE. No pulmonary embolism.", None),
        ("history", "INDICATION: Prior pulmonary embolism.\nFINDINGS: Clear lungs.", "not_mentioned"),
        ("history", "FINDINGS: History of pulmonary embolism. Clear lungs.", "not_mentioned"),
        ("history", "INDICATION: Prior pulmonary embolism.\nFINDINGS: No pulmonary embolism.", None),
        ("history", "FINDINGS: Clear lungs.", None),
        ("protocol", "TECHNIQUE: CT for pulmonary embolism.\nFINDINGS: Clear lungs.", "not_mentioned"),
        ("protocol", "TECHNIQUE: CT for pulmonary embolism.\nFINDINGS: Pulmonary embolism.", None),
        ("protocol", "INDICATION: pulmonary embolism?\nFINDINGS: Clear lungs.", None),
        ("silence", "FINDINGS: Clear lungs.", "not_mentioned"),
        ("silence", "INDICATION: Prior pulmonary embolism.\nFINDINGS: Clear lungs.", None),
        ("addendum", "IMPRESSION: Pulmonary embolism.\nADDENDUM: No pulmonary embolism.", "absent"),
        ("addendum", "IMPRESSION: Pulmonary embolism.", None),
        ("rules", "IMPRESSION: Pulmonary embolism.\nADDENDUM: No pulmonary embolism.", "absent"),
    ],
)
def test_each_voice_of_the_rules_speaks_of_its_own(name: str, text: str, answer: str | None) -> None:
    assert vote(name, text).get(PE) == answer


def test_attributes_are_voted_on_where_the_voice_has_them() -> None:
    text = "FINDINGS: Embolus in a segmental artery.\nIMPRESSION: Acute pulmonary embolism, right lower lobe."
    assert vote("mention_impression", text) == {
        PE: "present",
        f"{PE}.chronicity": "acute",
        f"{PE}.laterality": "right",
    }
    assert vote("mention_findings", text) == {PE: "present", f"{PE}.location": "segmental"}


def test_a_kind_speaks_for_its_parent_and_a_denied_parent_for_its_kinds() -> None:
    affirmed = vote("mention_impression", "IMPRESSION: Acute subdural hematoma.", HEAD)
    assert affirmed["intracranial_hemorrhage"] == affirmed["subdural_hemorrhage"] == "present"
    denied = vote("negation", "IMPRESSION: No intracranial hemorrhage.", HEAD)
    assert denied["intracranial_hemorrhage"] == denied["subdural_hemorrhage"] == "absent"
    assert "intracranial_hemorrhage" not in vote("silence", "IMPRESSION: Acute subdural hematoma.", HEAD)


def test_a_denied_statement_that_all_is_well_is_no_history() -> None:
    text = "FINDINGS: No extra-axial hemorrhage ventricles normal in size no midline shift"
    index = [finding.name for finding in HEAD.findings].index("hydrocephalus")
    [statement] = reader_of(HEAD)(text).stated[index]
    assert statement.mention.assertion == "hypothetical"
    assert "hydrocephalus" not in vote("history", text, HEAD)


def test_what_stands_for_nothing_else_follows_from_the_others() -> None:
    assert vote("mention_findings", "Large effusion.", CHEST)["no_finding"] == "absent"
    assert vote("negation", "No effusion or pneumothorax.", CHEST)["no_finding"] == "present"
    assert "no_finding" not in vote("negation", "No effusion. Large mass.", CHEST)
    assert vote("doubt", "Possible pneumonia.", CHEST)["no_finding"] == "uncertain"
    assert "no_finding" not in vote("doubt", "Possible pneumonia. Large mass.", CHEST)


def test_a_report_is_read_once_for_all_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(PANEL)
    read: list[str] = []
    mentions = reader.engine.mentions

    def counted(text: str, *, stated: bool = True) -> object:
        read.append(text)
        return mentions(text, stated=stated)

    monkeypatch.setattr(reader.engine, "mentions", counted)
    names = [name for name in FUNCTIONS.names() if not needs(name)]
    Ballot(PANEL, build(choose(names, [], []), PANEL))(
        [Report("a", "A text of its own."), Report("b", "Another.")]
    )
    assert sorted(read) == ["A text of its own."] * 2 + ["Another."] * 2  # stated, and named elsewhere


def test_a_model_votes_where_it_is_sure() -> None:
    text = "IMPRESSION: Acute pulmonary embolism in a segmental artery of the right lower lobe."
    shipped = FUNCTIONS.get("classifier").plant(Path(), PANEL)["model"]
    labelled = {label.question: label for label in load(method=shipped)(text).labels}
    likeliest = vote("classifier", text, PANEL, f"model={shipped}")
    assert likeliest == {question: label.answer for question, label in labelled.items()}
    bar = labelled[PE].probability
    sure = vote("classifier", text, PANEL, f"model={shipped}", f"confidence={bar}")
    assert sure == {q: label.answer for q, label in labelled.items() if label.probability >= bar}
    assert 0 < len(sure) < len(labelled)


def test_a_model_of_another_panel_is_refused() -> None:
    shipped = FUNCTIONS.get("classifier").plant(Path(), PANEL)["model"]
    with pytest.raises(InputError, match="answers the panel 'pe' and no question of 'head_ct'"):
        vote("classifier", "", HEAD, f"model={shipped}")


WORDS = """
[pulmonary_embolism]
absent = ["no ... (emboli|embolus)", "lungs are clear"]
present = ["embolus", "saddle clot"]

[pulmonary_embolism.location]
saddle = ["saddle"]
"""


@pytest.mark.parametrize(
    ("text", "votes"),
    [
        ("Large embolus.", {PE: "present"}),
        ("No acute emboli.", {PE: "absent"}),  # the longer phrase counts
        ("Saddle clots.", {PE: "present", f"{PE}.location": "saddle"}),
        ("Lungs are clear. Embolus.", {PE: "absent"}),  # the answer listed first counts
        ("INDICATION: embolus?\nFINDINGS: Heart normal.", {}),
        ("Nothing of it.", {}),
    ],
)
def test_words_vote_as_their_file_says(text: str, votes: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text(WORDS, "utf-8")
    assert vote("keywords", text, PANEL, f"file={file}") == votes


def test_words_of_the_request_are_read_when_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text(WORDS, "utf-8")
    text = "INDICATION: embolus?\nFINDINGS: Heart normal."
    assert vote("keywords", text, PANEL, f"file={file}", "sections=all") == {PE: "present"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("[pulmonary_embolisms]\npresent = ['x']", "Did you mean 'pulmonary_embolism'"),
        ("[pulmonary_embolism]\npresnt = ['x']", "Did you mean 'present'"),
        ("[pulmonary_embolism.locaton]\nsaddle = ['x']", "Did you mean 'location'"),
        ("[pulmonary_embolism.location]\nsadle = ['x']", "Did you mean 'saddle'"),
        ("[pulmonary_embolism]\npresent = 'x'", "no list of phrases"),
        ("[pulmonary_embolism]\npresent = ['']", "no list of phrases"),
        ("[pulmonary_embolism]\npresent = ['(x']", "never closed"),
        ("pulmonary_embolism = 1", "is no table"),
    ],
)
def test_a_wrong_list_of_words_is_named(words: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text(words, "utf-8")
    with pytest.raises(ReportNLPError, match=message.replace("(", r"\(")):
        vote("keywords", "", PANEL, f"file={file}")


LABELS = """study_id,No Finding,Pneumonia,Pneumothorax,Lung Lesion,Lung Opacity,Cardiomegaly,hiatal_hernia
1,,1.0,0.0,0.0,1.0,-1.0,1
s2,1,,,1.0,0,,0
"""


def table_votes(folder: Path, report_id: str, *options: str) -> dict[str, str]:
    file = folder / "labels.csv"
    file.write_text(LABELS, "utf-8")
    return vote("chexpert_csv", "", CHEST, f"file={file}", *options, report_id=report_id)


def test_another_tools_numbers_become_answers(tmp_path: Path) -> None:
    assert table_votes(tmp_path, "1") == {
        "pneumonia": "present",
        "pneumothorax": "absent",
        "mass": "absent",
        "nodule": "absent",
        "lung_opacity": "present",
        "cardiomegaly": "uncertain",
        "hiatal_hernia": "present",
    }
    # A lesion is a mass or a nodule, and an opacity that is not there is no infiltration either.
    assert table_votes(tmp_path, "2") == {
        "no_finding": "present",
        "lung_opacity": "absent",
        "infiltration": "absent",
        "hiatal_hernia": "absent",
    }
    assert table_votes(tmp_path, "s1") == table_votes(tmp_path, "1")
    assert table_votes(tmp_path, "3") == {}


def test_what_doubt_and_a_blank_stand_for_can_be_said(tmp_path: Path) -> None:
    assert table_votes(tmp_path, "1", "uncertain=present")["cardiomegaly"] == "present"
    assert "cardiomegaly" not in table_votes(tmp_path, "1", "uncertain=abstain")
    assert table_votes(tmp_path, "2", "blank=not_mentioned")["pneumonia"] == "not_mentioned"
    assert table_votes(tmp_path, "2", "blank=absent")["pneumothorax"] == "absent"


def test_a_finding_with_a_column_of_its_own_is_left_to_that(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("report_id,Lung Lesion,mass,infiltration,Lung Opacity\na,0,1,1,0\n", "utf-8")
    votes = vote("chexpert_csv", "", CHEST, f"file={file}", report_id="a")
    assert votes == {
        "nodule": "absent",
        "mass": "present",
        "infiltration": "present",
        "lung_opacity": "absent",
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("study_id,Pneumonia\n1,yes\n", "row 1 has a label that is none of 1, 0, -1 and blank"),
        ("study_id,Pneumonia\n1,1\n1,0\n", "row 2 has the id of an earlier row"),
        ("study_id,Pneumonia\n,1\n", "row 1 has no id"),
        ("name,Pneumonia\n1,1\n", "no column for the report id"),
        ("study_id,Gout\n1,1\n", "no column for a finding of the panel 'chest_xray'"),
    ],
)
def test_a_wrong_table_is_named_without_what_stands_in_it(rows: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(rows, "utf-8")
    with pytest.raises(InputError, match=message) as error:
        vote("chexpert_csv", "", CHEST, f"file={file}")
    assert "yes" not in str(error.value)


def test_those_vote_who_need_no_option_and_whose_options_are_given() -> None:
    usual = [chosen.name for chosen in choose([], [], [])]
    assert usual == [name for name in FUNCTIONS.names() if not needs(name)]
    assert "chat" not in usual
    assert "chat" in [chosen.name for chosen in choose([], [], ["chat.url=http://localhost/v1"])]


def test_an_entry_may_vote_twice_under_two_names() -> None:
    chosen = choose(["one=keywords", "two=keywords"], [], ["two.file=b.toml", "one.file=a.toml"])
    assert chosen == (
        Chosen("one", "keywords", None, (("file", "a.toml"),)),
        Chosen("two", "keywords", None, (("file", "b.toml"),)),
    )


def test_a_file_of_ones_own_may_be_named_among_the_others() -> None:
    mine = Path("in/mine.py")
    assert choose(["rules", "in/mine.py"], [], []) == (Chosen("rules", "rules"), Chosen("mine", "", mine))
    assert choose(["first=in/mine.py"], [], ["first.word=clot"]) == (
        Chosen("first", "", mine, (("word", "clot"),)),
    )
    assert choose(["mine"], [mine], []) == (Chosen("mine", "", mine),)
    assert len(choose([], [mine], [])) == len(choose([], [], [])) + 1


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["mine"], [], "A file of your own is named by its path: mine.py"),
        (["in/rules.py", "rules"], [], "Two functions are called 'rules'"),
        (["ruls"], [], "Did you mean 'rules'"),
        (["rules", "rules"], [], "Two functions are called 'rules'"),
        (["rules"], ["doubt.x=1"], "No function that votes here is called 'doubt'"),
        (["rules"], ["file"], "no name.key=value"),
        (["a:b=rules"], [], "Leave ':' out"),
    ],
)
def test_a_wrong_choice_is_named(names: list[str], options: list[str], message: str) -> None:
    with pytest.raises(ReportNLPError, match=message):
        choose(names, [], options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "'model' is missing"),
        (["classifier.model=x", "classifier.confidance=1"], "Did you mean 'confidence'"),
        (["classifier.model=x", "classifier.confidence=2"], "'confidence' was given as '2'"),
        (["classifier.model=nowhere"], "no model folder nowhere"),
    ],
)
def test_a_wrong_option_is_named(options: list[str], message: str) -> None:
    with pytest.raises(ReportNLPError, match=message):
        build(choose(["classifier"], [], options), PANEL)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\n", "holds no labelling function. It needs `def vote"),
        ("class Function:\n    def __init__(self, panel): ...\n", "holds no labelling function"),
        ("x = 1\ny = x / 0\n", "ZeroDivisionError at line 2"),
        ("def vote(report:\n", r"SyntaxError at line 1: '\(' was never closed"),
        ("def vote(report)\n    return {}\n", "SyntaxError at line 1: expected ':'"),
        ("import gone_away\n", "ModuleNotFoundError at line 1: No module named 'gone_away'"),
    ],
)
def test_a_file_without_a_function_is_refused(code: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(code, "utf-8")
    with pytest.raises((InputError, InvalidDefinitionError), match=message):
        build(choose(["rules"], [path], []), PANEL)
    with pytest.raises(InputError, match="There is no file"):
        build(choose(["rules"], [tmp_path / "gone.py"], []), PANEL)


def test_a_function_of_ones_own_may_have_options(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from reportnlp.functions import blocks\n"
        "@dataclass\nclass Kept:\n    word: str\n"
        "class Options(blocks.Options):\n    word: str\n"
        "class Function:\n    def __init__(self, panel, options):\n        self.kept = Kept(options.word)\n"
        "    def vote(self, report):\n"
        "        return {'pulmonary_embolism': 'present'} if self.kept.word in report.text else {}\n",
        "utf-8",
    )
    chosen = choose(["rules"], [path], ["mine.word=clot"])
    assert build(chosen, PANEL)[1].voter.vote(Report("id", "a clot")) == {PE: "present"}
    with pytest.raises(UnknownNameError, match="Did you mean 'word'"):
        build(choose(["rules"], [path], ["mine.wrd=clot"]), PANEL)


def names_of(panel: Panel) -> list[str]:
    return [question.name for question in panel.questions]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            '"pulmonary_embolsm"',
            "to 'pulmonary_embolsm', which the panel does not ask (did you mean 'pulmonary_emb",
        ),
        ('"gout"', "to 'gout', which the panel does not ask (it asks pulmonary_embolism, "),
        ("report.text", "to a question that the panel does not ask (it asks pulmonary_embolism, "),
    ],
)
def test_an_unasked_question_is_named_where_the_file_has_it(said: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"def vote(report):\n    return {{{said}: 'present'}}\n", "utf-8")
    [cast] = Ballot(PANEL, build(choose(["rules"], [path], []), PANEL)[1:])([Report("a", "Mr Smith")])
    assert cast.faults[0].startswith(f"UnknownAnswer, {told}")
    assert "Smith" not in cast.faults[0]


class Faulty:
    """Raises at the word FAULT, and speaks out of turn at others."""

    def vote(self, report: Report) -> dict[str, str]:
        if "FAULT" in report.text:
            raise ValueError(report.text)
        if "EXIT" in report.text:
            sys.exit(1)
        if "STRANGE" in report.text:
            return {PE: "perhaps"}
        if "OTHER" in report.text:
            return {"gout": "present"}
        return {PE: "present", f"{PE}.location": "not_applicable"}


class FaultyTogether(Faulty):
    """The same over many at once; another number of votes than reports at SHORT."""

    def vote_batch(self, reports: Sequence[Report]) -> list[dict[str, str]]:
        if any("SHORT" in report.text for report in reports):
            return []
        return [self.vote(report) for report in reports]


@pytest.mark.parametrize("voter", [Faulty(), FaultyTogether()])
def test_a_fault_is_counted_by_its_kind_and_takes_nobody_elses_vote(voter: Faulty) -> None:
    texts = ("fine", "FAULT", "STRANGE", "OTHER", "EXIT", "fine too")
    reports = [Report(str(at), text) for at, text in enumerate(texts)]
    [cast, other] = Ballot(PANEL, [Voice("faulty", voter, "1"), Voice("more", Faulty(), "1")])(reports)
    takes = "UnknownAnswer, to pulmonary_embolism, which takes present, absent, uncertain, not_mentioned"
    other_question = (
        f"UnknownAnswer, to a question that the panel does not ask (it asks {', '.join(names_of(PANEL))})"
    )
    assert set(cast.faults[2:4]) == {takes, other_question}
    assert (*cast.faults[:2], *cast.faults[4:]) == ("", "ValueError", "SystemExit", "")
    assert cast.values[:, 0].tolist() == [0, ABSTAIN, ABSTAIN, ABSTAIN, ABSTAIN, 0]
    assert (cast.values[:, 1:] == ABSTAIN).all()  # that an attribute does not apply is no vote
    assert (other.values == cast.values).all()


def test_another_number_of_votes_than_reports_is_a_fault_of_all() -> None:
    voice = Voice("faulty", FaultyTogether(), "1")
    [cast] = Ballot(PANEL, [voice])([Report("a", "SHORT"), Report("b", "fine")])
    assert cast.faults == ("UnknownAnswer", "UnknownAnswer")
    assert (cast.values == ABSTAIN).all()


def test_a_function_may_say_itself_what_went_wrong() -> None:
    class Partly:
        def vote(self, report: Report) -> Answers:
            votes = Answers({PE: "present"})
            votes.fault = "half of it"
            return votes

    [cast] = Ballot(PANEL, [Voice("partly", Partly(), "1")])([Report("a", "x")])
    assert cast.faults == ("half of it",)
    assert cast.values[0, 0] == 0


def test_what_only_votes_is_no_method_of_label() -> None:
    assert [name for name in FUNCTIONS.names() if answers_alone(name)] == ["rules"]
    with pytest.raises(UnknownNameError, match=r"'history' only votes .* Allowed: auto, rules"):
        load("pe", method="history")
    with pytest.raises(UnknownNameError, match="Did you mean 'rules'") as error:
        load("pe", method="ruls")
    assert "history" not in str(error.value)


def test_the_functions_are_listed_with_their_options() -> None:
    lines = list(functions.run())
    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")] == list(FUNCTIONS.names())
    assert "    --option classifier.model=...  (needed)" in lines
    assert "    --option classifier.confidence=...  (default 0.0)" in functions.run("classifier")
    assert [line for line in lines if "a method of `reportnlp label` too" in line] == list(
        functions.run("rules")
    )


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "keywords",
            (
                "    --option keywords.sections=stated|all  (default 'stated')",
                '    present = ["pneumonia", "air',
            ),
        ),
        ("chexpert_csv", ("    --option chexpert_csv.blank=abstain|not_mentioned|absent", "    r2,,-1,0")),
        ("chat", ("        seconds before the first further try, doubled for each one after it.",)),
    ],
)
def test_one_function_alone_is_told_in_full(name: str, lines: tuple[str, ...]) -> None:
    told = "\n".join(functions.run(name))
    for line in lines:
        assert line in told
    assert "    reportnlp weak votes reports.csv --panel" in told
    assert f"--option {name}." in told.rpartition("reportnlp weak votes")[2]


@pytest.mark.parametrize("name", FUNCTIONS.names())
def test_every_option_is_described(name: str) -> None:
    options = options_of(FUNCTIONS.get(name))
    assert list(functions.described(options)) == list(options.model_fields)
