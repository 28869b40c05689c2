"""An admin brings customers in from files, in the browser: first what would happen, then a yes."""

import io

import pytest
from sqlalchemy import select

from hub.domain.accounts import Account
from hub.domain.audit import AuditLine
from hub.domain.quarantine import Quarantined
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.web.admin_directory import COLUMNS
from plugins.crm.csv_directory import records

ACCOUNTS = "id,name,prefix,time_zone,language\nK1,Acme,ACME,Europe/Berlin,de\nK2,,NORD,,\n"
SITES = "id;account;name;address;time_zone\nS1;K1;Kiel;Kai 1;Europe/Berlin\n"
PAGE = "/admin/directory"


def upload(rita: Browser, **files: str):
    given = [(io.BytesIO(text.encode()), f"{name}.csv") for name, text in files.items()]
    return rita.post(f"{PAGE}/check", {"attachments": given}, page=PAGE, content_type="multipart/form-data")


def kept_id(text: str) -> str:
    form = next(form for form in Shown(text).forms if form["action"].endswith("/take"))
    return next(field["value"] for field in form["fields"] if field["name"] == "id")


def names(hub: Hub) -> set[str]:
    with hub.db.read() as session:
        return set(session.scalars(select(Account.name)))


def test_what_would_happen_is_shown_and_done_after_a_yes_once(rita: Browser, hub: Hub) -> None:
    answer = upload(rita, accounts=ACCOUNTS, sites=SITES)
    assert answer.status_code == 200
    for part in ("Nothing is changed yet", "Acme", "Kiel", "accounts.csv line 3"):
        assert part in answer.text, part
    assert "Acme" not in names(hub)
    done = rita.post(f"{PAGE}/take", {"id": kept_id(answer.text)}, page=PAGE)
    assert done.status_code == 200
    assert "Acme" in names(hub)
    again = rita.post(f"{PAGE}/take", {"id": kept_id(answer.text)}, page=PAGE)
    assert again.status_code == 409
    assert "Everything is in the hub already" in upload(rita, sites=SITES).text
    with hub.db.read() as session:
        assert [kept.body for kept in session.scalars(select(Quarantined)) if kept.handled_at] == [None]
        lines = session.scalars(select(AuditLine).where(AuditLine.action == "quarantine.handled")).all()
        assert [line.actor_name for line in lines] == ["Rita Okafor"]


def test_files_that_were_replaced_by_others_are_not_imported(rita: Browser, hub: Hub) -> None:
    first = kept_id(upload(rita, accounts=ACCOUNTS).text)
    upload(rita, accounts=ACCOUNTS.replace("Acme", "Apex"))
    assert rita.post(f"{PAGE}/take", {"id": first}, page=PAGE).status_code == 409
    assert not {"Acme", "Apex"} & names(hub)


@pytest.mark.parametrize("name", ["customers", "accounts.csv.exe"])
def test_a_file_of_another_name_is_refused_with_what_to_do(rita: Browser, name: str) -> None:
    answer = upload(rita, **{name: ACCOUNTS})
    assert answer.status_code == 422
    assert "accounts.csv, sites.csv" in answer.text


def test_without_a_file_or_a_good_id_nothing_happens(rita: Browser) -> None:
    assert rita.post(f"{PAGE}/check", {}, page=PAGE).status_code == 422
    assert rita.post(f"{PAGE}/take", {"id": "x"}, page=PAGE).status_code == 404


def test_contacts_import_nothing(kim: Browser) -> None:
    assert kim.get(PAGE).status_code == 403
    assert kim.post(f"{PAGE}/check", {}).status_code == 403


def test_the_page_explains_the_files_as_they_are_read(rita: Browser) -> None:
    assert {name: tuple(told.split(", ")) for name, told in COLUMNS.items()} == records.COLUMNS
    page = rita.get(PAGE).text
    assert all(told in page for told in COLUMNS.values())


def test_what_changes_nothing_is_not_offered_to_be_imported(rita: Browser) -> None:
    shown = upload(rita, accounts="id,name\n,Nobody\n").text
    assert "1 failed" in shown
    assert "Import it" not in shown


def test_the_health_page_says_what_the_uploads_connection_is_for(rita: Browser) -> None:
    upload(rita, accounts=ACCOUNTS)
    row = rita.get("/admin/connections").text.split("Uploaded directory", 1)[1].split("</tr>", 1)[0]
    assert "for uploads only" in row
    assert "switched off" not in row
