"""What a claim's status opens on a date: dated lines with their sources, and never a constant of the code."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from casework.cases.lifecycle import ClaimStatus
from casework.eligibility import reference
from casework.kernel.reference_table import ReferenceDataError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import World

pytestmark = pytest.mark.anyio


async def answers(world: World, status: str = "referred", language: str = "fr", **asked: str) -> dict[str, Any]:
    """What is answered of each benefit."""
    client = world.client("camille", **{"Accept-Language": language})
    answer = await client.get("/v1/eligibility", params={"status": status, **asked})
    assert answer.status_code == 200, answer.text
    return {one["benefit"]: one for one in answer.json()["items"]}


async def test_the_same_day_is_answered_by_status(world: World) -> None:
    on = "2026-06-01"
    claimant, outside, refugee = [await answers(world, one, on=on) for one in ("referred", "ineligible", "accepted")]
    aid = "last_resort_aid"
    assert (claimant[aid]["answer"], outside[aid]["answer"], refugee[aid]["answer"]) == ("yes", "depends", "yes")
    assert "sans statut" in outside[aid]["condition"]
    assert "without status" in (await answers(world, "ineligible", "en", on=on))[aid]["condition"]
    assert {one["school"]["answer"] for one in (claimant, outside, refugee)} == {"yes"}
    assert refugee["french_full_time_allowance"]["amount"] == {"value": 23000, "unit": "cents_per_week"}
    assert refugee["french_part_time_allowance"]["answer"] == "no"
    assert list(claimant) == list(outside) == list(refugee)


async def test_the_tracks_of_c12_go_by_the_day_of_the_claim(world: World) -> None:
    """Asked on one day, about claims of the day before and of the day from which C-12 touches them."""
    before, since = [
        await answers(world, "acknowledged", on="2026-06-01", claimed_on=day) for day in ("2025-06-02", "2025-06-03")
    ]
    assert (before["irb_hearing"]["answer"], since["irb_hearing"]["answer"]) == ("yes", "depends")
    assert "14 jours" in since["irb_hearing"]["condition"]
    out = await answers(world, "ineligible", claimed_on="2025-07-01")
    assert [out[name]["answer"] for name in ("irb_hearing", "prra", "rad_appeal")] == ["no", "yes", "no"]
    # Nobody guesses the day of a claim.
    assert (await answers(world, "acknowledged", on="2026-06-01"))["irb_hearing"]["answer"] == "unknown"


async def test_what_no_source_says_is_unknown_and_never_no(world: World) -> None:
    long_ago = await answers(world, on="1999-01-01")
    assert {one["answer"] for one in long_ago.values()} == {"unknown"}
    assert {one["source"] for one in long_ago.values()} == {None}
    assert (await answers(world, "departed"))["childcare"]["answer"] == "unknown"


@pytest.mark.parametrize("query", ["", "status=citizen", "status=referred&on=hier", "status=referred&person_id=1"])
async def test_a_question_that_means_nothing_is_refused(world: World, query: str) -> None:
    assert (await world.client("camille").get(f"/v1/eligibility?{query}")).status_code in {400, 422}
    assert (await world.client(None).get("/v1/eligibility?status=referred")).status_code == 401


async def test_changing_a_rule_is_a_line_of_data_and_no_line_of_code(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A co-payment that doubles on a date: the old line gets its last day, a new one its amount and its source."""
    text = reference.SHIPPED.read_text("utf-8")
    [old] = [row for row in text.splitlines() if row.startswith("ifhp_prescription_copay") and ",400," in row]
    ending = old.replace(",2026-05-01,,", ",2026-05-01,2027-03-31,")
    starting = old.replace(",400,", ",800,").replace(",2026-05-01,,", ",2027-04-01,,")
    changed = tmp_path / "rules.csv"
    changed.write_text(text.replace(old, f"{ending}\n{starting}"), encoding="utf-8")
    monkeypatch.setattr(reference, "shipped", lambda: reference.rules(changed))
    paid = [(await answers(world, on=on))["ifhp_prescription_copay"] for on in ("2027-03-31", "2027-04-01")]
    assert [one["amount"]["value"] for one in paid] == [400, 800]
    # What was true of a day stays true of that day.
    assert (await answers(world, on="2026-04-30"))["ifhp_prescription_copay"]["answer"] == "no"


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        (",2018-04-10,2024-02-06,", ",2018-04-10,2024-02-07,"),  # two answers on one day
        ("no,,,,,2018-04-10", "unknown,,,,,2018-04-10"),
        ("no,,,,,2018-04-10", "depends,,,,,2018-04-10"),
        ("yes,400,cents_per_prescription", "yes,400,"),
        ("acknowledged;referred", "acknowledged;reffered"),
        (",2018-04-10,2024-02-06,", ",2018-04-31,2024-02-06,"),
        ("acknowledged,claimed_on,depends", "acknowledged,on,depends"),  # two days would decide
    ],
)
def test_a_line_that_is_wrong_is_refused_with_its_number(tmp_path: Path, was: str, is_now: str) -> None:
    text = reference.SHIPPED.read_text("utf-8")
    assert was in text
    spoilt = tmp_path / "rules.csv"
    spoilt.write_text(text.replace(was, is_now, 1), encoding="utf-8")
    with pytest.raises(ReferenceDataError, match="line"):
        reference.rules(spoilt)


def test_every_line_has_a_source_and_every_status_some_answer() -> None:
    known = reference.shipped()
    assert all(rule.source for rule in known)
    today = date(2026, 6, 1)
    for status in set(ClaimStatus) - {ClaimStatus.departed, ClaimStatus.deceased}:
        assert reference.rule_for(known, "school", status, today, None), status
