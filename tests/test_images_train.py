"""The parts that image training is made of: sizes, chance, the store, weights of others, the loss."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from reportnlp.errors import ImageError, InputError, InvalidDefinitionError
from reportnlp.images.answers import labels, margins, posteriors, present
from reportnlp.images.augment import STRENGTHS, Augmentation, Augmenter
from reportnlp.images.dataset import ImageExamples, collate
from reportnlp.images.folder import Decision
from reportnlp.images.manifest import ImageRow
from reportnlp.images.models import loader
from reportnlp.images.models.blocks import THREE_WAY, YES_OR_NO, expected_loss
from reportnlp.images.pixels import Image
from reportnlp.images.preprocessing import Preprocessing
from reportnlp.images.store import PIXELS, Store, fill
from reportnlp.images.transfer import load_weights
from reportnlp.jobs._images_data import Wanted
from reportnlp.jobs._images_decide import decide, mean_auroc, two_way
from reportnlp.training.progress import Silent
from tests.planted_images import SIDE, planted, rows

torch.set_num_threads(1)

SIZE = Preprocessing(size=(SIDE, SIDE))


def image(pixels: Any) -> Image:
    return Image(np.asarray(pixels, dtype=np.float32))


def test_shrinking_takes_the_mean_of_what_a_value_covers() -> None:
    stripes = np.tile([0.0, 1.0], (8, 16)).astype(np.float32)
    flat = Preprocessing(size=(4, 4)).sized(image(stripes), "stripes")
    assert flat.shape == (4, 4)
    np.testing.assert_allclose(flat, 0.5, atol=0.06)
    volume = Preprocessing(size=(2, 4, 4)).sized(image(np.stack([stripes] * 4)), "volume")
    np.testing.assert_allclose(volume, 0.5)


def test_padding_keeps_proportions() -> None:
    wide = np.ones((4, 8), dtype=np.float32)
    padded = Preprocessing(size=(8, 8), fit="pad").sized(image(wide), "wide")
    assert padded[2:6].min() == 1.0
    assert padded[:2].max() == padded[6:].max() == 0.0
    assert Preprocessing(size=(8, 8)).sized(image(wide), "wide").min() == 1.0


def test_an_image_of_other_axes_is_a_bad_image() -> None:
    with pytest.raises(ImageError, match="it has 3 axes, and the model reads 2"):
        SIZE.sized(image(np.zeros((3, 4, 4))), "ct")
    assert SIZE.sized(image(np.zeros((1, 4, 4))), "one slice").shape == (SIDE, SIDE)


def test_sizes_are_two_or_three_numbers() -> None:
    from reportnlp.config import check

    with pytest.raises(InvalidDefinitionError, match="two or three numbers"):
        check(Preprocessing, {"size": [3]}, where="the options")


@pytest.mark.parametrize("size", [(SIDE, SIDE), (SIDE, 2 * SIDE), (4, SIDE, SIDE)])
def test_chance_hangs_on_the_seed_alone_and_stays_within_grey(size: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).random((3, *size), dtype=np.float32)
    pixels[2] = pixels[0]
    augmenter = Augmenter(STRENGTHS["strong"].model_copy(update={"flip": True}), size)
    one, other, again = augmenter(pixels, [1, 2, 1])
    assert np.array_equal(one, again)
    assert np.array_equal(one, augmenter(pixels[:1], [1])[0])
    assert not np.array_equal(one, augmenter(pixels[:1], [2])[0])
    for changed in (one, other):
        assert 0 <= changed.min() <= changed.max() <= 1
        assert changed.shape == size


@pytest.mark.parametrize("name", sorted(set(Augmentation.model_fields)))
def test_each_chance_changes_an_image_alone_and_nothing_wanted_changes_nothing(name: str) -> None:
    pixels = np.random.default_rng(0).random((8, SIDE, SIDE), dtype=np.float32)
    seeds = range(8)
    wanted = Augmentation.model_validate({name: True if name == "flip" else 0.5})
    assert not np.array_equal(Augmenter(wanted, (SIDE, SIDE))(pixels, seeds), pixels)
    assert np.array_equal(Augmenter(Augmentation(), (SIDE, SIDE))(pixels, seeds), pixels)


def test_an_image_moves_as_far_as_was_drawn_along_each_side() -> None:
    wide = np.zeros((12, 12, 24), dtype=np.float32)
    wide[:, 6, 12] = 1.0
    moved = Augmenter(Augmentation(shift=0.25), (12, 24))(wide, range(12))
    rows, columns = (np.array([_centre(one)[axis] for one in moved]) for axis in (0, 1))
    assert 1 < np.abs(rows - 6).max() <= 3.01
    assert 3 < np.abs(columns - 12).max() <= 6.01


def test_a_turned_image_keeps_its_shape() -> None:
    wide = np.zeros((8, 31, 61), dtype=np.float32)
    wide[:, 15, 45] = 1.0
    turned = Augmenter(Augmentation(turn=60), (31, 61))(wide, range(8))
    reach = [np.hypot(row - 15, column - 30) for row, column in map(_centre, turned)]
    np.testing.assert_allclose(reach, 15, atol=0.3)
    assert len({round(_centre(one)[0]) for one in turned}) > 4


def _centre(pixels: Any) -> tuple[float, float]:
    at = np.indices(pixels.shape)
    row, column = (at * pixels).reshape(2, -1).sum(axis=1) / pixels.sum()
    return float(row), float(column)


def test_sides_are_kept_unless_mirroring_is_asked_for() -> None:
    left = np.zeros((SIDE, SIDE), dtype=np.float32)
    left[:, :4] = 1
    kept = Augmenter(STRENGTHS["light"], (SIDE, SIDE))
    lefts = np.stack([left] * 12)
    assert all(map(_left, kept(lefts, range(12))))
    mirrored = Augmenter(Augmentation(flip=True), (SIDE, SIDE))
    assert {_left(pixels) for pixels in mirrored(lefts, range(12))} == {True, False}


def _left(pixels: Any) -> bool:
    return bool(pixels[:, :8].sum() > pixels[:, 8:].sum())


def test_a_volume_turns_in_the_plane_of_its_slices() -> None:
    volume = np.zeros((4, SIDE, SIDE), dtype=np.float32)
    volume[1, 3:12, 3:12] = 1
    turned = Augmenter(Augmentation(turn=40), (4, SIDE, SIDE))(volume[None], [3])[0]
    assert turned[1].sum() > 0.8 * volume.sum()
    assert not np.array_equal(turned, volume)


def store_of(folder: Path, some: Sequence[ImageRow]) -> Store:
    return fill(some, folder, SIZE, folder / "store", Silent())


def test_a_store_holds_what_could_be_read_and_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(tmp_path, count=10)
    some = [*rows(10), ImageRow(study="x", image="none.png")]
    store = store_of(tmp_path, some)
    assert store.good.tolist() == [True] * 10 + [False]
    assert [one.reason for one in store.bad] == ["there is no such file"]
    whole = np.load(tmp_path / "images.npz")["image"] / 255
    np.testing.assert_allclose(store.pixels[:10].astype(np.float32), whole, atol=1e-3)
    mean, std = store.spread(np.arange(10))
    assert (mean, std) == pytest.approx((whole.mean(), whole.std()), abs=1e-3)
    with monkeypatch.context() as patch:
        patch.setattr("reportnlp.images.store.read_parts", None)
        again = store_of(tmp_path, some)
    assert again.good.tolist() == store.good.tolist()
    assert again.bad == store.bad
    before = again.digest(np.arange(10))
    assert before == store.digest(np.arange(10)) != store.digest(np.arange(9))
    planted(tmp_path, count=10, seed=5)
    assert store_of(tmp_path, some).digest(np.arange(10)) != before


def test_what_another_store_has_is_copied_and_what_changed_is_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (4, SIDE, SIDE), dtype=np.uint8)
    for at in range(4):
        np.savez(tmp_path / f"{at}.npz", image=values[at])
    some = [ImageRow(f"s{at}", f"{at}.npz") for at in range(4)]
    kept = tmp_path / "kept"
    first = fill(some[:3], tmp_path, SIZE, kept, Silent(), look=True)
    assert [len(digest) for digest in first.digests] == [32] * 3
    np.savez(tmp_path / "1.npz", image=values[1, ::-1].copy())
    os.utime(tmp_path / "1.npz", ns=(1, 1))
    read = Counted()
    # The same images, named from another folder and in another order.
    elsewhere = [ImageRow(row.study, f"../{row.image}") for row in reversed(some)]
    (tmp_path / "labels").mkdir()
    store = fill(elsewhere, tmp_path / "labels", SIZE, tmp_path / "store", read, kept=kept)
    assert read.totals == [2]
    expected = np.stack([values[3], values[2], values[1, ::-1], values[0]]) / 255
    np.testing.assert_allclose(store.pixels.astype(np.float32), expected, atol=1e-3)


class Counted(Silent):
    """Hears how much there is to do."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []

    def phase(self, name: str, total: int | None, unit: str = "steps") -> None:
        self.totals.append(total)


