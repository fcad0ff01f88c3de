"""An image model on disk: an ordinary Hugging Face folder, checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from reportnlp.errors import InputError, MissingExtraError
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.sums import CONFIG, MEND, check_sums, update_config
from reportnlp.training.hub import WEIGHTS, no_bars, save_network

if TYPE_CHECKING:
    from reportnlp.images.models.blocks import ImageClassifier

CARD = "README.md"
NEEDED = (CONFIG, WEIGHTS)


class Decision(BaseModel):
    """How a finding's logits become an answer.

    Attributes:
        temperature: logits are divided by it (Guo 2017, arXiv:1706.04599).
        threshold: `present` is answered from this probability on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(default=1.0, gt=0)
    threshold: float = Field(default=0.5, ge=0, le=1)


class ImageModelFile(BaseModel):
    """What prediction needs of `config.json`; what else stands there is transformers' own.

    Attributes:
        architecture: name of the file in `reportnlp/images/models`.
        findings: in the order of the logits.
        answers: what a finding's logits are of: `present` alone, or three answers.
        preprocessing: how an image is made ready.
        decisions: by finding.
        trained: what it was trained on and how, for people.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    architecture: str
    findings: tuple[str, ...] = Field(min_length=1)
    answers: tuple[str, ...] = Field(min_length=1)
    preprocessing: Preprocessing
    decisions: dict[str, Decision] = {}
    trained: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """An image model's folder whose files are those it was saved with.

    Attributes:
        path: the folder.
        file: its `config.json`.
        digest: sha256 (hex) of `SHA256SUMS`, and so of everything in the folder.
    """

    path: Path
    file: ImageModelFile
    digest: str

    def network(self) -> ImageClassifier:
        """The network, in evaluation mode.

        Raises:
            InputError: the weights are no network of that configuration.
            MissingExtraError: torch, transformers or MONAI is not installed.
        """
        try:
            from reportnlp.images.models.blocks import ImageClassifier

            with no_bars():
                model: Any = ImageClassifier.from_pretrained(self.path)
        except ImportError as error:
            raise MissingExtraError("An image model", "images") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"The weights in {self.path} cannot be opened. Train it again.") from error
        network: ImageClassifier = model.eval()
        return network


def open_folder(path: Path) -> ImageFolder:
    """Open an image model's folder and check it.

    Raises:
        InputError: it is not there, lacks a file, a file is not what was saved, or it is no image model.
    """
    if not path.is_dir():
        raise InputError(f"There is no model folder {path}. Give one that `reportnlp images train` made.")
    digest = check_sums(path, NEEDED)
    try:
        file = ImageModelFile.model_validate(json.loads((path / CONFIG).read_text("utf-8")))
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path / CONFIG} is no configuration of an image model. {MEND}") from error
    return ImageFolder(path, file, digest)


def save(model: ImageClassifier, path: Path, values: Mapping[str, Any], card: str) -> None:
    """Write network, configuration, card and sums into a folder.

    Args:
        model: the network.
        path: the folder; it is there.
        values: what `config.json` holds beside transformers' own.
        card: the model card.
    """
    save_network(model, path)
    (path / CARD).write_text(card, encoding="utf-8")
    update_config(path, values)
