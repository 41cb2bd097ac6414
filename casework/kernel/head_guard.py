"""What a request's line and headers may be, decided before routing (access.md §5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from casework.kernel.language import Text
from casework.kernel.limits import HEADER_LIMIT, HEADERS_LIMIT, PARAMETER_LIMIT, URL_LIMIT
from casework.kernel.problems import AddressTooLong, Fault, HeadersTooLarge, MalformedRequest, Problem

if TYPE_CHECKING:
    from starlette.types import Scope

SURROGATE = re.compile(r"[\ud800-\udfff]")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
PLAIN = re.compile(rb"[!-$&-~]*")
"""Printable ASCII without `%`: a query in which nothing is hidden."""
ONCE = frozenset(
    {
        b"authorization", b"content-encoding", b"content-length", b"content-type", b"host", b"idempotency-key",
        b"if-match", b"transfer-encoding", b"x-purpose-of-use",
    }
)  # fmt: skip
"""Headers of which two readers could each take another one; a second is refused (RFC 9110 §5.3)."""


def refuse_hostile_head(scope: Scope) -> None:
    """Raises Problem for a line or headers that are too long, said twice, or hold what no text of ours may hold."""
    _refuse_address(scope)
    _refuse_query(scope.get("query_string", b""))
    _refuse_headers(scope["headers"])


def _refuse_address(scope: Scope) -> None:
    raw, text = scope.get("raw_path", b""), scope["path"]
    if len(raw) + len(scope.get("query_string", b"")) >= URL_LIMIT:
        raise AddressTooLong(limit_bytes=URL_LIMIT)
    if "\x00" in text or (not text.isascii() and ("�" in text or SURROGATE.search(text))):
        raise _refused_bytes()


def _refuse_query(query: bytes) -> None:
    """NUL and what is not UTF-8; a server that replaced the bytes would search for something else."""
    if query.count(b"&") >= PARAMETER_LIMIT:
        raise malformed("parameters", Text("L'adresse a trop de paramètres.", "The address has too many parameters."))
    if PLAIN.fullmatch(query):
        return
    decoded = unquote_to_bytes(query)
    try:
        decoded.decode()
    except UnicodeDecodeError:
        raise _refused_bytes() from None
    if not query.isascii() or b"\x00" in decoded:
        raise _refused_bytes()


def _refuse_headers(headers: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in headers]
    every = b"".join([value for _, value in headers])
    if len(names) > HEADER_LIMIT or len(every) + sum(map(len, names)) > HEADERS_LIMIT:
        raise HeadersTooLarge(limit_bytes=HEADERS_LIMIT, limit_headers=HEADER_LIMIT)
    if CONTROL.search(every):
        raise malformed("header", Text("Un en-tête contient des octets refusés.", "A header has refused bytes."))
    if len(set(names)) != len(names) and any(names.count(name) > 1 for name in ONCE):
        raise malformed("header", Text("Un en-tête est donné deux fois.", "A header is given twice."))


def _refused_bytes() -> Problem:
    return malformed("address", Text("L'adresse contient des octets refusés.", "The address has refused bytes."))


def malformed(code: str, text: Text) -> Problem:
    return MalformedRequest(errors=[Fault(text, code, pointer="")])


def header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None
