"""The score is the sum of its reasons; what is unknown neither speaks for nor against."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.duplicates.likeness import CONTRADICTED, IDENTIFIER_POINTS, LIKELY, Record, likeness
from casework.kernel.partial_date import PartialDate

UCI = ("uci", b"0123456789abcdef")
years, months, days = st.integers(1900, 2025), st.integers(1, 12), st.integers(1, 28)
births = st.one_of(
    st.just(None),
    years.map(lambda y: f"{y}"),
    st.tuples(years, months).map(lambda d: f"{d[0]}-{d[1]:02d}"),
    st.tuples(years, months, days).map(lambda d: f"{d[0]}-{d[1]:02d}-{d[2]:02d}"),
).map(PartialDate.parse)
records = st.builds(Record, births, st.sampled_from([frozenset(), frozenset({UCI})]))


def born(text: str | None) -> Record:
    return Record(PartialDate.parse(text))


def factors(one: Record, other: Record, closeness: float = 100.0) -> set[str]:
    return {reason.factor for reason in likeness(closeness, one, other).reasons}


@given(st.floats(0, 100), records, records)
def test_the_score_is_the_sum_of_its_reasons_and_the_same_both_ways(close: float, one: Record, other: Record) -> None:
    found, back = likeness(close, one, other), likeness(close, other, one)
    assert found == back
    assert found.score == max(0, min(100, sum(reason.points for reason in found.reasons)))
    assert {reason.text.fr for reason in found.reasons}.isdisjoint({""})


@given(births)
def test_an_unknown_birth_says_nothing(birth: PartialDate) -> None:
    assert not {f for f in factors(born(None), Record(birth)) if f.startswith("birth")}


@pytest.mark.parametrize(
    ("one", "other", "factor"),
    [
        ("1987-04-03", "1987-04-03", "birth_day"), ("1987-04-03", "1987-04", "birth_month"),
        ("1987-04-03", "1987", "birth_year"), ("1987-04-03", "1987-03-04", "birth_swapped"),
        ("1987-04-03", "1988-04-03", "birth_one_year"), ("1987", "1988", "birth_one_year"),
        ("1987-04-03", "1987-05", "birth_differs"), ("1987-04-03", "1992", "birth_differs"),
    ],
)  # fmt: skip
def test_partial_dates_are_compared_as_far_as_they_go(one: str, other: str, factor: str) -> None:
    assert factors(born(one), born(other)) == {"name", factor}


def test_no_single_reason_makes_two_records_likely() -> None:
    """Two people on one identifier happens, and a common name on one day of birth too."""
    nobody = born(None)
    held = Record(PartialDate.unknown(), frozenset({UCI}))
    assert likeness(0, held, held).score == IDENTIFIER_POINTS < LIKELY
    assert not likeness(100, nobody, nobody).likely
    same = Record(PartialDate.parse("1987-04-03"), frozenset({UCI}))
    assert likeness(100, same, same).likely


def test_contradicting_dates_speak_against_a_shared_document() -> None:
    one, other = (Record(PartialDate.parse(text), frozenset({UCI})) for text in ("1987-04-03", "1951-11-20"))
    assert likeness(80, one, other).score < likeness(80, one, one).score
    assert min(reason.points for reason in likeness(80, one, other).reasons) == CONTRADICTED
