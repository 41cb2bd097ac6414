"""The generated pages of `docs/`: `python -m casework.documentation` writes them, a test compares them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from casework.authz.guard import gates_of
from casework.authz.policy import POLICY, FieldGroup, Reach, Role, Sight, SystemActor, reach_of, sight
from casework.authz.purposes import MEANING, Purpose
from casework.authz.sentences import REACHES, SIGHTS
from casework.kernel.problems import BASE, CATALOGUE
from casework.main import create_app
from casework.settings import Settings
from casework.surface import PUBLIC, routes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from casework.authz.policy import Actor

GENERATED = "<!-- Written by `python -m casework.documentation`; edit the code it names, not this page. -->"


def pages() -> dict[str, str]:
    """File name in `docs/` -> content."""
    return {"policy.md": policy_page(), "problems.md": problems_page()}


def policy_page() -> str:
    return _page(
        "Who may do what · Qui peut quoi",
        "Generated from `casework/authz/policy.py`, the only place where it stands. A cell says how far the"
        " role reaches; an empty cell is a refusal (403). What is out of reach answers 404, like what does"
        " not exist.",
        "Produit à partir de `casework/authz/policy.py`. Une case dit jusqu'où va le rôle ; une case vide est"
        " un refus (403). Ce qui est hors de portée répond 404, comme ce qui n'existe pas.",
        "## Reach · Portée",
        *_table(("Reach · Portée", "Français", "English"), _reaches()),
        "## Roles · Rôles",
        *_matrix(tuple(Role)),
        "## The server's own hands · Les mains du serveur",
        *_matrix(tuple(SystemActor)),
        "## Sight · Vue",
        "What a role gets of each group of a case's fields, from nothing to everything; each includes the one before.",
        "Ce qu'un rôle obtient de chaque groupe de champs d'un dossier, de rien à tout ; chacun comprend le précédent.",
        *_table(("Sight · Vue", "Français", "English"), ((f"`{s}`", SIGHTS[s].fr, SIGHTS[s].en) for s in Sight)),
        "## Fields of a case · Champs d'un dossier",
        *_table(("Fields · Champs", *(str(role) for role in Role)), _fields()),
        "## Purposes of use · Motifs",
        "`X-Purpose-of-Use` on any request; required for a search. The read log keeps it; another code is a 400.",
        "`X-Purpose-of-Use` sur toute requête, requis pour une recherche. Le registre des lectures le garde ; un autre"
        " code est un 400.",
        *_table(
            ("Code", "Français", "English"), ((f"`{code}`", MEANING[code].fr, MEANING[code].en) for code in Purpose)
        ),
        "## Operations · Opérations",
        *_table(("Permission", "Operations"), sorted(_operations())),
    )


def problems_page() -> str:
    """The catalogue of `GET /v1/problems`; classes that a test defines are no part of it."""
    own = [p for _, p in sorted(CATALOGUE.items()) if p.__module__.startswith("casework.")]
    rows = (
        (
            f"`{BASE}{p.slug}`",
            str(p.status),
            f"**{p.title.fr}** {p.detail.fr}",
            f"**{p.title.en}** {p.detail.en}",
        )
        for p in own
    )
    return _page(
        "Problems",
        "Every refusal is one `application/problem+json` document (RFC 9457) in the caller's language."
        " `{names}` in braces are filled in, and repeated as members of the document.",
        "Chaque refus est un document `application/problem+json` dans la langue demandée.",
        *_table(("type", "Status", "Français", "English"), rows),
    )


def _reaches() -> Iterator[tuple[str, str, str]]:
    used = {reach for reaches in POLICY.values() for reach in reaches.values()}
    return ((f"`{reach}`", REACHES[reach].fr, REACHES[reach].en) for reach in Reach if reach in used)


def _fields() -> Iterator[tuple[str, ...]]:
    return ((f"`{group}`", *(str(sight(role, group)) for role in Role)) for group in FieldGroup)


def _matrix(actors: Sequence[Actor]) -> list[str]:
    rows = (
        (f"`{p}`", *(str(reach_of(actor, p) or "") for actor in actors))
        for p, reaches in POLICY.items()
        if not reaches.keys().isdisjoint(actors)
    )
    return _table(("Permission", *(str(actor) for actor in actors)), rows)


def _operations() -> Iterator[tuple[str, str]]:
    app = create_app(Settings(database_url="postgresql://nobody@127.0.0.1/none"))
    found = defaultdict(list)
    for method, path, route in routes_of(app):
        gate = "*nobody is asked*" if (method, path) in PUBLIC else f"`{gates_of(route.dependant)[0].permission}`"
        found[gate].append(f"`{method} {path}`")
    for permission, operations in found.items():
        yield permission, "<br>".join(operations)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """One block: a Markdown table is broken by an empty line."""
    cells = [head, ["---"] * len(head), *rows]
    return ["\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)]


def _page(title: str, *blocks: str) -> str:
    return "\n\n".join((GENERATED, f"# {title}", *blocks)) + "\n"


def write(folder: Path) -> None:
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[1] / "docs")
