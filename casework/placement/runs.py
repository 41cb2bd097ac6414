"""Runs over many cases: frozen and queued, solved by the server's own hand, confirmed by a person with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlmodel import col, select

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion
from casework.placement import offers
from casework.placement.model import ENGINE_VERSION
from casework.placement.run_errors import (
    KeptTogether,
    NothingProposed,
    ProposalAlreadyConfirmed,
    RunAlreadyFinished,
    RunNotFinished,
)
from casework.placement.run_inputs import frozen
from casework.placement.run_models import PlacementProposal, PlacementRun, RunStatus
from casework.placement.run_report import decisions, equity
from casework.placement.schemas import OfferCreate

if TYPE_CHECKING:
    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.language import Language
    from casework.placement.run_schemas import PlacementRunCreate, ProposalChoice, RunConfirm


async def start_run(session: Session, caller: Caller, wanted: PlacementRunCreate) -> PlacementRun:
    """Raises what `frozen` does."""
    found = await frozen(session, wanted)
    run = PlacementRun(
        id=new_id(), office_id=caller.office_id, region_code=caller.region_code, created_by=caller.actor_id,
        status=RunStatus.queued, engine_version=ENGINE_VERSION, weights_version=found.weights_version,
        inputs=found.document,
    )  # fmt: skip
    session.add(run)
    await session.flush()
    session.add_all(
        PlacementProposal(
            **subject.bound(), run_id=run.id, label=found.labels.get(case_id), left_out=found.left_out.get(case_id)
        )
        for case_id, subject in found.subjects.items()
    )
    await session.flush()
    trail.record(session, caller, "placement_run.queued", {"run": str(run.id), "cases": len(found.subjects)})
    return run


async def run_to(session: Session, run_id: UUID) -> PlacementRun:
    found = (await session.exec(select(PlacementRun).where(col(PlacementRun.id) == run_id))).first()
    if found is None:
        raise NotFound
    return found


async def cancel_run(session: Session, caller: Caller, run_id: UUID, version: int) -> PlacementRun:
    """What runs is stopped at its next sign of life; what is done stays done."""
    query = select(PlacementRun).where(col(PlacementRun.id) == run_id).with_for_update()
    run = (await session.exec(query)).first()
    if run is None:
        raise NotFound
    if run.status not in {RunStatus.queued, RunStatus.running}:
        raise RunAlreadyFinished(run_status=str(run.status))
    if run.version != version:
        raise StaleVersion
    run.status, run.version = RunStatus.cancelled, run.version + 1
    await session.flush()
    trail.record(session, caller, "placement_run.cancelled", {"run": str(run.id)})
    return run


async def confirm(
    session: Session, caller: Caller, run_id: UUID, wanted: RunConfirm, language: Language
) -> PlacementRun:
    """Each choice becomes an offer that holds its place, all in one transaction: one refusal, and nothing is held.

    Raises the conflicts of an offer (`errors.py`) and of a run (`run_errors.py`).
    """
    run = await run_to(session, run_id)
    if run.status is not RunStatus.done or run.result is None:
        raise RunNotFinished(run_status=str(run.status))
    proposals = await _locked(session, run, wanted)
    for choice in await _in_locking_order(session, run, proposals, wanted):
        await _confirmed(session, caller, run, proposals[choice.case_id], choice, wanted, language)
    facts = {"run": str(run.id), "confirmed": len(wanted.choices)}
    trail.record(session, caller, "placement_run.confirmed", facts)
    return run


async def _locked(session: Session, run: PlacementRun, wanted: RunConfirm) -> dict[UUID, PlacementProposal]:
    """Their rows, each waited for in one order: of two confirmations of a proposal, the second finds it confirmed."""
    query = select(PlacementProposal).where(col(PlacementProposal.run_id) == run.id)
    everyone = (await session.exec(query)).all()
    asked = {choice.case_id for choice in wanted.choices}
    if len(asked) != len(wanted.choices) or not asked <= {row.case_id for row in everyone}:
        raise NotFound
    labels = {row.label for row in everyone if row.case_id in asked and row.label}
    if any(row.label in labels and row.case_id not in asked for row in everyone):
        raise KeptTogether
    locking = query.where(col(PlacementProposal.case_id).in_(asked)).order_by(col(PlacementProposal.id))
    locked = (await session.exec(locking.with_for_update().execution_options(populate_existing=True))).all()
    if any(row.offer_id is not None for row in locked):
        raise ProposalAlreadyConfirmed
    return {row.case_id: row for row in locked}


async def _in_locking_order(
    session: Session, run: PlacementRun, proposals: dict[UUID, PlacementProposal], wanted: RunConfirm
) -> list[ProposalChoice]:
    """By region, agreement and capacity, which each offer locks in that order: two confirmations never wait in a circle."""
    places = {choice.case_id: _chosen(run, proposals[choice.case_id], choice) for choice in wanted.choices}
    rows = await session.rows(
        "SELECT id, region_code, agreement_id FROM capacities WHERE id = ANY(%s)",
        ([place for place in places.values() if place],),
    )
    ranks = {place: (region, str(agreement), str(place)) for place, region, agreement in rows}
    nowhere = ("", "", "")
    return sorted(wanted.choices, key=lambda one: (ranks.get(places[one.case_id], nowhere), one.case_id))


def _chosen(run: PlacementRun, row: PlacementProposal, choice: ProposalChoice) -> UUID | None:
    proposed = place_of(run, row)
    if choice.capacity_id is not None:
        return choice.capacity_id
    return UUID(proposed["capacity_id"]) if proposed else None


async def _confirmed(  # noqa: PLR0913, PLR0917 -- one row, its choice, and what holds for all choices
    session: Session, caller: Caller, run: PlacementRun, row: PlacementProposal, choice: ProposalChoice, wanted: RunConfirm,
    language: Language,
) -> None:  # fmt: skip
    proposed, chosen = place_of(run, row), _chosen(run, row, choice)
    other = proposed is None or str(chosen) != proposed["capacity_id"]
    if chosen is None or (other and choice.override_code is None):
        raise NothingProposed
    body = OfferCreate(
        case_id=choice.case_id, capacity_id=chosen, reason=wanted.reason, expires_in_hours=wanted.expires_in_hours
    )
    offer = await offers.make_offer(session, caller, body, language)
    row.offer_id, row.confirmed_at, row.confirmed_by = offer.id, clock.now(), caller.actor_id
    row.override_code = choice.override_code if other else None
    await session.flush()


def place_of(run: PlacementRun, row: PlacementProposal) -> dict[str, str] | None:
    """The place proposed to a case, and None when none is."""
    placed: dict[str, int] = (run.result or {}).get("placed", {})
    index = placed.get(row.label or "")
    return None if index is None else run.inputs["place_facts"][index]


async def run_as_read(session: Session, run: PlacementRun) -> tuple[dict[str, Any], list[UUID]]:
    """The body of the answer, and the cases it shows."""
    query = select(PlacementProposal).where(col(PlacementProposal.run_id) == run.id).order_by(col(PlacementProposal.id))
    rows = list((await session.exec(query)).all())
    scores = _scores(run)
    confirmed = [(row.confirmed_at, row.override_code is not None) for row in rows if row.confirmed_at is not None]
    report = {
        "proposed": len(scores),
        **decisions(run.finished_at, confirmed),
        "equity": equity(run.inputs["groups"], scores) if run.result else [],
    }
    read = {
        **run.model_dump(exclude={"inputs", "result", "sha256"}),
        "certificate": certificate_of(run),
        "proposals": [_proposal(run, row, scores) for row in rows],
        "report": report,
    }
    return read, [row.case_id for row in rows]


def _scores(run: PlacementRun) -> dict[str, int]:
    placed = (run.result or {}).get("placed", {})
    return {case["id"]: case["scores"][placed[case["id"]]] for case in run.inputs["cases"] if case["id"] in placed}


def certificate_of(run: PlacementRun) -> dict[str, Any] | None:
    if run.result is None:
        return None
    told = {name: run.result[name] for name in ("value", "bound")}
    return {**told, "gap": told["bound"] - run.result["scale"] * told["value"], "sha256": run.sha256}


async def whole_certificate(session: Session, run: PlacementRun) -> tuple[dict[str, Any], list[UUID]]:
    """Raises RunNotFinished."""
    if run.result is None:
        raise RunNotFinished(run_status=str(run.status))
    named = {name: run.inputs[name] for name in ("resources", "places", "cases")}
    query = select(PlacementProposal.case_id).where(col(PlacementProposal.run_id) == run.id)
    return {**named, **run.result, "sha256": run.sha256}, list((await session.exec(query)).all())


def _proposal(run: PlacementRun, row: PlacementProposal, scores: dict[str, int]) -> dict[str, Any]:
    place: dict[str, Any] = place_of(run, row) or dict.fromkeys(("capacity_id", "name", "region_code"))
    group = run.inputs["groups"].get(row.label or "", {})
    return {
        **row.model_dump(include={"case_id", "label", "left_out", "offer_id", "confirmed_at", "override_code"}),
        "capacity_id": place["capacity_id"], "place_name": place["name"], "region_code": place["region_code"],
        "score": scores.get(row.label or ""), "rules_together": group.get("rules_together", []),
    }  # fmt: skip
