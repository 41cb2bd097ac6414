"""The pure lifecycle: no state is out of reach, none is left by mistake, and the database holds the same table."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.kernel import migration
from casework.sponsorship.lifecycle import (
    DECIDED,
    ENDED,
    FOLLOWING,
    SETTLING,
    Category,
    LeaveReason,
    Pool,
    UndertakingState,
    days_waited,
    enough_members,
    is_liable,
    may_follow,
    months_after,
    pool_of,
)

DAYS = st.dates(date(2015, 1, 1), date(2099, 12, 31))


def test_every_state_is_reached_from_a_draft_and_leads_to_an_end() -> None:
    met, waiting = set(), {UndertakingState.draft}
    while waiting:
        state = waiting.pop()
        met.add(state)
        waiting |= FOLLOWING[state] - met
    assert met == set(UndertakingState) == set(FOLLOWING)
    assert {"not_drawn", "refused", "completed", "breakdown", "transferred", "cancelled"} == ENDED


def test_nobody_gives_up_after_the_arrival_and_nothing_breaks_before_it() -> None:
    for state in UndertakingState:
        assert not (may_follow(state, UndertakingState.cancelled) and may_follow(state, UndertakingState.breakdown)), (
            state
        )
    assert {state for state in UndertakingState if may_follow(state, UndertakingState.breakdown)} == SETTLING
    assert {state for state in UndertakingState if may_follow(state, UndertakingState.transferred)} == SETTLING


def test_the_draw_the_reports_and_transfers_are_no_decisions_of_one_person() -> None:
    apart = {
        UndertakingState.draft,
        UndertakingState.submitted,
        UndertakingState.drawn,
        UndertakingState.not_drawn,
        UndertakingState.report2_due,
        UndertakingState.transferred,
        UndertakingState.cancelled,
    }
    assert set(UndertakingState) - DECIDED == apart


def test_the_database_guards_the_same_steps() -> None:
    found = next((migration.migrations_folder() / "versions").glob("*_sponsorship.py"))
    spec = importlib.util.spec_from_file_location("sponsorship_migration", found)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert set(module.FOLLOWING) == {(state, to) for state, following in FOLLOWING.items() for to in following}


@pytest.mark.parametrize("category", Category)
def test_a_group_is_two_at_least_and_draws_with_groups(category: Category) -> None:
    alone = category is not Category.group
    assert (enough_members(category, 1), enough_members(category, 2)) == (alone, True)
    assert pool_of(category) is (Pool.organizations if alone else Pool.groups)


@given(DAYS, st.integers(0, 36))
def test_months_end_where_the_month_ends(start: date, months: int) -> None:
    due = months_after(start, months)
    assert (due.year * 12 + due.month) - (start.year * 12 + start.month) == months
    assert due.day == start.day or (due.day < start.day and (due + timedelta(days=1)).day == 1)


@given(DAYS, st.none() | st.integers(0, 900), DAYS)
def test_only_a_death_frees_whoever_was_there_at_the_acceptance(
    joined: date, stayed: int | None, accepted: date
) -> None:
    left = None if stayed is None else joined + timedelta(days=stayed)
    there = joined <= accepted and (left is None or left > accepted)
    reason = None if left is None else LeaveReason.withdrew
    assert is_liable(joined, left, reason, accepted) is there
    assert not is_liable(joined, left or joined, LeaveReason.deceased, accepted)
    assert not is_liable(joined, left, reason, None)


def test_a_wait_begins_with_its_day_and_stops_with_the_arrival() -> None:
    today = date(2026, 11, 25)
    assert days_waited(None, None, today) is None
    assert days_waited(date(2026, 11, 20), None, today) == 5
    assert days_waited(date(2026, 11, 20), date(2026, 11, 22), today) == 2
