"""The gate on each route, and the transaction behind it."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, get_origin
from urllib.parse import urlencode

from fastapi import Depends, Header, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from casework.authz import fields
from casework.authz.caller import Caller
from casework.authz.policy import Permission, SystemActor, reach_of
from casework.authz.purposes import ACCEPTED, Purpose
from casework.kernel.database import Session as DatabaseSession
from casework.kernel.idempotency import Replay, opened
from casework.kernel.language import Text
from casework.kernel.problems import (
    Fault,
    InvalidContent,
    MalformedRequest,
    NotFound,
    NotPermitted,
    NotSignedIn,
    StaleVersion,
    SubjectErased,
    UnsupportedMediaType,
    VersionRequired,
)
from casework.kernel.sealing import CannotOpen, SubjectKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator


GIVEN_TWICE = Text("Ce paramètre est donné deux fois.", "This parameter is given twice.")


class Gate:
    """403 unless the caller's role holds the permission; what it reaches is row security's matter (404)."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Caller:
        caller: Caller = await request.app.state.authenticate(request)
        request.state.caller = caller
        request.app.state.callers.spend(caller.actor_id)
        if not request.app.state.gates_enforced:
            return replace(caller, checked=False)
        if not _holds(caller, self.permission):
            raise NotPermitted(permission=str(self.permission))
        return caller


def _holds(caller: Caller, permission: Permission) -> bool:
    """In an emergency only what a broken glass lets read, and only to those who may break one."""
    if caller.in_emergency:
        may_break = reach_of(caller.role, Permission.break_glass_open) is not None
        return may_break and reach_of(SystemActor.emergency, permission) is not None
    return reach_of(caller.role, permission) is not None and caller.may_use(permission)


def allow(permission: Permission) -> Any:
    """`caller: Annotated[Caller, allow(Permission.case_read)]`, before the session among the parameters."""
    return Depends(Gate(permission))


async def _purpose_stated(
    stated: Annotated[
        str,
        Header(
            alias="X-Purpose-of-Use",
            description=f"Motif, requis ici : {ACCEPTED}. Purpose of use, required here.",
            json_schema_extra={"enum": list(Purpose)},
        ),
    ] = "",
) -> None:
    """Raises MalformedRequest; the gate before it has checked the code itself."""
    if not stated:
        text = Text(
            f"Indiquez le motif ; codes acceptés : {ACCEPTED}.", f"State the purpose; accepted codes: {ACCEPTED}."
        )
        raise MalformedRequest(errors=[Fault(text, "purpose_required", parameter="X-Purpose-of-Use")])


purpose_required = Depends(_purpose_stated)


async def transaction(request: Request) -> AsyncIterator[DatabaseSession]:
    """One transaction in the caller's signed context; it commits before the answer leaves (scope="function")."""
    async with _entered(request) as session:
        yield session


@asynccontextmanager
async def _entered(request: Request) -> AsyncIterator[DatabaseSession]:
    """Raises NotSignedIn when the grant has ended; the next request is looked up afresh, whatever was remembered."""
    caller: Caller = request.state.caller
    try:
        async with request.app.state.database.transaction(caller.context()) as session:
            request.state.session = session
            yield session
    except NotSignedIn:
        request.app.state.authenticate.forget(caller.actor_id)
        raise


async def once(
    request: Request,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=8,
            max_length=100,
            pattern=r"^[!-~]+$",
            description="Clé choisie par le client ; la même requête renvoie la première réponse. "
            "A key chosen by the client; the same request gets the first answer.",
        ),
    ] = "",
) -> AsyncIterator[DatabaseSession]:
    """A transaction that answers a repeated `Idempotency-Key` with its first answer, after checking access again."""
    route = request.scope["route"]
    if route.body_field is None and "requestBody" not in (route.openapi_extra or {}):
        await _refuse_needless_body(request)
    async with _entered(request) as session:
        if idempotency_key:
            replay = Replay(
                session, request.app.state.idempotency_secret, idempotency_key,
                f"{request.method} {request.url.path}?{request.url.query} {request.headers.get('if-match', '')}", await request.body(),
            )  # fmt: skip
            await _answer_again(request, replay, session)
            request.state.replay = replay
        yield session


