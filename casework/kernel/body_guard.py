"""What a request body may be, decided before any parser of ours sees it (access.md §5)."""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from casework.kernel.head_guard import SURROGATE, header, malformed
from casework.kernel.language import Text
from casework.kernel.limits import DEPTH_LIMIT, FORM_LIMIT, INTEGER_LIMIT, KEY_LIMIT, RECEIVE_SECONDS, body_limit
from casework.kernel.problems import BodyTooLarge, Problem, TooSlow, UnsupportedMediaType

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

BODY_METHODS = {"POST", "PUT", "PATCH", "DELETE"}
# Possessive, and the closing quote optional: an unterminated string is passed over once, not once a character.
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
FORM = b"application/x-www-form-urlencoded"
REFUSED_CHARACTERS = Text("Un texte contient des caractères refusés.", "A text has refused characters.")


async def received(scope: Scope, receive: Receive) -> bytes:
    """The whole body, within the size and the time allowed, and readable as what it says it is; raises Problem."""
    limit = body_limit(scope["path"])
    declared = header(scope, b"content-length")
    if declared is not None and (not declared.isdigit() or len(declared) > 12):
        raise malformed("content_length", Text("Content-Length illisible.", "Content-Length cannot be read."))
    if declared is not None and int(declared) > limit:
        raise BodyTooLarge(limit_bytes=limit)
    if header(scope, b"content-encoding") not in {None, b"identity"}:
        raise UnsupportedMediaType(expected="identity")
    try:
        async with asyncio.timeout(RECEIVE_SECONDS):
            body = await _collected(receive, limit)
    except TimeoutError:
        raise TooSlow(headers={"Connection": "close"}) from None
    _refuse_hostile(body, (header(scope, b"content-type") or b"").split(b";")[0].strip().lower())
    return body


def _refuse_hostile(body: bytes, media: bytes) -> None:
    if media == FORM:
        refuse_hostile_form(body)
    elif body and media.endswith((b"/json", b"+json")):
        refuse_hostile_json(body)


async def _collected(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise TooSlow
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(limit_bytes=limit)
        if not message.get("more_body", False):
            return bytes(body)


def refuse_hostile_form(body: bytes) -> None:
    """Raises MalformedRequest; a field said twice would let two readers take another one (RFC 6749 §3.2)."""
    try:
        unquote_to_bytes(body).decode()
        fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=FORM_LIMIT)
    except ValueError:
        raise malformed("form", Text("Le formulaire ne peut pas être lu.", "The form cannot be read.")) from None
    if any("\x00" in name + value for name, value in fields):
        raise malformed("characters", REFUSED_CHARACTERS)
    if len({name for name, _ in fields}) != len(fields):
        raise malformed("duplicate", Text("Un champ est donné deux fois.", "A field is given twice."))


def refuse_hostile_json(body: bytes) -> None:
    """Raises MalformedRequest for what JSON (RFC 8259) or PostgreSQL could not hold, or what would exhaust us."""
    # Counting is cheap, and few bodies have as many brackets as may be nested.
    if body.count(b"{") + body.count(b"[") > DEPTH_LIMIT and _depth(body) > DEPTH_LIMIT:
        raise malformed("depth", Text("Le JSON est trop imbriqué.", "The JSON is nested too deeply."))
    keys = 0

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal keys
        keys += len(pairs)
        found = dict(pairs)
        if keys > KEY_LIMIT:
            raise malformed("keys", Text("Le JSON a trop de champs.", "The JSON has too many fields."))
        if len(found) != len(pairs):
            raise malformed("duplicate", Text("Un champ est donné deux fois.", "A field is given twice."))
        return found

    try:
        text = body.decode()
        value = json.loads(
            text, object_pairs_hook=members, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_finite
        )
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise malformed(
            "json_invalid", Text("Le corps n'est pas du JSON valide.", "The body is not valid JSON.")
        ) from None
    # Escapes are the only way these get past the decoder, and they are rare enough to walk for.
    if "\\u" in text or "\x00" in text:
        _refuse_characters(value)


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for byte in STRING.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _refuse_constant(_name: str) -> None:
    raise ValueError


def _finite(digits: str) -> float:
    """`1e400` is valid JSON and infinity to Python, which PostgreSQL could not give back as JSON."""
    number = float(digits)
    if math.isinf(number):
        raise _too_large()
    return number


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > INTEGER_LIMIT:
        raise _too_large()
    return int(digits)


def _too_large() -> Problem:
    return malformed("number", Text("Un nombre est trop grand.", "A number is too large."))


def _refuse_characters(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value or SURROGATE.search(value):
            raise malformed("characters", REFUSED_CHARACTERS)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_characters(key)
            _refuse_characters(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_characters(item)
