"""Every route stands behind exactly one gate, and the gate says what the policy table says."""

from __future__ import annotations

import inspect
import re
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI

from casework import main, surface
from casework.authz import guard
from casework.authz.apply import BootRefused
from casework.authz.guard import Gate, GuardedRoute, allow, gates_of
from casework.authz.policy import POLICY, Permission, Role, permissions_of, reach_of
from casework.demo.world import USERS
from casework.main import create_app
from casework.surface import PUBLIC, refuse_unguarded, routes_of

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

OPERATIONS = 254
"""Adding or removing an operation is a decision: this number, docs/policy.md and openapi/ change with it."""

NOBODY = "01890000-0000-7000-8000-000000000000"
SOMEBODY = {role: username for username, _, role, *_ in reversed(USERS)}
"""The first demo user of each role."""
FOR_ROWS_ONLY = {
    Permission.capacity_hold,
    Permission.break_glass_grant,
    Permission.identity_read,
    Permission.key_rotate,
    Permission.identity_write,
    Permission.log_sequence,
    Permission.offer_expire,
    Permission.placement_run_solve,
    Permission.retention_apply,
    Permission.seat_take,
    Permission.security_event_record,
    Permission.site_closure_run,
}
"""Permissions that open rows and columns in PostgreSQL, never a route."""


SAFE_POSTS = {"/v1/case-searches", "/v1/duplicates/searches"}
"""Repeated without harm; neither what was asked nor what was answered is kept, not even under a key."""


def leak() -> dict[str, str]:
    return {}


def calls_of(dependant: Any) -> list[Any]:
    """The calls of a route's dependencies, in the order FastAPI makes them."""
    found = []
    for child in dependant.dependencies:
        found += [*calls_of(child), child.call]
    return found


def guarded(app: FastAPI) -> list[tuple[str, str, Any]]:
    return [entry for entry in routes_of(app) if entry[:2] not in PUBLIC]


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", NOBODY, path)


def test_every_operation_is_counted_and_behind_one_gate(application: FastAPI) -> None:
    routes = list(routes_of(application))
    assert len(routes) == OPERATIONS
    assert len({(method, path) for method, path, _ in routes}) == OPERATIONS
    for method, path, route in routes:
        gates = gates_of(route.dependant)
        assert len(gates) == ((method, path) not in PUBLIC), (method, path)
        assert all(POLICY[gate.permission] for gate in gates), (method, path)


def test_no_dependency_is_handed_to_a_thread(application: FastAPI) -> None:
    """FastAPI runs a plain function in a worker thread: CPU on each request, and a thread that outlives an interrupt."""
    threaded = {
        call.__name__
        for _, _, route in routes_of(application)
        for call in calls_of(route.dependant)
        if not isinstance(call, Gate) and not (iscoroutinefunction(call) or isasyncgenfunction(call))
    }
    assert threaded == set()
    assert all(iscoroutinefunction(route.endpoint) for _, _, route in routes_of(application))


def test_the_public_list_names_no_route_that_is_gone(application: FastAPI) -> None:
    assert {(method, path) for method, path, _ in routes_of(application)} >= PUBLIC


def test_every_permission_of_a_person_opens_an_operation_or_rows_only(application: FastAPI) -> None:
    opened = {gates_of(route.dependant)[0].permission for _, _, route in guarded(application)}
    assert set(Permission) - opened == FOR_ROWS_ONLY


def test_the_gate_is_asked_before_the_transaction_opens(application: FastAPI) -> None:
    for method, path, route in guarded(application):
        calls = calls_of(route.dependant)
        gate = next(place for place, call in enumerate(calls) if isinstance(call, guard.Gate))
        doors = [place for place, call in enumerate(calls) if call in {guard.transaction, guard.once}]
        assert doors, f"{method} {path} opens no transaction: nobody checked that the grant is in force"
        assert gate < min(doors), (method, path)


def test_who_asks_is_settled_before_what_is_asked(application: FastAPI) -> None:
    """401 and 403 come before 428, 412, 415 and the body: a precondition tells nothing to a stranger."""
    for method, path, route in guarded(application):
        calls = calls_of(route.dependant)
        gate = next(place for place, call in enumerate(calls) if isinstance(call, guard.Gate))
        later = [place for place, call in enumerate(calls) if call in {guard.expected_version, guard._merge_patch}]
        assert all(gate < place for place in later), (method, path)


def test_every_post_can_be_repeated_with_its_key(application: FastAPI) -> None:
    posts = [
        (path, route) for method, path, route in guarded(application) if method == "POST" and path not in SAFE_POSTS
    ]
    assert posts
    for path, route in posts:
        assert guard.once in calls_of(route.dependant), path
        assert isinstance(route, GuardedRoute), path


def test_every_patch_is_a_merge_patch_of_a_version_read_before(application: FastAPI) -> None:
    patches = [(path, route) for method, path, route in guarded(application) if method == "PATCH"]
    assert patches
    for path, route in patches:
        assert {guard.expected_version, guard._merge_patch} <= set(calls_of(route.dependant)), path


def test_unknown_parameters_are_refused_on_every_route_behind_a_gate(application: FastAPI) -> None:
    assert all(isinstance(route, GuardedRoute) for _, _, route in guarded(application))


def test_every_body_meets_the_caller_who_may_or_may_not_write_its_fields(application: FastAPI) -> None:
    """The check of a body's fields stands between the route and its endpoint, and needs to know who asks."""
    bodies = [(path, route) for _, path, route in guarded(application) if route.body_field is not None]
    assert len(bodies) > 10
    for path, route in bodies:
        handed = [child for child in route.dependant.dependencies if isinstance(child.call, guard.Gate)]
        assert [child.name for child in handed] != [None], path
        assert handed, path
        assert inspect.unwrap(route.endpoint) is not route.endpoint, path


