"""The application: `create_app(settings)` joins the parts, and its lifespan starts and drains them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from reportnlp import __version__
from reportnlp_api import contract, problems
from reportnlp_api.archive import Jobs
from reportnlp_api.audit import Audit
from reportnlp_api.batching import Batcher
from reportnlp_api.catalogue import read_catalogue
from reportnlp_api.door import LABEL, Door
from reportnlp_api.gate import Gate
from reportnlp_api.hands import ProcessHand, Start
from reportnlp_api.keys import Keys
from reportnlp_api.metrics import Metrics
from reportnlp_api.quotas import Quotas
from reportnlp_api.routes import catalogue, docs, health, jobs, label, page
from reportnlp_api.settings import Settings, SettingsError

LOG = logging.getLogger("reportnlp_api")

ROUTERS = (label.router, jobs.router, catalogue.router, health.router, docs.router, page.router)


class Service(FastAPI):
    """The application, with a shorter way for requests to label: all that FastAPI would do for them is known.

    The route is declared as any other is, for the contract and the docs; the shorter way calls the same
    function.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["path"] == LABEL and scope["method"] == "POST":
            scope["app"] = self
            await self.state.label(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, *, start: Start | None = None) -> FastAPI:
    """Make the application.

    Args:
        settings: see their class.
        start: starts a worker; None: a process.

    Raises:
        SettingsError: settings that contradict one another or what is there.
        KeysError: the keys file cannot be used.
    """
    check_exposure(settings)
    check_places(settings)
    app = Service(
        title="reportnlp",
        summary="Findings, with evidence, out of free-text radiology reports.",
        version=__version__,
        lifespan=_lifespan,
        # Its logs and traces hold messages of exceptions, and so what was sent.
        telemetry={"logs": False, "tracing": False, "metrics": False},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    state = app.state
    state.settings = settings
    state.catalogue = read_catalogue(settings)
    state.jobs = Jobs(settings, state.catalogue)
    state.metrics = Metrics()
    state.quotas = Quotas(settings.quota_per_minute)
    state.audit = Audit(settings.audit_file, state.metrics.audit_lost)
    state.assets = page.read_assets()
    for reason in state.catalogue.skipped:
        LOG.warning("%s", reason)
    begin = start or partial(ProcessHand.start, settings.loaded)
    state.batcher = Batcher(settings, state.catalogue.default, begin, state.metrics)
    _watch(state.metrics, state.batcher)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    contract.install(app)
    state.door = Door(
        settings=settings,
        keys=Keys(settings.keys_file) if settings.keys_file else None,
        batcher=state.batcher,
        quotas=state.quotas,
        metrics=state.metrics,
        audit=state.audit,
    )
    app.add_middleware(Gate, door=state.door)
    state.label = Gate(label.answer, state.door)
    return app


def check_exposure(settings: Settings) -> None:
    """Refuse to listen beyond this machine without keys, unless told to.

    Raises:
        SettingsError: that is what was asked for.
    """
    if not settings.is_local and settings.keys_file is None and not settings.without_keys:
        raise SettingsError(
            f"The address {settings.host} can be reached from other machines, and no key would be asked for. "
            "Make one: reportnlp serve keys add NAME --file keys.json, and give --keys keys.json; or say "
            "--without-keys where something else keeps strangers out."
        )


def check_places(settings: Settings) -> None:
    """Refuse to start where a folder that is named is not there.

    Raises:
        SettingsError: it says which.
    """
    for root in settings.job_roots:
        if not root.is_dir():
            raise SettingsError(f"The job root {root} is no folder. Give one that holds files for jobs.")
    audit = settings.audit_file
    if audit is not None and not audit.parent.is_dir():
        raise SettingsError(f"The audit log cannot go to {audit}: there is no folder {audit.parent}.")


def _watch(metrics: Metrics, batcher: Batcher) -> None:
    metrics.watch("queue_tokens", "Tokens that wait.", lambda: batcher.queued)
    metrics.watch("requests_open", "Requests that are being labelled or wait for it.", lambda: batcher.open)
    metrics.watch("workers_ready", "Workers that have loaded.", lambda: batcher.ready)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the workers; at the end, finish what is under way."""
    app.state.audit.open()
    await app.state.jobs.start()
    await app.state.batcher.start()
    try:
        yield
    finally:
        await app.state.jobs.stop()
        await app.state.batcher.stop()
        app.state.audit.close()
