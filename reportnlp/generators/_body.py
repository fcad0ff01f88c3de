"""The rest of a report: organs that no question asks about, normal or not, and what closes it.

A topic with `aspects` fills long reports: besides its things, or instead of its normal line, several single
statements are made, none of which a thing that is there `spoils`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from random import Random

from pydantic import BaseModel, ConfigDict

from reportnlp.generators.blocks import Act, Style, weighted

ABNORMAL = 0.36
"""Chance that a topic that is spoken of is not normal; set by eye on the `dev` reports of `ctpa_rules`."""
CONCLUDED = 0.5
LONG = 0.79
"""Style's detail from which a report describes every organ at length."""
MIDDLING = 0.5
SWEPT = 0.4
BARE = {"full": 0.5, "terse": 0.7}
"""Chance that an organ is normal in words that lean on its sub-head, by register."""
GRADES = ("small", "small", "small", "moderate", "trace", "tiny")
DEPTHS = {
    "tiny": ("0.5", "0.6", "0.8"),
    "trace": ("0.5", "0.6", "0.8", "0.9"),
    "small": ("1.1", "1.3", "1.4", "1.8", "2"),
    "moderate": ("3.2", "3.6", "4.1", "4.4", "4.8"),
}
"""How large an effusion is called, and how deep it then is, in cm."""
PLACES: tuple[str, ...] = (
    "place_rul",
    "place_rul",
    "place_rml",
    "place_rll",
    "place_rll",
    "place_lul",
    "place_lul",
)
PLACES = (*PLACES, "place_lingula", "place_lll", "place_lll")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Thing(_Strict):
    """Something that is not normal: what findings say of it, then perhaps more, and what is made of it.

    Any of `says` must go with any of `more` and of `concludes`: two diseases are two things. `spoils` names
    the topic's aspects and things that it would contradict, and those of other topics with the topic before
    them (`pleura.normal`); `often` weighs it among the others. `draws` are slots of its own, such as a size
    or a course, drawn once and kept through the report. What is `grave` no impression leaves out.
    """

    says: tuple[str, ...]
    more: tuple[str, ...] = ()
    concludes: tuple[str, ...] = ()
    spoils: tuple[str, ...] = ()
    draws: dict[str, tuple[str, ...]] = {}
    grave: bool = False
    often: float = 1.0


class Topic(_Strict):
    """An organ: its sub-heads, what is said when all is well, in one or in single points, and what else.

    `bare` is `normal` in words that need the sub-head before them. `often` is how often it is spoken of
    beside the others but in a long report, `abnormal` how often it then is not normal.
    """

    heads: tuple[str, ...]
    normal: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    aspects: dict[str, tuple[str, ...]] = {}
    otherwise: tuple[str, ...] = ()
    others: dict[str, Thing] = {}
    often: float = 1.0
    abnormal: float = ABNORMAL


class Sweep(_Strict):
    """One statement that several organs are normal, said instead of a statement for each."""

    topics: tuple[str, ...]
    says: tuple[str, ...]


class Words(_Strict):
    """A generator's TOML file: topics in the order of a report, chances of closing lines, grammar rules.

    From `long`, the style's detail, a report describes every organ at length, but those that are spoken of
    less `often` than `evened`.
    """

    long: float = LONG
    evened: float = 0.0

    topics: dict[str, Topic] = {}
    sweeps: dict[str, Sweep] = {}
    closing: dict[str, float] = {}
    rules: dict[str, tuple[str, ...]]

    @cached_property
    def spoilers(self) -> dict[str, set[str]]:
        """Thing (`lungs.collapse`) to the things of other organs that would contradict it."""
        spoilers: dict[str, set[str]] = {}
        for name, topic in self.topics.items():
            for key, thing in topic.others.items():
                for spoilt in thing.spoils:
                    spoilers.setdefault(spoilt, set()).add(f"{name}.{key}")
        return {spoilt: names for spoilt, names in spoilers.items() if "." in spoilt}

    def all_rules(self) -> dict[str, tuple[str, ...]]:
        """The rules, and those of topics and things.

        `lungs.normal`, `lungs.bare`, `lungs.is.airways`, `lungs.otherwise`, `lungs.nodule` with `.more` and
        `.end`, `sweep.organs`. What things draw are rules, too, so that their names are known.
        """
        rules: dict[str, tuple[str, ...]] = {}
        for name, topic in self.topics.items():
            for thing in topic.others.values():
                rules |= thing.draws
            rules |= {f"{name}.{key}": thing.says for key, thing in topic.others.items()}
            rules |= {f"{name}.{key}.more": thing.more for key, thing in topic.others.items()}
            rules |= {f"{name}.{key}.end": thing.concludes for key, thing in topic.others.items()}
            rules |= {f"{name}.is.{key}": says for key, says in topic.aspects.items()}
            rules |= {f"{name}.normal": topic.normal, f"{name}.bare": topic.bare}
            rules[f"{name}.otherwise"] = topic.otherwise
        rules |= {f"sweep.{name}": sweep.says for name, sweep in self.sweeps.items()}
        rules |= self.rules
        return {name: says for name, says in rules.items() if says}


