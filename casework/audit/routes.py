from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from casework.audit import export, proofs, queries, stream, trail, witnesses
from casework.audit.errors import (
    CheckpointNotOurs,
    CheckpointOlder,
    CosignatureWrong,
    NothingCosignedYet,
    NothingPublishedYet,
    SizeNotPublished,
    WitnessUnknown,
)
from casework.audit.schemas import (
    BundleCount,
    CheckpointCosign,
    ConsistencyProof,
    Cosigned,
    CosignedCheckpoint,
    EntryBundle,
    Form,
    InclusionProof,
    Index,
    Log,
    LogEntryRead,
    LogKeys,
    OldSize,
    Pull,
    Size,
    audit_selection,
    milestone_pull,
    milestone_selection,
    pull,
)
from casework.audit.selection import Selection
from casework.audit.signer import LogName
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.kernel.openapi import described

router = APIRouter(route_class=GuardedRoute, tags=["audit"])
LogReader = Annotated[Caller, allow(Permission.log_read)]
PageAsked = Annotated[Pull, Depends(pull)]
MEDIA_TYPES = {
    Form.jsonl: "application/jsonl",
    Form.csv: "text/csv; charset=utf-8; header=present",
    Form.parquet: "application/vnd.apache.parquet",
}
FILES = {LogName.milestones: "journal-jalons", LogName.audit: "journal-audit", LogName.security: "journal-securite"}


class JsonLines(Response):
    media_type = "application/jsonl"


class SignedNote(Response):
    media_type = "text/plain"


def _exported(permission: Permission) -> dict[str, Any]:
    """OpenAPI of an export: the page, and the two headers that lead to the next one."""
    said = described(permission, NothingPublishedYet, SizeNotPublished)
    headers = {
        "Link": {"description": '`rel="next"` (RFC 8288)', "schema": {"type": "string"}},
        "X-Next-After": {"description": "`after` de la page suivante. `after` of the next page.",
                         "schema": {"type": "integer"}},
        "Content-Disposition": {"description": "Nom du fichier : le journal et ses rangs. File name: the log and its indexes.",
                                "schema": {"type": "string"}},
    }  # fmt: skip
    said["responses"][200] = {
        "description": "Manifeste puis inscriptions (voir casework/verify.py). Manifest, then entries.",
        "headers": headers,
    }
    if permission is Permission.milestone_log_read:
        headers["X-Export-Manifest"] = {
            "description": "Manifeste signé d'un tableau (CSV, Parquet), en JSON. Signed manifest of a table, as JSON.",
            "schema": {"type": "string"},
        }
        tables = {
            "text/csv": {"type": "string"},
            "application/vnd.apache.parquet": {"type": "string", "format": "binary"},
        }
        said["responses"][200]["content"] = {media: {"schema": schema} for media, schema in tables.items()}
    return said


@router.get("/milestone-log", response_class=JsonLines, **_exported(Permission.milestone_log_read))
async def export_milestone_log(
    request: Request,
    caller: Annotated[Caller, allow(Permission.milestone_log_read)],
    session: Session,
    asked: Annotated[Pull, Depends(milestone_pull)],
    selection: Annotated[Selection, Depends(milestone_selection)],
) -> Response:
    """Le journal des jalons, par pages que `casework verify` contrôle hors ligne. Suivez `Link`
    jusqu'à la fin : chaque page porte le même point de contrôle (`size`). Un filtre, ou `proofs=true`, fait
    prouver chaque inscription. `format=csv` ou `parquet` en donne un tableau à lire ; son manifeste signé est dans
    l'en-tête `X-Export-Manifest`. `whole=true` donne toutes les pages d'un trait.

    The milestone log, in pages that `casework verify` checks offline. Follow `Link` to the end: every page
    carries the same checkpoint (`size`). A filter, or `proofs=true`, proves each entry alone. `format=csv` or
    `parquet` gives a table to read instead; its signed manifest stands in the header `X-Export-Manifest`.
    `whole=true` gives every page in one answer.
    """
    wanted = export.Export(LogName.milestones, request.app.state.log_signer, selection, Permission.milestone_log_read)
    return await _page(request, session, caller, wanted, asked)


