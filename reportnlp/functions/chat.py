r"""A chat model as a voice: bound to a schema, and believed only where its evidence stands in the report.

It is asked for an answer and the report's own words for every question. An answer whose words are not in the
report, letter for letter but for white space, is no vote. Reports go to the address that the user gives and
to no other, by no proxy; without an address there is no such voice. A cache keeps answers and offsets under a
digest, never a text.

    reportnlp weak votes reports.csv --panel pe -o votes --functions rules,chat \
        --option chat.url=http://localhost:8000/v1 --option chat.model=NAME --option chat.cache=chat.sqlite

Where the first reports are refused for want of anything that listens there, the others are not sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from reportnlp.findings.schema import Panel
from reportnlp.functions import blocks
from reportnlp.functions._chat_cache import Cache
from reportnlp.functions._chat_server import ChatReplyError, Server
from reportnlp.functions.blocks import Answers, VotingError
from reportnlp.types import NOT_APPLICABLE, UNSPECIFIED, Presence, Question, Report, Span

TITLE = "a chat model at an OpenAI-compatible address (url=..., model=...); sends reports there"

UNFOUND = "evidence not in the report"
"""The fault of an answer whose words are not the report's."""

_NEEDS_NONE = frozenset({Presence.NOT_MENTIONED.value, UNSPECIFIED, NOT_APPLICABLE})

_TASK = """You label radiology reports. For every question give one of its allowed answers, and as evidence
the shortest passage of the report that shows it, copied letter for letter; "" where the answer is
not_mentioned, unspecified or not_applicable.
A finding is "present" as of this exam, chronic and unchanged disease too; "absent" where it is denied or has
resolved; "uncertain" where the report leaves real doubt; "not_mentioned" where neither is stated: a history,
an indication, a comparison or a protocol's name states nothing. An addendum that corrects the report wins.
An attribute is "not_applicable" unless its finding is present, and "unspecified" where the report does not
say.

Questions:
"""


class Options(blocks.Options):
    """Settings of the voice.

    Attributes:
        url: base address of the server, such as `http://localhost:8000/v1`.
        model: the model's name there.
        key_variable: environment variable that holds the server's key; "" sends none.
        attributes: whether attributes are asked about too, or presence alone.
        timeout: seconds to wait for one reply.
        retries: further tries of a request that failed.
        wait: seconds before the first further try, doubled for each one after it.
        parallel: requests at a time, in each process (see --workers).
        cache: an SQLite file of earlier answers, so that no report is asked about twice; "" keeps none.
        plain_http: send reports unencrypted to another machine (http instead of https).
        most_tokens: length of a reply at most, in the model's tokens.
    """

    url: str
    model: str
    key_variable: str = ""
    attributes: bool = True
    timeout: float = Field(default=60.0, gt=0)
    retries: int = Field(default=2, ge=0)
    wait: float = Field(default=0.5, ge=0)
    parallel: int = Field(default=4, ge=1)
    cache: str = ""
    plain_http: bool = False
    most_tokens: int = Field(default=8192, ge=1)


