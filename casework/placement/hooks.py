"""What higher domains do inside a placement's own transaction; filled once at start-up (milestones sit above us)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from casework.authz.caller import Caller
from casework.kernel.database import Session
from casework.placement.models import Assignment, Offer

on_offer_made: list[Callable[[Session, Caller, Offer], Awaitable[None]]] = []
on_offer_answered: list[Callable[[Session, Caller, Offer, Any], Awaitable[None]]] = []
on_arrival_corrected: list[Callable[[Session, Caller, Assignment, str], Awaitable[None]]] = []
on_arrival: list[Callable[[Session, Caller, Assignment], Awaitable[None]]] = []
