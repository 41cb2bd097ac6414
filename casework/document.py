"""The OpenAPI document: valid 3.1, with the permission and the language of each operation (api.md §1.13)."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from casework.authz.fields import MARK
from casework.authz.policy import FieldGroup, Permission, Role, reach_of, sight
from casework.kernel.limits import body_limit

if TYPE_CHECKING:
    from fastapi import FastAPI

PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901"},
                    "parameter": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
DESCRIPTION = """Gestion de dossiers pour la régionalisation. Le français d'abord : `Accept-Language` choisit `fr` ou `en`.

Case management for regionalization. French first: `Accept-Language` chooses `fr` or `en`."""


def publish(app: FastAPI) -> None:
    """Replace FastAPI's own document by ours, built once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=DESCRIPTION, routes=app.routes
    )
    document["openapi"] = "3.1.0"
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "oauth2": {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "/oauth/token",
                    "scopes": {str(permission): _holders(permission) for permission in Permission},
                }
            },
        }
    }
    for template, path in document["paths"].items():
        for operation in path.values():
            _polish(operation)
            if "requestBody" in operation:
                operation["requestBody"]["x-body-limit-bytes"] = body_limit(template)
    for schema in components["schemas"].values():
        for described in schema.get("properties", {}).values():
            if MARK in described:
                _tell_sights(described)
    return document


def _reach_of_roles(permission: Permission) -> dict[str, str]:
    return {str(role): str(reach) for role in Role if (reach := reach_of(role, permission)) is not None}


def _holders(permission: Permission) -> str:
    """The roles that hold it and how far each reaches, or what the server keeps for its own hands."""
    found = _reach_of_roles(permission)
    said = ", ".join(f"{role}: {reach}" for role, reach in found.items())
    return said or "aucun rôle ; le serveur lui-même. No role; the server itself."


def _tell_sights(described: dict[str, Any]) -> None:
    """What each role that reads cases gets of a marked field; a body that writes beyond it is a 403."""
    group = FieldGroup(described[MARK])
    found = {str(role): str(sight(role, group)) for role in Role if reach_of(role, Permission.case_read) is not None}
    described["x-sight"] = found
    said = ", ".join(f"{role}: {seen}" for role, seen in found.items())
    described["description"] = (
        f"Groupe `{group}`, selon le rôle ; caché : absent, masqué : en partie. "
        f"Group `{group}`, by role; hide: absent, mask: in part. ({said})"
    )


def _polish(operation: dict[str, Any]) -> None:
    """First paragraph in French, second in English, no FastAPI 422 leftovers."""
    text = inspect.cleandoc(operation.get("description", ""))
    permission = operation.get("x-permission")
    operation["description"] = text
    if permission:
        operation["description"] += f"\n\nPermission : `{permission}` ({_holders(Permission(permission))})"
        operation["x-reach"] = _reach_of_roles(Permission(permission))
    for answer in operation.get("responses", {}).values():
        for media in answer.get("content", {}).values():
            media.pop("itemSchema", None)
            if media.get("schema", {}).get("$ref", "").endswith("HTTPValidationError"):
                media["schema"] = {"$ref": "#/components/schemas/Problem"}
