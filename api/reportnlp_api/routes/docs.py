"""The contract for people at `/docs`: one plain page of the OpenAPI document, all of it from here."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reportnlp_api.handbook import page

router = APIRouter(include_in_schema=False)

STYLE = """
main { max-width: 56rem; overflow-wrap: anywhere; }
main p, main ul { margin-block: .5rem; }
main h1 { font-size: 1.5rem; }
main > section { display: block; margin-block-start: 2rem; padding-block-start: 1rem; }
main > section, th, td { border-block-start: 1px solid var(--line); }
main > section > h2, #bodies { font-size: 1.1rem; }
#bodies { margin-block-start: 3rem; }
section:target > :first-child { border-inline-start: 4px solid var(--accent); padding-inline-start: .5rem; }
.routes { padding: 0; list-style: none; }
.routes li { padding-block: .15rem; }
pre { margin-block: .75rem; padding: .75rem; border: 1px solid var(--line); border-radius: .375rem;
  background: var(--surface); white-space: pre-wrap; }
table { margin-block: .75rem; border-collapse: collapse; inline-size: 100%; }
caption { padding-block: .2rem; color: var(--muted); text-align: start; }
th, td { padding: .25rem 0; text-align: start; vertical-align: top; }
th { inline-size: 10rem; padding-inline-end: 1rem; font-weight: 400; }
th code { white-space: nowrap; overflow-wrap: normal; }
@media (max-width: 40rem) {
  th { inline-size: 1%; padding-inline-end: .75rem; }
  .top { column-gap: .5rem; }
  .top nav { gap: 0; }
  .top nav a { padding-inline: .5rem; }
}
"""


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The page."""
    body = "".join(page(request.app.openapi(), request.url.netloc))
    return Response(body, media_type="text/html; charset=utf-8")


@router.get("/docs.css")
async def style() -> Response:
    """How it looks: the security policy allows no style within the page."""
    return Response(STYLE, media_type="text/css; charset=utf-8")
