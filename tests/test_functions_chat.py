"""A chat model as a voice: bound, checked, patient with a server that fails, and silent about reports."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reportnlp.errors import InputError, OutputError
from reportnlp.findings import load_panel
from reportnlp.functions._ballot import Ballot
from reportnlp.functions._chat_server import (
    GIVE_UP,
    ChatNotAsked,
    ChatReplyError,
    ChatServerError,
    ChatServerGone,
    _place,
)
from reportnlp.functions.chat import UNFOUND, Function, Options, find
from reportnlp.functions.loader import Voice
from reportnlp.types import Report, Span
from tests.test_functions_standins import Chat, affirm, chat_server, text_of

PANEL = load_panel("pe")
PE = "pulmonary_embolism"
CLOT = Report("a", "IMPRESSION: There is a large\nclot in the lung.")


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chat_server() as server:
        yield server


def function(chat: Chat, **more: Any) -> Function:
    return Function(PANEL, Options(url=chat.url, model="small", wait=0, **more))


def test_a_request_is_bound_to_the_panels_answers(chat: Chat) -> None:
    votes = function(chat).vote(CLOT)
    assert votes == {
        PE: "present",
        **{f"{PE}.{name}": "unspecified" for name in ("chronicity", "location", "laterality")},
    }
    [request] = chat.requests
    assert text_of(request) == CLOT.text
    assert (request["model"], request["temperature"]) == ("small", 0)
    bound = request["response_format"]
    assert bound["type"] == "json_schema" and bound["json_schema"]["strict"]
    schema = bound["json_schema"]["schema"]
    assert schema["required"] == [question.name for question in PANEL.questions]
    assert schema["properties"][PE]["properties"]["answer"]["enum"] == list(PANEL.questions[0].answers)
    assert not schema["additionalProperties"]
    assert PANEL.findings[0].definition in request["messages"][0]["content"]


def test_attributes_can_be_left_out(chat: Chat) -> None:
    assert function(chat, attributes=False).vote(CLOT) == {PE: "present"}


def test_an_answer_whose_words_are_not_the_reports_is_no_vote(chat: Chat) -> None:
    chat.reply = partial(affirm, evidence="massive embolus")
    votes = function(chat).vote(CLOT)
    assert votes == {}  # what is said of its attributes goes with it
    assert votes.fault == UNFOUND
    [cast] = Ballot(PANEL, [Voice("chat", function(chat), "1")])([CLOT])
    assert cast.faults == (UNFOUND,)


@pytest.mark.parametrize(
    ("evidence", "span"),
    [
        ("a large clot", Span(21, 33)),
        ("large   clot", Span(23, 33)),
        ("A large clot", None),
        ("large clots", None),
        ("arge clot", None),
        ("clot in the lung.", Span(29, 46)),
        ("", None),
        ("  ", None),
        (".*", None),
    ],
)
def test_evidence_is_looked_for_letter_for_letter_but_for_white_space(
    evidence: str, span: Span | None
) -> None:
    assert find(evidence, CLOT.text) == span


def test_a_busy_server_is_asked_again(chat: Chat) -> None:
    chat.statuses = [503, 0]
    assert function(chat, retries=2).vote(CLOT)[PE] == "present"
    assert len(chat.requests) == 3


def test_a_refusal_is_not_asked_again(chat: Chat) -> None:
    chat.statuses = [401]
    with pytest.raises(ChatServerError, match="status 401"):
        function(chat).vote(CLOT)
    assert len(chat.requests) == 1


def test_a_server_may_say_how_long_to_wait(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    chat.statuses, chat.headers = [429, 429], {"Retry-After": "7"}
    function(chat).vote(CLOT)
    assert [seconds for seconds in waited if seconds] == [7.0, 7.0]


def test_a_slow_server_is_not_waited_for(chat: Chat) -> None:
    chat.delay = 0.4
    with pytest.raises(ChatServerError, match="no reply in time"):
        function(chat, timeout=0.05, retries=0).vote(CLOT)


@pytest.mark.parametrize(
    "said", ["no json", "[]", '{"pulmonary_embolism": {"answer": "perhaps", "evidence": ""}}']
)
def test_a_reply_in_another_shape_is_asked_for_again_and_then_a_fault(chat: Chat, said: str) -> None:
    chat.reply = lambda request: said
    with pytest.raises(ChatReplyError):
        function(chat, retries=1).vote(CLOT)
    assert len(chat.requests) == 2


def test_an_answer_that_is_not_allowed_is_a_fault(chat: Chat) -> None:
    def strange(request: dict[str, Any]) -> dict[str, Any]:
        return {**affirm(request), PE: {"answer": "perhaps", "evidence": "clot"}}

    chat.reply = strange
    with pytest.raises(ChatReplyError, match="none of the allowed answers"):
        function(chat, retries=0).vote(CLOT)


def test_a_redirect_is_not_followed(chat: Chat) -> None:
    with chat_server() as elsewhere:
        chat.statuses, chat.headers = [307], {"Location": f"{elsewhere.url}/chat/completions"}
        with pytest.raises(ChatServerError, match="status 307"):
            function(chat).vote(CLOT)
        assert elsewhere.requests == []


def test_no_proxy_sees_a_report(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert function(chat).vote(CLOT)
        assert proxy.requests == []


def test_the_key_comes_from_the_environment_alone(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    function(chat).vote(CLOT)
    monkeypatch.setenv("MY_KEY", "secret-key")
    function(chat, key_variable="MY_KEY").vote(CLOT)
    assert chat.keys == [None, "Bearer secret-key"]
    with pytest.raises(InputError, match="NO_KEY is not set"):
        function(chat, key_variable="NO_KEY")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8000", "is none"),
        ("ftp://host/v1", "is none"),
        ("https://me:secret@host/v1", "more than host and path"),
        ("https://host/v1?key=secret", "more than host and path"),
        ("http://host/v1", "unencrypted"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        Function(PANEL, Options(url=url, model="small"))
    assert "secret" not in str(error.value)


def test_an_address_elsewhere_may_be_unencrypted_when_that_is_allowed() -> None:
    Function(PANEL, Options(url="http://host/v1", model="small", plain_http=True))
    Function(PANEL, Options(url="http://[::1]:8000/v1", model="small"))


def test_a_cache_spares_a_request_and_holds_no_text(chat: Chat, tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite"
    first = function(chat, cache=str(path)).vote(CLOT)
    again = function(chat, cache=str(path)).vote(Report("other id", CLOT.text))
    assert first == again and len(chat.requests) == 1
    held = path.read_bytes()
    assert b"clot" not in held and b"lung" not in held
    with sqlite3.connect(path) as file:
        [(value,)] = file.execute("SELECT value FROM said")
    file.close()
    start, end = json.loads(value)["evidence"][PE]
    assert CLOT.text[start:end] == "clot"
    Function(PANEL, Options(url=chat.url, model="large", wait=0, cache=str(path))).vote(CLOT)
    assert len(chat.requests) == 2  # another model was not asked yet


def test_what_failed_is_not_kept(chat: Chat, tmp_path: Path) -> None:
    chat.statuses = [400]
    asked = function(chat, cache=str(tmp_path / "chat.sqlite"))
    with pytest.raises(ChatServerError):
        asked.vote(CLOT)
    assert asked.vote(CLOT)[PE] == "present"


def test_a_file_that_is_no_cache_is_refused(chat: Chat, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes " * 500, "utf-8")
    with pytest.raises(OutputError, match="cannot be used as a cache"):
        function(chat, cache=str(path))


def test_many_are_asked_at_a_time_and_a_failure_stays_with_its_report(chat: Chat) -> None:
    def reply(request: dict[str, Any]) -> dict[str, Any] | str:
        return "nothing" if "broken" in text_of(request) else affirm(request)

    chat.reply = reply
    reports = [Report(str(at), f"a clot {at}{' broken' if at == 3 else ''}") for at in range(8)]
    votes = function(chat, retries=0).vote_batch(reports)
    assert [bool(v) for v in votes] == [at != 3 for at in range(8)]
    assert votes[3].fault == "ChatReplyError"
    assert len(chat.requests) == 8


def test_a_server_that_does_not_reply_is_not_tried_for_ever(chat: Chat) -> None:
    chat.statuses = [0] * 2 * GIVE_UP
    asked = function(chat, retries=0)
    for _ in range(GIVE_UP):
        with pytest.raises(ChatServerError, match="cannot be reached"):
            asked.vote(CLOT)
    with pytest.raises(ChatNotAsked):
        asked.vote(CLOT)
    assert len(chat.requests) == GIVE_UP


def test_where_nothing_listens_few_reports_are_tried_and_one_line_says_so(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    with chat_server() as gone:
        url = gone.url
    asked = Function(PANEL, Options(url=url, model="small", wait=0, retries=0, parallel=1))
    votes = asked.vote_batch([Report(str(at), f"clot {at}") for at in range(8)])
    assert [vote.fault for vote in votes] == ["ChatServerGone"] * 3 + ["ChatNotAsked"] * 5
    [line] = caplog.messages
    assert line == f"reportnlp: nothing answers at {url.removesuffix('/v1')}; no more reports are sent there"


def test_a_refused_connection_is_tried_again(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    with chat_server() as gone:
        url = gone.url
    asked = Function(PANEL, Options(url=url, model="small", wait=1, retries=2))
    with pytest.raises(ChatServerGone, match="refused"):
        asked.vote(CLOT)
    assert waited[-2:] == [1, 2]


def test_nothing_of_a_report_is_logged_or_told(
    chat: Chat, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    chat.reply = lambda request: text_of(request)
    with pytest.raises(ChatReplyError) as error:
        function(chat, retries=0).vote(CLOT)
    out, err = capfd.readouterr()
    assert not any("clot" in said for said in (str(error.value), caplog.text, out, err))


def test_where_nothing_answers_is_told_without_a_name_or_password() -> None:
    assert _place("http://me:secret@host.example:8000/v1?key=secret") == "http://host.example:8000"
    assert _place("https://[::1]/v1") == "https://[::1]"
