from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, allow
from casework.authz.policy import Permission
from casework.kernel.body_guard import refuse_hostile_json
from casework.kernel.openapi import described
from casework.kernel.problems import ConcurrentChange, Problem
from casework.milestones import batches
from casework.milestones.batches import Line, Mode
from casework.milestones.schemas import BatchReport, MilestoneBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

JSON_LINES = frozenset({"application/jsonl", "application/x-ndjson"})


class JsonLinesRoute(GuardedRoute):
    """Reads JSON Lines as the JSON document they stand for; a line that cannot be read is that line's own fault."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_lines(request: Request) -> Response:
            media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            return await handle(await _as_document(request) if media in JSON_LINES else request)

        return handle_lines


async def _as_document(request: Request) -> Request:
    items, unreadable = [], dict[int, Problem]()
    for number, line in enumerate((await request.body()).rstrip(b"\r\n").split(b"\n"), 1):
        try:
            refuse_hostile_json(line)
            items.append(json.loads(line))
        except Problem as problem:
            unreadable[number] = problem
            items.append(None)
    body = json.dumps({"items": items}).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
    found = Request({**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}, receive)
    found.state.unreadable = unreadable
    return found


router = APIRouter(route_class=JsonLinesRoute, tags=["milestones"])


@router.post("/milestone-batches", response_model=BatchReport,
             **described(Permission.milestone_record, ConcurrentChange))  # fmt: skip
async def record_milestone_batch(
    request: Request,
    body: MilestoneBatch,
    caller: Annotated[Caller, allow(Permission.milestone_record)],
    session: OnceSession,
    mode: Annotated[Mode, Query(description="Ce qu'une ligne refusée fait aux autres. What one refused line does to the others.")] = Mode.best_effort,
    dry_run: Annotated[bool, Query(description="Le même compte rendu, sans rien écrire. The same report, nothing written.")] = False,
) -> dict[str, Any]:  # fmt: skip
    """Enregistrer des jalons par lot : `application/jsonl`, un jalon par ligne, ou le document JSON ci-dessous. L'ordre
    est gardé, chaque ligne reçoit sa réponse dans les deux langues, et une ligne déjà enregistrée ne l'est pas deux fois.

    Record milestones in a batch: `application/jsonl`, one milestone a line, or the JSON document below. The order is
    kept, each line is answered in both languages, and a line already recorded is not recorded twice.
    """
    unreadable = getattr(request.state, "unreadable", {})
    report = await batches.record_batch(session, caller, body.items, unreadable, mode, dry_run=dry_run)
    return {"mode": mode, "dry_run": dry_run, **batches.counted(report), "items": [_as_read(one) for one in report]}


def _as_read(line: Line) -> dict[str, Any]:
    success = 200 if line.result is batches.Result.already_recorded else 201
    return {
        "line": line.number,
        "status": line.problem.status if line.problem else success,
        "result": line.result,
        "id": line.id,
        "problem": line.problem and _in_both(line.problem),
    }


def _in_both(problem: Problem) -> dict[str, Any]:
    french, english = problem.document("fr"), problem.document("en")
    faults = zip(french.get("errors", ()), english.get("errors", ()), strict=True)
    return {
        "type": french["type"],
        "title_fr": french["title"], "title_en": english["title"],
        "detail_fr": french["detail"], "detail_en": english["detail"],
        "facts": problem.facts,
        "errors": [
            {"pointer": fr.get("pointer", ""), "code": fr["code"], "detail_fr": fr["detail"], "detail_en": en["detail"]}
            for fr, en in faults
        ],
    }  # fmt: skip
