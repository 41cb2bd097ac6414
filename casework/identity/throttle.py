"""Sign-in throttled without lock-out: failures cost time, by address, by account, and by both together (ADR 0012).

The state is in the database because any number of processes share one. Each attempt is paid for *before* the password
is looked at, in a transaction of its own: a hundred attempts sent at once pay a hundred times.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.kernel.problems import TooManyAttempts

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from casework.kernel.database import Database, Session

BUCKET_BITS = 20
"""Sources are hashed into so many buckets of each kind: the table cannot grow beyond 3 × 2^20 small rows."""
FORGETTING = timedelta(hours=1)
KNOWN_FOR = timedelta(days=30)


class Kind(IntEnum):
    address = 0
    account = 1
    both = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """After `free` attempts in a row, each costs twice the seconds of the one before, `longest` at most."""

    free: int
    longest: int


RULES = {Kind.address: Rule(20, 900), Kind.account: Rule(10, 60), Kind.both: Rule(5, 300)}

_COUNT = "CASE WHEN b.last_at < excluded.last_at - %(forgetting)s THEN 1 ELSE b.attempts + 1 END"
_DELAY = "CASE " + " ".join(
    f"WHEN b.bucket >> {BUCKET_BITS} = {kind.value} AND {_COUNT} > {rule.free}"
    f" THEN least({rule.longest}, power(2, least(20, {_COUNT} - {rule.free})))"
    for kind, rule in RULES.items()
) + " ELSE 0 END"  # fmt: skip
# Of two attempts at once the one that waited for the row may carry the earlier instant: it comes after the other all the
# same, and where nothing is to be waited for it is not turned away.
_AT = "greatest(b.last_at, excluded.last_at)"
CHARGE = f"""
INSERT INTO sign_in_buckets AS b (bucket, attempts, last_at, free_at)
SELECT bucket, 1, %(now)s, %(now)s FROM unnest(%(buckets)s::int[]) AS bucket ORDER BY bucket
ON CONFLICT (bucket) DO UPDATE SET attempts = {_COUNT}, last_at = {_AT},
  free_at = {_AT} + make_interval(secs => {_DELAY})
WHERE b.free_at <= {_AT}
RETURNING bucket
"""
WAIT = "SELECT max(free_at) FROM sign_in_buckets WHERE bucket = ANY (%s::int[])"
KNOWN = "SELECT succeeded_at FROM sign_in_buckets WHERE bucket = %s AND succeeded_at > %s"
FORGIVE = """
UPDATE sign_in_buckets SET attempts = greatest(attempts - 1, 0) * (bucket <> ALL (%(cleared)s::int[]))::int,
  free_at = CASE WHEN bucket = ANY (%(cleared)s::int[]) THEN last_at ELSE free_at END,
  succeeded_at = CASE WHEN bucket = %(both)s THEN %(now)s ELSE succeeded_at END
WHERE bucket = ANY (%(buckets)s::int[])
"""


class Throttle:
    def __init__(self, database: Database, secret: bytes) -> None:
        self._database, self._secret = database, secret

    async def charge(self, username: str, address: str) -> None:
        """Pay for one attempt; raises TooManyAttempts, and nothing is then paid.

        An address from which this account has signed in lately does not answer for what others try elsewhere: a
        stranger's attempts never keep a person from their own desk.
        """
        buckets = self._buckets(username, address)
        async with self._transaction() as session:
            if await session.rows(KNOWN, (buckets[Kind.both], clock.now() - KNOWN_FOR)):
                del buckets[Kind.account]
            asked = list(buckets.values())
            paid = await session.rows(CHARGE, {"buckets": asked, "now": clock.now(), "forgetting": FORGETTING})
            if len(paid) < len(asked):
                [(free_at,)] = await session.rows(WAIT, (asked,))
                raise TooManyAttempts(max(1, math.ceil((free_at - clock.now()).total_seconds())))

    async def forgive(self, username: str, address: str) -> None:
        """The password was right: the account owes nothing; the address has paid for this attempt only."""
        buckets = self._buckets(username, address)
        cleared = [buckets[Kind.account], buckets[Kind.both]]
        values = {
            "cleared": cleared, "both": buckets[Kind.both], "buckets": list(buckets.values()), "now": clock.now(),
        }  # fmt: skip
        async with self._transaction() as session:
            await session.rows(FORGIVE, values)

    def _buckets(self, username: str, address: str) -> dict[Kind, int]:
        account = username.casefold()
        named = {Kind.address: address, Kind.account: account, Kind.both: f"{account}\x00{address}"}
        return {kind: kind << BUCKET_BITS | self._hashed(f"{kind}:{name}") for kind, name in named.items()}

    def _hashed(self, name: str) -> int:
        digest = hmac.new(self._secret, name.encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:4], "big") >> (32 - BUCKET_BITS)

    def _transaction(self) -> AbstractAsyncContextManager[Session]:
        return self._database.transaction(system(SystemActor.authenticator).context())
