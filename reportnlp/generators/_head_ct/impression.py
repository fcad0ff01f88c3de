"""What the impression of a head CT makes of it: what is there, what may be, and what is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reportnlp.generators._head_ct.denials import (
    Item,
    answers_one_of,
    deny,
    items_of,
    say_wide,
    say_wide_first,
)
from reportnlp.generators._head_ct.story import Story, present, with_parent
from reportnlp.generators._head_ct.tables import ALL_BLEEDS, HEAD, KINDS, NAMES
from reportnlp.generators.blocks import ABSENT, PRESENT

ORDER = (*KINDS, "ich", "inf", "mass", "fx", "hc", "me")
JOINED = (("iph", "ivh"), ("sah", "ivh"), ("ivh", "hc"), ("sah", "hc"), ("iph", "hc"), ("mass", "hc"))
"""What comes of something else, and is said after "with"."""
TAKEN_UP = {"me": 0.6, "hc": 0.8}
"""Chance that an impression takes up what is there; it does the rest."""
DENIED_AGAIN = {"ich": 0.4, "fx": 0.3, "rest": 0.35, "rest_chronic": 0.35}
"""Chance that an impression denies again what findings deny; 0.12 for the rest."""


def conclude(story: Story, wide: str) -> None:
    """Say what is there, what may be, and what is not; the wide denial among the last, if there is one."""
    told = story.end
    if story.gone and story.both:
        op = "_op" if story.case.scene == "postop" else ""
        story.say(f"end_gone{op}", "impression", shows=ALL_BLEEDS, known=story.slots["past"])
    must = {short for short in NAMES if story.body[short] != told[short]} | story.open
    _sum_up(story, [each for each in present(told, ORDER) if _is_taken_up(story, each, must)])
    for short in story.in_doubt(told):
        if story.alone or short in must or story.happens(0.85):
            story.say(f"end_maybe_{story.doubted(short)}", "impression", shows=with_parent(short, told))
    _deny(story, must, wide)
    if not _says_something(story):
        story.say(_quiet(story), "impression")


def _quiet(story: Story) -> str:
    """The rule of an impression that has nothing to say."""
    settled = story.scene.known and story.answers["ich"] != PRESENT and not story.gone
    return "end_quiet_alone" if story.alone else "end_quiet_known" if settled else "end_quiet"


def _is_taken_up(story: Story, short: str, must: Collection[str]) -> bool:
    return story.alone or short in must or story.happens(TAKEN_UP.get(short, 1.0))


def _says_something(story: Story) -> bool:
    return any(act.section == "impression" for act in story.acts)


def _sum_up(story: Story, left: Sequence[str]) -> None:
    """What is there, one by one or several in a sentence."""
    if {story.holder, "iph"} <= set(left):
        _conclude_within(story)
        left = [short for short in left if short not in (story.holder, "iph")]
    if story.pusher in left and "me" in left:
        left = [short for short in left if short != "me"]
        left.insert(left.index(story.pusher) + 1, "me")
    if "hc" in left and story.scene.known:
        _conclude_on(story, ["hc"])
        left = [short for short in left if short != "hc"]
    while left:
        number = min(len(left), story.random.choice((1, 1, 1, 2, 2, 3)))
        _conclude_on(story, left[:number])
        left = left[number:]


def _conclude_within(story: Story) -> None:
    """A bleed and what it lies within are one thing."""
    many = story.sorts["mass"] in HEAD.marks["many"] and story.holder == "mass"
    noun = f"n_bled_{'mets' if many else story.holder}"
    shows = ("ich", "iph", story.holder)
    story.say("conclude", "impression", shows=shows, a=noun, list="list1_and")


def _conclude_on(story: Story, some: Sequence[str]) -> None:
    number = len(some)
    parents = ["ich"] if story.end["ich"] == PRESENT and set(some) & set(KINDS) else []
    slots = {letter: f"n_{short}" for letter, short in zip("abcde", some, strict=False)}
    slots["list"] = f"list{number}_{_joint(story, some)}"
    known = story.case.scene == "follow" and number == 1 and some[0] in (*KINDS, "fx")
    if some == ["hc"] and story.scene.known:
        story.say("conclude_hc", "impression", shows=["hc"], **slots)
        return
    rule, tail = ("conclude_known", ()) if known else ("conclude", _tail(story, some, slots))
    rule = "conclude_tail" if "tail" in slots else rule
    story.say(rule, "impression", shows=[*parents, *some, *tail], **slots)


def _joint(story: Story, some: Sequence[str]) -> str:
    """How two things hang together: one may come of the other."""
    if len(some) == 2 and some[1] == "me" and some[0] == story.pusher:
        return "pushed"
    return "with" if tuple(some) in JOINED else "and"


def _tail(story: Story, some: Sequence[str], slots: dict[str, str]) -> tuple[str, ...]:
    """What is denied in the same breath."""
    told = story.end
    if not story.happens(0.28) or {"me", "hc"} & set(some):
        return ()
    if told["ich"] == ABSENT and {"inf", "fx", "mass"} & set(some):
        slots["tail"] = "tail_inf" if "inf" in some else "tail_ich"
        story.ended_with.add("ich")
        return ALL_BLEEDS
    if told["me"] == ABSENT and story.pusher in some:
        slots["tail"] = "tail_me"
        story.ended_with.add("me")
        return ("me",)
    return ()


def _deny(story: Story, must: Collection[str], wide: str) -> None:
    items = [item for item in _denied(story, must, wide) if item[0] not in story.ended_with]
    if not wide and not items and not _says_something(story):
        items = sorted(items_of(story, story.end), key=lambda item: item[0] in (*KINDS, "extra"))
        items = items[: story.random.choice((1, 1, 2, 3))]
    if wide and story.happens(0.6):
        say_wide_first(story, items, wide)
        return
    deny(story, items, "impression")
    if wide:
        say_wide(story, "impression", wide)


def _denied(story: Story, must: Collection[str], wide: str) -> list[Item]:
    """What the impression denies: all there is where it stands alone, some of it after findings."""
    items = items_of(story, story.end)
    if story.gone:
        items = [item for item in items if item[0] != "ich"]
    if story.alone:
        beyond = ("fx", "mass") if wide == "wide_acute" else ("fx",)
        return [item for item in items if not wide or item[0] in beyond or story.happens(0.3)]
    items = [item for item in items if item[0] != "extra_also"]
    less = 0.5 if wide else 1.0
    return [
        item for item in items if answers_one_of(item, must) or story.happens(_again(story, item[0]) * less)
    ]


def _again(story: Story, rule: str) -> float:
    """Chance that a denial is made again; nobody asks for fractures where nobody fell."""
    if rule == "fx" and story.case.scene not in ("trauma", "elder", "elsewhere"):
        return 0.03
    return DENIED_AGAIN.get(rule, 0.12)
