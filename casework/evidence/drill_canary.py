"""`casework drill canary`: a marked value in every field, everything that can go wrong, then every margin swept.

What is sealed may be found nowhere. What stands open in its row may be found in copies of the rows, and nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.engine import make_url

from casework import installation
from casework.demo import world
from casework.evidence import canary_faults as faults
from casework.evidence import canary_leaks as leaks
from casework.evidence.canary_fields import IN_ROWS, LISTED, SEALED, unlisted
from casework.evidence.canary_journey import Planter, Traffic, live
from casework.evidence.canary_marks import Marks, sweep
from casework.evidence.canary_sinks import Place, Watching, gather, settle, sinks
from casework.evidence.child import serving
from casework.evidence.report import Run
from casework.identity.tokens import Issuer
from casework.kernel.embedded import throwaway_cluster
from casework.kernel.server_log import silencing
from casework.main import create_app
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from casework.evidence.child import Child

ROUNDS, SHORT_ROUNDS = 10, 1
PUBLISHED_SECONDS = 2.0
# A PostgreSQL as it is installed, and one that writes down every statement: only its own settings silence our role.
STOCK = (
    "log_min_messages = 'warning'", "log_min_error_statement = 'error'", "log_error_verbosity = 'verbose'",
    "log_parameter_max_length = '-1'", "log_min_duration_statement = '0'",
)  # fmt: skip
ABSENT = {"webhooks": "the product sends none yet", "traces": "no exporter; the trace id stands in the access log"}


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("canary", short, seed)
    marks, leak = Marks(seed), Marks(seed + 1)
    with _place() as (place, settings):
        new, gone = unlisted(create_app(settings).openapi())
        planter = Planter(marks)
        told = _lived(place, settings, planter, leak.stem("leak"), SHORT_ROUNDS if short else ROUNDS)
        swept, hits = _swept(place, marks)
        found = _control(place, settings, leak)
    unplanted = sorted((SEALED | IN_ROWS) - planter.planted())
    empty = sorted(name for name, size in swept.items() if not size)
    figures = {
        "sinks": len(swept), "hits": len(hits), "found": hits[:40], "bytes_swept": sum(swept.values()),
        "bytes_per_sink": swept, "empty_sinks": empty, "absent_sinks": ABSENT,
        "planted_fields": len(planter.planted()), "sealed_fields": len(SEALED), "fields_open_in_rows": sorted(IN_ROWS),
        "fields_listed_as_nobody_s": len(LISTED), "fields_nobody_thought_of": sorted(new), "lines_of_gone_fields": sorted(gone),
        "fields_never_planted": unplanted, **told,
    }  # fmt: skip
    control = {
        "what": "the same value leaked on purpose into each sink",
        "sinks_that_found_it": sorted(found),
        "blind_sinks": sorted(set(swept) - found),
        "failed": found == set(swept),
    }
    ok = not (hits or empty or new or gone or unplanted) and len(swept) >= 12 and told["crash_exit"] == -signal.SIGABRT
    return done.outcome(ok=ok, figures=figures, control=control)


@contextmanager
def _place() -> Iterator[tuple[Place, Settings]]:
    with throwaway_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        login_url, owner_url = cluster.url("server"), cluster.url("owner")
        settings = Settings(
            database_url=SecretStr(login_url),
            secret=SecretStr(secrets.token_urlsafe(48)),
            sealing_key=SecretStr(secrets.token_urlsafe(48)),
        )
        installation.install(owner_url, make_url(login_url).username or "", settings.key("context"))
        world.populate(owner_url, lambda secret: hashlib.sha256(secret.encode()).digest())
        yield Place(cluster, Path(folder) / "server.log"), settings


def _lived(place: Place, settings: Settings, planter: Planter, leak: str, rounds: int) -> dict[str, Any]:
    """The journey, then fault upon fault under the embedded server's settings and under ordinary ones."""
    issuer = Issuer(settings.public_url, settings.key("tokens"))
    with (
        Progress(console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as progress,
        serving(("casework", "serve"), settings, place.errors, "casework-drill-canary") as child,
        Watching(place),
    ):
        bar = progress.add_task("canaris / canaries", total=rounds + 4)
        traffic = Traffic(child.port, issuer, planter.marks)
        place.traffic.append(traffic)
        made = live(traffic, planter)
        progress.advance(bar)
        with place.superuser() as connection:
            connection.execute(faults.TRAP.encode())
        told = _broken(place, child, traffic, planter, made)
        progress.advance(bar)
        leaks.into_our_postgresql_log(place, leak)
        _make_ordinary(place, settings)
        child.stop()
        child.start()
        for number in range(rounds):
            faults.malformed(traffic, planter)
            faults.conflicts(traffic, planter, made)
            faults.database_errors(traffic, planter, f"stock{number}")
            progress.advance(bar)
        time.sleep(PUBLISHED_SECONDS)
        gather(place, child, traffic)
        told["crash_exit"] = _crash(place, child, traffic, planter)
        progress.advance(bar)
        settle(place)
    return {**told, "requests": len(traffic.statuses), "refusals": len(traffic.problems)}


def _broken(place: Place, child: Child, traffic: Traffic, planter: Planter, made: dict[str, str]) -> dict[str, Any]:
    """Under the embedded server's own settings: malformed, in conflict, failed by PostgreSQL, timed out, killed."""
    slow = faults.Slow(traffic, planter)
    slow.begin(1)  # runs into its statement timeout while the rest goes on
    faults.malformed(traffic, planter)
    faults.conflicts(traffic, planter, made)
    statuses = faults.database_errors(traffic, planter, "embedded")
    locked = faults.locked_out(place.cluster.url("owner"), traffic, planter, made["case"])
    timed_out = slow.ended()
    slow.begin(2)
    ended = faults.ended_back_end(place.cluster.url("superuser", "casework"), child.application)
    told_ended = slow.ended()
    slow.begin(3)
    time.sleep(faults.LATE_SECONDS)
    child.end_by(signal.SIGKILL)
    killed = slow.ended()
    slow.close()
    child.start()
    return {
        "database_errors": len(statuses), "answers_to_database_errors": sorted(set(statuses)),
        "lock_timeout": locked, "statement_timeout": timed_out, "sessions_ended": ended, "answer_to_it": told_ended,
        "killed_during_a_write": killed,
    }  # fmt: skip


def _make_ordinary(place: Place, settings: Settings) -> None:
    """The database speaks as PostgreSQL is installed; our role is silenced as the boot's advice says."""
    assert settings.database_url is not None
    login = make_url(settings.database_url.get_secret_value()).username or ""
    with place.superuser() as connection:
        for setting in STOCK:
            connection.execute(f"ALTER DATABASE casework SET {setting}".encode())
        for statement in silencing(login):
            connection.execute(statement.encode())
    place.stock_at = place.cluster.log.stat().st_size


def _crash(place: Place, child: Child, traffic: Traffic, planter: Planter) -> int:
    """Aborted with a write in hand; what is written from here on is the crash report."""
    slow = faults.Slow(traffic, planter)
    slow.begin(4)
    time.sleep(faults.LATE_SECONDS)
    place.crash_at = place.errors.stat().st_size
    code = child.end_by(signal.SIGABRT)
    slow.ended()
    slow.close()
    return code


def _swept(place: Place, marks: Marks) -> tuple[dict[str, int], list[str]]:
    """Bytes swept by sink, and each hit told as sink, spelling and field."""
    swept, found = {}, []
    for sink in sinks(place):
        wanted = {name: stem for name, stem in marks.stems.items() if not (sink.holds_rows and name == "rows")}
        swept[sink.name], hits = sweep(sink.read(), wanted)
        found += sorted({f"{sink.name}: {marks.field_of(hit)} ({hit.spelling})" for hit in hits})
    return swept, found


def _control(place: Place, settings: Settings, marks: Marks) -> set[str]:
    """Names of the sinks in which the planted leak was found."""
    word = marks.stem("leak")
    issuer = Issuer(settings.public_url, settings.key("tokens"))
    leaks.into_tables(place, word)
    leaks.into_postgresql_log(place, word)
    leaky = serving(("casework.evidence.leaky",), settings, place.errors, "casework-drill-leaky", DRILL_LEAK=word)
    with leaky as child:
        traffic = Traffic(child.port, issuer, marks)
        with Watching(place):
            leaks.into_activity(place, word)
        leaks.into_answers(traffic, word)
        time.sleep(PUBLISHED_SECONDS)
        gather(place, child, traffic)
        place.crash_at = place.errors.stat().st_size
        leaks.into_crash(traffic, word)
    place.traffic.append(traffic)
    settle(place)
    _, hits = _swept(place, marks)
    return {hit.partition(":")[0] for hit in hits}
