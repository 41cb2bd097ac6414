"""Security events: the third tree of the log. Ids, codes and keyed hashes; never a secret, a name or the input."""

from __future__ import annotations

import asyncio
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import rfc8785
import structlog
from prometheus_client import Counter

from casework.audit.flood import WINDOW_SECONDS, Flood, Source
from casework.audit.trail import LEAF, POLICY_VERSION, actor_pseudonym
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.kernel.frontdoor import request_id
from casework.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from starlette.requests import Request

    from casework.authz.caller import Caller
    from casework.kernel.addresses import Addresses
    from casework.kernel.database import Database, Session
    from casework.kernel.problems import Problem

LOG = "security"
PATIENCE_SECONDS = 2.0
AWAY_SECONDS = 5.0
COUNTED = "refusals.counted"
UNRECORDED = Counter("casework_security_events_unrecorded_total", "Security events that could not be written at once")
lines = structlog.get_logger("casework.security")


def record(session: Session, caller: Caller, event: str, facts: dict[str, Any]) -> UUID:
    """Add a `security` leaf to this transaction, for a change of accounts, grants, clients or keys."""
    return _leaf(session, caller, event, None, {"request": caller.request_id, **facts})


def account(session: Session, user_id: UUID) -> str:
    """How a person stands in the log: the pseudonym that their own acts carry, as `actor`."""
    return actor_pseudonym(session, user_id)


def _leaf(session: Session, caller: Caller | None, event: str, address: str | None, facts: dict[str, Any]) -> UUID:
    leaf_id, recorded_at = new_id(), clock.now()
    body: dict[str, Any] = {
        "v": POLICY_VERSION,
        "type": event,
        "recorded_at": recorded_at.isoformat(),
        "actor": caller and actor_pseudonym(session, caller.actor_id),
        "role": caller and str(caller.role),
        "organization": caller and caller.organization_id and str(caller.organization_id),
        "address": address,
        "facts": facts,
    }
    session.later(LEAF, (leaf_id, LOG, rfc8785.dumps(body).decode(), recorded_at))
    return leaf_id


class Sentinel:
    """Writes down what was refused, each in a short transaction of its own: the refused one was never committed.

    It raises nothing: a refusal that cannot be written down is still a refusal, is counted, and is told later.
    """

    def __init__(self, database: Database, addresses: Addresses) -> None:
        self._database, self.addresses = database, addresses
        self._flood = Flood()
        self._away_until = 0.0

    async def refused(self, request: Request, problem: Problem) -> None:
        """Enter a refusal under its class's `event`. Nothing when no credential was presented at all."""
        if problem.event is None or (problem.reason is None and not problem.facts):
            return
        facts = {"reason": problem.reason, "permission": problem.facts.get("permission")}
        await self.happened(request, problem.event, getattr(request.state, "caller", None), problem.about, facts)

    async def happened(
        self,
        request: Request,
        event: str,
        caller: Caller | None = None,
        about: tuple[str, UUID] | None = None,
        facts: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        """Enter one event, or only count it in a flood of its kind. `about`: a client, or an account (its pseudonym)."""
        source = Source(event, self.addresses.hashed(self.addresses.of(request)))
        if time.monotonic() < self._away_until:
            self._flood.give_back(source)
        elif self._flood.admits(source):
            stated = {name: value for name, value in facts.items() if value is not None}
            await self._written(source, event, caller, about, {"request": request_id.get(), **stated})

    async def _written(
        self, source: Source, event: str, caller: Caller | None, about: tuple[str, UUID] | None, facts: dict[str, Any],
        count: int = 1,
    ) -> None:  # fmt: skip
        try:
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                self._database.transaction(system(SystemActor.sentinel).context()) as session,
            ):
                if about is not None:
                    kind, subject = about
                    facts = {**facts, kind: str(subject) if kind == "client" else account(session, subject)}
                _leaf(session, caller, event, source.address, facts)
        except Exception as error:  # noqa: BLE001 -- whatever happened, the refusal stands
            UNRECORDED.inc(count)
            self._flood.give_back(source, count)
            # A database that is away must not make every refusal wait for it.
            self._away_until = time.monotonic() + AWAY_SECONDS
            lines.error("security_event_waits", event_type=source.event, kind=type(error).__name__)

    async def tell_counts(self, *, force: bool = False) -> None:
        """At the end of a window, one leaf for each source of which events were only counted."""
        for source, count in self._flood.closed(time.monotonic(), force=force):
            facts = {"event": source.event, "count": count, "window_seconds": int(WINDOW_SECONDS)}
            await self._written(source, COUNTED, None, None, facts, count)
