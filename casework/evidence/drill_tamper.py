"""`casework drill tamper`: seven classes of tampering and forged proofs, put to both verifiers (audit.md §5).

A real server writes, sequences and exports a log; an auditor retains checkpoints on the way. Then the exports are
tampered with, by readers and by the operator with the log's own key. Controls: the same verifiers without the retained
checkpoint miss what the operator rewrote, and a check of digests without signatures misses what a digest can be made
to fit.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from rich.console import Console
from rich.progress import Progress

from casework.audit.signer import LogName, LogSigner
from casework.evidence.forged_proofs import Forger
from casework.evidence.log_judges import Judges
from casework.evidence.log_writers import record_milestones
from casework.evidence.paper_log import PaperLog, entries_of
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.evidence.tampering import Tamperer
from casework.kernel import logs
from casework.main import create_app

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from casework.evidence.stage import Stage
    from casework.evidence.tampering import Tampered

TAMPERINGS, SHORT_TAMPERINGS = 10_500, 700
FORGED, SHORT_FORGED = 2_100, 200
BURSTS = (19, 22, 30)
"""Milestones between two visits of the auditor, who keeps a checkpoint each time."""
AUDITOR = "aurele"
AT_ONCE = 700
LOG = "/v1/milestone-log"


class Pulled(NamedTuple):
    exports: list[bytes]
    """The first is complete and on one page."""
    kept: list[str]


def run(*, short: bool, seed: int) -> dict[str, Any]:
    logs.configure("error")
    done = Run("tamper", short, seed)
    wanted, forged_wanted = (SHORT_TAMPERINGS, SHORT_FORGED) if short else (TAMPERINGS, FORGED)
    with stage(4, seed, servers=()) as found, TemporaryDirectory() as folder:
        pulled = asyncio.run(_pulled(found))
        signer = LogSigner(found.settings.log_origin, found.settings.log_seed())
        log = PaperLog(signer, entries_of(pulled.exports[0]))
        assert log.complete() == pulled.exports[0], "the forger must first be able to make the honest export"
        judges = Judges(Path(folder), signer.vkey(LogName.milestones))
        kept = [int(note.split("\n")[1]) for note in pulled.kept]
        untouched = judges.judge(list(_untouched(log, pulled)))
        stranger = LogSigner(found.settings.log_origin, secrets.token_bytes(32))
        tamperer = Tamperer(log, pulled.exports, kept, stranger, seed)
        tampered = [tamperer.one(kind) for kind in tamperer.classes for _ in range(wanted // len(tamperer.classes))]
        forged = list(Forger(log, seed).proofs(forged_wanted))
        figures = {"log_entries": log.size, "retained_checkpoints": kept, "untouched": len(untouched)}
        figures |= {"false_alarms": sum(bool(each.python or each.javascript) for each in untouched)}
        figures |= _judged(judges, tampered) | _forged(judges, forged)
        control = _controls(judges, tampered)
    promised = (
        figures["detected"] == figures["tamperings"] == wanted
        and figures["false_alarms"] == 0
        and (figures["forged"], figures["forged_accepted"]) == (forged_wanted, 0)
        and figures["same_reasons"] == figures["tamperings"]
    )
    return done.outcome(ok=promised, figures=figures, control=control)


async def _pulled(found: Stage) -> Pulled:
    """A log written in bursts and pulled by an auditor over HTTP, in every form of export."""
    app = create_app(found.settings)
    headers = {"Authorization": f"Bearer {found.token(AUDITOR)}"}
    kept = []
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://casework.drill", headers=headers
    ) as auditor:
        for burst in BURSTS:
            await record_milestones(app, burst)
            while await app.state.sequencer.tick():
                pass
            kept.append(await _get(auditor, "/v1/log/checkpoint?log=milestones"))
        first = int(kept[0].split(b"\n")[1])
        asked = [
            "",
            "?limit=13",
            f"?code=HOUSING&consistency_from={first}",
            f"?after=29&proofs=true&consistency_from={first}",
        ]
        exports = [await _pull(auditor, LOG + query) for query in asked]
    await app.state.database.close()
    return Pulled(exports, [note.decode() for note in kept])


async def _get(auditor: httpx.AsyncClient, path: str) -> bytes:
    answer = await auditor.get(path)
    answer.raise_for_status()
    return answer.content


async def _pull(auditor: httpx.AsyncClient, path: str) -> bytes:
    answer = await auditor.get(path)
    answer.raise_for_status()
    content = answer.content
    while "next" in answer.links:
        answer = await auditor.get(answer.links["next"]["url"])
        answer.raise_for_status()
        content += answer.content
    return content


def _untouched(log: PaperLog, pulled: Pulled) -> Iterable[tuple[bytes, str | None]]:
    """Genuine pulls with what was retained before them, and honest exports of every size against every older one."""
    first, last = pulled.kept[0], pulled.kept[-1]
    for export in pulled.exports:
        yield from ((export, kept) for kept in (None, first, last))
    for size in range(1, log.size + 1, 3):
        grown = PaperLog(log.signer, log.entries[:size])
        for kept in range(1, size + 1, 4):
            yield grown.complete(), grown.checkpoint(kept)
            yield grown.extract(sorted({0, size - 1}), kept, {"region": "01"}), grown.checkpoint(kept)


def _judged(judges: Judges, tampered: Sequence[Tampered]) -> dict[str, Any]:
    by_class: dict[str, Counter[str]] = {}
    same = 0
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("altérations / tamperings", total=len(tampered))
        for start in range(0, len(tampered), AT_ONCE):
            some = tampered[start : start + AT_ONCE]
            for case, verdict in zip(some, judges.judge([(case.export, case.kept) for case in some]), strict=True):
                counted = by_class.setdefault(case.kind, Counter())
                counted.update(tried=1, python=bool(verdict.python), javascript=bool(verdict.javascript))
                counted.update({case.hand: 1, "detected": bool(verdict.python and verdict.javascript)})
                same += verdict.python == verdict.javascript
            progress.update(bar, completed=start + len(some))
    return {
        "tamperings": len(tampered),
        "detected": sum(counted["detected"] for counted in by_class.values()),
        "same_reasons": same,
        "classes": {kind: dict(counted) for kind, counted in by_class.items()},
    }


def _forged(judges: Judges, forged: Sequence[Tampered]) -> dict[str, Any]:
    verdicts = judges.judge([(case.export, case.kept) for case in forged])
    accepted = sum(not verdict.python or not verdict.javascript for verdict in verdicts)
    kinds = Counter(case.kind for case in forged)
    reasons = Counter(verdict.python[0] for verdict in verdicts if verdict.python)
    return {
        "forged": len(forged),
        "forged_accepted": accepted,
        "forged_kinds": dict(kinds),
        "forged_reasons": dict(reasons),
    }


def _controls(judges: Judges, tampered: Sequence[Tampered]) -> dict[str, Any]:
    """What is missed without a retained checkpoint (by both verifiers), and by digests without a signature."""
    by_operator = [case for case in tampered if case.kind in {"rewrite", "rollback"}][:AT_ONCE]
    verdicts = judges.judge([(case.export, None) for case in by_operator])
    without_kept = sum(not verdict.python and not verdict.javascript for verdict in verdicts)
    without_signature = sum(_digest_fits(case.export) for case in tampered)
    return {
        "what": "the same verifiers without the retained checkpoint; digests and counts without any signature",
        "tried_without_retained_checkpoint": len(by_operator),
        "missed_without_retained_checkpoint": without_kept,
        "tried_without_signature": len(tampered),
        "missed_without_signature": without_signature,
        "failed": without_kept > 0 and without_signature > 0,
    }


def _digest_fits(export: bytes) -> bool:
    """A page that has the count and the digest its own manifest states, whoever wrote it."""
    try:
        manifest, *lines = export.splitlines(keepends=True)
        stated = json.loads(manifest)
        found = (len(lines), hashlib.sha256(b"".join(lines)).hexdigest())
        return (stated["count"], stated["entries_sha256"]) == found
    except (ValueError, LookupError, TypeError):
        return False
