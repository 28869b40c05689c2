"""Work orders by mail: a clear message, the same each time."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from hub.base import clock
from hub.plugin.contracts import Ctx, Deadline
from hub.testing.conformance import ITEM, ProviderConformance
from plugins.providers.mail_order import MailOrder, MailOrderSettings


class TestMailOrderConformance(ProviderConformance):
    connector = MailOrder()
    speaks = "nothing"

    def settings(self, host: str, port: int) -> MailOrderSettings:
        return MailOrderSettings(address="field@team.example")


def place(item=ITEM, **settings):
    given = MailOrderSettings(address="field@team.example", **settings)
    ctx = Ctx(given, None, None, clock.now(), Deadline(1), {})
    return MailOrder().place(ctx, item).message


def test_the_message_says_what_where_how_urgent_and_by_when():
    due = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    message = place(replace(ITEM, due_at=due), zone="Europe/Berlin")
    assert message.to == ("field@team.example",)
    assert message.subject == f"[WO-311] {ITEM.title}"
    assert message.reply_kind == "work_order"
    for part in (ITEM.text, "WO-311", "high", "CIR-4711", "FRA1", "2026-03-02 15:30 CET"):
        assert part in message.text


def test_what_is_not_known_is_not_mentioned():
    text = place(replace(ITEM, service="", site="")).text
    assert not any(word in text for word in ("Service:", "Site:", "Due by:"))


def test_a_title_over_several_lines_stays_one_subject():
    message = place(replace(ITEM, title="Check\r\nBcc: everyone@team.example" + "x" * 600))
    assert "\n" not in message.subject
    assert len(message.subject) <= 200


@pytest.mark.parametrize("bad", [{"address": "nobody"}, {"address": "a@b.example", "zone": "Mars/Base"}])
def test_settings_that_cannot_work_are_refused(bad):
    with pytest.raises(ValidationError):
        MailOrderSettings(**bad)
