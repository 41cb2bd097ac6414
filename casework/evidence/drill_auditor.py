"""`casework drill auditor`: writers on a real server, sequencers killed −9, an auditor on the cursor (audit.md §5).

One server answers; two others only sequence, and are killed in turn, the last time both at once. The auditor follows
the dense index over HTTP the whole time. Afterwards the table says what was really committed: every leaf must have
reached the auditor once, in order, and the whole log, pulled again, must satisfy `casework verify` against the first and
the last checkpoint the auditor kept on the way.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import signal
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from casework.audit.signer import LogName, LogSigner
from casework.evidence.child import serving
from casework.evidence.driving import get, header, line_to, post
from casework.evidence.log_followers import LOG, PAGE, Auditor, Naive, digest
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.kernel import clock
from casework.verify import verify_files

if TYPE_CHECKING:
    from uuid import UUID

    from casework.evidence.child import Child
    from casework.evidence.stage import Stage
    from casework.settings import Settings

WRITERS, SHORT_WRITERS = 32, 8
ROWS, SHORT_ROWS = 100_000, 240
KILLS, SHORT_KILLS = 12, 2
CASES, SHORT_CASES = 4_000, 24
TARGET_SECONDS = 1.0
WRITER, AUDITOR = "camille", "aurele"
CODE = "DIPLOMAS_GATHERED"
PRINCIPALS = "SELECT case_id, person_id FROM memberships WHERE relation = 'principal' AND case_id = ANY(%s)"
COMMITTED = "SELECT body FROM log_leaves WHERE log = 'milestones'"
PROVABLE = """
SELECT extract(epoch FROM c.signed_at - l.recorded_at)::float8 FROM log_entries e
JOIN log_leaves l ON l.id = e.leaf_id
CROSS JOIN LATERAL (
  SELECT signed_at FROM log_checkpoints WHERE log = e.log AND size > e.index ORDER BY size LIMIT 1
) AS c WHERE e.log = 'milestones'
"""


@dataclass(slots=True)
class Writers:
    port: int
    token: str
    people: list[tuple[UUID, UUID]]
    wanted: int
    acknowledged: int = 0
    others: Counter[int] = field(default_factory=Counter)
    written: bool = False

    async def write(self, rng: random.Random) -> None:
        today = {"value": clock.today().isoformat(), "precision": "day"}
        async with line_to(self.port) as line:
            while self.acknowledged < self.wanted:
                case_id, person_id = rng.choice(self.people)
                body = {"code": CODE, "person_id": str(person_id), "outcome": "done", "occurred_on": today}
                status, _ = await line.ask(post(f"/v1/cases/{case_id}/milestones", self.token, body))
                self.acknowledged += status == 201
                if status != 201:
                    self.others[status] += 1


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("auditor", short, seed)
    rows, width, kills = (SHORT_ROWS, SHORT_WRITERS, SHORT_KILLS) if short else (ROWS, WRITERS, KILLS)
    with stage(SHORT_CASES if short else CASES, seed, servers=()) as found, tempfile.TemporaryDirectory() as folder:
        # The naive poll by time would otherwise read the whole table each time, and lose less by being slow.
        found.owner.execute("CREATE INDEX ON log_leaves (recorded_at)")
        people = [(row[0], row[1]) for row in found.owner.execute(PRINCIPALS, (found.population.readable,)).fetchall()]
        quiet = found.settings.model_copy(update={"pool_size": width + 2})
        hands = found.settings.model_copy(update={"background": True, "pool_size": 4})
        with ExitStack() as stack:
            server, first, second = (
                stack.enter_context(_served(settings, Path(folder), name))
                for name, settings in (("server", quiet), ("first", hands), ("second", hands))
            )
            writers = Writers(server.port, found.token(WRITER), people, rows)
            auditor = Auditor(server.port, found.token(AUDITOR))
            naive = [Naive("id"), Naive("time")]
            asyncio.run(_together(found, writers, auditor, naive, _Killer((first, second), kills, width, seed)))
            verified = asyncio.run(_verified(found, auditor, Path(folder)))
        committed = {digest(body.encode()) for (body,) in found.owner.execute(COMMITTED).fetchall()}
        provable = sorted(seconds for (seconds,) in found.owner.execute(PROVABLE).fetchall())
    figures = _compared(committed, writers, auditor, provable)
    figures |= {"writers": width, "sequencer_kills": kills, "verified_against_first_and_last": verified}
    lost = {f"missed_by_{one.by}": len(committed - one.seen) for one in naive}
    control: dict[str, Any] = {
        "what": "polling the table for ids, or times, above the last one seen",
        **lost,
        "share_missed_by_id": round(lost["missed_by_id"] / len(committed), 4),
        "failed": lost["missed_by_id"] > 0 and lost["missed_by_time"] > 0,
    }
    broken = [figures[name] for name in ("missed", "invented", "repeated", "out_of_order")]
    quick = short or _at(provable, 0.99) <= TARGET_SECONDS
    ok = not any(broken) and len(committed) >= rows and verified and quick
    return done.outcome(ok=bool(ok), figures=figures, control=control)


def _compared(committed: set[bytes], writers: Writers, auditor: Auditor, provable: list[float]) -> dict[str, Any]:
    return {
        "rows": len(committed),
        "acknowledged": writers.acknowledged,
        "other_answers": dict(writers.others),
        "pages": auditor.pages,
        "missed": len(committed - auditor.seen.keys()),
        "invented": len(auditor.seen.keys() - committed),
        "repeated": auditor.seen.total() - len(auditor.seen),
        "out_of_order": auditor.out_of_order,
        "retained_checkpoints": len(auditor.kept),
        "provable_p50_seconds": _at(provable, 0.5),
        "provable_p99_seconds": _at(provable, 0.99),
        "provable_max_seconds": _at(provable, 1.0),
        "seen_by_auditor_p99_seconds": _at(sorted(auditor.lags), 0.99),
        "target_seconds": TARGET_SECONDS,
    }


def _served(settings: Settings, folder: Path, name: str) -> Any:
    return serving(("casework", "serve"), settings, folder / f"{name}.log", f"casework-drill-{name}")


class _Killer:
    """Ends the two sequencing servers in turn, the last time both at once, and starts again whoever died."""

    def __init__(self, hands: tuple[Child, Child], kills: int, width: int, seed: int) -> None:
        self.hands, self.kills, self.width, self.seed = hands, kills, width, seed

    async def strike(self, writers: Writers) -> None:
        for number in range(1, self.kills + 1):
            moment = writers.wanted * number // (self.kills + 1)
            while writers.acknowledged < moment:  # noqa: ASYNC110 -- a moment of the writers' progress, looked at
                await asyncio.sleep(0.01)
            both = number == self.kills
            victims = self.hands if both else (self.hands[number % 2],)
            for victim in victims:
                victim.end_by(signal.SIGKILL)
            await asyncio.gather(*(asyncio.to_thread(victim.start) for victim in victims))


async def _together(found: Stage, writers: Writers, auditor: Auditor, naive: list[Naive], killer: _Killer) -> None:
    async def all_written() -> None:
        await asyncio.gather(*(writers.write(random.Random(f"{killer.seed}-{one}")) for one in range(killer.width)))
        writers.written = True

    def sequenced() -> bool:
        # Written, and nothing waits for an index any more: what a later page brings is then all there is.
        return writers.written and found.owner.execute("SELECT NOT EXISTS (SELECT FROM log_queue)").fetchone() == (
            True,
        )

    with Progress(console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as progress:
        bar = progress.add_task("jalons / milestones", total=writers.wanted)
        async with asyncio.TaskGroup() as group:
            group.create_task(all_written())
            group.create_task(killer.strike(writers))
            group.create_task(auditor.follow(sequenced))
            for one in naive:
                group.create_task(one.follow(found.owner_url, lambda: writers.written))
            while not writers.written:
                progress.update(bar, completed=writers.acknowledged)
                await asyncio.sleep(0.2)


async def _verified(found: Stage, auditor: Auditor, folder: Path) -> bool:
    """The whole log pulled again satisfies `casework verify`, complete, against each checkpoint kept on the way."""
    path, after, size = folder / "log.jsonl", "", ""
    async with line_to(auditor.port) as line:
        with path.open("wb") as file:
            while True:
                head, body = await line.exchange(get(f"{LOG}?limit={PAGE}{size}{after}", auditor.token))
                file.write(body)
                size = size or f"&size={json.loads(body.splitlines()[0])['size']}"
                following = header(head, b"x-next-after").decode()
                if not following:
                    break
                after = f"&after={following}"
    key = LogSigner(found.settings.log_origin, found.settings.log_seed()).vkey(LogName.milestones)
    return all(
        verify_files([path], kept, key, require_complete=True).ok
        for kept in auditor.kept[:: len(auditor.kept) - 1 or 1]
    )


def _at(ascending: list[float], share: float) -> float:
    return round(ascending[max(0, math.ceil(len(ascending) * share) - 1)], 3)
