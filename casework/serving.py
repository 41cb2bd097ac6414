"""How the server is started, on which database, and by whom: what `cli` calls."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy.engine import make_url

from casework import embedded_home, installation
from casework.authz.apply import BootRefused
from casework.kernel import logs
from casework.kernel.embedded import running
from casework.kernel.language import Text
from casework.kernel.limits import HANDS_SECONDS, SHUTDOWN_SECONDS
from casework.kernel.listening import Terms, listen
from casework.main import create_app
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from casework.kernel.embedded import Cluster

READY_SECONDS = 60
SEED_SECONDS = 2.0
err = Console(stderr=True, highlight=False)


def serve_here(settings: Settings, host: str, port: int) -> None:
    """Serve in this process, which knows the log-in role's address and no other."""
    logs.configure(settings.log_level)
    logs.end_silently()
    app = create_app(settings)

    def leave() -> None:
        app.state.leaving = True

    listen(app, host, port, leave, Terms(settings.drain_seconds, settings.max_connections))


def serve_embedded(port: int, *, demo: bool, host: str = "127.0.0.1") -> int:
    """Start PostgreSQL, migrate and seed as the owner, then serve from a child that never sees the owner's address."""
    _refuse_busy(port)
    home = embedded_home.folder(Settings().data_dir, demo=demo)
    with running(home) as cluster:
        settings = embedded_home.settings_in(home, cluster, public_url=f"http://127.0.0.1:{port}")
        login = make_url(cluster.url("server")).username or ""
        installation.install(cluster.url("owner"), login, settings.key("context"), settings.keyring())
        rest = _demo_data(cluster, settings) if demo else None
        child = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
            [sys.executable, "-m", "casework", "serve", "--host", host, "--port", str(port)], env=_environment(settings)
        )
        return _attended(child, port, home, rest)


def _demo_data(cluster: Cluster, settings: Settings) -> Callable[[], None]:
    """Seed what fits in a few seconds; returns what is left to do once the server answers."""
    from casework.demo.planning import run_made
    from casework.demo.seeding import seed
    from casework.demo.story import StepFailed

    left = seed(cluster.url("owner"), settings, err, seconds=SEED_SECONDS)

    def rest() -> None:
        if left:
            err.print(f"Encore {left} dossiers de démonstration à écrire… / {left} demo cases still to write…")
            try:
                seed(cluster.url("owner"), settings, err)
            except StepFailed as failure:
                # The next start takes it up again; the server itself is not concerned.
                err.print(f"Données de démonstration interrompues / demo data interrupted: {failure}", markup=False)
                return
            err.print("Données de démonstration complètes / demo data complete.")
        if (run_id := run_made(cluster.url("owner"))) is not None:
            _announce_run(f"{settings.public_url}/v1/placement-runs/{run_id}?format=html")

    return rest


# The server's process owns nothing and installs nothing.
_OF_THE_INSTALLER = {"owner_database_url", "data_dir"}


def _environment(settings: Settings) -> dict[str, str]:
    """The server's own: every setting it may know, as this process understood it, and nothing else of Casework's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")}
    told = {name: getattr(settings, name) for name in Settings.model_fields if name not in _OF_THE_INSTALLER}
    return {
        **kept,
        **{f"CASEWORK_{name.upper()}": _written(value) for name, value in told.items() if value is not None},
    }


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps({name: _written(part) for name, part in value.items()})
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _attended(child: subprocess.Popen[bytes], port: int, home: Path, rest: Callable[[], None] | None) -> int:
    """Wait for the child; pass Ctrl-C and SIGTERM on to it, and let it finish its requests."""
    try:
        _wait_ready(child, port)
        _announce(port, home, demo=rest is not None)
        if rest is not None:
            rest()
        return child.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(SHUTDOWN_SECONDS + HANDS_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait_ready(child: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise BootRefused(Text("Le serveur n'a pas démarré.", "The server did not start."))
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            pass  # not listening yet
        time.sleep(0.1)
    raise BootRefused(Text("Le serveur ne répond pas.", "The server does not answer."))


def _announce(port: int, home: Path, *, demo: bool) -> None:
    base = f"http://127.0.0.1:{port}"
    lines = [
        "",
        f"Casework répond / answers : {base}",
        f"Documentation : {base}/docs",
        f"Données / data : {home}",
    ]
    if demo:
        from casework.demo.world import USERS

        lines.append("Utilisateurs de la démo / demo users (casework token NOM) :")
        lines += [f"  {username:10} {role!s:20} {name}" for username, name, role, *_ in USERS]
        lines.append("Essayez / try :")
        lines.append(f'  curl -H "Authorization: Bearer $(uv run -q casework token camille)" "{base}/v1/cases?limit=3"')
    lines.append("Arrêt / stop : Ctrl-C")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _announce_run(address: str) -> None:
    """Where the demo's placement run is to be seen: one page, solved within seconds of being told."""
    sys.stdout.write(
        "Calcul de placement : carte, propositions, certificat / placement run: map, proposals, certificate:\n"
        f'  curl -H "Authorization: Bearer $(uv run -q casework token camille)" "{address}" > placement.html\n'
    )
    sys.stdout.flush()


def _refuse_busy(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BootRefused(
                Text(
                    f"Le port {port} est pris ; choisissez-en un autre avec --port.",
                    f"Port {port} is taken; choose another with --port.",
                )
            ) from error


def migrate_somewhere() -> dict[str, Any]:
    settings = Settings()
    if settings.owner_database_url is None and settings.database_url is None:
        home = embedded_home.folder(settings.data_dir)
        with running(home) as cluster:
            embedded = embedded_home.settings_in(home, cluster)
            login = make_url(cluster.url("server")).username or ""
            installation.install(cluster.url("owner"), login, embedded.key("context"), embedded.keyring())
        return {"ok": True, "database": "embedded"}
    if settings.owner_database_url is None:
        raise BootRefused(
            Text(
                "CASEWORK_OWNER_DATABASE_URL manque : l'adresse du rôle propriétaire, que le serveur ne reçoit jamais.",
                "CASEWORK_OWNER_DATABASE_URL is missing: the owner role's address, which the server never gets.",
            )
        )
    owner = settings.owner_database_url.get_secret_value()
    role = settings.login_role or (
        make_url(settings.database_url.get_secret_value()).username if settings.database_url else None
    )
    settings.require_secrets()
    installation.install(owner, role or "casework_server", settings.key("context"), settings.keyring())
    return {"ok": True, "database": make_url(owner).database}


def openapi_text() -> str:
    app = create_app(Settings(database_url="postgresql://nobody@127.0.0.1/none"))
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
