"""Headers that every answer has. There are none for CORS: pages of other origins get nothing."""

from __future__ import annotations

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SECURITY = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

NO_STORE = (b"cache-control", b"no-store")
"""On whatever may hold a report's words."""


def headers_of(path: str, request_id: str) -> list[tuple[bytes, bytes]]:
    """What is added to an answer."""
    added = [*SECURITY, (b"x-request-id", request_id.encode())]
    return [*added, NO_STORE] if path.startswith("/v1/") else added
