"""What docs/log.md promises auditors: its script makes a real visit, its table names the real columns."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from casework import verify
from casework.audit import table
from tests.audit.log_writers import record_milestones

if TYPE_CHECKING:
    from tests.conftest import World

DOCS = Path(__file__).parents[2] / "docs"


def the_table() -> str:
    lines = ["| column | kind | sens | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{column.name}` | {column.kind} | {column.meaning.fr} | {column.meaning.en} |" for column in table.COLUMNS
    ]
    return "\n".join(lines) + "\n"


def test_the_page_names_every_column() -> None:
    assert (DOCS / "log.md").read_text(encoding="utf-8").endswith(f"\n\n{the_table()}")


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("pull_log", DOCS / "examples" / "pull_log.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pulled(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jsonl"))


@pytest.mark.anyio
async def test_the_script_pulls_what_is_new_and_sees_a_rewritten_past(
    world: World, script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "PAGE", 4)
    client, loop = world.client("aurele"), asyncio.get_running_loop()
    key = world.app.state.log_signer.vkey("milestones")

    def get(path: str) -> tuple[bytes, str | None]:
        answer = asyncio.run_coroutine_threadsafe(client.get(path), loop).result(60)
        assert answer.status_code == 200, answer.text
        return answer.content, answer.headers.get("link")

    async def visit() -> int:
        code: int = await asyncio.to_thread(script.pull, get, tmp_path, key, Path(verify.__file__))
        return code

    seen = []
    for count in (9, 5, 0):
        await record_milestones(world, count)
        await world.sequence()
        assert await visit() == 0
        seen.append(pulled(tmp_path))
    assert seen[2] == seen[1] == ["journal-000000000-000000009.jsonl", "journal-000000009-000000014.jsonl"]
    # What the operator would have to answer, had it rewritten the past: a checkpoint that ours does not begin.
    kept = tmp_path / "checkpoint.txt"
    await record_milestones(world, 1)
    await world.sequence()
    root = kept.read_text(encoding="utf-8").split("\n")[2]
    other = world.app.state.log_signer.sign_checkpoint("milestones", 14, bytes(32))
    kept.write_text(other, encoding="utf-8")
    assert root not in other
    assert await visit() == 1
    assert kept.read_text(encoding="utf-8") == other
    assert pulled(tmp_path)[-1] == "refused-000000014-000000015.jsonl"
