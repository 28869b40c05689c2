"""The commands of an operator: what they do, what they refuse, and what `hub check` says."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from hub.base.crypto import Keyring
from hub.cli import COMMANDS, main
from hub.config import Settings
from hub.domain import accounts, connections, coverage, people, sessions
from hub.domain.audit import Actor, AuditLine
from hub.domain.people import StaffRole
from hub.flows.runtime import Hub
from hub.plugin.settings import form_values

ADMIN = Actor("staff", "Rita Okafor")
Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs `hub ...` on the test's database, as an operator would."""

    def call(*arguments: str, **environ: str) -> Result:
        own = {"HUB_DATABASE_URL": settings.database_url, "HUB_SECRET_KEY": settings.secret_key}
        return CliRunner().invoke(main, list(arguments), env={**own, **environ}, catch_exceptions=False)

    return call


def test_every_command_is_listed_and_loads(run: Run):
    listed = run("--help").output
    for name, text in COMMANDS.items():
        assert f"  {name}" in listed
        assert text.split(".")[0] in listed.replace("\n", " ")
        assert run(name, "--help").exit_code == 0


def test_a_command_imports_only_what_it_needs():
    code = "import sys; from hub.cli import main; main(['key'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"granian", "sqlalchemy", "flask", "alembic", "hub.app"} & set(done.stdout.split())


def test_a_fresh_key_is_a_good_key(run: Run):
    first, second = run("key").output.strip(), run("key").output.strip()
    assert first != second
    Keyring(first)


def test_a_bad_setting_ends_every_command_with_its_name(run: Run):
    done = run("check", HUB_PORT="eighty")
    assert (done.exit_code, "HUB_PORT" in done.output) == (1, True)
    done = run("user", "add", "Kim", "--email", "k@x.example", "--staff", "admin", "--generate", HUB_PORT="x")
    assert (done.exit_code, "Error: HUB_PORT" in done.output) == (78, True)


def test_the_database_is_upgraded_once(run: Run, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'fresh.sqlite'}"
    assert "-> Run `hub db upgrade`" in run("check", HUB_DATABASE_URL=url).output
    assert "fits this version now" in run("db", "upgrade", HUB_DATABASE_URL=url).output
    assert "up to date" in run("db", "upgrade", HUB_DATABASE_URL=url).output
    assert "hub db upgrade" not in run("check", HUB_DATABASE_URL=url).output


def test_a_first_admin_signs_in_with_the_password_printed_once(run: Run, hub: Hub):
    done = run("user", "add", "Rita Okafor", "--email", "rita@elbe.example", "--staff", "admin", "--generate")
    assert done.exit_code == 0
    password = done.output.rpartition("only now: ")[2].strip()
    with hub.db.read() as session:
        person = people.check_password(session, "rita@elbe.example", password)
        assert person is not None
        assert people.roles_of(session, person.id) == {StaffRole.ADMIN}
        assert people.addresses_of(session, person.id) == ["rita@elbe.example"]


def test_a_password_is_asked_for_twice(run: Run, settings: Settings, hub: Hub):
    own = {"HUB_DATABASE_URL": settings.database_url, "HUB_SECRET_KEY": settings.secret_key}
    arguments = ["user", "add", "Kim Brandt", "--email", "kim@elbe.example", "--staff", "contact"]
    done = CliRunner().invoke(main, arguments, input="long enough\nlong enough\n", env=own)
    assert done.exit_code == 0
    assert "long enough" not in done.output
    with hub.db.read() as session:
        assert people.check_password(session, "kim@elbe.example", "long enough") is not None


