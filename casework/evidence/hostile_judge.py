"""Sends hostile requests to a real server and judges each answer; then asks the tables whether a refusal left anything."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from casework.evidence.hostile_walk import Sent
from casework.kernel.problems import BASE, CATALOGUE, MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg


WIDTH = 8
WIRE_WIDTH = 48
ANSWER_SECONDS = 60
# A second request behind a refused one is really served: to hang up before its answer would look like a trace of
# the refusal.
SILENCE_SECONDS = 1.5
KEPT = 20
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s) ORDER BY 1"
NEWEST = (
    "SELECT log || ' ' || coalesce(body::jsonb ->> 'type', '') FROM log_leaves WHERE log <> 'security'"
    " ORDER BY recorded_at DESC LIMIT 3"
)
# One entry for each accepted read: they are accounted for by their request ids (`unaccounted_reads`).
READ_LOG = "read_entries"
# Where a refusal is itself a fact to be kept → the rows of the table that no refusal explains.
_OTHER_LOGS = "log <> 'security'"
LOGS_OF_REFUSALS: Mapping[str, str] = {
    "log_leaves": _OTHER_LOGS,
    "log_queue": _OTHER_LOGS,
    "log_entries": _OTHER_LOGS,
    "log_nodes": _OTHER_LOGS,
    "log_checkpoints": _OTHER_LOGS,
    # An attempt to sign in is paid for before it is looked at (identity/throttle.py).
    "sign_in_buckets": "false",
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Tally:
    inputs: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    silent: int = 0
    server_errors: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    no_problem: list[str] = field(default_factory=list)
    echoed: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)

    def judge(self, sent: Sent, answer: Answer) -> None:
        self.by_status[answer.status] += 1
        if answer.status >= 500:
            self.server_errors.append(f"{answer.status} {sent.where}")
        if answer.status < 400:
            self.accepted.add(answer.headers.get("x-request-id", ""))
            return
        if sent.method != "HEAD" and not is_problem(answer, sent.language):
            self.no_problem.append(f"{answer.status} {sent.where}")
        if sent.needle and sent.needle.encode() in answer.body:
            self.echoed.append(sent.where)


def is_problem(answer: Answer, language: str | None) -> bool:
    """A document of the catalogue, in the language that was asked for (either one when the asking was itself hostile)."""
    try:
        document = json.loads(answer.body)
        known = CATALOGUE[document["type"].removeprefix(BASE)]
    except (ValueError, KeyError, TypeError):
        return False
    titles = {known.title.fr, known.title.en} if language is None else {known.title.to(language)}  # type: ignore[arg-type]
    return bool(
        answer.headers.get("content-type") == MEDIA_TYPE
        and document["status"] == answer.status == known.status
        and document["title"] in titles
        and document["detail"]
        and all({"code", "detail"} < set(fault) for fault in document.get("errors", ()))
    )


async def send_all(port: int, block: Sequence[Sent]) -> list[list[Answer]]:
    """The answers to each, in order: one as a rule; to a request on the wire none or several."""
    found: list[list[Answer]] = [[] for _ in block]
    plain = iter([(place, sent) for place, sent in enumerate(block) if not sent.wire])
    wire = iter([(place, sent) for place, sent in enumerate(block) if sent.wire])
    async with asyncio.TaskGroup() as group:
        for _ in range(WIDTH):
            group.create_task(_one_line(port, plain, found))
        for _ in range(WIRE_WIDTH):
            group.create_task(_one_socket(port, wire, found))
    return found


async def _one_line(port: int, queue: Iterable[tuple[int, Sent]], found: list[list[Answer]]) -> None:
    reader = writer = None
    for place, sent in queue:
        if writer is None or reader is None or writer.is_closing():
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        try:
            writer.write(sent.raw)
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await read_answer(reader, sent.method)
        except (OSError, EOFError, TimeoutError):
            answer = None
        if answer is not None:
            found[place].append(answer)
        # A body refused unread, or a connection in doubt, serves nobody else.
        if answer is None or answer.status in {400, 408, 413, 415} or answer.headers.get("connection") == "close":
            writer.close()
    if writer is not None:
        writer.close()


async def _one_socket(port: int, queue: Iterable[tuple[int, Sent]], found: list[list[Answer]]) -> None:
    for place, sent in queue:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        try:
            writer.write(sent.raw)
            while True:
                async with asyncio.timeout(SILENCE_SECONDS if found[place] else SILENCE_SECONDS * 4):
                    found[place].append(await read_answer(reader, "GET"))
        except (OSError, EOFError, TimeoutError):
            continue
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    """Raises EOFError when the server has hung up, ValueError when it did not speak HTTP."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head[:-4].split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    status = int(line.split(" ")[1])
    if status == 100:
        return await read_answer(reader, method)
    if method == "HEAD" or status in {204, 304}:
        return Answer(status, headers, b"")
    if headers.get("transfer-encoding") == "chunked":
        return Answer(status, headers, await _chunks(reader))
    return Answer(status, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


def fingerprint(owner: psycopg.Connection[Any]) -> dict[str, Any]:
    """Rows and writing transactions of every table: any insert, update or delete changes them."""
    names = [name for (name,) in owner.execute(TABLES, ([READ_LOG],)).fetchall()]
    each = [
        f"SELECT '{name}', count(*), coalesce(sum(xmin::text::bigint), 0) FROM {name}"
        f" WHERE {LOGS_OF_REFUSALS.get(name, 'true')}"
        for name in names
    ]
    return {name: rest for name, *rest in owner.execute(" UNION ALL ".join(each).encode()).fetchall()}


class Court:
    """Blocks of requests against one server and the tables behind it."""

    def __init__(self, port: int, owner: psycopg.Connection[Any]) -> None:
        self._port, self._owner = port, owner
        self.tally = Tally()
        # Nobody else writes while the court sits.
        self._stands = fingerprint(owner)

    async def hear(self, block: Sequence[Sent]) -> list[list[Answer]]:
        """Send, judge, and look for traces; returns the answers."""
        found = await send_all(self._port, block)
        self.tally.inputs += len(block)
        for sent, answers in zip(block, found, strict=True):
            if not answers and sent.wire:
                self.tally.silent += 1
            elif not answers:
                self.tally.unanswered.append(sent.where)
            for answer in answers:
                self.tally.judge(sent, answer)
        await self._look_for_traces(block, found)
        return found

    async def is_ready(self) -> bool:
        """Whether the server still stands after all this."""
        order = Sent(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n", "GET", "")
        [answers] = await send_all(self._port, [order])
        return [answer.status for answer in answers] == [200]

    async def _look_for_traces(self, block: Sequence[Sent], found: list[list[Answer]]) -> None:
        """When the block changed something and held accepted requests, its refused ones are sent again by themselves."""
        while (after := fingerprint(self._owner)) != self._stands:
            refused = [place for place, answers in enumerate(found) if all(one.status >= 400 for one in answers)]
            changed = sorted(name for name in after if after[name] != self._stands.get(name))
            self._stands = after
            if len(refused) == len(block):
                newest = [kind for (kind,) in self._owner.execute(NEWEST).fetchall()]
                self.tally.stored.append(f"{', '.join(changed)} {newest}: {block[0].where} … {block[-1].where}")
                return
            block = [block[place] for place in refused]
            found = await send_all(self._port, block)
            self.tally.accepted |= {
                one.headers.get("x-request-id", "") for few in found for one in few if one.status < 400
            }

    def unaccounted_reads(self) -> int:
        """Entries of the read log that no accepted request explains."""
        sql = f"SELECT count(*) FROM {READ_LOG} WHERE request_id <> ALL(%s)"
        [(count,)] = self._owner.execute(sql.encode(), (sorted(self.tally.accepted),)).fetchall()
        return int(count)
