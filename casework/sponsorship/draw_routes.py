from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page
from casework.sponsorship import draws, queries
from casework.sponsorship.errors import DrawAlreadyOpen, DrawStepNotPossible
from casework.sponsorship.lifecycle import Pool
from casework.sponsorship.models import Draw
from casework.sponsorship.reference import caps
from casework.sponsorship.schemas import DrawCreate, DrawPublication, DrawRead, DrawVerification, SponsorshipCaps

router = APIRouter(route_class=GuardedRoute, tags=["sponsorship"])
Reader = Annotated[Caller, allow(Permission.draw_read)]
Manager = Annotated[Caller, allow(Permission.draw_manage)]
STEP = (NotFound, DrawStepNotPossible, StaleVersion, VersionRequired)


def _tagged(caller: Caller, draw: Draw, response: Response) -> Draw:
    response.headers["ETag"] = etag(draw.version, caller.role)
    return draw


@router.get("/sponsorship-caps", response_model=SponsorshipCaps, **described(Permission.draw_read))
async def list_sponsorship_caps(
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,  # noqa: ARG001 -- the grant is in force
) -> dict[str, Any]:
    """Les plafonds publiés, par année, catégorie et destination, chacun avec sa source.

    The published caps, by year, category and destination, each with its source.
    """
    return {"items": caps()}


@router.post("/draws", status_code=201, response_model=DrawRead, **described(Permission.draw_manage, DrawAlreadyOpen))
async def commit_to_draw(response: Response, body: DrawCreate, caller: Manager, session: OnceSession) -> Draw:
    """S'engager, avant la clôture de la liste, sur une graine que personne n'a vue : publiez `commitment`.

    Commit, before the list closes, to a seed that nobody has seen: publish `commitment`.
    """
    made = await draws.open_draw(session, caller, body)
    response.headers["Location"] = f"/v1/draws/{made.id}"
    return _tagged(caller, made, response)


@router.get("/draws", response_model=Page[DrawRead], **described(Permission.draw_read))
async def list_draws(
    request: Request,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    pool: Pool | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les tirages, du plus récent au plus ancien.

    The draws, newest first.
    """
    query = select(Draw)
    if pool is not None:
        query = query.where(col(Draw.pool) == pool)
    return await newest_first(request, session, Draw, query, f"draws:{pool}", limit, cursor)


@router.get("/draws/{draw_id}", response_model=DrawRead, **described(Permission.draw_read, NotFound))
async def read_draw(response: Response, draw_id: UUID, caller: Reader, session: Session) -> Draw:
    """Un tirage : engagement, empreinte de la liste, puis graine et empreinte du résultat.

    One draw: commitment, hash of the list, then seed and hash of the result.
    """
    return _tagged(caller, await queries.draw_to(session, draw_id), response)


@router.post("/draws/{draw_id}/freeze", response_model=DrawRead, **described(Permission.draw_manage, *STEP))
async def freeze_draw_list(
    response: Response, draw_id: UUID, caller: Manager, version: ExpectedVersion, session: OnceSession
) -> Draw:
    """Clore la liste et la figer sous son empreinte ; plus aucun dépôt n'y entre.

    Close the list and freeze it under its hash; no submission enters it any more.
    """
    return _tagged(caller, await draws.freeze(session, caller, draw_id, version), response)


@router.post("/draws/{draw_id}/run", response_model=DrawRead, **described(Permission.draw_manage, *STEP))
async def run_draw(
    response: Response, draw_id: UUID, caller: Manager, version: ExpectedVersion, session: OnceSession
) -> Draw:
    """Tirer, une seule fois : la graine est révélée, chaque engagement devient tiré ou non tiré.

    Draw, once: the seed is revealed, each undertaking becomes drawn or not drawn.
    """
    return _tagged(caller, await draws.run(session, caller, draw_id, version), response)


@router.get("/draws/{draw_id}/publication", response_model=DrawPublication,
            **described(Permission.draw_read, NotFound, DrawStepNotPossible))  # fmt: skip
async def publish_draw(
    draw_id: UUID,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
) -> dict[str, Any]:
    """Tout ce qu'il faut pour refaire le tirage sans nous croire (docs/draw.md) : des récépissés, aucun nom.

    Everything needed to run the draw again without believing us (docs/draw.md): receipts, no name.
    """
    return await draws.publication(session, draw_id)


@router.get("/draws/{draw_id}/verification", response_model=DrawVerification,
            **described(Permission.draw_read, NotFound, DrawStepNotPossible))  # fmt: skip
async def verify_draw(
    draw_id: UUID,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
) -> dict[str, Any]:
    """Le tirage refait par le serveur à partir des lignes telles qu'elles sont.

    The draw run again by the server from the rows as they stand.
    """
    return await draws.verify(session, draw_id)