def test_a_forgotten_password_is_replaced_and_old_sessions_end(run: Run, settings: Settings, hub: Hub):
    run("user", "add", "Rita Okafor", "--email", "rita@elbe.example", "--staff", "admin", "--generate")
    with hub.db.write() as session:
        rita = people.find_by_login(session, "rita@elbe.example")
        assert rita is not None
        token = sessions.start(session, rita.id, "local", timedelta(hours=1), "a browser")
    own = {"HUB_DATABASE_URL": settings.database_url, "HUB_SECRET_KEY": settings.secret_key}
    asked = ["user", "password", "Rita@elbe.example"]
    done = CliRunner().invoke(main, asked, input="not forgotten\nnot forgotten\n", env=own)
    assert (done.exit_code, "not forgotten" in done.output) == (0, False)
    with hub.db.read() as session:
        assert people.check_password(session, "rita@elbe.example", "not forgotten") is not None
        assert sessions.find(session, token) is None
        last = session.scalars(select(AuditLine).order_by(AuditLine.id.desc()).limit(1)).one()
        assert (last.actor_name, last.sentence) == (
            "Operator (command line)",
            "Rita Okafor signs in as rita@elbe.example with a new password.",
        )
    made = (
        run("user", "password", "rita@elbe.example", "--generate").output.rpartition("only now: ")[2].strip()
    )
    with hub.db.read() as session:
        assert people.check_password(session, "rita@elbe.example", made) is not None


def test_a_password_needs_somebody_who_may_sign_in(run: Run, hub: Hub):
    for name, role in (("rita", "admin"), ("kim", "contact")):
        email = f"{name}@elbe.example"
        run("user", "add", name.title(), "--email", email, "--staff", role, "--generate")
    unknown = run("user", "password", "root", "--generate")
    assert unknown.exit_code == 1
    assert "Nobody signs in as 'root'. Administrators sign in as: rita@elbe.example." in unknown.output
    with hub.db.write() as session:
        kim = people.find_by_login(session, "kim@elbe.example")
        assert kim is not None
        coverage.disable(session, ADMIN, kim)
    disabled = run("user", "password", "kim@elbe.example", "--generate")
    assert (disabled.exit_code, "Kim is disabled" in disabled.output) == (1, True)


def test_a_customer_joins_an_account(run: Run, hub: Hub):
    with hub.db.write() as session:
        people.grant_role(session, ADMIN, people.add_person(session, ADMIN, "Rita Okafor"), "admin")
        account = accounts.add_account(session, ADMIN, "Nordwind Logistik", prefix="NORD", slug="nordwind")
    arguments = ("user", "add", "Elke Petersen", "--email", "elke@nordwind.example", "--generate")
    done = run(*arguments, "--account", "nordwind", "--role", "requester", "--role", "portal_admin")
    assert done.exit_code == 0
    with hub.db.read() as session:
        ((member, person),) = accounts.members_of(session, account.id)
        assert (person.name, set(member.roles)) == ("Elke Petersen", {"requester", "portal_admin"})
    done = run(*arguments[:-1], "--generate", "--account", "norwind", "--role", "requester")
    assert (done.exit_code, "Accounts: nordwind" in done.output) == (1, True)


@pytest.mark.parametrize(
    "sides",
    [(), ("--staff", "admin", "--account", "nordwind", "--role", "viewer"), ("--account", "nordwind")],
    ids=["neither", "both", "no role"],
)
def test_a_person_is_of_one_side(run: Run, sides: tuple[str, ...]):
    done = run("user", "add", "Kim", "--email", "kim@elbe.example", "--generate", *sides)
    assert done.exit_code == 1
    assert "Error: " in done.output


def test_plugins_and_connections_are_listed(run: Run):
    done = run("plugin", "list", HUB_BLOCKED_PLUGINS="mail_order")
    assert "alertmanager" in done.output
    assert "mail_order           blocked" in done.output
    assert "No connections yet" in run("connection", "list").output


def test_check_names_blocked_plugins_that_are_not_there(run: Run):
    done = run("check", HUB_BLOCKED_PLUGINS="mail_order,nope")
    assert "HUB_BLOCKED_PLUGINS names nope, but no such plugin is installed." in done.output
    assert "names mail_order" not in done.output


def test_a_directory_is_imported_after_a_dry_run(run: Run, hub: Hub, tmp_path: Path):
    (tmp_path / "accounts.csv").write_text("id,name,prefix\n1,Nordwind Logistik,NORD\n2,,HUD\n")
    done = run("directory", "import", "--folder", str(tmp_path), "--dry-run")
    assert "nothing was changed: 1 added" in done.output
    with hub.db.read() as session:
        assert session.scalars(select(accounts.Account)).all() == []
    done = run("directory", "import", "--folder", str(tmp_path))
    assert (done.exit_code, "line 3" in done.output) == (1, True)
    with hub.db.read() as session:
        assert [account.name for account in session.scalars(select(accounts.Account))] == [
            "Nordwind Logistik"
        ]
    (tmp_path / "accounts.csv").write_text("id,name,prefix\n1,Nordwind Logistik AG,NORD\n")
    assert "1 changed" in run("directory", "import", "directory").output
    assert "either" in run("directory", "import").output


