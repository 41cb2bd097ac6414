from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.language import preferred
from casework.kernel.openapi import described
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.placement import errors, run_errors, runs
from casework.placement.run_export import CONTENT, MEDIA_TYPES, RunForm, exported
from casework.placement.run_models import PlacementRun
from casework.placement.run_page import POLICY
from casework.placement.run_schemas import CertificateDocument, PlacementRunCreate, PlacementRunRead, RunConfirm

router = APIRouter(route_class=GuardedRoute, prefix="/placement-runs", tags=["placement"])
OFFERING = (
    errors.NotEnoughPlaces, errors.RegionFull, errors.AgreementFull, errors.OfferAlreadyOpen, errors.CaseAlreadyAssigned,
    errors.CaseNotOpen, errors.AgreementEnded, errors.CaseNotPlaceable, errors.PlaceExcluded,
    errors.CapacityOutOfPeriod, errors.CapacityOfAnotherResource,
)  # fmt: skip


async def _answer(session: Session, caller: Caller, run: PlacementRun, response: Response) -> dict[str, Any]:
    read, _ = await runs.run_as_read(session, run)
    response.headers["ETag"] = _tag(caller, read)
    return read


def _tag(caller: Caller, read: dict[str, Any]) -> str:
    """Signs of life and confirmations change what is read, and not the run's own version."""
    return etag(read["version"], f"{caller.role}-{read['progress']}-{read['report']['confirmed']}")


@router.post("", status_code=201, response_model=PlacementRunRead,
             **described(Permission.placement_run_create, NotFound, errors.CaseNotOpen))  # fmt: skip
async def start_placement_run(
    response: Response,
    body: PlacementRunCreate,
    caller: Annotated[Caller, allow(Permission.placement_run_create)],
    session: OnceSession,
) -> dict[str, Any]:
    """Mettre en file un calcul de placement sur plusieurs dossiers ; ses données sont figées. Rien n'est décidé.

    Queue a placement run over many cases; its inputs are frozen. Nothing is decided.
    """
    run = await runs.start_run(session, caller, body)
    response.headers["Location"] = f"/v1/placement-runs/{run.id}"
    return await _answer(session, caller, run, response)


def _readable() -> dict[str, Any]:
    """A run is read as JSON at any time, as a table or a page once it is done."""
    said = described(Permission.placement_run_read, NotFound, run_errors.RunNotFinished)
    said["responses"][200] = {"content": CONTENT}
    return said


@router.get("/{run_id}", response_model=PlacementRunRead, **_readable())
async def read_placement_run(
    response: Response,
    run_id: UUID,
    caller: Annotated[Caller, allow(Permission.placement_run_read)],
    session: Session,
    form: Annotated[RunForm, Query(alias="format")] = RunForm.json,
) -> Any:
    """Un calcul : avancement, propositions, certificat, suites données et équité (petits nombres masqués). Terminé, il
    se lit aussi en tableau (`format=csv`) ou en une page avec carte des régions et certificat (`format=html`).

    A run: progress, proposals, certificate, decisions taken and equity (small cells hidden). Once done, it reads as a
    table too (`format=csv`), or as one page with a map of the regions and the certificate (`format=html`).
    """
    run = await runs.run_to(session, run_id)
    if form is not RunForm.json:
        text, cases = await exported(session, run, form)
        await trail.record_read(session, caller, Permission.placement_run_read, cases)
        headers = {
            "Content-Security-Policy": POLICY,
            "Content-Disposition": f'inline; filename="placement-{run.id}.{form}"',
        }
        return Response(text, media_type=MEDIA_TYPES[form], headers=headers)
    read, cases = await runs.run_as_read(session, run)
    await trail.record_read(session, caller, Permission.placement_run_read, cases)
    response.headers["ETag"] = _tag(caller, read)
    return read


@router.get("/{run_id}/certificate", response_model=CertificateDocument,
            **described(Permission.placement_run_read, NotFound, run_errors.RunNotFinished))  # fmt: skip
async def read_certificate(
    run_id: UUID,
    caller: Annotated[Caller, allow(Permission.placement_run_read)],
    session: Session,
) -> dict[str, Any]:
    """Le certificat entier : données figées sous étiquettes, prix, borne, empreinte. `casework/placement/engine/check.py` le vérifie.

    The whole certificate: frozen inputs under labels, prices, bound, hash. `casework/placement/engine/check.py` checks it.
    """
    run = await runs.run_to(session, run_id)
    certificate, cases = await runs.whole_certificate(session, run)
    await trail.record_read(session, caller, Permission.placement_run_read, cases)
    return certificate


@router.post("/{run_id}/cancel", response_model=PlacementRunRead,
             **described(Permission.placement_run_create, NotFound, run_errors.RunAlreadyFinished, StaleVersion,
                         VersionRequired))  # fmt: skip
async def cancel_placement_run(
    response: Response,
    run_id: UUID,
    caller: Annotated[Caller, allow(Permission.placement_run_create)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Annuler un calcul qui attend ou qui court.

    Cancel a run that waits or runs.
    """
    run = await runs.cancel_run(session, caller, run_id, version)
    return await _answer(session, caller, run, response)


@router.post("/{run_id}/confirmations", status_code=201, response_model=PlacementRunRead,
             **described(Permission.placement_run_confirm, NotFound, run_errors.RunNotFinished,
                         run_errors.ProposalAlreadyConfirmed, run_errors.NothingProposed, run_errors.KeptTogether,
                         *OFFERING))  # fmt: skip
async def confirm_proposals(
    request: Request,
    response: Response,
    run_id: UUID,
    body: RunConfirm,
    caller: Annotated[Caller, allow(Permission.placement_run_confirm)],
    session: OnceSession,
) -> dict[str, Any]:
    """Confirmer des propositions, une ou plusieurs, toutes ou aucune : chacune devient une offre. Une personne décide et dit pourquoi.

    Confirm proposals, one or several, all or none: each becomes an offer. A person decides and says why.
    """
    language = preferred(request.headers.get("accept-language"))
    run = await runs.confirm(session, caller, run_id, body, language)
    return await _answer(session, caller, run, response)
