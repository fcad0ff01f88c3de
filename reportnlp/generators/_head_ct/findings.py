"""What a head CT shows or may show, told thing by thing, some in the same breath as others."""

from __future__ import annotations

from collections.abc import Sequence

from reportnlp.generators._head_ct.draw import PUSHING
from reportnlp.generators._head_ct.story import Story, present, with_parent
from reportnlp.generators._head_ct.tables import HEAD, KINDS
from reportnlp.generators.blocks import ABSENT, PRESENT
from reportnlp.types import UNSPECIFIED

ORDER = (*KINDS, "ich", "inf", "mass", "me", "hc", "fx")
MASSLESS = ("sah", "ivh", "ich", "hc", "me")
"""Things without an article."""
TAKES_VENTRICLES = ("is_iph_one", "frame_one", "frame_many", "frame_some")
"""Rules that have room for a bleed into the ventricles."""
FOLLOWED = ("follow", "postop")
"""Scenes in which what is there is known."""


def tell_findings(story: Story) -> None:
    """Tell what the findings say is there, then what they say may be."""
    there = present(story.body, ORDER)
    if story.happens(0.12) and story.case.scene == "trauma":
        there.sort(key=lambda short: short != "fx")
    done: set[str] = set()
    bleeds = [short for short in there if short in KINDS]
    if len(bleeds) > 1 and story.happens(0.22):
        _list_of(story, bleeds)
        done |= set(bleeds)
    for short in there:
        if short not in done:
            done |= _seen(story, short, [each for each in there if each not in done])
    for short in story.in_doubt(story.body):
        shows = with_parent(short, story.body)
        story.say(f"maybe_{story.aged(short)}", "findings", story.topic(short), shows)


def _list_of(story: Story, shorts: Sequence[str]) -> None:
    slots = {letter: f"n_{short}" for letter, short in zip("abcde", shorts, strict=False)}
    story.say("frame_list", "findings", "brain", ("ich", *shorts), list=f"list{len(shorts)}_and", **slots)


def _seen(story: Story, short: str, left: Sequence[str]) -> set[str]:
    """One thing that is there, perhaps with what comes of it; returns what has been told."""
    number = _number(story, short)
    elsewhere = short == "sdh" and story.sorts["sdh"] in ("falx", "tent")
    own = short in ("me", "hc") or (story.happens(0.45) and not elsewhere)
    rule = _own_rule(story, short, number) if own else _frame(story, short, number)
    slots = {} if own else {"np": f"np_{short}", "known": f"n_{short}"}
    slots["verb"] = "are" if number == "many" else "is"
    shows = [*with_parent(short, story.body), *_told_with(story, short, rule, left, slots)]
    story.say(rule, "findings", story.topic(short), shows, **slots)
    _say_more(story, short)
    return set(shows)


def _number(story: Story, short: str) -> str:
    sort = story.sorts.get(short, "")
    if sort in HEAD.marks["many"] or (short == "sdh" and sort == "both"):
        return "many"
    return "some" if sort in HEAD.marks["some"] or short in MASSLESS else "one"


def _own_rule(story: Story, short: str, number: str) -> str:
    """The rule that is made for this thing alone."""
    if short == "me" and story.low:
        return "is_me_post"
    if short in ("me", "hc") and story.scene.known and story.happens(0.5):
        return f"is_{short}_known"
    if short == "mass" and story.sorts["mass"] in HEAD.marks["small_mass"]:
        return "is_mass_small"
    own = {
        "iph": f"is_iph_{_form_of_bleed(story)}",
        "sdh": f"is_sdh_{number}",
        "mass": f"is_mass_{number}",
    }
    return own.get(short, f"is_{short}")


def _form_of_bleed(story: Story) -> str:
    sort = story.sorts["iph"]
    if sort in HEAD.marks["many"] or sort in HEAD.marks["some"]:
        return sort
    return "old" if story.case.age == "chronic" else "one"


def _frame(story: Story, short: str, number: str) -> str:
    """A rule that takes any noun."""
    known = story.case.scene in FOLLOWED and story.case.age != "acute"
    still = known and short in (*KINDS, "inf", "mass", "fx") and short != "ivh"
    return "still" if still and story.happens(0.6) else f"frame_{number}"


def _told_with(story: Story, short: str, rule: str, left: Sequence[str], slots: dict[str, str]) -> list[str]:
    """What is said in the same breath, by slots that the rule has; it goes inside the marks."""
    shows: list[str] = []
    if short == "iph" and "ivh" in left and rule in TAKES_VENTRICLES and story.happens(0.55):
        slots["withiv"] = "with_iv"
        shows.append("ivh")
    if short not in PUSHING or rule == "is_iph_old":
        return shows
    if "me" in left and story.happens(0.52):
        slots.update(withme="with_me_post" if story.low else "with_me", shut="", end="close")
        shows.append("me")
    elif story.body["me"] == ABSENT and "me" not in story.told_with and story.happens(0.3):
        slots.update(withme="with_no_me", shut="", end="close")
        shows.append("me")
        story.told_with.add("me")
    return shows


def _say_more(story: Story, short: str) -> None:
    """Perhaps another sentence about a thing, and one about its age."""
    topic = story.topic(short)
    if story.happens(0.32) and _has_more(story, short):
        more = f"more_sah_{story.sorts['sah']}" if short == "sah" else f"more_{short}"
        story.say(more, "findings", topic, ("me",) if short == "me" else ())
    if _tells_age(story, short):
        story.say(f"sign_{story.case.age}", "findings", topic)


def _has_more(story: Story, short: str) -> bool:
    """Whether the words that add to a thing fit this sort of it."""
    fits = {
        "me": not story.low,
        "iph": _form_of_bleed(story) == "one",
        "inf": story.case.scene == "stroke" and story.sorts["inf"] in ("mca", "mca_part"),
        "sdh": story.sorts["sdh"] == "convexity",
        "mass": story.sorts["mass"] in ("glioma", "posterior"),
        "fx": story.slots["fx_kind"] != "fx_plain",
    }
    return fits.get(short, True)


def _tells_age(story: Story, short: str) -> bool:
    aged = story.slots.get(f"{short}_age", "adj_none") != "adj_none"
    alone = [kind for kind in KINDS if story.answers[kind] == PRESENT] == [short]
    return aged and alone and story.case.age != UNSPECIFIED and story.happens(0.12)
