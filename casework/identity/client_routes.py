from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import select

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.identity import clients
from casework.identity.errors import KeysRefused, ScopeRefused, TooManySecrets
from casework.identity.models import ApiClient, ClientSecret
from casework.identity.schemas import (
    ApiClientCreate,
    ApiClientRead,
    ClientKeys,
    SecretCreate,
    SecretCreated,
    SecretRead,
)
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound
from casework.kernel.schemas import Page

router = APIRouter(prefix="/api-clients", route_class=GuardedRoute, tags=["administration"])
Reader = Annotated[Caller, allow(Permission.api_client_read)]
Administrator = Annotated[Caller, allow(Permission.api_client_manage)]
Keeper = Annotated[Caller, allow(Permission.client_secret_manage)]


@router.get("", response_model=Page[ApiClientRead], **described(Permission.api_client_read))
async def list_api_clients(
    request: Request, caller: Reader, session: Session, limit: Limit = 50, cursor: CursorText = None  # noqa: ARG001 -- the gate
) -> dict[str, Any]:  # fmt: skip
    """Les clients d'API, ou ceux de son organisme.

    API clients, or those of one's organization.
    """
    return await newest_first(request, session, ApiClient, select(ApiClient), "api-clients", limit, cursor)


@router.post("", status_code=201, response_model=ApiClientRead,
             **described(Permission.api_client_manage, ScopeRefused, NotFound))  # fmt: skip
async def create_api_client(body: ApiClientCreate, caller: Administrator, session: OnceSession) -> ApiClient:
    """Créer un client d'API pour un organisme, qui lui donne ensuite lui-même un secret ou ses clés.

    Create an API client for an organization, which then gives it a secret or its keys itself.
    """
    return await clients.create_api_client(session, caller, body)


@router.get("/{client_id}", response_model=ApiClientRead, **described(Permission.api_client_read, NotFound))
async def read_api_client(client_id: UUID, caller: Reader, session: Session) -> ApiClient:  # noqa: ARG001 -- the gate
    """Un client d'API, sans ses secrets.

    An API client, without its secrets.
    """
    return await clients.client_within_reach(session, client_id)


@router.post("/{client_id}/revoke", response_model=ApiClientRead, **described(Permission.api_client_manage, NotFound))
async def revoke_api_client(
    request: Request, client_id: UUID, caller: Administrator, session: OnceSession
) -> ApiClient:
    """Révoquer un client d'API ; l'effet est immédiat.

    Revoke an API client; it takes effect at once.
    """
    client = await clients.revoke_api_client(session, caller, client_id)
    request.app.state.authenticate.forget(client_id)
    return client


@router.post("/{client_id}/secrets", status_code=201, response_model=SecretCreated,
             **described(Permission.client_secret_manage, NotFound, TooManySecrets))  # fmt: skip
async def create_client_secret(
    request: Request, client_id: UUID, body: SecretCreate, caller: Keeper, session: OnceSession
) -> dict[str, Any]:
    """Donner un nouveau secret à un client de son organisme ; montré ici seulement. L'ancien sert encore
    `overlap_days` jours.

    Give a client of one's organization a new secret; shown here only. The old one serves `overlap_days` more days.
    """
    overlap, hashed = timedelta(days=body.overlap_days), request.app.state.client_sign_in.hashed
    made, text = await clients.add_secret(session, caller, client_id, overlap, hashed)
    return {**SecretRead.model_validate(made).model_dump(), "secret": text}


@router.post("/{client_id}/secrets/{secret_id}/revoke", response_model=SecretRead,
             **described(Permission.client_secret_manage, NotFound))  # fmt: skip
async def revoke_client_secret(client_id: UUID, secret_id: UUID, caller: Keeper, session: OnceSession) -> ClientSecret:
    """Révoquer un secret sans attendre la fin de la rotation.

    Revoke a secret without waiting for the end of the rotation.
    """
    return await clients.revoke_secret(session, caller, client_id, secret_id)


@router.post("/{client_id}/keys", response_model=ApiClientRead,
             **described(Permission.client_secret_manage, NotFound, KeysRefused))  # fmt: skip
async def replace_client_keys(client_id: UUID, body: ClientKeys, caller: Keeper, session: OnceSession) -> ApiClient:
    """Remplacer les clés publiques d'un client (`private_key_jwt`) ; la clé privée ne quitte pas l'organisme.

    Replace a client's public keys (`private_key_jwt`); the private key never leaves the organization.
    """
    return await clients.set_keys(session, caller, client_id, body.keys)
