"""A request of every route, as people would type it: `/docs` shows them, and a test sends them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

REPORT = {"id": "ct-1", "text": "IMPRESSION: Acute pulmonary embolism in a segmental artery."}
JOB = "/v1/jobs/archive-1"


@dataclass(frozen=True, slots=True)
class Example:
    """A request.

    Attributes:
        path: with its parameters.
        body: what is sent; None: nothing.
        media_type: of the body.
    """

    path: str
    body: str | None = None
    media_type: str = "application/json"

    def curl(self, method: str, host: str) -> str:
        """The command that sends it to a host, over lines that a shell takes as one."""
        parts = ["curl" if method in ("get", "post") else f"curl -X {method.upper()}"]
        if self.body is not None:
            parts.append(f"-H {shlex.quote(f'Content-Type: {self.media_type}')}")
            parts.append(f"--data-binary {shlex.quote(self.body)}")
        return " \\\n  ".join([*parts, shlex.quote(host + self.path)])


EXAMPLES: Mapping[tuple[str, str], Example] = MappingProxyType(
    {
        ("post", "/v1/label"): Example("/v1/label", json.dumps({"panel": "pe", "reports": [REPORT]})),
        ("put", "/v1/jobs/{client_id}"): Example(
            f"{JOB}?panel=pe&method=rules", json.dumps(REPORT), "application/x-ndjson"
        ),
        ("get", "/v1/jobs/{client_id}"): Example(JOB),
        ("delete", "/v1/jobs/{client_id}"): Example(JOB),
        ("get", "/v1/jobs"): Example("/v1/jobs"),
        ("get", "/v1/jobs/{client_id}/results"): Example(f"{JOB}/results"),
        ("get", "/v1/jobs/{client_id}/errors"): Example(f"{JOB}/errors"),
        ("get", "/v1/panels"): Example("/v1/panels"),
        ("get", "/v1/findings"): Example("/v1/findings"),
        ("get", "/v1/findings/{name}"): Example("/v1/findings/pulmonary_embolism"),
        ("get", "/v1/models"): Example("/v1/models"),
        ("get", "/livez"): Example("/livez"),
        ("get", "/readyz"): Example("/readyz"),
        ("get", "/metrics"): Example("/metrics"),
    }
)
"""By method and path as the contract has them."""
