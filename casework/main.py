"""`create_app(settings)`: the parts put together, the checks at boot, the server's own hands at work."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import structlog
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.engine import make_url

import casework.api
import casework.identity.routes
import casework.milestones.journey
from casework.audit import witnesses
from casework.audit.errors import LogMismatch
from casework.audit.security import Sentinel
from casework.audit.sequencer import LogDoesNotMatch, Sequencer
from casework.audit.signer import LogSigner
from casework.authz.apply import BootRefused, refuse_unless_shielded
from casework.document import publish
from casework.identity.authenticate import Authenticator
from casework.identity.client_sign_in import ClientSignIn
from casework.identity.proofs import Proofs
from casework.identity.sign_in import SignIn
from casework.kernel import handlers, logs, server_log
from casework.kernel.database import is_answering
from casework.kernel.frontdoor import Frontdoor
from casework.kernel.ids import new_id
from casework.kernel.language import Text
from casework.kernel.limits import HANDS_SECONDS
from casework.kernel.paging import Cursors
from casework.kernel.problems import DatabaseAway, KeysAway, ServerBusy
from casework.kernel.rate import Bucket
from casework.kernel.sealing import SubjectKey
from casework.lodging.moving import move_next
from casework.parts import addresses_of, database_of, issuer_of, provider_of
from casework.placement.expiry import expire_due
from casework.placement.run_solving import solve_next
from casework.surface import refuse_unguarded
from casework.upkeep.keys_present import missing_keys, refuse_missing_keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from casework.settings import Settings

log = structlog.get_logger("casework.main")
EXPIRY_SECONDS = 5.0
RUNS_SECONDS = 2.0
COUNTS_SECONDS = 5.0
DATABASE_PATIENCE = 30


def create_app(settings: Settings) -> FastAPI:
    """The whole application; raises BootRefused for a route without a policy row."""
    app = FastAPI(
        title="Casework",
        version="1",
        summary="Régionalisation des demandeurs d'asile et du parrainage collectif au Québec",
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.include_router(casework.identity.routes.public)
    app.include_router(casework.api.router)
    _operation_routes(app)
    install(app, settings)
    handlers.install(app)
    app.add_middleware(Frontdoor)
    publish(app)
    refuse_unguarded(app)
    return app


def install(app: FastAPI, settings: Settings) -> None:
    """Everything a request needs stands on `app.state`; nothing is a global."""
    state = app.state
    state.settings = settings
    state.gates_enforced = True
    state.leaving = False
    state.callers = Bucket(settings.caller_rate, settings.caller_burst)
    state.addresses = Bucket(settings.address_rate, settings.address_burst)
    state.database, state.keyring = database_of(settings), settings.keyring()
    state.issuer = issuer_of(settings)
    state.origins = addresses_of(settings)
    state.sentinel = Sentinel(state.database, state.origins)
    state.proofs = Proofs(settings.public_url)
    state.authenticate = Authenticator(
        state.issuer, provider_of(settings), state.database, state.origins, state.proofs,
        local_people=settings.local_sign_in,
    )  # fmt: skip
    state.sign_in = SignIn(
        state.database, state.issuer, state.sentinel, settings.key("sign-in-throttle"), allowed=settings.local_sign_in
    )
    state.client_sign_in = ClientSignIn(
        state.database, state.sentinel, settings.key("client-secrets"), f"{settings.public_url}/oauth/token"
    )
    state.cursors = Cursors(settings.key("cursors"))
    state.idempotency_secret = settings.key("idempotency")
    state.answers_key = SubjectKey(new_id(), settings.key("answers"))
    state.log_signer = LogSigner(settings.log_origin, settings.log_seed())
    state.witnesses = _witnesses(settings.witnesses)
    state.sequencer = Sequencer(state.database, state.log_signer)
    casework.milestones.journey.register()


def _witnesses(keys: str) -> tuple[witnesses.Witness, ...]:
    """Raises BootRefused."""
    try:
        return witnesses.parse_all(keys)
    except ValueError:
        text = Text(
            "CASEWORK_WITNESSES : des clés de vérification C2SP (nom+empreinte+clé), séparées par des espaces.",
            "CASEWORK_WITNESSES: C2SP verifier keys (name+hash+key), separated by spaces.",
        )
        raise BootRefused(text) from None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    try:
        await refuse_to_start_unshielded(app)
    except BootRefused as refusal:
        # What uvicorn would log of it is a traceback, and a library's words are never logged.
        logs.refused(fr=refusal.text.fr, en=refusal.text.en)
        raise
    stop, database = asyncio.Event(), app.state.database
    hands = [
        asyncio.create_task(app.state.sequencer.run(stop)),
        asyncio.create_task(_expire_holds(app, stop)),
        asyncio.create_task(_one_after_the_other(partial(solve_next, database), "placement_run_waits", stop)),
        asyncio.create_task(_one_after_the_other(partial(move_next, database), "household_move_waits", stop)),
        asyncio.create_task(_tell_counts(app, stop)),
    ]
    if not settings.background:
        stop.set()
    yield
    stop.set()
    hands.append(asyncio.create_task(app.state.sentinel.tell_counts(force=True)))
    # Each finishes the transaction it is in; a hand that cannot is cut, and PostgreSQL undoes its work.
    await asyncio.wait(hands, timeout=HANDS_SECONDS)
    await app.state.database.close()


async def refuse_to_start_unshielded(app: FastAPI) -> None:
    """Raises BootRefused; a database that is away is waited for, because starting order is nobody's promise."""
    settings: Settings = app.state.settings
    assert settings.database_url is not None
    for _ in range(DATABASE_PATIENCE):
        try:
            connection = await psycopg.AsyncConnection.connect(
                settings.database_url.get_secret_value(), autocommit=True, connect_timeout=3
            )
        except psycopg.OperationalError:
            await asyncio.sleep(1)
            continue
        async with connection:
            await refuse_unless_shielded(connection)
            await _refuse_talkative_log(connection, settings)
        break
    else:
        raise BootRefused(Text("La base de données ne répond pas.", "The database does not answer."))
    await refuse_missing_keys(app.state.database, app.state.keyring)
    try:
        await app.state.sequencer.rebuild_and_compare()
    except LogDoesNotMatch as error:
        raise BootRefused(error.text) from error


