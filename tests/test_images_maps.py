"""Maps: at the image's own size, on one scale of evidence, and called by what the answers are told by."""

from __future__ import annotations

import numpy as np
import pytest

from reportnlp.images import maps
from reportnlp.images.manifest import ImageRow
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.jobs._images_maps import stems

NONE = [(0, 0), (0, 0)]


def grey(*shape: int) -> maps.Floats:
    return np.full(shape, 0.5, dtype=np.float32)


def test_colour_is_as_strong_as_the_evidence_and_not_stretched() -> None:
    red = []
    for value in (0.0, 0.3, 3.0, maps.FULL, 50.0):
        shown = maps.overlay(grey(4, 4), np.full((4, 4), value, np.float32)).astype(int)
        red.append(int(shown[0, 0, 0] - shown[0, 0, 2]))
    assert red[0] == 0
    assert red[1] < 12 < red[2] < red[3] == red[4]
    assert red[2] == pytest.approx(red[3] / 2, abs=1)


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((300, 200), (300, 200)), ((2048, 1000), (1024, 500)), ((28, 20), (252, 180))],
)
def test_an_image_is_shown_at_its_own_size(shape: tuple[int, int], shown: tuple[int, int]) -> None:
    found = maps.seen(grey(*shape), np.ones((2, 2), np.float32), NONE)
    assert found.pixels.shape == found.evidence.shape == shown


def test_the_slice_of_a_volume_is_that_of_the_highest_evidence_and_said() -> None:
    pixels = np.zeros((6, 300, 280), dtype=np.float32)
    pixels[4] = 0.5
    heat = np.zeros((6, 4, 4), dtype=np.float32)
    heat[4, 1, 2] = 3
    found = maps.seen(pixels, heat, [(0, 0), *NONE])
    assert (found.at, found.slices) == (4, 6)
    assert found.pixels.mean() == 0.5
    row, column = np.unravel_index(found.evidence.argmax(), found.evidence.shape)
    assert (int(row) * 4 // 300, int(column) * 4 // 280) == (1, 2)


def test_a_map_lies_where_a_padded_network_saw_it() -> None:
    gaps = Preprocessing(size=(8, 8), fit="pad").gaps((300, 600))
    assert gaps == [(150, 150), (0, 0)]
    heat = np.zeros((8, 8), dtype=np.float32)
    heat[2, 0] = 5
    found = maps.seen(grey(300, 600), heat, gaps)
    row, column = np.unravel_index(found.evidence.argmax(), found.evidence.shape)
    assert row < 75 and column < 75
    whole = Preprocessing(size=(8, 8), fit="pad").gaps((4, 300, 600)[1:])
    assert whole == gaps


def test_a_picture_has_image_map_and_bar() -> None:
    found = maps.seen(grey(300, 280), np.full((2, 2), 2, np.float32), NONE)
    picture = np.asarray(maps.drawn(found, "pneumonia", 0.83)).astype(int)
    top = maps.MARGIN + maps.LINE
    plain = picture[top : top + 300, maps.MARGIN : maps.MARGIN + 280]
    assert (plain[..., 0] == plain[..., 2]).all()
    over = picture[top : top + 300, 2 * maps.MARGIN + 280 : 2 * maps.MARGIN + 560]
    assert (over[..., 0] > over[..., 2]).all()
    bar = picture[top : top + 300, 3 * maps.MARGIN + 560 : 3 * maps.MARGIN + 560 + maps.BAR]
    strength = (bar[..., 0] - bar[..., 2]).mean(axis=1)
    assert strength[0] > 60 and strength[-1] == 0
    assert (np.diff(strength) <= 1).all()
    assert picture[:top].max() == 255


def test_pictures_are_called_by_report_or_study_in_safe_letters() -> None:
    rows = [
        ImageRow("s1", "a.png", patient="SECRET", report_id="r/1"),
        ImageRow("s2", "b.png"),
        ImageRow("s2", "c.png"),
        ImageRow("/srv/archive/ward 3/film.png", "/srv/archive/ward 3/film.png"),
        ImageRow("x" * 300, "d.png"),
    ]
    found = stems(rows)
    assert found[:4] == ["r_1", "s2-1", "s2-2", "film"]
    assert len(found[4]) <= 100
    assert len(set(found)) == len(found)
    assert not any("SECRET" in one or "srv" in one for one in found)
