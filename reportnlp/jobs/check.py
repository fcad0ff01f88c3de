"""`reportnlp corpora check`: are the corpora what their cards say, and does quality hold on them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reportnlp.archive.progress import Progress, Silent
from reportnlp.corpora import Corpus, problems, read_card, read_corpus
from reportnlp.corpora.card import NAME, Card
from reportnlp.corpora.floors import Floors, fallen, measure, moved, read_floors, write_floors
from reportnlp.corpora.folder import READERS
from reportnlp.embeddings._intrinsic import FILE, read_items
from reportnlp.errors import InputError

METHODS = ("rules",)
GUIDELINE = "GUIDELINE.md"


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What to check.

    Attributes:
        folders: corpus folders, or folders of them.
        floors: a file of floors; None checks none.
        raise_floors: raise the floors to what is measured now; new corpora and questions get theirs.
        lower_floors: set them to what is measured now, lower ones too.
    """

    folders: Sequence[Path]
    floors: Path | None = None
    raise_floors: bool = False
    lower_floors: bool = False


@dataclass(slots=True)
class Checked:
    """What was found of one corpus.

    Attributes:
        name: its folder's.
        reports: how many there are; None where there is a card alone.
        problems: each in a line.
        unheld: floors were asked for, and it has none.
    """

    name: str
    reports: int | None
    problems: list[str] = field(default_factory=list)
    unheld: bool = False


def run(settings: CheckSettings, progress: Progress | None = None) -> list[Checked]:
    """Check every corpus.

    Raises:
        InputError: a folder is no corpus.
    """
    _refuse(settings)
    folders = list(dict.fromkeys(_folders(settings.folders)))
    watch = progress or Silent()
    watch.phase("checking corpora", len(folders))
    digests, floors = read_floors(settings.floors) if settings.floors else ({}, {})
    found = []
    for folder in folders:
        found.append(_check(folder, settings, digests, floors))
        watch.advance(1)
    if settings.floors and (settings.raise_floors or settings.lower_floors):
        write_floors(settings.floors, digests, floors)
    return found


def _refuse(settings: CheckSettings) -> None:
    move = settings.raise_floors or settings.lower_floors
    if move and settings.floors is None:
        raise InputError("Floors are raised or lowered in a file. Name it with --floors.")
    if settings.raise_floors and settings.lower_floors:
        raise InputError("Floors are raised or lowered, not both. Give one of the two.")
    if settings.floors and not settings.floors.exists() and not move:
        raise InputError(
            f"There is no file {settings.floors}. Name one that is there, or add --raise-floors."
        )


def _folders(given: Sequence[Path]) -> Iterator[Path]:
    for folder in given:
        inside = sorted(path.parent for path in folder.glob(f"*/{NAME}"))
        if (folder / NAME).exists():
            yield folder
        elif inside:
            yield from inside
        else:
            raise InputError(f"{folder} holds no {NAME}. Give a corpus folder, or a folder of them.")


def _check(folder: Path, settings: CheckSettings, digests: dict[str, str], floors: Floors) -> Checked:
    card = read_card(folder)
    if card.role == "external":
        return Checked(folder.name, None, [] if card.source else ["the card names no source"])
    if card.role == "items":
        return Checked(folder.name, None, list(_items(folder / FILE, card)))
    corpus = read_corpus(folder)
    found = Checked(folder.name, len(corpus.rows), list(problems(corpus)))
    found.problems += _missing(folder, card)
    if settings.floors and card.panel:
        _hold(corpus, settings, digests, floors, found)
    return found


def _missing(folder: Path, card: Card) -> Iterator[str]:
    """What a card speaks of must be there: its readers' answers, and the guideline they went by."""
    wanted = (*READERS, GUIDELINE) if card.kappa else ()
    yield from (
        f"{name} is not there, and the card tells an agreement"
        for name in wanted
        if not (folder / name).exists()
    )


def _items(path: Path, card: Card) -> Iterator[str]:
    """Is a test of word vectors sound, and what its card says?"""
    try:
        counts = dict(Counter(item.kind for item in read_items(path)))
    except InputError as error:
        yield str(error)
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if card.items != counts:
        yield f"the card's items are {card.items}, and should be {counts}"
    if card.digest != digest:
        yield f"the card's digest is {card.digest}, and should be {digest}"


def _hold(
    corpus: Corpus, settings: CheckSettings, digests: dict[str, str], floors: Floors, found: Checked
) -> None:
    """Measure every method, and compare with the floors or move them."""
    known = digests.get(corpus.name) == corpus.digest
    move = settings.raise_floors or settings.lower_floors
    if not move and corpus.name not in floors:
        found.unheld = True
        return
    if not (known or move):
        found.problems.append("the floors are of another digest; see --raise-floors")
        return
    held = floors.setdefault(corpus.name, {})
    digests[corpus.name] = corpus.digest
    for method in METHODS:
        figures = measure(_answers(corpus, method), corpus.gold)
        before = held.get(method, {}) if known else {}
        if move:
            held[method] = moved(before, figures, lower=settings.lower_floors)
        found.problems += [f"{method}: {line}" for line in fallen(held.get(method, before), figures)]


def _answers(corpus: Corpus, method: str) -> dict[str, dict[str, str]]:
    from reportnlp.labeler import load

    labeler = load(corpus.card.panel, method=method)
    return {
        report.id: {label.question: label.answer for label in labeler.label(report)}
        for report in corpus.reports()
    }
