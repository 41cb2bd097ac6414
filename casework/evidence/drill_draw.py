"""`casework drill draw`: 10,000 entries drawn through the product, run again by a script that shares no code with it.

The list is handed in by SQL, as ten thousand spokespersons would by HTTP; the commitment, the freeze, the draw and the
publication are the product's own, over the API. `docs/redraw.py` then judges the publication in a process of its own,
from the commitment and the list's hash as they were published before the draw. Somebody who forges a seed, a list or an
order forges everything that follows from it too; what they cannot forge is what was written down before.

The control is a draw without commitment: the same forger, and a public that wrote nothing down.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from rich.console import Console
from rich.progress import Progress

from casework import __file__ as package
from casework.evidence.access_stage import players, stage
from casework.evidence.report import Run
from casework.kernel import clock, logs
from casework.kernel.ids import new_id
from casework.sponsorship import draw as algorithm

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.evidence.access_stage import Player, Stage

ENTRIES, SHORT_ENTRIES = 10_000, 500
FORGERIES, SHORT_FORGERIES = 100, 12  # of each kind
Json = dict[str, Any]
HAND_IN = """
INSERT INTO undertakings (id, version, created_at, sponsor_id, spokesperson_id, category, geo_code, region_code, regional,
  persons, state)
SELECT gen_random_uuid(), 1, now(), s.id, s.spokesperson_id, s.category, p.geo_code, p.region_code, p.regional, 3, 'draft'
FROM sponsors s CROSS JOIN generate_series(1, %s) AS n
JOIN (VALUES (0, '10043', '01', true), (1, '66023', '06', false), (2, '66023', '06', false))
  AS p (place, geo_code, region_code, regional) ON p.place = n %% 3
"""
SUBMIT = "UPDATE undertakings SET state = 'submitted', year = %s, entry_id = gen_random_uuid(), submitted_at = now()"


def script() -> Path:
    """In the wheel, or beside the package in a checkout."""
    folder = Path(package).resolve().parent
    packed = folder / "_redraw.py"
    return packed if packed.exists() else folder.parent / "docs" / "redraw.py"


def run(*, short: bool, seed: int) -> dict[str, Any]:
    logs.configure("error")
    done = Run("draw", short, seed)
    entries, forgeries = (SHORT_ENTRIES, SHORT_FORGERIES) if short else (ENTRIES, FORGERIES)
    told, kept, states, verified = asyncio.run(_drawn(entries))
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(Path(folder) / "draw.json")
        equal = judge.ask(told, *kept)
        found = _forged(judge, told, kept, forgeries, random.Random(seed))
        control = _control(judge, told, random.Random(seed))
    drawn = sum(entry["drawn"] for entry in told["entries"])
    figures = {
        "entries": len(told["entries"]),
        "cap": told["cap"],
        "drawn": drawn,
        "reserve": told["reserve"],
        "equal": not equal,
        "verified_by_the_server": verified,
        "states": states,
        "forged": dict.fromkeys(FORGERS, forgeries),
        "detected_by_kind": found,
        "detected": sum(found.values()),
        "script_runs": judge.runs,
    }
    whole = states == {"drawn": drawn, "not_drawn": entries - drawn} and drawn == told["cap"]
    caught = set(found.values()) == {forgeries}
    ok = not equal and verified and whole and caught and len(told["entries"]) == entries
    return done.outcome(ok=ok, figures=figures, control=control)


# The draw, through the product


async def _drawn(entries: int) -> tuple[Json, tuple[str, str], dict[str, int], bool]:
    """The publication, what was published before it, the states of the undertakings, the server's own verdict."""
    people = {who.name: who for who in players()}
    async with stage() as found:
        member = {"name": "Membre inventé", "joined_on": clock.today().isoformat()}
        sponsor = {"category": "group", "region_code": "01", "members": [member, member]}
        await _say(found, people["sidonie"], "/v1/sponsors", sponsor)
        wanted: Json = {"year": clock.today().year, "pool": "groups", "cap": entries * 3 // 10, "reserve": entries // 10,
                  "cap_source": "Plafond fictif de l'épreuve."}  # fmt: skip
        draw = await _say(found, people["prosper"], "/v1/draws", wanted)
        _hand_in(found.cluster.url("owner", found.database), entries, wanted["year"])
        commitment, path = draw["commitment"], f"/v1/draws/{draw['id']}"
        frozen = await _say(found, people["prosper"], f"{path}/freeze", None, draw)
        await _say(found, people["prosper"], f"{path}/run", None, frozen)
        told = (await found.ask(people["aurele"], "GET", f"{path}/publication")).json
        verdict = (await found.ask(people["aurele"], "GET", f"{path}/verification")).json
        owner = await found.superuser()
        states = await (await owner.execute("SELECT state, count(*)::int FROM undertakings GROUP BY 1")).fetchall()
    return told, (commitment, frozen["list_sha256"]), dict(states), verdict["verified"]


