"""`casework place-file`: a peer's tables placed without a database: proposals as CSV, one page, the certificate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from casework.placement.engine.instance import Instance
    from casework.placement.peer_tables import PeerWorld
    from casework.placement.run_page import Line

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, writable=True, path_type=Path)
TITLE = "Propositions de placement (estimations importées)"


@click.command("place-file")
@click.option("--cases", type=FILE, required=True, help="case_id, size")
@click.option("--predictions", type=FILE, required=True, help="case_id, puis un lieu par colonne / one column a place")
@click.option("--capacities", type=FILE, required=True, help="place, capacity, region")
@click.option("--csv", "csv_file", type=OUT, required=True, help="Propositions. Proposals.")
@click.option("--page", type=OUT, required=True, help="Page HTML autonome. One self-contained page.")
def place_file(cases: Path, predictions: Path, capacities: Path, csv_file: Path, page: Path) -> None:
    """Placer les tables d'un pair (façon GeoMatch) : rien n'est décidé, rien n'est gardé.

    Place a peer's tables (GeoMatch style): nothing is decided, nothing is kept.
    """
    from casework.placement.engine.batch import place
    from casework.placement.peer_tables import TableRefused, read_world
    from casework.placement.run_page import as_csv, as_page

    try:
        world = read_world(*(path.read_text(encoding="utf-8") for path in (cases, predictions, capacities)))
    except (TableRefused, UnicodeDecodeError) as error:
        text = getattr(error, "text", None)
        fr, en = (text.fr, text.en) if text else ("Un fichier n'est pas en UTF-8.", "A file is not UTF-8.")
        raise click.ClickException(f"{fr}\n{en}") from None
    placed = place(instance_of(world))
    certificate = placed.certificate()
    lines = lines_of(world, certificate)
    csv_file.write_text(as_csv(lines), encoding="utf-8", newline="")
    page.write_text(as_page(lines, certificate, TITLE), encoding="utf-8")
    click.echo(f"{len(certificate['placed'])}/{len(lines)} sha256={certificate['sha256']}")


def instance_of(world: PeerWorld) -> Instance:
    """Persons placed come before points, as in a run over cases."""
    from casework.placement.engine.batch import instance_from
    from casework.placement.model import PERSONS_WORTH

    places = sorted(world.capacities)
    document: dict[str, Any] = {
        "resources": ["persons"],
        "places": places,
        "pools": [{"resource": 0, "places": [j], "capacity": world.capacities[name]} for j, name in enumerate(places)],
        "cases": [
            {
                "id": case, "demand": [size], "worth": PERSONS_WORTH * size,
                "scores": [world.scores[case].get(name, -1) for name in places],
            }
            for case, size in sorted(world.sizes.items())
        ],
    }  # fmt: skip
    return instance_from(document)


def lines_of(world: PeerWorld, certificate: dict[str, Any]) -> list[Line]:
    from casework.placement.run_page import Line

    lines = []
    for case, size in sorted(world.sizes.items()):
        index = certificate["placed"].get(case)
        name = None if index is None else certificate["places"][index]
        region, score = (world.regions[name], world.scores[case][name]) if name else (None, None)
        lines.append(Line(case, size, name, region, score))
    return lines