def test_a_store_that_was_not_finished_is_read_again(tmp_path: Path) -> None:
    planted(tmp_path, count=4)
    store_of(tmp_path, rows(4))
    (tmp_path / "store" / PIXELS).write_bytes(b"cut short")
    assert store_of(tmp_path, rows(4)).good.all()


def examples(folder: Path, **changes: Any) -> ImageExamples:
    planted(folder, count=6)
    store = store_of(folder, rows(6))
    values = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
    return ImageExamples(store, np.arange(6), values, np.ones_like(values), SIZE, **changes)


def test_examples_are_what_a_network_takes(tmp_path: Path) -> None:
    made = examples(tmp_path)
    batch = collate(made[1:4])
    assert batch["pixel_values"].shape == (3, 1, SIDE, SIDE)
    assert batch["labels"].tolist() == pytest.approx(np.array([[0.2], [0.4], [0.6]]))
    model = loader.new(
        "small_cnn", {}, size=(SIDE, SIDE), channels=1, findings=("a",), answers=YES_OR_NO, seed=0
    )
    assert torch.isfinite(model(**batch).loss)


def test_another_epoch_brings_other_changes_and_the_same_one_the_same(tmp_path: Path) -> None:
    made = examples(tmp_path, augmentation=STRENGTHS["light"], seed=4)
    first = made[0]["pixels"]
    made.begin_epoch(1)
    second = made[0]["pixels"]
    made.begin_epoch(0)
    assert np.array_equal(made[0]["pixels"], first)
    assert not np.array_equal(first, second)
    assert made.digest != examples(tmp_path).digest


