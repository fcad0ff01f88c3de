"""The client against a real service: what it gives, and that both clients give the same."""

from __future__ import annotations

import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

import reportnlp
from reportnlp import AsyncClient, Client, Report
from reportnlp.client import JobError, ServiceError
from reportnlp.errors import InputError, MissingExtraError
from tests.api_service import app_in, listening, load

SEEN = "IMPRESSION: Acute segmental pulmonary embolism in the right lower lobe."
UNSEEN = "IMPRESSION: No pulmonary embolism."
REPORTS = [
    Report("r1", SEEN, patient="p", exam_date=date(2024, 5, 1)),
    Report("r2", UNSEEN),
    Report("r3", " "),
]
PE = "pulmonary_embolism"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("client")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """Of a running service."""
    with listening(app_in(folder, job_roots=[folder])) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url) as made:
        until_ready(made)
        yield made


def until_ready(client: Client) -> None:
    client.label(UNSEEN)  # it asks again until the worker has loaded


def test_one_text_is_labelled(client: Client) -> None:
    expected = load("pe", method="rules", abstain=False)
    [found] = answers = client.label(SEEN)
    assert found.answers == expected(SEEN).answers
    assert (answers.panel, answers.method, answers.model) == ("pe", "rules", expected.model)
    assert (answers.panel_digest, answers.version) == (expected.panel_digest, reportnlp.__version__)
    label = found[PE]
    assert (label.answer, label.section, label.attribute) == ("present", "impression", None)
    assert label.evidence and SEEN[label.evidence.start : label.evidence.end] == label.evidence.text
    assert 0.5 < label.probability <= 1
    assert found.tokens_read > 0 and found.sections == ("impression",) and found.error is None
    with pytest.raises(KeyError, match="gout"):
        found["gout"]


def test_several_reports_keep_their_ids_and_a_bad_one_its_reason(client: Client) -> None:
    answers = client.label(REPORTS, questions=[PE], deadline_s=20)
    assert [result.id for result in answers] == ["r1", "r2", "r3"]
    assert [result.answers for result in answers] == [{PE: "present"}, {PE: "absent"}, {}]
    assert answers[2].error and len(answers) == 3
    assert [result.id for result in client.label([SEEN, UNSEEN], panel="pe", method="rules")] == ["0", "1"]


def test_what_can_be_asked_is_listed(client: Client) -> None:
    panels = {panel.name: panel for panel in client.panels()}
    assert panels["pe"].questions[0].answers == ("present", "absent", "uncertain", "not_mentioned")
    assert panels["pe"].digest == load("pe", method="rules", abstain=False).panel_digest
    assert PE in {finding.name for finding in client.findings()}
    assert {model.name for model in client.models()} == {"rules", "auto"}


def test_a_refusal_says_where_and_why_and_not_what_was_sent(client: Client) -> None:
    with pytest.raises(ServiceError, match=r"The service answered 422: .* /panel: There is no such") as error:
        client.label(SEEN, panel="hearts")
    assert (error.value.status, error.value.kind) == (422, "urn:reportnlp:problem:invalid-request")
    assert error.value.errors[0][0] == "/panel"
    assert error.value.request_id in str(error.value)
    assert "hearts" not in str(error.value) and "segmental" not in str(error.value)


def test_a_job_is_sent_followed_and_fetched(client: Client, folder: Path) -> None:
    seen: list[str] = []
    job = client.jobs.submit(REPORTS, id="mine", panel="pe", method="rules")
    assert (job.id, job.state, job.is_over, job.counts) == ("mine", "queued", False, None)
    done = client.jobs.wait("mine", progress=lambda job: seen.append(job.state), every_s=0.05, timeout_s=60)
    assert done.is_over and done.counts and done.expires and done.expires > done.created
    assert (done.counts.read, done.counts.labelled, done.counts.quarantined) == (3, 2, 1)
    assert seen[-1] == "done"
    found = {(row.report_id, row.question): row for row in client.jobs.results("mine")}
    assert found["r1", PE].answer == "present" and found["r2", PE].answer == "absent"
    assert found["r1", PE].evidence_start is not None and found["r1", PE].model == done.model
    [error] = client.jobs.errors("mine")
    assert (error.offset, error.report_id) == (3, "r3") and error.reason

    assert client.jobs.submit(REPORTS, id="mine", panel="pe", method="rules") == done
    with pytest.raises(ServiceError) as other:
        client.jobs.submit(REPORTS[:1], id="mine")
    assert other.value.status == 409
    assert [job.id for job in client.jobs.list()] == ["mine"]
    assert client.jobs.cancel("mine").state == "done"
    assert client.jobs.list() == ()


