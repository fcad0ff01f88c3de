"""Which column of a table holds what, and the report that a record of it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from reportnlp.errors import InputError
from reportnlp.formats._dates import parse_date
from reportnlp.formats.blocks import ReadOptions, Row, checked, join_sections, refused

ID_NAMES = (
    "report_id", "id", "study_id", "study", "accession", "accession_number", "accession_no", "exam_id",
    "report_number", "note_id", "document_id", "doc_id", "study_uid", "study_instance_uid", "uid",
    "volume_name", "filename", "file", "row_id",
)  # fmt: skip
TEXT_NAMES = (
    "text", "report", "report_text", "full_text", "full_report", "narrative", "report_body", "report_content",
    "radiology_report", "original_report", "result_text", "note_text", "note", "content",
)  # fmt: skip
SECTION_NAMES = (
    "indication", "indications", "clinical_indication", "clinical_history", "clinical_information",
    "clinical_details", "reason_for_exam", "reason_for_examination", "reason_for_study", "history",
    "technique", "comparison", "comparisons", "findings", "finding", "impression", "impressions",
    "conclusion", "conclusions", "opinion", "addendum", "addenda",
)  # fmt: skip
"""In reading order, which is the order in which they are joined."""

CORE_SECTIONS = ("findings", "finding", "impression", "impressions", "conclusion", "conclusions", "opinion")
ADDENDA = ("addendum", "addenda")
DATE_NAMES = ("exam_date", "study_date", "date", "report_date", "procedure_date", "chart_date", "chart_time")
MODALITY_NAMES = ("modality", "exam_modality", "modality_code")
SITE_NAMES = ("site", "hospital", "institution", "institution_name", "facility", "site_id")
PATIENT_NAMES = ("patient_id", "patient", "subject_id", "mrn", "person_id", "pid", "subject")

BLANKS = frozenset({"NULL", "null", "NaN", "nan", "<NA>"})
"""How databases and data frames spell a cell that holds nothing."""


class CellError(ValueError):
    """A cell that is no text; the message names the type, never the value."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of the columns in a record; None for one the table does not have.

    Attributes:
        texts: heading ("" for none) and position of each part of the text, in reading order.
    """

    id: int
    texts: tuple[tuple[str, int], ...]
    date: int | None = None
    modality: int | None = None
    site: int | None = None
    patient: int | None = None

    def used(self) -> frozenset[int]:
        """Every position that is read."""
        others = (self.id, self.date, self.modality, self.site, self.patient)
        return frozenset(p for p in (*others, *(p for _, p in self.texts)) if p is not None)


def find_columns(names: Sequence[str], options: ReadOptions, source: str) -> Columns:
    """Find the columns by the names given, else by the usual ones (case and punctuation aside).

    Raises:
        InputError: no column for the id or the text, two of the same name, or one that is both text and not.
    """
    table = _Names(names, source)
    columns = Columns(
        table.required(options.id_column, ID_NAMES, "the report id", "--id-column"),
        table.given_texts(options.text_columns) or table.usual_texts(),
        table.optional(options.date_column, DATE_NAMES, "--date-column"),
        table.optional(options.modality_column, MODALITY_NAMES, "--modality-column"),
        table.optional(options.site_column, SITE_NAMES, "--site-column"),
        table.optional(options.patient_column, PATIENT_NAMES, "--patient-column"),
    )
    _refuse_text_elsewhere(columns, names, source)
    return columns


def _refuse_text_elsewhere(columns: Columns, names: Sequence[str], source: str) -> None:
    """An id goes into logs and tables, where the text of a report may not."""
    others = {
        "--id-column": columns.id,
        "--date-column": columns.date,
        "--modality-column": columns.modality,
        "--site-column": columns.site,
        "--patient-column": columns.patient,
    }
    texts = {at for _, at in columns.texts}
    for option, at in others.items():
        if at in texts:
            raise InputError(
                f"{source}: the column '{names[at]}' is read as report text, and as {option} too. "
                f"Give another column to {option} or to --text-column."
            )


@dataclass(frozen=True, slots=True)
class _Names:
    names: Sequence[str]
    source: str

    def required(self, given: str, usual: Sequence[str], what: str, option: str) -> int:
        found = self.optional(given, usual, option)
        if found is None:
            raise self.missing(f"no column for {what}", ", ".join(usual), option)
        return found

    def optional(self, given: str, usual: Sequence[str], option: str) -> int | None:
        if given:
            return self.position(given, option)
        return next((self.only(name) for name in usual if squashed(name) in self.squashed()), None)

    def position(self, given: str, option: str) -> int:
        """Where the column stands that the user named."""
        if given in self.names:
            return self.names.index(given)
        if squashed(given) not in self.squashed():
            raise InputError(f"{self.source} has no column '{given}' ({option}). {_listing(self.names)}")
        return self.only(given)

    def only(self, name: str) -> int:
        """Where the column stands; two of one name would leave it to chance which is read."""
        hits = [at for at, other in enumerate(self.squashed()) if other == squashed(name)]
        exact = [at for at in hits if self.names[at] == name]
        if len(hits) > 1 and len(exact) != 1:
            raise InputError(f"{self.source}: {len(hits)} columns are called '{name}'; rename all but one.")
        return exact[0] if len(exact) == 1 else hits[0]

    def given_texts(self, given: Sequence[str]) -> tuple[tuple[str, int], ...]:
        positions = [self.position(name, "--text-column") for name in given]
        if len(given) == 1:
            return (("", positions[0]),)
        return tuple((_heading(name), at) for name, at in zip(given, positions, strict=True))

    def usual_texts(self) -> tuple[tuple[str, int], ...]:
        sections = tuple(self.sections())
        whole = self.optional("", TEXT_NAMES, "--text-column")
        if whole is not None:
            # An addendum kept apart corrects the report, so it may not be lost.
            return (("", whole), *(part for part in sections if part[0].lower() in ADDENDA))
        if any(heading.lower() in CORE_SECTIONS for heading, _ in sections):
            return sections
        usual = f"{', '.join(TEXT_NAMES)}; or sections: {', '.join(CORE_SECTIONS)}"
        raise self.missing("no column for the text", usual, "--text-column")

    def sections(self) -> Iterator[tuple[str, int]]:
        for name in SECTION_NAMES:
            for at, other in enumerate(self.squashed()):
                if _section(other) == squashed(name):
                    yield _heading(name), at

    def squashed(self) -> list[str]:
        return [squashed(name) for name in self.names]

    def missing(self, what: str, usual: str, option: str) -> InputError:
        return InputError(
            f"{self.source}: {what}. {_listing(self.names)} Looked for: {usual}. Name it: {option} NAME."
        )


def squashed(name: str) -> str:
    """`Accession Number`, `accession_number` and `AccessionNumber` alike."""
    return re.sub(r"[\W_]", "", name.casefold())


def _section(name: str) -> str:
    """`section_findings` and `Findings_EN` are `findings`."""
    return re.sub(r"^section(?=.)|(?<=.)(?:en|text|section)$", "", name)


def _heading(name: str) -> str:
    words = re.sub(r"[\W_]+", " ", name).strip().upper()
    return words or name.upper()


def _listing(names: Sequence[str]) -> str:
    """The columns found, unless the first line looks like a report: that may not be shown."""
    if all(_like_a_name(name) for name in names):
        return f"It has: {', '.join(names) or 'none'}."
    counted = f"{len(names)} field{'s' * (len(names) != 1)}"
    return f"Its first line ({counted}) does not look like column names."


def _like_a_name(name: str) -> bool:
    plain = re.fullmatch(r"[^\W\d][\w\-./#()]*(?: [\w\-./#()]+){0,2}", name)
    return bool(plain) and len(name) <= 40 and not name.endswith(".") and not re.search(r"\d{4}", name)


def to_row(values: Sequence[object], columns: Columns, source: str, offset: int) -> Row:
    """The report of one record, or why there is none."""
    report_id = ""
    try:
        report_id = cell_text(values[columns.id]).strip()
        return checked(
            source,
            offset,
            report_id,
            _text(values, columns.texts),
            patient=_meta(values, columns.patient),
            exam_date=_date(values, columns.date),
            modality=_meta(values, columns.modality),
            site=_meta(values, columns.site),
        )
    except CellError as error:
        return refused(source, offset, str(error), report_id)


def _text(values: Sequence[object], texts: tuple[tuple[str, int], ...]) -> str:
    if len(texts) == 1 and not texts[0][0]:
        return _report_text(values[texts[0][1]])
    return join_sections((heading, _report_text(values[at])) for heading, at in texts)


def _report_text(value: object) -> str:
    """A number or a date in place of a text is a column mistaken, not a report."""
    if isinstance(value, str | bytes) or value is None or value != value:
        return cell_text(value)
    raise CellError(f"the text is no string: its cell holds a {type(value).__name__}")


def _meta(values: Sequence[object], at: int | None) -> str | None:
    return None if at is None else cell_text(values[at]).strip()


def _date(values: Sequence[object], at: int | None) -> date | None:
    return None if at is None else parse_date(values[at])


def cell_text(value: object) -> str:
    """The text of a cell; "" for one that holds nothing. Whole floats (ids in a data frame) lose their `.0`.

    Raises:
        CellError: the cell holds bytes that are not UTF-8, a list or the like.
    """
    if isinstance(value, str):
        return "" if value in BLANKS else value
    if value is None or value != value:  # NaN is the one value that differs from itself
        return ""
    if isinstance(value, bytes):
        return _from_bytes(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float | date) and not isinstance(value, bool):
        return str(value)
    raise CellError(f"a cell that should hold text holds a {type(value).__name__}")


def _from_bytes(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise CellError("a cell holds bytes that are not UTF-8; save it as UTF-8") from None
