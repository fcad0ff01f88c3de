"""Is a corpus what its card says, and is its gold sound? Every problem in one line, without report text."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np

from reportnlp.corpora.agreement import disagreements, kappas
from reportnlp.corpora.folder import Corpus
from reportnlp.corpora.near import near_duplicates
from reportnlp.findings import Panel, load_panel
from reportnlp.findings.together import clashes
from reportnlp.types import Presence

BOUNDED = 5_000
"""Reports up to which near-duplicates are looked for; beyond that, equal texts only."""

SETS = {"generated": "generated"}
"""What the one set of a corpus without sets is called; else it has the corpus's name."""


def problems(corpus: Corpus) -> Iterator[str]:
    """Everything that is wrong with a corpus, in words that say which report and what the mend is."""
    panel = load_panel(corpus.card.panel) if corpus.card.panel else None
    yield from _ids(corpus)
    yield from _repeats(corpus)
    yield from _people(corpus)
    if panel:
        yield from _answers(corpus, panel)
        yield from _evidence(corpus, panel)
        yield from _readers(corpus, panel)
    yield from _counts(corpus)


def _ids(corpus: Corpus) -> Iterator[str]:
    ids = Counter(row["report_id"] for row in corpus.rows)
    yield from (f"the id {report} is there {n} times" for report, n in ids.items() if n > 1)
    yield from (f"{report} has no gold answers" for report in ids if report not in corpus.gold)
    yield from (f"{report} has gold answers and no text" for report in corpus.gold if report not in ids)


def _repeats(corpus: Corpus) -> Iterator[str]:
    texts: dict[str, str] = {}
    for report, text in corpus.texts.items():
        first = texts.setdefault(" ".join(text.lower().split()), report)
        if first != report:
            yield f"{report} has the text of {first}"
    if len(corpus.rows) <= BOUNDED:
        for pair in near_duplicates(corpus.texts):
            yield f"{pair.first} and {pair.second} are near-duplicates (Jaccard {pair.similarity:.2f})"


def _people(corpus: Corpus) -> Iterator[str]:
    """A voice stays at its site, a patient too; dates are dates."""
    for key in ("voice", "patient_id"):
        sites: dict[str, set[str]] = defaultdict(set)
        for row in corpus.rows:
            if key in row:
                sites[row[key]].add(row.get("site", ""))
        yield from (f"the {key} {who} is at {len(at)} sites" for who, at in sites.items() if len(at) > 1)
    for row in corpus.rows:
        if "exam_date" in row and _day(row) is None:
            yield f"{row['report_id']} has an exam_date that is none; write it as 2023-04-05"


def _day(row: Mapping[str, Any]) -> date | None:
    try:
        return date.fromisoformat(row["exam_date"])
    except (TypeError, ValueError):
        return None


def _answers(corpus: Corpus, panel: Panel) -> Iterator[str]:
    allowed = {question.name: question.answers for question in panel.questions}
    for report, row in corpus.gold.items():
        for question, answer in row.items():
            if question not in allowed:
                yield f"{report} answers {question}, which is no question of the panel {panel.name}"
            elif answer and answer not in allowed[question]:
                yield f"{report} has an answer to {question} that is none of {', '.join(allowed[question])}"
        for finding in panel.findings:
            yield from (f"{report}: {what}" for what in clashes(finding, row))


def _evidence(corpus: Corpus, panel: Panel) -> Iterator[str]:
    if corpus.evidence is None:
        return
    findings = {finding.name: finding for finding in panel.findings}
    texts = corpus.texts
    shown: set[tuple[str, str]] = set()
    for row in corpus.evidence:
        report, finding = row["report_id"], row["finding"]
        shown.add((report, finding))
        if report not in texts or finding not in findings:
            yield f"evidence.csv speaks of {finding} in {report}, and one of them is not there"
        elif not row["text"] or texts[report][int(row["start"]) : int(row["end"])] != row["text"]:
            yield f"the evidence of {finding} in {report} is not what stands there"
    for report, answers in corpus.gold.items():
        for finding in findings.keys() & answers.keys():
            silent = answers[finding] in ("", Presence.NOT_MENTIONED)
            if silent == ((report, finding) in shown) and not (silent and findings[finding].none_of_panel):
                state = (
                    "evidence, and is not mentioned" if silent else f"no evidence, and is {answers[finding]}"
                )
                yield f"{finding} in {report} has {state}"


def _readers(corpus: Corpus, panel: Panel) -> Iterator[str]:
    """The card's agreement is the readers', and gold is what they agree on or what was settled."""
    if len(corpus.readers) != 2:
        return
    questions = [question.name for question in panel.questions]
    first, second = corpus.readers
    for question, value in kappas(first, second, questions).items():
        said = corpus.card.kappa.get(question, math.nan)
        if not (said == value or (math.isnan(said) and math.isnan(value))):
            yield f"the card says kappa {said} for {question}; the readers' answers give {value}"
    settled = {(d.report, d.question): d.settled for d in corpus.card.disagreements}
    open_ones = {(report, question) for report, question, _, _ in disagreements(first, second, questions)}
    yield from (f"the card does not settle {q} of {r}" for r, q in sorted(open_ones - settled.keys()))
    yield from (
        f"the card settles {q} of {r}, which was not open" for r, q in sorted(settled.keys() - open_ones)
    )
    settled |= {(c.report, c.question): c.corrected for c in corpus.card.corrections}
    for report, answers in corpus.gold.items():
        for question in questions:
            wanted = settled.get((report, question), first.get(report, {}).get(question))
            if answers.get(question) != wanted:
                yield f"gold says {answers.get(question)} to {question} of {report}; the readers {wanted}"


def _counts(corpus: Corpus) -> Iterator[str]:
    for key, value in counts_of(corpus).items():
        said = getattr(corpus.card, key)
        if said and said != value:
            yield f"the card's {key} is {said}, and should be {value}"
    if not corpus.card.reports:
        yield f"the card does not say how many reports there are: reports = {counts_of(corpus)['reports']}"


def counts_of(corpus: Corpus) -> dict[str, object]:
    """What a card should say of itself."""
    rows = corpus.rows
    days = [day for row in rows if (day := _day(row) if "exam_date" in row else None)]
    words = np.percentile([len(row["text"].split()) for row in rows] or [0], (10, 50, 90))
    tenth, median, ninetieth = (round(float(value)) for value in words)
    return {
        "reports": _tally(corpus, "set", SETS.get(corpus.card.role, corpus.name)),
        "sites": _tally(corpus, "site", ""),
        "voices": len({row["voice"] for row in rows if "voice" in row}),
        "patients": len({row["patient_id"] for row in rows if "patient_id" in row}),
        "first_exam": min(days, default=None),
        "last_exam": max(days, default=None),
        "words": (tenth, median, ninetieth),
        "digest": corpus.digest,
        "answers": _answer_counts(corpus),
    }


def _tally(corpus: Corpus, key: str, otherwise: str) -> dict[str, int]:
    return dict(sorted(Counter(row.get(key, otherwise) for row in corpus.rows).items()))


def _answer_counts(corpus: Corpus) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in corpus.gold.values():
        for question, answer in row.items():
            if "." not in question and answer:
                counts[question][answer] += 1
    return {q: {a.value: c[a.value] for a in Presence if c[a.value]} for q, c in counts.items()}