def test_a_path_of_the_server_can_be_named(client: Client, folder: Path) -> None:
    (folder / "some.jsonl").write_text(f'{{"id": "a", "text": "{SEEN}"}}\n')
    assert client.jobs.submit_server_path("some.jsonl", id="theirs").id == "theirs"
    assert client.jobs.cancel("theirs").state == "cancelled"
    with pytest.raises(JobError, match="'theirs' was cancelled"):
        client.jobs.wait("theirs")
    with pytest.raises(ServiceError) as error:
        client.jobs.submit_server_path("/etc/passwd", id="no")
    assert error.value.status == 403


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    for kind in (Client, AsyncClient):
        with pytest.raises(MissingExtraError, match=r"reportnlp\[api\]"):
            kind()


def test_httpx_is_imported_when_a_client_is_made() -> None:
    code = "import sys, reportnlp; reportnlp.Client; assert 'httpx' not in sys.modules; reportnlp.Client(); "
    subprocess.run([sys.executable, "-c", f"{code}assert 'httpx' in sys.modules"], check=True)


def test_the_two_clients_have_the_same_methods() -> None:
    for one, twin in ((Client, AsyncClient), (type(Client().jobs), type(AsyncClient().jobs))):
        assert methods(one) == methods(twin)


def methods(kind: type) -> dict[str, list[str]]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: list(inspect.signature(f).parameters) for name, f in found if not name.startswith("_")}


def test_the_client_of_asyncio_does_the_same(url: str, client: Client) -> None:
    async def use() -> None:
        async with AsyncClient(url) as twin:
            many = await asyncio.gather(*(twin.label(text) for text in (SEEN, UNSEEN) * 8))
            assert [one[0][PE].answer for one in many] == ["present", "absent"] * 8
            assert await twin.panels() == client.panels()
            assert await twin.findings() == client.findings()
            assert await twin.models() == client.models()
            job = await twin.jobs.submit(REPORTS, id="async")
            assert (await twin.jobs.submit(REPORTS, id="async")).created == job.created
            done = await twin.jobs.wait("async", every_s=0.05, timeout_s=60)
            assert (await twin.jobs.get("async")) == done == client.jobs.get("async")
            results = [row async for row in twin.jobs.results("async")]
            assert results == list(client.jobs.results("async"))
            assert [row async for row in twin.jobs.errors("async")] == list(client.jobs.errors("async"))
            assert [job.id for job in await twin.jobs.list()] == [job.id for job in client.jobs.list()]
            assert (await twin.jobs.cancel("async")).state == "done"
            with pytest.raises(ServiceError, match="404"):
                [row async for row in twin.jobs.results("async")]
            with pytest.raises(ServiceError, match="403"):
                await twin.jobs.submit_server_path("/etc/passwd", id="no")

    asyncio.run(use())


def test_the_example_of_the_readme_runs(root: Path, url: str, desk: Path, client: Client) -> None:
    readme = (root / "api" / "README.md").read_text("utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    assert "http://127.0.0.1:8000" in example
    told: list[str] = []
    say: Callable[..., None] = lambda *words, **_: told.append(" ".join(map(str, words)))  # noqa: E731
    exec(compile(example.replace("http://127.0.0.1:8000", url), "README.md", "exec"), {"print": say})
    assert told[0].startswith("present ")
    assert any(line.startswith("done ") for line in told)


def test_an_address_without_its_scheme_is_told_at_once() -> None:
    with pytest.raises(InputError, match="Begin it with http://"):
        Client("127.0.0.1:8000")


def test_an_answer_that_is_not_there_says_why(client: Client) -> None:
    found, empty = client.label([SEEN, "."])
    with pytest.raises(KeyError, match=r"pulmonary_embolsm: not asked\. There are: pulmonary_embolism,"):
        found["pulmonary_embolsm"]
    with pytest.raises(KeyError, match="no letter and no digit"):
        empty[PE]
