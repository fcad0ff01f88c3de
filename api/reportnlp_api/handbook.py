"""Draws the OpenAPI document as one plain page for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from reportnlp_api.examples import EXAMPLES
from reportnlp_api.meanings import meaning

TOP = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/web/app.css"><link rel="stylesheet" href="/docs.css"></head>
<body><a class="skip" href="#main">Skip to the content</a><header class="top"><p class="brand">reportnlp</p>
<nav aria-label="Pages"><a href="/#/label">Label</a><a href="/#/archive">Archive</a>
<a href="/#/review">Review</a><a href="/docs" aria-current="page">API</a></nav></header>
<main id="main" tabindex="-1"><h1>{title}</h1>
<p>{summary}</p>
<p>For programs: <a href="/openapi.json">/openapi.json</a>. Where the service asks for keys, send one with
every request: <code>-H "Authorization: Bearer KEY"</code>. Whatever is refused is told as a
<a href="#Problem">Problem</a> (<code>application/problem+json</code>).</p>
"""

PROBLEM = "#/components/schemas/Problem"


def page(document: dict[str, Any], host: str) -> Iterator[str]:
    """The page, piece by piece.

    Args:
        document: OpenAPI.
        host: where the examples are sent, as name:port.
    """
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    operations = [
        (method, path, operation)
        for path, found in document["paths"].items()
        for method, operation in found.items()
    ]
    schemas = document["components"]["schemas"]
    yield TOP.format(title=title, summary=escape(document["info"]["summary"]))
    yield from _contents(operations)
    for method, path, operation in operations:
        yield from _operation(method, path, operation, host, schemas)
    yield '<h2 id="bodies">Bodies</h2>'
    for name, schema in schemas.items():
        yield from _schema(name, schema)
    yield "</main></body></html>"


def _contents(operations: list[tuple[str, str, dict[str, Any]]]) -> Iterator[str]:
    yield '<nav aria-label="Routes"><ul class="routes">'
    for method, path, operation in operations:
        name = f"<code>{method.upper()} {escape(path)}</code>"
        yield f'<li><a href="#{_anchor(method, path)}">{name}</a> {escape(operation["summary"])}</li>'
    yield '<li><a href="#bodies">Bodies</a> of requests and answers, field by field</li></ul></nav>'


def _anchor(method: str, path: str) -> str:
    return re.sub(r"\W+", "-", f"{method}{path}").strip("-")


def _operation(
    method: str, path: str, operation: dict[str, Any], host: str, schemas: dict[str, Any]
) -> Iterator[str]:
    yield f'<section id="{_anchor(method, path)}">'
    yield f"<h2><code>{method.upper()} {escape(path)}</code> {escape(operation['summary'])}</h2>"
    yield _prose(operation.get("description", ""))
    yield f"<pre><code>{escape(EXAMPLES[method, path].curl(method, host))}</code></pre>"
    asked = [*_asked(operation)]
    if asked:
        yield from _table("Asks for", asked)
    answers = operation["responses"].items()
    rows = [(status, _answer(method, path, status, answer, schemas)) for status, answer in answers]
    yield from _table("Answers", rows)
    yield "</section>"


def _asked(operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in operation.get("parameters", ()):
        yield parameter["name"], f"in the {parameter['in']}: {_kind(parameter['schema'])}"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "body", f"<code>{escape(media_type)}</code> {_kind(content.get('schema', {}))}"


def _answer(method: str, path: str, status: str, answer: dict[str, Any], schemas: dict[str, Any]) -> str:
    said = _text(meaning(method, path, status, answer["description"]))
    for name in schemas:
        said = re.sub(rf"\b{name}\b", _link(name), said)
    kinds = [content.get("schema", {}) for content in answer.get("content", {}).values()]
    shown = [_kind(kind) for kind in kinds if kind.get("$ref") != PROBLEM and kind.get("type") != "string"]
    return " ".join([said, *shown])


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    about, told = _attributes(schema.get("description", ""))
    required = schema.get("required", ())
    yield f'<section id="{escape(name)}"><h3><code>{escape(name)}</code></h3>{_prose(about)}'
    fields = schema.get("properties", {}).items()
    rows = [(name, _field(kind, name in required, told.get(name, ""))) for name, kind in fields]
    yield from _table("", rows)
    yield "</section>"


def _field(kind: dict[str, Any], is_required: bool, said: str) -> str:
    return f"{_kind(kind)}{'' if is_required else ', may be left out'}. {_text(said)}".rstrip()


def _attributes(description: str) -> tuple[str, dict[str, str]]:
    """What a docstring says of the whole, and of each attribute."""
    about, _, listed = description.partition("Attributes:\n")
    told = {}
    for entry in re.split(r"^ {4}(?! )", listed, flags=re.MULTILINE):
        names, _, said = entry.partition(": ")
        line = " ".join(said.split())
        told.update({name.strip(): line[:1].upper() + line[1:] for name in names.split(",")})
    return about, told


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    return escape(str(schema.get("type", "any")))


def _link(name: str) -> str:
    return f'<a href="#{escape(name)}">{escape(name)}</a>'


def _prose(text: str) -> str:
    return "".join(f"<p>{_text(part)}</p>" for part in text.strip().split("\n\n") if part)


def _text(text: str) -> str:
    """A text of a docstring: what is in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _table(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    yield "<table>" + (f"<caption>{title}</caption>" if title else "")
    for name, value in rows:
        yield f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{value}</td></tr>'
    yield "</table>"
