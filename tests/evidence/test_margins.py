"""The drills about what leaks in the margins: their short forms hold, their controls fail, their sweepers see."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from casework.evidence import drills
from casework.evidence.canary_fields import IN_ROWS, LISTED, SEALED, unlisted
from casework.evidence.canary_marks import Marks, sweep
from casework.evidence.drill_existence import dearer

if TYPE_CHECKING:
    from fastapi import FastAPI

SEED = 7


@cache
def outcome_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(drills()[name](short=True, seed=SEED)))
    return found


# Canaries


def test_no_marked_value_is_found_and_every_sweeper_sees() -> None:
    outcome = outcome_of("canary")
    figures, control = outcome["figures"], outcome["control"]
    assert (figures["found"], figures["hits"]) == ([], 0)
    assert figures["sinks"] >= 12
    assert all(size > 0 for size in figures["bytes_per_sink"].values())
    assert set(control["sinks_that_found_it"]) == set(figures["bytes_per_sink"])
    assert figures["planted_fields"] == len(SEALED | IN_ROWS)
    assert outcome["ok"] is True


def test_what_was_provoked_really_happened() -> None:
    figures = outcome_of("canary")["figures"]
    assert (figures["lock_timeout"], figures["statement_timeout"]) == (409, [503])
    assert (figures["sessions_ended"], figures["answer_to_it"]) == (1, [503])
    assert (figures["killed_during_a_write"], figures["crash_exit"]) == ([0], -6)
    assert figures["answers_to_database_errors"] == [404, 409, 422, 500]


def test_a_field_nobody_thought_of_fails_the_drill(application: FastAPI) -> None:
    document = json.loads(json.dumps(application.openapi()))
    assert unlisted(document) == (set(), set())
    name = document["components"]["schemas"]["Name"]["properties"]
    name["nickname"] = {"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}]}
    del name["aliases"]
    assert unlisted(document) == ({"Name.nickname"}, {"Name.aliases"})


def test_each_field_has_one_line() -> None:
    assert not SEALED & IN_ROWS
    assert not (SEALED | IN_ROWS) & set(LISTED)
    assert all(reason for reason in LISTED.values())


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize(
    "spelled",
    [
        lambda raw: raw,
        bytes.upper,
        lambda raw: raw.hex().encode(),
        lambda raw: raw.hex().upper().encode(),
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda raw: quote("é" + raw.decode()).encode(),
        lambda raw: "".join(f"%{byte:02X}" for byte in raw).encode(),
        lambda raw: "".join(f"\\u{byte:04x}" for byte in raw).encode(),
        lambda raw: raw.decode().encode("utf-16"),
    ],
)
def test_a_value_is_found_in_every_spelling_and_at_every_alignment(spelled: Any, before: str) -> None:
    marks = Marks(SEED)
    value = marks.value("sealed", "Name.full")
    swept, hits = sweep([b"noise ", b"x" + spelled((before + value + "tail").encode()) + b" noise"], marks.stems)
    assert hits
    assert swept > len(value)


def test_a_hit_names_its_field() -> None:
    marks = Marks(SEED)
    for name in ("Name.full", "Contact.phone"):
        marks.value("sealed", name)
    _, [hit] = sweep([marks.value("sealed", "Contact.phone").encode()], marks.stems)
    assert (hit.spelling, marks.field_of(hit)) == ("plain", "Contact.phone")


def test_the_same_seed_plants_the_same_values() -> None:
    first, again, other = (Marks(seed).value("sealed", "Name.full") for seed in (1, 1, 2))
    assert first == again != other


# Reads


def test_every_answer_has_its_one_entry_though_servers_die() -> None:
    outcome = outcome_of("reads")
    figures = outcome["figures"]
    assert (figures["answers_without_entry"], figures["duplicates"], figures["of_other_cases"]) == (0, 0, 0)
    assert (figures["crashes"], figures["server_errors"]) == (4, 0)
    assert figures["reads"] <= figures["entries"] <= figures["attempts"]
    assert outcome["control"]["answers_without_entry"] > 0
    assert outcome["ok"] is True


# Existence


def test_nobody_tells_the_hidden_from_the_absent_by_its_cost() -> None:
    outcome = outcome_of("existence")
    assert outcome["figures"]["answers_that_differ"] == 0
    assert set(outcome["figures"]["operations"]) == {"read", "milestones", "offer", "close"}
    assert outcome["control"]["cpu_ms_hidden"] > outcome["control"]["cpu_ms_absent"]


def test_the_cost_s_figure_is_one_half_for_the_blind_and_one_for_the_seeing() -> None:
    assert dearer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) == 0.5
    assert dearer([4.0, 5.0], [1.0, 2.0]) == 1.0
    assert dearer([1.0], [2.0, 1.0, 0.0]) == 0.5
