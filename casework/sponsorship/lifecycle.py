"""Pure: which state of an undertaking may follow which, who owes what until when, and the two waiting clocks."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Category(StrEnum):
    """domain.md §3: groups of 2 to 5 persons, and legal persons R, RS, E, ES."""

    group = "group"
    regular = "R"
    regular_specific = "RS"
    experienced = "E"
    experienced_specific = "ES"


class Pool(StrEnum):
    """What a cap counts together, and one draw draws from."""

    groups = "groups"
    organizations = "organizations"


class UndertakingState(StrEnum):
    """domain.md §3."""

    draft = "draft"
    submitted = "submitted"
    drawn = "drawn"
    not_drawn = "not_drawn"
    under_review = "under_review"
    accepted = "accepted"
    refused = "refused"
    csq_issued = "csq_issued"
    arrived = "arrived"
    report1_due = "report1_due"
    report2_due = "report2_due"
    completed = "completed"
    breakdown = "breakdown"
    transferred = "transferred"
    cancelled = "cancelled"


class Reason(StrEnum):
    """Why an undertaking was refused, cancelled, broken or handed to another sponsor. Codes: never a narrative."""

    incomplete = "incomplete"
    not_eligible = "not_eligible"
    withdrawn = "withdrawn"
    sponsor_death = "sponsor_death"
    sponsor_moved = "sponsor_moved"
    group_below_two = "group_below_two"
    means = "means"
    conflict = "conflict"
    other = "other"


class Duty(StrEnum):
    """What sponsors owe (domain.md §3); a report says of each how it stands, in codes, never in a narrative."""

    housing = "housing"
    furniture = "furniture"
    food = "food"
    clothing = "clothing"
    transport = "transport"
    health_costs = "health_costs"
    job_search = "job_search"
    school = "school"
    services = "services"


class DutyState(StrEnum):
    met = "met"
    in_progress = "in_progress"
    not_needed = "not_needed"
    not_met = "not_met"


class LeaveReason(StrEnum):
    deceased = "deceased"
    moved = "moved"
    withdrew = "withdrew"


S = UndertakingState
_HERE: Final = frozenset({S.breakdown, S.transferred})
# A household that goes to live elsewhere is no step here: it is free to move, and the undertaking stands.
FOLLOWING: Final[Mapping[UndertakingState, frozenset[UndertakingState]]] = {
    S.draft: frozenset({S.submitted, S.cancelled}),
    S.submitted: frozenset({S.drawn, S.not_drawn, S.cancelled}),
    S.drawn: frozenset({S.under_review, S.cancelled}),
    S.not_drawn: frozenset(),
    S.under_review: frozenset({S.accepted, S.refused, S.cancelled}),
    S.accepted: frozenset({S.csq_issued, S.cancelled}),
    S.refused: frozenset(),
    S.csq_issued: frozenset({S.arrived, S.cancelled}),
    S.arrived: _HERE | {S.report1_due},
    S.report1_due: _HERE | {S.report2_due},
    S.report2_due: _HERE | {S.completed},
    S.completed: frozenset(),
    S.breakdown: frozenset(),
    S.transferred: frozenset(),
    S.cancelled: frozenset(),
}
ENDED: Final = frozenset(state for state, following in FOLLOWING.items() if not following)
SETTLING: Final = frozenset({S.arrived, S.report1_due, S.report2_due})
# What the ministry decides one by one; the draw, a report and a transfer have their own operations.
DECIDED: Final = frozenset(
    {S.under_review, S.accepted, S.refused, S.csq_issued, S.arrived, S.report1_due, S.completed, S.breakdown}
)
NEEDS_REASON: Final = frozenset({S.refused, S.breakdown, S.transferred, S.cancelled})
GROUP_LEAST, GROUP_MOST = 2, 5


def may_follow(state: UndertakingState, to: UndertakingState) -> bool:
    return to in FOLLOWING[state]


def pool_of(category: Category) -> Pool:
    return Pool.groups if category is Category.group else Pool.organizations


def enough_members(category: Category, members: int) -> bool:
    """A group is two at least; a legal person answers for itself, through one representative at least."""
    return members >= (GROUP_LEAST if category is Category.group else 1)


def is_liable(joined_on: date, left_on: date | None, reason: LeaveReason | None, accepted_on: date | None) -> bool:
    """Whoever was a member when the undertaking was accepted owes all of it until its end; a death alone frees."""
    if accepted_on is None or reason is LeaveReason.deceased:
        return False
    return joined_on <= accepted_on and (left_on is None or left_on > accepted_on)


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or its last day where it is shorter."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def days_waited(since: date | None, until: date | None, today: date) -> int | None:
    """Whole days from `since` to the end of the wait, or to today while it lasts; None before it began."""
    return None if since is None else max(0, ((until or today) - since).days)
