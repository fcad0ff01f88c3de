"""`reportnlp weak fit`: votes in, labels with probabilities out, and a classifier that learned them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reportnlp import __version__
from reportnlp.archive.places import refuse_folder
from reportnlp.config import read_toml
from reportnlp.errors import InputError, OutputError
from reportnlp.findings import Panel, load_panel
from reportnlp.formats.loader import check_writer, writer_for
from reportnlp.labelmodels.blocks import LabelModel
from reportnlp.labelmodels.loader import make, save
from reportnlp.training.progress import Progress, Silent
from reportnlp.types import (
    ABSTAIN,
    Label,
    LabelledReport,
    LabelTable,
    Posteriors,
    Report,
    Votes,
)
from reportnlp.votes import read_votes

if TYPE_CHECKING:
    from reportnlp.evaluation.weak import Distillation
    from reportnlp.jobs._fit_compare import Comparing
    from reportnlp.jobs.train import Trained, TrainJob

ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What is fitted, and where to.

    Attributes:
        votes: folder that `reportnlp weak votes` wrote.
        out: the label table.
        label_model: its name.
        settings: of the label model.
        balance: TOML file of known shares of answers, or `estimate`.
        panel: a panel's name or the path of a TOML file; "" is the one that was voted on.
        keep: folder to keep the fitted label model in; None keeps none.
        train: how a classifier is trained on the table; None trains none.
        compare: the page that compares; None makes none.
        seed: of everything random.
        overwrite: replace the outputs.
    """

    votes: Path
    out: Path
    label_model: str = "data_programming"
    settings: Mapping[str, Any] = field(default_factory=dict)
    balance: str = ESTIMATE
    panel: str = ""
    keep: Path | None = None
    train: TrainJob | None = None
    compare: Comparing | None = None
    seed: int = 0
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of it.

    Attributes:
        model: the label model.
        reports: how many were labelled.
        silent: of them, those on which no function votes at all.
        open: questions that no function votes on; they are not in the table.
        trained: the classifier; None where none was asked for.
        compared: what the page shows; None where none was asked for.
    """

    model: LabelModel
    reports: int
    silent: int
    open: tuple[str, ...]
    trained: Trained | None
    compared: Distillation | None = None


def run(settings: FitSettings, progress: Progress | None = None) -> Fitted:
    """Fit the label model, write its labels, and train and compare where that was asked for.

    Raises:
        InputError: the votes or shares cannot be read or learned from.
        OutputError: an output exists or cannot be written.
        UnknownNameError: no such label model, setting, panel, question or answer.
        TrainingError: a training that came to nothing.
    """
    told = progress or Silent()
    _refuse_existing(settings)
    votes, meta = read_votes(settings.votes)
    panel = load_panel(settings.panel or str(meta.get("panel", "")))
    writer = writer_for(settings.out, can_be_named=False)
    told.phase("fitting the label model", None)
    balance = {} if settings.balance == ESTIMATE else read_balance(Path(settings.balance))
    model = make(settings.label_model, settings.settings, panel=panel)
    model.fit(votes, seed=settings.seed, balance=balance)
    kept = answered(votes)
    check_writer(writer, kept.questions)
    table = label_table(model.predict(votes), panel, kept, settings.label_model)
    _write(settings.out, table)
    if settings.keep is not None:
        save(model, settings.keep)
    trained = None
    if settings.train is not None:
        from reportnlp.jobs import train

        chosen = settings.panel or panel.name
        trained = train.run(replace(settings.train, panel=chosen), told)
    compared = None
    if settings.compare is not None:
        from reportnlp.jobs import _fit_compare

        compared = _fit_compare.run(settings.compare, settings, votes, panel, balance, told)
    silent = int((votes.values == ABSTAIN).all(axis=(1, 2)).sum())
    unanswered = tuple(q.name for q in votes.questions if q not in kept.questions)
    return Fitted(model, len(votes.report_ids), silent, unanswered, trained, compared)


def read_balance(path: Path) -> dict[str, dict[str, float]]:
    """Known shares of answers: a table for each question, an answer and its share in each line.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    found: dict[str, dict[str, float]] = {}
    for name, shares in _flat(read_toml(path)):
        for answer, share in shares.items():
            if isinstance(share, bool) or not isinstance(share, int | float):
                raise InputError(f"{path} gives {name} = {answer} no number. Write a share, as 0.05.")
        found[name] = {answer: float(share) for answer, share in shares.items()}
    return found