def test_the_loss_is_that_expected_under_the_soft_target() -> None:
    logits = torch.tensor([[0.3, -1.2], [2.0, 0.1]])
    target = torch.tensor([[0.7, 0.2], [0.9, 0.5]])
    weights = torch.tensor([[1.0, 0.5], [0.0, 2.0]])
    bce = nn.functional.binary_cross_entropy_with_logits
    yes = bce(logits, torch.ones_like(logits), reduction="none")
    no = bce(logits, torch.zeros_like(logits), reduction="none")
    wanted = ((target * yes + (1 - target) * no) * weights).sum() / 3
    torch.testing.assert_close(expected_loss(logits, target, weights), wanted)


def test_a_cell_of_weight_0_changes_nothing() -> None:
    logits = torch.tensor([[0.3, -1.2]], requires_grad=True)
    weights = torch.tensor([[1.0, 0.0]])
    losses = [expected_loss(logits, torch.tensor([[0.7, value]]), weights) for value in (0.0, 1.0)]
    assert losses[0] == losses[1]
    torch.autograd.backward(losses[0])
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert expected_loss(logits, torch.zeros(1, 2), torch.zeros(1, 2)) == 0


def test_three_way_answers_are_asked_between_present_and_absent() -> None:
    logits = np.array([[[1.0, 3.0, 9.0]], [[2.0, 0.5, -4.0]]], dtype=np.float32)
    assert margins(logits).tolist() == [[2.0], [-1.5]]
    chances = present(logits, ("a",), {"a": Decision(temperature=2.0)})
    np.testing.assert_allclose(chances, [[1 / (1 + np.exp(-1))], [1 / (1 + np.exp(0.75))]], rtol=1e-6)


def test_answers_follow_the_threshold_and_probabilities_are_of_the_answer() -> None:
    chances = np.array([[0.3], [0.1]], dtype=np.float32)
    [first], [second] = labels(chances, ("a",), {"a": Decision(threshold=0.2)})
    assert (first.answer, round(first.probability, 6)) == ("present", 0.3)
    assert (second.answer, round(second.probability, 6)) == ("absent", 0.9)
    found = posteriors(chances, ("x", "y"), ("a",))
    np.testing.assert_allclose(found.values.sum(-1), 1)
    assert found.values[0, 0].tolist() == pytest.approx([0.3, 0.7, 0, 0])


def test_a_network_that_is_too_sure_is_cooled() -> None:
    random = np.random.default_rng(0)
    truth = random.random(600) < 0.5
    logits = (6 * np.where(random.random(600) < 0.8, truth, ~truth) - 3).astype(np.float32)[:, None]
    goal = Wanted(truth.astype(np.float32)[:, None], np.ones((600, 1), dtype=np.float32))
    decision = decide(("a",), logits, goal, "half")["a"]
    assert present(logits, ("a",), {"a": decision}).max() == pytest.approx(0.8, abs=0.04)
    few = Wanted(goal.targets[:8], goal.weights[:8])
    assert decide(("a",), logits[:8], few, "half") == {}


