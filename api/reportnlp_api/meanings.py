"""What each status means here, for people; the contract has no more than HTTP's own phrase."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LATER = "Retry-After, where it is given, says when to try again."

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "200": "As asked.",
        "201": "It is made.",
        "400": "The body is not JSON in UTF-8, or broke off before its end.",
        "401": "An API key is needed: none was sent, or one that is not known.",
        "403": "The service is not to be called by this host name.",
        "404": "There is none of this name.",
        "409": "The job is not done: there is nothing to fetch yet, or ever.",
        "413": "The body is over the limit.",
        "415": "The body is of another kind than is taken here, or its kind is not said.",
        "422": "The body or a parameter is not what is allowed: `errors` says where, and what is allowed.",
        "429": f"The quota of the key is used up. {LATER}",
        "500": "A fault of the service. Report it with the request id.",
        "503": f"The service is not ready, is about to stop, or cannot take more. {LATER}",
        "504": "It took longer than the deadline.",
    }
)

OWN: Mapping[tuple[str, str, str], str] = MappingProxyType(
    {
        ("post", "/v1/label", "413"): "The body, a report or the number of reports is over the limit.",
        ("put", "/v1/jobs/{client_id}", "403"): (
            "The service is not to be called by this host name, or the path leads out of the job roots."
        ),
        ("put", "/v1/jobs/{client_id}", "409"): (
            "There is a job of this id with other content or settings. Choose another id, or delete that job."
        ),
    }
)
"""By method, path and status: where a route says something of its own."""

STOCK = ("Successful Response",)
"""What the framework says of an answer that nothing is said of."""


def meaning(method: str, path: str, status: str, told: str) -> str:
    """What a status of a route means.

    Args:
        method: in small letters.
        path: as the contract has it.
        status: in digits.
        told: what the contract says of it.
    """
    is_told = int(status) < 400 and told not in STOCK
    return told if is_told else OWN.get((method, path, status), MEANINGS[status])
