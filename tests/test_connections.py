"""Connections: secrets sealed, tokens shown once, health, polling leases; quarantine and links."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from hub.base.crypto import Keyring, new_key
from hub.base.errors import Conflict, Invalid, Misconfigured, NotFound
from hub.domain import connections, links, quarantine
from hub.domain.audit import HUB, Actor, AuditLine
from hub.domain.connections import Configured, Connection
from hub.domain.quarantine import QuarantineKind
from hub.flows.runtime import Hub
from hub.plugin.contracts import ExternalRef
from hub.testing.fixtures import MovingClock, counting

SECRET = "1-14-very-secret-indeed"
FORM = {"url": "https://rt.example.net/", "login": "hub", "token": SECRET, "queue": "NOC"}


def add(hub: Hub, name: str = "NOC tickets", **more: Any) -> uuid.UUID:
    values = {**FORM, **more.pop("values", {})}
    with hub.db.write() as session:
        return connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "request_tracker", name, "team", values, **more
        ).id


def configured(hub: Hub, connection_id: uuid.UUID) -> Configured:
    with hub.db.read() as session:
        found = connections.by_id(session, connection_id)
    assert found is not None
    return found


def change(hub: Hub, connection_id: uuid.UUID, **more: Any) -> None:
    with hub.db.write() as session:
        row = session.get_one(Connection, connection_id)
        connections.change_connection(session, HUB, hub.registry, hub.keyring, row, **more)


def settings_of(hub: Hub, connection_id: uuid.UUID, keyring: Keyring | None = None) -> Any:
    return connections.settings_of(hub.registry, keyring or hub.keyring, configured(hub, connection_id))


class TestSecrets:
    def test_a_secret_comes_back_for_calls_and_shows_nowhere(self, hub: Hub) -> None:
        connection_id = add(hub)
        assert settings_of(hub, connection_id).token.get_secret_value() == SECRET
        with hub.db.read() as session:
            row = session.get_one(Connection, connection_id)
            assert SECRET not in repr((row.settings, configured(hub, connection_id)))
            assert SECRET.encode() not in (row.secrets or b"")
            lines = list(session.scalars(select(AuditLine)))
        assert [line.action for line in lines if line.object_kind == "connection"] == ["connection.added"]
        assert SECRET not in repr([(line.sentence, line.data) for line in lines])

    def test_secrets_are_entered_again_after_the_secret_key_was_changed(self, hub: Hub) -> None:
        connection_id, other = add(hub), Keyring(new_key())

        def save(token: str) -> None:
            with hub.db.write() as session:
                row = session.get_one(Connection, connection_id)
                values = {**FORM, "token": token}
                connections.change_connection(session, HUB, hub.registry, other, row, values=values)

        with pytest.raises(Invalid) as refused:
            save("")
        assert list(refused.value.fields) == ["token"]
        save("1-14-entered-again")
        assert settings_of(hub, connection_id, other).token.get_secret_value() == "1-14-entered-again"

    def test_a_sealed_secret_does_not_open_in_another_connection(self, hub: Hub) -> None:
        first, second = add(hub, "First"), add(hub, "Second", values={"token": "another"})
        with hub.db.write() as session:
            stolen = session.get_one(Connection, first).secrets
            session.get_one(Connection, second).secrets = stolen
        with pytest.raises(Misconfigured, match="does not open"):
            settings_of(hub, second)

    def test_another_key_says_what_to_do(self, hub: Hub) -> None:
        with pytest.raises(Misconfigured, match="HUB_SECRET_KEY"):
            settings_of(hub, add(hub), Keyring(new_key()))

    def test_an_empty_secret_keeps_the_stored_one(self, hub: Hub) -> None:
        connection_id = add(hub)
        assert settings_of(hub, connection_id).queue == "NOC"
        change(hub, connection_id, values={**FORM, "token": "", "queue": "Field"})
        changed = settings_of(hub, connection_id)
        assert (changed.queue, changed.token.get_secret_value()) == ("Field", SECRET)
        change(hub, connection_id, values={**FORM, "token": "new-one"})
        assert settings_of(hub, connection_id).token.get_secret_value() == "new-one"

    def test_a_stored_secret_is_not_sent_to_another_address(self, hub: Hub) -> None:
        connection_id = add(hub)
        elsewhere = {**FORM, "token": "", "url": "https://evil.example"}
        with pytest.raises(Invalid) as refused:
            change(hub, connection_id, values=elsewhere)
        assert "enter it again" in refused.value.fields["token"]
        assert settings_of(hub, connection_id).url == "https://rt.example.net"
        change(hub, connection_id, values={**elsewhere, "token": "theirs"})
        assert settings_of(hub, connection_id).token.get_secret_value() == "theirs"

    def test_what_a_form_does_not_mention_stays(self, hub: Hub) -> None:
        connection_id = add(hub)
        change(hub, connection_id, values={"login": "hub2"})
        changed = settings_of(hub, connection_id)
        assert (changed.login, changed.queue) == ("hub2", "NOC")

    def test_settings_are_not_opened_anew_for_every_webhook(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connection_id = add(hub)
        first = settings_of(hub, connection_id)
        monkeypatch.setattr(Keyring, "open", lambda *_: pytest.fail("opened again"))
        assert settings_of(hub, connection_id) is first


class TestAdding:
    def test_a_slug_is_made_of_the_name_and_never_taken_twice(self, hub: Hub) -> None:
        slugs = [configured(hub, add(hub, "NOC Störungen")).slug for _ in range(3)]
        assert slugs == ["noc-storungen", "noc-storungen-2", "noc-storungen-3"]

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"values": {"url": ""}}, "url"),
            ({"values": {"token": ""}}, "token"),
            ({"allowed_networks": ["10.0.0.0/33"]}, "allowed_networks"),
            ({"name": "  "}, "name"),
        ],
    )
    def test_what_is_wrong_is_said_of_the_field(self, hub: Hub, more: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as refused:
            add(hub, **more)
        assert field in refused.value.fields
        assert SECRET not in str(refused.value)

    def test_an_unknown_connector_or_side_is_refused(self, hub: Hub) -> None:
        with hub.db.write() as session:
            for connector, side, field in (("fax", "team", "connector"), ("mail", "moon", "side")):
                with pytest.raises(Invalid) as refused:
                    connections.add_connection(
                        session, HUB, hub.registry, hub.keyring, connector, "X", side, FORM
                    )
                assert field in refused.value.fields or side == "moon"

    def test_changes_are_audited_and_no_change_is_none(self, hub: Hub) -> None:
        connection_id = add(hub)
        change(hub, connection_id, name="Field tickets", enabled=False)
        change(hub, connection_id, name="Field tickets", enabled=False)
        with hub.db.read() as session:
            sentences = list(
                session.scalars(select(AuditLine.sentence).where(AuditLine.action == "connection.changed"))
            )
        assert sentences == ["The connection Field tickets was changed: name, enabled."]


class TestTokens:
    def test_a_token_is_shown_once_and_replaces_the_one_before(self, hub: Hub) -> None:
        connection_id = add(hub)
        tokens = []
        for _ in range(2):
            with hub.db.write() as session:
                row = connections.find(session, "noc-tickets")
                tokens.append(connections.new_token(session, HUB, row))
        now = configured(hub, connection_id)
        assert [connections.token_fits(now, token) for token in tokens] == [False, True]
        with hub.db.read() as session:
            assert tokens[1] not in repr(list(session.execute(text("SELECT * FROM connections"))))

    def test_a_connection_without_a_token_takes_none(self, hub: Hub) -> None:
        now = configured(hub, add(hub))
        assert not connections.token_fits(now, "")
        assert not connections.token_fits(now, "anything")

    def test_an_unknown_slug_is_not_found(self, hub: Hub) -> None:
        with hub.db.read() as session:
            assert connections.by_slug(session, "nothing") is None
            with pytest.raises(NotFound):
                connections.find(session, "nothing")

    def test_a_webhook_reads_its_connection_in_one_statement(self, hub: Hub) -> None:
        add(hub)
        with hub.db.read() as session, counting(hub.db) as statements:
            assert connections.by_slug(session, "noc-tickets") is not None
        assert len([s for s in statements.statements if s.startswith("SELECT connections")]) == 1


class TestHealth:
    def test_only_the_first_of_a_row_of_failures_is_an_event(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        connection_id = add(hub)
        for minute in range(3):
            moving_clock.forward(timedelta(minutes=minute))
            with hub.db.write() as session:
                connections.note_failure(session, connection_id, f"down {minute}")
        assert configured(hub, connection_id).failures == 3
        moving_clock.forward(timedelta(minutes=1))
        with hub.db.write() as session:
            connections.note_ok(session, configured(hub, connection_id))
        with hub.db.read() as session:
            told = [(event.kind, event.sentence) for event in connections.events(session, connection_id)]
            [(_, state)] = connections.listed(session)
        assert told == [("recovered", "It works again."), ("failing", "down 0")]
        assert (state.failures, state.failing_since, state.last_error) == (0, None, None)

    def test_a_busy_webhook_does_not_write_its_health_each_time(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        connection_id = add(hub)
        with hub.db.write() as session:
            connections.note_ok(session, configured(hub, connection_id))
        again = configured(hub, connection_id)
        with hub.db.write() as session, counting(hub.db) as statements:
            connections.note_ok(session, again)
            assert not [s for s in statements.statements if s.startswith("UPDATE")]

    def test_old_events_are_forgotten(self, hub: Hub, moving_clock: MovingClock) -> None:
        connection_id = add(hub)
        with hub.db.write() as session:
            connections.health_event(session, connection_id, "too_large", "A body was too large.")
        moving_clock.forward(timedelta(days=31))
        with hub.db.write() as session:
            connections.prune(session)
            assert connections.events(session, connection_id) == []


class TestPolling:
    def test_a_lease_is_held_by_one_and_runs_out(self, hub: Hub, moving_clock: MovingClock) -> None:
        connection_id = add(hub)

        def claim() -> bool:
            with hub.db.write() as session:
                return connections.claim_poll(session, connection_id, timedelta(minutes=2))

        def due() -> list[uuid.UUID]:
            with hub.db.read() as session:
                return connections.due_polls(session, ["request_tracker"], timedelta(minutes=1))

        assert due() == [connection_id]
        assert (claim(), claim(), due()) == (True, False, [])
        moving_clock.forward(timedelta(minutes=3))
        assert due() == [connection_id]
        assert claim()

    def test_a_cursor_moves_only_from_where_it_was(self, hub: Hub) -> None:
        connection_id = add(hub)
        with hub.db.write() as session:
            assert connections.settle_poll(session, connection_id, None, cursor="1")
            assert not connections.settle_poll(session, connection_id, None, cursor="2")
            assert connections.settle_poll(session, connection_id, "1", cursor="3")
        assert configured(hub, connection_id).cursor == "3"


class TestQuarantine:
    def test_what_is_kept_waits_until_someone_handles_it_once(self, hub: Hub) -> None:
        connection_id = add(hub)
        with hub.db.write() as session:
            first = quarantine.keep(
                session, connection_id, QuarantineKind.ITEM, "No start.", b"{}", subject="a\nb"
            )
            quarantine.keep(session, connection_id, QuarantineKind.MAIL, "Unknown sender.", b"...")
        kim = Actor("staff", "Kim", uuid.uuid4())
        with hub.db.write() as session:
            [waiting] = quarantine.waiting(session, [QuarantineKind.ITEM])
            assert (waiting.id, waiting.subject, waiting.body) == (first, "a b", b"{}")
            quarantine.handle(session, kim, waiting, "A test alert.")
            with pytest.raises(Conflict, match="A test alert"):
                quarantine.handle(session, kim, waiting, "Again.")
            assert quarantine.waiting(session, [QuarantineKind.ITEM]) == []
            line = session.scalar(select(AuditLine).where(AuditLine.object_kind == "quarantine"))
        assert line is not None
        assert (line.actor_name, line.sentence) == ("Kim", "Item in quarantine was handled: A test alert.")

    def test_the_queue_is_paged_by_id(self, hub: Hub) -> None:
        connection_id = add(hub)
        with hub.db.write() as session:
            kept = [
                quarantine.keep(session, connection_id, QuarantineKind.BODY, str(n), b"") for n in range(5)
            ]
        with hub.db.read() as session:
            page = quarantine.waiting(session, [QuarantineKind.BODY], after=kept[1], limit=2)
        assert [row.id for row in page] == kept[2:4]


class TestLinks:
    def test_a_link_is_found_from_both_ends_and_made_once(self, hub: Hub) -> None:
        connection_id, order = add(hub), uuid.uuid4()
        with hub.db.write() as session:
            assert links.link(session, connection_id, ExternalRef("17", "https://rt/17", "5"), "order", order)
            assert not links.link(session, connection_id, ExternalRef("17", "", "9"), "order", order)
            assert links.of_object(session, connection_id, "order", order) == ExternalRef(
                "17", "https://rt/17", "9"
            )
            target = links.of_external(session, connection_id, "17")
            assert target is not None
            assert target.object_id == order

    def test_neither_end_is_linked_twice(self, hub: Hub) -> None:
        connection_id, order = add(hub), uuid.uuid4()
        with hub.db.write() as session:
            links.link(session, connection_id, ExternalRef("17"), "order", order)
            for ref, other in ((ExternalRef("17"), uuid.uuid4()), (ExternalRef("18"), order)):
                with pytest.raises(Conflict):
                    links.link(session, connection_id, ref, "order", other)

    def test_an_update_is_new_once(self, hub: Hub, moving_clock: MovingClock) -> None:
        connection_id = add(hub)
        with hub.db.write() as session:
            assert links.note_update(session, connection_id, "17", "40", "theirs")
            assert not links.note_update(session, connection_id, "17", "40", "theirs")
            assert links.note_update(session, connection_id, "18", "40", "theirs")
            assert links.seen(session, connection_id, "17", ["40", "41"]) == {"40"}

    def test_our_words_are_known_by_their_content_and_their_delivery(self, hub: Hub) -> None:
        connection_id, delivery, other = add(hub), uuid.uuid4(), uuid.uuid4()
        with hub.db.write() as session:
            links.note_ours(session, connection_id, "17", delivery, "hash")
            links.note_ours(session, connection_id, "17", other, None)
            wrote = [
                links.we_wrote(session, connection_id, *asked)
                for asked in (
                    ("17", "hash"),
                    ("17", "hash", uuid.uuid4()),
                    ("17", "else", delivery),
                    ("17", "else", other),
                    ("18", "hash"),
                    ("17", None),
                )
            ]
        assert wrote == [True, True, False, True, False, False]


def test_the_status_map_of_a_connection_goes_over_the_connectors(hub: Hub) -> None:
    connection_id = add(hub, status_map={"Parked": "question", "open": "accepted"})
    connector = hub.registry.connector("request_tracker")
    assert connector is not None
    connection = configured(hub, connection_id)
    words = [connections.state_word(connector, connection, word) for word in ("parked", "OPEN", "new", "odd")]
    assert words == ["question", "accepted", "placed", None]


def test_an_operators_networks_and_the_connections_own_are_both_allowed(hub: Hub) -> None:
    connection_id = add(hub, allowed_networks=["10.1.0.0/16"], values={"ca_file": "/etc/ca.pem"})
    settings = settings_of(hub, connection_id)
    options = connections.options_of(configured(hub, connection_id), settings, ["192.0.2.0/24"])
    assert [str(network) for network in options.networks] == ["192.0.2.0/24", "10.1.0.0/16"]
    assert (options.ca_file, options.takes_ca_file) == ("/etc/ca.pem", True)
