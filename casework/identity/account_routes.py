from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.identity import accounts, queries
from casework.identity.errors import DutiesApart, GrantIncomplete, GrantNotProposed, OwnGrant, UsernameTaken
from casework.identity.models import RoleGrant, User
from casework.identity.schemas import (
    GrantPropose,
    GrantRead,
    GrantState,
    OneTimePassword,
    UserCreate,
    UserRead,
)
from casework.kernel import clock
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound
from casework.kernel.schemas import Page

router = APIRouter(route_class=GuardedRoute, tags=["administration"])


@router.get("/users", response_model=Page[UserRead], **described(Permission.user_read))
async def list_users(
    request: Request,
    caller: Annotated[Caller, allow(Permission.user_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les utilisateurs et leur rôle en vigueur.

    Users and their role in force.
    """
    bound = f"users:{caller.actor_id}"
    after = UUID(request.app.state.cursors.read(cursor, bound)[0]) if cursor else None
    found = await queries.users_after(session, after, limit)
    items = await _with_roles(session, found[:limit])
    following = request.app.state.cursors.write([str(items[-1]["id"])], bound) if len(found) > limit else None
    return {"items": items, "next_cursor": following}


@router.post("/users", status_code=201, response_model=UserRead, **described(Permission.user_manage, UsernameTaken))
async def create_user(
    body: UserCreate, caller: Annotated[Caller, allow(Permission.user_manage)], session: OnceSession
) -> dict[str, Any]:
    """Créer un compte, qui ne peut encore rien : proposez-lui ensuite un rôle.

    Create an account, which may do nothing yet: propose a grant next.
    """
    user = await accounts.create_user(session, caller, body)
    return _user(user, None)


@router.get("/users/{user_id}", response_model=UserRead, **described(Permission.user_read, NotFound))
async def read_user(
    user_id: UUID, caller: Annotated[Caller, allow(Permission.user_read)], session: Session  # noqa: ARG001 -- the gate
) -> dict[str, Any]:  # fmt: skip
    """Un utilisateur et son rôle en vigueur.

    A user and their role in force.
    """
    [read] = await _with_roles(session, [await accounts.user_within_reach(session, user_id)])
    return read


@router.post("/users/{user_id}/disable", response_model=UserRead, **described(Permission.user_manage, NotFound))
async def disable_user(
    user_id: UUID, caller: Annotated[Caller, allow(Permission.user_manage)], session: OnceSession
) -> dict[str, Any]:
    """Fermer un compte ; tous ses accès prennent fin aussitôt.

    Close an account; every access of it ends at once.
    """
    user = await accounts.disable_user(session, caller, user_id)
    await session.flush()
    [read] = await _with_roles(session, [user])
    return read


@router.post("/users/{user_id}/one-time-passwords", status_code=201, response_model=OneTimePassword,
             **described(Permission.password_issue, NotFound))  # fmt: skip
async def issue_one_time_password(
    user_id: UUID, caller: Annotated[Caller, allow(Permission.password_issue)], session: OnceSession
) -> dict[str, Any]:
    """Remettre un mot de passe à usage unique à une personne dont on peut se porter garant ; montré ici seulement.

    Hand a one-time password to a person one may vouch for; shown here only.
    """
    made, text = await accounts.issue_password(session, caller, user_id)
    return {"user_id": made.user_id, "password": text, "valid_until": made.valid_until}


@router.get("/grants", response_model=Page[GrantRead], **described(Permission.grant_read))
async def list_grants(
    request: Request,
    caller: Annotated[Caller, allow(Permission.grant_read)],  # noqa: ARG001 -- the gate
    session: Session,
    user: Annotated[UUID | None, Query(description="Utilisateur. User.")] = None,
    state: Annotated[GrantState | None, Query(description="`proposed` : à approuver. To be approved.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les rôles accordés ou proposés dont on peut répondre.

    Grants, made or proposed, that one may answer for.
    """
    query = select(RoleGrant)
    if user is not None:
        query = query.where(col(RoleGrant.user_id) == user)
    if state is not None:
        query = query.where(_in_state(state))
    page = await newest_first(request, session, RoleGrant, query, f"grants:{user}:{state}", limit, cursor)
    return {**page, "items": await _grants(session, page["items"])}


@router.post("/grants", status_code=201, response_model=GrantRead,
             **described(Permission.grant_propose, NotFound, OwnGrant, GrantIncomplete, DutiesApart))  # fmt: skip
async def propose_grant(
    body: GrantPropose, caller: Annotated[Caller, allow(Permission.grant_propose)], session: OnceSession
) -> dict[str, Any]:
    """Proposer un rôle daté ; il prend effet quand une personne qui en répond l'approuve.

    Propose a dated grant; it takes effect once somebody who may vouch for it approves.
    """
    return await _grant(session, await accounts.propose_grant(session, caller, body))


@router.post("/grants/{grant_id}/approve", response_model=GrantRead,
             **described(Permission.grant_approve, NotFound, OwnGrant, GrantNotProposed))  # fmt: skip
async def approve_grant(
    grant_id: UUID, caller: Annotated[Caller, allow(Permission.grant_approve)], session: OnceSession
) -> dict[str, Any]:
    """Approuver un rôle proposé, que l'on détient ou dont on voit au moins autant.

    Approve a proposed grant of a role one holds, or sees at least as much as.
    """
    return await _grant(session, await accounts.approve_grant(session, caller, grant_id))


@router.post("/grants/{grant_id}/revoke", response_model=GrantRead, **described(Permission.grant_revoke, NotFound))
async def revoke_grant(
    grant_id: UUID, caller: Annotated[Caller, allow(Permission.grant_revoke)], session: OnceSession
) -> dict[str, Any]:
    """Révoquer un rôle ; l'accès prend fin aussitôt.

    Revoke a grant; the access ends at once.
    """
    return await _grant(session, await accounts.revoke_grant(session, caller, grant_id))


def _in_state(state: GrantState) -> Any:
    """The SQL of `accounts.state_of`."""
    at = clock.now()
    ended = col(RoleGrant.revoked_at).is_not(None) | (col(RoleGrant.valid_until) <= at).is_(True)
    awaiting = col(RoleGrant.proposed_by).is_not(None) & col(RoleGrant.approved_at).is_(None)
    begun = col(RoleGrant.valid_from) <= at
    return {
        GrantState.ended: ended,
        GrantState.proposed: ~ended & awaiting,
        GrantState.to_come: ~ended & ~awaiting & ~begun,
        GrantState.in_force: ~ended & ~awaiting & begun,
    }[state]


async def _grant(session: Session, grant: RoleGrant) -> dict[str, Any]:
    [read] = await _grants(session, [grant])
    return read


async def _grants(session: Session, grants: list[RoleGrant]) -> list[dict[str, Any]]:
    users, at = await queries.users_of(session, grants), clock.now()
    whose = {"username", "display_name", "issuer", "subject"}
    return [
        {**grant.model_dump(), **users[grant.user_id].model_dump(include=whose), "state": accounts.state_of(grant, at)}
        for grant in grants
    ]


async def _with_roles(session: Session, users: Any) -> list[dict[str, Any]]:
    grants = await queries.grants_of(session, [user.id for user in users])
    at = clock.now()
    in_force = {g.user_id: g for g in grants if accounts.state_of(g, at) is GrantState.in_force}
    return [_user(user, in_force.get(user.id)) for user in users]


def _user(user: User, grant: RoleGrant | None) -> dict[str, Any]:
    return {
        "id": user.id, "username": user.username, "display_name": user.display_name,
        "role": grant and grant.role, "office_id": grant and grant.office_id,
        "region_code": grant and grant.region_code, "organization_id": grant and grant.organization_id,
        "disabled": user.disabled_at is not None, "external": user.issuer is not None,
    }  # fmt: skip
