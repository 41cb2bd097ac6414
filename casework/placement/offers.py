"""Offers: a place held for a household until every adult has answered, or time has run out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.authz.policy import Permission
from casework.cases.service import case_to, household_key
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.single import single
from casework.placement import holds, hooks, inputs, reading
from casework.placement.errors import (
    AgreementEnded,
    AlreadyAnswered,
    CapacityOfAnotherResource,
    CapacityOutOfPeriod,
    CaseAlreadyAssigned,
    ConsentNoLongerStands,
    NotAnAdult,
    OfferNotOpen,
    PlaceExcluded,
    TransferAlreadyOpen,
)
from casework.placement.explain import violation_text
from casework.placement.grants import grant_to_hosts
from casework.placement.model import rank
from casework.placement.models import (
    REASON_PLACE,
    WITHDRAW_PLACE,
    Answer,
    Assignment,
    AssignmentStatus,
    Offer,
    OfferAnswer,
    OfferStatus,
)
from casework.placement.recommendations import ASSIGNED, refuse_case
from casework.placement.reference import default_weights
from casework.placement.rules import Rule
from casework.placement.transfer_models import IS_OPEN

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.language import Language
    from casework.placement.schemas import OfferAccept, OfferCreate
    from casework.placement.transfer_schemas import TransferCreate

STANDS = f"SELECT 1 FROM agreements a WHERE a.id = %(id)s AND {holds.AGREED}"
RECOMMENDED = "SELECT 1 FROM recommendations WHERE id = %s AND case_id = %s"
UNDER_TRANSFER = f"SELECT 1 FROM transfers WHERE case_id = %s AND {IS_OPEN}"
OF_TRANSFER = "SELECT 1 FROM transfers WHERE offer_id = %s"
END_GRANTS = "UPDATE case_grants SET ended_at = %s WHERE source_id = %s AND ended_at IS NULL"


async def make_offer(session: Session, caller: Caller, wanted: OfferCreate, language: Language) -> Offer:
    """Hold the places and tell the host region and organization. Raises the conflicts of `errors.py`."""
    await case_to(Permission.offer_create, session, caller, wanted.case_id)
    subject = await inputs.subject_of(session, wanted.case_id)
    if await session.rows(ASSIGNED, (wanted.case_id,)):
        raise CaseAlreadyAssigned
    if await session.rows(UNDER_TRANSFER, (wanted.case_id,)):
        raise TransferAlreadyOpen
    await _refuse_foreign(session, wanted)
    return await hold_place(session, caller, subject, wanted, language)


async def hold_place(
    session: Session, caller: Caller, subject: inputs.Subject, wanted: OfferCreate | TransferCreate, language: Language
) -> Offer:
    """The hold of an offer, whether the household has a host yet or not."""
    await _refuse_excluded(session, subject, wanted.capacity_id, language)
    offer = await _held(session, caller, subject, wanted)
    await grant_to_hosts(session, subject.bound(), offer)
    trail.record(session, caller, "offer.made", _facts(offer))
    for act in hooks.on_offer_made:
        await act(session, caller, offer)
    return offer


async def _refuse_foreign(session: Session, wanted: OfferCreate) -> None:
    """A foreign key looks behind row security: another case's recommendation is refused like an absent one."""
    cited = wanted.recommendation_id
    if cited is not None and not await session.rows(RECOMMENDED, (cited, wanted.case_id)):
        raise NotFound


