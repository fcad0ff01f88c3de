"""What a page and a terminal call the things that are compared: reports or images, gold or no gold."""

from __future__ import annotations

from dataclasses import dataclass

from reportnlp.evaluation.record import About, Truth


@dataclass(frozen=True, slots=True)
class Words:
    """Words for one evaluation.

    Attributes:
        one, many: what is scored: report, study or image.
        images: whether images are scored, so that no text and no offset is known.
        truth: what the answers are held against.
        short: the same in a heading.
        given: whose answers are held against it, in a heading.
        where: how a sentence about that truth begins; "" where it is gold.
    """

    one: str
    many: str
    images: bool
    truth: str
    short: str
    given: str
    where: str


_TRUTHS: dict[Truth, tuple[str, str, str]] = {
    "gold": ("gold answers", "gold", ""),
    "reports": ("what their reports say; no gold was given", "report", "a report says that "),
    "labels": (
        "labels for training, which may have been read from reports; no gold was given",
        "label",
        "a label says that ",
    ),
}
_ONE = {"reports": "report", "studies": "study", "images": "image"}


def words_of(about: About) -> Words:
    """The words for what was compared."""
    truth, short, where = _TRUTHS[about.truth]
    images = about.units != "reports"
    return Words(_ONE[about.units], about.units, images, truth, short, "model" if images else "given", where)
