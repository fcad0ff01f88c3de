"""What a head CT report denies: one by one, in lists, or all at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reportnlp.generators._head_ct.story import Story
from reportnlp.generators._head_ct.tables import ALL_BLEEDS, KINDS, NAMES, Told
from reportnlp.generators.blocks import ABSENT, PRESENT, SILENT, UNCERTAIN

Item = tuple[str, tuple[str, ...]]
"""What can be denied: the last part of the names of its rules, and the findings it answers."""
OUTSIDE = ("sdh", "edh")
ACUTE = ("me", "hc", "inf")
"""What "no acute intracranial abnormality" denies beside bleeds."""
ALONE = ("ich", "me", "hc", "inf", "mass", "fx")
"""What has a rule of its own to deny it; the others are denied in lists, of one if need be."""


def items_of(story: Story, told: Told) -> list[Item]:
    """What can be denied."""
    items: list[Item] = [(short, (short,)) for short in ALONE[1:] if told[short] == ABSENT]
    if told["ich"] == ABSENT:
        also: list[Item] = [("extra_also", OUTSIDE)] if story.happens(0.16) else []
        return [("ich", ALL_BLEEDS), *also, *items]
    return [*_kinds(story, told), *items]


def _kinds(story: Story, told: Told) -> list[Item]:
    """The kinds of bleed that there are not, beside a bleed or where nothing is said of bleeds."""
    gone = [kind for kind in KINDS if told[kind] == ABSENT]
    named = [kind for kind in KINDS if told[kind] in (PRESENT, UNCERTAIN)]
    if named and len(named) + len(gone) == len(KINDS) and gone and story.happens(0.75):
        old = story.case.age == "chronic" and told["ich"] == PRESENT and UNCERTAIN not in told.values()
        rest = "rest_chronic" if old else "rest_known" if story.case.scene == "follow" else "rest"
        return [(rest, tuple(gone))]
    outside = set(OUTSIDE) <= set(gone) and story.happens(0.65)
    if outside and (told["ich"] != SILENT or "iph" not in gone):
        return [*((kind, (kind,)) for kind in gone if kind not in OUTSIDE), ("extra", OUTSIDE)]
    return [(kind, (kind,)) for kind in gone]


def deny_in_findings(story: Story, wide: str) -> None:
    """Denials, alone and in lists; a wide one in the impression may stand for some."""
    items = items_of(story, story.body)
    left_to = {"fx": 1.0, "mass": 1.0 if wide == "wide_acute" else 0.6, "ich": 0.88}
    if wide and story.both:
        items = [item for item in items if story.happens(left_to.get(item[0], 0.62))]
    elif wide and story.happens(0.5):
        beyond = ("fx", "mass") if wide == "wide_acute" else ("fx",)
        items = [item for item in items if item[0] in beyond]
    elif wide:
        items = items_of(story, story.body)
    left = [item for item in items if item[0] not in story.told_with]
    deny(story, [item for item in left if not story.gone or item[0] != "ich"], "findings")


def deny(story: Story, items: Sequence[Item], section: str) -> None:
    """Deny each of some things, alone or in a list."""
    settled = _is_settled(story, section)
    listed = [item for item in items if story.happens(0.5) and not (settled and item[0] == "ich")]
    if len(listed) == 1 and story.happens(0.6):
        listed = []
    if story.happens(0.2):
        story.random.shuffle(listed)
    for item in items:
        if item not in listed:
            _deny_one(story, item, section)
    while listed:
        number = min(len(listed), story.random.choice((1, 2, 2, 3, 3, 4)))
        _deny_list(story, listed[:number], section)
        listed = listed[number:]


def _is_settled(story: Story, section: str) -> bool:
    """Whether the impression denies blood that the findings were not sure of."""
    doubt = story.body["ich"] == UNCERTAIN and story.end["ich"] == ABSENT and "ich" not in story.open
    return doubt and section == "impression"


def _deny_one(story: Story, item: Item, section: str) -> None:
    rule, shows = item
    if rule not in ALONE:
        _deny_list(story, [item], section)
        return
    ending = "_plain" if section == "impression" and rule in ("hc", "me") else _ending(story, rule, section)
    story.say(f"no_{rule}{ending}", section, story.topic(rule), shows)


def _ending(story: Story, rule: str, section: str) -> str:
    """The way of denying something that goes with what else is there."""
    scene, blood = story.case.scene, story.case.there("sah", "ivh")
    if rule == "ich":
        if _is_settled(story, section):
            return "_settled"
        return "_firm" if "ich" in story.open else ""
    if rule == "mass":
        return {"tumor": "_known", "postop": "_op"}.get(scene, "")
    if rule == "inf":
        return "_stroke" if scene == "stroke" else ""
    if rule == "fx":
        return "_plain" if scene in ("postop", "shunt") else ""
    if rule == "hc":
        spoiled = blood or story.case.there("me")
        return "_plain" if spoiled else "_prior" if story.scene.known else ""
    return "_plain" if blood or story.pusher else ""


def _deny_list(story: Story, items: Sequence[Item], section: str) -> None:
    names = [_name(story, rule) for rule, _ in items]
    if "d_me" in names and len(names) < 4 and story.happens(0.5):
        at = names.index("d_me")
        names[at : at + 1] = ["d_me_first", "d_me_second"]
    slots = dict(zip("abcde", names, strict=False))
    framed = story.happens(0.09)
    shows = [short for _, all_shown in items for short in all_shown]
    topic = story.topic(items[0][0]) if len(items) == 1 else "brain"
    slots["list"] = f"list{len(names)}_{'plain' if framed else 'or'}"
    story.say("deny_framed" if framed else "deny", section, topic, shows, **slots)


def _name(story: Story, rule: str) -> str:
    """The rule that names what is denied."""
    if rule == "inf" and story.bare and story.happens(0.6):
        return "d_inf_bare"
    if rule == "ich" and ("ich" in story.open or story.happens(0.3)):
        return "d_ich_bare"
    return f"d_{rule}"


def draw_wide(story: Story) -> str:
    """The rule of a wide denial, where all that it denies is denied throughout; often there is none."""
    told = story.end
    if story.gone:
        return ""
    quiet = all(section[short] == ABSENT for section in (told, story.body) for short in ("ich", *ACUTE))
    if not quiet or story.open or not story.happens(0.75 if story.style.has("impression") else 0.3):
        return ""
    others = told["fx"] in (ABSENT, SILENT) and told["mass"] == ABSENT
    every = others and story.happens(0.6) and story.case.scene != "dementia"
    return "wide_all" if every else "wide_acute"


def say_wide(story: Story, section: str, wide: str) -> None:
    """Make a wide denial, evidence for what nothing has shown so far."""
    covers = (*ALL_BLEEDS, *ACUTE, *(("mass",) if wide == "wide_all" else ()))
    said = {name for act in story.acts for name in act.shows}
    if wide == "wide_all":
        story.avoid.add("brain")
    topic = "other" if section == "findings" else ""
    story.say(wide, section, topic, [short for short in covers if NAMES[short] not in said])


def say_wide_first(story: Story, items: Sequence[Item], wide: str) -> None:
    """The wide denial first, the others after it, each evidence for what the other is not."""
    at = len(story.acts)
    deny(story, items, "impression")
    say_wide(story, "impression", wide)
    story.acts.insert(at, story.acts.pop())


def answers_one_of(item: Item, shorts: Collection[str]) -> bool:
    """Whether denying something answers one of some findings."""
    return not set(shorts).isdisjoint(item[1])
