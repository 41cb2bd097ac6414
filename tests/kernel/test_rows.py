"""Rows without ORM objects are still the rows of their table model."""

from __future__ import annotations

import pytest

from casework.kernel.ids import new_id
from casework.kernel.rows import columns, new_row, statements
from casework.people.models import Household, Person, SubjectKey

BOUND = {"case_id": new_id(), "office_id": new_id(), "region_code": None}


def test_the_models_defaults_fill_what_is_not_given() -> None:
    one, other = new_row(Household, **BOUND), new_row(Household, **BOUND)
    named = dict(zip([column.name for column in columns(Household)], one.values, strict=True))
    assert set(named) == {"id", "case_id", "office_id", "region_code", "created_at"}
    assert named["created_at"].tzinfo is not None
    assert one.values != other.values


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(TypeError, match="Person needs sealed_name"):
        new_row(Person, **BOUND, is_adult=True, languages=[])


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(TypeError, match="Household has no nickname"):
        new_row(Household, **BOUND, nickname="x")


def test_a_value_outside_its_enum_is_refused() -> None:
    with pytest.raises(ValueError, match="neighbour"):
        new_row(SubjectKey, **BOUND, subject_id=new_id(), kind="neighbour", kek_id="kek", wrapped=b"")


def test_rows_of_one_table_share_a_statement_and_parents_go_first() -> None:
    household = new_row(Household, **BOUND)
    keys = [
        new_row(SubjectKey, **BOUND, subject_id=new_id(), kind="person", kek_id="kek", wrapped=b"") for _ in range(2)
    ]
    written = list(statements([household, *keys, new_row(Household, **BOUND)]))
    assert [sql.split()[2] for sql, _ in written] == ["households", "subject_keys"]
    assert [len(parameters) for _, parameters in written] == [10, 20]
