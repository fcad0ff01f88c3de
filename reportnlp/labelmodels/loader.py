"""Label models by name, and fitted ones on disk: `label_model.json` and `rates.npz`, nothing pickled."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from reportnlp.config import check
from reportnlp.errors import InputError, OutputError
from reportnlp.findings import Panel
from reportnlp.labelmodels._em import Learned
from reportnlp.labelmodels._structure import Structure, structure_of
from reportnlp.labelmodels.blocks import LabelModel
from reportnlp.registry import LABELMODELS
from reportnlp.types import Question

DESCRIPTION = "label_model.json"
RATES = "rates.npz"
FORMAT = 2
"""Version of the layout."""

PARTS = ("balance", "rates", "repeats", "silence")
"""What of a question is in the arrays."""


def make(name: str, settings: Mapping[str, Any] | None = None, *, panel: Panel | None = None) -> LabelModel:
    """A label model that has learned nothing yet.

    Args:
        name: of the label model.
        settings: of it; what is left out stays as it comes.
        panel: whose structure its answers keep to.

    Raises:
        UnknownNameError: no label model or setting has that name.
        InvalidDefinitionError: a setting is of the wrong kind.
    """
    module = LABELMODELS.get(name)
    config = check(module.Config, settings or {}, where=f"label model {name}")
    structure = None if panel is None else structure_of(panel)
    return cast(LabelModel, module.Model(config, structure=structure))


def save(model: LabelModel, folder: Path) -> None:
    """Write a fitted label model into a folder, which is made where it is not there.

    Raises:
        OutputError: the disk refused.
    """
    described = {
        "format": FORMAT,
        "label_model": type(model).__module__.rpartition(".")[2],
        "settings": model.config.model_dump(mode="json"),
        "structure": {"kin": model.structure.kin, "none": model.structure.none},
        "functions": model.functions,
        "questions": [
            {"finding": q.finding, "attribute": q.attribute, "answers": [str(a) for a in q.answers]}
            for q in model.questions
        ],
        "unsupported": [one.unsupported for one in model.learned],
    }
    arrays = {
        f"{number}.{part}": getattr(one, part) for number, one in enumerate(model.learned) for part in PARTS
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / RATES, allow_pickle=False, **arrays)
        (folder / DESCRIPTION).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error


def load(folder: Path) -> LabelModel:
    """Read a fitted label model.

    Raises:
        InputError: the folder holds none, or one that is broken.
    """
    try:
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise InputError(
                f"{folder} is of layout {told['format']}, not {FORMAT}. Fit the label model anew."
            )
        model = make(told["label_model"], told["settings"])
        model.structure = _structure(told["structure"])
        model.functions = tuple(told["functions"])
        model.questions = tuple(
            Question(q["finding"], q["attribute"], tuple(q["answers"])) for q in told["questions"]
        )
        with np.load(folder / RATES, allow_pickle=False) as arrays:
            model.learned = tuple(
                Learned(*(arrays[f"{n}.{part}"] for part in PARTS), unsupported)
                for n, unsupported in enumerate(told["unsupported"])
            )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{folder} holds no label model that can be read ({type(error).__name__}). Fit one: "
            "reportnlp weak fit VOTES -o OUT."
        ) from None
    return model


def _structure(told: Mapping[str, Any]) -> Structure:
    kin = tuple((kind, parent) for kind, parent in told["kin"])
    return Structure(kin, tuple((own, tuple(others)) for own, others in told["none"]))
