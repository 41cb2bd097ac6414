"""The server's road to PostgreSQL: one pool, and transactions that open inside the caller's signed context."""

from __future__ import annotations

import hashlib
import hmac
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import psycopg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from casework.kernel.problems import DatabaseAway, NotSignedIn
from casework.kernel.rows import statements

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from uuid import UUID

    from casework.kernel.blind_index import BlindIndex
    from casework.kernel.rows import NewRow
    from casework.kernel.sealing import Keyring, SubjectKey

# The last one is the only setting of PostgreSQL's log that a log-in role may choose for itself (see server_log.py).
TIMEOUTS = (
    "-c statement_timeout=15000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=20000 -c timezone=UTC"
    " -c log_parameter_max_length_on_error=0"
)
ENTER = (
    "SELECT authz.admit(%(context)s), set_config('casework.context', %(context)s, true),"
    " set_config('role', %(role)s, true)"
)
# What authz.admit says (authz/functions.sql).
CONTEXT_REFUSED = "context refused"


@dataclass(frozen=True, slots=True)
class Context:
    """Who acts, as PostgreSQL's row security sees it; signed, so that injected SQL cannot forge one."""

    role: str
    actor_id: UUID
    grant_id: UUID | None = None
    office_id: UUID | None = None
    region_code: str | None = None
    organization_id: UUID | None = None
    client_id: UUID | None = None

    def signed(self, key: bytes) -> str:
        fields = (
            "1", self.role, self.actor_id, self.grant_id, self.office_id, self.region_code,
            self.organization_id, self.client_id, int(time.time()),
        )  # fmt: skip
        payload = "|".join("" if field is None else str(field) for field in fields)
        return f"{payload}|{hmac.new(key, payload.encode(), hashlib.sha256).hexdigest()}"


class Session(AsyncSession):
    """A transaction of one actor; `keyring` opens what the actor may read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._later: list[tuple[str, Sequence[Any]]] = []

    context: Context
    keyring: Keyring
    blind: BlindIndex
    log_secret: bytes
    # What a keyed POST's first answer is about: its copy is sealed under this subject's key.
    about: SubjectKey | None = None
    about_case: UUID | None = None

    def later(self, sql: str, parameters: Sequence[Any]) -> None:
        """Queue one hand-written statement for the end of this transaction, after every flush."""
        self._later.append((sql, parameters))

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A savepoint: what fails inside, the statements it queued included, leaves no trace in the transaction."""
        queued = len(self._later)
        try:
            async with self.begin_nested():
                yield
        except BaseException:
            del self._later[queued:]
            raise

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[None]:
        """The very same work, taken back: what was queued or flushed inside leaves no trace in the transaction."""
        queued = len(self._later)
        async with self.begin_nested() as savepoint:
            yield
            await savepoint.rollback()
        del self._later[queued:]

    async def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run hand-written SQL on the driver, in this transaction: for hot reads only (house-style.md §4.7)."""
        cursor = await (await self.driver()).execute(sql, parameters)
        return await cursor.fetchall() if cursor.description else []

    async def insert(self, new: Iterable[NewRow], *more: tuple[str, dict[str, Any]]) -> None:
        """Write new rows in one round trip, parents before children; no object of them stands in the session.

        `more`: hand-written statements that follow them in the same round trip.
        """
        driver = await self.driver()
        async with driver.pipeline():
            for sql, parameters in statements(new):
                await driver.execute(sql, parameters)
            for sql, named in more:
                await driver.execute(sql, named)

    async def finish(self) -> None:
        """Send what was queued, statements of one shape together, in the order they first came."""
        await self.flush()
        shapes: dict[str, list[Sequence[Any]]] = {}
        for sql, parameters in self._later:
            shapes.setdefault(sql, []).append(parameters)
        self._later = []
        cursor = (await self.driver()).cursor()
        for sql, rows in shapes.items():
            await cursor.executemany(sql, rows)

    async def driver(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        raw = await (await self.connection()).get_raw_connection()
        return cast("psycopg.AsyncConnection[tuple[Any, ...]]", raw.driver_connection)


class Database:
    """`url` is the log-in role's: it owns nothing and cannot bypass row security."""

    def __init__(
        self,
        url: str,
        *,
        context_key: bytes,
        log_secret: bytes,
        keyring: Keyring,
        blind: BlindIndex,
        pool_size: int = 10,
    ) -> None:
        self._context_key, self._log_secret = context_key, log_secret
        self._keyring, self._blind = keyring, blind
        self.engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_recycle=1800,
            hide_parameters=True,
            # Works through PgBouncer in transaction mode (house-style.md §4.9).
            connect_args={
                "prepare_threshold": None,
                "options": TIMEOUTS,
                # A fallback, so that PGAPPNAME tells two servers of one database apart.
                "fallback_application_name": "casework",
                "connect_timeout": 3,
            },
        )

    @asynccontextmanager
    async def transaction(self, context: Context) -> AsyncIterator[Session]:
        """One transaction as `context`; raises DatabaseAway, or NotSignedIn when the grant has ended."""
        try:
            async with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
                session.context, session.log_secret = context, self._log_secret
                session.keyring, session.blind = self._keyring, self._blind
                async with session.begin():
                    await self._enter(session)
                    yield session
                    await session.finish()
        except PoolTimeout as error:
            raise DatabaseAway from error
        except (OperationalError, InterfaceError) as error:
            if is_away(error.orig):
                raise DatabaseAway from error
            raise

    async def _enter(self, session: Session) -> None:
        parameters = {
            "context": session.context.signed(self._context_key),
            "role": f"casework_{session.context.role}",
        }
        try:
            driver = await session.driver()
            # BEGIN and the signed context leave together.
            async with driver.pipeline():
                await driver.execute(ENTER, parameters)
        except psycopg.errors.InvalidAuthorizationSpecification as error:
            forged = error.diag.message_primary == CONTEXT_REFUSED
            raise NotSignedIn("context_forged" if forged else "grant_ended") from error
        except psycopg.OperationalError as error:
            await session.invalidate()
            raise DatabaseAway from error

    async def close(self) -> None:
        await self.engine.dispose()


AWAY = {"08", "25", "53", "57", "58"}
"""SQLSTATE classes of a connection or server that cannot serve just now: lost, ended for idling or read-only, out of
resources, cancelled by a timeout or a shutdown, its disk failing."""


def is_away(original: BaseException | None) -> bool:
    """Whether the driver's fault is the connection's or the server's state, not the statement's."""
    state = getattr(original, "sqlstate", None)
    if state is None:
        return isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] in AWAY


async def is_answering(database: Database) -> bool:
    try:
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")
    except (DBAPIError, PoolTimeout):
        return False
    return True
