"""The same figures for each site, year or split: a pooled figure can hide a site where a method fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reportnlp.evaluation.answers import Answers
from reportnlp.evaluation.metrics import evaluate
from reportnlp.evaluation.scores import AttributeScore, PanelScore, PresenceScore, UncertainAs
from reportnlp.types import Report

UNKNOWN = "(unknown)"


@dataclass(frozen=True, slots=True)
class Stratum:
    """The main figures over some of the reports.

    Attributes:
        by: what they have in common: site, year, split.
        value: its value.
        n: reports scored.
        presence, attributes, panel: as in `Scores`.
    """

    by: str
    value: str
    n: int
    presence: tuple[PresenceScore, ...]
    attributes: tuple[AttributeScore, ...]
    panel: PanelScore | None


def sites_and_years(reports: Iterable[Report]) -> dict[str, dict[str, str]]:
    """`site` and `year` to report id to value; one with less than two known values is left out."""
    groups: dict[str, dict[str, str]] = {"site": {}, "year": {}}
    for report in reports:
        groups["site"][report.id] = report.site or UNKNOWN
        groups["year"][report.id] = str(report.exam_date.year) if report.exam_date else UNKNOWN
    return {by: value_of for by, value_of in groups.items() if len(set(value_of.values()) - {UNKNOWN}) > 1}


def stratify(
    given: Answers,
    gold: Answers,
    groups: Mapping[str, Mapping[str, str]],
    *,
    seed: int,
    uncertain_as: UncertainAs = "negative",
    resamples: int = 1000,
) -> tuple[Stratum, ...]:
    """Score each group of reports by itself; `groups` is what groups them (`site`) to report id to value.

    The rest is as in `evaluate`.
    """
    return tuple(_strata(given, gold, groups, seed, uncertain_as, resamples))


def _strata(
    given: Answers,
    gold: Answers,
    groups: Mapping[str, Mapping[str, str]],
    seed: int,
    policy: UncertainAs,
    resamples: int,
) -> Iterator[Stratum]:
    for by, value_of in groups.items():
        for value in sorted(set(value_of.values())):
            wanted = {r: row for r, row in gold.items() if r in given and value_of.get(r) == value}
            if any(answer for row in wanted.values() for answer in row.values()):
                labels = {report: given[report] for report in wanted}
                scores = evaluate(labels, wanted, seed=seed, uncertain_as=policy, resamples=resamples)
                yield Stratum(by, value, len(wanted), scores.presence, scores.attributes, scores.panel)