def test_uncertain_cells_do_not_count_between_present_and_absent() -> None:
    targets = np.array([[[0.2, 0.7, 0.1]], [[0.1, 0.1, 0.8]]], dtype=np.float32)
    found = two_way(Wanted(targets, np.ones((2, 1), dtype=np.float32)))
    assert found.targets[0, 0] == pytest.approx(0.7 / 0.9)
    assert found.weights[:, 0].tolist() == pytest.approx([0.9, 0])
    assert np.isnan(mean_auroc(np.zeros((2, 1)), Wanted(np.zeros_like(found.targets), found.weights)))


def network(**changes: Any) -> Any:
    given = {"findings": ("a", "b"), "answers": YES_OR_NO, "seed": 0, **changes}
    name, settings = given.pop("name", "small_cnn"), given.pop("settings", {"widths": (4, 8)})
    return loader.new(name, settings, size=(32, 32), channels=1, **given)


def test_weights_of_a_like_network_are_taken_but_for_another_head(tmp_path: Path) -> None:
    old, new = network(seed=1), network(seed=2, findings=("c",))
    old.save_pretrained(tmp_path / "old")
    loaded = load_weights(new, tmp_path / "old")
    ours, theirs = new.state_dict(), old.state_dict()
    assert loaded.taken == sum(not name.endswith("tracked") for name in ours) - 2
    assert set(loaded.left) == {"network.head.weight", "network.head.bias"}
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if "body" in name)
    assert f"took {loaded.taken} tensors" in loaded.said(tmp_path / "old")
    assert "network.head.weight" in loaded.said(tmp_path / "old")


def test_names_of_torchvision_are_understood_and_colour_is_summed(tmp_path: Path) -> None:
    """Its ResNet-18 begins with `conv1.weight` (64, 3, 7, 7) and `layer1.0.conv1.weight`."""
    model = network(name="resnet", settings={"depth": 18})
    random = torch.Generator().manual_seed(0)
    colour = torch.randn(64, 3, 7, 7, generator=random)
    deep = torch.randn(64, 64, 3, 3, generator=random)
    head = torch.randn(1000, 512, generator=random)
    tensors = {"conv1.weight": colour, "layer1.0.conv1.weight": deep, "fc.weight": head}
    save_file(tensors, tmp_path / "resnet18.safetensors")
    loaded = load_weights(model, tmp_path / "resnet18.safetensors")
    assert (loaded.taken, loaded.summed, loaded.unused) == (2, 1, 1)
    torch.testing.assert_close(model.network.body.conv1.weight, colour.sum(1, keepdim=True))
    torch.testing.assert_close(model.network.body.layer1[0].conv1.weight, deep)


def test_names_of_torchvision_s_densenet_lack_a_part_of_monai_s(tmp_path: Path) -> None:
    model = network(name="densenet", settings={})
    weight = torch.randn(128, 64, 1, 1)
    save_file({"features.denseblock1.denselayer1.conv1.weight": weight}, tmp_path / "d.safetensors")
    assert load_weights(model, tmp_path / "d.safetensors").taken == 1
    assert torch.equal(model.network.body.features.denseblock1.denselayer1.layers.conv1.weight, weight)


def test_names_of_torchvision_s_vgg_are_ours(tmp_path: Path) -> None:
    model = network(name="vgg", settings={"depth": 11, "batch_norm": False})
    tensors = {"features.0.weight": torch.randn(64, 3, 3, 3), "features.3.weight": torch.randn(128, 64, 3, 3)}
    save_file(tensors, tmp_path / "v.safetensors")
    assert load_weights(model, tmp_path / "v.safetensors").taken == 2


@pytest.mark.parametrize("name", ["weights.pth", "weights.PT", "model.ckpt"])
def test_a_pickle_is_refused_with_the_mend(tmp_path: Path, name: str) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / name)
    with pytest.raises(InputError, match=r"is a pickle.*save_file"):
        load_weights(network(), tmp_path / name)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There are no weights"):
        load_weights(network(), tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    with pytest.raises(InputError, match="no whole safetensors file"):
        load_weights(network(), tmp_path / "cut.safetensors")
    save_file({"elsewhere.weight": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"No layer of .* fits this network"):
        load_weights(network(), tmp_path / "other.safetensors")
    twice = {"a.conv.weight": torch.zeros(1), "net.a.conv.weight": torch.zeros(1)}
    save_file(twice, tmp_path / "twice.safetensors")
    with pytest.raises(InputError, match="more than one network"):
        load_weights(network(), tmp_path / "twice.safetensors")


def test_three_way_networks_have_three_logits_a_finding() -> None:
    model = network(answers=THREE_WAY)
    logits = model(torch.zeros(2, 1, 32, 32)).logits
    assert logits.shape == (2, 2, 3)
    maps = model.maps(torch.ones(2, 8, 3, 3))
    wanted = model.network.head.weight[[1, 4]].sum(1).relu()
    torch.testing.assert_close(maps[0, :, 0, 0], wanted)
