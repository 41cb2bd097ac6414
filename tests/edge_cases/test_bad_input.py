"""Issue 4's list of bad input, line by line: a clear answer in both languages, its field named, nothing half-written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_case
from tests.cases.claims import a_claim_status, a_status
from tests.duplicates.test_merges import candidates, first_of, merged
from tests.household_imports.sheets import of_two, report_of, workbook
from tests.household_imports.test_imports import households, rows_everywhere
from tests.households.people import a_member, day, person_path, read, tell, told
from tests.placement.households import a_consent, a_couple_with_a_child
from tests.sponsorship.steps import a_draw, act, if_match

if TYPE_CHECKING:
    from tests.conftest import World

pytestmark = pytest.mark.anyio
FAULTS, HOUSEHOLDS = 1_000, 500


def written(world: World) -> dict[str, int]:
    """Rows by table, but for the traces that a request or a read leaves."""
    return {name: count for name, count in rows_everywhere(world).items() if not name.startswith(("log_", "read_"))}


async def refused(
    world: World,
    path: str,
    body: Any,
    *,
    of: str | None = None,
    by: str = "camille",
    method: str = "POST",
    tag: str = "",
) -> dict[str, Any]:
    """The French answer; the English one says the same in other words, and neither left anything."""
    before, answers = written(world), []
    tag = tag or (f'"{(await read(world, of, by))["version"]}"' if of else "")
    for language in ("fr", "en"):
        headers = {"Accept-Language": language} | ({"If-Match": tag} if tag else {})
        answers.append(await world.client(by, **headers).request(method, path, json=body))
    french, english = [answer.json() for answer in answers]
    assert {answer.status_code for answer in answers} <= {409, 422}, answers[0].text
    assert french["type"] == english["type"]
    for name in ("title", "detail"):
        assert french[name] != english[name], name
    for one, other in zip(french.get("errors", []), english.get("errors", []), strict=True):
        assert (one["pointer"], one["code"]) == (other["pointer"], other["code"])
        assert one["detail"] != other["detail"]
    assert written(world) == before
    found: dict[str, Any] = french
    return found


def pointers(answer: dict[str, Any]) -> list[str]:
    return [fault["pointer"] for fault in answer["errors"]]


async def test_dates_that_contradict_each_other(world: World) -> None:
    case = await a_case(world, members=[a_member(birth=day("1988-04-03"))], consents=[])
    path = person_path(case)
    assert pointers(await refused(world, f"{path}/death", {"occurred": day("1950")}, of=path)) == ["/occurred"]
    backwards = {"type": "uci", "value": "00-1", "issued_on": "2026-02-01", "expires_on": "2026-01-01"}
    taken_in = {"programme": "asylum", "members": [a_member(identifiers=[backwards])]}
    [pointer] = pointers(await refused(world, "/v1/cases", taken_in))
    assert pointer.startswith("/members/0/identifiers/0")
    tomorrow = {"programme": "asylum", "claimed_on": "2099-01-01", "members": [a_member()]}
    assert pointers(await refused(world, "/v1/cases", tomorrow)) == ["/claimed_on"]


async def test_a_member_in_two_current_households(world: World) -> None:
    """Coming from one case they leave it; who is there already is not there twice."""
    here, there = [await a_case(world, members=[a_member(name)], consents=[]) for name in ("Orsane", "Nour")]
    path, body = f"/v1/cases/{here['id']}", {"person_id": first_of(there), "relation": "sibling"}
    told(await tell(world, f"{path}/joins", body, of=path), 201)
    answer = await refused(world, f"{path}/joins", body, of=path)
    assert answer["type"] == "/v1/problems/two-households"
    assert (await read(world, f"/v1/cases/{there['id']}"))["household"]["members"] == []


async def test_an_identifier_on_two_people_is_told_and_decides_nothing(world: World) -> None:
    """It happens (domain.md §7.3): both are taken in, and whoever asks is told why they look alike."""
    uci = {"type": "uci", "value": "00-7777-0001"}
    one, two = [
        await a_case(world, members=[a_member(name, birth=day("1988-02-03"), identifiers=[uci])], consents=[])
        for name in ("Orsane Velquindor", "Orsanne Velquindor")
    ]
    [found] = await candidates(world, first_of(one))
    assert found["person_id"] == first_of(two)
    [shared] = [reason for reason in found["reasons"] if reason["factor"] == "identifier"]
    assert shared["points"] > 0
    assert shared["text"]
    assert len((await read(world, f"/v1/cases/{two['id']}"))["household"]["members"]) == 1


async def test_a_status_that_cannot_follow(world: World) -> None:
    case = await a_case(world, size=1)
    await a_claim_status(world, case, **a_status("ineligible", -9))
    said = {"person_id": first_of(case), "said": a_status("rad_pending", -5)}
    answer = await refused(world, f"/v1/cases/{case['id']}/claim-statuses", said)
    assert (answer["earlier"], answer["later"]) == ("ineligible", "rad_pending")
    assert (await refused(world, f"/v1/cases/{case['id']}/reopen", {}, of=f"/v1/cases/{case['id']}"))["status"] == 409


async def test_a_consent_by_a_child(world: World) -> None:
    case = await a_couple_with_a_child(world)
    [child] = [one["person_id"] for one in case["household"]["members"] if not one["is_adult"]]
    said = {"person_id": child, **{name: value for name, value in a_consent(0).items() if name != "member"}}
    path = f"/v1/cases/{case['id']}"
    assert pointers(await refused(world, f"{path}/consents", said, of=path)) == ["/person_id"]
    members = [a_member(), a_member("Milo", "child", birth=day("2019-05"))]
    taken_in = {"programme": "asylum", "members": members, "consents": [a_consent(1)]}
    [pointer] = pointers(await refused(world, "/v1/cases", taken_in))
    assert pointer.startswith("/consents/0")


async def test_a_draw_run_again_after_its_result(world: World) -> None:
    draw = await act(world, await act(world, await a_draw(world), "freeze"), "run")
    path = f"/v1/draws/{draw['id']}"
    for action in ("run", "freeze"):
        answer = await refused(world, f"{path}/{action}", None, by="prosper", tag=if_match(draw)["If-Match"])
        assert answer["draw_status"] == "drawn"
    assert (await read(world, path, "prosper"))["result_sha256"] == draw["result_sha256"]


async def test_a_merge_cycle(world: World) -> None:
    one, two, three = [
        await a_case(world, members=[a_member(name)], consents=[]) for name in ("Orsane", "Nour", "Isaure")
    ]
    await merged(world, first_of(one), first_of(two))
    for kept, duplicate in ((two, one), (two, three), (one, two)):
        body = {"duplicate_id": first_of(duplicate), "reason": "Vue deux fois."}
        await refused(world, f"/v1/people/{first_of(kept)}/merges", body)
    itself = {"duplicate_id": first_of(one), "reason": "Vue deux fois."}
    assert pointers(await refused(world, f"/v1/people/{first_of(one)}/merges", itself)) == ["/duplicate_id"]


async def test_a_spreadsheet_with_a_thousand_faults(world: World) -> None:
    """Each fault is told by line and column, in both languages; households without fault are taken in whole."""
    rows = of_two("M-good")
    for number in range(HOUSEHOLDS):
        principal, child = of_two(f"M-{number:03}")
        principal[2], child[6] = "2099-01-01", "31 mai"
        rows += [principal, child]
    report = await report_of(world.client("ines"), workbook(rows))
    assert (len(report["faults"]), report["faulty_lines"]) == (FAULTS, FAULTS)
    assert (report["stored"], report["refused"]) == (1, HOUSEHOLDS)
    assert [(fault["line"], fault["column"]) for fault in report["faults"]] == [
        (line, "claimed_on" if line % 2 == 0 else "birth") for line in range(4, FAULTS + 4)
    ]
    assert all(fault["detail"]["fr"] != fault["detail"]["en"] for fault in report["faults"])
    assert households(world) == ["M-good"]
