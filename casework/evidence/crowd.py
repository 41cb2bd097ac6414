"""A million cases to search among, in minutes: names, keys and blind tokens as an intake writes them, and nothing else.

Names are sealed one by one, each under its person's own key; the tokens of a word are made once, and PostgreSQL lays
them out. Row security, foreign keys and indexes are set aside while the rows go in, and put back before anything is
asked.
"""

from __future__ import annotations

import bisect
import itertools
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg
from rich.console import Console
from rich.progress import track

from casework.cases.reference_number import reference
from casework.demo.world import key
from casework.evidence.misspelt import words_of_sounds
from casework.evidence.spellings import SPELLINGS
from casework.kernel import clock
from casework.kernel.blind_index import BlindIndex
from casework.people import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from casework.evidence.misspelt import Asked
    from casework.kernel.sealing import Keyring
    from casework.settings import Settings

REGIONS = tuple(f"{number:02}" for number in range(1, 18))
SIZES = (1, 2, 3, 4, 5)
GIVEN, FAMILIES = 2_000, 40_000
BATCH = 10_000
LOADED = ("cases", "persons", "subject_keys", "name_tokens", "milestone_expectations", "case_grants")
# Long ago enough that no id of a server collides with one of these.
FIRST_ID = 0x0190_0000_0000_7000_8000_0000_0000_0000
PERSONS_FROM = 1 << 40


@dataclass(slots=True)
class Word:
    latin: str
    script: str | None


@dataclass(slots=True)
class Crowd:
    cases: int
    persons: int = 0
    tokens: int = 0
    looked_for: list[UUID] = field(default_factory=list)


def identity(number: int) -> UUID:
    return UUID(int=FIRST_ID + number)


class Names:
    """Words drawn as names are: a few are very common, most are rare; the looked-for given names are among the common."""

    def __init__(self, seed: int, blind: BlindIndex) -> None:
        self.blind = blind
        rng = random.Random(f"crowd-{seed}")
        known = [full.split()[0] for full, *_ in SPELLINGS]
        self.given = [Word(name, None) for name in known] + [
            Word(*words_of_sounds(rng, 2)) for _ in range(GIVEN - len(known))
        ]
        self.families = [Word(*words_of_sounds(rng, rng.choice((2, 3, 3, 4)))) for _ in range(FAMILIES)]
        self._given, self._families = _weights(GIVEN, 0.9), _weights(FAMILIES, 0.6)

    def draw(self, rng: random.Random) -> tuple[int, int]:
        return _drawn(rng, self._given), _drawn(rng, self._families)

    def name(self, given: int, family: int) -> dict[str, str]:
        one, other = self.given[given], self.families[family]
        script = {"original_script": f"{one.script} {other.script}"} if one.script and other.script else {}
        return {"full": f"{one.latin} {other.latin}"} | script


def _weights(count: int, slope: float) -> list[float]:
    return list(itertools.accumulate(1 / (rank + 10) ** slope for rank in range(count)))


def _drawn(rng: random.Random, weights: Sequence[float]) -> int:
    return min(bisect.bisect(weights, rng.random() * weights[-1]), len(weights) - 1)


def gather(owner_url: str, settings: Settings, cases: int, seed: int, looked_for: Sequence[Asked]) -> Crowd:
    """Write `cases` cases over every region, then one for each of `looked_for` in region 01; progress on stderr."""
    crowd, drawn = Crowd(cases), Names(seed, BlindIndex(settings.blind_index_key()))
    with psycopg.connect(owner_url) as connection, _set_aside(connection):
        _offices(connection)
        _stage_words(connection, drawn)
        _people(connection, crowd, drawn, settings.keyring(), seed)
        crowd.tokens = connection.execute(_SPREAD).rowcount
        connection.execute(_EXPECT, {"today": clock.today()})
        connection.execute(_GRANT)
        _insert_looked_for(connection, crowd, settings, looked_for)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    return crowd


