"""CSV files: read as people write them, each wrong line named with what to do."""

import tempfile
from pathlib import Path

import pytest

from hub.plugin.contracts import DirectoryBatch, Rejected
from hub.plugin.outward import Outward, Target
from hub.testing.conformance import CrmConformance
from hub.testing.conformance.base import RecordingLog
from plugins.crm.csv_directory import CsvDirectory, CsvDirectorySettings

ACCOUNTS = (
    "id,name,prefix,parent,time_zone,language,active\n"
    "K1,Acme,ACME,,Europe/Berlin,de,\n"
    "K2,Acme Nord,NORD,K1,,,yes\n"
)
SITES = 'ID;Account;Name;Address;Time_Zone\nS1;K1;Kiel;"Kai 1\nKiel";Europe/Berlin\n'
SERVICES = (
    "id,account,name,kind,site,partner,identifiers\n"
    "V1,K1,Kiel uplink,circuit,S1,V2,circuit=CIR-1|host=edge1\n"
    "V2,K1,Kiel backup,circuit,S1,V1,circuit=CIR-2\n"
)
PEOPLE = (
    "\ufeffid,account,name,function,email,phone,roles,sites\n"
    "P1,K1,Ada Petersen,no,ada@acme.example|a.p@acme.example,+49 431 1,Portal Admin|technical,S1\n"
    "P2,K2,NOC,yes,noc@acme.example,,,\n"
)
FILES = {"accounts.csv": ACCOUNTS, "sites.csv": SITES, "services.csv": SERVICES, "people.csv": PEOPLE}


def folder_of(path: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        (path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path, cursor: str = "", **files: str | bytes) -> DirectoryBatch:
    folder_of(path, {f"{name}.csv": text for name, text in files.items()})
    out = Outward(RecordingLog())
    try:
        return out.accounts(Target("csv", CsvDirectory(), CsvDirectorySettings(folder=str(path))), cursor)
    finally:
        out.close()


class TestConformance(CrmConformance):
    connector = CsvDirectory()
    speaks = "nothing"

    def settings(self, host: str, port: int) -> CsvDirectorySettings:
        return CsvDirectorySettings(folder=_FOLDER.name)


_FOLDER = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
folder_of(Path(_FOLDER.name), dict(FILES))


def test_files_are_read_as_people_write_them(tmp_path: Path) -> None:
    batch = read(tmp_path, accounts=ACCOUNTS, sites=SITES, services=SERVICES, people=PEOPLE)
    assert batch.problems == ()
    assert batch.complete
    acme, nord = batch.accounts
    assert (acme.external_id, acme.name, acme.prefix, acme.time_zone, acme.language) == (
        *("K1", "Acme", "ACME", "Europe/Berlin", "de"),
    )
    assert (nord.parent_id, nord.active) == ("K1", True)
    assert batch.sites[0].address == "Kai 1\nKiel"
    assert batch.services[0].identifiers == (("circuit", "CIR-1"), ("host", "edge1"))
    assert (batch.services[0].partner_id, batch.services[1].partner_id) == ("V2", "V1")
    ada, noc = batch.people
    assert ada.contact_points == (
        ("email", "ada@acme.example"),
        ("email", "a.p@acme.example"),
        ("phone", "+49 431 1"),
    )
    assert (ada.roles, ada.site_ids, noc.is_function) == (("portal_admin", "technical"), ("S1",), True)


def test_an_unchanged_folder_says_nothing_new(tmp_path: Path) -> None:
    first = read(tmp_path, accounts=ACCOUNTS)
    again = read(tmp_path, first.cursor)
    assert (again.accounts, again.cursor, again.complete) == ((), first.cursor, False)
    assert read(tmp_path, first.cursor, accounts=ACCOUNTS + "K3,New,NEW,,,,\n").accounts[-1].name == "New"


@pytest.mark.parametrize(
    ("files", "where", "words"),
    [
        (
            {"accounts": "id,name\nK1,Acme\nK1,Again\n"},
            "accounts.csv line 3",
            "already taken by accounts.csv line 2",
        ),
        ({"accounts": "id,name\n,Acme\n"}, "accounts.csv line 2", "id is empty"),
        ({"accounts": "id,name,parent\nK1,Acme,K9\n"}, "accounts.csv line 2", "parent is K9"),
        ({"accounts": "id,name,time_zone\nK1,Acme,Mars\n"}, "accounts.csv line 2", "one like Europe/Berlin"),
        ({"accounts": "id,name,active\nK1,Acme,maybe\n"}, "accounts.csv line 2", "write yes or no"),
        ({"accounts": "id,name\nK1,Acme,GmbH\n"}, "accounts.csv line 2", "more cells than columns"),
        ({"accounts": "name\nAcme\n"}, "accounts.csv line 1", "The column id is missing"),
        ({"accounts": "id,name,colour\nK1,Acme,red\n"}, "accounts.csv line 1", "colour is left out"),
        ({"accounts": "id,name,name\nK1,Acme,B\n"}, "accounts.csv line 1", "name is there twice"),
        ({"accounts": b"id,name\nK1,Acme\nK2,M\xfcller\n"}, "accounts.csv line 3", "CSV UTF-8"),
        ({"accounts": b""}, "accounts.csv line 1", "The column id is missing"),
        ({"sites": "id,account,name\nS1,,Kiel\n"}, "sites.csv line 2", "account is empty"),
        ({"services": "id,account,name,identifiers\nV1,K1,L,CIR-1\n"}, "services.csv line 2", "kind=value"),
        ({"services": "id,account,name,partner\nV1,K1,L,V9\n"}, "services.csv line 2", "partner is V9"),
        ({"people": "id,account,name,roles\nP1,K1,Ada,king\n"}, "people.csv line 2", "The role king"),
    ],
)
def test_a_wrong_line_is_named_with_what_to_do(
    tmp_path: Path, files: dict[str, str | bytes], where: str, words: str
) -> None:
    [problem] = read(tmp_path, **files).problems
    assert problem.where == where
    assert words in problem.reason


def test_a_wrong_line_takes_along_only_what_points_at_it(tmp_path: Path) -> None:
    batch = read(
        tmp_path,
        accounts="id,name,active\nK1,Acme,perhaps\nK2,Bolt,\n",
        sites="id,account,name\nS1,K1,Kiel\nS2,K2,Bonn\n",
        services="id,account,name,site\nV1,K2,Line,S1\nV2,K2,Other,S2\n",
    )
    assert [a.external_id for a in batch.accounts] == ["K2"]
    assert [s.external_id for s in batch.sites] == ["S2"]
    assert [s.external_id for s in batch.services] == ["V2"]
    assert [p.where for p in batch.problems] == [
        "accounts.csv line 2",
        "sites.csv line 2",
        "services.csv line 2",
    ]
    assert not batch.complete


def test_files_may_come_one_by_one(tmp_path: Path) -> None:
    batch = read(tmp_path, people=PEOPLE)
    assert [person.external_id for person in batch.people] == ["P1", "P2"]
    assert not batch.complete


def test_a_folder_without_files_says_which_it_looks_for(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"none of accounts\.csv"):
        read(tmp_path)
    with pytest.raises(Rejected, match="none of"):
        read(tmp_path / "nowhere")
