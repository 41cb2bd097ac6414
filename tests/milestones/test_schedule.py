"""What is expected of a case, by when, and of whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.kernel.partial_date import PartialDate
from casework.kernel.programme import Programme
from casework.kernel.reference_table import in_force
from casework.milestones.reference import Anchor, Applies, MilestoneType, Subject, milestone_types
from casework.milestones.schedule import Anchors, Expected, Member, State, expectations, state

CATALOGUE = milestone_types()
TODAY = date(2026, 3, 2)
CLAIM, ARRIVAL = date(2026, 1, 5), date(2026, 2, 16)
ODALYS, MIREK, TOBIN = UUID(int=1), UUID(int=2), UUID(int=3)
MOTHER = Member(ODALYS, PartialDate.parse("1990-03"))
PUPIL = Member(MIREK, PartialDate.parse("2016-05-01"))
TODDLER = Member(TOBIN, PartialDate.parse("2024"))


def expected_of(
    anchors: Anchors,
    *people: Member,
    programme: Programme = Programme.asylum,
    types: tuple[MilestoneType, ...] = CATALOGUE,
) -> dict[tuple[str, UUID | None], Expected]:
    found = expectations(types, programme, anchors, people, TODAY)
    assert len({(e.code, e.person_id) for e in found}) == len(found)
    return {(e.code, e.person_id): e for e in found}


def codes(expected: dict[tuple[str, UUID | None], Expected], person: UUID | None) -> set[str]:
    return {code for code, who in expected if who == person}


def version(code: str, on: date = TODAY) -> MilestoneType:
    return next(t for t in CATALOGUE if t.code == code and in_force(t, on))


def test_nothing_is_counted_from_what_has_not_happened() -> None:
    assert codes(expected_of(Anchors(), MOTHER), ODALYS) == {"FDA_FILED", "HEARING"}
    after_claim = codes(expected_of(Anchors(claimed_on=CLAIM), MOTHER), ODALYS)
    assert "MED_EXAM" in after_claim
    assert "FIRST_VISIT" not in after_claim


def test_the_medical_exam_is_due_thirty_days_after_the_claim() -> None:
    exam = expected_of(Anchors(claimed_on=CLAIM), MOTHER)["MED_EXAM", ODALYS]
    assert exam == Expected("MED_EXAM", ODALYS, date(2026, 2, 4), Anchor.claim, certain=True)


def test_housing_is_one_expectation_for_the_whole_household() -> None:
    expected = expected_of(Anchors(arrived_on=ARRIVAL), MOTHER, PUPIL, TODDLER)
    housing = [e for (code, _), e in expected.items() if code == "HOUSING"]
    assert [(e.household, e.due_on) for e in housing] == [(True, ARRIVAL + timedelta(days=60))]
    assert {"OFFER_ANSWER", "REG_ARRIVAL", "HOUSING"} == {
        t.code for t in CATALOGUE if t.subject is Subject.household and Programme.asylum in t.programmes
    }


def test_each_age_has_its_own_milestones() -> None:
    expected = expected_of(Anchors(arrived_on=ARRIVAL), MOTHER, PUPIL, TODDLER)
    assert {"SCHOOL", "CHILDCARE", "EMPLOYMENT"} & codes(expected, ODALYS) == {"EMPLOYMENT"}
    assert {"SCHOOL", "CHILDCARE", "EMPLOYMENT"} & codes(expected, MIREK) == {"SCHOOL"}
    assert {"SCHOOL", "CHILDCARE", "EMPLOYMENT"} & codes(expected, TOBIN) == {"CHILDCARE"}
    assert all(e.certain for e in expected.values())


@pytest.mark.parametrize(
    ("birth", "code"),
    [
        ("2026-02-16", "CHILDCARE"),
        ("2021-02-17", "CHILDCARE"),
        ("2021-02-16", "SCHOOL"),
        ("2008-02-17", "SCHOOL"),
        ("2008-02-16", "EMPLOYMENT"),
        ("1921-02-16", "EMPLOYMENT"),
    ],
)
def test_ages_are_completed_years_on_the_day_of_arrival(birth: str, code: str) -> None:
    expected = expected_of(Anchors(arrived_on=ARRIVAL), Member(MIREK, PartialDate.parse(birth)))
    assert {"SCHOOL", "CHILDCARE", "EMPLOYMENT"} & codes(expected, MIREK) == {code}


@pytest.mark.parametrize("birth", [None, PartialDate.unknown()])
def test_an_unknown_birth_date_is_never_guessed(birth: PartialDate | None) -> None:
    expected = expected_of(Anchors(arrived_on=ARRIVAL), Member(MIREK, birth))
    assert not expected["SCHOOL", MIREK].certain
    assert not expected["EMPLOYMENT", MIREK].certain
    assert expected["FIRST_VISIT", MIREK].certain


def test_a_year_of_birth_that_straddles_eighteen_leaves_both_open() -> None:
    expected = expected_of(Anchors(arrived_on=ARRIVAL), Member(MIREK, PartialDate.parse("2008")))
    assert not expected["SCHOOL", MIREK].certain
    assert not expected["EMPLOYMENT", MIREK].certain
    settled = expected_of(Anchors(arrived_on=ARRIVAL), Member(MIREK, PartialDate.parse("2008-02-16")))
    assert settled["EMPLOYMENT", MIREK].certain
    assert ("SCHOOL", MIREK) not in settled


def test_a_child_born_after_the_arrival_is_not_expected_at_it() -> None:
    born_later = Member(TOBIN, PartialDate.parse("2026-02-20"))
    assert codes(expected_of(Anchors(arrived_on=ARRIVAL), born_later), TOBIN) == {"FDA_FILED", "HEARING"}


def test_growing_up_does_not_rewrite_what_was_expected() -> None:
    almost_adult = Member(MIREK, PartialDate.parse("2008-02-17"))
    for later in (TODAY, TODAY + timedelta(days=4000)):
        found = expectations(CATALOGUE, Programme.asylum, Anchors(arrived_on=ARRIVAL), [almost_adult], later)
        assert "SCHOOL" in {e.code for e in found}


def test_a_printed_date_is_read_and_never_computed() -> None:
    anchors = Anchors(claimed_on=CLAIM, arrived_on=ARRIVAL)
    unread = expected_of(anchors, MOTHER)["FDA_FILED", ODALYS]
    assert (unread.due_on, unread.anchor) == (None, Anchor.printed)
    assert state(unread, None, TODAY + timedelta(days=9999)) is State.upcoming
    on_referral: dict[tuple[str, UUID | None], date] = {
        ("FDA_FILED", ODALYS): date(2026, 2, 19),
        ("MED_EXAM", ODALYS): date(2030, 1, 1),
    }
    found = expectations(CATALOGUE, Programme.asylum, anchors, [MOTHER, PUPIL], TODAY, printed=on_referral)
    due = {(e.code, e.person_id): e.due_on for e in found}
    assert due["FDA_FILED", ODALYS] == date(2026, 2, 19)
    assert due["FDA_FILED", MIREK] is None
    assert due["MED_EXAM", ODALYS] == CLAIM + timedelta(days=30)


def test_the_childcare_rule_of_the_arrival_date_is_the_one_that_counts() -> None:
    for arrived, open_to_claimants in (
        (date(2018, 4, 9), True),
        (date(2018, 4, 10), False),
        (date(2024, 2, 6), False),
        (date(2024, 2, 7), True),
    ):
        child = Member(TOBIN, PartialDate.exactly(arrived - timedelta(days=700)))
        expected = expected_of(Anchors(arrived_on=arrived), child)
        assert (("CHILDCARE", TOBIN) in expected) is open_to_claimants


def test_a_status_driven_milestone_is_recorded_but_never_expected() -> None:
    everything = Anchors(CLAIM, CLAIM, ARRIVAL, CLAIM)
    for programme in Programme:
        expected = expected_of(everything, MOTHER, programme=programme)
        assert not {code for code, _ in expected} & {t.code for t in CATALOGUE if t.anchor is Anchor.none}


def test_sponsors_report_twice_the_first_time_within_three_months() -> None:
    for arrived, three_months_later in (
        (date(2026, 2, 1), date(2026, 5, 1)),
        (date(2026, 5, 3), date(2026, 8, 3)),
    ):
        expected = expected_of(Anchors(arrived_on=arrived), MOTHER, programme=Programme.collective_sponsorship)
        first, second = (expected[f"SETTLEMENT_REPORT_{n}", None] for n in (1, 2))
        end = expected["UNDERTAKING_END", None]
        assert first.due_on is not None
        assert second.due_on is not None
        assert end.due_on is not None
        assert three_months_later - timedelta(days=4) < first.due_on <= three_months_later
        assert three_months_later < second.due_on < end.due_on


def test_the_two_programmes_do_not_borrow_each_others_milestones() -> None:
    anchors = Anchors(CLAIM, CLAIM, ARRIVAL, CLAIM)
    asylum = {code for code, _ in expected_of(anchors, MOTHER)}
    sponsored = {code for code, _ in expected_of(anchors, MOTHER, programme=Programme.collective_sponsorship)}
    assert {"FDA_FILED", "AID", "OFFER_ANSWER"} <= asylum - sponsored
    assert {"SETTLEMENT_REPORT_1", "HOUSING_READY"} <= sponsored - asylum
    assert "RETENTION_365" in asylum & sponsored


@pytest.mark.parametrize(
    ("days_ahead", "name"),
    [(8, State.upcoming), (7, State.due), (0, State.due), (-1, State.overdue), (-400, State.overdue)],
)
def test_a_milestone_is_due_during_its_last_week(days_ahead: int, name: State) -> None:
    visit = Expected("FIRST_VISIT", ODALYS, TODAY + timedelta(days=days_ahead), Anchor.arrival)
    assert state(visit, None, TODAY) is name
    assert state(visit, TODAY, TODAY) is State.done


dates = st.dates(min_value=date(2015, 1, 1), max_value=date(2040, 1, 1))


@settings(max_examples=40, deadline=None)
@given(arrived=dates, born=st.dates(date(1940, 1, 1), date(2041, 1, 1)), shape=st.sampled_from(["%Y", "%Y-%m"]))
def test_certain_means_true_for_every_day_the_birth_can_be(arrived: date, born: date, shape: str) -> None:
    partial = PartialDate.parse(born.strftime(shape))
    first, last = partial.earliest(), partial.latest()
    assert first is not None
    assert last is not None
    candidates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    for applies in (Applies.all, Applies.adults, Applies.school_age, Applies.preschool):
        only = (replace(version("FIRST_VISIT"), applies_to=applies),)
        each = [
            bool(expected_of(Anchors(arrived_on=arrived), Member(MIREK, PartialDate.exactly(day)), types=only))
            for day in (candidates if shape == "%Y-%m" else [*candidates[::13], first, last, born])
        ]
        whole = expected_of(Anchors(arrived_on=arrived), Member(MIREK, partial), types=only)
        certain = {e.certain for e in whole.values()}
        assert certain in ({True}, {False}, set())
        assert (certain == {True}) <= all(each)
        assert (certain == set()) <= (not any(each))
        if shape == "%Y-%m":
            assert (certain == {True}) is all(each)
            assert (certain == set()) is (not any(each))


@given(dates, dates, dates, dates)
def test_the_soonest_stands_first_and_every_due_date_follows_its_anchor(a: date, b: date, c: date, d: date) -> None:
    anchors = Anchors(a, b, c, d)
    for programme in Programme:
        found = expectations(CATALOGUE, programme, anchors, [MOTHER, PUPIL], TODAY)
        due = [e.due_on or date.max for e in found]
        assert due == sorted(due)
        for e in found:
            anchored = anchors.of(e.anchor)
            if anchored is not None:
                kind = version(e.code, anchored)
                assert programme in kind.programmes
                assert e.due_on == anchored + timedelta(days=kind.offset_days or 0)
