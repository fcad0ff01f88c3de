"""An image model's card (Mitchell 2019, arXiv:1810.03993): what it learned from, its test, its failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def card(name: str, findings: Sequence[str], trained: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        name: of the model.
        findings: what it answers.
        trained: the record that `config.json` keeps.
    """
    return "\n".join(_lines(name, findings, trained)) + "\n"


def _lines(name: str, findings: Sequence[str], trained: Mapping[str, Any]) -> Iterator[str]:
    yield from ("---", "library_name: reportnlp", "pipeline_tag: image-classification", "---")
    yield f"# {name}: {', '.join(findings)}"
    yield ""
    yield (
        f"Says of an image whether it shows {', '.join(findings)}. Network `{trained['model']}`, "
        f"{trained['parameters']:,} parameters, images of {' x '.join(map(str, trained['size']))}, made by "
        f"reportnlp {trained['version']}."
    )
    yield from ("", "For research. Not a medical device.", "")
    yield from ("## Use", "", "```bash")
    yield f"reportnlp images predict IMAGES --model {name} -o labels.csv --maps maps"
    yield from ("```", "", "## Made by", "", "```bash", trained["command"], "```", "")
    yield from _learned(trained)
    yield from ("## Tested", "", trained["tested"], "")
    if trained["figures"]:
        yield from ("| finding | images | figure | value |", "|---|---|---|---|")
        for row in trained["figures"]:
            yield f"| {row['question']} | {row['n']:,} | {row['figure']} | {row['value']:.3f} |"
        yield ""
    yield from (f"- {told}" for told in trained["missing"])
    yield from ("", "## Where it fails", "") if trained["missing"] else ("## Where it fails", "")
    yield trained["limits"] or (
        "Not known beyond the figures above. Score it on gold answers of your own images before you trust "
        "it: `reportnlp images evaluate`."
    )


def _learned(trained: Mapping[str, Any]) -> Iterator[str]:
    counts = trained["images"]
    yield from ("## Trained on", "")
    yield (
        f"{counts['learned']:,} images with the labels of `{trained['labels']}` (sha256 "
        f"{trained['labels_digest'][:12]}), made with policy `{trained['policy']}` for uncertain reports; "
        f"{counts['held out']:,} held out; {counts['quarantined']:,} could not be read."
    )
    yield from ("", "| finding | present | absent | between | not known |", "|---|---|---|---|---|")
    for finding, row in trained["targets"].items():
        yield f"| {finding} | {' | '.join(f'{row[name]:,}' for name in row)} |"
    yield ""
    yield from (f"- {note}" for note in (*trained["notes"], *trained["one_sided"]))
    yield ""
