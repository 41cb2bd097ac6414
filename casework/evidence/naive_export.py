"""The control of `bench export`: the whole log fetched, made into objects and one text, as a simple export is written."""

from __future__ import annotations

import json
import os

import click
import psycopg

from casework.evidence.memory import mebibytes

ROWS = "SELECT e.index, l.body FROM log_entries e JOIN log_leaves l ON l.id = e.leaf_id WHERE e.log = 'milestones' ORDER BY e.index"


@click.command()
def main() -> None:
    """Le témoin, pour la mesure. The control, for the bench."""
    before = mebibytes(os.getpid(), "VmHWM")
    with psycopg.connect(os.environ["CASEWORK_BENCH_URL"]) as connection:
        rows = [{"index": index, **json.loads(body)} for index, body in connection.execute(ROWS).fetchall()]
    text = json.dumps(rows)
    print(json.dumps({"rows": len(rows), "bytes": len(text), "growth_mib": mebibytes(os.getpid(), "VmHWM") - before}))


if __name__ == "__main__":
    main()