def rest(words: Words, random: Random, style: Style, avoid: Collection[str]) -> Iterator[Act]:
    """Acts about the organs, a few or many by the style's detail, and closing lines.

    Args:
        words: the generator's file.
        random: of this report.
        style: its style; a thing is said in findings, concluded in the impression, whichever there is.
        avoid: topics (`heart`), things (`heart.strain`), the normal line (`heart.normal`), aspects
            (`heart.is.size`), sweeps (`sweep.organs`) or closing lines that the content speaks of itself or
            rules out.
    """
    style = replace(style, detail=min(1.0, style.detail * LONG / words.long))
    topics = words.topics.items()
    spoken = [n for n, t in topics if n not in avoid and random.random() < _chance(t, style.detail, words)]
    things, barred = _all_things(words, spoken, random, style, avoid)
    swept: Collection[str] = ()
    sweep = _sweep(words, things, random, style, barred)
    if sweep:
        swept = words.sweeps[sweep].topics
        yield Act(f"sweep.{sweep}", topic=swept[-1])
    for name in spoken:
        if name not in swept:
            yield from _topic(name, words.topics[name], things[name], random, style, barred)
    yield from _closing(words.closing, random, style, avoid)


def _all_things(
    words: Words, spoken: Collection[str], random: Random, style: Style, avoid: Collection[str]
) -> tuple[dict[str, list[str]], set[str]]:
    """What is not normal, by topic, and all that must then be left alone."""
    things: dict[str, list[str]] = {}
    barred = set(avoid)
    for name in spoken:
        topic = words.topics[name]
        things[name] = _things(name, topic, random, style, barred)
        spoilt = [spoils for key in things[name] for spoils in topic.others[key].spoils if "." in spoils]
        barred |= {*spoilt, *(s for key in things[name] for s in words.spoilers.get(f"{name}.{key}", ()))}
    return things, barred


def _chance(topic: Topic, detail: float, words: Words) -> float:
    """That a topic is spoken of; in a long report each nearly always is."""
    even = min(1.0, max(0.0, (detail - MIDDLING) / (LONG - MIDDLING)))
    even *= topic.often >= words.evened
    return (0.12 + 0.8 * detail) * (topic.often + (1 - topic.often) * even)


def _sweep(
    words: Words, things: Mapping[str, list[str]], random: Random, style: Style, avoid: Collection[str]
) -> str:
    """A statement that covers several organs, none of which has anything to it; often there is none.

    Under the sub-heads of organs there is none: it would stand under that of one of them.
    """
    unfit = style.layout == "organ" or not style.has("findings")
    if not words.sweeps or unfit or random.random() >= SWEPT:
        return ""
    fit: dict[str, float] = {}
    for name, sweep in words.sweeps.items():
        barred = any(t in avoid or f"{t}.normal" in avoid or things.get(t) for t in sweep.topics)
        if not barred and f"sweep.{name}" not in avoid:
            fit[name] = sum(topic in things for topic in sweep.topics) / len(sweep.topics)
    return weighted(random, fit) if any(fit.values()) else ""


