"""Roles and row-level security on PostgreSQL: the database itself lets a page see only what is its viewer's.

`hub_web` works under the policies below, `hub_system` (ingest, workers, commands) and the owner of the tables
under permissive ones, because an ordinary login cannot make a role that bypasses them. Everything is made
anew from the tables' `info["rls"]` whenever it would come out differently.
"""

import hashlib
from collections.abc import Callable, Iterator

from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.schema import Sequence

from hub.base.errors import Misconfigured
from hub.migrations.tables import METADATA

WEB, SYSTEM = "hub_web", "hub_system"
OPEN = "open"

_PERSON = "(SELECT NULLIF(current_setting('hub.person', true), '')::uuid)"


def _ids(name: str) -> str:
    given = f"NULLIF(current_setting('hub.{name}', true), '')::uuid[]"
    return f"((SELECT COALESCE({given}, '{{}}'::uuid[]))::uuid[])"


def _lens(staff: str, customer: str) -> str:
    """What must hold in each lens; nothing does in any other.

    A setting in a subselect of its own is read once a statement instead of once a row. One CASE, because
    the planner takes it for half of the rows: `lens = 'staff' AND ...` for a few, so that it would rather
    read and sort a whole timeline than walk the newest entries.
    """
    setting = "(SELECT current_setting('hub.lens', true))"
    return f"CASE {setting} WHEN 'staff' THEN {staff} WHEN 'customer' THEN {customer} ELSE false END"


def _staff(column: str) -> str:
    return f"{column} <> ALL {_ids('hidden')}"


def _customer(column: str) -> str:
    return f"{column} = ANY {_ids('accounts')}"


def _both(column: str) -> str:
    return _lens(_staff(column), _customer(column))


Rules = tuple[str, str, str]
"""What may be read, what a new row must fulfil, and what may be changed or removed."""


def _account(table: Table) -> Rules:
    return (_both("account_id"),) * 3


def _account_self(table: Table) -> Rules:
    change = _lens(_staff("id"), "false")
    return _both("id"), change, change


def _audience(table: Table) -> Rules:
    # A customer's transaction writes staff rows too (who is told of their report), so a new row is asked
    # for its account alone.
    read = _lens(_staff("account_id"), f"{_customer('account_id')} AND audience = 'customer'")
    return read, _both("account_id"), read


def _shared(table: Table) -> Rules:
    read = _lens(_staff("account_id"), f"{_customer('account_id')} AND shared_at IS NOT NULL")
    return read, _both("account_id"), read


def _membership(table: Table) -> Rules:
    read = f"({_both('account_id')} OR person_id = {_PERSON})"
    return read, _both("account_id"), _both("account_id")


def _staff_only(table: Table) -> Rules:
    rule = _lens(_staff("account_id") if "account_id" in table.c else "true", "false")
    return rule, rule, rule


def _staff_or_insert(table: Table) -> Rules:
    staff, customer = _staff("account_id"), _customer("account_id")
    if table.c.account_id.nullable:
        staff, customer = f"(account_id IS NULL OR {staff})", f"(account_id IS NULL OR {customer})"
    rule = _lens(staff, "false")
    return rule, _lens(staff, customer), rule


RULES: dict[str, Callable[[Table], Rules]] = {
    "account": _account,
    "account_self": _account_self,
    "audience": _audience,
    "shared": _shared,
    "membership": _membership,
    "staff_only": _staff_only,
    "staff_or_insert": _staff_or_insert,
}

# Laws 1 and 3: nobody deletes an entry; only the system role erases one, and only it writes the ledger.
_EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
_MAY: dict[tuple[str, str], tuple[str, ...]] = {
    ("entries", WEB): ("SELECT", "INSERT"),
    ("entries", SYSTEM): ("SELECT", "INSERT", "UPDATE"),
    ("audit_lines", WEB): ("SELECT", "INSERT"),
    ("audit_lines", SYSTEM): ("SELECT", "INSERT"),
    ("duties", WEB): ("SELECT",),
    ("duty_reasons", WEB): ("SELECT",),
    ("duty_marks", WEB): ("SELECT",),
}


def make_roles(connection: Connection) -> None:
    """Make the two roles where they are missing, and let the login take them."""
    login = str(connection.scalar(text("SELECT current_user")))
    try:
        with connection.begin_nested():
            for role in (WEB, SYSTEM):
                if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :r"), {"r": role}):
                    connection.execute(text(f"CREATE ROLE {role} NOLOGIN"))
                # Only a member may take a role; a superuser always may.
                if not connection.scalar(text("SELECT pg_has_role(current_user, :r, 'MEMBER')"), {"r": role}):
                    connection.execute(text(f"GRANT {role} TO CURRENT_USER"))
    except ProgrammingError as error:
        raise Misconfigured(
            f'The login "{login}" may not make the roles that the hub works in. Let a database administrator '
            f"run this once (a role that exists already needs no CREATE): CREATE ROLE {WEB} NOLOGIN; "
            f'CREATE ROLE {SYSTEM} NOLOGIN; GRANT {WEB}, {SYSTEM} TO "{login}";'
        ) from error


def guard(connection: Connection) -> None:
    """Give the roles their privileges and every table of an account its policies, if anything changed.

    A table without a class is refused: nobody adds one by accident.
    """
    statements = list(_statements(str(connection.scalar(text("SELECT quote_ident(current_user)")))))
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    known = text("SELECT obj_description('alembic_version'::regclass)")
    if connection.scalar(known) == digest:
        return
    old = connection.execute(
        text("SELECT policyname, tablename FROM pg_policies WHERE schemaname = current_schema()")
    )
    drops = [f'DROP POLICY "{policy}" ON "{table}"' for policy, table in old]
    for statement in (*drops, *statements, f"COMMENT ON TABLE alembic_version IS '{digest}'"):
        connection.exec_driver_sql(statement)


def _statements(owner: str) -> Iterator[str]:
    yield f"GRANT SELECT ON alembic_version TO {WEB}, {SYSTEM}"
    for table in METADATA.sorted_tables:
        yield from _privileges(table)
        if table.info["rls"] != OPEN:
            yield from _policies(table, owner)
    for sequence in METADATA._sequences.values():
        yield from _counting(sequence)


def _privileges(table: Table) -> Iterator[str]:
    for role in (WEB, SYSTEM):
        may = _MAY.get((table.name, role), _EVERYTHING)
        yield f"REVOKE ALL ON {table.name} FROM {role}"
        yield f"GRANT {', '.join(may)} ON {table.name} TO {role}"


def _policies(table: Table, owner: str) -> Iterator[str]:
    read, new, change = RULES[table.info["rls"]](table)
    yield f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY"
    name = f"{table.name}_hub"
    yield f"CREATE POLICY {name}_read ON {table.name} FOR SELECT TO {WEB} USING ({read})"
    yield f"CREATE POLICY {name}_new ON {table.name} FOR INSERT TO {WEB} WITH CHECK ({new})"
    yield (
        f"CREATE POLICY {name}_change ON {table.name} FOR UPDATE TO {WEB} USING ({change}) WITH CHECK ({new})"
    )
    yield f"CREATE POLICY {name}_remove ON {table.name} FOR DELETE TO {WEB} USING ({change})"
    yield f"CREATE POLICY {name}_all ON {table.name} TO {SYSTEM}, {owner} USING (true) WITH CHECK (true)"


def _counting(sequence: Sequence) -> Iterator[str]:
    yield f"GRANT USAGE ON SEQUENCE {sequence.name} TO {WEB}, {SYSTEM}"
