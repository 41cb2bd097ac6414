"""What higher domains do inside the intake's own transaction; filled once at start-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from casework.authz.caller import Caller
from casework.cases.models import Case
from casework.kernel.database import Session

on_opened: list[Callable[[Session, Caller, Case], Awaitable[None]]] = []
on_programme_changed: list[Callable[[Session, Caller, Case], Awaitable[None]]] = []
on_claim_status: list[Callable[[Session, Caller, Case], Awaitable[None]]] = []
