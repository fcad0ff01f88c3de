"""How codes become answers: MeSH terms with all their qualifiers, tables of ones and zeros, and the gaps."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportnlp.errors import UnknownNameError
from reportnlp.findings import load_panel
from reportnlp.formats.openi import Coded, read_terms, write_terms
from reportnlp.golds import loader, negbio, openi_mesh, sarle
from reportnlp.golds.blocks import GoldAnswers, Uncoded, answers_from, combined, filled
from reportnlp.types import BadRow

PANEL = load_panel("chest_xray")
FINDINGS = {finding.name: finding for finding in PANEL.findings}


def coded(*terms: str) -> dict[str, str]:
    """The answers, without those that stand in nearly every row."""
    answers = openi_mesh.answers(terms)
    return {question: answer for question, answer in answers.items() if question != "no_finding"}


def about(finding: str, *answers: str) -> dict[str, str]:
    return dict(zip((q.name for q in FINDINGS[finding].questions), ("present", *answers), strict=True))


@pytest.mark.parametrize(
    ("terms", "answers"),
    [
        (["Pulmonary Atelectasis"], about("atelectasis", "unspecified", "unspecified", "unspecified")),
        (["Pulmonary Atelectasis/base/left/mild"], about("atelectasis", "lower", "left", "mild")),
        (
            ["Pulmonary Atelectasis/base/left/mild", "Pulmonary Atelectasis/base/right/severe"],
            about("atelectasis", "lower", "bilateral", "severe"),
        ),
        (
            ["Pulmonary Atelectasis/upper lobe/left", "Pulmonary Atelectasis/lower lobe/left"],
            about("atelectasis", "multiple", "left", "unspecified"),
        ),
        (["Pulmonary Atelectasis/lingula"], about("atelectasis", "middle", "left", "unspecified")),
        (["Pulmonary Atelectasis/middle lobe"], about("atelectasis", "middle", "right", "unspecified")),
        (
            ["Pulmonary Atelectasis/middle lobe/bilateral"],
            about("atelectasis", "middle", "bilateral", "unspecified"),
        ),
        (["Cardiomegaly/borderline"], about("cardiomegaly", "mild")),
        (["Cardiomegaly", "Cardiac Shadow/enlarged/moderate"], about("cardiomegaly", "moderate")),
        (["Pleural Effusion/bilateral/large"], about("pleural_effusion", "bilateral", "severe")),
        (["Pleural Effusion/ right /posterior"], about("pleural_effusion", "right", "unspecified")),
        (
            ["Hydropneumothorax/apex/right"],
            about("pleural_effusion", "right", "unspecified") | about("pneumothorax", "right", "unspecified"),
        ),
        (["Hernia, Hiatal/retrocardiac/large"], about("hiatal_hernia", "severe")),
        (["FRACTURES, BONE/ribs/left/multiple/healed"], about("fracture", "left")),
        (
            ["Calcified Granuloma/lung/hilum/bilateral/multiple/large"],
            about("calcified_granuloma", "perihilar", "bilateral"),
        ),
        (["Emphysema/severe"], about("emphysema", "unspecified", "unspecified", "severe")),
        (["Cicatrix/lung/apex/bilateral"], about("pulmonary_fibrosis", "upper", "bilateral", "unspecified")),
        (["Cicatrix/pleura/apex/left"], about("pleural_thickening", "left")),
        (["Surgical Instruments/mediastinum", "Tube, Inserted"], about("support_devices")),
        (["Mediastinum/prominent/mild"], about("enlarged_cardiomediastinum")),
        (["Mediastinum/lymph nodes/enlarged"], {}),
        (["Costophrenic Angle/left/blunted", "Subcutaneous Emphysema/neck", "Scoliosis"], {}),
    ],
)
def test_terms_become_answers(terms: list[str], answers: dict[str, str]) -> None:
    assert coded(*terms) == answers


@pytest.mark.parametrize(
    ("term", "finding"),
    [
        ("Opacity/ribs/left/round", "lung_opacity"),
        ("Density/lung/base/right", "lung_opacity"),
        ("Density/lung/upper lobe/right/round", "nodule"),
        ("Markings/lung/interstitial/prominent", "lung_opacity"),
        ("Deformity/thoracic vertebrae/anterior", "fracture"),
        ("Foreign Bodies/thorax/left", "support_devices"),
        ("Calcinosis/lung/hilum/lymph nodes", "calcified_granuloma"),
        ("Cicatrix/costophrenic angle/left", "pulmonary_fibrosis"),
    ],
)
def test_a_term_that_settles_nothing_leaves_the_finding_open(term: str, finding: str) -> None:
    assert coded(term)[finding] == ""
    assert f"{finding}.laterality" not in coded(term)


def test_a_finding_that_is_there_is_not_left_open_by_another_term() -> None:
    answers = coded("Density/lung/base/right", "Consolidation/lung/upper lobe/left")
    assert answers == about("consolidation", "upper", "left", "unspecified") | about(
        "lung_opacity", "upper", "left", "unspecified"
    )


@pytest.mark.parametrize("kind", ["Consolidation", "Infiltrate", "Pneumonia"])
def test_parents_follow_with_the_attributes_of_all(kind: str) -> None:
    answers = coded(f"{kind}/lung/upper lobe/right", "Opacity/lung/base/left/mild")
    opacity = {key: answer for key, answer in answers.items() if key.startswith("lung_opacity")}
    assert opacity == about("lung_opacity", "multiple", "bilateral", "mild")


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        (["normal"], "present"),
        (["normal", "Pneumothorax"], "absent"),
        (["Cardiomegaly/mild"], "absent"),
        (["Scoliosis"], ""),
        (["Calcified Granuloma/lung", "Tube, Inserted"], ""),  # these do not count against it
    ],
)
def test_no_finding_is_what_the_coders_call_normal(terms: list[str], answer: str) -> None:
    assert openi_mesh.answers(terms)["no_finding"] == answer


def test_a_part_that_the_map_does_not_know_is_left_over() -> None:
    assert openi_mesh.left_over("Opacity/lung/base/left/streaky") == ()
    assert openi_mesh.left_over("Scoliosis/thoracic vertebrae") == ()
    assert openi_mesh.left_over("Opacty/lung/bse") == ("opacty", "bse")


def test_a_report_without_codes_is_no_report_without_findings(tmp_path: Path) -> None:
    terms = {
        "CXR1": ("No Indexing",),
        "CXR2": ("Technical Quality of Image Unsatisfactory ",),
        "CXR3": (),
        "CXR4": ("Technical Quality of Image Unsatisfactory ", "Cardiomegaly"),
    }
    *rows, last = openi_mesh.read(write_terms(tmp_path / "in.tgz", terms))
    assert rows == [Uncoded("CXR1"), Uncoded("CXR2"), Uncoded("CXR3")]
    assert isinstance(last, GoldAnswers) and last.answers["cardiomegaly"] == "present"


def test_the_archive_its_folder_and_a_file_give_the_same_terms(tmp_path: Path) -> None:
    body = "<MeSH><major>A/b\n  c</major><automatic>d</automatic><major> </major></MeSH>"
    (tmp_path / "9.xml").write_text(f'<eCitation><uId id="CXR9"/>{body}</eCitation>', encoding="utf-8")
    (tmp_path / "x.xml").write_text("<eCitation>", encoding="utf-8")
    first, second = read_terms(tmp_path)
    assert first == Coded("9.xml", 1, "CXR9", ("A/b c",))
    assert isinstance(second, BadRow) and "no well-formed XML" in second.reason
    assert list(read_terms(tmp_path / "9.xml")) == [first]
    archive = write_terms(tmp_path / "in.tgz", {"CXR9": ("A/b c",), "": ()})
    one, nameless = read_terms(archive)
    assert one == Coded("in.tgz", 1, "CXR9", ("A/b c",))
    assert isinstance(nameless, BadRow) and nameless.reason == "the report id is missing or empty"


@pytest.mark.parametrize(
    ("attribute", "given", "answer"),
    [
        ("laterality", [], "unspecified"),
        ("laterality", ["right", "left"], "bilateral"),
        ("severity", ["mild", "severe", "moderate"], "severe"),
        ("location", ["upper", "middle", "lower"], "multiple"),
        ("location", ["upper", "lower", "diffuse"], "diffuse"),
        ("location", ["upper", "lower", "multiple"], "multiple"),
    ],
)
def test_answers_are_joined_as_the_finding_defines(attribute: str, given: list[str], answer: str) -> None:
    assert combined(FINDINGS["atelectasis"].attributes[attribute], given) == answer


def test_a_parent_that_the_source_does_not_code_is_not_answered() -> None:
    assert answers_from(PANEL, {"pneumonia": {}}, (), ("pneumonia",)) == {"pneumonia": "present"}


def test_gaps_are_filled_only_where_the_source_codes() -> None:
    row = GoldAnswers("CXR1", {"nodule": "present", "mass": ""})
    absent = filled(PANEL, row, ("nodule", "mass", "pneumothorax"), "absent")
    chosen = ["nodule", "nodule.location", "mass", "mass.location", "pneumothorax", "pneumothorax.severity"]
    assert [absent[q] for q in chosen] == ["present", "", "", "", "absent", "not_applicable"]
    assert absent["fracture"] == absent["fracture.laterality"] == ""
    blank = filled(PANEL, row, ("nodule", "mass", "pneumothorax"), "blank")
    assert set(blank.values()) == {"present", ""}


def test_zeros_of_a_column_without_ones_say_nothing() -> None:
    assert "hiatal_hernia" not in negbio.asked()
    assert "hiatal_hernia" in openi_mesh.asked() and len(openi_mesh.asked()) == len(PANEL.findings)


def test_a_row_that_is_broken_is_told_by_its_number(tmp_path: Path) -> None:
    source = sarle.plant(tmp_path).source
    lines = source.read_text("utf-8").splitlines()
    source.write_text(
        "\n".join([lines[0], lines[1].replace("1", "x", 4), lines[2][:20], f"a{lines[3]}"]), "utf-8"
    )
    rows = list(sarle.read(source))
    assert [row.offset for row in rows if isinstance(row, BadRow)] == [1, 2, 3]
    assert [row.reason[:12] for row in rows if isinstance(row, BadRow)][1] == "the column '"


def test_a_map_that_names_what_the_panel_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(table: dict[str, object]) -> None:
        monkeypatch.setattr(loader, "package_toml", lambda folder, name: table)

    rules = [{"finding": "mass", "terms": ["Mass"]}]
    given({"rules": [{"finding": "mas", "terms": ["Mass"]}]})
    with pytest.raises(UnknownNameError, match="Did you mean 'mass'"):
        loader.load_terms("mine", PANEL)
    given({"rules": rules, "qualifiers": {"laterality": {"lft": ["left"]}}})
    with pytest.raises(UnknownNameError, match=r"mine\.toml.*Did you mean 'left'"):
        loader.load_terms("mine", PANEL)
    given({"rules": rules, "implied": {"side": {"left": ["left"]}}})
    with pytest.raises(UnknownNameError, match="attribute of the panel 'chest_xray'"):
        loader.load_terms("mine", PANEL)
    given({"rules": rules, "unmaped": []})
    with pytest.raises(UnknownNameError, match="Did you mean 'unmapped'"):
        loader.load_terms("mine", PANEL)
    given({"id": "a", "findings": {"mass": ["b"]}, "only_present": ["masses"]})
    with pytest.raises(UnknownNameError, match="Did you mean 'mass'"):
        loader.load_table("mine", PANEL)
