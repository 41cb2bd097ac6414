"""The milestone catalogue as shipped, and proof that a damaged one cannot be read."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from casework.kernel.programme import Programme
from casework.kernel.reference_table import ReferenceDataError
from casework.milestones import reference
from casework.milestones.reference import Anchor, Recorder, milestone_types

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = milestone_types()
# The 28 codes of the catalogue in domain.md §2.
GIVEN = {
    "CLAIM_DOC",
    "PFSI_ACTIVE",
    "SHELTER_IN",
    "INFO_GIVEN",
    "NEEDS",
    "MED_EXAM",
    "FDA_FILED",
    "OFFER_ANSWER",
    "REG_ARRIVAL",
    "FIRST_VISIT",
    "INTERP",
    "ADDR_NOTIFIED",
    "AID",
    "LEGAL",
    "SCHOOL",
    "HEALTH",
    "FRANCISATION",
    "BANK",
    "WORK_PERMIT",
    "NAS",
    "HOUSING",
    "CHILDCARE",
    "EMPLOYMENT",
    "RETENTION_30",
    "RETENTION_90",
    "RETENTION_180",
    "RETENTION_365",
    "HEARING",
}


def test_no_milestone_of_the_asylum_journey_is_missing() -> None:
    assert len(GIVEN) == 28
    assert {t.code for t in CATALOGUE if Programme.asylum in t.programmes} >= GIVEN


def test_the_catalogue_keeps_the_rules_it_was_given() -> None:
    for code, anchor, days, recorder in (
        ("CLAIM_DOC", Anchor.claim, 0, Recorder.intake_worker),
        ("PFSI_ACTIVE", Anchor.claim, 7, Recorder.intake_worker),
        ("OFFER_ANSWER", Anchor.offer, 5, Recorder.caseworker),
        ("ADDR_NOTIFIED", Anchor.arrival, 3, Recorder.partner),
        ("AID", Anchor.arrival, 10, Recorder.partner),
        ("SCHOOL", Anchor.arrival, 14, Recorder.partner),
        ("EMPLOYMENT", Anchor.arrival, 120, Recorder.partner),
        ("RETENTION_180", Anchor.arrival, 180, Recorder.partner),
        ("FDA_FILED", Anchor.printed, None, Recorder.partner),
        ("HEARING", Anchor.printed, None, Recorder.partner),
        ("NAS", Anchor.none, None, Recorder.partner),
    ):
        [kind] = [t for t in CATALOGUE if t.code == code]
        assert (kind.anchor, kind.offset_days) == (anchor, days)
        assert recorder in kind.recorded_by


def test_every_type_of_both_programmes_says_its_source_in_both_languages() -> None:
    assert Counter(t.code for t in CATALOGUE)["CHILDCARE"] == 2
    for kind in CATALOGUE:
        assert all((kind.label_fr, kind.label_en, kind.evidence_fr, kind.evidence_en, kind.source))
        if kind.programmes == {Programme.asylum}:
            assert Recorder.sponsor_spokesperson not in kind.recorded_by


@pytest.mark.parametrize(
    ("column", "code", "value"),
    [
        ("programme", "SCHOOL", "all"),
        ("subject", "SCHOOL", "family"),
        ("subject", "HOUSING", "person"),
        ("applies_to", "SCHOOL", "household"),
        ("applies_to", "SCHOOL", "teens"),
        ("recorded_by", "SCHOOL", "employer"),
        ("recorded_by", "SCHOOL", "partner;partner"),
        ("recorded_by", "SCHOOL", ""),
        ("anchor", "SCHOOL", "birth"),
        ("anchor", "SCHOOL", "printed"),
        ("offset_days", "SCHOOL", ""),
        ("offset_days", "SCHOOL", "soon"),
        ("offset_days", "HEARING", "20"),
        ("repeatable", "SCHOOL", "yes"),
        ("label_fr", "SCHOOL", ""),
        ("source", "SCHOOL", ""),
        ("valid_from", "SCHOOL", "2015-02-30"),
        ("valid_to", "SCHOOL", "2014-01-01"),
        ("valid_to", "CHILDCARE", ""),
        ("valid_from", "CHILDCARE", "2024-02-07"),
        ("code", "SCHOOL", "HEALTH"),
        ("code", "SCHOOL", "school"),
    ],
)
def test_a_damaged_catalogue_is_refused(tmp_path: Path, column: str, code: str, value: str) -> None:
    shipped = (reference.SHIPPED / "milestone_types.csv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(shipped.splitlines()))
    target = tmp_path / "milestone_types.csv"

    def write() -> None:
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, reference.COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)

    write()
    assert milestone_types(tmp_path) == CATALOGUE
    next(line for line in lines if line["code"] == code)[column] = value
    write()
    with pytest.raises(ReferenceDataError, match=r"^milestone_types.csv, line \d+: "):
        milestone_types(tmp_path)