def _flat(tables: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """`[pulmonary_embolism.location]` is a table within a table: its name is put together again."""
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for finding, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(
                f"'{finding}' of the balance is no table. Write [question], and an answer = share below it."
            )
        own = {answer: share for answer, share in table.items() if not isinstance(share, dict)}
        rows += [(finding, own)] if own else []
        rows += [(f"{finding}.{key}", part) for key, part in table.items() if isinstance(part, dict)]
    return rows


def answered(votes: Votes) -> Votes:
    """The votes without the questions that nobody votes on; of an attribute, without its finding neither."""
    spoken = (votes.values != ABSTAIN).any(axis=(0, 1))
    findings = {
        q.finding for q, said in zip(votes.questions, spoken, strict=True) if said and q.attribute is None
    }
    chosen = [n for n, q in enumerate(votes.questions) if spoken[n] and q.finding in findings]
    questions = tuple(votes.questions[n] for n in chosen)
    return Votes(votes.values[:, :, chosen], votes.report_ids, votes.functions, questions)


def label_table(posteriors: Posteriors, panel: Panel, votes: Votes, name: str) -> LabelTable:
    """The likeliest answers that can stand together, with their probabilities; without evidence."""
    from reportnlp.classifiers._decide import Decider
    from reportnlp.classifiers._questions import Columns

    asked = [q.name for q in votes.questions]
    at = [n for n, question in enumerate(posteriors.questions) if question.name in asked]
    questions = tuple(posteriors.questions[n] for n in at)
    taken = Posteriors(posteriors.values[:, at], posteriors.report_ids, questions)
    found = Decider(Columns(questions), panel, {}).answers(taken)
    names = [(question.name, [str(answer) for answer in question.answers]) for question in questions]
    rows = tuple(
        LabelledReport(
            Report(report, ""),
            tuple(
                Label(name, answers[pick], round(probability, 6))
                for (name, answers), pick, probability in zip(names, picks, probabilities, strict=True)
            ),
        )
        for report, picks, probabilities in zip(
            taken.report_ids, found.picks.tolist(), np.clip(found.probabilities, 0, 1).tolist(), strict=True
        )
    )
    return LabelTable(questions, rows, name, f"{name} {__version__} {panel.name} {panel.digest[:12]}")


def _write(out: Path, table: LabelTable) -> None:
    """Write a table whole, beside its place, then put it there."""
    writer = writer_for(out, can_be_named=False)
    shard, part = out.with_name(f"{out.name}.shard"), out.with_name(f"{out.name}.part")
    try:
        writer.write_shard(shard, table)
        writer.merge([shard], part, table.questions)
        part.replace(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}.") from error
    finally:
        shard.unlink(missing_ok=True)


def _refuse_existing(settings: FitSettings) -> None:
    refuse_folder(settings.out)
    page = None if settings.compare is None else settings.compare.out
    for path in (settings.out, settings.keep, page):
        if path is not None and path.exists() and not settings.overwrite:
            raise OutputError(f"{path} exists. Name another place, or add --overwrite.")


def describe(fitted: Fitted) -> list[str]:
    """What came of it, in lines."""
    model = fitted.model
    lines = [
        f"labelled {fitted.reports:,} reports by the votes of {len(model.functions)} functions on "
        f"{len(model.questions) - len(fitted.open)} questions; on {fitted.silent:,} of the reports none votes"
    ]
    if fitted.open:
        lines.append(f"no function votes on, and the table leaves out: {', '.join(fitted.open)}")
    presence = [n for n, q in enumerate(model.questions) if q.attribute is None and q.name not in fitted.open]
    weights = model.learned[presence[0]].weights if presence else ()
    less = [f"{name} {w:.2f}" for name, w in zip(model.functions, weights, strict=False) if w < 0.995]
    if less:
        lines.append(f"votes on presence that repeat others count less: {', '.join(less)}")
    return lines
