"""What every image network keeps, whatever it is made of; a new file in the folder is tested with no edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reportnlp.errors import InputError, ReportNLPError
from reportnlp.images.models import loader
from reportnlp.images.models.blocks import (
    THREE_WAY,
    YES_OR_NO,
    ImageClassifier,
    Network,
    Settings,
)
from reportnlp.registry import IMAGE_MODELS
from reportnlp.training.hub import no_bars

torch.set_num_threads(1)

NAMES = IMAGE_MODELS.names()
FINDINGS = ("pneumonia", "pneumothorax")
SMALL: dict[str, dict[str, Any]] = {
    "densenet": {"growth": 4, "first": 8},
    "resnet": {"depth": 18, "widen": 0.125},
    "vgg": {"depth": 11, "first": 4},
    "small_cnn": {"widths": (4, 8)},
}
"""Small settings; a network without a row is tested with its defaults."""

DIMENSIONS = pytest.mark.parametrize("dimensions", [2, 3])
EACH = pytest.mark.parametrize("name", NAMES)


def made(name: str, dimensions: int = 2, *, channels: int = 1, seed: int = 0, **more: Any) -> ImageClassifier:
    size = [IMAGE_MODELS.get(name).SMALLEST] * dimensions
    given = {"findings": FINDINGS, "answers": YES_OR_NO, **more}
    model = loader.new(name, SMALL.get(name, {}), size=size, channels=channels, seed=seed, **given)
    model.train(False)
    return model


def pixels(name: str, dimensions: int = 2, *, channels: int = 1, images: int = 2) -> Tensor:
    side = IMAGE_MODELS.get(name).SMALLEST
    return torch.randn(images, channels, *[side] * dimensions, generator=torch.Generator().manual_seed(5))


def settle(model: ImageClassifier, given: Tensor) -> None:
    """Have batch norms know these images; a deep network that knows none answers nearly alike to all."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            layer.momentum = None
    model.train()
    with torch.no_grad():
        model(torch.cat([given, -given]))
    model.train(False)


@EACH
def test_an_entry_says_what_it_is(name: str) -> None:
    entry = IMAGE_MODELS.get(name)
    assert entry.TITLE
    assert issubclass(entry.Config, Settings)
    assert isinstance(made(name).network, Network)
    assert all(loader.choose(variant).architecture == name for variant in entry.VARIANTS)
    for settings in entry.VARIANTS.values():
        entry.Config(**settings)


@EACH
@DIMENSIONS
def test_an_image_gets_features_and_a_logit_a_finding(name: str, dimensions: int) -> None:
    with torch.no_grad():
        out = made(name, dimensions)(pixels(name, dimensions))
    assert out.logits.shape == (2, 2)
    assert out.features.shape[0] == 2
    assert out.features.ndim == 2 + dimensions
    assert torch.isfinite(out.logits).all()


@EACH
@DIMENSIONS
def test_an_image_gets_alone_what_it_gets_in_a_batch(name: str, dimensions: int) -> None:
    model, given = made(name, dimensions), pixels(name, dimensions, images=3)
    settle(model, given)
    with torch.no_grad():
        together = model(given).logits
        alone = torch.cat([model(image[None]).logits for image in given])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-7), "images must matter"


@EACH
def test_the_loss_reaches_the_first_layer(name: str) -> None:
    model = made(name)
    model.train()
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    model(pixels(name), labels=labels).loss.backward()
    first = next(model.parameters())
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


@EACH
def test_the_same_seed_gives_the_same_network_and_another_another(name: str) -> None:
    one, same, other = made(name, seed=3), made(name, seed=3), made(name, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@EACH
def test_several_channels_and_three_way_answers(name: str) -> None:
    with torch.no_grad():
        out = made(name, channels=3, answers=THREE_WAY)(pixels(name, channels=3))
    assert out.logits.shape == (2, 2, 3)


@EACH
def test_a_saved_network_comes_back_the_same(name: str, tmp_path: Path) -> None:
    model = made(name)
    with no_bars():
        model.save_pretrained(tmp_path)
        again = ImageClassifier.from_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    with torch.no_grad():
        assert torch.equal(model(pixels(name)).logits, again(pixels(name)).logits)


@EACH
def test_the_maps_sum_to_the_logit_where_nothing_is_cut(name: str) -> None:
    model = made(name)
    with torch.no_grad():
        model.network.head.weight.abs_()
        out = model(pixels(name))
        maps = model.maps(out.features.relu())
        logits = model.network.head(out.features.relu().flatten(2).mean(-1))
    expected = maps.flatten(2).mean(-1) + model.network.head.bias
    torch.testing.assert_close(expected, logits, atol=1e-5, rtol=1e-4)


@EACH
def test_the_maps_are_those_of_grad_cam_but_for_a_factor(name: str) -> None:
    from monai.visualize import GradCAM

    model, given = made(name), pixels(name, images=1)
    target = GradCAM(nn_module=_Logits(model).eval(), target_layers="model.network.body")
    theirs = target.compute_map(given.requires_grad_(), class_idx=0)
    with torch.no_grad():
        ours = model.maps(model(given).features)[:, :1]
    torch.testing.assert_close(_scaled(ours), _scaled(theirs), atol=1e-4, rtol=1e-3)


class _Logits(torch.nn.Module):
    def __init__(self, model: ImageClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, given: Tensor) -> Tensor:
        logits: Tensor = self.model(given).logits
        return logits


def _scaled(maps: Tensor) -> Tensor:
    return maps / maps.max().clamp(min=1e-12)


@EACH
def test_images_too_small_are_refused(name: str) -> None:
    too_small = [IMAGE_MODELS.get(name).SMALLEST - 1] * 2
    with pytest.raises(InputError, match="too small"):
        loader.new(name, {}, size=too_small, channels=1, findings=FINDINGS, answers=YES_OR_NO, seed=0)


@EACH
def test_a_setting_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ReportNLPError, match="No key of the image model's settings is called 'dropuot'"):
        loader.new(
            name,
            {"dropuot": 0.5},
            size=(64, 64),
            channels=1,
            findings=FINDINGS,
            answers=YES_OR_NO,
            seed=0,
        )


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(ReportNLPError, match="Did you mean 'densenet121'"):
        loader.choose("densnet121")
