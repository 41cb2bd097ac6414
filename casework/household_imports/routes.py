from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, allow
from casework.authz.policy import Permission
from casework.cases.errors import NoOfficeToIntakeInto
from casework.household_imports import service
from casework.household_imports.errors import ImportUnderWay, SheetTooLarge, SheetUnreadable
from casework.household_imports.schemas import HouseholdImportRead
from casework.household_imports.sheets import CSV, XLSX, sheet_of
from casework.kernel.openapi import described, taking_a_file
from casework.kernel.problems import BodyTooLarge, UnsupportedMediaType

router = APIRouter(route_class=GuardedRoute, prefix="/household-imports", tags=["cases"])
MEDIA: Final = (XLSX, CSV)


@router.post("", response_model=HouseholdImportRead,
             **taking_a_file(MEDIA, described(Permission.case_create, NoOfficeToIntakeInto, ImportUnderWay,
                                              BodyTooLarge, UnsupportedMediaType, SheetTooLarge, SheetUnreadable)))  # fmt: skip
async def import_households(
    request: Request,
    caller: Annotated[Caller, allow(Permission.case_create)],
    session: OnceSession,
    dry_run: Annotated[
        bool, Query(description="Le même rapport, sans rien enregistrer. The same report, nothing recorded.")
    ] = False,
    office_id: Annotated[
        UUID | None, Query(description="Le bureau, si le rôle n'en a pas. The office, if the role has none.")
    ] = None,
) -> Response:
    """Prise en charge de ménages d'un tableau, une ligne par personne ; les lignes d'un ménage portent la même
    référence (`household`), qui devient son identifiant externe. Les ménages sans faute sont enregistrés ; les autres
    sont laissés de côté en entier, chaque cellule fautive nommée. Un ménage déjà connu n'est jamais modifié.

    Intake of the households of a sheet, one line per person; the lines of a household carry the same reference
    (`household`), which becomes its external identifier. Households without a fault are recorded; the others are left
    out whole, each faulty cell named. A household already known is never changed.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in MEDIA:
        raise UnsupportedMediaType(expected=", ".join(MEDIA))
    sheet = sheet_of(await request.body(), media)
    report = await service.import_households(session, caller, sheet, office_id, dry_run=dry_run)
    return Response(report.json(), media_type="application/json")
