"""The model card (Mitchell 2019, arXiv:1810.03993): what a model learned from, its test, its failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reportnlp.findings import Panel


def card(name: str, panel: Panel, trained: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        name: of the model.
        panel: whose questions it answers.
        trained: the record that `config.json` keeps.
    """
    return "\n".join(_lines(name, panel, trained)) + "\n"


def _lines(name: str, panel: Panel, trained: Mapping[str, Any]) -> Iterator[str]:
    yield from ("---", "library_name: reportnlp", "pipeline_tag: text-classification", "language: en", "---")
    yield f"# {name}: {panel.title}"
    yield ""
    yield (
        f"Answers the questions of the panel `{panel.name}` about a radiology report: {panel.definition} "
        f"Architecture `{trained['architecture']}`, {trained['parameters']:,} parameters, made by reportnlp "
        f"{trained['version']}."
    )
    yield from ("", "For research and quality work on archives. Not a medical device.", "")
    yield from ("## Use", "", "```bash", f"reportnlp label REPORTS -o labels.csv --method {name}", "```", "")
    yield from ("## Made by", "", "```bash", trained["command"], "```", "")
    if trained.get("search"):
        said = trained["search"]
        yield from (f"{said[0].upper()}{said[1:]}. All trials: `search.json`.", "")
    yield from _learned(trained)
    yield from _tested(trained)
    yield from ("## Where it fails", "")
    yield trained.get("limits") or (
        "Not known beyond the figures above. Score it on your own reports before you trust it: "
        "`reportnlp evaluate`."
    )


def _learned(trained: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Trained on", "", "| reports | labels | weight |", "|---|---|---|")
    for source in trained["sources"]:
        yield f"| {', '.join(source['inputs'])} | {', '.join(source['labels'])} | {source['weight']:g} |"
    yield from ("", "| question | reports by answer |", "|---|---|")
    for question, counts in trained["answers"].items():
        yield f"| {question} | {', '.join(f'{answer} {n:,}' for answer, n in counts.items())} |"
    yield ""


def _tested(trained: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Tested", "", trained["tested"], "")
    if trained["figures"]:
        yield from ("| question | n | figure | value |", "|---|---|---|---|")
        for row in trained["figures"]:
            yield f"| {row['question']} | {row['n']:,} | {row['figure']} | {row['value']:.3f} |"
        yield ""
