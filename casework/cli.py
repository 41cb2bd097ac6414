"""`casework …`: one command for each thing an operator does. Heavy modules load inside the command that needs them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from casework import account_commands
from casework.account_commands import as_json
from casework.placement_command import place_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OPTIONS_OF = {"placement": {"cases"}, "online": {"data", "learn"}}


class Refused(click.ClickException):
    """A refusal in both languages, without a traceback."""

    def __init__(self, fr: str, en: str) -> None:
        super().__init__(f"{fr}\n{en}")


class Commands(click.Group):
    """Turns the product's own refusals into one plain message and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        from pydantic import ValidationError

        from casework.authz.apply import BootRefused
        from casework.kernel.embedded import EmbeddedServerProblem
        from casework.kernel.problems import Problem
        from casework.kernel.sealing import KeyAway
        from casework.settings import SettingsRefused

        try:
            return super().invoke(ctx)
        except (BootRefused, SettingsRefused) as error:
            raise Refused(error.text.fr, error.text.en) from error
        except ValidationError as error:
            named = ", ".join(
                sorted({f"CASEWORK_{str(fault['loc'][0]).upper()}" for fault in error.errors() if fault["loc"]})
            )
            raise Refused(f"Réglage refusé : {named}.", f"Setting refused: {named}.") from None
        except KeyAway as error:
            raise Refused(
                f"La clé {error.key_id} manque ou n'est pas la bonne : voyez CASEWORK_SEALING_OLD_KEYS.",
                f"Key {error.key_id} is missing or not the right one: see CASEWORK_SEALING_OLD_KEYS.",
            ) from error
        except Problem as error:
            raise Refused(error.document("fr")["detail"], error.document("en")["detail"]) from error
        except EmbeddedServerProblem as error:
            raise Refused(error.fr, error.en) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="casework")
def main() -> None:
    """Casework : dossiers, régions d'accueil, jalons et journal vérifiable.

    Pour commencer : `casework demo`. Réglages : variables CASEWORK_* (voir README.md).
    To begin: `casework demo`. Settings: CASEWORK_* environment variables (see README.md).
    """


for group in (account_commands.user, account_commands.grant, account_commands.client):
    main.add_command(group)
main.add_command(place_file)


