"""Offers and assignments as their reader may see them: why a person decided is opened for case staff, absent for hosts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.orm import defer
from sqlmodel import col, select

from casework.authz.policy import FieldGroup, Role, Sight, sight
from casework.cases import claim_queries
from casework.kernel import clock
from casework.placement.models import Assignment, Offer, OfferAnswer, OfferStatus
from casework.placement.reminders import due, in_force_on

if TYPE_CHECKING:
    from uuid import UUID

    from sqlmodel.sql.expression import SelectOfScalar

    from casework.kernel.database import Session
    from casework.kernel.language import Language

OFFER_WORDS = ("reason", "withdraw_reason")
ASSIGNMENT_WORDS = ("end_reason",)


def offers() -> SelectOfScalar[Offer]:
    """Without the sealed reasons: PostgreSQL grants their columns to those who read them only."""
    words = (Offer.sealed_reason, Offer.sealed_withdraw_reason)
    return select(Offer).options(*(defer(cast("Any", word)) for word in words))


def assignments() -> SelectOfScalar[Assignment]:
    return select(Assignment).options(defer(cast("Any", Assignment.sealed_end_reason)))


async def offer_as_read(session: Session, offer: Offer, language: Language) -> dict[str, Any]:
    [read] = await offers_as_read(session, [offer], language)
    return read


async def offers_as_read(session: Session, found: list[Offer], language: Language) -> list[dict[str, Any]]:
    """A page of offers with their answers: three queries, whatever the page's length."""
    ids = [offer.id for offer in found]
    query = select(OfferAnswer).where(col(OfferAnswer.offer_id).in_(ids)).order_by(col(OfferAnswer.id))
    answers: dict[UUID, list[OfferAnswer]] = {}
    for answer in (await session.exec(query)).all():
        answers.setdefault(answer.offer_id, []).append(answer)
    assigned = dict(await session.rows("SELECT offer_id, id FROM assignments WHERE offer_id = ANY(%s)", (ids,)))
    words = await _words(session, "offers", OFFER_WORDS, ids)
    hearings = await _hearings(session, [offer.case_id for offer in found])
    return [
        {
            **offer.model_dump(),
            **words.get(offer.id, {}),
            **hearings.get(offer.case_id, {}),
            "answers": answers.get(offer.id, []),
            "assignment_id": assigned.get(offer.id),
            "reminder": _reminder(offer, language),
        }
        for offer in found
    ]


async def offers_by_id(session: Session, ids: list[UUID], language: Language) -> dict[UUID, dict[str, Any]]:
    """Those of them that the reader sees, as they stand in the database."""
    query = offers().where(col(Offer.id).in_(ids)).execution_options(populate_existing=True)
    found = list((await session.exec(query)).all())
    return {read["id"]: read for read in await offers_as_read(session, found, language)}


def reminded() -> tuple[Any, ...]:
    """Conditions on the offers that run out within the time of the earliest reminder."""
    earliest = max((one.hours_before for one in in_force_on(clock.today())), default=0)
    now = clock.now()
    return (
        col(Offer.status) == OfferStatus.held,
        col(Offer.expires_at) > now,
        col(Offer.expires_at) <= now + timedelta(hours=earliest),
    )


def _reminder(offer: Offer, language: Language) -> dict[str, Any] | None:
    if offer.status is not OfferStatus.held:
        return None
    found = due(offer.expires_at, clock.now(), in_force_on(clock.today()))
    if found is None:
        return None
    return {"code": found.code, "due_at": found.due_at(offer.expires_at), "label": found.label.to(language)}


async def assignments_as_read(session: Session, found: list[Assignment]) -> list[dict[str, Any]]:
    words = await _words(session, "assignments", ASSIGNMENT_WORDS, [assignment.id for assignment in found])
    hearings = await _hearings(session, [assignment.case_id for assignment in found])
    return [
        {**assignment.model_dump(), **words.get(assignment.id, {}), **hearings.get(assignment.case_id, {})}
        for assignment in found
    ]


async def _hearings(session: Session, case_ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    """What awaits a household where it lives now, for those who read the claim: to be seen before it moves."""
    if sight(Role(session.context.role), FieldGroup.claim) is Sight.hide:
        return {}
    await session.flush()
    pending = await claim_queries.hearings_pending(session, case_ids, clock.today())
    return {case_id: {"hearings_pending": pending.get(case_id, [])} for case_id in case_ids}


async def _words(session: Session, table: str, names: tuple[str, ...], ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    """The reasons on these rows, opened under each household's key; nothing for a role that does not read them."""
    if sight(Role(session.context.role), FieldGroup.reasons) is Sight.hide:
        return {}
    await session.flush()
    rows = await session.rows(
        f"SELECT k.subject_id, k.kek_id, k.wrapped, k.key_version, t.id, {', '.join(f't.sealed_{n}' for n in names)}"
        f" FROM {table} t JOIN subject_keys k ON k.case_id = t.case_id AND k.kind = 'household' AND k.erased_at IS NULL WHERE t.id = ANY(%s)",
        (ids,),
    )
    opened: dict[UUID, dict[str, Any]] = {}
    for household_id, kek_id, wrapped, version, row, *sealed in rows:
        key = session.keyring.unwrap(household_id, kek_id, wrapped, version)
        opened[row] = {
            name: value and key.open(f"{table}/sealed_{name}", row, value)
            for name, value in zip(names, sealed, strict=True)
        }
    return opened
