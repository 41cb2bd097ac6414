from __future__ import annotations

from datetime import date

from casework.kernel.schemas import Output
from casework.notices.reference import NoticeKind


class NoticeRead(Output):
    version: str
    kind: NoticeKind
    language: str
    title: str
    text: str
    valid_from: date
    valid_to: date | None


class NoticesRead(Output):
    items: list[NoticeRead]
