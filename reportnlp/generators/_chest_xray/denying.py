"""What a chest film report denies: some of what is not there, all that is asked for, more at the end."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from reportnlp.generators._chest_xray.denials import ENDED, ENDS, SAID, TERMS, Statement, listed
from reportnlp.generators._chest_xray.findings import last_doubt
from reportnlp.generators._chest_xray.tables import (
    BITS,
    DEVICES,
    EXEMPT,
    FINDINGS,
    LUNG_DISEASE,
    NONE,
    OPACITY,
    TRANSIENT,
    TWICE,
    bits,
)
from reportnlp.generators._chest_xray.telling import Telling
from reportnlp.generators._chest_xray.words import slots_of
from reportnlp.generators.blocks import PRESENT, SILENT, Act

ASKED = 6
"""How much sooner a statement is chosen that denies what is asked for."""


def deny_some(telling: Telling) -> None:
    """Deny some of what is not there, now and then by its having gone."""
    fitting = _fitting(telling, SAID)
    for _ in range(_how_many(telling)):
        if statement := _choose(telling, fitting, telling.main, again=False):
            telling.deny(statement, telling.main)
    if telling.main == "findings" and telling.happens(0.06) and telling.wanted.get(NONE) != SILENT:
        _other_ways(telling)


def _how_many(telling: Telling) -> int:
    silent = telling.wanted.get(NONE) == SILENT
    if silent or telling.main == "impression":
        return 0 if silent else telling.random.choice((0, 1, 2))
    return telling.random.choice((2, 2, 3, 3)) + int(telling.style.detail * 2.5)


def _choose(
    telling: Telling, statements: Iterable[Statement], section: str, *, again: bool
) -> Statement | None:
    """One of the statements that fit, sooner one that is asked for; no section says a thing twice."""
    given: list[Statement] = []
    weights: list[float] = []
    asked = bits(telling.needed - telling.absent)
    unsaid, unanswered = ~telling.said[section], ~bits(telling.absent)
    for statement in statements:
        if statement.says & ~unsaid:
            continue
        new = statement.mask & unanswered
        if again or new:
            given.append(statement)
            weights.append(statement.weight * (ASKED if asked & statement.mask else 1))
    return telling.random.choices(given, weights)[0] if given else None


def _other_ways(telling: Telling) -> None:
    """Something that has gone, or that an addendum takes back."""
    said = telling.said["findings"]
    free = [n for n in TWICE if n not in telling.spoken and n not in telling.absent and not said & BITS[n]]
    clear = said & BITS["clear"]
    free = [n for n in free if (not telling.young or n in TRANSIENT) and not (clear and n in LUNG_DISEASE)]
    if not free:
        return
    name = telling.random.choice(free)
    telling.absent.add(name)
    telling.said["findings"] |= BITS[name]
    telling.spoken_bits |= BITS[name]
    slots = slots_of(telling, name, doubtful=True)
    if name in TRANSIENT and telling.happens(0.7):
        telling.prior = True
        telling.add("gone", "findings", name, slots)
    else:
        telling.acts.append(Act(f"maybe_{name}", "findings", telling.topic(name), slots))
        if telling.twice:
            telling.acts.append(Act(last_doubt(name), "impression", slots=slots))
            telling.ended += 1
        telling.add("add_no", "addendum", name, {**slots, "n1": f"bare_{name}"})


def deny_the_rest(telling: Telling) -> None:
    """Deny what is to be absent and has not been denied: it has gone, or stands in lists."""
    left = [name for name in FINDINGS if name in telling.needed and name not in telling.absent]
    left.sort(key=lambda name: -len(TERMS[f"n_{name}"]))
    names: list[str] = []
    for name in left:
        if name in telling.absent:
            continue
        if _must_have_gone(telling, name, (TERMS[f"n_{name}"] - {name}) & telling.spoken):
            _gone(telling, name)
        else:
            names.append(name)
            telling.absent |= TERMS[f"n_{name}"] - telling.found.keys()
    while names:
        group = names[: telling.random.choice((1, 2, 3, 4))]
        names = names[len(group) :]
        _list(telling, listed(group))


def _must_have_gone(telling: Telling, name: str, beside: Set[str]) -> bool:
    """Whether denying a finding would deny what is spoken of otherwise; some have gone all the same."""
    if beside:
        return name != "consolidation" or not beside.isdisjoint(telling.silent)
    may = name == DEVICES or (name in TRANSIENT and name != OPACITY)
    return may and telling.happens(0.1)


def _gone(telling: Telling, name: str) -> None:
    telling.absent.add(name)
    telling.prior = True
    rule = "removed" if name == DEVICES else "gone"
    telling.add(rule, telling.main, name, slots_of(telling, name))


def _list(telling: Telling, denial: Statement) -> None:
    """A list that shows no finding that is there: where there is pneumonia, consolidation may be denied."""
    telling.said[telling.main] |= denial.says
    act = denial.act(telling.main, telling.place(denial.topic))
    slots = dict(act.slots)
    if OPACITY in telling.found:
        slots = {n: f"{term}_beside" if term == "n_consolidation" else term for n, term in slots.items()}
    telling.acts.append(replace(act, slots=slots, shows=tuple(sorted(denial.denies - telling.found.keys()))))


def deny_at_the_end(telling: Telling) -> None:
    """What an impression denies."""
    if telling.wanted.get(NONE) == SILENT:
        return
    nothing = not telling.found.keys() - {DEVICES}
    if nothing or (not telling.ended and telling.twice):
        if statement := _choose(telling, _fitting(telling, ENDS), "impression", again=True):
            telling.deny(statement, "impression")
            telling.ended += 1
    elif telling.happens(0.4) and (
        statement := _choose(telling, _fitting(telling, ENDED), "impression", again=True)
    ):
        telling.deny(statement, "impression")


def _fitting(telling: Telling, statements: Iterable[Statement]) -> list[Statement]:
    spoken, found, there = telling.spoken_bits, telling.found_bits, telling.there_bits
    return [
        each
        for each in statements
        if not each.mask & spoken and not each.spoiled & found and (not each.beside or each.beside & there)
    ]


def say_something(telling: Telling) -> None:
    """No report is empty, and where nothing is found something is denied."""
    if telling.wanted.get(NONE) == PRESENT and not telling.absent - set(EXEMPT):
        single = (listed((name,)) for name in FINDINGS if name not in EXEMPT)
        if fits := [statement for statement in single if telling.fits(statement)]:
            telling.deny(telling.random.choice(fits), telling.main)
    sections = {act.section for act in telling.acts}
    if "impression" not in sections and telling.style.has("impression"):
        spine = any(act.rule == "spine.normal" for act in telling.acts)
        telling.acts.append(Act("unchanged" if telling.prior and not spine else "as_above", "impression"))
    if "findings" not in sections and telling.style.has("findings"):
        rule = "child.normal" if telling.young else "spine.normal"
        telling.acts.append(Act(rule, topic="spine"))
