"""Findings that depend on one another: kinds and their parents, and the absence of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reportnlp.findings.schema import Finding
from reportnlp.rules.conclude import Basis, Placed, Verdict, denials_of
from reportnlp.types import Presence


def settle_kin(
    kin: Sequence[tuple[int, int]], verdicts: list[Verdict], placed: Mapping[int, Sequence[Placed]]
) -> None:
    """Make parents and kinds agree, in place.

    A kind that is present makes its parent present; a parent that is denied, as a whole or beside what is
    there ("no other haemorrhage"), denies every kind not spoken of; an exam that cannot tell of the parent
    cannot tell of its kinds.

    Args:
        kin: pairs of a kind and its parent, as indexes of `verdicts`.
        verdicts: one per finding.
        placed: each finding's mentions.
    """
    _settle_addenda(kin, verdicts)
    _lift(kin, verdicts, Presence.PRESENT, (Presence.ABSENT, Presence.UNCERTAIN, Presence.NOT_MENTIONED))
    _lift(kin, verdicts, Presence.UNCERTAIN, (Presence.ABSENT, Presence.NOT_MENTIONED))
    for kind, parent in kin:
        if verdicts[kind].answer is not Presence.NOT_MENTIONED:
            continue
        above = verdicts[parent]
        denials = denials_of(placed.get(parent, ()))
        if above.answer is Presence.ABSENT:
            verdicts[kind] = Verdict(Presence.ABSENT, Basis.PARENT, above.shown_by)
        elif denials and above.answer is Presence.PRESENT:
            verdicts[kind] = Verdict(Presence.ABSENT, Basis.PARENT, denials[0])
        elif above.basis is Basis.INCONCLUSIVE:
            verdicts[kind] = Verdict(Presence.UNCERTAIN, Basis.PARENT, above.shown_by)


def _settle_addenda(kin: Sequence[tuple[int, int]], verdicts: list[Verdict]) -> None:
    """What an addendum or an open contradiction says of a parent holds for its kinds, and the other way."""
    for kind, parent in kin:
        above, own = verdicts[parent], verdicts[kind]
        if above.answer is Presence.ABSENT and _gives_way(own, above):
            verdicts[kind] = Verdict(Presence.ABSENT, Basis.PARENT, above.shown_by)
        if above.basis is Basis.CONTRADICTION and own.answer is Presence.PRESENT:
            verdicts[kind] = own._replace(answer=Presence.UNCERTAIN, basis=Basis.CONTRADICTION)
    for parent in {parent for _, parent in kin}:
        kinds = [verdicts[k] for k, p in kin if p == parent]
        denied = all(verdict.answer is Presence.ABSENT for verdict in kinds)
        if len(kinds) > 2 and denied and verdicts[parent].answer is Presence.NOT_MENTIONED:
            verdicts[parent] = Verdict(Presence.ABSENT, Basis.CHILD, kinds[0].shown_by)


def _gives_way(kind: Verdict, parent: Verdict) -> bool:
    """Whether a kind's own verdict yields to its parent's denial."""
    return kind.basis is Basis.QUESTION or (
        parent.basis is Basis.ADDENDUM and kind.basis is not Basis.ADDENDUM
    )


def _lift(
    kin: Sequence[tuple[int, int]], verdicts: list[Verdict], answer: Presence, gives_way: Sequence[Presence]
) -> None:
    """Raise parents to their kinds' answer."""
    for kind, parent in kin:
        if verdicts[kind].answer is answer and verdicts[parent].answer in gives_way:
            verdicts[parent] = Verdict(answer, Basis.CHILD, verdicts[kind].shown_by)


def settle_none_of_panel(findings: Sequence[Finding], verdicts: list[Verdict]) -> None:
    """Answer, in place, the findings that stand for "nothing else is there"."""
    for i, finding in enumerate(findings):
        if not finding.none_of_panel:
            continue
        counted = {
            v.answer
            for f, v in zip(findings, verdicts, strict=True)
            if not f.none_of_panel and f.name not in finding.exempt
        }
        if Presence.PRESENT in counted:
            verdicts[i] = Verdict(Presence.ABSENT, Basis.PANEL)
        elif Presence.UNCERTAIN in counted:
            verdicts[i] = Verdict(Presence.UNCERTAIN, Basis.PANEL)
        elif verdicts[i].answer is Presence.NOT_MENTIONED and Presence.ABSENT in counted:
            verdicts[i] = Verdict(Presence.PRESENT, Basis.PANEL)
