"""Which rule guards which table, written down a second time: nobody opens a table by a slip."""

import pytest
from sqlalchemy import Table

from hub.migrations.security import OPEN, RULES
from hub.migrations.tables import METADATA

CLASSES = {
    "account": "account_heads assignments case_watchers duties duty_marks form_keys services sites",
    "account_self": "accounts",
    "audience": "attachments entries identifiers",
    "membership": "memberships",
    "shared": "cases",
    "staff_only": "alerts directory_records duty_reasons quarantine signals",
    "staff_or_insert": "deliveries link_updates links notices work_orders",
    OPEN: "absences audit_lines connection_states connections contact_points counters health_events"
    " hub_settings identities people rate_windows seen_mails staff_roles teams web_sessions",
}
"""What customers may see of an account is `account`, `audience` (their own lines alone) or `shared`."""


def test_every_table_has_the_rule_that_was_thought_out_for_it() -> None:
    expected = {name: rule for rule, names in CLASSES.items() for name in names.split()}
    assert {name: table.info["rls"] for name, table in METADATA.tables.items()} == expected
    assert set(CLASSES) == {*RULES, OPEN}


@pytest.mark.parametrize(
    "table", [t for t in METADATA.sorted_tables if "audience" in t.c], ids=lambda table: table.name
)
def test_what_says_whom_it_is_for_is_guarded_by_that(table: Table) -> None:
    assert table.info["rls"] == "audience"
