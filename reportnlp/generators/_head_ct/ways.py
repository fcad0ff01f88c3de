"""Ways of coming to an answer: an addendum, a doubt that is settled or raised, a contradiction."""

from __future__ import annotations

from reportnlp.generators._head_ct.story import Story
from reportnlp.generators._head_ct.tables import ALL_BLEEDS, HEAD, KINDS
from reportnlp.generators.blocks import ABSENT, PRESENT, SILENT, UNCERTAIN, Act, weighted
from reportnlp.types import UNSPECIFIED

NO_BLEED = dict.fromkeys(ALL_BLEEDS, ABSENT)
NO_KIND_SAID = dict.fromkeys(KINDS, SILENT)
DOUBTED = ("iph", "sdh", "sah")
"""Kinds that a report may take for one, or not be sure of at first."""
LIKELY = {
    "fx": ("trauma", "elder", "elsewhere"),
    "inf": ("stroke", "general", "elder", "headache"),
    "mass": ("tumor", "headache", "general"),
    "me": (),
}
"""Scenes in which the answer about something may come about otherwise than straight."""


def choose_ways(story: Story) -> None:
    """Draw how each answer comes about, and change what findings and impression say accordingly."""
    bleed = story.answers["ich"]
    if bleed == PRESENT:
        _way_of_bleed(story)
    elif bleed == ABSENT and _is_gone(story):
        _tell_gone(story)
    elif bleed == ABSENT:
        _way_of_no_bleed(story)
    elif bleed == UNCERTAIN:
        _way_of_doubt(story)
    for short in ("fx", "inf", "mass", "me"):
        _way_of(story, short)
    if not story.added and story.happens(0.035):
        story.added.append(Act("add_same", "addendum"))


def _only_kind(story: Story, answer: str) -> str:
    """The one kind that has this answer where all others are absent."""
    kinds = [kind for kind in KINDS if story.answers[kind] == answer]
    rest = [kind for kind in KINDS if story.answers[kind] == ABSENT]
    return kinds[0] if len(kinds) == 1 and len(rest) == len(KINDS) - 1 else ""


def _way_of_bleed(story: Story) -> None:
    kind = _only_kind(story, PRESENT)
    way = weighted(story.random, HEAD.ways[PRESENT])
    if not kind or story.case.there("me") or story.case.age not in ("acute", UNSPECIFIED):
        return
    if way == "added" and story.case.scene not in ("follow", "bleed"):
        story.body.update(NO_BLEED)
        story.end.update(NO_BLEED)
        story.slots.update(bulk="bulk_small", size=str(story.random.randint(2, 6)))
        story.add("add_yes", ("ich", kind), np=f"n_{kind}_add")
    elif way == "settled" and kind in DOUBTED and story.both:
        story.body.update({"ich": UNCERTAIN, kind: UNCERTAIN})


def _way_of_no_bleed(story: Story) -> None:
    way = weighted(story.random, HEAD.ways[ABSENT])
    if story.case.scene in ("follow", "elsewhere"):
        return
    kind = story.random.choice(DOUBTED)
    unsure = {**NO_KIND_SAID, "ich": UNCERTAIN, kind: UNCERTAIN}
    if way == "settled" and story.both:
        story.body.update(unsure)
    elif way == "corrected":
        story.body.update(unsure)
        story.end.update(unsure)
        story.add("add_no", ALL_BLEEDS, told=f"told_{kind}")
    elif way == "explained" and story.style.has("findings"):
        story.say("explained", "findings", "brain", ALL_BLEEDS)
        story.avoid.add("brain.stain")


def _is_gone(story: Story) -> bool:
    """Whether a bleed was known that has gone: that is told then, and nothing else is made of it."""
    op = story.case.scene == "postop" and story.sorts["op"] == "burr"
    return (story.case.scene == "follow" and story.happens(0.75)) or (op and story.happens(0.5))


def _tell_gone(story: Story) -> None:
    story.gone = True
    section = "findings" if story.style.has("findings") else "impression"
    rule = "gone" if story.case.scene == "follow" else "gone_op"
    story.say(rule, section, "brain", ALL_BLEEDS, known=story.slots["past"])
    story.avoid.add("brain.stain")


def _way_of_doubt(story: Story) -> None:
    kind = _only_kind(story, UNCERTAIN)
    way = weighted(story.random, HEAD.ways[UNCERTAIN])
    if not kind or not story.both or way == "plain":
        return
    there = {"ich": PRESENT, kind: PRESENT}
    if way == "softened":
        story.body.update(there)
        return
    first, second = {**NO_KIND_SAID, **there}, NO_BLEED
    if story.happens(0.5):
        first, second = second, first
    story.body.update(first)
    story.end.update(second)
    story.open |= {"ich", kind}


def _way_of(story: Story, short: str) -> None:
    """How the answer about something else than a bleed comes about; one draw decides."""
    said, draw = story.answers[short], story.random.random()
    added = short in ("fx", "inf")
    if story.case.scene not in LIKELY[short] or short in (story.holder, story.pusher):
        return
    if said == PRESENT and added and draw < 0.05 and not story.added:
        if not story.case.there("me", "iph"):
            story.body[short] = story.end[short] = ABSENT
            story.add(f"add_{short}", (short,))
    elif not story.both:
        return
    elif (said == PRESENT and 0.05 < draw < 0.09) or (said == ABSENT and added and 0.05 < draw < 0.065):
        if short != "me" or story.slots["level"] == "sulci":
            story.body[short] = UNCERTAIN
    elif said == UNCERTAIN and draw < 0.04:
        story.open.add(short)
        told = (PRESENT, ABSENT) if draw < 0.02 else (ABSENT, PRESENT)
        story.body[short], story.end[short] = told
