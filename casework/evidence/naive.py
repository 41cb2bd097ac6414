"""The control server: Casework itself, with each measured operation done the naive way on paths of its own.

Same framework, gate, transaction, row security, encryption and log entry; what differs is only how rows travel.
Reading: one query an object, one object a row, the answer validated by its model. Intake: one INSERT and one round
trip a row. A bench in which these pass as the product does measures nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import click
import uvicorn
from fastapi import APIRouter
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.cases import service
from casework.cases.models import CLOSE_REASON_PLACE, SOURCE_PLACE, Case, ClaimStatusEntry, NeedEntry, PreferenceEntry
from casework.cases.schemas import CaseCreate, CaseRead
from casework.kernel import logs
from casework.kernel.problems import NotFound
from casework.kernel.rows import columns
from casework.main import create_app
from casework.people.models import Consent, Household, Identifier, Membership, Person, SubjectKey
from casework.people.schemas import ConsentRead
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from casework.kernel.database import Session as DatabaseSession
    from casework.kernel.rows import NewRow
    from casework.kernel.sealing import SubjectKey as DataKey

router = APIRouter(route_class=GuardedRoute, prefix="/naive")


@router.get("/cases/{case_id}", response_model_exclude_unset=True)
async def read_case(
    case_id: UUID, caller: Annotated[Caller, allow(Permission.case_read)], session: Session
) -> CaseRead:
    answer = await _read(session, case_id)
    await trail.record_read(session, caller, Permission.case_read, [case_id])
    return answer


@router.post("/cases", status_code=201, response_model_exclude_unset=True)
async def take_in(
    body: CaseCreate, caller: Annotated[Caller, allow(Permission.case_create)], session: OnceSession
) -> CaseRead:
    session.insert = partial(_one_by_one, session)  # type: ignore[method-assign]
    case = await service.take_in(session, caller, body)
    answer = await _read(session, case.id)
    await trail.record_read(session, caller, Permission.case_read, [case.id])
    return answer


async def _one_by_one(session: DatabaseSession, new: Iterable[NewRow], *more: tuple[str, dict[str, Any]]) -> None:
    for row in new:
        names = [column.name for column in columns(row.model)]
        values = {name: getattr(value, "obj", value) for name, value in zip(names, row.values, strict=True)}
        session.add(row.model(**values))
        await session.flush()
    for sql, parameters in more:
        await session.rows(sql, parameters)


async def _read(session: DatabaseSession, case_id: UUID) -> CaseRead:
    case = await session.get(Case, case_id)
    if case is None:
        raise NotFound
    memberships = await _of_case(session, Membership, case_id)
    current = [membership for membership in memberships if membership.ends_on is None]
    statuses = sorted(await _of_case(session, ClaimStatusEntry, case_id), key=lambda s: (s.occurred_on, s.id))
    needs, preferences = (
        await _of_case(session, NeedEntry, case_id),
        await _of_case(session, PreferenceEntry, case_id),
    )
    households = await _of_case(session, Household, case_id)
    row = (await session.exec(select(SubjectKey).where(col(SubjectKey.subject_id) == households[0].id))).one()
    key = session.keyring.unwrap(row.subject_id, row.kek_id, row.wrapped, row.key_version)
    sealed = case.sealed_close_reason
    answer = {
        **case.model_dump(exclude={"claimed_on", "sealed_close_reason"}),
        "close_reason": key.open(CLOSE_REASON_PLACE, case.id, sealed) if sealed else None,
        "household": {"id": households[0].id, "members": [await _member(session, one) for one in current]},
        "needs": needs[-1].model_dump(include={"services", "interpreter_languages", "bedrooms"}),
        "preferences": preferences[-1].model_dump(include={"choices", "occupations"}),
        "consents": [
            consent.model_dump(include=set(ConsentRead.model_fields))
            for consent in await _of_case(session, Consent, case_id)
        ],
        "claim": {
            "claimed_on": case.claimed_on,
            "statuses": [
                {
                    **status.model_dump(
                        include={"person_id", "status", "occurred_on", "printed_due_on", "hearing_on", "hearing_place"}
                    ),
                    "source": key.open(SOURCE_PLACE, status.id, status.sealed_source),
                }
                for status in statuses
            ],
        },
    }
    return CaseRead.model_validate(answer)


async def _member(session: DatabaseSession, membership: Membership) -> dict[str, Any]:
    person = await session.get(Person, membership.person_id)
    row = await session.get(SubjectKey, membership.person_id)
    if person is None or row is None:
        raise NotFound
    key = session.keyring.unwrap(person.id, row.kek_id, row.wrapped, row.key_version)
    query = select(Identifier).where(col(Identifier.person_id) == person.id).order_by(col(Identifier.id))
    identifiers = (await session.exec(query)).all()
    member = {
        "person_id": person.id, "external_id": person.external_id, "relation": membership.relation,
        "is_adult": person.is_adult, "languages": person.languages,
        "identifiers": [_identifier(key, one) for one in identifiers],
    }  # fmt: skip
    for name in ("name", "birth", "contact"):
        sealed = getattr(person, f"sealed_{name}")
        if sealed is not None:
            member[name] = key.open(f"persons/sealed_{name}", person.id, sealed)
    return member


def _identifier(key: DataKey, row: Identifier) -> dict[str, Any]:
    value = key.open("identifiers/sealed_value", row.id, row.sealed_value)
    return {"type": row.type, "value": value, "expires_on": row.expires_on}


async def _of_case(session: DatabaseSession, model: type[Any], case_id: UUID) -> Sequence[Any]:
    return (await session.exec(select(model).where(model.case_id == case_id).order_by(model.id))).all()


@click.command()
@click.option("--port", required=True, type=int)
def main(port: int) -> None:
    """Le témoin, pour la mesure. The control, for the bench."""
    settings = Settings()
    logs.configure(settings.log_level)
    app = create_app(settings)
    # After the boot check: these paths exist in this process only, and they carry the same gates.
    app.include_router(router)
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=10, loop="uvloop", http="httptools",
    )  # fmt: skip


if __name__ == "__main__":
    main()
