"""Generating a corpus: the same bytes however many workers and stops; answers asked for; clear refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from reportnlp.errors import InputError, OutputError, ReportNLPError, ResumeError, UnknownNameError
from reportnlp.jobs import generate
from reportnlp.jobs.generate import GenerateSettings, run

FILES = (*generate.FILES, "card.toml")


def settings(folder: Path, name: str = "corpus", **changes: object) -> GenerateSettings:
    return GenerateSettings(folder / name, "pe", **{"count": 1200, "seed": 5, **changes})  # type: ignore[arg-type]


def bytes_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in FILES]


def test_workers_change_nothing(tmp_path: Path) -> None:
    run(settings(tmp_path, "one"))
    run(settings(tmp_path, "two", workers=2))
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_a_stopped_job_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(settings(tmp_path, "whole"))

    class Stop:
        def phase(self, name: str, total: int | None) -> None: ...

        def expect(self, total: int) -> None: ...

        def advance(self, steps: int) -> None:
            if steps:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(settings(tmp_path, "stopped"), Stop())
    part = tmp_path / "stopped.part"
    with (part / "reports.jsonl").open("ab") as lines:
        lines.write(b'{"report_id": "half a li')
    with pytest.raises(OutputError, match="--resume"):
        run(settings(tmp_path, "stopped"))
    with pytest.raises(ResumeError, match="other settings"):
        run(settings(tmp_path, "stopped", seed=6, resume=True))
    run(settings(tmp_path, "stopped", resume=True))
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "stopped")
    assert not part.exists()


def test_no_text_comes_twice_where_few_are_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = iter(range(10**6))
    monkeypatch.setattr(generate, "_digest", lambda text: (next(digests) // 2).to_bytes(8, "big"))
    run(settings(tmp_path, count=50))  # every second text counts as one that is there already
    lines = (tmp_path / "corpus" / "reports.jsonl").read_text("utf-8").splitlines()
    assert len({json.loads(line)["text"] for line in lines}) == 50


def test_answers_that_are_given_are_the_answers(tmp_path: Path) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text(
        "report_id,pulmonary_embolism,pulmonary_embolism.location\n"
        "a,present,saddle\nb,absent,\nc,,subsegmental\nd,,\n",
        encoding="utf-8",
    )
    run(settings(tmp_path, answers=asked, count=None))
    with (tmp_path / "corpus" / "gold.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["report_id"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["a", "b", "c", "d"]
    assert rows["a"]["pulmonary_embolism.location"] == "saddle"
    assert rows["b"]["pulmonary_embolism"] == "absent"
    assert rows["c"]["pulmonary_embolism"] == "present"
    assert rows["c"]["pulmonary_embolism.location"] == "subsegmental"


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ("report_id,pulmonary_embolsm\na,present\n", UnknownNameError, "Did you mean 'pulmonary_embolism'"),
        ("report_id,pulmonary_embolism\na,presnt\n", UnknownNameError, "Did you mean 'present'"),
        ("report_id,pulmonary_embolism,pulmonary_embolism.location\na,absent,main\n", InputError, "absent"),
        ("report_id,pulmonary_embolism\n", InputError, "has no row"),
    ],
)
def test_answers_that_cannot_be_are_refused(
    tmp_path: Path, rows: str, error: type[ReportNLPError], message: str
) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text(rows, encoding="utf-8")
    with pytest.raises(error, match=message):
        run(settings(tmp_path, answers=asked, count=None))
    assert not (tmp_path / "corpus").exists()


def test_what_is_in_the_way_is_kept(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "mine.txt").write_text("mine", encoding="utf-8")
    for overwrite in (False, True):
        with pytest.raises(OutputError):
            run(settings(tmp_path, count=1, overwrite=overwrite))
    assert (tmp_path / "corpus" / "mine.txt").exists()


def test_a_wrong_panel_and_no_count_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="generator"):
        run(GenerateSettings(tmp_path / "corpus", "pee", count=1))
    with pytest.raises(InputError, match="--count"):
        run(GenerateSettings(tmp_path / "corpus", "pe"))


def test_a_corpus_that_was_not_generated_is_never_overwritten(tmp_path: Path) -> None:
    run(settings(tmp_path, count=1))
    run(settings(tmp_path, count=2, overwrite=True))
    card = tmp_path / "corpus" / "card.toml"
    card.write_text(card.read_text("utf-8").replace('"generated"', '"written"', 1), encoding="utf-8")
    with pytest.raises(OutputError, match="is kept"):
        run(settings(tmp_path, count=1, overwrite=True))


def test_what_may_be_text_is_not_shown(tmp_path: Path) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text('report_id,pulmonary_embolism\na,"Mr Example has an embolus"\n', encoding="utf-8")
    with pytest.raises(UnknownNameError) as told:
        run(settings(tmp_path, answers=asked, count=None))
    assert "Example" not in str(told.value)


@pytest.mark.parametrize("out", ["", ".", "gone/corpus"])
def test_a_place_where_no_folder_can_be_is_refused(out: str) -> None:
    with pytest.raises(OutputError):
        run(GenerateSettings(Path(out), "pe", count=1))


def test_the_card_tells_whose_answers_were_asked_for(tmp_path: Path) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text("report_id,pulmonary_embolism\na,present\n", encoding="utf-8")
    run(settings(tmp_path, answers=asked, count=None))
    assert "--answers asked.csv" in (tmp_path / "corpus" / "card.toml").read_text("utf-8")
    assert sorted(path.name for path in (tmp_path / "corpus").iterdir()) == sorted(FILES)


def test_without_noise_no_page_has_a_slip_and_the_answers_are_the_same(tmp_path: Path) -> None:
    for name, noise in (("clean", 0.0), ("usual", 1.0), ("loud", 4.0)):
        run(GenerateSettings(tmp_path / name, "chest_xray", 60, seed=2, noise=noise))
    clean, usual, loud = (texts(tmp_path / name) for name in ("clean", "usual", "loud"))
    assert sum(one.upper() == one for one in clean) == 0
    slipped = [sum(a != b for a, b in zip(clean, other, strict=True)) for other in (usual, loud)]
    assert 0 < slipped[0] < slipped[1]
    gold = [(tmp_path / name / "gold.csv").read_bytes() for name in ("clean", "usual", "loud")]
    assert gold[0] == gold[1] == gold[2]
    assert "--noise 4" in (tmp_path / "loud" / "card.toml").read_text("utf-8")
    assert "--noise" not in (tmp_path / "usual" / "card.toml").read_text("utf-8")


def texts(folder: Path) -> list[str]:
    lines = (folder / "reports.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]
