"""What a claim's status opens on a date, shipped as CSV with dates in force and sources: changing a rule is data.

A line answers for the statuses it names; `decided_by` says which day finds the line, the day asked about (`on`) or the
day of the claim (`claimed_on`). Where no line stands the answer is `unknown`, never `no` (domain.md §7.21).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from casework.cases.lifecycle import ClaimStatus
from casework.kernel.language import Text
from casework.kernel.reference_table import in_force, refuse_overlaps, rows

if TYPE_CHECKING:
    from datetime import date
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from casework.kernel.reference_table import Row

SHIPPED: Final = files("casework.eligibility") / "data" / "eligibility_rules.csv"
COLUMNS: Final = (
    "benefit", "label_fr", "label_en", "statuses", "decided_by", "answer", "amount", "unit", "condition_fr",
    "condition_en", "valid_from", "valid_to", "source",
)  # fmt: skip


class Answer(StrEnum):
    """`depends`: on what the condition says; `unknown`: no sourced rule for that day and status."""

    yes = "yes"
    no = "no"
    depends = "depends"
    unknown = "unknown"


class DecidedBy(StrEnum):
    on = "on"
    claimed_on = "claimed_on"


class Unit(StrEnum):
    cents_per_week = "cents_per_week"
    cents_per_prescription = "cents_per_prescription"
    percent = "percent"


@dataclass(frozen=True, slots=True)
class Rule:
    """`amount` counts `unit`; both or neither."""

    benefit: str
    label: Text
    statuses: frozenset[ClaimStatus]
    decided_by: DecidedBy
    answer: Answer
    amount: int | None
    unit: Unit | None
    condition: Text | None
    valid_from: date
    valid_to: date | None
    source: str


@cache
def shipped() -> tuple[Rule, ...]:
    return rules(SHIPPED)


def rules(source: Traversable | Path) -> tuple[Rule, ...]:
    """In the order of the file; one answer at most per benefit, status and day. Raises ReferenceDataError."""
    read = [(row, _rule(row)) for row in rows(source, COLUMNS)]
    refuse_overlaps((row, (rule.benefit, str(status)), rule) for row, rule in read for status in rule.statuses)
    days: dict[str, DecidedBy] = {}
    for row, rule in read:
        for status in rule.statuses:
            # One day decides: two would leave it open which line wins.
            if days.setdefault(f"{rule.benefit}/{status}", rule.decided_by) is not rule.decided_by:
                row.fail("a benefit and a status are decided by one day")
    return tuple(rule for _, rule in read)


def _rule(row: Row) -> Rule:
    amount = row.integer("amount") if row.cells["amount"] else None
    unit = row.member("unit", Unit) if row.cells["unit"] else None
    said = row.optional("condition_fr"), row.optional("condition_en")
    if (amount is None) != (unit is None) or (said[0] is None) != (said[1] is None):
        row.fail("an amount goes with its unit, a condition with its translation")
    condition = Text(said[0], said[1]) if said[0] is not None and said[1] is not None else None
    answer = row.member("answer", Answer)
    if answer is Answer.unknown or (answer is Answer.depends and condition is None):
        row.fail("what is unknown has no line, and what depends says on what")
    return Rule(
        row.text("benefit", r"[a-z_]+"), Text(row.text("label_fr"), row.text("label_en")), _statuses(row),
        row.member("decided_by", DecidedBy), answer, amount, unit, condition, *row.validity(), row.text("source"),
    )  # fmt: skip


def _statuses(row: Row) -> frozenset[ClaimStatus]:
    named = row.text("statuses").split(";")
    unknown = set(named) - set(ClaimStatus)
    if unknown or len(set(named)) != len(named):
        row.fail("statuses are claim statuses, each once")
    return frozenset(ClaimStatus(one) for one in named)


def benefits(known: tuple[Rule, ...]) -> dict[str, Text]:
    """Every benefit and its label, in the order of the file."""
    return {rule.benefit: rule.label for rule in known}


def rule_for(
    known: tuple[Rule, ...], benefit: str, status: ClaimStatus, on: date, claimed_on: date | None
) -> Rule | None:
    """The line in force; None where no line stands, or where the day that decides was not said."""
    days = {DecidedBy.on: on, DecidedBy.claimed_on: claimed_on}
    for rule in known:
        day = days[rule.decided_by]
        if rule.benefit == benefit and status in rule.statuses and day is not None and in_force(rule, day):
            return rule
    return None
