"""What a request may name: panels, and methods that label with them. Names only, never paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reportnlp import Finding, Labeler, Panel, ReportNLPError
from reportnlp_api.problems import Fault, ProblemError, invalid
from reportnlp_api.settings import Settings, SettingsError

AUTO, RULES = "auto", "rules"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a model folder may be called, to be named in a request."""


NO_BAND = (
    "This method has no band of doubt in which to abstain: the rules say 'uncertain' themselves, and a model "
    "has a band only if it was trained with --abstain-error. Leave abstain out, or name a method whose "
    "can_abstain is true in GET /v1/models."
)


@dataclass(frozen=True, slots=True)
class Method:
    """One way to label with one panel.

    Attributes:
        name: as a request names it.
        panel: the panel's name.
        panel_source: what `reportnlp.load` takes as panel; None: a model folder brings its own.
        source: what it takes as method.
        digest: sha256 (hex) of the panel or the model folder.
        panel_digest: sha256 (hex) of the panel that answers.
        is_model: whether it was trained.
        can_abstain: whether it has a band of doubt, in which it may withhold an answer.
        questions: names of the questions it answers.
    """

    name: str
    panel: str
    panel_source: str | None
    source: str
    digest: str
    panel_digest: str
    is_model: bool
    can_abstain: bool
    questions: tuple[str, ...]

    @property
    def title(self) -> str:
        """For people."""
        if not self.is_model:
            return "Phrases and context rules"
        return "The shipped model" if self.name == AUTO else f"The model {self.name}"


@dataclass(frozen=True)
class Catalogue:
    """All that may be named.

    Attributes:
        panels: by name, sorted.
        methods: by name and panel.
        default_panel, default_method: where a request names none.
        skipped: folders under a root that are no models, and why.
    """

    panels: dict[str, Panel]
    methods: dict[tuple[str, str], Method]
    default_panel: str
    default_method: str
    skipped: tuple[str, ...]

    @cached_property
    def findings(self) -> dict[str, Finding]:
        """All findings by name, sorted; a shipped one goes before one of a panel file."""
        found = {finding.name: finding for panel in self.panels.values() for finding in panel.findings}
        found.update({name: Finding.load(name) for name in Finding.names()})
        return dict(sorted(found.items()))

    def asked(self, panel: str | None, method: str | None, *, abstain: bool, pointer: str) -> Method:
        """The method that a request asks for, able to abstain where that is asked of it.

        Args:
            panel: as the request names it; None: the service's own.
            method: the same.
            abstain: whether answers are to be withheld.
            pointer: where the request says so.

        Raises:
            ProblemError: there is none of that name, or not for that panel, or it has no band of doubt.
        """
        found = self.find(panel, method)
        if abstain and not found.can_abstain:
            raise invalid([Fault(pointer=pointer, detail=NO_BAND)])
        return found

    def find(self, panel: str | None, method: str | None) -> Method:
        """The method that a request asks for.

        Raises:
            ProblemError: there is none of that name, or not for that panel.
        """
        method = method or self.default_method
        own = [key[1] for key in self.methods if key[0] == method]
        if not own:
            raise _no("method", sorted({name for name, _ in self.methods}), "/v1/models")
        if panel is not None and panel not in self.panels and panel not in own:
            raise _no("panel", list(self.panels), "/v1/panels")
        if panel is None:
            panel = self.default_panel if self.default_panel in own else own[0]
        if panel not in own:
            raise _no("panel", own, "/v1/models", "of this method")
        return self.methods[method, panel]

    @property
    def default(self) -> Method:
        """What labels where a request names nothing."""
        return self.find(None, None)


def _no(what: str, allowed: list[str], see: str, of: str = "") -> ProblemError:
    which = f"{what} {of}".strip()
    detail = f"There is no such {which}. Allowed: {', '.join(allowed)}. See GET {see}."
    return invalid([Fault(pointer=f"/{what}", detail=detail)])


