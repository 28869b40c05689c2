"""Accounts, their sites, services and the identifiers by which signals and notices find a service."""

from hub.domain.accounts.members import (
    CASE_NEWS,
    NEWS_BY_ROLE,
    Limits,
    add_member,
    change_member,
    end_member,
    members_of,
)
from hub.domain.accounts.places import (
    add_identifier,
    add_service,
    add_site,
    change_service,
    change_site,
    end_identifier,
    identifiers_of,
    services_of,
    sites_of,
)
from hub.domain.accounts.settings import note_setting, put_setting, setting
from hub.domain.accounts.tables import Account, Identifier, MemberRole, Membership, Service, Setting, Site
from hub.domain.accounts.verbs import add_account, change_account, check_prefix, close_account, get_account

__all__ = [
    "CASE_NEWS",
    "NEWS_BY_ROLE",
    "Account",
    "Identifier",
    "Limits",
    "MemberRole",
    "Membership",
    "Service",
    "Setting",
    "Site",
    "add_account",
    "add_identifier",
    "add_member",
    "add_service",
    "add_site",
    "change_account",
    "change_member",
    "change_service",
    "change_site",
    "check_prefix",
    "close_account",
    "end_identifier",
    "end_member",
    "get_account",
    "identifiers_of",
    "members_of",
    "note_setting",
    "put_setting",
    "services_of",
    "setting",
    "sites_of",
]