async def _refuse_talkative_log(connection: psycopg.AsyncConnection[tuple[object, ...]], settings: Settings) -> None:
    """Raises BootRefused in production; elsewhere a line in the log will do."""
    found = await server_log.talkative(connection)
    if found and settings.environment == "production":
        assert settings.database_url is not None
        raise BootRefused(server_log.advice(make_url(settings.database_url.get_secret_value()).username or ""))
    if found:
        log.warning("postgresql_log_may_quote_values", settings=sorted(found))


async def _expire_holds(app: FastAPI, stop: asyncio.Event) -> None:
    """Holds end by themselves; each round is one short transaction as the system actor `expiry`."""
    while not stop.is_set():
        try:
            await expire_due(app.state.database)
        except Exception as error:  # noqa: BLE001 -- a hold that never ends would keep a family from its place
            log.warning("expiry_waits", kind=type(error).__name__)
        try:
            await asyncio.wait_for(stop.wait(), EXPIRY_SECONDS)
        except TimeoutError:
            continue


async def _one_after_the_other(next_one: Callable[[], Awaitable[object]], waits: str, stop: asyncio.Event) -> None:
    """`next_one` again and again, and a pause when it finds nothing or fails; `waits` is logged of a failure."""
    while not stop.is_set():
        try:
            found = await next_one()
        except Exception as error:  # noqa: BLE001 -- what was undone is taken up again, a run once its lease runs out
            found = None
            log.warning(waits, kind=type(error).__name__)
        if found is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RUNS_SECONDS)


async def _tell_counts(app: FastAPI, stop: asyncio.Event) -> None:
    """What a flood of refusals left uncounted in the log is told at the end of each window."""
    while not stop.is_set():
        await app.state.sentinel.tell_counts()
        try:
            await asyncio.wait_for(stop.wait(), COUNTS_SECONDS)
        except TimeoutError:
            continue


def _operation_routes(app: FastAPI) -> None:
    @app.get("/health/live", tags=["operation"], openapi_extra={"security": []})
    async def read_liveness() -> dict[str, str]:
        """Le processus répond.

        The process answers.
        """
        return {"status": "live"}

    @app.get("/health/ready", tags=["operation"], openapi_extra={"security": []})
    async def read_readiness() -> dict[str, str]:
        """La base répond, le journal correspond à son point de contrôle, aucune clé ne manque, le serveur reste ; sinon
        503.

        The database answers, the log matches its checkpoint, no key is missing and the server stays; otherwise 503.
        """
        if app.state.leaving:
            raise ServerBusy
        if not await is_answering(app.state.database):
            raise DatabaseAway
        if app.state.sequencer.mismatch is not None:
            raise LogMismatch
        if await missing_keys(app.state.database, app.state.keyring):
            raise KeysAway
        return {"status": "ready"}

    @app.get("/metrics", tags=["operation"], openapi_extra={"security": []})
    async def read_metrics() -> Response:
        """Mesures Prometheus ; aucun identifiant de personne.

        Prometheus measures; no identifier of a person.
        """
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
