"""Signing in to a local account: a password against a short-lived access token (ADR 0012)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.audit import security
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.identity import passwords, queries
from casework.identity.errors import PasswordMustChange, PasswordTooWeak, SignInRefused
from casework.identity.models import Password
from casework.identity.throttle import Throttle
from casework.kernel import clock

if TYPE_CHECKING:
    from uuid import UUID

    from starlette.requests import Request

    from casework.audit.security import Sentinel
    from casework.identity.models import User
    from casework.identity.schemas import SessionCreate
    from casework.identity.tokens import Issuer
    from casework.kernel.database import Database, Session

CLIENT = "casework-session"


class SignIn:
    """`allowed` False once people sign in at a provider: every attempt is then refused, like a wrong password."""

    def __init__(
        self, database: Database, issuer: Issuer, sentinel: Sentinel, throttle_key: bytes, *, allowed: bool
    ) -> None:
        self._database, self._issuer, self._sentinel, self._allowed = database, issuer, sentinel, allowed
        self._throttle, self._checker = Throttle(database, throttle_key), passwords.Checker()

    async def __call__(self, request: Request, asked: SessionCreate) -> str:
        """An access token; raises TooManyAttempts, SignInRefused, PasswordMustChange, PasswordTooWeak."""
        addresses = self._sentinel.addresses
        address = addresses.hashed(addresses.of(request))
        await self._throttle.charge(asked.username, address)
        user, password = await self._known(asked.username)
        await self._refuse_wrong(asked.password.get_secret_value(), user, password)
        assert user is not None
        assert password is not None
        await self._throttle.forgive(asked.username, address)
        if asked.new_password is not None:
            await self._change(user, password, asked.new_password.get_secret_value())
        elif password.one_time:
            raise PasswordMustChange
        await self._sentinel.happened(request, "sign_in.succeeded", about=("account", user.id))
        return self._issuer.issue(user.id, CLIENT)

    async def _known(self, username: str) -> tuple[User | None, Password | None]:
        async with self._database.transaction(system(SystemActor.authenticator).context()) as session:
            user = await queries.user_named(session, username)
            return user, await queries.password_of(session, user.id) if user else None

    async def _refuse_wrong(self, given: str, user: User | None, password: Password | None) -> None:
        """The slow comparison comes first, and is made in every case: time tells nothing about the account."""
        right = await self._checker.holds(given, password.hash if password else None)
        about = ("account", user.id) if user else None
        if user is None or password is None:
            raise SignInRefused("unknown_account", about)
        if not right:
            raise SignInRefused("password", about)
        if user.disabled_at is not None or not self._allowed:
            raise SignInRefused("account_closed", about)
        if password.valid_until is not None and password.valid_until <= clock.now():
            raise SignInRefused("password_expired", about)

    async def _change(self, user: User, old: Password, new: str) -> None:
        """The next password, unless another change came first; a one-time password serves once."""
        weak = passwords.weakness(new, user.username)
        if weak is not None:
            raise PasswordTooWeak(weak)
        hashed = await self._checker.hashed(new)
        async with self._database.transaction(system(SystemActor.authenticator).context()) as session:
            await session.rows("SELECT pg_advisory_xact_lock(%s)", (_lock(user.id),))
            newest = await queries.password_of(session, user.id)
            if newest is None or newest.id != old.id:
                raise SignInRefused("password_used", ("account", user.id))
            session.add(Password(user_id=user.id, hash=hashed, one_time=False))
            _record_change(session, user.id)


def _record_change(session: Session, user_id: UUID) -> None:
    facts = {"account": security.account(session, user_id)}
    security.record(session, system(SystemActor.authenticator), "password.changed", facts)


def _lock(user_id: UUID) -> int:
    return int.from_bytes(user_id.bytes[8:], "big", signed=True)
