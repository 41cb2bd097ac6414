"""Is a run's certificate true? Standard library only, no line shared with the engine: `python check.py < FILE`."""

import hashlib
import json
import sys
from typing import Any


def check(certificate: dict[str, Any], sha256: str = "") -> int:
    """The proven gap in thousandths of a point; ValueError when it does not hold. `sha256`: as kept elsewhere."""
    body = {name: value for name, value in certificate.items() if name != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    pools, placed, scale, value, best = body["pools"], dict(body["placed"]), body["scale"], 0, [0]
    used, bound = [0] * len(pools), sum(pool["price"] * pool["capacity"] for pool in pools)
    for case in body["cases"]:
        chosen, best = placed.pop(case["id"], None), [0]
        for place in [j for j, score in enumerate(case["scores"]) if score >= 0]:
            asked = [case["demand"][pool["resource"]] * (place in pool["places"]) for pool in pools]
            worth = case["scores"][place] + case["worth"]
            best.append(scale * worth - sum(n * pool["price"] for n, pool in zip(asked, pools, strict=True)))
            if chosen == place:
                value, used, chosen = value + worth, [a + b for a, b in zip(used, asked, strict=True)], None
        bound, placed = bound + max(best), placed if chosen is None else {case["id"]: chosen}
    fits = all(n <= pool["capacity"] and pool["price"] >= 0 for n, pool in zip(used, pools, strict=True))
    true = [value, bound, hashlib.sha256(text).hexdigest(), sha256 or certificate["sha256"], scale > 0]
    if placed or not fits or true != [body["value"], body["bound"], certificate["sha256"], certificate["sha256"], True]:
        raise ValueError("this certificate does not hold")
    return int(bound - scale * value)


if __name__ == "__main__":
    sys.stdout.write(f"{check(json.load(sys.stdin), *sys.argv[1:])}\n")
