"""What is installed, what is missing and why, and what there is to compute on: for bug reports."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from reportnlp.errors import ReportNLPError

PACKAGE = "reportnlp"


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of the package.

    Attributes:
        name: as in `pip install 'reportnlp[name]'`; "" is the base.
        installed: distribution to version, of what the extra needs.
        problems: what is missing or does not fit, each with its reason; empty when the extra is usable.
    """

    name: str
    installed: dict[str, str]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All of it. `devices` has a line for each thing to compute on, or why there is none."""

    version: str
    python: str
    platform: str
    cpus: int
    extras: tuple[Extra, ...]
    devices: tuple[str, ...]


def run() -> Diagnosis:
    """Look at this installation; nothing is changed or sent anywhere.

    Raises:
        ReportNLPError: the package runs from a folder without being installed.
    """
    try:
        needs = [Requirement(text) for text in metadata.requires(PACKAGE) or ()]
    except metadata.PackageNotFoundError as error:
        raise ReportNLPError(f"{PACKAGE} is not installed. In its folder: pip install -e .") from error
    names = metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
    return Diagnosis(
        version=metadata.version(PACKAGE),
        python=platform.python_version(),
        platform=platform.platform(),
        cpus=os.cpu_count() or 1,
        extras=tuple(_extra(name, needs) for name in ("", *names)),
        devices=(*_torch_devices(), *_onnx_devices()),
    )


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The diagnosis as plain text."""
    yield f"{PACKAGE} {diagnosis.version}, Python {diagnosis.python}, {diagnosis.platform}"
    for extra in diagnosis.extras:
        have = ", ".join(f"{name} {version}" for name, version in extra.installed.items()) or "none of it"
        yield f"{extra.name or 'base'}: {'incomplete' if extra.problems else 'present'}; installed: {have}"
        yield from (f"    {problem}" for problem in extra.problems)
        if extra.problems:
            yield f"    mend: pip install '{PACKAGE}{f'[{extra.name}]' if extra.name else ''}'"
    yield f"processors: {diagnosis.cpus}"
    yield from (f"device: {device}" for device in diagnosis.devices)


def _extra(name: str, needs: list[Requirement]) -> Extra:
    installed: dict[str, str] = {}
    problems: list[str] = []
    for need in _needed(name, needs):
        try:
            version = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            problems.append(f"{need.name} is not installed")
            continue
        installed[need.name] = version
        if not need.specifier.contains(version, prereleases=True):
            problems.append(f"{need.name} {version} is installed, {need.specifier} is needed")
    return Extra(name, installed, tuple(problems))


def _needed(extra: str, needs: list[Requirement]) -> Iterator[Requirement]:
    """What an extra adds to the base, those of the extras it names among them."""
    for need in needs:
        if not _belongs(need, extra):
            continue
        if need.name == PACKAGE:
            for inner in sorted(need.extras):
                yield from _needed(inner, needs)
        else:
            yield need


def _belongs(need: Requirement, extra: str) -> bool:
    of_base = need.marker is None or "extra" not in str(need.marker)
    if not extra:
        return of_base and (need.marker is None or need.marker.evaluate())
    return not of_base and need.marker is not None and need.marker.evaluate({"extra": extra})


def _torch_devices() -> Iterator[str]:
    try:
        import torch
    except ModuleNotFoundError:
        yield "torch is not installed: rules need none; training does"
        return
    except (ImportError, OSError) as error:
        yield f"torch is installed but does not load ({type(error).__name__})"
        return
    yield f"torch {torch.__version__} on {torch.get_num_threads()} threads"
    for index in range(torch.cuda.device_count()):
        yield f"torch cuda:{index} {torch.cuda.get_device_name(index)}"


def _onnx_devices() -> Iterator[str]:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        yield "onnxruntime is not installed: rules need none; trained models do"
        return
    except (ImportError, OSError) as error:
        yield f"onnxruntime is installed but does not load ({type(error).__name__})"
        return
    found = ", ".join(
        re.sub("ExecutionProvider$", "", name) for name in onnxruntime.get_available_providers()
    )
    yield f"onnxruntime {onnxruntime.__version__} on {found}"