async def _say(found: Stage, who: Player, path: str, body: Json | None, version_of: Json | None = None) -> Json:
    headers = {"If-Match": f'"{version_of["version"]}"'} if version_of else {}
    answer = await found.ask(who, "POST", path, body, headers)
    if answer.status not in {200, 201}:
        raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]!r}")
    said: Json = answer.json
    return said


def _hand_in(owner_url: str, entries: int, year: int) -> None:
    with psycopg.connect(owner_url) as owner:
        owner.execute(HAND_IN, (entries,))
        owner.execute(SUBMIT, (year,))


# The public, and the forger


class Judge:
    """The independent script, in a process of its own for each question."""

    def __init__(self, file: Path) -> None:
        self._file, self.runs = file, 0

    def ask(self, told: Json, commitment: str, list_sha256: str) -> list[str]:
        """What differs; nothing when the published result follows."""
        self._file.write_text(json.dumps(told), encoding="utf-8")
        command = [sys.executable, "-I", str(script()), str(self._file), commitment, list_sha256]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own script
        self.runs += 1
        verdict = json.loads(done.stdout)
        assert (done.returncode == 0) == verdict["equal"], "the script's exit says what its answer says"
        differs: list[str] = verdict["differs"]
        return differs


def _forged(judge: Judge, told: Json, kept: tuple[str, str], count: int, rng: random.Random) -> dict[str, int]:
    """How many forgeries of each kind were named by their kind."""
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("falsifications / forgeries", total=count * len(FORGERS))
        found = {}
        for kind, forge in FORGERS.items():
            found[kind] = 0
            for _ in range(count):
                found[kind] += kind in judge.ask(forge(told, rng), *kept)
                progress.advance(bar)
    return found


def _again(told: Json, seed: bytes, entries: list[algorithm.Entry]) -> Json:
    """A publication whose every part follows from this seed and this list."""
    listed = algorithm.list_hash(algorithm.list_bytes(told["draw_id"], told["cap"], told["reserve"], entries))
    result = algorithm.ranked(seed, listed, told["cap"], told["reserve"], entries)
    lines = [
        {"entry_id": one.entry.id, "regional": one.entry.regional, "rank": one.rank, "drawn": one.drawn}
        for one in result
    ]
    return {
        **told, "seed": seed.hex(), "commitment": algorithm.commitment(seed), "list_sha256": listed, "entries": lines,
        "result_sha256": algorithm.result_hash(result),
    }  # fmt: skip


def _entries(told: Json) -> list[algorithm.Entry]:
    return [algorithm.Entry(entry["entry_id"], entry["regional"]) for entry in told["entries"]]


def _other_seed(told: Json, rng: random.Random) -> Json:
    """A seed of the forger's choice, or one bit of the true one; everything else follows."""
    seed = bytearray(bytes.fromhex(told["seed"]))
    seed[rng.randrange(len(seed))] ^= 1 << rng.randrange(8)
    return _again(told, rng.choice((bytes(seed), secrets.token_bytes(algorithm.SEED_BYTES))), _entries(told))


def _other_list(told: Json, rng: random.Random) -> Json:
    """One entry slipped in, taken out, exchanged, or made regional; everything else follows."""
    entries = _entries(told)
    place = rng.randrange(len(entries))
    newcomer = algorithm.Entry(str(new_id()), True)
    changed: tuple[Callable[[], Any], ...] = (
        lambda: entries.append(newcomer),
        lambda: entries.pop(place),
        lambda: entries.__setitem__(place, newcomer),
        lambda: entries.__setitem__(place, algorithm.Entry(entries[place].id, not entries[place].regional)),
    )
    rng.choice(changed)()
    return _again(told, bytes.fromhex(told["seed"]), entries)


def _other_order(told: Json, rng: random.Random) -> Json:
    """Two exchange their ranks and their luck, or one that was not drawn is."""
    lines = [dict(entry) for entry in told["entries"]]
    one, other = rng.sample(range(len(lines)), 2)
    if rng.random() < 0.5:
        loser = rng.choice([place for place, entry in enumerate(lines) if not entry["drawn"]])
        lines[loser]["drawn"] = True
    else:
        lines[one]["entry_id"], lines[other]["entry_id"] = lines[other]["entry_id"], lines[one]["entry_id"]
        lines[one]["regional"], lines[other]["regional"] = lines[other]["regional"], lines[one]["regional"]
    return {**told, "entries": lines}


FORGERS: dict[str, Callable[[Json, random.Random], Json]] = {
    "seed": _other_seed,
    "list": _other_list,
    "order": _other_order,
}


def _control(judge: Judge, told: Json, rng: random.Random) -> dict[str, Any]:
    """Who wrote nothing down compares a publication with itself: a forged seed passes."""
    forged = _other_seed(told, rng)
    passed = not judge.ask(forged, forged["commitment"], forged["list_sha256"])
    return {
        "what": "a draw whose commitment nobody kept: the forger publishes another seed and what follows from it",
        "forged_seed_passed": passed,
        "winners_changed": len(_winners(told) ^ _winners(forged)),
        "failed": passed and _winners(told) != _winners(forged),
    }


def _winners(told: Json) -> set[str]:
    return {entry["entry_id"] for entry in told["entries"] if entry["drawn"]}
