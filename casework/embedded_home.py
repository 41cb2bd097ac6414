"""The embedded default: one folder with PostgreSQL's data and this installation's generated secrets (0600)."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING, Any

from casework.authz.apply import BootRefused
from casework.kernel.embedded import default_data_dir, open_cluster
from casework.kernel.language import Text
from casework.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from casework.kernel.embedded import Cluster

APPLICATION = "application.json"


def folder(asked: Path | None, *, demo: bool = False) -> Path:
    home = asked or default_data_dir()
    return home.with_name(home.name + "-demo") if demo else home


def settings_in(home: Path, cluster: Cluster, **changes: Any) -> Settings:
    """Settings of an embedded installation; the secrets are made on first use and never leave the folder."""
    kept = {**_secrets(home), **changes}
    remember(home, **{name: kept[name] for name in ("public_url",) if name in kept})
    return Settings(database_url=cluster.url("server"), **kept)


def existing_settings(home: Path) -> Settings:
    """Settings of an installation that runs; raises FileNotFoundError when there is none."""
    if not (home / APPLICATION).exists():
        raise FileNotFoundError(home)
    return settings_in(home, open_cluster(home))


def installed() -> Settings:
    """The external installation's settings, else those of the embedded one, the demo first; raises BootRefused."""
    settings = Settings()
    if settings.database_url is not None:
        return settings
    for demo in (True, False):
        try:
            return existing_settings(folder(settings.data_dir, demo=demo))
        except FileNotFoundError:
            continue
    raise BootRefused(
        Text("Aucune installation ici : lancez `casework demo`.", "No installation here: run `casework demo`.")
    )


def remember(home: Path, **values: Any) -> None:
    path = home / APPLICATION
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    fresh = {**known, **values}
    if fresh == known:
        return
    partial = path.with_suffix(".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(fresh, stream)
    partial.replace(path)


def _secrets(home: Path) -> dict[str, Any]:
    path = home / APPLICATION
    if not path.exists():
        remember(home, secret=secrets.token_urlsafe(48), sealing_key=secrets.token_urlsafe(48))
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept
