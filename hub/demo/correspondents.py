"""Played people who answer their mail: teams that report on work orders, customers who say thanks."""

import email
import email.policy
import email.utils
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage

from hub.base import clock

Deliver = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Habit:
    """What somebody answers, each so many seconds after the mail came."""

    answers: tuple[tuple[int, str], ...]


@dataclass(order=True, slots=True)
class _Planned:
    due: datetime
    mail: bytes = field(compare=False)


@dataclass
class Correspondents:
    """Plans answers when mails come and delivers them when they are due; a thread is answered once."""

    habits: Mapping[str, Habit]
    deliver: Deliver
    _planned: list[_Planned] = field(default_factory=list)
    _answered: set[tuple[str, str]] = field(default_factory=set)

    def got(self, raw: bytes, recipients: list[str]) -> None:
        """A mail arrived; plan the answers of those who answer."""
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        reply_to = email.utils.parseaddr(str(mail.get("Reply-To", "")))[1]
        for recipient in recipients:
            habit = self.habits.get(recipient.lower())
            thread = (recipient.lower(), reply_to)
            # Without a reply address there is nobody to answer.
            if habit is None or not reply_to or thread in self._answered:
                continue
            self._answered.add(thread)
            for seconds, text in habit.answers:
                due = clock.now() + timedelta(seconds=seconds)
                self._planned.append(_Planned(due, _answer(mail, recipient, reply_to, text)))

    def step(self) -> None:
        """Deliver the next answer that is due."""
        due = [planned for planned in self._planned if planned.due <= clock.now()]
        if due:
            first = min(due)
            self._planned.remove(first)
            self.deliver(first.mail)


def _answer(mail: EmailMessage, sender: str, reply_to: str, text: str) -> bytes:
    answer = EmailMessage()
    answer["From"] = sender
    answer["To"] = reply_to
    answer["Subject"] = f"Re: {mail.get('Subject', '')}"
    answer["Date"] = email.utils.format_datetime(clock.now())
    answer["Message-ID"] = email.utils.make_msgid(domain=sender.partition("@")[2])
    if message_id := mail.get("Message-ID"):
        answer["In-Reply-To"] = answer["References"] = str(message_id)
    answer.set_content(text)
    return answer.as_bytes(policy=email.policy.SMTP)
