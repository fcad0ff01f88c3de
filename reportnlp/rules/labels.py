"""From a finding's verdict to its labels: presence, then each attribute, with probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from reportnlp.config import package_toml
from reportnlp.findings.schema import Finding
from reportnlp.rules.conclude import Placed, Verdict, conclude_attribute
from reportnlp.rules.lexicon import Kind
from reportnlp.rules.readings import Assertion
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED, Label, Presence


@cache
def probabilities() -> dict[str, dict[str, float]]:
    """Answer, then the reason for it, to the probability that it is right; see `probability.toml`.

    The row `attribute` holds that of an attribute's answer, given that the finding is present.
    """
    table = package_toml("rules", "probability.toml")
    return {**table["presence"], "attribute": table["attribute"]}


def labels_of(finding: Finding, verdict: Verdict, placed: Sequence[Placed]) -> list[Label]:
    """One label per question of a finding, in order.

    Args:
        finding: what was looked for.
        verdict: its presence, and why.
        placed: every mention of it.
    """
    shown = verdict.shown_by
    probability = probabilities()[verdict.answer.value][verdict.basis.value]
    evidence, section = (shown.span, shown.section) if shown else (None, "")
    presence = Label(finding.name, verdict.answer.value, probability, evidence, section)
    if verdict.answer is not Presence.PRESENT:
        return [presence, *_not_applicable(finding.name, tuple(finding.attributes), probability)]
    return [presence, *_attribute_labels(finding, probability, [p for p in placed if _affirms(p)])]


@cache
def _not_applicable(finding: str, attributes: tuple[str, ...], probability: float) -> tuple[Label, ...]:
    return tuple(Label(f"{finding}.{name}", NOT_APPLICABLE, probability) for name in attributes)


def _affirms(placed: Placed) -> bool:
    mention = placed.mention
    return mention.assertion is Assertion.PRESENT and mention.kind in (Kind.FINDING, Kind.SIGN)


def _attribute_labels(finding: Finding, probability: float, placed: Sequence[Placed]) -> list[Label]:
    found = {name: conclude_attribute(name, a, placed) for name, a in finding.attributes.items()}
    labels: list[Label] = []
    for name, attribute in finding.attributes.items():
        answer, evidence, section = found[name]
        for reason, implied in attribute.imply.items():
            other, _, value = reason.partition("=")
            if answer == UNSPECIFIED and other in found and found[other][0] == value:
                answer, evidence, section = implied, found[other][1], found[other][2]
        share = probabilities()["attribute"]["stated" if evidence else "unspecified"]
        labels.append(
            Label(f"{finding.name}.{name}", answer, round(probability * share, 4), evidence, section)
        )
    return labels
