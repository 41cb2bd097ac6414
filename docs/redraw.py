"""Run a published draw again: python redraw.py publication.json COMMITMENT LIST_SHA256 (docs/draw.md, Python 3 alone).

COMMITMENT and LIST_SHA256 are those you wrote down before the draw; exits 0 when the published result follows.
"""

import hashlib
import hmac
import json
import sys


def problems(told, commitment, list_sha256):
    seed, names = bytes.fromhex(told["seed"]), [entry["entry_id"] for entry in told["entries"]]
    regional = {entry["entry_id"]: entry["regional"] for entry in told["entries"]}
    lines = ["casework-draw/1", f"{told['draw_id']} {told['cap']} {told['reserve']}"]
    lines += [f"{name} {'R' if regional[name] else '-'}" for name in sorted(names)]
    hashed = hashlib.sha256("".join(line + "\n" for line in lines).encode()).digest()
    order = sorted(regional, key=lambda name: hmac.new(seed, hashed + name.encode(), "sha256").digest())
    drawn = [name for name in order if regional[name]][: told["reserve"]]
    drawn += [name for name in order if name not in set(drawn)][: told["cap"] - len(drawn)]
    due = [(name, rank, name in set(drawn)) for rank, name in enumerate(order, start=1)]
    yield from ["seed"] * (hashlib.sha256(seed).hexdigest() != commitment)
    yield from ["list"] * (hashed.hex() != list_sha256)
    yield from ["order"] * (due != [(e["entry_id"], e["rank"], e["drawn"]) for e in told["entries"]])


if __name__ == "__main__":
    found = list(problems(json.load(open(sys.argv[1], encoding="utf-8")), *sys.argv[2:4]))
    print(json.dumps({"equal": not found, "differs": found}))
    sys.exit(bool(found))