def read_catalogue(settings: Settings) -> Catalogue:
    """Look up all panels and methods.

    Raises:
        SettingsError: a root is no folder, a panel file is none, two models or panels have one name, or the
            default is none of them.
    """
    panels = {name: Panel.load(name) for name in Panel.names()}
    sources = {name: name for name in panels}
    for file in settings.panel_files:
        panel = _panel_of(file)
        if panel.name in panels:
            raise SettingsError(f"There is a panel '{panel.name}' already. Rename the panel file {file}.")
        panels[panel.name], sources[panel.name] = panel, str(file.resolve())
    skipped: list[str] = []
    methods = [*_written(sources.values()), *_of_roots(settings.model_roots, skipped)]
    by_key: dict[tuple[str, str], Method] = {}
    for method in methods:
        if any(name == method.name and name not in (AUTO, RULES) for name, _ in by_key):
            raise SettingsError(f"Two model roots hold a model '{method.name}'. Rename one of the folders.")
        by_key[method.name, method.panel] = method
    catalogue = Catalogue(panels, by_key, settings.panel, settings.method, tuple(skipped))
    _check_default(catalogue, panel_was_given="panel" in settings.model_fields_set)
    return catalogue


def _panel_of(file: Path) -> Panel:
    if not file.is_file() or not NAME.fullmatch(file.stem):
        raise SettingsError(
            f"The panel file {file} is no file, or its name cannot be named in a request. Give a TOML file "
            "called by letters, digits, '.', '_' and '-'."
        )
    return Panel.load(file)


def _check_default(catalogue: Catalogue, *, panel_was_given: bool) -> None:
    panel, method = catalogue.default_panel, catalogue.default_method
    if panel not in catalogue.panels:
        raise SettingsError(
            f"There is no panel '{panel}'. Allowed: {', '.join(catalogue.panels)}; a file of your own is "
            "given as --panel-file."
        )
    if not any(name == method for name, _ in catalogue.methods):
        names = sorted({name for name, _ in catalogue.methods})
        raise SettingsError(f"There is no method '{method}'. Allowed: {', '.join(names)}.")
    own = sorted(of for name, of in catalogue.methods if name == method)
    if panel_was_given and panel not in own:
        raise SettingsError(f"The method '{method}' does not label with '{panel}', only {', '.join(own)}.")


def _written(panels: Iterable[str]) -> Iterator[Method]:
    for panel in panels:
        yield _method(RULES, RULES, panel)
        yield _method(AUTO, AUTO, panel)


def _method(name: str, source: str, panel: str | None) -> Method:
    about = Labeler.about(panel, method=source)
    questions = tuple(question.name for question in about.panel.questions)
    return Method(
        name=name,
        panel=about.panel.name,
        panel_source=panel,
        source=source,
        digest=about.digest,
        panel_digest=about.panel.digest,
        is_model=about.is_model,
        can_abstain=about.can_abstain,
        questions=questions,
    )


def _of_roots(roots: Iterable[Path], skipped: list[str]) -> Iterator[Method]:
    for root in roots:
        if not root.is_dir():
            raise SettingsError(f"The model root {root} is no folder. Give one that holds model folders.")
        if (root / "config.json").is_file():
            raise SettingsError(f"{root} is a model folder itself. Give the folder that holds it.")
        for folder in sorted(root.iterdir()):
            if not folder.is_dir():
                continue
            if reason := _refusal(folder, root.resolve()):
                skipped.append(f"{folder}: {reason}")
                continue
            try:
                yield _method(folder.name, str(folder.resolve()), None)
            except ReportNLPError as error:
                skipped.append(str(error))


def _refusal(folder: Path, root: Path) -> str:
    """Why a folder under a root may not be named; "" where it may."""
    if not NAME.fullmatch(folder.name) or folder.name in (AUTO, RULES):
        return "its name cannot be named in a request. Rename it: letters, digits, '.', '_' and '-'."
    for path in (folder, *folder.rglob("*")):
        if not path.resolve().is_relative_to(root):
            return "it leads out of the model root by a symbolic link. Copy the files into it."
    return ""
