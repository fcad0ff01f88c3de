"""Chest film reports: what the film shows, what the reporter calls it, and what is denied along the way.

What is there is drawn from a kind of patient (a routine film, heart failure, a ward portable, a child). Every
denial, of one finding or of many ("lungs are clear"), is a statement that knows which findings it answers,
and is made only where it contradicts nothing; what no statement reaches is not mentioned.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from reportnlp.generators._chest_xray.around import leave_alone, tell_front, tell_urgently
from reportnlp.generators._chest_xray.denying import deny_at_the_end, deny_some, deny_the_rest, say_something
from reportnlp.generators._chest_xray.draw import draw_case
from reportnlp.generators._chest_xray.findings import tell_findings
from reportnlp.generators._chest_xray.shadows import tell_shadows
from reportnlp.generators._chest_xray.tables import FILM, FINDINGS
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators._chest_xray.words import PARTS
from reportnlp.generators.blocks import Content, Style

TITLE = "Chest radiographs: twenty findings with place, side and degree, in adults and children"
MODALITY = "CR"
SLOTS = frozenset(FILM.slots) | {f"{name}_{part}" for name in FINDINGS for part in PARTS}


def compose(random: Random, wanted: Mapping[str, str], style: Style) -> Content:
    """Draw the answers that are not asked for, and what a report with these answers says.

    Raises:
        InputError: answers that no report can have together.
    """
    telling = Telling(random, wanted, style, draw_case(random, wanted))
    _tell(telling)
    return Content(telling.answers(), telling.acts, frozenset(telling.avoid))


def _tell(telling: Telling) -> None:
    """Say everything, the findings first."""
    tell_findings(telling, tell_shadows(telling))
    deny_some(telling)
    deny_the_rest(telling)
    if telling.style.has("impression"):
        deny_at_the_end(telling)
    say_something(telling)
    tell_front(telling)
    tell_urgently(telling)
    leave_alone(telling)
    telling.show_derived()
    telling.order_impression()
