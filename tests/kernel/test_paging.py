"""A cursor leads its own reader on, through its own list, and nobody else anywhere."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.kernel.paging import Cursors
from casework.kernel.problems import MalformedRequest

CURSORS = Cursors(b"k" * 32)
BOUND = "cases:camille:[('status', 'open')]"

positions = st.lists(st.none() | st.integers() | st.text(max_size=20), max_size=4)


@given(position=positions, bound=st.text(max_size=40))
def test_a_cursor_leads_back_to_where_it_was_written(position: list[object], bound: str) -> None:
    cursor = CURSORS.write(position, bound)
    assert CURSORS.read(cursor, bound) == position
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?#% ")


@pytest.mark.parametrize(
    "bound",
    ["cases:basile:[('status', 'open')]", "cases:camille:[]", "offers:camille:[('status', 'open')]", ""],
)
def test_a_cursor_of_another_caller_list_or_filter_is_refused(bound: str) -> None:
    cursor = CURSORS.write(["01890000"], BOUND)
    with pytest.raises(MalformedRequest) as refusal:
        CURSORS.read(cursor, bound)
    [fault] = refusal.value.errors
    assert (fault.parameter, fault.code) == ("cursor", "cursor")


def test_a_cursor_is_refused_when_any_bit_of_it_is_changed() -> None:
    cursor = CURSORS.write(["01890000"], BOUND)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for place in range(len(raw)):
        edited = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(MalformedRequest):
            CURSORS.read(base64.urlsafe_b64encode(edited).decode().rstrip("="), BOUND)


def test_a_cursor_of_another_installation_is_refused() -> None:
    with pytest.raises(MalformedRequest):
        CURSORS.read(Cursors(b"x" * 32).write(["01890000"], BOUND), BOUND)


@given(st.text(max_size=80))
def test_whatever_a_client_makes_up_is_a_refusal_and_not_a_fault(cursor: str) -> None:
    with pytest.raises(MalformedRequest):
        CURSORS.read(cursor, BOUND)


def test_a_position_cannot_be_written_without_the_key() -> None:
    forged = base64.urlsafe_b64encode(b"\x00" * 16 + json.dumps(["01890000"]).encode()).decode()
    with pytest.raises(MalformedRequest):
        CURSORS.read(forged, BOUND)
