"""Users and their dated grants: an administrator proposes, somebody who may vouch approves (ADR 0011)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from casework.audit import security
from casework.authz.policy import VOUCHERS, Reach, Role, SystemActor
from casework.identity import passwords, queries
from casework.identity.errors import DutiesApart, GrantIncomplete, GrantNotProposed, OwnGrant, UsernameTaken
from casework.identity.models import Password, RoleGrant, User
from casework.identity.schemas import GrantState
from casework.kernel import clock
from casework.kernel.problems import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.identity.schemas import GrantPropose, UserCreate
    from casework.kernel.database import Session

ONE_TIME_LIFE = timedelta(hours=72)
# What says how far a role reaches; a grant names exactly these. A coordinator's office and a partner's region are
# where they work, and open nothing.
NEEDS: Mapping[Role, tuple[set[str], set[str]]] = {
    Role.intake_worker: ({"office_id"}, set()),
    Role.caseworker: ({"office_id"}, set()),
    Role.coordinator: ({"region_code"}, {"office_id"}),
    Role.partner: ({"organization_id"}, {"region_code"}),
    Role.municipal_viewer: ({"region_code"}, set()),
}


async def create_user(session: Session, caller: Caller, wanted: UserCreate) -> User:
    """An account that may do nothing yet; raises UsernameTaken."""
    user = User(**wanted.model_dump())
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        raise UsernameTaken from error
    facts = {"account": security.account(session, user.id), "external": user.issuer is not None}
    security.record(session, caller, "user.created", facts)
    return user


async def user_within_reach(session: Session, user_id: UUID) -> User:
    """Raises NotFound."""
    user = (await session.exec(select(User).where(col(User.id) == user_id))).first()
    if user is None:
        raise NotFound
    return user


async def disable_user(session: Session, caller: Caller, user_id: UUID) -> User:
    """End every access of a person at once; nothing enables an account again: a return is a new account."""
    user = await user_within_reach(session, user_id)
    if user.disabled_at is None:
        user.disabled_at = clock.now()
        security.record(session, caller, "user.disabled", {"account": security.account(session, user.id)})
    return user


async def issue_password(session: Session, caller: Caller, user_id: UUID) -> tuple[Password, str]:
    """A one-time password and its text. Row security refuses it (NotFound) unless the caller may vouch for every role."""
    user = await user_within_reach(session, user_id)
    if user.disabled_at is not None or user.issuer is not None:
        raise NotFound
    text = passwords.one_time()
    slow = await asyncio.to_thread(passwords.hashed, text)
    made = Password(user_id=user.id, hash=slow, one_time=True, valid_until=clock.now() + ONE_TIME_LIFE)
    session.add(made)
    await session.flush()
    security.record(session, caller, "password.issued", {"account": security.account(session, user.id)})
    return made, text


async def propose_grant(session: Session, caller: Caller, wanted: GrantPropose) -> RoleGrant:
    """Raises NotFound for an unknown user, OwnGrant, GrantIncomplete, DutiesApart. An operator's grant is in force at once."""
    await user_within_reach(session, wanted.user_id)
    by_operator = caller.role is SystemActor.operator
    if wanted.user_id == caller.actor_id:
        raise OwnGrant("own_grant")
    _refuse_incomplete(wanted)
    held = await queries.other_roles(session, wanted.user_id)
    if any((role is Role.administrator) is not (wanted.role is Role.administrator) for role in held):
        raise DutiesApart
    grant = RoleGrant(
        **wanted.model_dump(exclude={"valid_from"}), valid_from=wanted.valid_from or clock.now(),
        proposed_by=None if by_operator else caller.actor_id,
    )  # fmt: skip
    session.add(grant)
    await session.flush()
    _record(session, caller, "grant.made" if by_operator else "grant.proposed", grant)
    return grant


async def approve_grant(session: Session, caller: Caller, grant_id: UUID) -> RoleGrant:
    """Raises NotFound beyond what the caller may vouch for, OwnGrant, GrantNotProposed."""
    grant = await grant_within_reach(session, grant_id)
    if caller.actor_id in {grant.user_id, grant.proposed_by}:
        raise OwnGrant("own_grant")
    if not may_vouch(caller, grant):
        raise OwnGrant("beyond_own")
    if state_of(grant, clock.now()) is not GrantState.proposed:
        raise GrantNotProposed
    grant.approved_at, grant.approved_by = clock.now(), caller.actor_id
    await session.flush()
    _record(session, caller, "grant.approved", grant)
    return grant


async def revoke_grant(session: Session, caller: Caller, grant_id: UUID) -> RoleGrant:
    grant = await grant_within_reach(session, grant_id)
    if grant.revoked_at is None:
        grant.revoked_at = clock.now()
        _record(session, caller, "grant.revoked", grant)
    return grant


def may_vouch(caller: Caller, grant: RoleGrant) -> bool:
    """The rule of `policy.VOUCHERS`, which authz.may_vouch applies again in PostgreSQL."""
    reach = VOUCHERS[grant.role].get(caller.person_role)
    own = {Reach.organization: (grant.organization_id, caller.organization_id),
           Reach.region: (grant.region_code, caller.region_code)}  # fmt: skip
    asked, held = own.get(reach, (True, True)) if reach is not None else (None, None)
    return asked is not None and asked == held


async def grant_within_reach(session: Session, grant_id: UUID) -> RoleGrant:
    """Raises NotFound, which is entered in the security log: somebody reached for a grant that is not theirs to give."""
    grant = (await session.exec(select(RoleGrant).where(col(RoleGrant.id) == grant_id))).first()
    if grant is None:
        raise NotFound(event="grant.refused", reason="out_of_reach")
    return grant


def state_of(grant: RoleGrant, at: datetime) -> GrantState:
    if grant.revoked_at is not None or (grant.valid_until is not None and grant.valid_until <= at):
        return GrantState.ended
    if grant.proposed_by is not None and grant.approved_at is None:
        return GrantState.proposed
    return GrantState.to_come if grant.valid_from > at else GrantState.in_force


def _refuse_incomplete(wanted: GrantPropose) -> None:
    required, allowed = NEEDS.get(wanted.role, (set(), set()))
    given = {name for name in ("office_id", "region_code", "organization_id") if getattr(wanted, name) is not None}
    if not required <= given <= required | allowed:
        raise GrantIncomplete(role=str(wanted.role), needs=", ".join(sorted(required)) or "–")


def _record(session: Session, caller: Caller, event: str, grant: RoleGrant) -> None:
    facts = {"grant": str(grant.id), "role": str(grant.role), "account": security.account(session, grant.user_id)}
    security.record(session, caller, event, facts)
