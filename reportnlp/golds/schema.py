"""What the map of a source of gold answers may say. Unknown keys are refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Words = dict[str, dict[str, tuple[str, ...]]]
"""Attribute to answer to the words that give it."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Strict):
    """What some terms say of one finding.

    Attributes:
        finding: the finding that the terms are about.
        terms: terms without qualifiers; case does not count.
        only_with: qualifiers of which one must be there; none when any will do.
        never_with: qualifiers of which none may be there.
        leaves_open: the terms do not settle the finding: it gets no answer unless another term gives one.
    """

    finding: str
    terms: Annotated[tuple[str, ...], Field(min_length=1)]
    only_with: tuple[str, ...] = ()
    never_with: tuple[str, ...] = ()
    leaves_open: bool = False


class TermMap(_Strict):
    """How terms with qualifiers (`Pulmonary Atelectasis/base/left/mild`) become answers.

    Attributes:
        rules: every rule that fits a term counts.
        unmapped: terms that say nothing of the panel where no rule fits.
        not_coded: terms of which a report has no other when its coders left it without codes.
        qualifiers: what qualifiers answer.
        implied: what they answer where the term has none of `qualifiers` for the attribute.
        other_qualifiers: qualifiers that answer nothing.
    """

    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    unmapped: tuple[str, ...] = ()
    not_coded: tuple[str, ...] = ()
    qualifiers: Words = {}
    implied: Words = {}
    other_qualifiers: tuple[str, ...] = ()


class TableMap(_Strict):
    """How the columns of a table of ones and zeros become answers.

    Attributes:
        id: column with the report id.
        findings: finding to the columns of which a one makes it present.
        leaves_open: finding to the columns of which a one leaves it without an answer, unless it is present.
        only_present: findings of which a zero says nothing.
        unmapped: columns that say nothing of the panel.
    """

    id: str
    findings: Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]
    leaves_open: dict[str, tuple[str, ...]] = {}
    only_present: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
