"""The rest of a report: organs that no question asks about, normal or not, and what closes it.

A topic with `aspects` fills long reports: besides its things, or instead of its normal line, several single
statements are made, none of which a thing that is there `spoils`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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

    `spoils` names the topic's aspects and things that it would contradict; `often` weighs it among
    the others.
    """

    says: tuple[str, ...]
    more: tuple[str, ...] = ()
    concludes: tuple[str, ...] = ()
    spoils: tuple[str, ...] = ()
    often: float = 1.0


class Topic(_Strict):
    """An organ: its sub-heads, what is said when all is well, in one or in single points, and what else.

    `often` is how often it is spoken of beside the others but in a long report, `abnormal` how often it then
    is not normal.
    """

    heads: tuple[str, ...]
    normal: tuple[str, ...] = ()
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
    """A generator's TOML file: topics in the order of a report, chances of closing lines, grammar rules."""

    topics: dict[str, Topic] = {}
    sweeps: dict[str, Sweep] = {}
    closing: dict[str, float] = {}
    rules: dict[str, tuple[str, ...]]

    def all_rules(self) -> dict[str, tuple[str, ...]]:
        """The rules, and those of topics and things.

        `lungs.normal`, `lungs.is.airways`, `lungs.otherwise`, `lungs.nodule` with `.more` and `.end`,
        `sweep.organs`.
        """
        rules = dict(self.rules)
        for name, topic in self.topics.items():
            rules |= {f"{name}.{key}": thing.says for key, thing in topic.others.items()}
            rules |= {f"{name}.{key}.more": thing.more for key, thing in topic.others.items()}
            rules |= {f"{name}.{key}.end": thing.concludes for key, thing in topic.others.items()}
            rules |= {f"{name}.is.{key}": says for key, says in topic.aspects.items()}
            rules |= {f"{name}.normal": topic.normal, f"{name}.otherwise": topic.otherwise}
        rules |= {f"sweep.{name}": sweep.says for name, sweep in self.sweeps.items()}
        return {name: says for name, says in rules.items() if says}


def rest(words: Words, random: Random, style: Style, avoid: Collection[str]) -> Iterator[Act]:
    """Acts about the organs, a few or many by the style's detail, and closing lines.

    Args:
        words: the generator's file.
        random: of this report.
        style: its style; a thing is said in findings, concluded in the impression, whichever there is.
        avoid: topics (`heart`), things (`heart.strain`), the normal line (`heart.normal`), aspects
            (`heart.is.size`) or sweeps (`sweep.organs`) that the content speaks of itself or rules out.
    """
    topics = words.topics.items()
    spoken = [n for n, t in topics if n not in avoid and random.random() < _chance(t, style.detail)]
    things = {name: _things(name, words.topics[name], random, style, avoid) for name in spoken}
    swept: Collection[str] = ()
    sweep = _sweep(words, things, random, style, avoid)
    if sweep:
        swept = words.sweeps[sweep].topics
        yield Act(f"sweep.{sweep}", topic=swept[-1])
    for name in spoken:
        if name not in swept:
            yield from _topic(name, words.topics[name], things[name], random, style, avoid)
    yield from _closing(words.closing, random, style)


def _chance(topic: Topic, detail: float) -> float:
    """That a topic is spoken of; in a long report each nearly always is."""
    even = min(1.0, max(0.0, (detail - MIDDLING) / (LONG - MIDDLING)))
    return (0.12 + 0.8 * detail) * (topic.often + (1 - topic.often) * even)


def _sweep(
    words: Words, things: Mapping[str, list[str]], random: Random, style: Style, avoid: Collection[str]
) -> str:
    """A statement that covers several organs, none of which has anything to it; often there is none."""
    if not words.sweeps or not style.has("findings") or random.random() >= SWEPT:
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
        yield Act(f"{name}.normal", topic=name)
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
    slots = _slots(random)
    if style.has("findings"):
        yield Act(rule, topic=topic, slots=slots)
        if thing.more and random.random() < (0.75 if style.detail > LONG else 0.05 + 0.25 * style.detail):
            yield Act(f"{rule}.more", topic=topic, slots=slots)
    if thing.concludes and style.has("impression") and random.random() < CONCLUDED:
        yield Act(f"{rule}.end", "impression", slots=slots)


def _slots(random: Random) -> Mapping[str, str]:
    """What a thing keeps from one sentence to the next: side, place and size; `n_mm2` is the greater."""
    side = random.choice(("left", "right"))
    size, cm = random.choice((3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 11, 12, 14)), random.randrange(11, 46) / 10
    return {
        "side": side,
        "other_side": "right" if side == "left" else "left",
        "lobe": random.choice(("upper lobe", "lower lobe", "lower lobe")),
        "place": random.choice(PLACES),
        "n_mm": str(size),
        "n_mm2": str(size + random.choice((1, 2, 3, 5))),
        "n_cm": str(cm),
        "n_cm2": str(round(cm + random.choice((0.4, 0.6, 0.9, 1.3)), 1)),
        "n_grade": random.choice(("small", "small", "small", "moderate", "trace", "tiny", "large")),
        "n_sev": random.choice(("mild", "mild", "mild", "moderate", "moderate", "severe")),
        "n_level": str(random.randrange(4, 13)),
        "n_rib": str(random.randrange(3, 10)),
    }


def _closing(chances: Mapping[str, float], random: Random, style: Style) -> Iterator[Act]:
    last = "impression" if style.has("impression") else "findings"
    for rule, chance in chances.items():
        if random.random() < chance:
            yield Act(rule, last if rule == "advice" else "closing", topic="end")