@main.command()
@click.option(
    "--once",
    is_flag=True,
    help="Tout le parcours sur une base jetable, puis fin. The whole journey, then exit.",
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@as_json
def demo(once: bool, port: int, as_json: bool) -> None:
    """Servir avec des données fictives, ou dérouler le parcours complet (--once).

    Serve with fictional data, or run the whole journey once (--once).
    """
    if once:
        from casework.demo.once import run_once

        outcome = run_once()
        click.echo(json.dumps(outcome, ensure_ascii=False) if as_json else _told(outcome))
        sys.exit(0 if outcome["ok"] else 1)
    from casework.serving import serve_embedded

    sys.exit(serve_embedded(port, demo=True))


@main.command()
@click.option("--demo", "with_demo", is_flag=True, help="Avec les données de démonstration. With the demo data.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def serve(with_demo: bool, host: str, port: int) -> None:
    """Servir l'API : base de CASEWORK_DATABASE_URL, sinon PostgreSQL embarqué.

    Serve the API: the database of CASEWORK_DATABASE_URL, else the embedded PostgreSQL.
    """
    from casework.serving import serve_embedded, serve_here
    from casework.settings import Settings

    settings = Settings()
    if settings.database_url is None and settings.environment == "production":
        raise Refused(
            "En production, CASEWORK_DATABASE_URL est obligatoire : la base embarquée sert aux essais.",
            "In production CASEWORK_DATABASE_URL is required: the embedded database is for trials.",
        )
    if settings.database_url is None:
        sys.exit(serve_embedded(port, demo=with_demo, host=host))
    if with_demo:
        raise Refused(
            "--demo écrit dans la base embarquée : retirez CASEWORK_DATABASE_URL ou --demo.",
            "--demo writes to the embedded database: remove CASEWORK_DATABASE_URL or --demo.",
        )
    serve_here(settings, host, port)


@main.command()
@as_json
def migrate(as_json: bool) -> None:
    """Créer ou mettre à niveau : rôles, schéma, règles d'accès, données de référence.

    Create or upgrade: roles, schema, access rules, reference data. With an external database the owner's address is
    CASEWORK_OWNER_DATABASE_URL and the server's log-in role is that of CASEWORK_DATABASE_URL (or CASEWORK_LOGIN_ROLE).
    """
    from casework.serving import migrate_somewhere

    outcome = migrate_somewhere()
    click.echo(json.dumps(outcome) if as_json else f"Base prête ({outcome['database']}). Database ready.")


@main.command(name="rotate-keys")
@click.option(
    "--data-keys", is_flag=True, help="Renouveler aussi la clé de chaque personne. Renew each person's key too."
)
@click.option("--made-before", type=click.DateTime(["%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z"]),
              help="Reprendre un renouvellement interrompu. Take up a renewal that was interrupted.")  # fmt: skip
@as_json
def rotate_keys(data_keys: bool, made_before: datetime | None, as_json: bool) -> None:
    """Réemballer chaque clé sous CASEWORK_SEALING_KEY_ID, pendant que le serveur sert ; peut être repris.

    Wrap every key again under CASEWORK_SEALING_KEY_ID while the server serves; can be interrupted and run again.
    """
    from casework.keeping import rotate_keys

    outcome = rotate_keys(data_keys=data_keys, made_before=made_before)
    click.echo(json.dumps(outcome) if as_json else _told(outcome))
    sys.exit(0 if outcome["ok"] else 1)


@main.command(name="reindex-names")
@as_json
def reindex_names(as_json: bool) -> None:
    """Récrire les index aveugles des noms et des identifiants. Write the blind indexes of names and identifiers again."""
    from casework.keeping import reindex_names

    outcome = reindex_names()
    click.echo(json.dumps(outcome) if as_json else _told(outcome))


@main.command()
@click.option("--dry-run/--apply", default=True, help="Compter seulement (défaut), ou agir. Count only, or act.")
@click.option("--batch", default=100, show_default=True, type=click.IntRange(1, 1000), help="Par transaction.")
@as_json
def retention(dry_run: bool, batch: int, as_json: bool) -> None:
    """Appliquer les règles de conservation ; sans --apply, dire seulement ce qui partirait.

    Apply the retention rules; without --apply, only say what would go. Ids only; what is under a legal hold stays.
    """
    from casework.retention_sweep import run

    outcome = run(apply=not dry_run, batch=batch)
    click.echo(json.dumps(outcome, ensure_ascii=False) if as_json else _swept(outcome))


def _swept(outcome: dict[str, Any]) -> str:
    verb = "effacés / erased" if outcome["applied"] else "à effacer / would go"
    lines = [f"{rule['rule']}: {rule['due']} {verb}, {rule['held']} sous gel / held" for rule in outcome["rules"]]
    return "\n".join(lines)


@main.command()
@click.argument("user")
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(1, 720))
@as_json
def token(user: str, minutes: int, as_json: bool) -> None:
    """Un jeton d'accès pour USER (émetteur local ou démo seulement).

    An access token for USER (local issuer or demo only).
    """
    from casework.local_tokens import token_for

    text = token_for(user, minutes)
    click.echo(
        json.dumps({"access_token": text, "token_type": "Bearer", "expires_in": minutes * 60}) if as_json else text
    )


@main.command(name="import-households")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Le serveur. The server.")
@click.option("--token", envvar="CASEWORK_TOKEN", required=True, help="Jeton d'accès. Access token.")
@click.option("--office", default=None, help="Bureau, si le rôle n'en a pas. Office, if the role has none.")
@click.option("--dry-run", is_flag=True, help="Le rapport seulement. The report only.")
def import_households(file: Path, url: str, token: str, office: str | None, dry_run: bool) -> None:
    """Envoyer FILE (.xlsx ou .csv) au serveur et écrire le rapport. Send FILE (.xlsx or .csv), print the report.

    Code de sortie 0 si aucune ligne n'est fautive. Exit code 0 when no line is faulty.
    """
    from casework.household_client import send

    report = send(file, url, token, office, dry_run=dry_run)
    click.echo(json.dumps(report, ensure_ascii=False, indent=1))
    sys.exit(0 if report.get("faulty_lines") == 0 else 1)


@main.command()
@click.option("--check", is_flag=True, help="Comparer avec openapi/casework.json. Compare with the committed file.")
def openapi(check: bool) -> None:
    """Le document OpenAPI 3.1, sur la sortie.

    The OpenAPI 3.1 document, on standard output.
    """
    from casework.serving import openapi_text

    text = openapi_text()
    if check:
        committed = Path("openapi/casework.json")
        if not committed.exists() or committed.read_text(encoding="utf-8") != text:
            raise Refused(
                "openapi/casework.json n'est pas à jour : `casework openapi > openapi/casework.json`.",
                "openapi/casework.json is not up to date: `casework openapi > openapi/casework.json`.",
            )
        return
    click.echo(text, nl=False)


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def verify(arguments: tuple[str, ...]) -> None:
    """Vérifier un export du journal, hors ligne. Verify an export of the log, offline."""
    from casework import verify as verifier

    sys.exit(verifier.main(list(arguments)))


@main.command()
@click.option("--url", required=True)
@click.option("--log", type=click.Choice(["milestones", "audit", "security"]), default="milestones", show_default=True)
@click.option("--name", required=True, help="nom du témoin · the witness's name")
@click.option(
    "--seed", required=True, type=click.Path(path_type=Path), help="32 octets secrets, créés au besoin · made"
)
@click.option("--key", required=True, help="clé du journal, reçue par une autre voie · the log's key")
@click.option("--state", required=True, type=click.Path(path_type=Path), help="dernier point cosigné · last cosigned")
@click.option("--token", envvar="CASEWORK_TOKEN", required=True, help="jeton d'accès · access token", show_envvar=True)
def witness(url: str, log: str, name: str, seed: Path, key: str, state: Path, token: str) -> None:  # noqa: PLR0913, PLR0917 -- one an option
    """Cosigner le dernier point de contrôle, une fois prouvé qu'il prolonge le précédent (jeton : CASEWORK_TOKEN).

    Cosign the newest checkpoint, once it is proven to extend the last one (token: CASEWORK_TOKEN).
    """
    from casework import witness as cosigner

    secret = cosigner.seed_in(seed)
    click.echo(cosigner.vkey(name, secret), err=True)
    try:
        size = cosigner.visit(cosigner.line_to(url, token), log, key, name, secret, state)
    except cosigner.WitnessRefuses as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(size)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="time_to_milestone, completeness, overdue, retention")
