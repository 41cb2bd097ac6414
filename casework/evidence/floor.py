"""The floor: a bare ASGI application that does the work of an operation on the same driver, and nothing else.

Same SQL (signed context, row security, log entry included), same token check, same decryption, same bytes out.
No framework, no router, no session, no validation, no measures, no log line; every statement that can travel with
another does. What Casework costs above it is what its own code costs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
import psycopg
import uvicorn
from pydantic_core import to_json

from casework.audit import trail
from casework.authz.caller import Caller, system
from casework.authz.policy import Role, SystemActor
from casework.cases import queries
from casework.cases.models import CLOSE_REASON_PLACE, SOURCE_PLACE
from casework.evidence.floor_intake import Intake
from casework.identity.tokens import Issuer
from casework.kernel import clock
from casework.kernel.blind_index import BlindIndex
from casework.kernel.database import ENTER, TIMEOUTS
from casework.kernel.ids import new_id
from casework.settings import Settings

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from casework.kernel.sealing import Keyring

    Connection = psycopg.AsyncConnection[tuple[Any, ...]]

WHO = (
    "SELECT u.username, g.role, g.id, g.office_id, g.region_code, g.organization_id FROM users u"
    " JOIN role_grants g ON g.user_id = u.id WHERE u.id = %s ORDER BY g.valid_from DESC LIMIT 1"
)


class Floor:
    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None
        self._url = settings.database_url.get_secret_value()
        self._size = settings.pool_size
        self._pool: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._issuer = Issuer(settings.public_url, settings.key("tokens"))
        self._context_key = settings.key("context")
        self._keyring = settings.keyring()
        self._intake = Intake(self._keyring, BlindIndex(settings.blind_index_key()), settings.key("log-pseudonyms"))
        self._callers: dict[str, Caller] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["path"] == "/health/ready":
            await _answer(send, 200, b"{}")
            return
        connection = await self._pool.get()
        try:
            caller = await self._caller(scope, connection)
            if scope["method"] == "POST":
                status, body = 201, await self._taken_in(connection, caller, await _body(receive))
            else:
                status, body = (
                    200,
                    await self._read(connection, caller, UUID(scope["path"].rpartition("/")[2])),
                )
        except BaseException:
            await connection.rollback()
            raise
        finally:
            self._pool.put_nowait(connection)
        await _answer(send, status, body)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        for _ in range(self._size):
            connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, prepare_threshold=None, options=TIMEOUTS
            )
            self._pool.put_nowait(connection)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        while not self._pool.empty():
            await (await self._pool.get()).close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _caller(self, scope: Scope, connection: Connection) -> Caller:
        """The token is verified each time, with the same cache; who it is, is looked up once."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                subject = self._issuer.verify(value[7:].decode()).subject
                break
        else:
            raise PermissionError
        known = self._callers.get(subject)
        if known is None:
            known = self._callers[subject] = await self._looked_up(connection, UUID(subject))
        return known

    async def _looked_up(self, connection: Connection, user_id: UUID) -> Caller:
        async with connection.transaction():
            await connection.execute(ENTER, self._entry(system(SystemActor.authenticator)))
            row = await (await connection.execute(WHO, (user_id,))).fetchone()
        assert row is not None
        name, role, grant_id, office_id, region_code, organization_id = row
        return Caller(user_id, Role(role), name, grant_id, office_id, region_code, organization_id)

    def _entry(self, caller: Caller) -> dict[str, str]:
        return {"context": caller.context().signed(self._context_key), "role": f"casework_{caller.role}"}

    async def _read(self, connection: Connection, caller: Caller, case_id: UUID) -> bytes:
        async with connection.pipeline():
            await connection.execute("BEGIN")
            await connection.execute(ENTER, self._entry(caller))
            cursors = await ask(connection, caller, case_id)
            await connection.execute("COMMIT")
        return await shown(self._keyring, caller, cursors)

    async def _taken_in(self, connection: Connection, caller: Caller, body: bytes) -> bytes:
        async with connection.pipeline():
            await connection.execute("BEGIN")
            await connection.execute(ENTER, self._entry(caller))
            numbers = await connection.execute("SELECT nextval('case_references')")
        [number] = await numbers.fetchone() or [0]
        case_id, statements = self._intake.statements(caller, body, number)
        async with connection.pipeline():
            for sql, parameters in statements:
                await connection.execute(sql, parameters)
            cursors = await ask(connection, caller, case_id)
            await connection.execute("COMMIT")
        return await shown(self._keyring, caller, cursors)


