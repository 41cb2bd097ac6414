"""What higher domains do when a settlement report comes in, inside its transaction; filled once at start-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from casework.authz.caller import Caller
from casework.kernel.database import Session
from casework.sponsorship.models import SettlementReport

on_report_received: list[Callable[[Session, Caller, SettlementReport], Awaitable[None]]] = []
