"""Every route has exactly one gate with a policy row, or stands on the short public list; else the boot is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute, iter_route_contexts

from casework.authz.apply import BootRefused
from casework.authz.guard import gates_of
from casework.authz.policy import POLICY
from casework.kernel.language import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

PUBLIC = frozenset(
    {
        ("POST", "/oauth/token"),
        ("POST", "/v1/sessions"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/v1/problems"),
        ("GET", "/v1/problems/{slug}"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
    }
)


def routes_of(app: FastAPI) -> Iterator[tuple[str, str, Any]]:
    """(method, full path, route) of every API route, however deep it was included."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            for method in sorted(context.methods or ()):
                yield method, context.path or route.path, route


def refuse_unguarded(app: FastAPI) -> None:
    """Raises BootRefused naming the route."""
    seen = 0
    for method, path, route in routes_of(app):
        seen += 1
        gates = gates_of(route.dependant)
        guarded = len(gates) == 1 and bool(POLICY.get(gates[0].permission))
        if (method, path) in PUBLIC and not gates:
            continue
        if not guarded:
            raise BootRefused(
                Text(
                    f"La route {method} {path} n'a pas de ligne dans la table des droits.",
                    f"The route {method} {path} has no row in the policy table.",
                )
            )
    if not seen:
        raise BootRefused(Text("Aucune route n'a été trouvée.", "No route was found."))