def test_a_mail_on_standard_input_is_kept_or_refused_for_now(settings: Settings, hub: Hub):
    own = {"HUB_DATABASE_URL": settings.database_url, "HUB_SECRET_KEY": settings.secret_key}
    mail = b"From: a@x.example\r\nTo: hub@hub.example\r\nSubject: Hello\r\n\r\nHello\r\n"
    done = CliRunner().invoke(main, ["mail", "deliver"], input=mail, env=own)
    assert (done.exit_code, "Error: " in done.output) == (75, True)
    with hub.db.write() as session:
        connector = hub.registry.connector("mail")
        assert connector is not None
        form = form_values(connector.settings_model, {"smtp_host": "mail.example"})
        connections.add_connection(session, ADMIN, hub.registry, hub.keyring, "mail", "Mail", "own", form)
    done = CliRunner().invoke(main, ["mail", "deliver"], input=mail, env=own)
    assert (done.exit_code, done.output) == (0, "The mail is parked.\n")
    assert CliRunner().invoke(main, ["mail", "deliver"], input=mail, env=own).output == "The mail is known.\n"


def test_check_says_what_to_do(run: Run, hub: Hub):
    done = run("check", HUB_SECRET_KEY="")
    assert (done.exit_code, "-> Run `hub key`" in done.output) == (1, True)
    done = run("check", HUB_DATABSE_URL="x")
    assert "Did you mean HUB_DATABASE_URL?" in done.output
    assert "There is no mail channel" in done.output
    assert "Nobody answers when nobody else does." in done.output
    assert "2 errors" in done.output
    assert done.exit_code == 1


def test_check_agrees_with_the_guide_on_who_answers_until_somebody_is_chosen(run: Run, hub: Hub):
    with hub.db.write() as session:
        rita = people.add_person(session, ADMIN, "Rita Okafor")
        people.grant_role(session, ADMIN, rita, "admin")
    output = run("check").output
    assert "warning  No last resort is chosen: until then the first admin answers, Rita Okafor." in output
    assert "(/admin)" in output
    assert "1 error," in output


def test_check_asks_for_the_proxies_of_a_hub_that_is_reached_from_elsewhere(run: Run, hub: Hub):
    assert "HUB_TRUSTED_PROXIES" not in run("check").output
    for address in ("https://hub.example.net", "http://hub.example.net"):
        assert "HUB_TRUSTED_PROXIES is not set" in run("check", HUB_BASE_URL=address).output
    declared = run("check", HUB_BASE_URL="https://hub.example.net", HUB_TRUSTED_PROXIES="1")
    assert "HUB_TRUSTED_PROXIES" not in declared.output


def test_serving_with_a_bad_key_fails_at_once_with_one_message(run: Run):
    for key in ("", "short"):
        done = run("serve", HUB_SECRET_KEY=key)
        assert done.exit_code == 78
        assert done.output.count("The secret key must be") == 1
        assert "listening" not in done.output


def test_check_of_a_database_that_is_not_there(run: Run):
    refused = run("check", HUB_DATABASE_URL="postgresql+psycopg://hub:hunter2@127.0.0.1:1/hub")
    assert (refused.exit_code, "The database cannot be used" in refused.output) == (1, True)
    assert "hunter2" not in refused.output


def test_check_finds_accounts_without_a_contact(run: Run, hub: Hub):
    with hub.db.write() as session:
        rita = people.add_person(session, ADMIN, "Rita Okafor")
        people.grant_role(session, ADMIN, rita, "admin")
        coverage.set_last_resort(session, ADMIN, rita.id)
        accounts.add_account(session, ADMIN, "Nordwind Logistik", prefix="NORD")
        other = accounts.add_account(session, ADMIN, "Hudson Health", prefix="HUD")
        coverage.assign(session, ADMIN, other.id, "named", rita.id)
    output = run("check").output
    assert "Nobody is assigned to Nordwind Logistik." in output
    assert "No last resort" not in output