class Function:
    """Votes as the model answers.

    Args:
        panel: the findings to vote on.
        options: which model, where.

    Raises:
        InputError: the address cannot be used, or the key's variable is not set.
        OutputError: the cache cannot be used.
    """

    text_only: ClassVar[bool] = True

    def __init__(self, panel: Panel, options: Options) -> None:
        self._options = options
        self._questions = {q.name: q for q in panel.questions if options.attributes or q.attribute is None}
        self._derived = {finding.name for finding in panel.findings if finding.none_of_panel}
        self._task = _TASK + "\n".join(_lines(panel, self._questions))
        self._schema = schema(tuple(self._questions.values()))
        self._cache = Cache(Path(options.cache)) if options.cache else None
        self._server = Server(
            options.url,
            key_variable=options.key_variable,
            timeout=options.timeout,
            retries=options.retries,
            wait=options.wait,
            plain_http=options.plain_http,
        )
        self.identity = sha256(json.dumps([self._task, self._schema]).encode()).hexdigest()

    def vote(self, report: Report) -> Answers:
        """The votes on one report.

        Raises:
            VotingError: the server gave no answer.
        """
        key = self._key(report.text)
        said = self._cache.get(key) if self._cache else None
        if said is None:
            said = self._server.ask(self._request(report.text), lambda reply: self._read(reply, report.text))
            if self._cache:
                self._cache.put(key, said)
        votes = Answers(said["votes"])
        votes.fault = UNFOUND if said["unfound"] else ""
        return votes

    def vote_batch(self, reports: Sequence[Report]) -> list[Answers]:
        """The votes on many, several asked at a time; one without an answer has its fault beside none."""
        pool = ThreadPoolExecutor(self._options.parallel)
        try:
            return list(pool.map(self._vote_or_fault, reports))
        finally:
            pool.shutdown(cancel_futures=True)  # who stops the job waits for no request that is not sent yet

    def _vote_or_fault(self, report: Report) -> Answers:
        try:
            return self.vote(report)
        except VotingError as error:
            votes = Answers()
            votes.fault = type(error).__name__
            return votes

    def _key(self, text: str) -> str:
        told = [self.identity, self._options.model, self._options.most_tokens, text]
        return sha256(json.dumps(told).encode()).hexdigest()

    def _request(self, text: str) -> dict[str, Any]:
        return {
            "model": self._options.model,
            "messages": [{"role": "system", "content": self._task}, {"role": "user", "content": text}],
            "temperature": 0,
            "seed": 0,
            "max_tokens": self._options.most_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "labels", "strict": True, "schema": self._schema},
            },
        }

    def _read(self, reply: str, text: str) -> dict[str, Any]:
        """What a reply says: votes, the offsets of their evidence, and what has evidence of nowhere."""
        votes: dict[str, str] = {}
        spans: dict[str, Span] = {}
        unfound: list[str] = []
        for name, (answer, evidence) in _checked(reply, self._questions).items():
            span = find(evidence, text)
            if span is None and answer not in _NEEDS_NONE and name not in self._derived:
                unfound.append(name)
                continue
            votes[name] = answer
            if span is not None:
                spans[name] = span
        believed = {n: a for n, a in votes.items() if self._questions[n].finding in votes}
        return {"votes": believed, "evidence": spans, "unfound": unfound}


def _lines(panel: Panel, questions: dict[str, Question]) -> list[str]:
    """What each question asks, and its answers."""
    told = {finding.name: f"{finding.title}: {finding.definition}" for finding in panel.findings}
    return [
        f"- {name}: {told[q.finding] if q.attribute is None else f'{q.attribute} of {q.finding}'}"
        f" [{', '.join(q.answers)}]"
        for name, q in questions.items()
    ]


def schema(questions: Sequence[Question]) -> dict[str, Any]:
    """The JSON schema of a reply: for each question an answer of its own, and evidence."""
    return {
        "type": "object",
        "properties": {question.name: _part(question) for question in questions},
        "required": [question.name for question in questions],
        "additionalProperties": False,
    }


def _part(question: Question) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "answer": {"type": "string", "enum": list(question.answers)},
            "evidence": {"type": "string"},
        },
        "required": ["answer", "evidence"],
        "additionalProperties": False,
    }


def _checked(reply: str, questions: dict[str, Question]) -> dict[str, tuple[str, str]]:
    """Question to answer and evidence, held to the schema, whatever the server made of it.

    Raises:
        ChatReplyError: the reply breaks it.
    """
    try:
        parts = json.loads(reply)
        said = {name: (parts[name]["answer"], parts[name]["evidence"]) for name in questions}
    except (ValueError, LookupError, TypeError):
        raise ChatReplyError("The reply is not in the shape that was asked for.") from None
    for name, (answer, evidence) in said.items():
        if answer not in questions[name].answers or not isinstance(evidence, str):
            raise ChatReplyError(f"The reply to {name} is none of the allowed answers.")
    return said


def find(evidence: str, text: str) -> Span | None:
    """Where words stand in a text, whole and white space aside; None for no words, or where they do not."""
    words = r"\s+".join(map(re.escape, evidence.split()))
    found = re.search(rf"(?<!\w){words}(?!\w)", text) if words else None
    return Span(*found.span()) if found else None