async def _refuse_excluded(session: Session, subject: inputs.Subject, capacity_id: UUID, language: Language) -> None:
    """The hard rules once more, on the server: an offer does not have to come from a recommendation."""
    on = clock.today()
    places = [p for p in await inputs.places(session, on) if str(capacity_id) in p.capacity_ids]
    if not places:
        rows = await session.rows("SELECT resource FROM capacities WHERE id = %s", (capacity_id,))
        if not rows:
            raise NotFound
        raise CapacityOutOfPeriod if rows[0][0] == "persons" else CapacityOfAnotherResource
    ranking = rank(subject.needs, places, default_weights(on), on)
    if ranking.not_in_model:
        refuse_case(ranking, language)
    broken = [violation for out in ranking.excluded for violation in out.violations]
    # Room is decided by the one statement that takes it, which can say how much is left at that instant.
    broken = [violation for violation in broken if violation.rule is not Rule.capacity_insufficient]
    if broken:
        said = [violation_text(ranking, violation) for violation in broken]
        raise PlaceExcluded(
            rules=[str(violation.rule) for violation in broken],
            reasons=" ".join(text.en if language == "en" else text.fr for text in said),
        )


async def _held(
    session: Session, caller: Caller, subject: inputs.Subject, wanted: OfferCreate | TransferCreate
) -> Offer:
    key = await key_within_reach(session, subject.household_id)
    session.about, session.about_case = key, subject.case_id
    offer_id, on = new_id(), clock.today()
    parameters = {
        "persons": subject.needs.persons, "capacity": wanted.capacity_id, "on": on, "id": offer_id, "now": clock.now(),
        "case": subject.case_id, "office": subject.office_id, "region": subject.region_code,
        "recommendation": getattr(wanted, "recommendation_id", None), "reason": key.seal(REASON_PLACE, offer_id, wanted.reason),
        "by": caller.actor_id,
        "ref": key.pseudonym("offer", offer_id),
        "expires": clock.now() + timedelta(hours=wanted.expires_in_hours),
    }  # fmt: skip
    await holds.hold(session, parameters)
    return await offer_to(session, offer_id)


async def offer_to(session: Session, offer_id: UUID, version: int | None = None, *, lock: bool = False) -> Offer:
    """Raises NotFound or StaleVersion."""
    return await single(session, reading.offers().where(col(Offer.id) == offer_id), version, lock=lock)


async def answer_offer(
    session: Session, caller: Caller, offer_id: UUID, version: int, said: OfferAccept, answer: Answer
) -> Offer:
    """One adult's answer. All accept: an assignment is proposed; one declines: the places are free again."""
    offer = await _awaiting(session, offer_id, version)
    subject = await inputs.subject_of(session, offer.case_id)
    await case_to(Permission.offer_answer, session, caller, offer.case_id)
    session.about, session.about_case = await key_within_reach(session, subject.household_id), offer.case_id
    if said.person_id not in subject.members:
        raise NotFound
    if said.person_id not in subject.adults:
        raise NotAnAdult
    answers = {row.person_id: row for row in await answers_to(session, offer.id)}
    if said.person_id in answers:
        raise AlreadyAnswered
    row = OfferAnswer(
        **subject.bound(), offer_id=offer.id, person_id=said.person_id, answer=answer,
        reason_code=getattr(said, "reason_code", None), channel=said.channel, language=said.language,
        recorded_by=caller.actor_id,
    )  # fmt: skip
    session.add(row)
    offer.version += 1
    if answer is Answer.decline:
        await _settle(session, offer, OfferStatus.declined)
    elif subject.adults <= {*answers, said.person_id}:
        await refuse_lapsed(session, offer.agreement_id, subject)
        if await session.rows(OF_TRANSFER, (offer.id,)):
            await _keep_for_transfer(session, offer, subject)
        else:
            await _assign(session, caller, offer, subject)
    await session.flush()
    facts = {**_facts(offer), "answer": str(answer), "reason": row.reason_code and str(row.reason_code)}
    trail.record(session, caller, "offer.answered", facts)
    for act in hooks.on_offer_answered:
        await act(session, caller, offer, row)
    return offer


async def withdraw_offer(session: Session, caller: Caller, offer_id: UUID, version: int, reason: str) -> Offer:
    offer = await _awaiting(session, offer_id, version)
    await case_to(Permission.offer_withdraw, session, caller, offer.case_id)
    key = await household_key(session, offer.case_id)
    offer.version += 1
    offer.sealed_withdraw_reason = key.seal(WITHDRAW_PLACE, offer.id, reason)
    await _settle(session, offer, OfferStatus.withdrawn)
    trail.record(session, caller, "offer.withdrawn", _facts(offer))
    return offer


