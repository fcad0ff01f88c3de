"""The contract for people at `/docs`: one plain page of the OpenAPI document, all of it from here."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

router = APIRouter(include_in_schema=False)

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-top: 1px solid; padding-top: 1rem; font-size: 1.15rem; }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: .15rem 1rem .15rem 0; }
:root { color-scheme: light dark; }
"""


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The page."""
    body = "".join(_page(request.app.openapi()))
    return Response(body, media_type="text/html; charset=utf-8")


@router.get("/docs.css")
async def style() -> Response:
    """How it looks: the security policy allows no style within the page."""
    return Response(STYLE, media_type="text/css; charset=utf-8")


def _page(document: dict[str, Any]) -> Iterator[str]:
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs.css">'
    yield f"<h1>{title}</h1><p>{escape(document['info']['summary'])}</p>"
    yield '<p>For programs: <a href="/openapi.json">/openapi.json</a>.</p>'
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _operation(method.upper(), path, operation)
    yield "<h2>Bodies</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield from _schema(name, schema)
    yield "</html>"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method} {escape(path)}</code> {escape(operation['summary'])}</h2>"
    yield f"<p>{escape(operation.get('description', ''))}</p><table>"
    body = operation.get("requestBody", {}).get("content", {})
    for media_type, content in body.items():
        yield _row("body", f"{media_type} {_type(content.get('schema', {}))}")
    for parameter in operation.get("parameters", ()):
        yield _row(f"{parameter['in']} {parameter['name']}", _type(parameter["schema"]))
    for status, response in operation["responses"].items():
        kinds = [f"{kind} {_type(c.get('schema', {}))}" for kind, c in response.get("content", {}).items()]
        yield _row(status, f"{response['description']}: {', '.join(kinds)}")
    yield "</table>"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3>'
    yield f"<pre>{escape(schema.get('description', ''))}</pre><table>"
    for field, kind in schema.get("properties", {}).items():
        yield _row(field, _type(kind))
    yield "</table>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "any"))


def _row(name: str, value: str) -> str:
    return f"<tr><th><code>{escape(name)}</code><td>{escape(value)}"
