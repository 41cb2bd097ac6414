"""No server works without every key that rows are still wrapped under: refused at boot, not ready later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from casework.authz.apply import BootRefused
from casework.kernel.language import Text
from casework.upkeep.rotation import keys_in_use

if TYPE_CHECKING:
    from casework.kernel.database import Database
    from casework.kernel.sealing import Keyring

log = structlog.get_logger("casework.sealing")


async def missing_keys(database: Database, keyring: Keyring) -> list[str]:
    """The ids that rows name and the key store does not know; each goes to the operator's log."""
    missing = [kek_id for kek_id in await keys_in_use(database) if not keyring.knows(kek_id)]
    for kek_id in missing:
        log.error("sealing_key_away", key_id=kek_id)
    return missing


async def refuse_missing_keys(database: Database, keyring: Keyring) -> None:
    """Raises BootRefused naming the ids."""
    if missing := ", ".join(await missing_keys(database, keyring)):
        raise BootRefused(
            Text(
                f"Des données sont encore scellées sous {missing}, absente des réglages : rendez-la dans"
                " CASEWORK_SEALING_OLD_KEYS, puis `casework rotate-keys` avant de la retirer.",
                f"Data are still sealed under {missing}, which the settings lack: give it back in"
                " CASEWORK_SEALING_OLD_KEYS, then run `casework rotate-keys` before dropping it.",
            )
        )
