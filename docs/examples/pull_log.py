"""Tirer le journal des jalons et le vérifier, à chaque visite. Pull the milestone log and verify it, at each visit.

    CASEWORK_TOKEN=... python pull_log.py --url https://casework.example --folder journal --key cles.txt --verifier verify.py

Bibliothèque standard seulement ; à lancer par cron. Le dossier garde `checkpoint.txt`, le point de contrôle de la
dernière visite : c'est lui qui prouve que le passé n'a pas été récrit. Gardez ce dossier hors de portée de l'exploitant.

Standard library only; run it from cron. The folder keeps `checkpoint.txt`, the checkpoint of the last visit: it is what
proves that the past was not rewritten. Keep this folder out of the operator's reach. `--verifier` is `verify.py` or
`verify.mjs`. Exit status: 0 accepted or nothing new, 1 refused (the pull stays beside as `refused-*.jsonl`), 2 no answer.
"""

# ruff: noqa: INP001 -- a script to copy, no package
from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = 5_000
NEXT = re.compile(r'<([^>]+)>; rel="next"')


def pull(get: Callable[[str], tuple[bytes, str | None]], folder: Path, key: str, verifier: Path) -> int:
    """One visit; `get` gives the body and the `Link` header of a path."""
    kept = folder / "checkpoint.txt"
    size = int(kept.read_text(encoding="utf-8").split("\n")[1]) if kept.exists() else 0
    asked: dict[str, int | str] = {"limit": PAGE}
    if size:
        # Only what is new, each entry proven, and the tree proven to extend the one we know.
        asked |= {"after": size - 1, "proofs": "true", "consistency_from": size}
    pulled = folder / "pulling.jsonl"
    note = fetch(get, f"/v1/milestone-log?{urlencode(asked)}", pulled)
    known = ["--checkpoint", str(kept)] if size else ["--complete"]
    judged = subprocess.run(  # noqa: S603 -- the verifier the auditor chose
        [*interpreter(verifier), str(verifier), str(pulled), "--key", key, *known], check=False
    )
    grown = int(note.split("\n")[1])
    if judged.returncode:
        pulled.replace(folder / f"refused-{size:09}-{grown:09}.jsonl")
        return 1
    if grown == size:
        pulled.unlink()
        return 0
    pulled.replace(folder / f"journal-{size:09}-{grown:09}.jsonl")
    replaced = folder / "checkpoint.new"
    replaced.write_text(note, encoding="utf-8")
    replaced.replace(kept)
    return 0


def fetch(get: Callable[[str], tuple[bytes, str | None]], path: str, pulled: Path) -> str:
    """Write every page to `pulled`; the checkpoint they carry."""
    note = ""
    with pulled.open("wb") as file:
        while path:
            body, link = get(path)
            file.write(body)
            note = note or str(json.loads(body.split(b"\n", 1)[0])["checkpoint"])
            following = NEXT.search(link or "")
            path = following[1] if following else ""
    return note


def interpreter(verifier: Path) -> list[str]:
    return ["node"] if verifier.suffix == ".mjs" else [sys.executable]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--verifier", type=Path, required=True)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    def get(path: str) -> tuple[bytes, str | None]:
        request = urllib.request.Request(urljoin(options.url, path))  # noqa: S310 -- the auditor's own address
        request.add_header("Authorization", f"Bearer {os.environ['CASEWORK_TOKEN']}")
        request.add_header("X-Purpose-Of-Use", "audit")
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- the same
            return answer.read(), answer.headers.get("Link")

    try:
        return pull(get, options.folder, options.key, options.verifier)
    except (urllib.error.URLError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
