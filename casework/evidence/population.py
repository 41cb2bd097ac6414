"""A fictional population of any size, written by COPY: the rows of an intake, sealed under a key for each person.

The rows are those of the floor's intake, which `bench intake` compares table by table with what the server writes.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from rich.console import Console
from rich.progress import track

from casework.authz.caller import Caller
from casework.authz.policy import Role
from casework.demo.families import family
from casework.demo.world import key
from casework.evidence.floor_intake import COLUMNS, Intake
from casework.kernel.blind_index import BlindIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from casework.evidence.floor_intake import Rows, Taken
    from casework.settings import Settings

BATCH = 500
# Three persons a household on average: 100,000 cases hold 300,000 persons.
SIZES = (1, 2, 3, 4, 5)
OFFICE = "mifi-montreal"
# Half of the cases stand in the office whose caseworker the benches sign in as; the others are out of her reach.
FOLLOWED = (("camille", OFFICE), ("basile", OFFICE), ("ines", "praida"), ("coralie", "dr-bas-saint-laurent"))


@dataclass(slots=True)
class Population:
    cases: int
    persons: int
    # Cases of the office OFFICE, in random order.
    readable: list[UUID]


def populate(owner_url: str, settings: Settings, cases: int, seed: int, sizes: Sequence[int] = SIZES) -> Population:
    """Write `cases` households in one transaction; progress goes to standard error."""
    rng = random.Random(seed)
    intake = Intake(settings.keyring(), BlindIndex(settings.blind_index_key()), settings.key("log-pseudonyms"))
    found = Population(cases, 0, [])
    batches = [range(first, min(first + BATCH, cases + 1)) for first in range(1, cases + 1, BATCH)]
    with psycopg.connect(owner_url) as connection, _unforced(connection):
        for numbers in track(batches, f"{cases} dossiers / cases", console=Console(stderr=True)):
            rows: dict[str, Rows] = {table: [] for table in COLUMNS}
            for number in numbers:
                _add(rows, found, _household(intake, number, seed, sizes), number)
            _copy(connection, rows)
        connection.execute("SELECT setval('case_references', %s)", (cases + 1,))
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    rng.shuffle(found.readable)
    return found


def _household(intake: Intake, number: int, seed: int, sizes: Sequence[int]) -> Taken:
    username, office = FOLLOWED[number % len(FOLLOWED)]
    wanted = family(seed + number, size=sizes[number % len(sizes)]).body | {"external_id": f"population-{number}"}
    return intake.taken_in(Caller(key(username), Role.caseworker, username, office_id=key(office)), wanted, number)


def _add(rows: dict[str, Rows], found: Population, taken: Taken, number: int) -> None:
    for table, some in taken.rows.items():
        rows[table] += some
    found.persons += len(taken.members)
    if FOLLOWED[number % len(FOLLOWED)][1] == OFFICE:
        found.readable.append(taken.case_id)


def _copy(connection: psycopg.Connection[Any], rows: dict[str, Rows]) -> None:
    with connection.cursor() as cursor:
        for table, some in rows.items():
            command = f"COPY {table} ({COLUMNS[table]}) FROM STDIN".encode()
            with cursor.copy(command) as copy:
                for row in some:
                    copy.write_row(row)


@contextmanager
def _unforced(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """PostgreSQL refuses COPY where row security applies to the writer: the owner steps out of it, and back."""
    for table in COLUMNS:
        connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY".encode())
    yield
    for table in COLUMNS:
        connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY".encode())
