"""What can be known of the image without building it: two stages, nobody's root, no secret, every file at hand."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SECRET = re.compile(r"secret|password|passwd|token|_key|apikey|credential|database_url|private", re.IGNORECASE)

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """(NAME, rest) of each instruction, continued lines joined, comments dropped."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name.upper(), rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines())]


def stages(found: list[Instruction]) -> list[list[Instruction]]:
    cuts = [place for place, (name, _) in enumerate(found) if name == "FROM"]
    return [found[start:end] for start, end in zip(cuts, [*cuts[1:], len(found)], strict=True)]


def ignored(path: str, rules: list[str]) -> bool:
    """As Docker judges: the last rule that matches the path or one of its parents decides."""
    parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    verdict = False
    for rule in rules:
        pattern = rule.removeprefix("!").strip("/")
        if any(fnmatch.fnmatch(place, pattern) for place in parents) or (
            pattern.startswith("**/") and any(fnmatch.fnmatch(Path(place).name, pattern[3:]) for place in parents)
        ):
            verdict = not rule.startswith("!")
    return verdict


def secret_names(found: list[Instruction]) -> list[str]:
    names = [word.partition("=")[0] for name, rest in found if name in {"ENV", "ARG"} for word in shlex.split(rest)]
    return [name for name in names if SECRET.search(name)]


@pytest.fixture(scope="module")
def image() -> list[Instruction]:
    return instructions((CHECKOUT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rules() -> list[str]:
    lines = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_what_builds_is_not_what_runs(image: list[Instruction]) -> None:
    builder, runtime = stages(image)
    assert builder[0][1].endswith(" AS builder")
    assert not [rest for name, rest in runtime if name == "RUN" and re.search(r"\b(uv|pip|apt-get)\b", rest)]
    copied = [rest for name, rest in runtime if name == "COPY"]
    assert copied
    assert all("--from=builder" in rest for rest in copied)


def test_each_base_is_pinned_to_a_minor_version(image: list[Instruction]) -> None:
    bases = [rest.split()[0] for name, rest in image if name == "FROM"]
    assert all(re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+[a-z0-9.-]*", base) for base in bases), bases
    assert len(set(bases)) == 1, "an environment made on one Python does not run on another"


def test_the_server_runs_as_a_number_that_is_not_roots(image: list[Instruction]) -> None:
    runtime = stages(image)[-1]
    [user] = [rest for name, rest in runtime if name == "USER"]
    assert user.isdigit()
    assert int(user) > 0
    order = [name for name, _ in runtime]
    assert order.index("USER") > max(place for place, name in enumerate(order) if name in {"RUN", "COPY"})


def test_its_health_is_asked_with_what_the_image_holds(image: list[Instruction]) -> None:
    [check] = [rest for name, rest in stages(image)[-1] if name == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD")[2])
    assert command[0] == "python"
    assert "/health/live" in command[-1], "a database that is away must not have its servers replaced"
    compile(command[-1], "healthcheck", "exec")


def test_the_server_is_process_one_and_listens_outside(image: list[Instruction]) -> None:
    found = dict(stages(image)[-1])
    assert json.loads(found["ENTRYPOINT"]) == ["casework"]
    assert json.loads(found["CMD"])[:3] == ["serve", "--host", "0.0.0.0"]


def test_dependencies_come_from_the_lock_without_the_tools_of_development(image: list[Instruction]) -> None:
    syncs = [rest for name, rest in image if name == "RUN" and "uv sync" in rest]
    assert syncs
    assert all({"--locked", "--no-dev"} <= set(rest.split()) for rest in syncs)
    assert "--no-editable" in syncs[-1]


def test_no_secret_stands_in_the_image(image: list[Instruction]) -> None:
    assert secret_names(image) == []


def test_a_secret_would_be_found() -> None:
    bad = instructions("FROM a\nARG BUILD_TOKEN\nENV A=1 CASEWORK_SECRET=x \\\n  CASEWORK_DATABASE_URL=y\n")
    assert secret_names(bad) == ["BUILD_TOKEN", "CASEWORK_SECRET", "CASEWORK_DATABASE_URL"]


def test_everything_copied_is_there_and_let_in(image: list[Instruction], rules: list[str]) -> None:
    sources = [
        source.removeprefix("./")
        for name, rest in image
        if name == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    ]
    assert {"pyproject.toml", "uv.lock", "casework", "alembic"} <= set(sources)
    for source in sources:
        assert (CHECKOUT / source).exists(), source
        assert not ignored(source, rules), source
        for inside in (CHECKOUT / source).rglob("*"):
            path = str(inside.relative_to(CHECKOUT))
            assert ignored(path, rules) is ("__pycache__" in path), path


@pytest.mark.parametrize(
    "path", [".git/config", ".env", "casework/.env.local", ".venv/bin/python", "tests/conftest.py", "secrets.json"]
)
def test_nothing_else_enters_the_image(rules: list[str], path: str) -> None:
    assert ignored(path, rules)