async def _awaiting(session: Session, offer_id: UUID, version: int) -> Offer:
    """The offer, locked, still waiting for answers; past its time it is as good as expired."""
    offer = await offer_to(session, offer_id, lock=True)
    if offer.status is not OfferStatus.held or offer.expires_at <= clock.now():
        late = OfferStatus.expired if offer.status is OfferStatus.held else offer.status
        raise OfferNotOpen(offer_status=str(late))
    if offer.version != version:
        raise StaleVersion
    return offer


async def _settle(session: Session, offer: Offer, status: OfferStatus) -> None:
    """No placement: the places are free again and the hosts' view ends."""
    await holds.release(session, offer.capacity_id, offer.persons)
    offer.status, offer.answered_at = status, clock.now()
    await session.flush()
    await session.rows(END_GRANTS, (clock.now(), offer.id))


async def refuse_lapsed(session: Session, agreement_id: UUID, subject: inputs.Subject) -> None:
    """Between the offer and the last acceptance, an adult may have taken a consent back, or the agreement ended."""
    if not subject.needs.has_consent:
        raise ConsentNoLongerStands
    await refuse_ended(session, agreement_id)


async def refuse_ended(session: Session, agreement_id: UUID) -> None:
    if not await session.rows(STANDS, {"id": agreement_id, "on": clock.today()}):
        raise AgreementEnded


async def _keep_for_transfer(session: Session, offer: Offer, subject: inputs.Subject) -> None:
    """Every adult would move: the places wait for the organization's word and the departure; the hosts go on seeing."""
    await _accepted(session, offer)
    await session.rows(END_GRANTS, (clock.now(), offer.id))
    await grant_to_hosts(session, subject.bound(), offer)


async def _accepted(session: Session, offer: Offer) -> None:
    """The places that were held are used from now on."""
    await holds.take(session, offer.capacity_id, offer.persons)
    offer.status, offer.answered_at = OfferStatus.accepted, clock.now()
    await session.flush()


async def _assign(session: Session, caller: Caller, offer: Offer, subject: inputs.Subject) -> None:
    await _accepted(session, offer)
    [(host_region,)] = await session.rows("SELECT region_code FROM capacities WHERE id = %s", (offer.capacity_id,))
    assignment = Assignment(
        **subject.bound(), offer_id=offer.id, capacity_id=offer.capacity_id, organization_id=offer.organization_id,
        agreement_id=offer.agreement_id, geo_code=offer.geo_code, host_region_code=host_region, persons=offer.persons,
        status=AssignmentStatus.proposed,
    )  # fmt: skip
    session.add(assignment)
    await session.flush()
    await grant_to_hosts(session, subject.bound(), assignment)
    await session.rows(END_GRANTS, (clock.now(), offer.id))
    trail.record(
        session,
        caller,
        "assignment.proposed",
        {**_facts(offer), "assignment": assignment_reference(session, assignment)},
    )


async def answers_to(session: Session, offer_id: UUID) -> list[OfferAnswer]:
    query = select(OfferAnswer).where(col(OfferAnswer.offer_id) == offer_id).order_by(col(OfferAnswer.id))
    return list((await session.exec(query)).all())


def assignment_reference(session: Session, assignment: Assignment) -> str | None:
    """Ties the leaves of one assignment together; dies with the household's key."""
    return session.about.pseudonym("assignment", assignment.id) if session.about else None


def _facts(offer: Offer) -> dict[str, Any]:
    """What stands in the log for ever; `subject_ref`, which ties an offer's leaves, dies with the household's key."""
    return {
        "offer": offer.subject_ref, "status": str(offer.status), "persons": offer.persons,
        "organization": str(offer.organization_id), "geo_code": offer.geo_code,
    }  # fmt: skip
