"""Head CT reports: bleeds of five kinds, and what else is looked for when a head is scanned in a hurry.

Why the head was scanned is drawn first, then what is found; findings and impression then come to these
answers straight, or by way of a doubt, a contradiction or an addendum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from reportnlp.generators._head_ct.around import (
    leave_alone,
    tell_context,
    tell_failure,
    tell_front,
    tell_something,
    tell_urgency,
)
from reportnlp.generators._head_ct.denials import deny_in_findings, draw_wide, say_wide
from reportnlp.generators._head_ct.draw import draw_case
from reportnlp.generators._head_ct.findings import tell_findings
from reportnlp.generators._head_ct.impression import conclude
from reportnlp.generators._head_ct.story import Story
from reportnlp.generators._head_ct.tables import HEAD
from reportnlp.generators._head_ct.ways import choose_ways
from reportnlp.generators.blocks import Content, Style

TITLE = "CT of the head: bleeds by kind and age, mass effect, hydrocephalus, infarct, skull fracture, mass"
SLOTS = frozenset(HEAD.slots)


def compose(random: Random, wanted: Mapping[str, str], style: Style) -> Content:
    """Draw the answers that are not asked for, and what a report with these answers says.

    Raises:
        InputError: answers about bleeds that no report can have together.
    """
    case = draw_case(random, wanted)
    if style.layout == "paragraph" and style.shape == "both":
        style = replace(style, shape="body")
    story = Story(random, style, case)
    if case.scene == "useless":
        tell_front(story)
        tell_failure(story)
    else:
        choose_ways(story)
        tell_front(story)
        _tell(story)
    return Content(case.answers(), story.acts, frozenset(story.avoid))


def _tell(story: Story) -> None:
    """Everything behind the front, in the order of the telling."""
    tell_context(story)
    wide = draw_wide(story)
    if story.style.has("findings"):
        tell_findings(story)
        deny_in_findings(story, wide)
    if story.style.has("impression"):
        conclude(story, wide)
    elif wide:
        say_wide(story, "findings", wide)
    tell_something(story)
    leave_alone(story)
    tell_urgency(story)
    story.acts += story.added