def _things(name: str, topic: Topic, random: Random, style: Style, avoid: Collection[str]) -> list[str]:
    """Keys of what is not normal: none, one, or more in a long report, and none that contradicts another."""
    weights = {key: thing.often for key, thing in topic.others.items() if f"{name}.{key}" not in avoid}
    if not weights or random.random() >= topic.abnormal + (0.1 if style.detail > LONG else 0):
        return []
    number = 2 if len(weights) > 3 and random.random() < style.detail * 0.5 else 1
    number += style.detail > LONG and len(weights) > 3
    chosen: list[str] = []
    while weights and len(chosen) < number:
        key = weighted(random, weights)
        chosen.append(key)
        gone = {key, *topic.others[key].spoils}
        weights = {k: w for k, w in weights.items() if k not in gone and key not in topic.others[k].spoils}
    return chosen


def _topic(
    name: str, topic: Topic, things: list[str], random: Random, style: Style, avoid: Collection[str]
) -> Iterator[Act]:
    spoiled = {spoiled for key in things for spoiled in topic.others[key].spoils}
    for key in things:
        yield from _thing(f"{name}.{key}", topic.others[key], name, random, style)
    if not style.has("findings"):
        return
    aspects = [a for a in topic.aspects if a not in spoiled and f"{name}.is.{a}" not in avoid]
    number = min(len(aspects), _aspects(style, random))
    if not things and number < 2 and topic.normal and f"{name}.normal" not in avoid:
        bare = topic.bare and style.layout == "organ" and random.random() < BARE[style.register]
        yield Act(f"{name}.{'bare' if bare else 'normal'}", topic=name)
        return
    if (
        things
        and number == 0
        and topic.otherwise
        and f"{name}.otherwise" not in avoid
        and random.random() < 0.2
    ):
        yield Act(f"{name}.otherwise", topic=name)
    for aspect in random.sample(aspects, number):
        yield Act(f"{name}.is.{aspect}", topic=name)


def _aspects(style: Style, random: Random) -> int:
    """How many single points are made of an organ."""
    if style.detail > LONG:
        return random.choice((3, 3, 4, 4, 5))
    return random.choice((0, 1, 1, 2)) if style.detail > MIDDLING else 0


def _thing(rule: str, thing: Thing, topic: str, random: Random, style: Style) -> Iterator[Act]:
    slots = {**_slots(random), **{name: random.choice(each) for name, each in thing.draws.items()}}
    if style.has("findings"):
        yield Act(rule, topic=topic, slots=slots)
        if thing.more and random.random() < (0.75 if style.detail > LONG else 0.05 + 0.25 * style.detail):
            yield Act(f"{rule}.more", topic=topic, slots=slots)
    if thing.concludes and style.has("impression") and random.random() < (0.95 if thing.grave else CONCLUDED):
        yield Act(f"{rule}.end", "impression", slots=slots)


def _slots(random: Random) -> Mapping[str, str]:
    """What a thing keeps from one sentence to the next: side, place and size.

    `n_mm2` is greater than `n_mm`; `n_depth` is the depth in cm of an effusion of `n_grade`.
    """
    side = random.choice(("left", "right"))
    size, cm = random.choice((3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 11, 12, 14)), random.randrange(11, 46) / 10
    grade = random.choice(GRADES)
    return {
        "side": side,
        "other_side": "right" if side == "left" else "left",
        "lobe": random.choice(("upper lobe", "lower lobe", "lower lobe")),
        "place": random.choice(PLACES),
        "n_mm": str(size),
        "n_mm2": str(size + random.choice((1, 2, 3, 5))),
        "n_cm": str(cm),
        "n_cm2": str(round(cm + random.choice((0.4, 0.6, 0.9, 1.3)), 1)),
        "n_grade": grade,
        "n_depth": random.choice(DEPTHS[grade]),
        "n_sev": random.choice(("mild", "mild", "mild", "moderate", "moderate", "severe")),
        "n_level": str(random.randrange(4, 13)),
        "n_rib": str(random.randrange(3, 10)),
    }


def _closing(
    chances: Mapping[str, float], random: Random, style: Style, avoid: Collection[str]
) -> Iterator[Act]:
    last = "impression" if style.has("impression") else "findings"
    for rule, chance in chances.items():
        if rule not in avoid and random.random() < chance:
            yield Act(rule, last if rule.startswith("advice") else "closing", topic="end")
