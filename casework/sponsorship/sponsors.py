"""Sponsors and their members: joined, gone, still liable, erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.policy import Role
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound
from casework.sponsorship import errors, queries
from casework.sponsorship.lifecycle import GROUP_MOST, LeaveReason, enough_members, is_liable
from casework.sponsorship.models import MEMBER_PLACE, Sponsor, SponsorMember

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.sponsorship.models import Undertaking
    from casework.sponsorship.schemas import SpokespersonChange, SponsorCreate, SponsorMemberCreate


async def register(session: Session, caller: Caller, wanted: SponsorCreate) -> Sponsor:
    """Raises InvalidContent or GroupTooSmall."""
    spokesperson_id = await _spokesperson(session, caller, wanted.spokesperson_id)
    if not enough_members(wanted.category, len(wanted.members)):
        raise errors.GroupTooSmall
    sponsor = Sponsor(
        id=new_id(), category=wanted.category, name=wanted.name, region_code=wanted.region_code,
        spokesperson_id=spokesperson_id,
    )  # fmt: skip
    session.add(sponsor)
    await session.flush()
    for member in wanted.members:
        session.add(_member(session, sponsor, member))
    await session.flush()
    facts = {"sponsor": str(sponsor.id), "category": str(sponsor.category), "members": len(wanted.members)}
    trail.record(session, caller, "sponsor.registered", facts)
    return sponsor


async def _spokesperson(session: Session, caller: Caller, named: UUID | None) -> UUID:
    """The spokesperson registers their own sponsor; the ministry names one in force, told like one who is nobody."""
    if caller.role is Role.sponsor_spokesperson:
        if named not in {None, caller.actor_id}:
            raise errors.foreign_spokesperson()
        return caller.actor_id
    if named is None or not (await session.rows("SELECT authz.speaks(%s)", (named,)))[0][0]:
        raise errors.foreign_spokesperson()
    return named


def _member(session: Session, sponsor: Sponsor, wanted: SponsorMemberCreate) -> SponsorMember:
    member_id = new_id()
    key, wrapped = session.keyring.new_key(member_id)
    return SponsorMember(
        id=member_id, sponsor_id=sponsor.id, spokesperson_id=sponsor.spokesperson_id, joined_on=wanted.joined_on,
        sealed_name=key.seal(MEMBER_PLACE, member_id, wanted.name), kek_id=session.keyring.current, wrapped=wrapped,
    )  # fmt: skip


async def add_member(
    session: Session, caller: Caller, sponsor_id: UUID, version: int, wanted: SponsorMemberCreate
) -> Sponsor:
    """Raises NotFound, StaleVersion or SponsorFull."""
    sponsor = await queries.sponsor_to(session, sponsor_id, version)
    if len(current(await queries.members_of(session, [sponsor_id]))) >= GROUP_MOST:
        raise errors.SponsorFull
    member = _member(session, sponsor, wanted)
    session.add(member)
    await _changed(session, caller, sponsor, "sponsor.member_joined", member.id)
    return sponsor


async def member_leaves(
    session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int, day: date, reason: LeaveReason
) -> Sponsor:
    """`ids`: the sponsor's and the member's. Who leaves still answers for what was accepted, unless by death."""
    sponsor = await queries.sponsor_to(session, ids[0], version)
    member = await _member_to(session, *ids)
    if member.left_on is not None:
        raise errors.MemberAlreadyLeft
    if day < member.joined_on:
        raise errors.out_of_order("/left_on")
    member.left_on, member.leave_reason = day, reason
    await _changed(session, caller, sponsor, "sponsor.member_left", member.id, reason=str(reason))
    return sponsor


async def change_spokesperson(
    session: Session, caller: Caller, sponsor_id: UUID, version: int, wanted: SpokespersonChange
) -> Sponsor:
    """Sponsor, members, undertakings and the households' views follow at once, by the tables' own rules.

    Raises NotFound, StaleVersion, or InvalidContent for nobody in force or whoever speaks already.
    """
    sponsor = await queries.sponsor_to(session, sponsor_id, version)
    former = sponsor.spokesperson_id
    if await _spokesperson(session, caller, wanted.spokesperson_id) == former:
        raise errors.speaks_already()
    sponsor.spokesperson_id, sponsor.handover_reason = wanted.spokesperson_id, wanted.reason
    sponsor.version += 1
    await session.flush()
    await session.refresh(sponsor)
    facts = {"sponsor": str(sponsor.id), "from": str(former), "to": str(wanted.spokesperson_id)}
    trail.record(session, caller, "sponsor.spokesperson_changed", {**facts, "reason": str(wanted.reason)})
    return sponsor


async def erase_member(session: Session, caller: Caller, ids: tuple[UUID, UUID], version: int) -> Sponsor:
    """The name goes with its key, backups included; what the member did stays as dates. Raises MemberStillLiable."""
    sponsor = await queries.sponsor_to(session, ids[0], version)
    member = await _member_to(session, *ids)
    standing = await queries.standing_undertakings(session, [sponsor.id])
    if member.left_on is None or liable_for(member, standing):
        raise errors.MemberStillLiable
    if member.erased_at is None:
        member.erased_at, member.wrapped, member.sealed_name = clock.now(), b"", b""
        await _changed(session, caller, sponsor, "sponsor.member_erased", member.id)
    return sponsor


async def _member_to(session: Session, sponsor_id: UUID, member_id: UUID) -> SponsorMember:
    query = select(SponsorMember).where(col(SponsorMember.id) == member_id, col(SponsorMember.sponsor_id) == sponsor_id)
    found = (await session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound
    return found


async def _changed(
    session: Session, caller: Caller, sponsor: Sponsor, action: str, member_id: UUID, **more: str
) -> None:
    sponsor.version += 1
    await session.flush()
    trail.record(session, caller, action, {"sponsor": str(sponsor.id), "member": str(member_id), **more})


def current(members: Sequence[SponsorMember]) -> list[SponsorMember]:
    return [member for member in members if member.left_on is None]


def liable_for(member: SponsorMember, standing: Sequence[Undertaking]) -> list[UUID]:
    return [
        one.id
        for one in standing
        if one.sponsor_id == member.sponsor_id
        and is_liable(member.joined_on, member.left_on, member.leave_reason, one.accepted_on)
    ]


async def as_read(session: Session, sponsors: Sequence[Sponsor]) -> list[dict[str, Any]]:
    """Two queries, whatever their number; names opened under each member's key."""
    ids = [sponsor.id for sponsor in sponsors]
    members = await queries.members_of(session, ids)
    standing = await queries.standing_undertakings(session, ids)
    return [_read(session, one, [m for m in members if m.sponsor_id == one.id], standing) for one in sponsors]


def _read(
    session: Session, sponsor: Sponsor, members: Sequence[SponsorMember], standing: Sequence[Undertaking]
) -> dict[str, Any]:
    return {
        **sponsor.model_dump(),
        "below_minimum": not enough_members(sponsor.category, len(current(members))),
        "members": [
            {**member.model_dump(), "name": _name(session, member), "liable_for": liable_for(member, standing)}
            for member in members
        ],
    }


def _name(session: Session, member: SponsorMember) -> str | None:
    if member.erased_at is not None:
        return None
    key = session.keyring.unwrap(member.id, member.kek_id, member.wrapped, member.key_version)
    name: str = key.open(MEMBER_PLACE, member.id, member.sealed_name)
    return name
