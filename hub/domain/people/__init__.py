"""People: humans and functions (a NOC mailbox), how to reach them, how they sign in, when they are away.

Absences and disabling change who is responsible, so their verbs live one noun higher, in `coverage`.
"""

from hub.domain.people.points import (
    add_point,
    addresses_for,
    addresses_of,
    end_point,
    find_by_point,
    normalise,
    points_of,
    verify,
)
from hub.domain.people.signin import check_password, find_by_login, login_of, set_password
from hub.domain.people.tables import (
    WORKERS,
    Absence,
    ContactPoint,
    Identity,
    Person,
    PersonKind,
    PointKind,
    StaffMember,
    StaffRole,
)
from hub.domain.people.verbs import (
    add_person,
    change_person,
    get_person,
    grant_role,
    require_another_admin,
    revoke_role,
    roles_of,
    staff,
    working,
)

__all__ = [
    "WORKERS",
    "Absence",
    "ContactPoint",
    "Identity",
    "Person",
    "PersonKind",
    "PointKind",
    "StaffMember",
    "StaffRole",
    "add_person",
    "add_point",
    "addresses_for",
    "addresses_of",
    "change_person",
    "check_password",
    "end_point",
    "find_by_login",
    "find_by_point",
    "get_person",
    "grant_role",
    "login_of",
    "normalise",
    "points_of",
    "require_another_admin",
    "revoke_role",
    "roles_of",
    "set_password",
    "staff",
    "verify",
    "working",
]
