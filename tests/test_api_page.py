"""The page's files: served as what they are, from here alone, and readable in light and in dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.api_service import app_in, serving

WEB = Path(__file__).parent.parent / "api" / "reportnlp_api" / "web"
FILES = sorted(path.name for path in WEB.iterdir())
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
"""No address: the name that makes an SVG file one."""

READABLE = 4.5
"""Contrast of text with what is behind it: level AA of WCAG 2.2, success criterion 1.4.3."""

PAIRS = [
    *((ink, ground) for ink in ("ink", "muted", "accent") for ground in ("ground", "surface", "sunken")),
    *(("ink", f"{tone}-soft") for tone in ("present", "absent", "uncertain", "value", "alert")),
    *((tone, f"{tone}-soft") for tone in ("uncertain", "value")),
    *((tone, "surface") for tone in ("present", "absent", "uncertain", "alert")),
    ("on-accent", "accent"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(app_in(tmp_path_factory.mktemp("page"))) as client:
        yield client


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_as_what_it_is(client: TestClient, name: str) -> None:
    answer = client.get(f"/web/{name}")

    assert answer.status_code == 200
    assert answer.content == (WEB / name).read_bytes()
    assert answer.headers["content-type"].startswith(TYPES[name.rpartition(".")[2]])
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_is_at_the_root_under_a_policy_that_lets_nothing_else_in(client: TestClient) -> None:
    answer = client.get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert answer.content == (WEB / "index.html").read_bytes()
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"


def test_a_file_that_is_none_of_the_page_is_not_found(client: TestClient) -> None:
    assert client.get("/web/../app.py").status_code == 404
    assert client.get("/web/none.js").status_code == 404


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_origin(name: str) -> None:
    text = (WEB / name).read_text("utf-8").replace(NAMESPACE, "")

    assert not re.search(r"(?:https?:|wss?:|[\"'(]\s*)//\w", text)
    assert "@import" not in text


def test_the_markup_holds_neither_script_nor_style() -> None:
    html = (WEB / "index.html").read_text("utf-8")

    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL) == [""]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_no_module_takes_text_for_markup_or_code(name: str) -> None:
    text = (WEB / name).read_text("utf-8")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_what_a_module_imports_is_there(name: str) -> None:
    text = (WEB / name).read_text("utf-8")
    for names, source in re.findall(r"import \{([^}]*)\} from \"\./([\w.]+)\"", text):
        exported = (WEB / source).read_text("utf-8")
        for wanted in filter(None, (one.strip() for one in names.split(","))):
            assert re.search(rf"export (?:async )?(?:function\*?|const|class) {wanted}\b", exported), wanted


def test_every_id_that_a_module_looks_for_is_in_the_markup() -> None:
    html = (WEB / "index.html").read_text("utf-8")
    modules = "".join(path.read_text("utf-8") for path in WEB.glob("*.js"))
    wanted = set(re.findall(r"find\(\"#([\w-]+)[\" ]", modules))

    assert len(wanted) > 40
    assert wanted <= set(re.findall(r"\bid=\"([\w-]+)\"", html))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_is_readable(scheme: str, ink: str, ground: str) -> None:
    colours = _colours(scheme)

    assert _contrast(colours[ink], colours[ground]) >= READABLE


def _colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", (WEB / "app.css").read_text("utf-8"), re.DOTALL)
    return dict(re.findall(r"--([\w-]+): #(\w{6});", light if scheme == "light" else dark))


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
