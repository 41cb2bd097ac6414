from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from casework.kernel import clock
from casework.kernel.dates import CivilDate
from casework.kernel.language import Text
from casework.kernel.schemas import Input, LongText, Output
from casework.privacy.models import Level

FUTURE = Text("Cette date est dans le futur.", "This date is in the future.")
BACKWARDS = Text("La période finit avant de commencer.", "The period ends before it begins.")
LATER = Text(
    "L'incident ne peut avoir commencé après qu'on l'a connu.", "The incident cannot have begun after it was known."
)
UNEXPLAINED = Text(
    "Un avis public ou différé demande sa raison (public_notice_reason, deferral_reason).",
    "A public or deferred notice needs its reason (public_notice_reason, deferral_reason).",
)
Persons = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class Period(Input):
    """Civil dates of Québec, both included; one day when `until` equals `from_day`."""

    from_day: Annotated[CivilDate, Field(alias="from")]
    until: CivilDate
    approximate: Flag = False

    @model_validator(mode="after")
    def _runs_forward_until_today(self) -> Self:
        if self.until < self.from_day:
            raise PydanticCustomError("period", "period", {"text": BACKWARDS})
        if self.until > clock.today():
            raise PydanticCustomError("future", "future", {"text": FUTURE})
        return self


class IncidentCreate(Input):
    """The eight fields of the register (A-2.1, r. 3.1, s. 7). Name kinds of information, never a person.

    1 `information` (or, with `information_known` false, why it cannot be described) · 2 `circumstances` ·
    3 `occurred` · 4 `aware` · 5 `persons_count` · 6 `sensitivity`, `malicious_uses`, `consequences`, `likelihood` and
    the conclusion `serious_risk` (s. 63.10) · 7 the notices (s. 63.8) · 8 `measures`.
    """

    information_known: Flag
    information: LongText
    circumstances: LongText
    occurred: Period
    aware: Period
    persons_count: Persons
    persons_approximate: Flag
    sensitivity: Level
    malicious_uses: LongText
    consequences: LongText
    likelihood: Level
    serious_risk: Flag
    commission_notified_on: CivilDate | None = None
    persons_notified_on: CivilDate | None = None
    persons_notice_deferred: Flag = False
    deferral_reason: LongText | None = None
    public_notice_on: CivilDate | None = None
    public_notice_reason: LongText | None = None
    measures: LongText

    @model_validator(mode="after")
    def _dates_and_reasons_hold_together(self) -> Self:
        given = (self.commission_notified_on, self.persons_notified_on, self.public_notice_on)
        if any(day is not None and day > clock.today() for day in given):
            raise PydanticCustomError("future", "future", {"text": FUTURE})
        if self.occurred.from_day > self.aware.until:
            raise PydanticCustomError("period", "period", {"text": LATER})
        unexplained = (self.public_notice_on is not None) != (self.public_notice_reason is not None)
        if unexplained or self.persons_notice_deferred != (self.deferral_reason is not None):
            raise PydanticCustomError("reason", "reason", {"text": UNEXPLAINED})
        return self


class IncidentAmend(IncidentCreate):
    """The whole entry as it now stands; what it said before stays in the history."""

    change_reason: LongText


class PeriodRead(Output):
    from_day: Annotated[date, Field(serialization_alias="from", validation_alias="from")]
    until: date
    approximate: bool


class NoticeRead(Output):
    """`due`: the law asks for it and it is not given; `overdue`: due for longer than the house's own limit."""

    due: bool
    given_on: date | None
    days_since_aware: int
    overdue: bool


class NoticesRead(Output):
    commission: NoticeRead
    persons: NoticeRead


class IncidentRead(Output):
    id: UUID
    version: int
    recorded_by: UUID
    recorded_at: datetime
    change_reason: str | None
    information_known: bool
    information: str
    circumstances: str
    occurred: PeriodRead
    aware: PeriodRead
    persons_count: int
    persons_approximate: bool
    sensitivity: Level
    malicious_uses: str
    consequences: str
    likelihood: Level
    serious_risk: bool
    notices: NoticesRead
    persons_notice_deferred: bool
    deferral_reason: str | None
    public_notice_on: date | None
    public_notice_reason: str | None
    measures: str
    kept_until: date
