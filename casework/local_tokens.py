"""`casework token`: an access token from the local issuer, without loading the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from casework import embedded_home
from casework.authz.apply import BootRefused
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.identity.queries import user_named
from casework.kernel.language import Text
from casework.parts import database_of, issuer_of

if TYPE_CHECKING:
    from casework.identity.models import User
    from casework.settings import Settings


def token_for(username: str, minutes: int) -> str:
    """Raises BootRefused in production, without an installation, or for a user nobody knows."""
    settings = embedded_home.installed()
    if settings.environment == "production":
        raise BootRefused(Text("Pas de jeton local en production.", "No local token in production."))
    user = asyncio.run(_found(settings, username))
    if user is None:
        raise BootRefused(Text("Utilisateur inconnu.", "Unknown user."))
    return issuer_of(settings).issue(user.id, "casework-cli", lifetime=minutes * 60)


async def _found(settings: Settings, username: str) -> User | None:
    database = database_of(settings)
    try:
        async with database.transaction(system(SystemActor.authenticator).context()) as session:
            return await user_named(session, username)
    finally:
        await database.close()
