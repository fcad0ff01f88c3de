"""What can be labelled, in plain lines: every finding, or one in full."""

from __future__ import annotations

from collections.abc import Iterator

from reportnlp.findings import Attribute, Finding, finding_names, load_finding

PHRASE_KINDS = (
    "phrases",
    "signs",
    "doubtful",
    "normal",
    "broad",
    "wider",
    "inconclusive",
    "exclusions",
    "shorthand",
    "redefined",
    "rivals",
    "supports",
)


def run(name: str = "") -> Iterator[str]:
    """Describe one finding in full, by name or path, or every finding in short.

    Raises:
        UnknownNameError: no finding has that name.
        InvalidDefinitionError: the file breaks a rule of the schema.
    """
    if name:
        yield from in_full(load_finding(name))
        return
    for each in finding_names():
        yield from in_short(load_finding(each))


def in_short(finding: Finding) -> Iterator[str]:
    """Name, title, definition, codes, attributes and the number of phrases."""
    yield f"{finding.name}: {finding.title}"
    yield f"    {finding.definition}"
    codes = _codes(finding)
    if codes:
        yield f"    codes: {', '.join(codes)}"
    for name, attribute in finding.attributes.items():
        yield _attribute(name, attribute)
    yield f"    phrases: {len(finding.phrases)}, worked cases: {len(finding.cases)}"


def in_full(finding: Finding) -> Iterator[str]:
    """Everything of the definition but the worked cases, which are counted."""
    yield f"{finding.name}: {finding.title}"
    yield f"    {finding.definition}"
    if finding.parents:
        yield f"    parents: {', '.join(finding.parents)}"
    for code in finding.codes:
        meaning = f" for {code.of}" if code.of else ""
        doubt = "" if code.confirmed else ", unconfirmed"
        yield f"    code: {code.system} {code.code}{meaning} ({code.source}, {code.retrieved}{doubt})"
    for name, attribute in finding.attributes.items():
        yield _attribute(name, attribute)
    for kind in PHRASE_KINDS:
        phrases: tuple[str, ...] = getattr(finding, kind)
        if phrases:
            yield f"    {kind} ({len(phrases)}):"
            yield from (f"        {phrase}" for phrase in phrases)
    yield f"    worked cases: {len(finding.cases)}"


def _codes(finding: Finding) -> list[str]:
    """The finding's own codes; those of single answers are shown with the finding in full."""
    return [f"{code.system} {code.code}" for code in finding.codes if not code.of]


def _attribute(name: str, attribute: Attribute) -> str:
    return f"    {name}: {', '.join(attribute.answers)}"
