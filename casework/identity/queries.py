from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.authz.policy import Role
from casework.identity.models import ApiClient, ClientSecret, Password, RoleGrant, User
from casework.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from casework.kernel.database import Session


async def user_in_force(session: Session, user_id: UUID) -> tuple[User, RoleGrant] | None:
    """The user and its one role in force, the most recent when several overlap."""
    return await _in_force(session, col(User.id) == user_id)


async def user_of_provider(session: Session, issuer: str, subject: str) -> tuple[User, RoleGrant] | None:
    return await _in_force(session, (col(User.issuer) == issuer) & (col(User.subject) == subject))


async def _in_force(session: Session, which: Any) -> tuple[User, RoleGrant] | None:
    query = (
        select(User, RoleGrant)
        .join(RoleGrant, col(RoleGrant.user_id) == col(User.id))
        .where(
            which,
            col(User.disabled_at).is_(None),
            col(RoleGrant.revoked_at).is_(None),
            col(RoleGrant.proposed_by).is_(None) | col(RoleGrant.approved_at).is_not(None),
            col(RoleGrant.valid_from) <= now(),
            col(RoleGrant.valid_until).is_(None) | (col(RoleGrant.valid_until) > now()),
        )
        .order_by(col(RoleGrant.valid_from).desc())
    )
    return (await session.exec(query)).first()


async def client_in_force(session: Session, client_id: UUID) -> ApiClient | None:
    query = select(ApiClient).where(
        col(ApiClient.id) == client_id,
        col(ApiClient.revoked_at).is_(None),
        col(ApiClient.valid_until) > now(),
    )
    return (await session.exec(query)).first()


async def user_named(session: Session, username: str) -> User | None:
    return (await session.exec(select(User).where(col(User.username) == username))).first()


async def password_of(session: Session, user_id: UUID) -> Password | None:
    query = (
        select(Password)
        .where(col(Password.user_id) == user_id)
        .order_by(col(Password.created_at).desc(), col(Password.id).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()


async def secrets_in_force(session: Session, client_id: UUID) -> list[bytes]:
    """The keyed hashes of a client's secrets."""
    query = select(ClientSecret.secret_hash).where(col(ClientSecret.client_id) == client_id, *_secret_in_force())
    return list((await session.exec(query)).all())


async def rotating(session: Session, client_id: UUID) -> list[ClientSecret]:
    """A client's secrets in force, oldest first."""
    query = select(ClientSecret).where(col(ClientSecret.client_id) == client_id, *_secret_in_force())
    return list((await session.exec(query.order_by(col(ClientSecret.created_at)))).all())


def _secret_in_force() -> tuple[Any, Any]:
    return col(ClientSecret.revoked_at).is_(None), col(ClientSecret.valid_until) > now()


async def users_after(session: Session, after: UUID | None, limit: int) -> Sequence[User]:
    query = select(User).order_by(col(User.id)).limit(limit + 1)
    return (await session.exec(query if after is None else query.where(col(User.id) > after))).all()


async def users_of(session: Session, grants: Iterable[RoleGrant]) -> dict[UUID, User]:
    """The accounts behind these grants, by id."""
    query = select(User).where(col(User.id).in_([grant.user_id for grant in grants]))
    return {user.id: user for user in (await session.exec(query)).all()}


async def other_roles(session: Session, user_id: UUID) -> set[Role]:
    """Every role a user holds, was proposed, or is to hold."""
    query = select(RoleGrant.role).where(
        col(RoleGrant.user_id) == user_id,
        col(RoleGrant.revoked_at).is_(None),
        col(RoleGrant.valid_until).is_(None) | (col(RoleGrant.valid_until) > now()),
    )
    return {Role(role) for role in (await session.exec(query)).all()}


async def grants_of(session: Session, user_ids: Iterable[UUID]) -> Sequence[RoleGrant]:
    """Every grant of these users that the actor sees, the one that begins last in the last place."""
    query = select(RoleGrant).where(col(RoleGrant.user_id).in_(list(user_ids)))
    return (await session.exec(query.order_by(col(RoleGrant.valid_from), col(RoleGrant.id)))).all()
