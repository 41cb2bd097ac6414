"""docs/security.md says what the code does: its keys, secrets, events and data classes, by name."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from casework.authz.policy import FieldGroup
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEMO_AND_MEASURES = ("demo", "evidence")
DERIVING = {"key", "derive"}
COMPARED = re.compile(r"(secret|mac|digest|signature|token)(_hash)?$", re.IGNORECASE)
# Settings are compared once, at the start, with each other; the offline verifier judges public signatures.
UNTIMED = {"settings.py", "verify.py"}


def product(checkout: Path) -> Iterator[tuple[Path, ast.Module]]:
    """The code that serves, without what seeds a demo or measures."""
    for path in sorted((checkout / "casework").rglob("*.py")):
        if path.relative_to(checkout / "casework").parts[0] not in DEMO_AND_MEASURES:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def purposes(tree: ast.Module) -> Iterator[str]:
    """What `derive(secret, "…")` and `settings.key("…")` are asked for, up to what varies."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in DERIVING and node.args:
            last = node.args[-1]
            first = last.values[0] if isinstance(last, ast.JoinedStr) else last
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value.rstrip("/")


@pytest.fixture
def page(checkout: Path) -> str:
    return (checkout / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_key_that_is_derived_is_in_the_inventory(checkout: Path, page: str) -> None:
    found = {purpose for _, tree in product(checkout) for purpose in purposes(tree)}
    assert len(found) > 12
    assert {purpose for purpose in found if f"`{purpose}`" not in page} == set()


def test_every_secret_setting_is_listed(page: str) -> None:
    secret = [name for name, field in Settings.model_fields.items() if SecretStr.__name__ in str(field.annotation)]
    assert len(secret) > 5
    assert [name for name in secret if f"`CASEWORK_{name.upper()}`" not in page] == []


def test_every_field_group_has_a_class(page: str) -> None:
    assert [group for group in FieldGroup if f"`{group}`" not in page] == []


def test_every_security_event_is_listed(checkout: Path, page: str) -> None:
    found: set[str] = set()
    for _, tree in product(checkout):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and EVENT.fullmatch(node.value):
                found.add(node.value)
    assert len(found) > 15
    assert {event for event in found if f"`{event}`" not in page} == set()


EVENT = re.compile(
    r"(token|client|sign_in|permission|grant|wall|refusals|password|user|api_client|client_secret|client_keys)"
    r"\.(refused|failed|throttled|counted|succeeded|signed_in|issued|changed|created|disabled|proposed|made|approved|revoked)"
)


def test_nothing_that_serves_draws_from_a_generator_that_can_be_foretold(checkout: Path) -> None:
    drawing = [
        str(path)
        for path, tree in product(checkout)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "random" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "random")
    ]
    assert drawing == []


def test_no_secret_is_compared_in_a_time_that_tells_it(checkout: Path) -> None:
    timed = [(path, tree) for path, tree in product(checkout) if path.name not in UNTIMED]
    assert [place for path, tree in timed for place in hasty(tree, path.name)] == []


def test_a_hasty_comparison_would_be_found() -> None:
    assert hasty(ast.parse("if stored.secret_hash == given: pass"), "x.py") == ["x.py:1"]
    assert hasty(ast.parse("ok = hmac.compare_digest(mac, given)"), "x.py") == []


def hasty(tree: ast.Module, name: str) -> list[str]:
    """Where == or != meets something whose name says that it is secret."""
    return [
        f"{name}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(_secret(side) for side in (node.left, *node.comparators))
    ]


def _secret(node: ast.expr) -> bool:
    named = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return COMPARED.search(named) is not None
