"""Denials of chest films: statements that know which findings they answer, one of them or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportnlp.generators._chest_xray.tables import (
    BITS,
    CLEAR,
    FILE,
    FILM,
    FINDINGS,
    LESIONS,
    LUNG_DISEASE,
    OPACITY,
    PLEURA,
    SHADOWS,
    bits,
)
from reportnlp.generators._tables import refuse_unknown
from reportnlp.generators.blocks import Act

TERMS: Mapping[str, frozenset[str]] = {
    f"n_{name}": frozenset({name, *finding.covers}) for name, finding in FILM.findings.items()
}
"""The rule that names a thing, to what denying it denies."""
PLURALS = frozenset(f"n_{name}" for name in FILM.members(("plurals",)))


@dataclass(frozen=True, slots=True)
class Statement:
    """A denial, and the findings it answers. Sets of findings are numbers (`tables.bits`).

    Attributes:
        rule: of the grammar.
        denies: the findings that are absent once it is made.
        weight: how often it is made.
        topic: where in the findings.
        terms: the rules that name what a list denies.
        mask: `denies`.
        spoiled: findings beside which nobody would say it.
        beside: findings without one of which nobody would say it, if any.
        says: what no section says twice.
    """

    rule: str
    denies: frozenset[str]
    weight: float
    topic: str
    terms: tuple[str, ...]
    mask: int
    spoiled: int
    beside: int
    says: int

    def act(self, section: str, topic: str, *, many: bool = False) -> Act:
        """The statement, made in a section; a list of what can be counted may be in the plural."""
        many = many and self.rule.startswith("deny_") and PLURALS.issuperset(self.terms)
        terms = [f"{term}_many" if many else term for term in self.terms]
        slots = {f"n{number}": term for number, term in enumerate(terms, start=1)}
        rule = self.rule.replace("deny_", "deny_many_") if many else self.rule
        return Act(rule, section, topic, slots, tuple(sorted(self.denies)))


def listed(names: Sequence[str], weight: float = 1.0, *, clear: bool = False) -> Statement:
    """A list of what there is not, perhaps after "the lungs are clear"."""
    terms = tuple(f"n_{name}" for name in names)
    denies = frozenset().union(*(TERMS[term] for term in terms))
    says = bits(OPACITY if name in SHADOWS else name for name in names)
    spoiled = LESIONS if OPACITY in names or not LESIONS.isdisjoint(names) else frozenset()
    rule = "deny"
    if clear:
        rule, denies, spoiled, says = "clear", denies | CLEAR, LUNG_DISEASE | PLEURA, says | BITS["clear"]
    topic = FILM.findings[names[0]].topic
    return Statement(
        f"{rule}_{len(terms)}", denies, weight, topic, terms, bits(denies), bits(spoiled), 0, says
    )


def _statements(weights: Mapping[str, float]) -> tuple[Statement, ...]:
    return tuple(_statement(said, weight) for said, weight in weights.items())


def _statement(said: str, weight: float) -> Statement:
    """Read a rule of `[denials]`, or a list: "deny" or "clear", and names."""
    first, *names = said.split()
    if names:
        refuse_unknown("way of listing denials", (first,), ("deny", "clear"))
        refuse_unknown(f"finding of {FILE}", names, FINDINGS)
        return listed(names, weight, clear=first == "clear")
    refuse_unknown(f"denial of {FILE}", (said,), FILM.denials)
    denial = FILM.denials[said]
    denies, wide = FILM.members(denial.denies), set(denial.says) & {"clear", "acute"}
    says = FILM.members(set(denial.says) - wide) | wide if denial.says else denies
    spoiled, beside = bits(FILM.members(denial.spoiled)), bits(FILM.members(denial.beside))
    return Statement(said, denies, weight, denial.topic, (), bits(denies), spoiled, beside, bits(says))


SAID = _statements(FILM.said)
ENDS = _statements(FILM.ends)
"""What an impression says where nothing was found."""
ENDED = _statements(FILM.ended)
"""What an impression adds to something that was found."""
