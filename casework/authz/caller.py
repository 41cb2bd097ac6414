from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from casework.authz.policy import Role, SystemActor
from casework.authz.purposes import Purpose
from casework.kernel.database import Context
from casework.kernel.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from casework.authz.policy import Actor, Permission


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts, by which grant, and how far it reaches. `scopes` narrows an API client's role; None is the whole role.

    `valid_from` and `valid_until` are the grant's or the client's, as last looked up; PostgreSQL checks them again.
    """

    actor_id: UUID
    role: Actor
    name: str
    grant_id: UUID | None = None
    office_id: UUID | None = None
    region_code: str | None = None
    organization_id: UUID | None = None
    client_id: UUID | None = None
    scopes: frozenset[str] | None = None
    request_id: str = "-"
    purpose: StrEnum | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    checked: bool = True  # False only where a drill takes the application's own checks away

    @property
    def in_emergency(self) -> bool:
        return self.purpose is Purpose.emergency

    def context(self) -> Context:
        """In an emergency the transaction sees the cases whose glass this person has broken, and no other."""
        return Context(
            role=str(SystemActor.emergency if self.in_emergency else self.role),
            actor_id=self.actor_id,
            grant_id=self.grant_id,
            office_id=self.office_id,
            region_code=self.region_code,
            organization_id=self.organization_id,
            client_id=self.client_id,
        )

    def may_use(self, permission: Permission) -> bool:
        return self.scopes is None or str(permission) in self.scopes

    @property
    def person_role(self) -> Role:
        """Raises TypeError for the server's own hands."""
        if not isinstance(self.role, Role):
            raise TypeError("a system actor has no role")
        return self.role


def system(actor: SystemActor) -> Caller:
    return Caller(actor_id=new_id(), role=actor, name=str(actor))
