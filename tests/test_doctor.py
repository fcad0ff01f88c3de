"""The doctor knows what is missing and why, and breaks on nothing it finds."""

from __future__ import annotations

import json
import sys
from email.message import Message
from importlib import metadata
from types import ModuleType

import pytest

from reportnlp import __version__
from reportnlp.errors import ReportNLPError
from reportnlp.jobs import doctor
from tests.conftest import Command

INSTALLED = {"solid": "2.1", "stale": "0.9"}
NEEDS = [
    "solid<3,>=2",
    'stale>=1; extra == "old"',
    'gone>=1; extra == "new"',
    'reportnlp[old]; extra == "both"',
    'solid; extra == "both"',
    'elsewhere; python_version < "3" and extra == "new"',
]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that is known in full."""

    def version(name: str) -> str:
        if name == doctor.PACKAGE:
            return __version__
        if name not in INSTALLED:
            raise metadata.PackageNotFoundError(name)
        return INSTALLED[name]

    about = Message()
    for extra in ("old", "new", "both"):
        about["Provides-Extra"] = extra
    monkeypatch.setattr(metadata, "requires", lambda name: NEEDS)
    monkeypatch.setattr(metadata, "metadata", lambda name: about)
    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.usefixtures("house")
def test_extras_are_present_or_missing_and_why() -> None:
    extras = {extra.name: extra for extra in doctor.run().extras}
    assert extras[""] == doctor.Extra("", {"solid": "2.1"}, ())
    assert extras["old"].problems == ("stale 0.9 is installed, >=1 is needed",)
    assert extras["new"] == doctor.Extra("new", {}, ("gone is not installed",))
    assert extras["both"].installed == INSTALLED
    assert extras["both"].problems == extras["old"].problems


@pytest.mark.usefixtures("house")
def test_the_mend_is_a_command() -> None:
    lines = list(doctor.lines(doctor.run()))
    assert "base: present; installed: solid 2.1" in lines
    assert "new: incomplete; installed: none of it" in lines
    assert "    mend: pip install 'reportnlp[new]'" in lines


def test_without_an_installation_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGE", "reportnlp-that-nobody-installed")
    with pytest.raises(ReportNLPError, match="pip install -e"):
        doctor.run()


@pytest.mark.parametrize("library", ["torch", "onnxruntime"])
def test_a_library_that_is_absent_is_no_failure(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    assert any(line.startswith(f"{library} is not installed") for line in doctor.run().devices)


def test_graphics_processors_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = ModuleType("torch")
    cuda = ModuleType("torch.cuda")
    vars(cuda).update(device_count=lambda: 1, get_device_name=lambda index: "Device Nine")
    vars(torch).update(__version__="2.0", get_num_threads=lambda: 4, cuda=cuda)
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert doctor.run().devices[:2] == ("torch 2.0 on 4 threads", "torch cuda:0 Device Nine")


def test_onnx_providers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = ModuleType("onnxruntime")
    names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    vars(runtime).update(__version__="1.0", get_available_providers=lambda: names)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    assert doctor.run().devices[-1] == "onnxruntime 1.0 on CUDA, CPU"


def test_text_and_json_tell_the_same(reportnlp: Command) -> None:
    text, as_json = reportnlp("doctor"), reportnlp("doctor", "--json")
    content = json.loads(as_json.out)
    assert (text.code, as_json.code) == (0, 0)
    assert content["version"] == __version__
    assert {extra["name"] for extra in content["extras"]} >= {"", "evaluate", "train", "images", "api", "dev"}
    assert all(device in text.out for device in content["devices"])
