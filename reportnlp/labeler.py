"""A labeler: one panel and one method, ready to label report after report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reportnlp.errors import InputError, UnknownNameError, unknown_name
from reportnlp.findings import Panel, load_panel
from reportnlp.functions.loader import answers_alone
from reportnlp.registry import FUNCTIONS
from reportnlp.text.extent import read_by_rules
from reportnlp.types import Label, Posteriors, Question, Read, Report

if TYPE_CHECKING:
    from reportnlp.classifiers._folder import Folder
    from reportnlp.classifiers._predict import Prediction, Predictor

AUTO, RULES = "auto", "rules"
"""Methods by name: the best that is shipped for the panel, and the rules."""

FIRST = "pe"
"""The panel where none is named and the method is no model, which brings its own."""


@dataclass(frozen=True, slots=True)
class Result:
    """The labels of one text, with short ways to them.

    Attributes:
        text: the report.
        labels: one per question, in the panel's order.
    """

    text: str
    labels: tuple[Label, ...]

    def __getitem__(self, question: str) -> Label:
        """The label of one question, by name."""
        return next(label for label in self.labels if label.question == question)

    @property
    def answers(self) -> dict[str, str]:
        """Question to answer."""
        return {label.question: label.answer for label in self.labels}

    @property
    def probabilities(self) -> dict[str, float]:
        """Question to the probability of its answer."""
        return {label.question: label.probability for label in self.labels}

    @property
    def evidence(self) -> dict[str, str]:
        """Question to the report's own words that show the answer; questions without any are left out."""
        return {label.question: self.text[slice(*label.evidence)] for label in self.labels if label.evidence}


class About(NamedTuple):
    """What a labeler is.

    Attributes:
        method: name of the labelling function or of the model folder.
        panel: the findings it labels.
        digest: sha256 (hex) of the panel, or of the model folder.
        is_model: whether it was trained.
        can_abstain: whether it was trained with a band of doubt, in which it may withhold an answer.
    """

    method: str
    panel: Panel
    digest: str
    is_model: bool
    can_abstain: bool


class Labeler:
    """Labels reports with one panel by one method.

    Args:
        panel: the findings to label together; None where the method is a model folder, which brings its own.
        method: name of a labelling function that can answer alone (`rules`), a model folder, or `auto`.
        abstain: withhold answers about presence within a model's band of doubt: the answer is "".
        device: what a model runs on: "auto" is CUDA where there is any; "cpu"; or as torch names one.

    Raises:
        UnknownNameError: there is no such method.
        InputError: the model folder is damaged, or is of another panel; there is no such device; the method
            is to abstain and has no band of doubt.
    """

    def __init__(
        self, panel: Panel | None, method: str = RULES, *, abstain: bool = False, device: str = "auto"
    ) -> None:
        folder = model_folder(method, None if panel is None else panel.name)
        self._predictor = None if folder is None else _predictor(folder, panel, abstain, device)
        if abstain and (self._predictor is None or not self._predictor.folder.file.has_band):
            raise _cannot_abstain(method)
        if self._predictor is not None:
            self.panel = self._predictor.panel
            self.method = self._predictor.folder.path.name
            self._name = f"{self.method}-{self._predictor.folder.digest[:12]}"
            return
        if panel is None:
            raise InputError(f"The method {method} needs a panel. See them all: reportnlp panels.")
        if device not in ("auto", "cpu"):
            raise InputError(f"Rules run on processors; the device '{device}' was asked for. Leave it out.")
        self.panel = panel
        self.method = RULES if method == AUTO else method
        self._name = f"{self.method}-{version('reportnlp')}-{self.panel.digest[:12]}"
        self._function = FUNCTIONS.get(self.method).Function(panel)

    @property
    def panel_name(self) -> str:
        """Name of the panel."""
        return self.panel.name

    @property
    def panel_digest(self) -> str:
        """sha256 (hex) of every definition the answers depend on."""
        return self.panel.digest

    @staticmethod
    def about(panel: str | Path | None = None, *, method: str | Path = RULES) -> About:
        """What a panel and a method would label with, without loading a network.

        Raises:
            UnknownNameError: no such panel or method.
            InputError: a model folder that is damaged, or of another panel.
        """
        found = panel_of(panel, str(method))
        folder = model_folder(str(method), found.name if panel and found else None)
        if folder is not None:
            opened = _open_for(folder, found if panel else None)
            return About(folder.name, opened.panel(), opened.digest, True, opened.file.has_band)
        name = RULES if method == AUTO else str(method)
        if found is None:
            raise InputError(f"The method {name} needs a panel. See them all: reportnlp panels.")
        return About(name, found, found.digest, False, False)

    @property
    def digest(self) -> str:
        """sha256 (hex) of what labels: of the model's folder, or of the panel."""
        return self.panel.digest if self._predictor is None else self._predictor.folder.digest

    @property
    def model(self) -> str:
        """What labels: method and panel's digest, or a model's name and the digest of its folder."""
        return self._name

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """The panel's questions, in the order of the labels."""
        if self._predictor is not None:
            return self._predictor.columns.questions
        return self.panel.questions

    def label(self, report: Report) -> tuple[Label, ...]:
        """One label per question, in order."""
        return self.label_batch([report])[0]

    def label_batch(self, reports: Sequence[Report]) -> list[tuple[Label, ...]]:
        """The labels of many reports; each gets what it would get alone."""
        if self._predictor is not None:
            return self._predictor([report.text for report in reports]).labels
        return [self._function(report) for report in reports]

    def label_and_read(self, reports: Sequence[Report]) -> list[tuple[tuple[Label, ...], Read]]:
        """The labels of many reports, each with what was read of it."""
        prediction = self.predict(reports)
        if prediction is None:
            return [(self._function(report), read_by_rules(report.text)) for report in reports]
        return list(zip(prediction.labels, prediction.read, strict=True))

    def predict(self, reports: Sequence[Report]) -> Prediction | None:
        """Labels, distributions and what was read, of many reports; None where the method is no model."""
        if self._predictor is None:
            return None
        return self._predictor([report.text for report in reports], [report.id for report in reports])

    def posteriors(self, reports: Sequence[Report]) -> Posteriors | None:
        """A probability of every answer; None where the method knows that of the given answer only."""
        prediction = self.predict(reports)
        return None if prediction is None else prediction.posteriors

    def __call__(self, text: str) -> Result:
        """Label one text."""
        return Result(text, self.label(Report(id="", text=text)))


