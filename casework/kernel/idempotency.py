"""Idempotency-Key on every POST: the first answer is stored in the transaction that did the work (api.md §1.4)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from casework.kernel.clock import now
from casework.kernel.problems import KeyReused, RequestInFlight
from casework.kernel.records import Instant

if TYPE_CHECKING:
    from starlette.responses import Response

    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey

LIFE = timedelta(hours=24)
PLACE = "idempotency_records/sealed_answer"
KEPT_HEADERS = ("etag", "location", "content-type")


class IdempotencyRecord(SQLModel, table=True):
    """`key_hash` is keyed and bound to the caller, `body_hash` to the route too; the answer is sealed under the subject's key."""

    __tablename__ = "idempotency_records"

    key_hash: bytes = Field(primary_key=True)
    actor_id: UUID
    row: UUID
    body_hash: bytes
    subject_id: UUID | None = None
    case_id: UUID | None = None
    sealed_answer: bytes
    expires_at: datetime = Field(sa_type=Instant, index=True)


class Replay:
    """One keyed request: either the stored first answer, or a place to store it."""

    def __init__(self, session: Session, secret: bytes, key: str, target: str, body: bytes) -> None:
        self._session, self._secret = session, secret
        actor = session.context.actor_id
        self.key_hash = self._mac(f"{actor}\x00{key}".encode())
        # A key belongs to one request: the same key elsewhere, or with another version, is another request.
        self.body_hash = self._mac(target.encode() + b"\x00" + body)

    async def first_answer(self) -> IdempotencyRecord | None:
        """The record of the first request; raises RequestInFlight or KeyReused.

        The advisory lock lives as long as the transaction: a second request with the same key, sent before the
        first has committed, does no work.
        """
        lock = int.from_bytes(self.key_hash[:8], "big", signed=True)
        [(free,)] = await self._session.rows("SELECT pg_try_advisory_xact_lock(%s)", (lock,))
        if not free:
            raise RequestInFlight(headers={"Retry-After": "1"})
        record = await self._session.get(IdempotencyRecord, self.key_hash)
        if record is not None and not hmac.compare_digest(record.body_hash, self.body_hash):
            raise KeyReused
        return record

    async def store(self, response: Response, row: UUID, key: SubjectKey, case_id: UUID | None) -> None:
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        answer = {
            "status": response.status_code,
            "headers": headers,
            "body": base64.b64encode(bytes(response.body)).decode(),
        }
        self._session.add(
            IdempotencyRecord(
                key_hash=self.key_hash,
                actor_id=self._session.context.actor_id,
                row=row,
                body_hash=self.body_hash,
                subject_id=key.subject_id,
                case_id=case_id,
                sealed_answer=key.seal(PLACE, row, answer),
                expires_at=now() + LIFE,
            )
        )
        await self._session.flush()

    def _mac(self, message: bytes) -> bytes:
        return hmac.new(self._secret, message, hashlib.sha256).digest()


def opened(record: IdempotencyRecord, key: SubjectKey) -> dict[str, Any]:
    """Raises CannotOpen once the subject has been erased."""
    answer: dict[str, Any] = key.open(PLACE, record.row, record.sealed_answer)
    answer["body"] = base64.b64decode(answer["body"])
    return answer
