"""Pure: which notices of an incident are due, and since when (A-2.1, s. 63.8)."""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

KEPT_YEARS = 5
"""A-2.1, r. 3.1, s. 8: at least, from the day the body became aware."""
PROMPT_DAYS = 3
"""The law says promptly and gives no number; this is the house's own limit, after which a notice shows as overdue."""


class Facts(Protocol):
    serious_risk: bool
    aware_from: date
    commission_notified_on: date | None
    persons_notified_on: date | None
    persons_notice_deferred: bool


def notices(facts: Facts, today: date) -> dict[str, Any]:
    """A notice to the persons may wait while it could hamper an investigation; the Commission's may not."""
    days = (today - facts.aware_from).days
    return {
        "commission": _notice(facts.serious_risk, facts.commission_notified_on, days),
        "persons": _notice(facts.serious_risk and not facts.persons_notice_deferred, facts.persons_notified_on, days),
    }


def _notice(required: bool, given_on: date | None, days: int) -> dict[str, Any]:
    due = required and given_on is None
    return {"due": due, "given_on": given_on, "days_since_aware": days, "overdue": due and days > PROMPT_DAYS}


def kept_until(aware_until: date) -> date:
    year = aware_until.year + KEPT_YEARS
    try:
        return aware_until.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 3, 1)