@router.get("/audit-log", response_class=JsonLines, **_exported(Permission.log_read))
async def export_audit_log(
    request: Request,
    caller: LogReader,
    session: Session,
    asked: PageAsked,
    selection: Annotated[Selection, Depends(audit_selection)],
) -> Response:
    """Le journal de toutes les autres opérations, dans le même format.

    The log of every other change, in the same format.
    """
    wanted = export.Export(LogName.audit, request.app.state.log_signer, selection, Permission.log_read)
    return await _page(request, session, caller, wanted, asked)


@router.get("/security-log", response_class=JsonLines, **_exported(Permission.log_read))
async def export_security_log(
    request: Request,
    caller: Annotated[Caller, allow(Permission.log_read)],
    session: Session,
    asked: PageAsked,
    selection: Annotated[Selection, Depends(audit_selection)],
) -> Response:
    """Le journal de sécurité : connexions, refus, changements de comptes, de droits et de clés, dans le même format.

    The security log: sign-ins, refusals, changes of accounts, grants and keys, in the same format.
    """
    wanted = export.Export(LogName.security, request.app.state.log_signer, selection, Permission.log_read)
    return await _page(request, session, caller, wanted, asked)


async def _page(request: Request, session: Session, caller: Caller, wanted: export.Export, asked: Pull) -> Response:
    """One page, with the way to the next; raises MalformedRequest for a cursor of another caller or filter."""
    cursors, bound = request.app.state.cursors, _bound_to(caller, wanted, asked)
    if asked.cursor is not None:
        after, size = cursors.read(asked.cursor, bound)
        asked = replace(asked, after=after, size=size)
    page = await export.page(session, caller, wanted, asked)
    if asked.whole:
        pages = stream.pages(request.app.state.database, caller, wanted, asked, page)
        name = f"{FILES[wanted.log]}-{page.first:09}-{page.size:09}.jsonl"
        named = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(pages, headers=named, media_type=MEDIA_TYPES[Form.jsonl])
    name = f"{FILES[wanted.log]}-{page.first:09}-{page.count:05}.{asked.form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if page.manifest is not None:
        headers["X-Export-Manifest"] = page.manifest
    if page.next_after is not None:
        kept = {key: value for key, value in request.query_params.items() if key not in {"after", "size", "cursor"}}
        following = {**kept, "cursor": cursors.write([page.next_after, page.size], bound)}
        headers["X-Next-After"] = str(page.next_after)
        headers["Link"] = f'<{request.url.path}?{urlencode(following)}>; rel="next"'
    return Response(page.body, headers=headers, media_type=MEDIA_TYPES[asked.form])


def _bound_to(caller: Caller, wanted: export.Export, asked: Pull) -> str:
    """A cursor goes on with one pull: same mandate, log, filter, form and proofs; never with another's."""
    pull = {
        "filter": wanted.selection.stated(),
        "form": asked.form,
        "proofs": asked.proofs,
        "from": asked.consistency_from,
    }
    return f"{wanted.log}/{export.mandate_of(caller)}/{json.dumps(pull, sort_keys=True)}"


@router.get("/log/checkpoint", response_class=SignedNote,
            **described(Permission.log_read, NothingPublishedYet, NothingCosignedYet))  # fmt: skip
async def read_checkpoint(
    log: Log,
    caller: LogReader,  # noqa: ARG001 -- the gate
    session: Session,
    cosigned: Cosigned = False,
) -> Response:
    """Le dernier point de contrôle signé (C2SP tlog-checkpoint), avec les cosignatures des témoins ; gardez-le hors
    de portée de l'exploitant.

    The newest signed checkpoint, with the witnesses' cosignatures; keep it out of the operator's reach.
    """
    size = await witnesses.newest_cosigned(session, log) if cosigned else None
    if cosigned and size is None:
        raise NothingCosignedYet
    return SignedNote(await witnesses.cosigned(session, log, await proofs.published(session, log, size)))


