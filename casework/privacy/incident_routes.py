from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import col, or_, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.dates import EARLIEST, LATEST, CivilDate
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.privacy import incidents
from casework.privacy.incident_schemas import IncidentAmend, IncidentCreate, IncidentRead
from casework.privacy.models import Incident, IncidentVersion

router = APIRouter(route_class=GuardedRoute, tags=["privacy"])
Reader = Annotated[Caller, allow(Permission.incident_read)]
Writer = Annotated[Caller, allow(Permission.incident_write)]
NOTICE_DUE = (
    select(IncidentVersion.incident_id)
    .where(
        col(IncidentVersion.incident_id) == col(Incident.id),
        col(IncidentVersion.version) == col(Incident.version),
        col(IncidentVersion.serious_risk),
        or_(
            col(IncidentVersion.commission_notified_on).is_(None),
            col(IncidentVersion.persons_notified_on).is_(None) & ~col(IncidentVersion.persons_notice_deferred),
        ),
    )
    .exists()
)


class JsonLines(Response):
    media_type = "application/jsonl"


@router.post("/incidents", status_code=201, response_model=IncidentRead, **described(Permission.incident_write))
async def record_incident(
    response: Response, body: IncidentCreate, caller: Writer, session: OnceSession
) -> dict[str, Any]:
    """Inscrire un incident de confidentialité : les huit champs du registre, et s'il présente un risque de préjudice
    sérieux, les avis à donner. Nommez des sortes de renseignements, jamais une personne.

    Record a confidentiality incident: the register's eight fields and, when it presents a risk of serious injury, the
    notices to give. Name kinds of information, never a person.
    """
    made = await incidents.record_incident(session, caller, body)
    response.headers["Location"] = f"/v1/incidents/{made['id']}"
    response.headers["ETag"] = etag(made["version"], caller.role)
    return made


@router.get("/incidents", response_model=Page[IncidentRead], **described(Permission.incident_read))
async def list_incidents(
    request: Request,
    caller: Reader,
    session: Session,
    notice_due: Annotated[
        bool, Query(description="Seulement ceux dont un avis reste à donner. Only those with a notice still to give.")
    ] = False,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Le registre, du plus récent au plus ancien, avec les avis dus et en retard.

    The register, newest first, with the notices due and overdue.
    """
    query = select(Incident)
    if notice_due:
        query = query.where(NOTICE_DUE)
    page = await newest_first(request, session, Incident, query, f"incidents:{notice_due}", limit, cursor)
    await trail.record_read(session, caller, Permission.incident_read, [])
    return {**page, "items": await incidents.as_they_stand(session, page["items"])}


@router.get("/incidents/{incident_id}", response_model=IncidentRead, **described(Permission.incident_read, NotFound))
async def read_incident(response: Response, incident_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """Une inscription telle qu'elle est aujourd'hui.

    An entry as it stands today.
    """
    [found] = await incidents.as_they_stand(session, [await incidents.incident_to(session, incident_id)])
    await trail.record_read(session, caller, Permission.incident_read, [])
    response.headers["ETag"] = etag(found["version"], caller.role)
    return found


@router.get("/incidents/{incident_id}/history", response_model=list[IncidentRead],
            **described(Permission.incident_read, NotFound))  # fmt: skip
async def read_incident_history(incident_id: UUID, caller: Reader, session: Session) -> list[dict[str, Any]]:
    """Tout ce que l'inscription a dit, dans l'ordre : rien n'est récrit.

    Everything the entry has said, in order: nothing is rewritten.
    """
    return await incidents.history(session, caller, incident_id)


@router.post("/incidents/{incident_id}/amendments", status_code=201, response_model=IncidentRead,
             **described(Permission.incident_write, NotFound, StaleVersion, VersionRequired))  # fmt: skip
async def amend_incident(
    response: Response,
    incident_id: UUID,
    body: IncidentAmend,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Compléter ou corriger : une version de plus, avec sa raison ; les précédentes restent.

    Complete or correct: one more version, with its reason; the earlier ones stay.
    """
    made = await incidents.amend_incident(session, caller, incident_id, version, body)
    response.headers["ETag"] = etag(made["version"], caller.role)
    return made


@router.get("/incident-register", response_class=JsonLines, **described(Permission.incident_read))
async def export_incident_register(
    caller: Reader,
    session: Session,
    aware_from: CivilDate = EARLIEST,
    aware_until: CivilDate = LATEST,
) -> Response:
    """Le registre à remettre à la Commission d'accès à l'information : un manifeste (nombre, période, empreinte, point de
    contrôle du journal), puis une ligne par incident.

    The register to hand to the access commission (CAI): a manifest (count, range, hash, checkpoint of the log), then
    one line for each incident.
    """
    return JsonLines(await incidents.register(session, caller, aware_from, aware_until))