# The refusal at boot bites


def test_a_route_without_a_gate_refuses_the_boot(monkeypatch: pytest.MonkeyPatch, application: FastAPI) -> None:
    ours = main._operation_routes

    def with_a_leak(app: FastAPI) -> None:
        ours(app)
        app.get("/v1/leak")(leak)

    monkeypatch.setattr(main, "_operation_routes", with_a_leak)
    with pytest.raises(BootRefused, match="GET /v1/leak"):
        create_app(application.state.settings)


def test_an_unguarded_route_is_found_however_deep_it_was_included() -> None:
    app, outer, inner = FastAPI(), APIRouter(prefix="/v1"), APIRouter(prefix="/deep")
    inner.post("/leak")(leak)
    outer.include_router(inner)
    app.include_router(outer)
    with pytest.raises(BootRefused, match="POST /v1/deep/leak"):
        refuse_unguarded(app)


def test_a_permission_with_an_empty_row_refuses_the_boot(monkeypatch: pytest.MonkeyPatch, application: FastAPI) -> None:
    refuse_unguarded(application)
    monkeypatch.setattr(surface, "POLICY", {**POLICY, Permission.case_close: {}})
    with pytest.raises(BootRefused, match=r"POST /v1/cases/\{case_id\}/close"):
        refuse_unguarded(application)


def test_two_gates_on_one_route_refuse_the_boot() -> None:
    app = FastAPI()

    @app.get("/v1/both", dependencies=[allow(Permission.case_read)])
    def both(caller: Annotated[Any, allow(Permission.log_read)]) -> None: ...

    with pytest.raises(BootRefused, match="GET /v1/both"):
        refuse_unguarded(app)


def test_a_public_address_is_public_for_its_own_method_only() -> None:
    app = FastAPI()
    app.post("/health/live")(leak)
    with pytest.raises(BootRefused, match="POST /health/live"):
        refuse_unguarded(app)


def test_a_gate_hidden_in_another_dependency_is_found() -> None:
    def caller_of(caller: Annotated[Any, allow(Permission.case_read)]) -> Any:
        return caller

    app = FastAPI()
    app.get("/v1/nested", dependencies=[Depends(caller_of)])(leak)
    refuse_unguarded(app)


def test_an_application_without_routes_is_refused() -> None:
    with pytest.raises(BootRefused, match="No route"):
        refuse_unguarded(FastAPI(openapi_url=None))


# The gates say what the table says


async def knock(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """A request that is well formed up to its empty body, at an object that does not exist."""
    if method == "GET":
        return await client.get(filled(path))
    media = "application/merge-patch+json" if method == "PATCH" else "application/json"
    headers = {"Content-Type": media, "If-Match": '"1"'}
    return await client.request(method, filled(path), content=b"{}", headers=headers)


@pytest.mark.anyio
async def test_nobody_passes_a_gate_without_a_token(world: World) -> None:
    for method, path, _ in guarded(world.app):
        answer = await knock(world.client(None), method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer"), (method, path)
        assert answer.json()["type"] == "/v1/problems/not-signed-in"


@pytest.mark.anyio
@pytest.mark.parametrize("role", Role)
async def test_each_role_passes_exactly_the_gates_of_its_row(world: World, role: Role) -> None:
    client = world.client(SOMEBODY[role])
    for method, path, route in guarded(world.app):
        answer = await knock(client, method, path)
        [gate] = gates_of(route.dependant)
        refused = reach_of(role, gate.permission) is None
        assert (answer.status_code == 403) is refused, (method, path, answer.text)
        assert answer.status_code != 401, (method, path)
        assert answer.status_code < 500, (method, path, answer.text)


@pytest.mark.anyio
async def test_a_client_of_fewer_scopes_passes_fewer_gates(world: World) -> None:
    from casework.demo.world import CLIENT, CLIENT_SECRET

    form = {"grant_type": "client_credentials", "scope": "me:read case:read"}
    asked = await world.client(None).post("/oauth/token", data=form, auth=(str(world.key(CLIENT)), CLIENT_SECRET))
    client = world.client(None, Authorization=f"Bearer {asked.json()['access_token']}")
    assert (await client.get("/v1/cases")).status_code == 200
    assert Permission.assignment_read in permissions_of(Role.partner)
    assert (await client.get("/v1/assignments")).status_code == 403


# Methods


@pytest.mark.anyio
async def test_head_answers_like_get_without_a_body(world: World) -> None:
    gets = [(path, route) for method, path, route in routes_of(world.app) if method == "GET"]
    assert gets
    for path, route in gets:
        gates = gates_of(route.dependant)
        username = next((name for name, _, role, *_ in USERS if gates and reach_of(role, gates[0].permission)), None)
        client = world.client(username)
        got, head = await client.get(filled(path)), await client.head(filled(path))
        assert (head.status_code, head.content) == (got.status_code, b""), path
        for name in ("content-type", "etag", "cache-control"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


@pytest.mark.anyio
async def test_a_wrong_method_is_told_every_right_one(world: World) -> None:
    allowed: dict[str, set[str]] = {}
    for method, path, _ in routes_of(world.app):
        allowed.setdefault(path, set()).update({method, "HEAD"} if method == "GET" else {method})
    client = world.client(None)
    for path, methods in allowed.items():
        answer = await client.request("PUT" if "PUT" not in methods else "PATCH", filled(path), json={})
        assert answer.status_code == 405, path
        assert set(answer.headers["allow"].split(", ")) == methods, path
