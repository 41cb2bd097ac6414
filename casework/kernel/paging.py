"""Keyset cursors: opaque, signed, bound to the caller and the filter (api.md §1.6)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Annotated, Any

from fastapi import Query

from casework.kernel.language import Text
from casework.kernel.problems import Fault, MalformedRequest

Limit = Annotated[int, Query(ge=1, le=200, description="Nombre d'éléments par page. Items per page.")]
CursorText = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=600,
        description="`next_cursor` de la page précédente. `next_cursor` of the previous page.",
    ),
]
MAC_BYTES = 16


class Cursors:
    """Makes and reads cursors; one that was forged, or made for another caller or filter, is refused with a 400."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, position: list[Any], bound_to: str) -> str:
        payload = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(payload, bound_to) + payload).rstrip(b"=").decode()

    def read(self, cursor: str, bound_to: str) -> list[Any]:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise unusable_cursor() from None
        mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload, bound_to)):
            raise unusable_cursor()
        position: list[Any] = json.loads(payload)
        return position

    def _mac(self, payload: bytes, bound_to: str) -> bytes:
        return hmac.new(self._key, bound_to.encode() + b"\x00" + payload, hashlib.sha256).digest()[:MAC_BYTES]


def unusable_cursor() -> MalformedRequest:
    return MalformedRequest(
        errors=[
            Fault(
                Text(
                    "Ce curseur n'est pas utilisable ici : reprenez la liste depuis le début.",
                    "This cursor cannot be used here: start the list again.",
                ),
                "cursor",
                parameter="cursor",
            )
        ]
    )
