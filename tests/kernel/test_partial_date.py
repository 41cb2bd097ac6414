"""A birth date is kept as it is known: to the year, the month, the day, or not at all."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from casework.kernel.partial_date import PartialDate, PartialDateError, Precision

days = st.dates(min_value=date(1870, 1, 1), max_value=date(2100, 12, 31))


class Newcomer(BaseModel):
    birth: PartialDate


def test_a_month_of_birth_stays_a_month() -> None:
    born = PartialDate.parse("1990-02")
    assert born.precision is Precision.month
    assert (born.earliest(), born.latest()) == (date(1990, 2, 1), date(1990, 2, 28))


def test_a_year_of_birth_spans_the_whole_year() -> None:
    born = PartialDate.parse("1990")
    assert (born.earliest(), born.latest()) == (date(1990, 1, 1), date(1990, 12, 31))


def test_an_unknown_birth_date_has_no_bounds_and_is_not_an_error() -> None:
    born = PartialDate.parse(None)
    assert born == PartialDate.unknown()
    assert (born.earliest(), born.latest(), str(born)) == (None, None, "")


@given(days)
def test_a_known_day_is_its_own_earliest_and_latest(day: date) -> None:
    born = PartialDate.exactly(day)
    assert born.precision is Precision.day
    assert born.earliest() == born.latest() == day


@given(days)
def test_less_precision_never_loses_the_day_itself(day: date) -> None:
    for text in (f"{day:%Y}", f"{day:%Y-%m}"):
        born = PartialDate.parse(text)
        first, last = born.earliest(), born.latest()
        assert first is not None
        assert last is not None
        assert first <= day <= last
        assert last.day == monthrange(last.year, last.month)[1]


@given(days, st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d"]))
def test_the_json_object_makes_the_round_trip(day: date, shape: str) -> None:
    newcomer = Newcomer(birth=PartialDate.parse(day.strftime(shape)))
    assert newcomer.model_dump(mode="json")["birth"] == {
        "value": day.strftime(shape),
        "precision": newcomer.birth.precision.value,
    }
    assert Newcomer.model_validate_json(newcomer.model_dump_json()) == newcomer


def test_the_json_object_of_an_unknown_date() -> None:
    body = {"birth": {"value": None, "precision": "unknown"}}
    assert Newcomer.model_validate(body).model_dump(mode="json") == body


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1990-13",
        "1990-00",
        "1990-02-30",
        "2023-02-29",
        "1990-04-00",
        "1869",
        "2101-01",
        "90",
        "1990-3",
        "1990/03",
        "1990-03-01T00:00",
        "1990\n",
        "١٩٩٠",
        "-1990",
    ],
)
def test_an_impossible_or_misshapen_date_is_refused(text: str) -> None:
    with pytest.raises(PartialDateError) as refusal:
        PartialDate.parse(text)
    assert not text or text not in str(refusal.value)
    with pytest.raises(ValidationError):
        PartialDate.model_validate({"value": text, "precision": "day"})


def test_a_leap_day_is_possible_in_a_leap_year() -> None:
    assert PartialDate.parse("2024-02-29").latest() == date(2024, 2, 29)


@pytest.mark.parametrize(
    "body",
    [
        {"value": "1990-03", "precision": "day"},
        {"value": "1990", "precision": "unknown"},
        {"value": None, "precision": "year"},
        {"value": "1990", "precision": "decade"},
        {"value": "1990"},
        {"precision": "unknown"},
        {"value": "1990", "precision": "year", "calendar": "gregorian"},
        {"value": 1990, "precision": "year"},
        "1990",
    ],
)
def test_the_json_object_is_exactly_that_object(body: object) -> None:
    with pytest.raises(ValidationError):
        PartialDate.model_validate(body)


def test_a_refusal_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(ValidationError) as refusal:
        Newcomer.model_validate({"birth": {"value": "1990-02-31", "precision": "day"}})
    error = refusal.value.errors(include_input=False)[0]
    assert error["loc"] == ("birth",)
    assert "1990-02-31" not in str(error["msg"])


def test_a_date_once_written_cannot_be_changed() -> None:
    born = PartialDate.parse("1990")
    with pytest.raises(ValidationError):
        born.value = "1991"  # type: ignore[misc]  # the guard under test
    assert len({born, PartialDate.parse("1990")}) == 1