# Tokens of one word twice in a name are one row; the looked-for add their own.
_SPREAD = (
    "INSERT INTO name_tokens (person_id, token, case_id, office_id, region_code)"
    " SELECT d.person_id, t.token, d.case_id, d.office_id, d.region_code FROM drawn d"
    " JOIN words g ON g.kind = 'g' AND g.place = d.given JOIN words f ON f.kind = 'f' AND f.place = d.family"
    " CROSS JOIN LATERAL (SELECT unnest(g.tokens || d.pairs) UNION ALL"
    " SELECT u FROM unnest(f.tokens) u WHERE u <> ALL (g.tokens)) t (token)"
)
# One in ten is late; the others have days to go.
_EXPECT = (
    "INSERT INTO milestone_expectations (id, case_id, office_id, region_code, code, anchor, due_on, certain)"
    " SELECT gen_random_uuid(), c.id, c.office_id, c.region_code, m.code, 'claim',"
    " %(today)s::date + (abs(hashtext(c.reference || m.code)) %% 400) - 40, true"
    " FROM cases c CROSS JOIN (VALUES ('CLAIM_DOC'), ('MED_EXAM')) m (code)"
)
# On their way to a region: offered to it, and living in none yet.
_GRANT = (
    "INSERT INTO case_grants (id, case_id, office_id, grantee_region, source, source_id, valid_from, valid_until)"
    " SELECT gen_random_uuid(), c.id, c.office_id, lpad((1 + abs(hashtext(c.reference)) % 17)::text, 2, '0'), 'offer',"
    " gen_random_uuid(), now() - interval '1 day', now() + interval '9 days'"
    " FROM cases c WHERE c.region_code IS NULL AND abs(hashtext(c.reference || 'g')) % 30 = 0"
)


def _offices(connection: psycopg.Connection[Any]) -> None:
    """A regional branch each, as there are."""
    connection.execute(
        "INSERT INTO offices (id, name, kind, region_code) SELECT gen_random_uuid(), 'Direction ' || r, 'regional_branch', r"
        " FROM unnest(%s::text[]) r WHERE NOT EXISTS (SELECT 1 FROM offices o WHERE o.region_code = r)",
        (list(REGIONS),),
    )


def _stage_words(connection: psycopg.Connection[Any], drawn: Names) -> None:
    connection.execute("CREATE TEMP TABLE words (kind text, place int, tokens bytea[], PRIMARY KEY (kind, place))")
    with connection.cursor() as cursor, cursor.copy("COPY words FROM STDIN") as copy:
        for kind, words in (("g", drawn.given), ("f", drawn.families)):
            for place, word in enumerate(words):
                forms = [form for form in (word.latin, word.script) if form]
                copy.write_row((kind, place, drawn.blind.tokens(names.features(forms))))
    connection.execute("ANALYZE words")


def _people(connection: psycopg.Connection[Any], crowd: Crowd, drawn: Names, keyring: Keyring, seed: int) -> None:
    connection.execute(
        "CREATE TEMP TABLE drawn (person_id uuid, case_id uuid, office_id uuid, region_code text,"
        " given int, family int, pairs bytea[])"
    )
    rng, offices, blind = random.Random(f"people-{seed}"), _office_of(connection), drawn.blind
    batches = range(0, crowd.cases, BATCH)
    for first in track(batches, f"{crowd.cases} dossiers / cases", console=Console(stderr=True)):
        lines = _Lines()
        for number in range(first, min(first + BATCH, crowd.cases)):
            # One case in nine lives in no region yet, and stands with an office of Montréal.
            region = None if number % 9 == 0 else REGIONS[number % len(REGIONS)]
            office = offices[region] if rng.random() < 0.7 else key("mifi-montreal")
            lines.case(number, office, region)
            for _ in range(SIZES[number % len(SIZES)]):
                given, family = drawn.draw(rng)
                name = drawn.name(given, family)
                person = lines.person(keyring, crowd.persons, name)
                pairs = blind.tokens(pair for form in names.forms(name) for pair in names.pairs(form))
                lines.draw(person, given, family, pairs)
                crowd.persons += 1
        lines.copy_to(connection)
    connection.execute("ANALYZE drawn")


def _office_of(connection: psycopg.Connection[Any]) -> dict[str | None, UUID]:
    rows = connection.execute(
        "SELECT region_code, id FROM offices WHERE region_code IS NOT NULL ORDER BY id"
    ).fetchall()
    return {**dict(rows), None: key("praida")}