class Replayed(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


async def _answer_again(request: Request, replay: Replay, session: DatabaseSession) -> None:
    record = await replay.first_answer()
    if record is None:
        return
    key = request.app.state.answers_key
    if record.case_id is not None and record.subject_id is not None:
        key = await key_within_reach(session, record.subject_id)
    try:
        answer = opened(record, key)
    except CannotOpen:
        raise NotFound from None
    headers = {**answer["headers"], "Idempotency-Replayed": "true"}
    raise Replayed(Response(answer["body"], answer["status"], headers))


async def key_within_reach(session: DatabaseSession, subject_id: Any) -> SubjectKey:
    """The data key of a person or household; raises NotFound or SubjectErased."""
    rows = await session.rows(
        "SELECT kek_id, wrapped, key_version, erased_at FROM subject_keys WHERE subject_id = %s", (subject_id,)
    )
    if not rows:
        raise NotFound
    *wrapped, erased_at = rows[0]
    if erased_at is not None:
        raise SubjectErased
    return session.keyring.unwrap(subject_id, *wrapped)


class GuardedRoute(APIRoute):
    """What every route under /v1 does alike, around its handler and inside its transaction."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, fields.within_sight(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        names = list(_query_names(self.dependant))
        known, lists = {name for name, _ in names}, {name for name, many in names if many}

        async def handle_read(request: Request) -> Response:
            _refuse_unusable_parameters(request, known, lists)
            response = await handle(request)
            if "cursor" in known:
                _link_next_page(request, response)
            tag = response.headers.get("etag")
            if tag is not None and _known_to_client(request, tag):
                return Response(status_code=304, headers={"ETag": tag})
            return response

        async def handle_once(request: Request) -> Response:
            _refuse_unusable_parameters(request, known, lists)
            try:
                response = await handle(request)
            except Replayed as replayed:
                return replayed.response
            replay = getattr(request.state, "replay", None)
            if replay is not None and response.status_code < 300:
                session = request.state.session
                key = session.about or request.app.state.answers_key
                await replay.store(response, key.subject_id, key, session.about_case)
            return response

        return handle_once if "POST" in (self.methods or ()) else handle_read


# A quote inside a value is escaped, so that only the field itself can match.
NEXT_CURSOR = re.compile(rb'"next_cursor":"([A-Za-z0-9_=-]+)"')


def _link_next_page(request: Request, response: Response) -> None:
    """`Link: rel="next"` beside `next_cursor` (RFC 8288, api.md §1.6), for every list alike; a stream has no body yet."""
    found = NEXT_CURSOR.search(bytes(getattr(response, "body", b""))[-1_000:])
    if found is not None and "link" not in response.headers:
        query = urlencode({**request.query_params, "cursor": found.group(1).decode()})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'


def _known_to_client(request: Request, tag: str) -> bool:
    """If-None-Match compares weakly, in a list, or with `*` (RFC 9110 §13.1.2)."""
    named = ",".join(request.headers.getlist("if-none-match"))
    return named.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in named.split(","))


async def _refuse_needless_body(request: Request) -> None:
    """An action without a body model would take anything and look at nothing."""
    if (await request.body()).strip() not in {b"", b"{}"}:
        text = Text("Aucun corps n'est attendu ici.", "No body is expected here.")
        raise InvalidContent(errors=[Fault(text, "needless_body", pointer="")])


def _query_names(dependant: Any) -> Iterator[tuple[str, bool]]:
    """(name, whether it may be repeated) of every query parameter."""
    for parameter in dependant.query_params:
        yield parameter.alias, get_origin(parameter.field_info.annotation) in {list, set, tuple}
    for child in dependant.dependencies:
        yield from _query_names(child)


def _refuse_unusable_parameters(request: Request, known: set[str], lists: set[str]) -> None:
    """A mistyped filter would answer with everything; it is a 400 that does not repeat it (api.md §1.6)."""
    if not request.url.query:
        return
    given = [name for name, _ in request.query_params.multi_items()]
    if not known.issuperset(given):
        names = ", ".join(sorted(known)) or "–"
        text = Text(f"Paramètre inconnu ; connus ici : {names}.", f"Unknown parameter; known here: {names}.")
        raise MalformedRequest(errors=[Fault(text, "unknown_parameter", parameter="")])
    for name in set(given) - lists:
        if given.count(name) > 1:
            raise MalformedRequest(errors=[Fault(GIVEN_TWICE, "repeated_parameter", parameter=name)])


async def _merge_patch(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/merge-patch+json":
        raise UnsupportedMediaType(expected="application/merge-patch+json")


MergePatch = Annotated[None, Depends(_merge_patch)]
"""After the caller among the parameters, like every other precondition: 401 and 403 come first."""
Session = Annotated[DatabaseSession, Depends(transaction, scope="function")]
OnceSession = Annotated[DatabaseSession, Depends(once, scope="function")]


async def expected_version(
    if_match: Annotated[
        str,
        Header(alias="If-Match", max_length=200, description="ETag de la version lue. ETag of the version read."),
    ] = "",
) -> int:
    """The version the client has read; raises VersionRequired or StaleVersion (RFC 9110 §13.1.1)."""
    if not if_match:
        raise VersionRequired
    number = if_match.strip().strip('"').partition("-")[0]
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise StaleVersion
    return int(number)


ExpectedVersion = Annotated[int, Depends(expected_version)]


def etag(version: int, role: object) -> str:
    """Strong: two roles see different fields, so their representations carry different tags."""
    return f'"{version}-{role}"'


def gates_of(dependant: Any) -> list[Gate]:
    """Every gate in a route's dependency tree (for `test_surface`, the boot check and OpenAPI)."""
    found = [dependant.call] if isinstance(dependant.call, Gate) else []
    for child in dependant.dependencies:
        found += gates_of(child)
    return found
