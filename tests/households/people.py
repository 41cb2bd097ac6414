"""Steps of the people of a case, through the HTTP API, as those who keep their records take them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from tests.conftest import World

MERGE_PATCH = "application/merge-patch+json"
UNKNOWN = {"value": None, "precision": "unknown"}


def day(value: str) -> dict[str, str]:
    return {"value": value, "precision": ("year", "month", "day")[value.count("-")]}


def a_member(name: str = "Orsane Velquindor", relation: str = "principal", **changes: Any) -> dict[str, Any]:
    return {"relation": relation, "name": {"full": name}, "birth": day("1988"), **changes}


def person_path(case: dict[str, Any], place: int = 0) -> str:
    return f"/v1/cases/{case['id']}/people/{case['household']['members'][place]['person_id']}"


async def read(world: World, path: str, by: str = "camille") -> dict[str, Any]:
    answer = await world.client(by).get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def amend(world: World, path: str, by: str = "camille", **changes: Any) -> httpx.Response:
    """A change of the person as they stand now; `reason` is `correction` unless it is said."""
    stands = await read(world, path, by)
    headers = {"If-Match": f'"{stands["version"]}"', "Content-Type": MERGE_PATCH}
    content = json.dumps({"reason": "correction", **changes}).encode()
    return await world.client(by, **headers).patch(path, content=content)


async def tell(
    world: World, path: str, body: Any = None, *, of: str | None = None, by: str = "camille"
) -> httpx.Response:
    """A POST upon the version that stands now of the resource at `of`."""
    headers = {"If-Match": f'"{(await read(world, of, by))["version"]}"'} if of else {}
    return await world.client(by, **headers).post(path, json=body)


def told(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fault_of(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and JSON Pointer of the first fault."""
    [first, *_] = answer.json()["errors"]
    return answer.status_code, first["code"], first["pointer"]
