from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field

from casework.audit.selection import Selection
from casework.audit.signer import LogName
from casework.kernel.dates import CivilDate
from casework.kernel.language import Text
from casework.kernel.paging import CursorText
from casework.kernel.problems import Fault, MalformedRequest
from casework.kernel.programme import Programme
from casework.kernel.schemas import Code, Input, Output, RegionCode

MAX_INTEGER = 2**53 - 1
"""What JSON carries without loss (RFC 8785 §3.2.2.3)."""
RecordedDay = Annotated[
    CivilDate, Query(description="Date civile au Québec, comprise. Civil date in Québec, included.")
]
Log = Annotated[LogName, Query(description="Le journal. The log.")]
Size = Annotated[
    int,
    Query(
        ge=1,
        le=MAX_INTEGER,
        description="Taille de l'arbre : celle d'un point de contrôle. Tree size: a checkpoint's.",
    ),
]
Index = Annotated[int, Query(ge=0, le=MAX_INTEGER, description="Rang, à partir de 0. Index, from 0.")]
After = Annotated[
    int,
    Query(
        ge=0,
        le=MAX_INTEGER,
        description="Rang de la dernière inscription reçue ; absent, depuis le début. "
        "Index of the last entry received; absent, from the start.",
    ),
]
PageLimit = Annotated[int, Query(ge=1, le=5_000, description="Inscriptions par page. Entries per page.")]
BundleCount = Annotated[int, Query(ge=1, le=1_000, description="Inscriptions voulues. Entries wanted.")]
Proofs = Annotated[
    bool,
    Query(
        description="Joindre à chaque inscription sa preuve d'inclusion (un extrait filtré l'a toujours). "
        "Give each entry its inclusion proof (a filtered extract always has them)."
    ),
]
OldSize = Annotated[
    int,
    Query(
        ge=1,
        le=MAX_INTEGER,
        description="Taille d'un point de contrôle conservé, que le manifeste prouvera prolongé. "
        "Size of a retained checkpoint, which the manifest will prove extended.",
    ),
]


class Form(StrEnum):
    """How an export is written; only JSON Lines is what `casework verify` reads."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


FormAsked = Annotated[
    Form,
    Query(
        alias="format",
        description="Lignes JSON (à vérifier), CSV ou Parquet (à lire). JSON Lines (to verify), CSV or Parquet (to read).",
    ),
]


Whole = Annotated[
    bool,
    Query(
        description="Toutes les pages jusqu'à la fin de l'arbre, à la suite, en une réponse. "
        "Every page to the end of the tree, one after the other, in one answer."
    ),
]


@dataclass(frozen=True, slots=True)
class Pull:
    """One page of an export: where it begins, how long it is, under which checkpoint, in which form.

    `cursor` stands for `after` and `size` of the page before it (routes.py opens it).
    """

    after: int | None
    limit: int
    size: int | None
    proofs: bool
    consistency_from: int | None
    cursor: str | None = None
    form: Form = Form.jsonl
    whole: bool = False

    @property
    def first(self) -> int:
        return 0 if self.after is None else self.after + 1


async def pull(
    after: After | None = None,
    limit: PageLimit = 1_000,
    size: Size | None = None,
    proofs: Proofs = False,
    consistency_from: OldSize | None = None,
    cursor: CursorText = None,
) -> Pull:
    """Raises MalformedRequest for a cursor together with what it stands for."""
    if cursor is not None and (after is not None or size is not None):
        raise MalformedRequest(errors=[Fault(CURSOR_ALONE, "cursor_alone", parameter="cursor")])
    return Pull(after, limit, size, proofs, consistency_from, cursor)


CURSOR_ALONE = Text(
    "Le curseur dit déjà où reprendre : retirez `after` et `size`.",
    "The cursor already says where to go on: leave out `after` and `size`.",
)
NO_PROOFS = Text(
    "Un tableau ne porte pas de preuves : demandez des lignes JSON.", "A table carries no proofs: ask for JSON Lines."
)


WHOLE_ALONE = Text(
    "Le journal d'un trait se demande en lignes JSON, sans filtre ni preuves ; tirez un extrait page par page.",
    "The whole log is asked for as JSON Lines, without filter or proofs; pull an extract page by page.",
)


async def milestone_selection(
    code: Annotated[Code | None, Query(description="Code du jalon. Milestone code.")] = None,
    organization: Annotated[UUID | None, Query(description="Organisme. Organization.")] = None,
    region: Annotated[RegionCode | None, Query(description="Région administrative. Administrative region.")] = None,
    programme: Annotated[Programme | None, Query(description="Programme.")] = None,
    recorded_from: RecordedDay | None = None,
    recorded_until: RecordedDay | None = None,
) -> Selection:
    wanted = {"code": code, "organization": organization, "region": region, "programme": programme}
    return Selection(_given(wanted), recorded_from, recorded_until)


async def milestone_pull(
    asked: Annotated[Pull, Depends(pull)],
    selection: Annotated[Selection, Depends(milestone_selection)],
    form: FormAsked = Form.jsonl,
    whole: Whole = False,
) -> Pull:
    """Raises MalformedRequest for proofs in a table, which has no place for them, and for a stream of anything but
    the plain log.
    """
    if form is not Form.jsonl and asked.proofs:
        raise MalformedRequest(errors=[Fault(NO_PROOFS, "no_proofs", parameter="proofs")])
    if whole and (form is not Form.jsonl or asked.proofs or selection.stated()):
        raise MalformedRequest(errors=[Fault(WHOLE_ALONE, "whole_alone", parameter="whole")])
    return replace(asked, form=form, whole=whole)


async def audit_selection(
    type: Annotated[Code | None, Query(description="Action, par exemple `offer.made`. Action.")] = None,  # noqa: A002 -- the leaf's field
    organization: Annotated[UUID | None, Query(description="Organisme. Organization.")] = None,
    recorded_from: RecordedDay | None = None,
    recorded_until: RecordedDay | None = None,
) -> Selection:
    return Selection(_given({"type": type, "organization": organization}), recorded_from, recorded_until)


def _given(wanted: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in wanted.items() if value is not None}


Cosigned = Annotated[
    bool,
    Query(
        description="Le dernier qu'un témoin a cosigné, plutôt que le dernier. "
        "The newest that a witness cosigned, rather than the newest."
    ),
]


class CheckpointCosign(Input):
    """`note`: a checkpoint of this log with the witness's signature lines added under it (C2SP tlog-cosignature)."""

    log: LogName
    note: Annotated[str, Field(min_length=1, max_length=20_000)]


class CosignedCheckpoint(Output):
    """`note` bears every cosignature kept for this size; `witnesses` are those of this request."""

    log: LogName
    size: int
    witnesses: list[str]
    note: str


class LogKeys(Output):
    """Verifier keys (C2SP signed-note); compare them with those received by another road."""

    milestones: str
    audit: str
    security: str


class InclusionProof(Output):
    """RFC 9162 §2.1.3; hashes in base64, `proof` from leaf to root."""

    log: LogName
    index: int
    size: int
    leaf_hash: str
    proof: list[str]
    root: str


class ConsistencyProof(Output):
    """RFC 9162 §2.1.4; hashes in base64."""

    log: LogName
    first: int
    size: int
    first_root: str
    proof: list[str]
    root: str


class LogEntryRead(Output):
    """`leaf`: its leaf hash is SHA-256(0x00 || RFC 8785 form)."""

    index: int
    leaf: dict[str, Any]


class EntryBundle(Output):
    """`size` is the newest published one; fewer entries than asked for means that the log ends there."""

    log: LogName
    first: int
    size: int
    entries: list[LogEntryRead]
