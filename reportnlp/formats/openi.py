"""Open-I (Indiana University chest X-rays): a folder of XML files, the published `.tgz`, or one XML file.

The id is `CXR1001`, as in the file's `uId`. Indication, comparison, findings and impression, each under its
heading, make the text; sections of other names follow. The dates in the files are the publication's, so the
exam date stays None.
"""

from __future__ import annotations

import io
import re
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast
from xml.sax.saxutils import escape, quoteattr, unescape

from reportnlp.errors import InputError
from reportnlp.formats._files import BREAKS, base_name, open_bytes, read_whole, reason_of, source_name, walk
from reportnlp.formats.blocks import ReadOptions, Row, checked, cut_short, join_sections
from reportnlp.types import BadRow, Report

TITLE = "Open-I XML: a folder, the published .tgz, or one file"
SUFFIXES = (".xml", ".tgz", ".tar.gz")
FOLDERS = True

ORDER = ("INDICATION", "COMPARISON", "FINDINGS", "IMPRESSION")
_ARCHIVES = (".tgz", ".tar.gz")
_UTF8 = re.compile(rb'\s*<\?xml[^>]*encoding=["\'](?i:utf-8|us-ascii)["\']')
_ID = re.compile(rb'<uId\s+id\s*=\s*"([\w.\-]+)"\s*/>')
# A body without tags, entities of its own, characters XML forbids, or line ends a parser would change.
_BODY = rb"(?:[^<&\r\x00-\x08\x0b\x0c\x0e-\x1f]++|&(?:lt|gt|amp|quot|apos);)*+"
_PART = rb'<AbstractText Label="([A-Z ]+)"(?:/>|>(' + _BODY + rb")</AbstractText>)"
_PARTS = re.compile(_PART)
_ABSTRACT = re.compile(rb"<Abstract>\s*(?:" + _PART + rb"\s*)*+</Abstract>")
_ENTITIES = {"&quot;": '"', "&apos;": "'"}
_HEADED = re.compile(r"([A-Z][A-Z ]*):\n(.*)", re.DOTALL)


def read(source: Path, options: ReadOptions) -> Iterator[Row]:
    """Stream the reports in the archive's order or, from a folder, in sorted order; it has no columns.

    Raises:
        InputError: there is nothing to read at all.
    """
    yield from (item if isinstance(item, BadRow) else _row(item) for item in _documents(source))


class Coded(NamedTuple):
    """What the annotators gave one report: its manual MeSH terms (`<major>`), as published.

    Attributes:
        source, offset: the file, and the 1-based number of the record in it.
        report_id: as `read` gives it.
        terms: such as `Pulmonary Atelectasis/base/left`, in the file's order.
    """

    source: str
    offset: int
    report_id: str
    terms: tuple[str, ...]


def read_terms(source: Path) -> Iterator[Coded | BadRow]:
    """Stream the manual terms of the reports that `read` reads, in its order.

    Raises:
        InputError: there is nothing to read at all.
    """
    yield from (item if isinstance(item, BadRow) else _coded(item) for item in _documents(source))


class _Document(NamedTuple):
    """One XML file's bytes, and where they came from."""

    source: str
    offset: int
    data: bytes


def _documents(source: Path) -> Iterator[_Document | BadRow]:
    if source.is_dir():
        yield from _folder(source)
    elif source.name.lower().endswith(_ARCHIVES):
        yield from _archive(source)
    else:
        yield _file(source, source_name(source))


def _folder(folder: Path) -> Iterator[_Document | BadRow]:
    empty = True
    for path in walk(folder):
        if base_name(path, (".xml",)):
            empty = False
            yield _file(path, source_name(path, folder))
    if empty:
        raise InputError(f"The folder '{source_name(folder)}' holds no .xml file.")


def _file(path: Path, name: str) -> _Document | BadRow:
    try:
        return _Document(name, 1, read_whole(path))
    except BREAKS as error:
        return BadRow(name, 1, f"the file cannot be read to its end: {reason_of(error)}")


def _archive(source: Path) -> Iterator[_Document | BadRow]:
    """The XML files of a tar, as they come: nothing is unpacked to disk."""
    name = source_name(source)
    offset = 0
    with open_bytes(source) as stream:
        try:
            for data in _members(stream):
                offset += 1
                yield _Document(name, offset, data)
        except (tarfile.TarError, *BREAKS) as error:
            if offset == 0:
                raise InputError(f"{name} is no whole tar archive; copy it again.") from error
            yield cut_short(name, offset + 1)
    if offset == 0:
        raise InputError(f"{name} holds no .xml file.")


