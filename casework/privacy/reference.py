"""The rules that stand as dated data: why one may erase, and how long each class of record is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

from casework.kernel.language import Text
from casework.kernel.reference_table import in_force, refuse_duplicates, refuse_overlaps, rows
from casework.privacy.models import ErasureReason

DATA = files("casework.privacy") / "data"
CODE = r"[a-z][a-z_]{2,40}"


class RecordClass(StrEnum):
    closed_case = "closed_case"
    draft_case = "draft_case"
    incident = "incident"


class Action(StrEnum):
    """`anonymise`: keys and words go, coded facts without a person stay for indicators; `destroy`: nothing stays."""

    destroy = "destroy"
    anonymise = "anonymise"


# What each class is counted from: a column, so that the data cannot name one of its own.
ANCHORS = {
    RecordClass.closed_case: "closed_at",
    RecordClass.draft_case: "created_at",
    RecordClass.incident: "aware_until",
}


@dataclass(frozen=True, slots=True)
class Reason:
    code: ErasureReason
    label: Text
    legal_basis: Text
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """`months` count from `anchor`; `owner` answers for the period, `source` is the text it comes from."""

    code: str
    record_class: RecordClass
    anchor: str
    months: int
    action: Action
    label: Text
    owner: str
    source: str
    valid_from: date
    valid_to: date | None


@cache
def erasure_reasons() -> dict[ErasureReason, Reason]:
    columns = ("code", "label_fr", "label_en", "legal_basis_fr", "legal_basis_en", "valid_from", "valid_to")
    read = [(row, row.member("code", ErasureReason)) for row in rows(DATA / "erasure_reasons.csv", columns)]
    refuse_duplicates(read)
    return {
        code: Reason(
            code,
            Text(row.text("label_fr"), row.text("label_en")),
            Text(row.text("legal_basis_fr"), row.text("legal_basis_en")),
            *row.validity(),
        )
        for row, code in read
    }


@cache
def retention_rules() -> tuple[RetentionRule, ...]:
    """Every line, in force or not; two lines of one class may not be in force on the same day."""
    columns = (
        "code", "record_class", "anchor", "months", "action", "label_fr", "label_en", "owner", "source",
        "valid_from", "valid_to",
    )  # fmt: skip
    found = []
    for row in rows(DATA / "retention_rules.csv", columns):
        kind = row.member("record_class", RecordClass)
        if row.text("anchor") != ANCHORS[kind]:
            row.fail(f"{kind} is counted from {ANCHORS[kind]}")
        rule = RetentionRule(
            row.text("code", CODE), kind, ANCHORS[kind], row.integer("months"), row.member("action", Action),
            Text(row.text("label_fr"), row.text("label_en")), row.text("owner"), row.text("source"), *row.validity(),
        )  # fmt: skip
        found.append((row, rule))
    refuse_overlaps([(row, rule.record_class, rule) for row, rule in found])
    return tuple(rule for _, rule in found)


def rules_in_force(on: date) -> tuple[RetentionRule, ...]:
    return tuple(rule for rule in retention_rules() if in_force(rule, on))
