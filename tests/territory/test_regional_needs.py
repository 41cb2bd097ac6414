"""What regions need, month by month: counts of openings, imported line by line, about nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from casework.kernel import clock
from casework.territory.need_schemas import NeedRead
from tests.builders import a_case
from tests.territory.test_territory_api import every

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

pytestmark = pytest.mark.anyio
HEADER = "region_code,month,occupation,openings,source"
THIS_MONTH = clock.today().strftime("%Y-%m")
NURSING, COOKING = "31301", "63200"


def a_need(**changes: Any) -> dict[str, Any]:
    told = {
        "region_code": "01",
        "month": THIS_MONTH,
        "occupation": NURSING,
        "openings": 4,
        "source": "Enquête d'octobre.",
    }
    return {**told, **changes}


async def importing(world: World, *lines: str, by: str = "coralie", **more: Any) -> httpx.Response:
    return await world.client(by).post("/v1/regional-need-imports", json={"csv": "\n".join((HEADER, *lines)), **more})


def counted(world: World) -> int:
    with world.owner() as owner:
        return int(str((owner.execute("SELECT count(*) FROM regional_needs").fetchone() or [0])[0]))


async def test_the_latest_count_stands(world: World) -> None:
    first = await world.client("coralie").post("/v1/regional-needs", json=a_need())
    again = await world.client("coralie").post("/v1/regional-needs", json=a_need(openings=2, source="Révisé."))
    assert (first.status_code, again.status_code) == (201, 201)
    [shown] = await every(world.client("camille"), "/v1/regional-needs", region="01", month=THIS_MONTH)
    assert (shown["id"], shown["openings"], shown["source"], shown["version"]) == (first.json()["id"], 2, "Révisé.", 2)
    assert shown["month"] == f"{THIS_MONTH}-01"


async def test_a_region_counts_for_itself_alone(world: World) -> None:
    assert (await world.client("edmee").post("/v1/regional-needs", json=a_need())).status_code == 404
    assert (await world.client("camille").post("/v1/regional-needs", json=a_need())).status_code == 403
    assert (await world.client("prosper").post("/v1/regional-needs", json=a_need())).status_code == 201
    for user, seen in (("coralie", 1), ("melchior", 1), ("pelagie", 1), ("edmee", 0), ("raoul", 0), ("camille", 1)):
        assert len(await every(world.client(user), "/v1/regional-needs")) == seen, user
    assert (await world.client("aurele").get("/v1/regional-needs")).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [{"openings": -1}, {"openings": "4"}, {"month": "2026-13"}, {"month": "2026-10-01"}, {"occupation": "3130"},
     {"region_code": "18"}, {"source": " "}, {"employer": "Usine Fictive"}],
)  # fmt: skip
async def test_a_count_without_sense_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = await world.client("coralie").post("/v1/regional-needs", json=a_need(**changes))
    assert (answer.status_code, counted(world)) == (422, 0), answer.text


async def test_a_sheet_is_answered_line_by_line(world: World) -> None:
    await world.client("coralie").post("/v1/regional-needs", json=a_need())
    answer = await importing(
        world, f"01,{THIS_MONTH},{NURSING},4,Enquête d'octobre.", f"01,{THIS_MONTH},{COOKING},7,Guichet"
    )
    assert (answer.status_code, answer.json()["written"]) == (200, True)
    assert [(one["line"], one["status"]) for one in answer.json()["lines"]] == [(2, "unchanged"), (3, "recorded")]
    assert all(one["id"] and not one["errors"] for one in answer.json()["lines"])


FAULTY = (
    f"01,{THIS_MONTH},{COOKING},7,Guichet",
    f"01,{THIS_MONTH},{NURSING},beaucoup,Guichet",
    f"05,{THIS_MONTH},{NURSING},1,Guichet",
    f"01,{THIS_MONTH},{COOKING},8,Guichet",
    "01",
)


async def test_one_faulty_line_stops_the_whole_sheet_and_each_says_why(world: World) -> None:
    answer = await importing(world, *FAULTY)
    told = answer.json()
    assert (answer.status_code, told["written"], counted(world)) == (200, False, 0)
    assert [one["status"] for one in told["lines"]] == ["left_out", "refused", "refused", "refused", "refused"]
    assert [[fault["code"] for fault in one["errors"]] for one in told["lines"]] == [
        [], ["int_type"], ["region"], ["duplicate"], ["columns"],
    ]  # fmt: skip
    assert "beaucoup" not in answer.text


async def test_the_sound_lines_are_kept_when_asked(world: World) -> None:
    told = (await importing(world, *FAULTY, mode="best_effort")).json()
    assert (told["written"], counted(world)) == (True, 1)
    assert [one["status"] for one in told["lines"]] == ["recorded", "refused", "refused", "refused", "refused"]


async def test_a_dry_run_gives_the_same_report_and_writes_nothing(world: World) -> None:
    line = f"01,{THIS_MONTH},{COOKING},7,Guichet"
    dry = (await importing(world, line, dry_run=True)).json()
    assert (dry["written"], counted(world)) == (False, 0)
    assert [one["status"] for one in dry["lines"]] == ["recorded"]
    wet = (await importing(world, line)).json()
    assert [one["status"] for one in wet["lines"]] == [one["status"] for one in dry["lines"]]


@pytest.mark.parametrize("sheet", ["", "region,month\n01,2026-10", 'region_code,"month', f'{HEADER}\n01,"2026'])
async def test_a_sheet_that_cannot_be_read_is_refused_whole(world: World, sheet: str) -> None:
    answer = await world.client("coralie").post("/v1/regional-need-imports", json={"csv": sheet})
    assert (answer.status_code, counted(world)) == (422, 0), answer.text


async def test_no_person_stands_behind_a_need() -> None:
    """Neither table nor answer has a place for one."""
    about = {"person", "case", "household", "employer", "organization"}
    assert not [name for name in NeedRead.model_fields if any(word in name for word in about)]


async def test_the_needs_of_the_month_and_the_target_weigh_in_the_recommendation(world: World) -> None:
    """And their lack is told in the factor's own sentence: nothing of it is invented."""

    async def points(factor: str) -> dict[str, int]:
        case = await a_case(world, size=1, needs={}, preferences={"choices": [], "occupations": [NURSING]})
        shown = (await world.client("camille").post(f"/v1/cases/{case['id']}/recommendations")).json()
        return {
            place["geo_code"]: part["points"]
            for place in shown["ranked"] for part in place["contributions"] if part["factor"] == factor
        }  # fmt: skip

    before = await points("occupation")
    assert (await world.client("coralie").post("/v1/regional-needs", json=a_need(openings=9))).status_code == 201
    last_month = (clock.today().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    elsewhere = a_need(region_code="05", month=last_month, openings=9)
    assert (await world.client("prosper").post("/v1/regional-needs", json=elsewhere)).status_code == 201
    after = await points("occupation")
    assert after["10043"] > before["10043"]
    assert after["43027"] == before["43027"]
    balance = await points("balance")
    today = clock.today().isoformat()
    meant = {"region_code": "01", "starts_on": today, "ends_on": today, "target": 500, "source": "Plan régional."}
    assert (await world.client("prosper").post("/v1/regional-targets", json=meant)).status_code == 201
    assert (await points("balance"))["10043"] > balance["10043"]
