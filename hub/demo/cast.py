"""Who and what the demo is about: three customers in three time zones, not all of it about machines."""

from dataclasses import dataclass, field

PASSWORD = "contact-hub-demo"  # noqa: S105 (printed at every start; the demo listens on loopback only)
OFFICE = ({"days": [0, 1, 2, 3, 4], "from": "08:00", "until": "18:00"},)


@dataclass(frozen=True, slots=True)
class Human:
    """Somebody with a sign-in; `roles` are staff roles for ours and membership roles for theirs."""

    name: str
    login: str
    roles: tuple[str, ...]
    zone: str
    phone: str = ""

    @property
    def email(self) -> str:
        """The address of their mailbox in the demo."""
        return self.login


@dataclass(frozen=True, slots=True)
class Thing:
    """A service with the (kind, value) by which signals find it."""

    kind: str
    name: str
    site: str
    identifiers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Customer:
    """An account with all that belongs to it. `named`, `deputy` and `beyond` are logins of ours."""

    name: str
    slug: str
    prefix: str
    zone: str
    sites: tuple[tuple[str, str, str], ...]
    things: tuple[Thing, ...]
    people: tuple[Human, ...]
    named: str
    deputy: str
    beyond: str
    share_after_minutes: int | None = None
    functions: tuple[tuple[str, str], ...] = field(default=())


STAFF = (
    Human("Kim Brandt", "kim@elbe.example", ("contact",), "Europe/Berlin", "+49 40 5550 101"),
    Human("Maya Cohen", "maya@elbe.example", ("contact",), "America/New_York", "+1 212 555 0102"),
    Human("Tan Wei Ling", "weiling@elbe.example", ("contact",), "Asia/Singapore", "+65 5550 0103"),
    Human("Jonas Weber", "jonas@elbe.example", ("lead", "contact"), "Europe/Berlin", "+49 40 5550 104"),
    Human("Rita Okafor", "rita@elbe.example", ("admin", "lead"), "Europe/London", "+44 20 5550 105"),
)
LAST_RESORT = "jonas@elbe.example"

CUSTOMERS = (
    Customer(
        "Nordwind Logistik AG",
        "nordwind",
        "NORD",
        "Europe/Berlin",
        (
            ("Hamburg", "Am Sandtorkai 1, 20457 Hamburg", "Europe/Berlin"),
            ("Bremen", "Überseestadt 4, 28217 Bremen", "Europe/Berlin"),
        ),
        (
            Thing("circuit", "Line Hamburg to Bremen", "Hamburg", (("circuit", "CIR-4711"),)),
            Thing("circuit", "Backup line Hamburg to Bremen", "Hamburg", (("circuit", "CIR-4712"),)),
            Thing("transit", "Internet transit Hamburg", "Hamburg", (("circuit", "CIR-4800"),)),
        ),
        (
            Human("Elke Petersen", "elke@nordwind.example", ("portal_admin", "requester"), "Europe/Berlin"),
            Human("Dirk Voss", "dirk@nordwind.example", ("technical", "requester"), "Europe/Berlin"),
        ),
        "kim@elbe.example",
        "jonas@elbe.example",
        "rita@elbe.example",
        share_after_minutes=1,
        functions=(("Nordwind NOC", "noc@nordwind.example"),),
    ),
    Customer(
        "Hudson Health Partners",
        "hudson",
        "HUD",
        "America/New_York",
        (("Manhattan", "450 W 33rd St, New York, NY", "America/New_York"),),
        (
            Thing("rack", "Rack 7 in NYC2", "Manhattan", (("rack", "NYC2-R07"),)),
            Thing("telephony", "Hosted telephony, 220 seats", "Manhattan", (("host", "pbx-hudson"),)),
        ),
        (Human("Daniel Price", "daniel@hudson.example", ("portal_admin", "requester"), "America/New_York"),),
        "maya@elbe.example",
        "kim@elbe.example",
        "jonas@elbe.example",
    ),
    Customer(
        "Merlion Foods",
        "merlion",
        "MERL",
        "Asia/Singapore",
        (
            ("Tuas cold store", "12 Tuas South Ave, Singapore", "Asia/Singapore"),
            ("Head office", "1 Raffles Place, Singapore", "Asia/Singapore"),
        ),
        (
            Thing("cold store", "Cold store, hall B", "Tuas cold store", (("sensor", "TUAS-B-TEMP"),)),
            Thing("access", "Doors and badges", "Head office", (("door", "HQ-LOBBY"),)),
            Thing("people desk", "Onboarding of new staff", "Head office", ()),
        ),
        (Human("Grace Lim", "grace@merlion.example", ("portal_admin", "requester"), "Asia/Singapore"),),
        "weiling@elbe.example",
        "kim@elbe.example",
        "jonas@elbe.example",
        share_after_minutes=2,
    ),
)


@dataclass(frozen=True, slots=True)
class Crew:
    """A provider team or supplier that answers work orders after so many seconds.

    One with a `queue` works in the ticket tool, where `hand` is who writes; the others get mails.
    """

    name: str
    kind: str
    email: str
    zone: str
    answers: tuple[tuple[int, str], ...]
    queue: str = ""
    hand: str = ""


TEAMS = (
    Crew(
        "Fibre team",
        "internal",
        "fibre@elbe.example",
        "Europe/Berlin",
        (
            (20, "We have it. A splice crew leaves Bremen now."),
            (75, "Break found at km 14.2, excavator damage. The splice is done, levels are good."),
        ),
        queue="Fibre",
        hand="d.krause",
    ),
    Crew(
        "Data centre hands NYC2",
        "internal",
        "hands@elbe.example",
        "America/New_York",
        (
            (25, "On my way to the rack."),
            (80, "Breaker of feed B reset, both feeds are up."),
        ),
        queue="NYC2 hands",
        hand="l.ortiz",
    ),
    Crew(
        "Tropical Facilities Pte",
        "supplier",
        "desk@tropical.example",
        "Asia/Singapore",
        (
            (30, "Technician assigned, on site in 40 minutes."),
            (90, "Compressor restarted, hall B is at -19 \u00b0C and falling."),
        ),
    ),
)
THANKS = ((40, "Thank you for the update, that is all we need for now."),)
