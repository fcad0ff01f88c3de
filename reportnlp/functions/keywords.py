r"""Lists of words, out of a TOML file: what a report that holds one of them says.

The file has a table for each finding, in it for each answer (present, absent, uncertain, not_mentioned) its
phrases, and tables of its attributes:

    [pneumonia]
    present = ["pneumonia", "air space (disease|opacity)"]
    absent = ["no ... pneumonia", "lungs are clear"]

    [pneumonia.laterality]
    left = ["left"]

A phrase is in the language of the finding files (`reportnlp.rules.phrases`): case, plurals and British
spelling do not matter; "(disease|opacity)" is either, "..." a gap of up to four words within a clause. Of
phrases that overlap the longest counts; of answers that are found the one listed first.

    reportnlp weak votes reports.csv --panel chest_xray -o votes --functions rules,keywords \
        --option keywords.file=words.toml --option keywords.sections=all
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from reportnlp.config import read_toml
from reportnlp.errors import InvalidDefinitionError, unknown_name
from reportnlp.findings.schema import Finding, Panel
from reportnlp.functions import blocks
from reportnlp.text.normalise import normalise
from reportnlp.text.sections import BODY, find_sections, load_headings
from reportnlp.text.sentences import split_sentences
from reportnlp.text.tokens import fold
from reportnlp.types import Presence, Report, Section

if TYPE_CHECKING:
    from reportnlp.rules.matcher import Found

TITLE = "word lists from a TOML file (file=WORDS.toml): finding, answer, phrases"


class Options(blocks.Options):
    """Settings of the voice.

    Attributes:
        file: the TOML file.
        sections: what is read of a report; `stated`: only sections that state findings; `all`: the request
            and the technique too.
    """

    file: str
    sections: Literal["stated", "all"] = "stated"


class _Row(NamedTuple):
    """What a phrase stands for; `rank` is its answer's place in the file."""

    question: str
    answer: str
    rank: int


class Function:
    """Votes as the phrases say that a report holds.

    Args:
        panel: the findings to vote on.
        options: which file, and what is read of a report.

    Raises:
        InputError: the file cannot be read.
        InvalidDefinitionError: it holds no lists of phrases, or a phrase breaks the language.
        UnknownNameError: a finding, attribute or answer that the panel has not.
    """

    text_only: ClassVar[bool] = True

    def __init__(self, panel: Panel, options: Options) -> None:
        from reportnlp.rules.lexicon import shared_classes
        from reportnlp.rules.matcher import Matcher  # spaCy
        from reportnlp.rules.phrases import compile_phrase
        from reportnlp.text.context import load_words

        path = Path(options.file)
        rows = list(_rows(read_toml(path), panel, path.name))
        patterns = [(row, p) for row, phrase in rows for p in compile_phrase(phrase, shared_classes())]
        words = load_words()
        self._matcher = Matcher([patterns], words.hard | words.breaks, words.soft | words.lists)
        self._stated = options.sections == "stated"
        self.identity = sha256(path.read_bytes()).hexdigest()

    def vote(self, report: Report) -> dict[str, str]:
        """For each question the first listed answer that a phrase stands for."""
        best: dict[str, _Row] = {}
        for row in self._found(report.text):
            if row.question not in best or row.rank < best[row.question].rank:
                best[row.question] = row
        return {question: row.answer for question, row in best.items()}

    def _found(self, text: str) -> Iterator[_Row]:
        text = normalise(text).text
        sections = [Section(BODY, 0, len(text))]
        if self._stated:
            sections = [s for s in find_sections(text) if s.name in load_headings().read]
        for sentence in split_sentences(text, sections):
            tokens, hits = self._matcher.read(fold(text[sentence.start : sentence.end]))
            yield from _longest(self._matcher.join(0, hits, tokens.words))


def _longest(found: Sequence[Found[_Row]]) -> Iterator[_Row]:
    """What the phrases stand for that no longer one of the same question overlaps."""
    kept: list[Found[_Row]] = []
    for item in sorted(found, key=lambda f: (f.match.start - f.match.end, f.role.rank)):
        rivals = (k.match for k in kept if k.role.question == item.role.question)
        if not any(r.start < item.match.end and item.match.start < r.end for r in rivals):
            kept.append(item)
    return (item.role for item in kept)


def _rows(table: Mapping[str, Any], panel: Panel, where: str) -> Iterator[tuple[_Row, str]]:
    findings = {finding.name: finding for finding in panel.findings}
    for name, lists in table.items():
        if name not in findings:
            raise unknown_name(f"finding of the panel '{panel.name}' ({where})", name, findings)
        yield from _of_finding(findings[name], lists, where)


def _of_finding(finding: Finding, lists: Any, where: str) -> Iterator[tuple[_Row, str]]:
    presence: dict[str, Any] = {}
    for key, value in _table(lists, finding.name, where).items():
        if isinstance(value, dict):
            if key not in finding.attributes:
                raise unknown_name(f"attribute of {finding.name} ({where})", key, finding.attributes)
            yield from _phrases(f"{finding.name}.{key}", value, finding.attributes[key].answers, where)
        else:
            presence[key] = value
    yield from _phrases(finding.name, presence, tuple(Presence), where)


def _phrases(
    question: str, lists: Mapping[str, Any], answers: Sequence[str], where: str
) -> Iterator[tuple[_Row, str]]:
    for rank, (answer, phrases) in enumerate(lists.items()):
        if answer not in answers:
            raise unknown_name(f"answer to {question} ({where})", answer, answers)
        if not isinstance(phrases, list) or not all(isinstance(p, str) and p.strip() for p in phrases):
            raise InvalidDefinitionError(
                f'{where}: {question}, {answer} is no list of phrases. Write {answer} = ["phrase", "phrase"].'
            )
        yield from ((_Row(question, answer, rank), phrase) for phrase in phrases)


def _table(value: Any, name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidDefinitionError(f"{where}: '{name}' is no table. Write [{name}], then present = [...].")
    return value


def plant(folder: Path, panel: Panel) -> dict[str, str]:
    """Options of an example: a file with the title of each finding, in the folder."""
    path = folder / "words.toml"
    lists = (f'[{finding.name}]\npresent = ["{finding.title.lower()}"]\n' for finding in panel.findings)
    path.write_text("\n".join(lists), encoding="utf-8")
    return {"file": str(path)}
