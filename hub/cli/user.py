"""`hub user`: the first people of a hub, and a password that was forgotten, without the pages."""

import secrets

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base.errors import Invalid
from hub.base.text import LANGUAGES
from hub.cli.door import OPERATOR, opened
from hub.domain import accounts, people
from hub.domain.accounts import Account, MemberRole
from hub.domain.people import Person, StaffRole


@click.group()
def user() -> None:
    """Add people who sign in, and give them new passwords."""


@user.command()
@click.argument("name")
@click.option(
    "--email",
    required=True,
    help="Where they get mail (you vouch that it is theirs), and the name they sign in with.",
)
@click.option("--login", help="Another name to sign in with.")
@click.option("--phone", "phones", multiple=True, help="A telephone number; may be repeated.")
@click.option(
    "--staff",
    "staff_roles",
    multiple=True,
    type=click.Choice([str(role) for role in StaffRole]),
    help="One of us.",
)
@click.option("--account", "slug", help="A customer's person: the account's short name in addresses.")
@click.option(
    "--role",
    "member_roles",
    multiple=True,
    type=click.Choice([str(role) for role in MemberRole]),
    help="In --account.",
)
@click.option("--language", default="en", type=click.Choice(LANGUAGES), show_default=True)
@click.option("--zone", default="UTC", show_default=True, help="Time zone, like Europe/Berlin.")
@click.option("--generate", is_flag=True, help="Make a password and print it once, instead of asking.")
def add(
    name: str,
    email: str,
    login: str | None,
    phones: tuple[str, ...],
    staff_roles: tuple[str, ...],
    slug: str | None,
    member_roles: tuple[str, ...],
    language: str,
    zone: str,
    generate: bool,
) -> None:
    """Add somebody who signs in: one of us (--staff ROLE) or a customer (--account SLUG --role ROLE)."""
    _one_side(staff_roles, slug, member_roles)
    password = secrets.token_urlsafe(12) if generate else _ask()
    with opened() as hub, hub.db.write() as session:
        person = people.add_person(
            session, OPERATOR, name, language=language, zone=zone, emails=[email], phones=phones
        )
        for point in people.points_of(session, person.id):
            # Customers are told over verified addresses only; whoever may run commands vouches for this one.
            people.verify(session, OPERATOR, point)
        for role in staff_roles:
            people.grant_role(session, OPERATOR, person, role)
        if slug is not None:
            _join(session, person, slug, member_roles)
        people.set_password(session, OPERATOR, person, login or email, password)
    click.echo(f"{name} can sign in as {login or email}.")
    if generate:
        click.echo(f"Password, shown only now: {password}")


@user.command("password")
@click.argument("login")
@click.option("--generate", is_flag=True, help="Make a password and print it once, instead of asking.")
def new_password(login: str, generate: bool) -> None:
    """Give whoever signs in as LOGIN a new password; they are signed out everywhere."""
    with opened() as hub:
        with hub.db.read() as session:
            _signs_in(session, login)
        password = secrets.token_urlsafe(12) if generate else _ask()
        with hub.db.write() as session:
            person = _signs_in(session, login)
            people.set_password(session, OPERATOR, person, login, password)
            name = person.name
    click.echo(f"{name} signs in as {login} with the new password, and is signed out everywhere.")
    if generate:
        click.echo(f"Password, shown only now: {password}")


def _signs_in(session: Session, login: str) -> Person:
    person = people.find_by_login(session, login)
    if person is None:
        admins = (people.login_of(session, each) for each in people.staff(session, StaffRole.ADMIN))
        known = ", ".join(sorted(filter(None, admins)))
        raise Invalid(f"Nobody signs in as {login!r}. Administrators sign in as: {known or 'none yet'}.")
    if person.disabled_at is not None:
        raise Invalid(f"{person.name} is disabled; an administrator has to enable them first.")
    return person


def _one_side(staff_roles: tuple[str, ...], slug: str | None, member_roles: tuple[str, ...]) -> None:
    if bool(staff_roles) == bool(slug):
        raise Invalid("Say either --staff ROLE for one of us, or --account SLUG --role ROLE for a customer.")
    if bool(slug) != bool(member_roles):
        raise Invalid(f"--account needs at least one --role: {', '.join(MemberRole)}.")


def _ask() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _join(session: Session, person: Person, slug: str, roles: tuple[str, ...]) -> None:
    account = session.scalars(select(Account).where(Account.slug == slug)).first()
    if account is None:
        known = ", ".join(session.scalars(select(Account.slug).order_by(Account.slug).limit(20)))
        raise Invalid(f"There is no account {slug!r}. Accounts: {known or 'none yet'}.")
    accounts.add_member(session, OPERATOR, account, person, roles)
