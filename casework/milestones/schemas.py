from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationInfo, WrapValidator, field_validator
from pydantic_core import PydanticCustomError

from casework.kernel.language import Text
from casework.kernel.partial_date import PartialDate
from casework.kernel.programme import Programme
from casework.kernel.schemas import ExternalId, Input, LongText, Output, ShortText
from casework.milestones.models import EvidenceKind, NotApplicableReason, Outcome
from casework.milestones.reference import Anchor, Applies, Recorder, Subject
from casework.milestones.schedule import Reminder, State

MilestoneCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,63}$")]


class OpenState(StrEnum):
    """What is still expected; `due` from seven days before the due date through that day."""

    upcoming = "upcoming"
    due = "due"
    overdue = "overdue"


class EvidenceCreate(Input):
    """Where the proof is kept, never the proof itself."""

    kind: EvidenceKind
    reference: ShortText | None = None


class Told(Input):
    """What is said of a milestone, the first time or in its correction."""

    outcome: Outcome
    reason_code: NotApplicableReason | None = Field(default=None, validate_default=True)
    occurred_on: PartialDate
    evidence: EvidenceCreate | None = None
    note: LongText | None = None
    external_id: ExternalId | None = None

    @field_validator("reason_code")
    @classmethod
    def _a_reason_goes_with_not_applicable(
        cls, reason: NotApplicableReason | None, info: ValidationInfo
    ) -> NotApplicableReason | None:
        outcome = info.data.get("outcome")
        if outcome is not None and (outcome is Outcome.not_applicable) is (reason is None):
            raise PydanticCustomError("reason_code", "reason_code goes with not_applicable", {"text": REASON_RULE})
        return reason


REASON_RULE = Text(
    "reason_code accompagne le résultat not_applicable, et lui seul.",
    "reason_code goes with the outcome not_applicable, and with it alone.",
)


class MilestoneCreate(Told):
    """`person_id` is left out for a milestone of the whole household."""

    code: MilestoneCode
    person_id: UUID | None = None


class MilestoneLine(MilestoneCreate):
    """One line of a batch; `external_id` is the client's own id of it, under which it is stored once."""

    case_id: UUID
    external_id: ExternalId


LINES_LIMIT = 200


class MilestoneBatch(Input):
    """Each item is read apart, so that one that is wrong loses none of the others."""

    items: list[Annotated[MilestoneLine, WrapValidator(lambda told, _: told)]] = Field(
        min_length=1, max_length=LINES_LIMIT
    )


class MilestoneVoid(Input):
    reason: ShortText


class MilestoneCorrect(Told):
    """The whole entry as it should have been; its type and its person stay. `reason` says what was wrong."""

    reason: ShortText


class Presence(StrEnum):
    """What a retention check found, of which nothing is ever guessed: `unknown` is not `left` (domain.md §7.14)."""

    here = "here"
    left = "left"
    deceased = "deceased"
    unknown = "unknown"


class MilestoneTypeRead(Output):
    code: str
    label: str
    label_fr: str
    label_en: str
    programmes: list[Programme]
    subject: Subject
    recorded_by: list[Recorder]
    anchor: Anchor
    offset_days: int | None
    applies_to: Applies
    evidence: str
    evidence_fr: str
    evidence_en: str
    repeatable: bool
    valid_from: date
    valid_to: date | None
    source: str


class EvidenceRead(Output):
    kind: EvidenceKind
    reference: str | None


class VoidRead(Output):
    at: datetime
    by: UUID
    reason: str | None


class MilestoneRead(Output):
    """`note`, `evidence.reference` and `void.reason` are null to a role that does not read them (an
    organization reads its own), and once the person is erased. `presence` is null but for a retention check;
    `corrects` and `corrected_by` tie a correction to the entry it replaces."""

    id: UUID
    case_id: UUID
    code: str
    label: str
    person_id: UUID | None
    outcome: Outcome
    reason_code: NotApplicableReason | None
    presence: Presence | None
    occurred_on: PartialDate
    evidence: EvidenceRead | None
    note: str | None
    external_id: str | None
    corrects: UUID | None
    corrected_by: UUID | None
    organization_id: UUID | None
    recorded_by: UUID
    recorded_at: datetime
    void: VoidRead | None
    version: int


class ExpectedRead(Output):
    """`certain` is false when an unknown birth date decides whether the person is concerned."""

    id: UUID
    code: str
    label: str
    person_id: UUID | None
    anchor: Anchor
    due_on: date
    days_late: int
    certain: bool
    state: State
    fulfilled_by: UUID | None


class CaseMilestones(Output):
    """What was recorded, page by page in the order in which it happened, and all that is expected."""

    items: list[MilestoneRead]
    expected: list[ExpectedRead]
    next_cursor: str | None


class WorkItem(Output):
    """One milestone still expected; `days_late` is 0 until the due date has passed.

    `organization_id` hosts the case now, or is about to; null to a role that does not see the placement.
    """

    id: UUID
    case_id: UUID
    case_reference: str
    caseworker_id: UUID | None
    organization_id: UUID | None
    region_code: str | None
    code: str
    label: str
    person_id: UUID | None
    due_on: date
    days_late: int
    certain: bool
    state: State


class ReminderRead(WorkItem):
    """What somebody is due to be reminded of: `caseworker_id` and `organization_id` say whom."""

    reminder: Reminder


class Recomputation(Output):
    """`cases` looked at, and how many of their expectations were added, given another date, or withdrawn."""

    cases: int
    added: int
    moved: int
    withdrawn: int
    next_cursor: str | None


class LineFault(Output):
    """One faulty place of a line, as an RFC 6901 pointer into it."""

    pointer: str
    code: str
    detail_fr: str
    detail_en: str


class LineProblem(Output):
    """A problem (RFC 9457) in both languages; `facts` are its extension members."""

    type: str
    title_fr: str
    title_en: str
    detail_fr: str
    detail_en: str
    facts: dict[str, Any]
    errors: list[LineFault]


class LineRead(Output):
    """`line` counts from 1. `id` is null when nothing is stored: refused, undone with the others, or a dry run."""

    line: int
    status: int
    result: Literal["recorded", "already_recorded", "refused"]
    id: UUID | None
    problem: LineProblem | None


class BatchReport(Output):
    """`recorded` and `already_recorded` count what stands stored now."""

    mode: Literal["best_effort", "all_or_nothing"]
    dry_run: bool
    lines: int
    recorded: int
    already_recorded: int
    refused: int
    items: list[LineRead]