def load(
    panel: str | Path | None = None,
    *,
    method: str | Path = RULES,
    abstain: bool = False,
    device: str = "auto",
) -> Labeler:
    """Make a labeler.

    Args:
        panel: a shipped panel's name, or the path of a TOML file of your own; None is a model's own, or `pe`.
        method: what labels: `rules`, a model folder, or `auto`, the best that is shipped for the panel.
        abstain: withhold answers within a model's band of doubt.
        device: what a model runs on: "auto" is CUDA where there is any; "cpu"; or as torch names one.

    Raises:
        UnknownNameError: no such panel or method.
        InvalidDefinitionError: a finding or panel file that breaks a rule of the schema.
        InputError: a model folder that is damaged, or of another panel; a method that is to abstain and has
            no band of doubt.
    """
    return Labeler(panel_of(panel, str(method), own=False), str(method), abstain=abstain, device=device)


def panel_of(panel: str | Path | None, method: str, *, own: bool = True) -> Panel | None:
    """The panel that is asked for; without one a model's own, or the first.

    Args:
        panel: name or path; None or "" is none.
        method: what labels.
        own: whether a model's own panel is wanted; else None stands for it.
    """
    if panel:
        return load_panel(panel)
    folder = model_folder(method, None)
    if folder is None:
        return load_panel(FIRST)
    return _open(folder).panel() if own else None


def model_folder(method: str, panel: str | None) -> Path | None:
    """The model folder that a method names; None where it is a labelling function.

    Raises:
        UnknownNameError: it is neither.
    """
    if method == AUTO:
        return shipped(panel or FIRST)
    votes_only = method in FUNCTIONS.names() and not answers_alone(method)
    if method in FUNCTIONS.names() and not votes_only:
        return None
    folder = Path(method)
    if folder.is_dir():
        return folder
    alone = (AUTO, *filter(answers_alone, FUNCTIONS.names()))
    if votes_only:
        raise UnknownNameError(
            f"The labelling function '{method}' only votes (reportnlp weak votes) and cannot label alone. "
            f"Allowed: {', '.join(alone)}, or a model folder."
        )
    raise unknown_name("method or model folder", method, alone)


def shipped(panel: str) -> Path | None:
    """The folder of the model that is shipped for a panel; None where the rules are the best there is."""
    folder = Path(__file__).parent / "models" / panel
    return folder if folder.is_dir() else None


def _cannot_abstain(method: str) -> InputError:
    return InputError(
        f"The method {method} has no band of doubt in which to abstain: the rules say 'uncertain' "
        "themselves, and a model has a band only if it was trained with --abstain-error. Leave abstain out, "
        "or give such a model."
    )


def _open(folder: Path) -> Folder:
    from reportnlp.classifiers._folder import open_folder

    return open_folder(folder)


def _predictor(folder: Path, panel: Panel | None, abstain: bool, device: str) -> Predictor:
    from reportnlp.classifiers._predict import Predictor

    return Predictor(_open_for(folder, panel), abstain=abstain, device=device)


def _open_for(folder: Path, panel: Panel | None) -> Folder:
    opened = _open(folder)
    if panel is not None and panel.name != opened.file.panel:
        raise InputError(
            f"The model in {folder} answers the panel '{opened.file.panel}', and '{panel.name}' was asked "
            "for. Leave --panel out, or give a model of that panel."
        )
    return opened
