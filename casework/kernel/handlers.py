"""Every refusal of the application becomes one problem document, in the caller's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from casework.kernel.database import is_away
from casework.kernel.faults import from_validation
from casework.kernel.language import Text, preferred
from casework.kernel.problems import (
    MEDIA_TYPE,
    AlreadyExists,
    ConcurrentChange,
    DatabaseAway,
    Fault,
    InvalidContent,
    KeysAway,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    NotSignedIn,
    Problem,
    SealedValueDamaged,
    UnsupportedMediaType,
)
from casework.kernel.sealing import CannotOpen, KeyAway

if TYPE_CHECKING:
    from collections.abc import Callable

UNSENDABLE = (psycopg.DataError, UnicodeEncodeError)
log = structlog.get_logger("casework.sealing")
BAD_VALUE = Text("Une valeur n'est pas acceptée par la base.", "A value is not accepted by the database.")


def install(app: FastAPI) -> None:
    handlers: dict[Any, Callable[..., Any]] = {
        Problem: on_problem,
        RequestValidationError: on_validation,
        HTTPException: on_http_exception,
        DBAPIError: on_database_error,
        psycopg.Error: on_database_error,
        PoolTimeout: on_pool_timeout,
        CannotOpen: on_cannot_open,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def answer(request: Request, problem: Problem) -> Response:
    language = preferred(request.headers.get("accept-language"))
    return JSONResponse(problem.document(language), problem.status, problem.headers, media_type=MEDIA_TYPE)


async def on_problem(request: Request, problem: Problem) -> Response:
    if problem.event is not None:
        # The refusal stands whether or not it can be written down: the sentinel raises nothing.
        await request.app.state.sentinel.refused(request, problem)
    return answer(request, problem)


async def on_validation(request: Request, error: RequestValidationError) -> Response:
    if _wrong_media_type(request, error):
        return answer(request, UnsupportedMediaType(expected=_expected_media(request)))
    return answer(request, from_validation(error.errors()))


def _expected_media(request: Request) -> str:
    return "application/merge-patch+json" if request.method == "PATCH" else "application/json"


def _wrong_media_type(request: Request, error: RequestValidationError) -> bool:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body_level = any(tuple(fault["loc"]) == ("body",) for fault in error.errors())
    return body_level and media != "application/json" and not media.endswith("+json")


async def on_http_exception(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        return answer(request, MethodNotAllowed(headers={"Allow": ", ".join(allowed_methods(request))}))
    if error.status_code == 404:
        return answer(request, NotFound())
    return answer(request, MalformedRequest())


def allowed_methods(request: Request) -> list[str]:
    """Every method of every route that has this path, and HEAD beside GET (RFC 9110 §10.2.1)."""
    methods: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        route = getattr(context, "route", None) or getattr(context, "original_route", None)
        pattern = getattr(context, "path_regex", None) or getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.scope["path"]):
            methods |= getattr(context, "methods", None) or getattr(route, "methods", None) or set()
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)


async def on_pool_timeout(request: Request, _error: PoolTimeout) -> Response:
    return answer(request, DatabaseAway())


async def on_cannot_open(request: Request, error: CannotOpen) -> Response:
    if isinstance(error, KeyAway):
        log.error("sealing_key_away", key_id=error.key_id)
        return answer(request, KeysAway())
    log.error("sealed_value_damaged", place=str(error))
    return answer(request, SealedValueDamaged())


async def on_database_error(request: Request, error: DBAPIError | psycopg.Error) -> Response:
    return await on_problem(request, problem_of(error))


def problem_of(error: DBAPIError | psycopg.Error) -> Problem:
    """What a fault of the database says to a person; raises it again when nobody foresaw it."""
    return _from_state(error.orig if isinstance(error, DBAPIError) else error, error)


def _from_state(original: BaseException | None, error: Exception) -> Problem:  # noqa: PLR0911 -- one return a class of states
    """PostgreSQL's SQLSTATE classes; what is not a refusal we know goes up to the last wall."""
    state = getattr(original, "sqlstate", None) or ""
    # Also a value the driver could not send, and one that an invariant of the table refuses.
    if state[:2] == "22" or state in {"23502", "23514", "54000"} or (not state and isinstance(original, UNSENDABLE)):
        return InvalidContent(errors=[Fault(BAD_VALUE, "value", pointer="")])
    if state == "28000":
        # authz.claim: somebody's SQL set a context that this server never signed.
        return NotSignedIn("context_forged")
    if state == "23505":
        return AlreadyExists()
    # A foreign key or a row security check: the parent is absent or out of reach, and the two are the same.
    if state == "23503":
        return NotFound()
    if state == "42501":
        return NotFound(event="wall.refused", reason="row_security")
    if state in {"23P01", "40001", "40P01", "55P03"}:
        return ConcurrentChange(headers={"Retry-After": "1"})
    if is_away(original):
        return DatabaseAway()
    raise error
