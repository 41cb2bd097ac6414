"""The published definitions, on logs small enough to count by hand."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from casework.indicators.figures import By, Figure, document
from casework.indicators.log_lines import NotWhole, Standing, of_export
from casework.milestones.reference import milestone_types

ARRIVED = date(2026, 3, 2)
TODAY = date(2026, 9, 1)


class Log:
    """Entries as the log holds them; a household a letter."""

    def __init__(self) -> None:
        self.standing, self.told = Standing(), 0

    def tell(self, case: str | None, code: str, days: int, outcome: str = "done", **more: Any) -> str:
        self.told += 1
        day = (ARRIVED + timedelta(days=days)).isoformat()
        leaf = {
            "type": "milestone.recorded", "milestone": f"m{self.told}", "code": code, "region": "01",
            "organization": "phare", "programme": "asylum", "outcome": outcome, "reason_code": None,
            "occurred_on": {"value": day, "precision": "day"}, **more,
        }  # fmt: skip
        self.standing.add(case, leaf)
        return f"m{self.told}"

    def void(self, milestone: str) -> None:
        self.standing.add(None, {"type": "milestone.voided", "of": milestone})

    def figure(self, figure: Figure, by: By = By.region, on: date = TODAY) -> list[dict[str, Any]]:
        entries = self.standing.entries()
        rows: list[dict[str, Any]] = document(figure, by, on, entries, milestone_types(), self.standing.size)["rows"]
        return rows


def arrived(log: Log, count: int, region: str = "01", **more: Any) -> list[str]:
    cases = [f"{region}-{number}" for number in range(count)]
    for case in cases:
        log.tell(case, "REG_ARRIVAL", 0, region=region, **more)
    return cases


def total(rows: list[dict[str, Any]], code: str | None = None) -> dict[str, Any]:
    [found] = [row for row in rows if row["group"] is None and row["code"] == code]
    return found


def test_time_to_a_milestone_counts_from_the_first_arrival_to_the_first_one_done() -> None:
    log = Log()
    for days, case in enumerate(arrived(log, 10), 1):
        log.tell(case, "AID", days)
        log.tell(case, "AID", days + 50)
        log.tell(case, "REG_ARRIVAL", 30)
    assert total(log.figure(Figure.time_to_milestone), "AID")["values"] == {"median_days": 5, "ninth_decile_days": 9}


def test_a_vague_day_or_another_outcome_is_no_time() -> None:
    log = Log()
    for case in arrived(log, 6):
        log.tell(case, "AID", 3)
    vague: dict[str, Any] = {"occurred_on": {"value": "2026-03", "precision": "month"}}
    for case in arrived(log, 6, "05"):
        log.tell(case, "AID", 3, outcome="not_applicable", reason_code="not_needed", region="05")
        log.tell(case, "AID", 3, region="05", **vague)
    assert [(row["group"], row["counts"]) for row in log.figure(Figure.time_to_milestone) if row["code"] == "AID"] == [
        ("01", {"households": 6}), (None, {"households": 6}),
    ]  # fmt: skip


def test_a_voided_entry_counts_for_nothing_and_its_correction_does() -> None:
    log = Log()
    for case in arrived(log, 5):
        log.void(log.tell(case, "AID", 2))
        log.tell(case, "AID", 8, corrects="x")
    assert total(log.figure(Figure.time_to_milestone), "AID")["values"]["median_days"] == 8


def test_completeness_and_the_share_behind_are_of_what_fell_due() -> None:
    log = Log()
    for number, case in enumerate(arrived(log, 20)):
        for code in ("FIRST_VISIT", "INTERP", "ADDR_NOTIFIED"):
            if number < 12 or code != "INTERP":
                log.tell(case, code, 2)
    on = ARRIVED + timedelta(days=3)
    [row, whole] = log.figure(Figure.completeness, By.organization, on)
    assert (row["group"], row["counts"]) == ("phare", {"told": 52, "missing": 8})
    assert whole["values"] == {"told_per_thousand": 867}
    assert total(log.figure(Figure.overdue, By.organization, on))["counts"] == {"up_to_date": 12, "behind": 8}
    # The day before, the address was not due yet.
    assert total(log.figure(Figure.completeness, on=on - timedelta(days=1)))["counts"] == {"told": 32, "missing": 8}


def test_retention_keeps_the_unknown_apart_from_the_gone_and_the_dead_out() -> None:
    log = Log()
    cases = arrived(log, 40)
    for number, case in enumerate(cases):
        outcome, reason = (
            ("done", None) if number < 24 else ("not_applicable", "left_region") if number < 30
            else ("unknown", None) if number < 38 else ("not_applicable", "deceased")
        )  # fmt: skip
        log.tell(case, "RETENTION_90", 90, outcome=outcome, reason_code=reason)
    whole = total(log.figure(Figure.retention), "RETENTION_90")
    assert whole["counts"] == {"here": 24, "left": 6, "unknown": 8}
    assert whole["values"] == {"retained_per_thousand": 800, "retained_at_least_per_thousand": 632}


def test_a_few_who_left_are_not_shown_and_neither_is_the_rate_that_tells_them() -> None:
    log = Log()
    for number, case in enumerate(arrived(log, 30)):
        gone = number < 2
        log.tell(case, "RETENTION_30", 30, outcome="not_applicable" if gone else "done",
                 reason_code="left_region" if gone else None)  # fmt: skip
    whole = total(log.figure(Figure.retention), "RETENTION_30")
    assert (whole["suppressed"], whole["counts"]) == (True, {"here": 28, "left": None, "unknown": 0})
    assert set(whole["values"].values()) == {None}


def test_five_persons_of_two_households_are_a_small_cell() -> None:
    log = Log()
    for case in arrived(log, 2):
        for _ in range(3):
            log.tell(case, "RETENTION_30", 30)
    assert total(log.figure(Figure.retention), "RETENTION_30")["counts"]["here"] is None


def test_an_erased_household_counts_where_its_entry_stands_and_is_linked_to_nothing() -> None:
    log = Log()
    for case in arrived(log, 6):
        log.tell(case, "AID", 3)
    for _ in range(6):
        log.tell(None, "REG_ARRIVAL", 0)
        log.tell(None, "AID", 3)
        log.tell(None, "RETENTION_30", 30)
    assert total(log.figure(Figure.time_to_milestone), "AID")["counts"] == {"households": 6}
    assert total(log.figure(Figure.retention), "RETENTION_30")["counts"]["here"] == 6


def test_what_is_hidden_does_not_depend_on_the_dimension_asked() -> None:
    log = Log()
    for region, count in (("01", 30), ("05", 20), ("08", 2)):
        for case in arrived(log, count, region, organization=f"host-{region}"):
            log.tell(case, "AID", 4, region=region)
    hidden = {
        by: {
            row["group"]
            for row in log.figure(Figure.time_to_milestone, by)
            if row["suppressed"] and row["code"] == "AID"
        }
        for by in (By.region, By.organization)
    }
    assert hidden == {By.region: {"05", "08"}, By.organization: {"host-05", "host-08"}}


@pytest.mark.parametrize("spoilt", ["missing", "filtered", "cut", "unreadable", "empty"])
def test_a_part_of_a_log_gives_no_figure(spoilt: str) -> None:
    manifest = {"type": "manifest", "size": 3, "first": 0, "filter": {}}
    lines = [{"index": n, "case": "a", "leaf": {"type": "subject.erased"}} for n in range(3)]
    whole = [json.dumps(line) for line in (manifest, *lines)]
    assert of_export(whole).size == 3
    broken = {
        "missing": [whole[0], whole[1], whole[3]], "cut": whole[:3], "unreadable": [*whole, "{"], "empty": [],
        "filtered": [json.dumps({**manifest, "filter": {"region": "01"}}), *whole[1:]],
    }[spoilt]  # fmt: skip
    with pytest.raises(NotWhole):
        of_export(broken)
