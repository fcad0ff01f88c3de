"""The page at `/`, and its files: all are read once, and none comes from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from reportnlp_api.problems import ProblemError

WEB = Path(__file__).parent.parent / "web"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}

router = APIRouter(include_in_schema=False)


class Asset(NamedTuple):
    """A file of the page."""

    body: bytes
    media_type: str


def read_assets(folder: Path = WEB) -> dict[str, Asset]:
    """The page's files by name, those in folders by their path."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in TYPES)
    return {
        path.relative_to(folder).as_posix(): Asset(path.read_bytes(), TYPES[path.suffix]) for path in paths
    }


@router.get("/")
async def page(request: Request) -> Response:
    """The page."""
    return _asset(request, "index.html")


@router.get("/web/{name:path}")
async def asset(request: Request, name: str) -> Response:
    """One of its files."""
    return _asset(request, name)


def _asset(request: Request, name: str) -> Response:
    assets: dict[str, Asset] = request.app.state.assets
    if name not in assets:
        raise ProblemError(404, "not-found", "There is nothing at this address. See /docs.")
    return Response(
        assets[name].body, media_type=assets[name].media_type, headers={"Cache-Control": "no-cache"}
    )