class _Unbuffered:
    """Hands on what is there at once: filling a whole buffer would lose what lies just before a break."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read = cast(io.BufferedReader, stream).read1


def _members(stream: BinaryIO) -> Iterator[bytes]:
    with tarfile.open(fileobj=cast(BinaryIO, _Unbuffered(stream)), mode="r|", bufsize=1 << 16) as archive:
        while (member := archive.next()) is not None:
            if member.isreg() and member.name.lower().endswith(".xml"):
                yield _member(archive, member)
            cast(Any, archive).members.clear()  # it would keep every header it has seen
    while stream.read(1 << 16):
        pass  # up to gzip's checksum of it all, which is behind what tar reads


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    body = archive.extractfile(member)
    data = b"" if body is None else body.read()
    if len(data) < member.size:
        raise EOFError
    return data


def _row(document: _Document) -> Row:
    name, offset, data = document
    try:
        report_id, sections = _quick(data) or _careful(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return BadRow(name, offset, _fault(error))
    return checked(name, offset, report_id, _text(sections))


def _fault(error: Exception) -> str:
    """What is wrong with XML that does not parse."""
    if isinstance(error, ElementTree.ParseError):
        line, column = error.position
        return f"no well-formed XML from line {line}, column {column}; is the file whole?"
    return "the XML names an encoding that is not known; save it as UTF-8"


def _coded(document: _Document) -> Coded | BadRow:
    name, offset, data = document
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return BadRow(name, offset, _fault(error))
    row = checked(name, offset, _identity(root), "terms")
    if isinstance(row, BadRow):
        return row
    terms = (" ".join("".join(term.itertext()).split()) for term in root.iterfind("MeSH/major"))
    return Coded(name, offset, row.id, tuple(term for term in terms if term))


Sections = list[tuple[str, str]]


def _quick(data: bytes) -> tuple[str, Sections] | None:
    """Read the plain form that nearly every file has, at ten times the speed; None for any other."""
    identity, abstract = _ID.search(data), _ABSTRACT.search(data)
    whole = data.rstrip().endswith(b"</eCitation>")
    if identity is None or abstract is None or not whole or b"<!" in data or not _UTF8.match(data):
        return None
    parts = _PARTS.findall(abstract[0])
    try:
        return identity[1].decode("ascii"), [(label.decode(), _body(body)) for label, body in parts]
    except UnicodeDecodeError:
        return None


def _body(body: bytes) -> str:
    text = body.decode("utf-8")
    return unescape(text, _ENTITIES) if "&" in text else text


def _careful(data: bytes) -> tuple[str, Sections]:
    root = ElementTree.fromstring(data)
    return _identity(root), _sections(root)


def _identity(root: ElementTree.Element) -> str:
    identity = root.find("uId")
    return "" if identity is None else identity.get("id", "")


def _sections(root: ElementTree.Element) -> Sections:
    return [
        (part.get("Label", "").strip().upper(), "".join(part.itertext()))
        for part in root.iter("AbstractText")
    ]


def _text(sections: Sections) -> str:
    known = [(label, body) for wanted in ORDER for label, body in sections if label == wanted]
    return join_sections(known + [section for section in sections if section[0] not in ORDER])


def plant(folder: Path, reports: Sequence[Report]) -> Path:
    """Lay out reports as XML files in the folder; texts must be in headed sections."""
    for at, report in enumerate(reports):
        parts = [_HEADED.fullmatch(part) for part in report.text.split("\n\n")]
        texts = "".join(
            f'<AbstractText Label="{part[1]}">{escape(part[2], {chr(13): "&#13;"})}</AbstractText>'
            for part in parts
            if part
        )
        body = f"<eCitation><uId id={quoteattr(report.id)}/><Abstract>{texts}</Abstract></eCitation>\n"
        data = f'<?xml version="1.0" encoding="utf-8"?>\n{body}'.encode()
        (folder / f"{at:06}.xml").write_bytes(data)
    return folder


def write_terms(archive: Path, terms: Mapping[str, Sequence[str]]) -> Path:
    """Lay out a `.tgz` as it is published, with the manual terms of some reports and no texts."""
    with tarfile.open(archive, "w:gz") as out:
        for report, given in terms.items():
            majors = "".join(f"<major>{escape(term)}</major>" for term in given)
            body = f"<eCitation><uId id={quoteattr(report)}/><MeSH>{majors}</MeSH></eCitation>\n"
            data = f'<?xml version="1.0" encoding="utf-8"?>\n{body}'.encode()
            member = tarfile.TarInfo(f"ecgen-radiology/{report.removeprefix('CXR')}.xml")
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    return archive
