"""Which findings are labelled together, in plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reportnlp.findings import Panel, load_panel, panel_names


def run(name: str = "") -> Iterator[str]:
    """Describe one panel, by name or path, or every panel.

    Raises:
        UnknownNameError: no panel has that name, or no finding one that the panel lists.
        InvalidDefinitionError: the file breaks a rule of the schema.
    """
    for each in (name,) if name else panel_names():
        yield from _lines(load_panel(each))


def _counted(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _lines(panel: Panel) -> Iterator[str]:
    yield f"{panel.name}: {panel.title}"
    yield f"    {panel.definition}"
    findings, questions = _counted(panel.findings, "finding"), _counted(panel.questions, "question")
    yield f"    {findings}, {questions}, digest {panel.digest[:12]}"
    for finding in panel.findings:
        attributes = f" ({', '.join(finding.attributes)})" if finding.attributes else ""
        yield f"    - {finding.name}{attributes}"
