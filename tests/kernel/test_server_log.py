"""PostgreSQL's own log: the boot looks at what it may say of our statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from casework.authz.apply import BootRefused
from casework.kernel.server_log import QUIET, advice, silencing, talkative
from casework.main import create_app, refuse_to_start_unshielded
from casework.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import World

pytestmark = pytest.mark.anyio
STOCK = {
    "log_min_messages": "warning",
    "log_min_error_statement": "error",
    "log_error_verbosity": "default",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
}


def database_of(world: World) -> str:
    """As PostgreSQL knows it; an external server's carries the run's mark."""
    return str(conninfo_to_dict(world.server_url)["dbname"])


def login_of(world: World) -> str:
    return make_url(world.server_url).username or ""


def as_installed(world: World) -> Iterator[str]:
    """The statements that give this database PostgreSQL's settings as it is installed."""
    name = database_of(world)
    for setting, value in STOCK.items():
        yield f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'"


def told(world: World, statements: Any) -> None:
    with psycopg.connect(world.server.url("superuser", world.database), autocommit=True) as superuser:
        for statement in statements:
            superuser.execute(statement.encode())


async def in_force(world: World) -> dict[str, str]:
    async with await psycopg.AsyncConnection.connect(world.server_url, autocommit=True) as connection:
        return await talkative(connection)


def settings_of(world: World, environment: Any) -> Settings:
    secret = SecretStr("a-secret-of-the-tests-that-is-long-enough-0001")
    return Settings(
        database_url=SecretStr(world.server_url), secret=secret,
        sealing_key=SecretStr("another-secret-of-the-tests-that-is-long-enough-2"), environment=environment,
        background=False,
    )  # fmt: skip


async def test_ordinary_settings_are_found_and_the_advice_silences_them(world: World) -> None:
    told(world, as_installed(world))
    assert await in_force(world) == STOCK
    silence = [one.replace(" SET ", f' IN DATABASE "{database_of(world)}" SET ') for one in silencing(login_of(world))]
    told(world, silence)
    assert await in_force(world) == {}


@pytest.mark.parametrize("setting", QUIET)
async def test_each_setting_alone_is_noticed(world: World, setting: str) -> None:
    told(world, as_installed(world))
    silence = [one.replace(" SET ", f' IN DATABASE "{database_of(world)}" SET ') for one in silencing(login_of(world))]
    told(world, [one for one in silence if f" {setting} =" not in one])
    assert await in_force(world) == {setting: STOCK[setting]}


async def test_production_does_not_start_beside_a_log_that_quotes(world: World, logged: Callable[[], str]) -> None:
    told(world, as_installed(world))
    app = create_app(settings_of(world, "production"))
    with pytest.raises(BootRefused, match="ALTER ROLE"):
        async with app.router.lifespan_context(app):
            pytest.fail("it started")
    await app.state.database.close()
    # uvicorn's own report of it is wordless: the reason is told by us.
    said = logged()
    assert "boot_refused" in said
    assert "ALTER ROLE" in said


async def test_a_trial_starts_and_says_so(world: World, logged: Callable[[], str]) -> None:
    told(world, as_installed(world))
    app = create_app(settings_of(world, "development"))
    await refuse_to_start_unshielded(app)
    await app.state.database.close()
    assert "postgresql_log_may_quote_values" in logged()


def test_the_advice_names_the_role_and_every_setting() -> None:
    text = advice("casework_server")
    for setting in QUIET:
        assert f'ALTER ROLE "casework_server" SET {setting} =' in text.fr
        assert f'ALTER ROLE "casework_server" SET {setting} =' in text.en
