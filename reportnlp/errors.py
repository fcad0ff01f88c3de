"""The errors a user can meet. Each message says what was given, what is allowed, and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ReportNLPError(Exception):
    """Base of every error this package raises for a user's mistake or a broken input.

    Messages never contain report text: a report id, a file name and an offset stand for it.
    """


class UnknownNameError(ReportNLPError):
    """A name that is in no registry, panel or list of columns."""


class InvalidDefinitionError(ReportNLPError):
    """A finding, panel or settings file that says something it may not say."""


class InputError(ReportNLPError):
    """An input file that cannot be read at all (a single bad row is quarantined instead)."""


class OutputError(ReportNLPError):
    """An output that cannot be written, or that exists and may not be overwritten."""


class ResumeError(ReportNLPError):
    """Work on disk that belongs to another configuration, panel, version or input."""


class ImageError(ReportNLPError):
    """One image that cannot be used; the others can.

    Attributes:
        reason: what is wrong, in few words that name no file, so that images can be counted by it.
    """

    def __init__(self, image: object, reason: str, mend: str = "") -> None:
        super().__init__(f"{image}: {reason}.{f' {mend}' if mend else ''}")
        self.image, self.reason, self.mend = str(image), reason, mend

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str, str]]:
        return type(self), (self.image, self.reason, self.mend)


class TrainingError(ReportNLPError):
    """Training that cannot go on: nothing to learn from, or numbers that are none."""


class MissingExtraError(ReportNLPError):
    """A part of the package whose optional libraries are not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(
            f"{purpose} needs the extra '{extra}'. Install it: pip install 'reportnlp[{extra}]'."
        )


def unknown_name(kind: str, given: str, allowed: Iterable[str], see: str = "") -> UnknownNameError:
    """Build the error for a wrong name, with the nearest right one.

    Args:
        kind: what the name should have named ("finding", "panel", "column").
        given: the name that was given.
        allowed: every right name.
        see: a command or place that lists them all; when empty, they are listed in the message.
    """
    names = sorted(allowed)
    near = get_close_matches(given, names, n=1)
    guess = f" Did you mean '{near[0]}'?" if near else ""
    hint = f" See them all: {see}." if see else f" Allowed: {', '.join(names)}."
    return UnknownNameError(f"No {kind} is called '{given}'.{guess}{hint}")
