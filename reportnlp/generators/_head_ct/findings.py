"""What a head CT shows or may show, told thing by thing, some in the same breath as others."""

from __future__ import annotations

from collections.abc import Sequence

from reportnlp.generators._head_ct.story import Story, present, with_parent
from reportnlp.generators._head_ct.tables import HEAD, KINDS
from reportnlp.generators.blocks import ABSENT, PRESENT
from reportnlp.types import UNSPECIFIED

ORDER = (*KINDS, "ich", "inf", "mass", "me", "hc", "fx")
MASSLESS = ("sah", "ivh", "ich", "hc", "me")
"""Things without an article."""
TAKES_VENTRICLES = ("is_iph_one", "frame_one", "frame_many", "frame_some")
"""Rules that have room for a bleed into the ventricles."""


def tell_findings(story: Story) -> None:
    """Tell what the findings say is there, then what they say may be."""
    there = present(story.body, ORDER)
    if story.holder:
        there.sort(key=lambda short: short != story.holder)
    if story.happens(0.12) and story.case.scene == "trauma":
        there.sort(key=lambda short: short != "fx")
    done: set[str] = set()
    bleeds = [short for short in there if short in KINDS]
    if len(bleeds) > 1 and not story.holder and not _is_followed(story) and story.happens(0.22):
        _list_of(story, bleeds)
        done |= set(bleeds)
    for short in there:
        if short not in done:
            done |= _seen(story, short, [each for each in there if each not in done])
    for short in story.in_doubt(story.body):
        shows = with_parent(short, story.body)
        story.say(f"maybe_{story.doubted(short)}", "findings", story.topic(short), shows)


def _list_of(story: Story, shorts: Sequence[str]) -> None:
    slots = {letter: f"n_{short}" for letter, short in zip("abcde", shorts, strict=False)}
    story.say("frame_list", "findings", "brain", ("ich", *shorts), list=f"list{len(shorts)}_and", **slots)


def _seen(story: Story, short: str, left: Sequence[str]) -> set[str]:
    """One thing that is there, perhaps with what comes of it; returns what has been told."""
    number = _number(story, short)
    elsewhere = short == "sdh" and story.sorts["sdh"] in ("falx", "tent")
    still = _is_still(story, short)
    own = short in ("me", "hc") or (not still and story.happens(0.45) and not elsewhere)
    rule = _own_rule(story, short, number) if own else "still" if still else f"frame_{number}"
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
    if short == "hc" and story.scene.known:
        return "is_hc_known"
    if short == "me" and _is_followed(story) and story.slots["level"] == "shift" and story.happens(0.6):
        return "is_me_known"
    if short == "mass" and story.sorts["mass"] in HEAD.marks["small_mass"]:
        return "is_mass_small"
    own = {
        "iph": f"is_iph_{_form_of_bleed(story)}",
        "sdh": f"is_sdh_{number}",
        "mass": f"is_mass_{number}",
    }
    return own.get(short, f"is_{short}")


def _form_of_bleed(story: Story) -> str:
    sort = story.sorts["iph"].removesuffix("_bi")
    if sort in HEAD.marks["many"] or sort in HEAD.marks["some"]:
        return sort
    return "old" if story.case.age == "chronic" else "one"


def _is_followed(story: Story) -> bool:
    """Whether what is there is known, and may be compared."""
    return story.case.scene in ("follow", "postop")


def _is_still(story: Story, short: str) -> bool:
    """Whether it is told how a thing has changed: bleeds that are followed up nearly always."""
    often = 0.5 if short not in KINDS else 1.0 if story.case.scene == "follow" else 0.9
    return _is_followed(story) and short in (*KINDS, "fx") and story.happens(often)


def _told_with(story: Story, short: str, rule: str, left: Sequence[str], slots: dict[str, str]) -> list[str]:
    """What is said in the same breath, by slots that the rule has; it goes inside the marks."""
    shows: list[str] = []
    if short == "iph" and "ivh" in left and rule in TAKES_VENTRICLES and story.happens(0.55):
        slots["withiv"] = "with_iv"
        shows.append("ivh")
    if short != story.pusher or rule == "is_iph_old":
        return shows
    if "me" in left and story.happens(0.65):
        slots.update(withme="with_me", shut="", end="close")
        shows.append("me")
    elif story.body["me"] == ABSENT and "me" not in story.told_with and story.happens(0.3):
        slots.update(withme="with_no_me", shut="", end="close")
        shows.append("me")
        story.told_with.add("me")
    return shows


def _say_more(story: Story, short: str) -> None:
    """Perhaps another sentence about a thing, and one about its age."""
    topic = story.topic(short)
    if story.happens(0.42) and _has_more(story, short):
        story.say(_more(story, short), "findings", topic, ("me",) if short == "me" else ())
    if _tells_age(story, short):
        story.say(f"sign_{story.case.age}", "findings", topic)


def _more(story: Story, short: str) -> str:
    """The rule that adds to a thing."""
    if short == "sah":
        return f"more_sah_{story.sorts['sah']}"
    if short == "iph":
        deep = "_deep" if story.sorts["iph"] in HEAD.marks["hypertensive"] else ""
        scene = story.case.scene
        if scene == "trauma" or (deep and scene == "stroke"):
            return f"more_iph_{scene}"
        return f"more_iph{deep}"
    return "more_fx_bled" if short == "fx" and story.case.there("ich") else f"more_{short}"


def _has_more(story: Story, short: str) -> bool:
    """Whether the words that add to a thing fit this sort of it."""
    if story.scene.known and short not in ("me", "hc"):
        return False
    fits = {
        "me": story.pusher != "" and story.slots["level"] != "sulci" and not story.scene.known,
        "hc": not story.scene.known,
        "iph": _form_of_bleed(story) in ("one", "contusion") and not story.case.there("mass"),
        "inf": story.case.scene == "stroke" and story.sorts["inf"] in ("mca", "mca_part"),
        "sdh": story.sorts["sdh"] == "convexity",
        "mass": story.sorts["mass"] in HEAD.marks["single"],
        "fx": story.slots["fx_kind"] == "fx_crack" and story.slots["fx_where"] != "fx_base",
    }
    return fits.get(short, True)


def _tells_age(story: Story, short: str) -> bool:
    aged = story.slots.get(f"{short}_age", "adj_none") != "adj_none"
    alone = [kind for kind in KINDS if story.answers[kind] == PRESENT] == [short]
    return aged and alone and story.case.age != UNSPECIFIED and story.happens(0.12)
