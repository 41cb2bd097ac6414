from __future__ import annotations

from typing import TYPE_CHECKING

import uuid_utils.compat

if TYPE_CHECKING:
    from uuid import UUID


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): made by the server, never by a client, so that an invisible row cannot be aimed at."""
    return uuid_utils.compat.uuid7()
