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
from reportnlp.generators._head_ct.draw import PUSHING
from reportnlp.generators._head_ct.story import Story, present, with_parent
from reportnlp.generators._head_ct.tables import ALL_BLEEDS, KINDS, NAMES
from reportnlp.generators.blocks import ABSENT, PRESENT

ORDER = (*KINDS, "ich", "inf", "mass", "fx", "hc", "me")
JOINED = ("me", "hc", "ivh", "fx")
"""What comes with something else, and is said after "with"."""
TAKEN_UP = {"me": 0.6, "hc": 0.8}
"""Chance that an impression takes up what is there; 0.92 for the rest."""
DENIED_AGAIN = {"ich": 0.4, "fx": 0.3, "rest": 0.35, "rest_chronic": 0.35}
"""Chance that an impression denies again what findings deny; 0.12 for the rest."""


def conclude(story: Story, wide: str) -> None:
    """Say what is there, what may be, and what is not; the wide denial among the last, if there is one."""
    told = story.end
    must = {short for short in NAMES if story.body[short] != told[short]} | story.open
    _sum_up(story, [each for each in present(told, ORDER) if _is_taken_up(story, each, must)])
    for short in story.in_doubt(told):
        if story.alone or short in must or story.happens(0.85):
            story.say(f"end_maybe_{story.aged(short)}", "impression", shows=with_parent(short, told))
    _deny(story, must, wide)
    if not _says_something(story):
        story.say("end_quiet", "impression")


def _is_taken_up(story: Story, short: str, must: Collection[str]) -> bool:
    return story.alone or short in must or story.happens(TAKEN_UP.get(short, 0.92))


def _says_something(story: Story) -> bool:
    return any(act.section == "impression" for act in story.acts)


def _sum_up(story: Story, left: Sequence[str]) -> None:
    """What is there, one by one or several in a sentence."""
    while left:
        number = min(len(left), story.random.choice((1, 1, 1, 2, 2, 3)))
        _conclude_on(story, left[:number])
        left = left[number:]


def _conclude_on(story: Story, some: Sequence[str]) -> None:
    number = len(some)
    parents = ["ich"] if story.end["ich"] == PRESENT and set(some) & set(KINDS) else []
    nouns = ["n_me_post" if short == "me" and story.low else f"n_{short}" for short in some]
    slots = dict(zip("abcde", nouns, strict=False))
    slots["list"] = f"list{number}_{'with' if number == 2 and some[1] in JOINED else 'and'}"
    new = story.case.age == "acute" and some[0] in KINDS
    known = story.case.scene == "follow" and number == 1 and some[0] != "me" and not new
    rule, tail = ("conclude_known", ()) if known else ("conclude", _tail(story, some, slots))
    rule = "conclude_tail" if "tail" in slots else rule
    story.say(rule, "impression", shows=[*parents, *some, *tail], **slots)


def _tail(story: Story, some: Sequence[str], slots: dict[str, str]) -> tuple[str, ...]:
    """What is denied in the same breath."""
    told = story.end
    if not story.happens(0.28) or {"me", "hc"} & set(some):
        return ()
    if told["ich"] == ABSENT and {"inf", "fx", "mass"} & set(some):
        slots["tail"] = "tail_inf" if "inf" in some else "tail_ich"
        story.ended_with.add("ich")
        return ALL_BLEEDS
    if told["me"] == ABSENT and set(some) & set(PUSHING):
        slots["tail"] = "tail_me"
        story.ended_with.add("me")
        return ("me",)
    return ()


def _deny(story: Story, must: Collection[str], wide: str) -> None:
    items = [item for item in _denied(story, must, wide) if item[0] not in story.ended_with]
    if not wide and not items and not _says_something(story) and story.happens(0.85):
        items = items_of(story, story.end)[: story.random.choice((1, 1, 2, 3))]
    if wide and story.happens(0.6):
        say_wide_first(story, items, wide)
        return
    deny(story, items, "impression")
    if wide:
        say_wide(story, "impression", wide)


def _denied(story: Story, must: Collection[str], wide: str) -> list[Item]:
    """What the impression denies: all there is where it stands alone, some of it after findings."""
    items = items_of(story, story.end)
    if story.alone:
        beyond = ("fx", "mass") if wide == "wide_acute" else ("fx",)
        return [item for item in items if not wide or item[0] in beyond or story.happens(0.3)]
    less = 0.5 if wide else 1.0
    return [
        item
        for item in items
        if answers_one_of(item, must) or story.happens(DENIED_AGAIN.get(item[0], 0.12) * less)
    ]
