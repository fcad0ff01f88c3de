"""Answers that cannot stand together: of a finding and its attributes, of a kind and its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reportnlp.findings.schema import Finding
from reportnlp.types import NOT_APPLICABLE, Presence


def clashes(finding: Finding, answers: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with a finding's answers beside the others, in words; questions may be missing."""
    presence = answers.get(finding.name)
    if not presence:
        return
    for key in finding.attributes:
        given = answers.get(f"{finding.name}.{key}")
        if given and (given == NOT_APPLICABLE) == (presence == Presence.PRESENT):
            yield f"{finding.name} is {presence} and its {key} {given}"
    for parent in finding.parents:
        above = answers.get(parent) or Presence.PRESENT
        if presence == Presence.PRESENT and above != Presence.PRESENT:
            yield f"{finding.name} is present and its parent {parent} {above}"
        if above == Presence.ABSENT and presence != Presence.ABSENT:
            yield f"{parent} is absent and its kind {finding.name} {presence}"