async def ask(connection: Connection, caller: Caller, case_id: UUID) -> list[psycopg.AsyncCursor[tuple[Any, ...]]]:
    """Queue the four reads of a case and their log entry; inside a pipeline."""
    role = caller.person_role
    entry = (
        new_id(), clock.now(), caller.actor_id, role.value, caller.organization_id, "case:read", None, str(new_id()),
        [case_id],
    )  # fmt: skip
    cursors = [
        await connection.execute(queries.case_sql(role)[0], (case_id,)),
        await connection.execute(queries.IDENTIFIERS, (case_id,)),
        await connection.execute(queries.HOUSEHOLD_KEY, (case_id,)),
        await connection.execute(queries.members_sql(role), (case_id,)),
    ]
    await connection.execute(trail.READ, entry)
    return cursors


async def shown(keyring: Keyring, caller: Caller, cursors: list[psycopg.AsyncCursor[tuple[Any, ...]]]) -> bytes:
    """The answer's bytes, for a role that sees every group."""
    row, identifiers, people = (
        await cursors[0].fetchone(),
        await cursors[1].fetchall(),
        await cursors[3].fetchall(),
    )
    assert row is not None
    case = dict(zip((*queries.CASE, *queries.case_sql(caller.person_role)[1]), row, strict=True))
    await _open_words(keyring, case, cursors[2])
    members = []
    for (
        _,
        person_id,
        external_id,
        relation,
        is_adult,
        languages,
        _erased_at,
        kek,
        wrapped,
        version,
        name,
        birth,
        contact,
    ) in people:
        key = keyring.unwrap(person_id, kek, wrapped, version)
        member = {
            "person_id": person_id, "external_id": external_id, "relation": relation, "is_adult": is_adult,
            "languages": languages, "name": key.open("persons/sealed_name", person_id, name),
        }  # fmt: skip
        if birth is not None:
            member["birth"] = key.open("persons/sealed_birth", person_id, birth)
        if contact is not None:
            member["contact"] = key.open("persons/sealed_contact", person_id, contact)
        member["identifiers"] = [
            {
                "type": kind,
                "value": key.open("identifiers/sealed_value", identifier, value),
                "expires_on": expires_on,
            }
            for owner, identifier, kind, value, expires_on in identifiers
            if owner == person_id
        ]
        members.append(member)
    case["household"] = {"id": people[0][0], "members": members}
    body: bytes = to_json(case)
    return body


async def _open_words(keyring: Keyring, case: dict[str, Any], cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> None:
    key = keyring.unwrap(*(await cursor.fetchone() or ()))
    sealed = case.pop("sealed_close_reason")
    case["close_reason"] = key.open(CLOSE_REASON_PLACE, case["id"], sealed) if sealed else None
    for status in case["claim"]["statuses"]:
        status["source"] = key.open(SOURCE_PLACE, UUID(status.pop("id")), bytes.fromhex(status["source"]))


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@click.command()
@click.option("--port", required=True, type=int)
def main(port: int) -> None:
    """Le plancher, pour la mesure. The floor, for the bench."""
    uvicorn.run(
        Floor(Settings()), host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=10, loop="uvloop", http="httptools",
    )  # fmt: skip


if __name__ == "__main__":
    main()
