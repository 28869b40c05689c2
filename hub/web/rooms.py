"""Every room of the pages, in the order in which their addresses are tried."""

from flask import Blueprint

from hub.web.admin import admin
from hub.web.admin_account_rows import admin_account_rows
from hub.web.admin_accounts import admin_accounts
from hub.web.admin_connections import admin_connections
from hub.web.admin_directory import admin_directory
from hub.web.admin_people import admin_people
from hub.web.admin_teams import admin_teams
from hub.web.auth import auth
from hub.web.desk import desk
from hub.web.desk_case import desk_case
from hub.web.files import files
from hub.web.front import front
from hub.web.ingest import ingest
from hub.web.mail_queue import mail_queue
from hub.web.mending import mending
from hub.web.portal import portal
from hub.web.portal_case import portal_case
from hub.web.queues import queues

ROOMS: tuple[Blueprint, ...] = (
    *(front, auth, ingest, files),
    *(desk, desk_case, mending, queues, mail_queue),
    *(portal, portal_case),
    *(admin, admin_accounts, admin_account_rows, admin_people, admin_teams, admin_connections),
    admin_directory,
)
