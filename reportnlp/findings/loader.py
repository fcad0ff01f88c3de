"""Findings and panels, read from their TOML files and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

from reportnlp.config import check, read_toml
from reportnlp.errors import InputError, InvalidDefinitionError, UnknownNameError, unknown_name
from reportnlp.findings.schema import Attribute, Finding, Panel, PanelFile
from reportnlp.types import UNSPECIFIED

_BUILT_IN = Path(str(files("reportnlp")))

CASE = """Add at least one [[cases]] with text = "..." and presence = "present" (or another answer)."""


@cache
def _folders(family: str) -> tuple[Path, ...]:
    """The package's own folder of a data family, then those that other packages add."""
    points = entry_points(group=f"reportnlp.{family}")
    return (_BUILT_IN / family, *(Path(str(files(point.value))) for point in points))


@cache
def _paths(family: str) -> dict[str, Path]:
    return {path.stem: path for folder in _folders(family) for path in sorted(folder.glob("*.toml"))}


def finding_names() -> tuple[str, ...]:
    """Names of all findings that are shipped or added by other packages, sorted."""
    return tuple(sorted(_paths("findings")))


def panel_names() -> tuple[str, ...]:
    """Names of all panels that are shipped or added by other packages, sorted."""
    return tuple(sorted(_paths("panels")))


def load_finding(name: str | Path) -> Finding:
    """Load one finding by name, or from a TOML file of the user's own.

    Raises:
        UnknownNameError: no finding has that name.
        InvalidDefinitionError: the file breaks a rule of the schema.
    """
    path = _resolve(name, "finding", finding_names, "findings")
    return _finding_from(path)


def load_panel(name: str | Path) -> Panel:
    """Load one panel by name, or from a TOML file of the user's own.

    A panel file lists findings by name; a name that ends in `.toml` is a finding file, relative to the
    panel's folder. A finding file itself may stand in for a panel: it is then a panel of one.

    Raises:
        UnknownNameError: no panel, or one of its findings, has that name.
        InvalidDefinitionError: a file breaks a rule of the schema.
    """
    path = _resolve(name, "panel", panel_names, "panels")
    table = read_toml(path)
    if "findings" not in table:
        alone = _finding_from(path)
        return _panel(path.stem, alone.title, alone.definition, [alone])
    panel = check(PanelFile, table, where=path.name)
    findings = [_member(entry, path) for entry in panel.findings]
    for name in panel.attributes:
        if name not in (names := [finding.name for finding in findings]):
            raise unknown_name(f"finding of {path.name}, which gives attributes of one,", name, names)
    findings = [_with_attributes(f, panel.attributes.get(f.name), path) for f in findings]
    return _panel(path.stem, panel.title, panel.definition, findings)


def _with_attributes(finding: Finding, wanted: tuple[str, ...] | None, path: Path) -> Finding:
    """The finding with only the attributes that the panel asks for; all of them when it says nothing."""
    if wanted is None:
        return finding
    for key in wanted:
        if key not in finding.attributes:
            raise unknown_name(f"attribute of '{finding.name}' ({path.name})", key, finding.attributes)
    return finding.model_copy(update={"attributes": {key: finding.attributes[key] for key in wanted}})


def _member(entry: str, panel: Path) -> Finding:
    try:
        return load_finding(panel.parent / entry if entry.endswith(".toml") else entry)
    except (UnknownNameError, InputError) as error:
        raise type(error)(f"{panel.name} lists the finding '{entry}': {error}") from None


def _panel(name: str, title: str, definition: str, findings: list[Finding]) -> Panel:
    names = [finding.name for finding in findings]
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise InvalidDefinitionError(
            f"The panel '{name}' lists {', '.join(repeated)} more than once. Once is enough."
        )
    return Panel(
        name=name, title=title, definition=definition, findings=tuple(findings), digest=_digest(findings)
    )


def _digest(findings: Iterable[Finding]) -> str:
    """Everything that can change an answer: the findings without cases, and the shared rule data."""
    digest = hashlib.sha256()
    for finding in findings:
        digest.update(json.dumps(finding.model_dump(mode="json", exclude={"cases"}), sort_keys=True).encode())
    for path in sorted(path for folder in ("rules", "text") for path in (_BUILT_IN / folder).glob("*.toml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _resolve(name: str | Path, kind: str, names: Callable[[], tuple[str, ...]], family: str) -> Path:
    if isinstance(name, Path) or str(name).endswith(".toml"):
        return Path(name)
    paths = _paths(family)
    if name not in paths:
        raise unknown_name(kind, str(name), names(), see=f"reportnlp {family}")
    return paths[name]


def _finding_from(path: Path) -> Finding:
    table = read_toml(path)
    attributes = table.get("attributes")
    for key, attribute in attributes.items() if isinstance(attributes, dict) else ():
        if isinstance(attribute, dict) and isinstance(attribute.get("use"), str) and attribute["use"]:
            table["attributes"][key] = _shared_attribute(attribute, path)
    if not table.get("cases") and set(table) <= set(Finding.model_fields):
        raise InvalidDefinitionError(f"{path.name} has no worked case. {CASE}")
    finding = check(Finding, {"name": path.stem, **table}, where=path.name)
    for key, checked in finding.attributes.items():
        _check_attribute(key, checked, path)
    _check_cases(finding, path)
    return finding


def _shared_attribute(attribute: dict[str, Any], path: Path) -> dict[str, Any]:
    """The shared attribute's table, with what the finding's own file says on top."""
    name = attribute["use"]
    shared = _paths("findings/attributes")
    if name not in shared:
        raise unknown_name(f"shared attribute ({path.name})", name, shared)
    merged: dict[str, Any] = {**read_toml(shared[name]), **attribute}
    return merged


def _check_attribute(key: str, attribute: Attribute, path: Path) -> None:
    for answer in [
        *attribute.phrases,
        *attribute.fallback,
        *attribute.combine.values(),
        *attribute.imply.values(),
    ]:
        if answer not in attribute.answers:
            raise unknown_name(f"answer of the attribute '{key}' ({path.name})", answer, attribute.answers)
    if not attribute.answers or attribute.answers[-1] != UNSPECIFIED:
        raise InvalidDefinitionError(
            f"{path.name}: the last answer of '{key}' must be '{UNSPECIFIED}'; it has {attribute.answers}."
        )


def _check_cases(finding: Finding, path: Path) -> None:
    for number, case in enumerate(finding.cases, start=1):
        place = f"in case {number} of {path.name},"
        for key, answer in case.attributes.items():
            if not finding.attributes:
                raise InvalidDefinitionError(
                    f"{path.name}: case {number} has '{key}', but the finding has no attributes. Remove it."
                )
            if key not in finding.attributes:
                raise unknown_name(f"attribute, {place}", key, finding.attributes)
            if answer not in (answers := finding.attributes[key].answers):
                raise unknown_name(f"answer of '{key}', {place}", answer, answers)
