"""Every bound on what a client may send, take or hold, in one place (access.md §5). Sizes in bytes, times in seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

URL_LIMIT = 8_192
HEADER_LIMIT = 100
HEADERS_LIMIT = 32 * 1024
# What may stand unread before a request's head is complete: its line and its headers.
HEAD_LIMIT = URL_LIMIT + HEADERS_LIMIT
PARAMETER_LIMIT = 40
FORM_LIMIT = 20

BODY_LIMIT = 64 * 1024
BODY_LIMITS: Mapping[str, int] = {
    # A client id, a secret and scopes; an assertion of private_key_jwt at most.
    "/oauth/token": 8 * 1024,
    # Two hundred lines with a note each.
    "/v1/milestone-batches": 512 * 1024,
    # Ten thousand households are two megabytes of XLSX, or four of CSV.
    "/v1/household-imports": 8 * 1024 * 1024,
}
"""Path template → bytes, for the routes that differ from BODY_LIMIT; the OpenAPI document repeats it."""

DEPTH_LIMIT = 32
KEY_LIMIT = 1_000
INTEGER_LIMIT = 2**53

RECEIVE_SECONDS = 10.0
"""From the first byte of a request (or from the connection) to its last."""
SEND_SECONDS = 10.0
"""How long a client may leave an answer unread before it is hung up on."""
KEEP_ALIVE_SECONDS = 10
PIPELINE_LIMIT = 16
SHUTDOWN_SECONDS = 15
"""Patience with the requests under way at the end, then with the server's own hands: less than 30 together."""
HANDS_SECONDS = 10


def patterns(limits: Mapping[str, int]) -> dict[re.Pattern[str], int]:
    return {re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path))): limit for path, limit in limits.items()}


_PATTERNS = patterns(BODY_LIMITS)


def body_limit(path: str) -> int:
    """The most bytes of body the route of `path` takes."""
    for pattern, limit in _PATTERNS.items():
        if pattern.fullmatch(path):
            return limit
    return BODY_LIMIT
