"""Pictures of where an image model saw its findings, and the table that says which picture is of what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reportnlp.errors import OutputError
from reportnlp.formats._writing import csv_line, writing
from reportnlp.images import answers, maps
from reportnlp.images.folder import Decision, ImageFolder
from reportnlp.images.loader import read_row
from reportnlp.images.manifest import ImageRow
from reportnlp.jobs._images_rows import Images, name_of
from reportnlp.types import Presence

Floats = npt.NDArray[np.float32]

INDEX = "index.csv"
COLUMNS = ("image", "study", "finding", "probability", "file")
LONGEST_NAME = 100


def refuse_maps(folder: Path | None, *, allowed: bool) -> None:
    """Refuse a folder that holds pictures already, so that those of two models do not mix.

    Raises:
        OutputError: it does, or it is a file.
    """
    if folder is None:
        return
    if folder.is_file():
        raise OutputError(f"{folder} is a file. Name a folder for the maps.")
    if not allowed and folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder} holds something. Name another folder for the maps, or add --overwrite.")


def stems(rows: Sequence[ImageRow]) -> list[str]:
    """What the pictures of each image are called by: its report, or study; several get numbers.

    An image that was given as a file goes by that file's name, not by the folders it lies in.
    """
    plain = [_plain(row) for row in rows]
    several, met = Counter(plain), Counter[str]()
    found = []
    for stem in plain:
        met[stem] += 1
        found.append(f"{stem}-{met[stem]}" if several[stem] > 1 else stem)
    return found


def _plain(row: ImageRow) -> str:
    name = name_of(row, "study")
    if name == row.image:
        name = Path(name).stem
    safe = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII).strip("._") or "image"
    return safe if len(safe) <= LONGEST_NAME else f"{safe[: LONGEST_NAME - 9]}-{_digest(safe)}"


def _digest(name: str) -> str:
    return blake2b(name.encode(), digest_size=4).hexdigest()


def file_name(stem: str, finding: str) -> str:
    """The file of one picture."""
    return f"{stem}.{finding}.png"


class Drawing:
    """Draws a picture for every finding that is answered `present`, from the image as its file has it."""

    def __init__(self, images: Images, folder: ImageFolder, out: Path) -> None:
        self._images, self._file, self._out = images, folder.file, out
        self._stems = stems(images.rows)

    def __call__(self, at: int, logits: Floats, heat: Floats) -> None:
        """Draw what was seen in one image.

        Args:
            at: its number among all.
            logits: (findings) float32, or (findings, 3).
            heat: (findings, *grid) float32, at least 0.

        Raises:
            OutputError: no room, no permission.
        """
        file, row = self._file, self._images.rows[at]
        [chances] = answers.present(logits[None], file.findings, file.decisions)
        told = [column for column, _ in presents(chances, self._file.findings, file.decisions)]
        if not told:
            return
        pixels = read_row(row, self._images.root, window=file.preprocessing.shown).pixels
        if pixels.ndim > len(file.preprocessing.size):
            pixels = pixels[0]
        gaps = file.preprocessing.gaps(pixels.shape)
        for column in told:
            finding = file.findings[column]
            heated = heat[column] / np.float32(file.decisions.get(finding, Decision()).temperature)
            picture = maps.drawn(maps.seen(pixels, heated, gaps), finding, float(chances[column]))
            maps.write(self._out / file_name(self._stems[at], finding), picture)


def presents(
    chances: Floats, findings: Sequence[str], decisions: dict[str, Decision]
) -> Iterator[tuple[int, float]]:
    """Columns of (findings,) probabilities whose finding is answered `present`, and the probabilities."""
    [said] = answers.labels(chances[None], findings, decisions)
    for column, label in enumerate(said):
        if label.answer == Presence.PRESENT.value:
            yield column, float(chances[column])


def write_index(
    images: Images, folder: ImageFolder, out: Path, places: Sequence[int], chances: Floats
) -> None:
    """Say which picture is of what, a row a picture.

    Args:
        images: all of them.
        folder: the model.
        out: where the pictures lie.
        places: numbers of the images that were looked at.
        chances: (images looked at, findings) float32, probability of `present`.

    Raises:
        OutputError: no room, no permission.
    """
    file, names = folder.file, stems(images.rows)
    lines = []
    for at, row in zip(places, chances, strict=True):
        image = images.rows[at]
        for column, chance in presents(row, file.findings, file.decisions):
            finding = file.findings[column]
            cells = (image.place, name_of(image, "study"), finding, f"{chance:.4f}")
            lines.append(csv_line((*cells, file_name(names[at], finding))))
    out.mkdir(parents=True, exist_ok=True)
    with writing(out / INDEX) as file_out:
        file_out.write(csv_line(COLUMNS))
        file_out.writelines(lines)
