"""What each operation says of itself in the OpenAPI document: its permission and its problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel.problems import (
    MEDIA_TYPE,
    DatabaseAway,
    InvalidContent,
    MalformedRequest,
    NotPermitted,
    NotSignedIn,
    Problem,
    StrongerSignInNeeded,
    TooManyRequests,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
EVERYWHERE: tuple[type[Problem], ...] = (
    MalformedRequest, NotSignedIn, StrongerSignInNeeded, NotPermitted, TooManyRequests, DatabaseAway,
)  # fmt: skip


def responses(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The documented refusals of one operation, by status; the problems are named in each description."""
    by_status: dict[int, list[type[Problem]]] = {}
    problem: type[Problem]
    for problem in (*problems, InvalidContent):
        by_status.setdefault(problem.status, []).append(problem)
    return {
        status: {
            "description": " / ".join(f"{p.title.fr}. {p.title.en}." for p in dict.fromkeys(found)),
            "content": {MEDIA_TYPE: {"schema": PROBLEM_REF}},
        }
        for status, found in sorted(by_status.items())
    }


def described(permission: object, *problems: type[Problem]) -> dict[str, Any]:
    """Keyword arguments of a route behind a gate."""
    return {
        "responses": responses(*EVERYWHERE, *problems),
        "openapi_extra": {"x-permission": str(permission), "security": [{"oauth2": [str(permission)]}]},
    }


def taking_a_file(media: Iterable[str], declared: dict[str, Any]) -> dict[str, Any]:
    """The same route with a file as its raw body, in one of these media types."""
    content = {one: {"schema": {"type": "string", "format": "binary"}} for one in media}
    extra = {**declared["openapi_extra"], "requestBody": {"required": True, "content": content}}
    return {**declared, "openapi_extra": extra}
