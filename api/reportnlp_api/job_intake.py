"""A new job out of a request: its reports on disk, itself in the queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

from fastapi import Request
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from reportnlp_api.archive import Jobs
from reportnlp_api.catalogue import Method
from reportnlp_api.job_files import Upload
from reportnlp_api.job_roots import digest_of, find_input
from reportnlp_api.job_schemas import JobRequest, JobSettings
from reportnlp_api.job_table import Job, NewJob
from reportnlp_api.problems import Fault, ProblemError, faults_of, invalid
from reportnlp_api.settings import Settings

NDJSON = "application/x-ndjson"

WRITE_AT = 2**20
"""Bytes that are gathered before the disk is asked."""


async def accept(request: Request, id: str, given: JobSettings) -> tuple[Job, bool]:
    """Queue the job that is asked for, or find the one that there is already; and whether it is new.

    Raises:
        ProblemError: it is none, or there is one of this id with other content.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (NDJSON, "application/json"):
        detail = (
            f"Send reports as {NDJSON}, a JSON object a line, or the name of a file of the server's as "
            "application/json, and say so in Content-Type. reportnlp.Client sends CSV and other formats so."
        )
        raise ProblemError(415, "not-json-lines", detail)
    is_upload = content_type == NDJSON
    asked = given if is_upload else await _parsed(request)
    method: Method = request.app.state.catalogue.asked(
        asked.panel,
        asked.method,
        abstain=asked.abstain,
        pointer="/query/abstain" if is_upload else "/abstain",
    )
    request.state.facts.update(panel=method.panel, labelled_by=method.name)
    jobs: Jobs = request.app.state.jobs
    folder, job = await asyncio.to_thread(jobs.files.make), None
    try:
        content, path = await _content(request, asked, jobs.files.uploaded(folder))
        digest = _digest(method, asked.abstain, is_upload, content)
        owner = request.state.caller
        new = NewJob(owner, id, folder, digest, method.panel, method.name, asked.abstain, path)
        job = await asyncio.to_thread(jobs.store.add, new)
    except OSError:
        detail = "The service's disk took no more, or a file could not be read. Try again later."
        raise ProblemError(503, "disk-refused", detail, retry_after=60) from None
    finally:
        if job is None:
            await asyncio.to_thread(jobs.files.remove, folder)
    jobs.look()
    found = job or await _same(jobs, new)
    request.state.facts.update(job=found.folder)
    return found, job is not None


async def _content(request: Request, asked: JobSettings, uploaded: Path) -> tuple[str, str | None]:
    """What the job is made of: its digest, and where it lies, if that is not what is uploaded."""
    if not isinstance(asked, JobRequest):
        return await _receive(request, uploaded), None
    settings: Settings = request.app.state.settings
    place = await asyncio.to_thread(find_input, asked.path, settings.job_roots)
    return await asyncio.to_thread(digest_of, place), str(place)


def _digest(method: Method, abstain: bool, is_upload: bool, content: str) -> str:
    settings = json.dumps([method.panel, method.name, abstain, is_upload, content])
    return sha256(settings.encode()).hexdigest()


async def _same(jobs: Jobs, new: NewJob) -> Job:
    """The job that there is already.

    Raises:
        ProblemError: 409, it has other content.
    """
    there = await asyncio.to_thread(jobs.store.get, new.owner, new.id)
    if there is None or there.digest != new.digest:
        detail = (
            "There is a job of this id with other content or settings. Choose another id, or remove that job."
        )
        raise ProblemError(409, "other-content", detail)
    return there


async def _receive(request: Request, path: Path) -> str:
    """Write the body to disk as it comes; its sha256 (hex)."""
    upload = await asyncio.to_thread(Upload, path)
    try:
        async for chunk in _gathered(request.stream()):
            await asyncio.to_thread(upload.write, chunk)
        if not upload.holds_rows:
            raise invalid([Fault(pointer="", detail="The body holds no line. Send a report a line.")])
        return await asyncio.to_thread(upload.finish)
    except ClientDisconnect:
        raise ProblemError(400, "cut-short", "The body broke off. Send it again.") from None
    finally:
        upload.close()


async def _gathered(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A stream in larger pieces."""
    gathered = bytearray()
    async for chunk in stream:
        gathered += chunk
        if len(gathered) >= WRITE_AT:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


async def _parsed(request: Request) -> JobRequest:
    """The JSON body.

    Raises:
        ProblemError: it is none, is too long, or breaks the contract.
    """
    if request.query_params:
        raise invalid([Fault(pointer="/query", detail="With a JSON body the settings stand in the body.")])
    try:
        return JobRequest.model_validate_json(await _body(request), strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        if errors[0]["type"] == "json_invalid":
            raise ProblemError(400, "malformed-json", "The body is not JSON in UTF-8.") from None
        raise invalid(faults_of(errors)) from None


async def _body(request: Request) -> bytes:
    """The body; the gate lets through as much of it as an upload may have."""
    settings: Settings = request.app.state.settings
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > settings.max_body_bytes:
            detail = f"A JSON body may have {settings.max_body_bytes} bytes."
            raise ProblemError(413, "body-too-big", detail)
    return bytes(body)
