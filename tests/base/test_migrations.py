"""The migrations lead to exactly the tables of the models, on both databases."""

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from hub import domain, migrations
from hub.base.errors import Misconfigured, Unavailable
from hub.base.shape import at_head, heads
from hub.migrations.tables import METADATA
from hub.testing.peers.postgres import Postgres, postgres

AGAIN = "the tables changed: run `python -m tests.base.fresh_migration`, or after a release add a migration"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def empty(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Callable[[], str]]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path}/hub.sqlite"
    else:
        running = request.getfixturevalue("cluster")
        yield lambda: running.create_database(f"m{tmp_path.name}".replace("-", "_"))


def opened(stack: ExitStack, url: str) -> Engine:
    engine = create_engine(url)
    stack.callback(engine.dispose)
    return engine


def test_migrated_from_empty_equals_the_models(empty: Callable[[], str]) -> None:
    url = empty()
    migrations.upgrade(url)
    with ExitStack() as stack:
        engine = opened(stack, url)
        connection = stack.enter_context(engine.connect())
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == [], AGAIN
        assert at_head(connection)


def test_partial_indexes_keep_their_condition(empty: Callable[[], str]) -> None:
    url = empty()
    migrations.upgrade(url)
    with ExitStack() as stack:
        engine = opened(stack, url)
        found = inspect(engine)
        for table in METADATA.tables.values():
            made = {index["name"]: index for index in found.get_indexes(table.name)}
            for index in table.indexes:
                wanted = index.dialect_options[engine.dialect.name].get("where") is not None
                options = made[index.name].get("dialect_options", {})
                assert (f"{engine.dialect.name}_where" in options) == wanted, (index.name, AGAIN)


def test_an_upgrade_can_be_repeated_and_keeps_rows(empty: Callable[[], str]) -> None:
    url = empty()
    migrations.upgrade(url)
    with ExitStack() as stack:
        engine = opened(stack, url)
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO counters (name, value) VALUES ('x', 7)"))
        migrations.upgrade(url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT value FROM counters")) == 7


def test_a_database_that_was_never_migrated_is_not_at_head(empty: Callable[[], str]) -> None:
    with ExitStack() as stack:
        assert not at_head(stack.enter_context(opened(stack, empty()).connect()))


def test_a_database_of_another_version_is_not_at_head(empty: Callable[[], str]) -> None:
    url = empty()
    migrations.upgrade(url)
    with ExitStack() as stack:
        connection = stack.enter_context(opened(stack, url).connect())
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        assert not at_head(connection)


def test_the_head_read_from_the_files_is_the_one_that_alembic_knows() -> None:
    assert set(heads()) == set(ScriptDirectory(migrations.__path__[0]).get_heads())


def test_every_table_of_the_domain_is_known_to_the_migrations() -> None:
    for module in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
        before = set(METADATA.tables)
        import_module(module.name)
        assert set(METADATA.tables) == before, f"add {module.name} to hub/migrations/tables.py"


@pytest.mark.real
def test_the_sequences_start_where_the_models_say(cluster: Postgres) -> None:
    url = cluster.create_database("sequences")
    migrations.upgrade(url)
    with ExitStack() as stack:
        engine = opened(stack, url)
        with engine.connect() as connection:
            for sequence in METADATA._sequences.values():
                first = connection.scalar(text(f"SELECT nextval('{sequence.name}')"))
                assert first == sequence.start, AGAIN


@pytest.mark.real
def test_a_table_that_is_held_for_long_is_not_waited_for(
    cluster: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = cluster.create_database("held")
    migrations.upgrade(url)
    monkeypatch.setattr(migrations, "BUSY_SECONDS", 1)
    with ExitStack() as stack:
        engine = opened(stack, url)
        holder = stack.enter_context(engine.connect())
        holder.execute(text("COMMENT ON TABLE alembic_version IS 'older'"))
        holder.commit()
        holder.execute(text("SELECT count(*) FROM accounts"))  # until the end of its transaction
        with pytest.raises(Unavailable, match="busy"):
            migrations.upgrade(url)
    migrations.upgrade(url)


@pytest.mark.real
def test_a_login_that_may_not_make_roles_is_told_what_to_ask_for() -> None:
    with postgres() as running:
        url = running.create_database("refused")
        with ExitStack() as stack:
            chief = opened(stack, running.superuser_url())
            with chief.begin() as connection:
                connection.execute(text("ALTER ROLE hub NOCREATEROLE"))
            with pytest.raises(Misconfigured) as refused:
                migrations.upgrade(url)
            sql = str(refused.value).split(": ", 1)[1]
            with chief.begin() as connection:
                connection.execute(text(sql))
            migrations.upgrade(url)
            assert at_head(stack.enter_context(opened(stack, url).connect()))
