"""`python -m casework.placement.engine.worker`: frozen inputs on standard input, the certificate on standard output,
how far it is on standard error, in percent."""

from __future__ import annotations

import json
import sys

from casework.placement.engine.batch import canonical, instance_from, place


def _told(percent: int) -> None:
    print(percent, file=sys.stderr, flush=True)  # noqa: T201 -- the parent process reads it


def main() -> None:
    placed = place(instance_from(json.load(sys.stdin)), told=_told)
    sys.stdout.buffer.write(canonical(placed.certificate()))


if __name__ == "__main__":
    main()