@router.post("/log/cosignatures", status_code=201, response_model=CosignedCheckpoint,
             **described(Permission.log_cosign, CheckpointNotOurs, WitnessUnknown, CosignatureWrong, CheckpointOlder))  # fmt: skip
async def cosign_checkpoint(
    request: Request,
    body: CheckpointCosign,
    caller: Annotated[Caller, allow(Permission.log_cosign)],
    session: OnceSession,
) -> CosignedCheckpoint:
    """Joindre à un point de contrôle la cosignature d'un témoin (C2SP tlog-cosignature), vérifiée avant d'être gardée.

    Add a witness's cosignature to a checkpoint, verified before it is kept.
    """
    state = request.app.state
    size, names = await witnesses.add(session, caller, state.log_signer, state.witnesses, body.log, body.note)
    whole = await witnesses.cosigned(session, body.log, await proofs.published(session, body.log, size))
    return CosignedCheckpoint(log=body.log, size=size, witnesses=names, note=whole)


@router.get("/log/key", response_model=LogKeys, **described(Permission.log_read))
async def read_log_keys(request: Request, caller: LogReader, session: Session) -> LogKeys:  # noqa: ARG001 -- the gate; the transaction proves that the grant is in force
    """Les clés de vérification des journaux ; une clé reçue par la même voie que l'export ne prouve rien.

    The logs' verifier keys; a key received by the same road as the export proves nothing.
    """
    signer = request.app.state.log_signer
    return LogKeys(**{log: signer.vkey(log) for log in LogName})


@router.get("/log/proofs/inclusion", response_model=InclusionProof,
            **described(Permission.log_read, NothingPublishedYet, SizeNotPublished))  # fmt: skip
async def read_inclusion_proof(
    log: Log,
    index: Index,
    size: Size,
    caller: LogReader,  # noqa: ARG001 -- the gate
    session: Session,
) -> InclusionProof:
    """Preuve qu'une inscription se trouve à son rang dans l'arbre de taille `size` (RFC 9162 §2.1.3).

    Proof that an entry stands at its index in the tree of `size` entries.
    """
    return await proofs.inclusion(session, log, index, size)


@router.get("/log/proofs/consistency", response_model=ConsistencyProof,
            **described(Permission.log_read, NothingPublishedYet, SizeNotPublished))  # fmt: skip
async def read_consistency_proof(
    log: Log,
    first: OldSize,
    size: Size,
    caller: LogReader,  # noqa: ARG001 -- the gate
    session: Session,
) -> ConsistencyProof:
    """Preuve que l'arbre de taille `size` prolonge celui de taille `first` sans y toucher (RFC 9162 §2.1.4).

    Proof that the tree of `size` entries extends the tree of `first` entries without changing it.
    """
    return await proofs.consistency(session, log, first, size)


@router.get("/log/entries", response_model=EntryBundle, **described(Permission.log_read, NothingPublishedYet))
async def read_log_entries(
    log: Log, caller: LogReader, session: Session, first: Index = 0, count: BundleCount = 256
) -> EntryBundle:
    """Des inscriptions publiées, à partir d'un rang.

    Published entries, from an index on.
    """
    size = (await proofs.published(session, log)).size
    if first > size:
        raise proofs.beyond("first", size)
    found = await queries.leaves(session, log, first, min(size, first + count))
    await trail.record_read(session, caller, Permission.log_read, [])
    trail.record(session, caller, "log_entries.read", {"log": str(log), "first": first, "count": len(found)})
    entries = [LogEntryRead(index=index, leaf=json.loads(body)) for index, body in found]
    return EntryBundle(log=log, first=first, size=size, entries=entries)
