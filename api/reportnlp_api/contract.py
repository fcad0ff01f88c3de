"""The OpenAPI document: what the routes say, and the bodies that they read themselves.

`python -m reportnlp_api api/openapi.json` writes the committed one anew.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from reportnlp_api.job_schemas import JobRequest, LabelRowOut, QuarantinedOut
from reportnlp_api.problems import Problem, documented
from reportnlp_api.schemas import NULL, LabelRequest, LabelResponse

STOCK = ("HTTPValidationError", "ValidationError")
"""FastAPI's own error bodies, which no route of ours answers with."""

BODIES = (LabelRequest, LabelResponse, JobRequest, LabelRowOut, QuarantinedOut, Problem)


def install(app: FastAPI) -> None:
    """Have the application show our document at `/openapi.json`."""
    app.openapi = lambda: _once(app)  # type: ignore[method-assign]


def _once(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = document(app)
    return app.openapi_schema


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application."""
    found = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    _, bodies = models_json_schema(
        [(model, "validation") for model in BODIES], ref_template="#/components/schemas/{model}"
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(bodies["$defs"])
    for name in STOCK:
        schemas.pop(name, None)
    for path in found["paths"].values():
        for operation in path.values():
            if "422" in operation["responses"]:
                operation["responses"]["422"] = documented(422)[422]
            for parameter in operation.get("parameters", ()):
                _leave_out_null(parameter["schema"])
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    found["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    # An empty requirement: where the service has no keys, none is needed.
    found["security"] = [{"bearer": []}, {"key": []}, {}]
    return found


def _leave_out_null(schema: dict[str, Any]) -> None:
    """A parameter cannot be null: it is left out."""
    allowed = [one for one in schema.get("anyOf", ()) if one != NULL]
    if len(allowed) == 1:
        del schema["anyOf"]
        schema.update(allowed[0])


def shown(app: FastAPI) -> str:
    """The document as it is committed."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
