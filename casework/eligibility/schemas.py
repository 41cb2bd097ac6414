from __future__ import annotations

from datetime import date

from casework.cases.lifecycle import ClaimStatus
from casework.eligibility.reference import Answer, DecidedBy, Unit
from casework.kernel.schemas import Output


class AmountRead(Output):
    value: int
    unit: Unit


class EligibilityRead(Output):
    """`valid_from` to `valid_to` and `source` are the rule's own; all null where the answer is `unknown`."""

    benefit: str
    label: str
    answer: Answer
    amount: AmountRead | None
    condition: str | None
    decided_by: DecidedBy | None
    valid_from: date | None
    valid_to: date | None
    source: str | None


class EligibilitiesRead(Output):
    """One item for each benefit there is a rule of, whatever the day."""

    status: ClaimStatus
    on: date
    claimed_on: date | None
    items: list[EligibilityRead]
