"""The maps of the sources, read from their TOML files and checked against the panel."""

from __future__ import annotations

from collections.abc import Iterable

from reportnlp.config import check, package_toml
from reportnlp.errors import unknown_name
from reportnlp.findings.schema import Panel
from reportnlp.golds.schema import TableMap, TermMap, Words


def load_terms(name: str, panel: Panel) -> TermMap:
    """Load the map of a source of terms.

    Raises:
        UnknownNameError: it names a finding, attribute or answer that the panel has not.
        InvalidDefinitionError: the file breaks a rule of the schema.
    """
    mapping = check(TermMap, package_toml("golds", f"{name}.toml"), where=f"{name}.toml")
    _check_findings((rule.finding for rule in mapping.rules), panel, name)
    for words in (mapping.qualifiers, mapping.implied):
        _check_words(words, panel, name)
    return mapping


def load_table(name: str, panel: Panel) -> TableMap:
    """Load the map of a table of ones and zeros.

    Raises:
        UnknownNameError: it names a finding that the panel has not.
        InvalidDefinitionError: the file breaks a rule of the schema.
    """
    mapping = check(TableMap, package_toml("golds", f"{name}.toml"), where=f"{name}.toml")
    _check_findings((*mapping.findings, *mapping.leaves_open, *mapping.only_present), panel, name)
    return mapping


def _check_findings(names: Iterable[str], panel: Panel, source: str) -> None:
    known = [finding.name for finding in panel.findings]
    for name in names:
        if name not in known:
            raise unknown_name(f"finding of the panel '{panel.name}' ({source}.toml)", name, known)


def _check_words(words: Words, panel: Panel, source: str) -> None:
    allowed: dict[str, set[str]] = {}
    for finding in panel.findings:
        for key, attribute in finding.attributes.items():
            allowed.setdefault(key, set()).update(attribute.answers)
    for key, answers in words.items():
        if key not in allowed:
            raise unknown_name(f"attribute of the panel '{panel.name}' ({source}.toml)", key, allowed)
        for answer in answers:
            if answer not in allowed[key]:
                raise unknown_name(f"answer of '{key}' ({source}.toml)", answer, allowed[key])
