"""What a user is to be warned of after a vote: a function that failed or was silent, a wrong panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reportnlp.jobs.votes import Outcome

FEWEST = 20
"""Reports from which silence says something of the panel."""

LEAST_SPOKEN = 0.13
"""Share of a fitting panel's findings, over the reports, of which the reports say something.

Set between the shares that the rules vote on where a panel is of the same part of the body as the exams, and
those where it is of another (four panels, on written reports and Open-I); the line only asks.
"""


def failed_on_all(outcome: Outcome) -> tuple[str, ...]:
    """Functions that failed on every report and cast no vote."""
    voted = _voted(outcome)
    return tuple(
        name
        for name, kinds in outcome.faults.items()
        if kinds and kinds.total() == outcome.tally.reports and name not in voted
    )


def _voted(outcome: Outcome) -> set[str]:
    return {record.function for record in outcome.records if record.coverage.part}


def warnings(outcome: Outcome, faults: str) -> Iterator[str]:
    """A line for each; `faults` is the file that lists the reports."""
    for name, kinds in outcome.faults.items():
        if kinds:
            yield _failed(outcome, name, kinds, faults)
    apart = {name for name, joined in outcome.joined.items() if joined.ids and not joined.matched}
    if outcome.tally.reports:
        for name in sorted(apart):
            yield f"'{name}': none of its {outcome.joined[name].ids:,} ids is among the reports; compare them"
        told = _voted(outcome) | apart | set(outcome.faults)
        silent = [name for name in outcome.functions if name not in told]
        if silent:
            yield f"voted on no report: {', '.join(silent)}"
    yield from _of_panel(outcome)


def _failed(outcome: Outcome, name: str, kinds: Counter[str], faults: str) -> str:
    told = ", ".join(f"{kind}: {count:,}" for kind, count in kinds.most_common())
    every = "ALL " if kinds.total() == outcome.tally.reports else ""
    whole = f"{every}{kinds.total():,} of {outcome.tally.reports:,} reports"
    return f"the function '{name}' failed on {whole} ({told}); {faults} lists them"


def _of_panel(outcome: Outcome) -> Iterator[str]:
    """Nearly nothing is said of a panel that belongs to other exams."""
    spoken, reports = outcome.tally.spoken, outcome.tally.reports
    asked = reports * sum(question.attribute is None for question in outcome.questions)
    if reports >= FEWEST and _voted(outcome) and spoken < LEAST_SPOKEN * asked:
        yield (
            f"the reports say next to nothing of the panel '{outcome.panel}': in only "
            f"{100 * spoken / asked:.0f} % of reports and findings does any function vote present, absent or "
            "uncertain; is it the panel of these exams? (see: reportnlp panels)"
        )
