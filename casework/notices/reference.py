"""The notices that people are given, shipped as CSV with dates in force: what is collected and why, and the text of
each consent, in several languages. Notice, consent and the answer to an offer are three things, kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from casework.kernel.reference_table import in_force, refuse_duplicates, rows

if TYPE_CHECKING:
    from datetime import date

SHIPPED: Final = files("casework.notices") / "data" / "consent_notices.csv"
COLUMNS: Final = ("version", "kind", "language", "title", "text", "valid_from", "valid_to", "source")


class NoticeKind(StrEnum):
    """`collection` tells what is collected; the others are the texts of a consent's purpose."""

    collection = "collection"
    placement = "placement"
    partner_sharing = "partner_sharing"
    pilot = "pilot"
    evaluation = "evaluation"


@dataclass(frozen=True, slots=True)
class Notice:
    version: str
    kind: NoticeKind
    language: str
    title: str
    text: str
    valid_from: date
    valid_to: date | None
    source: str


@cache
def notices() -> tuple[Notice, ...]:
    """In the order of the file. Raises ReferenceDataError."""
    read = []
    for row in rows(SHIPPED, COLUMNS):
        start, end = row.validity()
        read.append(
            (row, Notice(
                row.text("version", r"[0-9]{4}-[0-9]{2}"), row.member("kind", NoticeKind), row.text("language", r"[a-z]{2}"),
                row.cells["title"], row.cells["text"], start, end, row.text("source"),
            ))
        )  # fmt: skip
    refuse_duplicates((row, (one.version, one.kind, one.language)) for row, one in read)
    return tuple(one for _, one in read)


def stands(kind: NoticeKind, version: str, language: str, on: date) -> bool:
    """Whether such a text existed and was in force that day: nobody agreed to another."""
    return any(
        (one.kind, one.version, one.language) == (kind, version, language) and in_force(one, on) for one in notices()
    )
