"""`/docs` says of each route what it asks for, what its answers mean, and how to try it: the examples run."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from html import unescape
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient

from reportnlp_api.examples import EXAMPLES
from tests.api_page import chromium, opened
from tests.api_service import app_in, serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(app_in(tmp_path_factory.mktemp("docs"))) as client:
        yield client


@pytest.fixture(scope="module")
def page(client: TestClient) -> str:
    return client.get("/docs").text


@pytest.fixture(scope="module")
def routes(client: TestClient) -> dict[tuple[str, str], dict[str, object]]:
    paths = client.get("/openapi.json").json()["paths"]
    return {(method, path): found for path, all_ in paths.items() for method, found in all_.items()}


def shown(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", page))


def test_every_route_has_an_example(routes: dict[tuple[str, str], object]) -> None:
    assert set(EXAMPLES) == set(routes)


def test_the_text_has_neither_marks_nor_stock_phrases(page: str) -> None:
    text = shown(page)

    assert "`" not in text
    assert "Attributes:" not in text
    assert "Successful Response" not in text
    assert not [status for status in HTTPStatus if status >= 400 and f"{status.phrase}:" in text]


def test_every_body_that_is_named_is_linked_and_every_link_leads_somewhere(page: str) -> None:
    anchors = re.findall(r' id="([^"]+)"', page)
    linked = set(re.findall(r'href="#([^"]+)"', page))

    assert len(anchors) == len(set(anchors))
    assert linked <= set(anchors)
    assert {"LabelRequest", "LabelResponse", "JobRequest", "LabelRowOut", "QuarantinedOut", "Fault"} <= linked


def test_a_field_stands_beside_what_is_said_of_it(page: str) -> None:
    _, _, options = page.partition('id="Options"')
    text = shown(options.partition("</section>")[0])

    assert re.search(r"deadline_s.*number or null, may be left out\. Give up after so many seconds;", text)


def test_the_examples_run_as_they_stand(client: TestClient, page: str) -> None:
    commands = [unescape(one) for one in re.findall(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)]
    order = sorted(commands, key=lambda command: "-X DELETE" in command)  # the last: others ask for its job

    assert len(commands) == len(EXAMPLES)
    for command in order:
        assert send(client, command) < 300, command


def send(client: TestClient, command: str) -> int:
    """Send what a command would, and return the status; what is not done yet is asked for again."""
    program, *words, address = shlex.split(command.replace("\\\n", ""))
    assert program == "curl"
    options = dict(zip(words[::2], words[1::2], strict=True))
    body = options.get("--data-binary")
    headers = dict([options["-H"].split(": ")]) if "-H" in options else {}
    method = options.get("-X", "GET" if body is None else "POST")
    end = time.monotonic() + 120
    while True:
        status = client.request(method, f"http://{address}", content=body, headers=headers).status_code
        if status != 409 or time.monotonic() > end:
            return status
        time.sleep(0.1)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen_and_no_status_breaks(page_site: str, width: int) -> None:
    with (
        chromium() as browser,
        opened(browser, f"{page_site}/docs", viewport={"width": width, "height": 700}) as page,
    ):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        heights = page.locator("th code").evaluate_all(
            "cells => cells.map((cell) => cell.getClientRects().length)"
        )

        assert set(heights) == {1}