@click.option("--by", default="region", show_default=True, help="region, organization, programme, month")
@click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), help="Échu à cette date ; aujourd'hui. Due by that day; today."
)
def indicators(files: tuple[Path, ...], name: str, by: str, on: datetime | None) -> None:
    """Calculer un indicateur sur un export complet du journal des jalons (vérifiez-le d'abord : `casework verify`).

    Compute an indicator from a complete export of the milestone log (verify it first: `casework verify`).
    """
    from casework.indicators import figures, log_lines
    from casework.kernel import clock
    from casework.milestones.reference import milestone_types

    if name not in set(figures.Figure) or by not in set(figures.By):
        known = f"--name {', '.join(figures.Figure)} ; --by {', '.join(figures.By)}"
        raise Refused(f"Indicateur inconnu ; connus : {known}.", f"Unknown indicator; known: {known}.")
    try:
        standing = log_lines.of_export(log_lines.lines_of(files))
    except log_lines.NotWhole:
        raise Refused(
            "Ce n'est pas un export complet, sans filtre, de la première inscription à la dernière.",
            "This is no complete export, without filter, from the first entry to the last.",
        ) from None
    day = on.date() if on else clock.today()
    found = figures.document(
        figures.Figure(name), figures.By(by), day, standing.entries(), milestone_types(), standing.size
    )
    click.echo(json.dumps(found, ensure_ascii=False, indent=1))


def _program(
    kind: str, find: Callable[[], dict[str, Any]], name: str, short: bool, as_json: bool, seed: int, **given: Any
) -> None:
    programs = find()
    if name not in programs:
        known = ", ".join(sorted(programs))
        raise Refused(f"{kind} inconnu ; connus : {known}.", f"unknown {kind}; known: {known}.")
    outcome = programs[name](short=short, seed=seed, **given)
    click.echo(json.dumps(outcome, ensure_ascii=False) if as_json else _told(outcome))
    sys.exit(0 if outcome["ok"] else 1)


@main.command()
@click.argument("name")
@click.option("--short", is_flag=True, help="Forme courte, pour la CI. Short form, for CI.")
@click.option("--seed", default=20261123, show_default=True)
@click.option("--cases", type=click.IntRange(20, 100_000), help="placement : cette taille seule. That size only.")
@click.option("--data", type=FOLDER, help="online : l'année à vivre. The year to live through.")
@click.option("--learn", type=FOLDER, help="online : l'année d'où viennent les prix. The year prices come from.")
@as_json
def bench(name: str, short: bool, as_json: bool, seed: int, **given: Any) -> None:
    """Mesurer NAME (export, import, intake, log-cost, online, placement, read-case, recommend, search), témoin compris.

    Measure NAME (export, import, intake, log-cost, online, placement, read-case, recommend, search), control included.
    """
    from casework.evidence import benches

    asked = {option: value for option, value in given.items() if value is not None}
    if not set(asked) <= OPTIONS_OF.get(name, set()) or len({"data", "learn"} & set(asked)) == 1:
        raise Refused("Ces options ne vont pas avec ce banc.", "These options do not go with this bench.")
    _program("bench", benches, name, short, as_json, seed, **asked)


@main.command()
@click.argument("name")
@click.option("--short", is_flag=True, help="Forme courte, pour la CI. Short form, for CI.")
@click.option("--seed", default=20261123, show_default=True)
@as_json
def drill(name: str, short: bool, as_json: bool, seed: int) -> None:
    """Éprouver NAME (access, auditor, canary, draw, erasure, existence, hostile, names, oversell, reads, slow, tamper) avec un témoin qui doit échouer.

    Put NAME (access, auditor, canary, draw, erasure, existence, hostile, names, oversell, reads, slow, tamper) to the test, with a control that must fail.
    """
    from casework.evidence import drills

    _program("drill", drills, name, short, as_json, seed)


def _told(outcome: dict[str, Any]) -> str:
    return json.dumps(outcome, ensure_ascii=False, indent=2)
