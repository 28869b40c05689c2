"""The stand-ins of the demo: what they send is what the real ones send."""

import asyncio
import email
import email.policy
import queue
import random
import smtplib
import stat
import threading
import tomllib
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import orjson
import pytest

from hub.config import CONFIG, load
from hub.demo.correspondents import Correspondents, Habit
from hub.demo.folder import Folder
from hub.demo.mailserver import MailServer
from hub.demo.monitoring import FAULTS, Monitoring, webhook
from hub.plugin.contracts import Incoming
from hub.testing.fixtures import MovingClock
from plugins.monitoring.alertmanager import Alertmanager, AlertmanagerSettings


def incoming(body: bytes, clock: MovingClock) -> Incoming:
    return Incoming("POST", "/in/alertmanager", {}, "", body, clock.now)


def test_the_connector_reads_what_played_monitoring_posts(moving_clock: MovingClock):
    settings, connector = AlertmanagerSettings(identifiers=["circuit"]), Alertmanager()
    begun = moving_clock.now
    firing = connector.parse(settings, incoming(orjson.dumps(webhook(FAULTS[0], begun, None)), moving_clock))
    ended = begun + timedelta(minutes=2)
    clear = connector.parse(settings, incoming(orjson.dumps(webhook(FAULTS[0], begun, ended)), moving_clock))
    assert [signal.state for signal in (*firing.signals, *clear.signals)] == ["firing", "clear"]
    assert firing.signals[0].natural_key == clear.signals[0].natural_key
    assert firing.signals[0].identifiers == (("circuit", "CIR-4711"),)


def test_faults_begin_and_end_by_themselves(moving_clock: MovingClock):
    posted: list[dict] = []
    monitoring = Monitoring(posted.append, chance=random.Random(7))
    for _ in range(60):
        monitoring.step()
        moving_clock.forward(timedelta(seconds=20))
    statuses = [body["status"] for body in posted]
    assert statuses.count("resolved") > 3
    assert statuses.count("firing") > statuses.count("resolved")
    running = statuses.count("firing")
    monitoring.end_all()
    assert [body["status"] for body in posted[len(statuses) :]] == ["resolved"] * (
        len(posted) - len(statuses)
    )
    assert running


def mail(to: str, reply_to: str = "demo+token@demo.invalid") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Reply-To"] = "hub@demo.invalid", to, reply_to
    message["Subject"], message["Message-ID"] = "NORD-10001", "<one@demo.invalid>"
    message.set_content("Please look.")
    return message.as_bytes()


def test_people_answer_a_thread_once_when_the_time_has_come(moving_clock: MovingClock):
    delivered: list[bytes] = []
    people = Correspondents(
        {"fibre@elbe.example": Habit(((20, "We have it."), (75, "Done.")))}, delivered.append
    )
    people.got(mail("fibre@elbe.example"), ["fibre@elbe.example"])
    people.got(mail("fibre@elbe.example"), ["fibre@elbe.example"])
    people.got(mail("kim@elbe.example"), ["kim@elbe.example"])
    people.got(mail("fibre@elbe.example", ""), ["fibre@elbe.example"])
    people.step()
    assert delivered == []
    for _ in range(10):
        moving_clock.forward(timedelta(seconds=15))
        people.step()
    answers = [email.message_from_bytes(raw, policy=email.policy.default) for raw in delivered]
    assert [answer.get_content().strip() for answer in answers] == ["We have it.", "Done."]
    assert answers[0]["To"] == "demo+token@demo.invalid"
    assert answers[0]["In-Reply-To"] == "<one@demo.invalid>"
    assert answers[0]["Message-ID"] != answers[1]["Message-ID"]


@pytest.fixture
def mailserver(tmp_path: Path):
    """A running mail server: its port, its folder and whom it got mail for."""
    got: list[list[str]] = []
    port: queue.Queue[int] = queue.Queue()
    stop: queue.Queue[Callable[[], None]] = queue.Queue()

    async def serve() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.put(lambda: loop.call_soon_threadsafe(over.set))
        mails = MailServer(tmp_path, lambda line: None, lambda raw, to: got.append(to))
        async with await mails.start(0) as server:
            port.put(server.sockets[0].getsockname()[1])
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    yield port.get(timeout=10), tmp_path, got
    stop.get(timeout=10)()
    thread.join()


def test_the_mail_server_keeps_a_mail_as_it_was_sent(mailserver):
    port, folder, got = mailserver
    text = "first\n.leading dot\nlast \u00e4\u00f6\u00fc\n"
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Gr\u00fc\u00dfe", "a@demo.invalid", "b@demo.invalid"
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", port, "localhost", timeout=10) as client:
        client.send_message(message, to_addrs=["b@demo.invalid", "c@demo.invalid"])
        client.send_message(message, to_addrs=["d@demo.invalid"])
    kept = sorted(folder.glob("*.eml"))
    assert len(kept) == 2
    read = email.message_from_bytes(kept[0].read_bytes(), policy=email.policy.default)
    assert read.get_content().splitlines() == text.splitlines()
    assert read["Subject"] == "Gr\u00fc\u00dfe"
    assert got == [["b@demo.invalid", "c@demo.invalid"], ["d@demo.invalid"]]


def test_the_folder_is_private_and_an_ordinary_configuration(tmp_path: Path):
    folder = Folder(tmp_path / "demo")
    with folder.held():
        folder.prepare(8123)
        key = tomllib.loads(folder.config.read_text())["secret_key"]
        folder.prepare(8124)
    assert stat.S_IMODE(folder.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    settings = load({}, folder.config)
    assert (settings.port, settings.secret_key) == (8124, key)


def test_the_demo_never_uses_a_database_of_the_environment(tmp_path: Path):
    folder = Folder(tmp_path / "demo")
    with folder.held():
        folder.prepare(8123)
    environ = {"HUB_DATABASE_URL": "postgresql+psycopg://real/one", "HUB_HOST": "0.0.0.0", "PATH": "/bin"}
    folder.adopt(environ)
    assert environ == {"PATH": "/bin", CONFIG: str(folder.config)}
    assert load(environ).database_url.endswith("demo/hub.sqlite")
    assert load(environ).host == "127.0.0.1"