class _Lines:
    """A batch in COPY's text format."""

    COMMANDS: Final = {
        "cases": "cases (id, version, created_at, reference, programme, status, office_id, region_code)",
        "persons": "persons (id, case_id, office_id, region_code, sealed_name, languages, created_at, version, unaccompanied_minor)",
        "keys": "subject_keys (subject_id, case_id, office_id, region_code, kind, kek_id, wrapped, key_version, keyed_at)",
        "drawn": "drawn",
    }

    def __init__(self) -> None:
        self.cases: list[str] = []
        self.persons: list[str] = []
        self.keys: list[str] = []
        self.drawn: list[str] = []
        self._now, self._year = clock.now().isoformat(), clock.today().year
        self._bound = ""

    def case(self, number: int, office: UUID, region: str | None) -> UUID:
        case, lives = identity(number), region or "\\N"
        self._bound = f"{case}\t{office}\t{lives}"
        self.cases.append(f"{case}\t1\t{self._now}\t{reference(self._year, number)}\tasylum\topen\t{office}\t{lives}\n")
        return case

    def person(self, keyring: Keyring, number: int, name: dict[str, str]) -> UUID:
        """Of the last case."""
        person = identity(PERSONS_FROM + number)
        secret, wrapped = keyring.new_key(person)
        sealed = secret.seal("persons/sealed_name", person, name)
        self.persons.append(f"{person}\t{self._bound}\t\\\\x{sealed.hex()}\t[]\t{self._now}\t1\tf\n")
        self.keys.append(f"{person}\t{self._bound}\tperson\t{keyring.current}\t\\\\x{wrapped.hex()}\t1\t{self._now}\n")
        return person

    def draw(self, person: UUID, given: int, family: int, pairs: Sequence[bytes]) -> None:
        listed = ",".join(f'"\\\\x{token.hex()}"' for token in pairs)
        self.drawn.append(f"{person}\t{self._bound}\t{given}\t{family}\t{{{listed}}}\n")

    def copy_to(self, connection: psycopg.Connection[Any]) -> None:
        for name, table in self.COMMANDS.items():
            with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                copy.write("".join(getattr(self, name)))


def _insert_looked_for(
    connection: psycopg.Connection[Any], crowd: Crowd, settings: Settings, looked_for: Sequence[Asked]
) -> None:
    keyring, blind = settings.keyring(), BlindIndex(settings.blind_index_key())
    office, lines, tokens = _office_of(connection)["01"], _Lines(), []
    for place, one in enumerate(looked_for):
        case = lines.case(crowd.cases + place, office, "01")
        person = lines.person(keyring, crowd.persons + place, one.name)
        tokens += [(person, token, case) for token in blind.tokens(names.features(names.forms(one.name)))]
        crowd.looked_for.append(person)
    lines.copy_to(connection)
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY name_tokens (person_id, token, case_id, office_id, region_code) FROM STDIN") as copy,
    ):
        for person, token, case in tokens:
            copy.write_row((person, token, case, office, "01"))


@contextmanager
def _set_aside(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Without indexes, foreign keys, triggers and row security of the loaded tables; all are put back at the end."""
    connection.execute("SET maintenance_work_mem = '1GB'; SET work_mem = '256MB'")
    undone = [str(sql) for table in LOADED for (sql,) in connection.execute(_PUT_BACK, {"table": table})]
    for table in LOADED:
        for (drop,) in connection.execute(_DROP, {"table": table}).fetchall():
            connection.execute(str(drop).encode())
        connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER".encode())
    yield
    for sql in track(undone, "index", console=Console(stderr=True)):
        connection.execute(sql.encode())
    for table in LOADED:
        connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY, ENABLE TRIGGER USER".encode())


# Primary keys that others refer to stay; everything else goes and comes back as it was, keys before the foreign ones.
_GOING = (
    " FROM pg_constraint k WHERE k.conrelid = %(table)s::regclass AND (k.contype = 'f' OR k.contype = 'p'"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint r WHERE r.confrelid = k.conrelid AND r.contype = 'f'))"
)
_BARE = (
    " FROM pg_index i WHERE i.indrelid = %(table)s::regclass AND NOT EXISTS"
    " (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
)
_DROP = (
    "SELECT format('ALTER TABLE %%I DROP CONSTRAINT %%I', %(table)s::text, k.conname)"
    + _GOING
    + " UNION ALL SELECT format('DROP INDEX %%s', i.indexrelid::regclass)"
    + _BARE
)
_PUT_BACK = (
    "SELECT sql FROM (SELECT 1 AS place, pg_get_indexdef(i.indexrelid) AS sql"
    + _BARE
    + " UNION ALL SELECT CASE k.contype WHEN 'p' THEN 0 ELSE 2 END, format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s',"
    " %(table)s::text, k.conname, pg_get_constraintdef(k.oid))" + _GOING + ") found ORDER BY place"
)
