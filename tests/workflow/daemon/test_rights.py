"""A daemon on PostgreSQL whose role may do its work and cannot touch the record: the server itself refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.support import databases
from tests.support.desk import real
from tests.support.district import Life
from tests.support.house import CALL, NEW, House, founded, until
from tests.support.letters import answer, put
from tests.workflow.daemon.test_replies import letter
from workflow.actions import applications
from workflow.session import Session, open_system
from workflow.store import grants

PRINCIPAL = "franklin-principal@example.org"


@pytest.fixture(scope="module", autouse=True)
def _on_postgresql() -> Iterator[None]:
    """Whatever the other tests run on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "POSTGRESQL", True)
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, _on_postgresql: None) -> Iterator[House]:
    """A house whose programs run as a role with the least rights."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("house")
    founded(source)
    made = House(source, folder)
    databases.admin(f'CREATE ROLE "{role_of(folder)}" LOGIN')
    assert ctl(folder, "init", "--grant", role_of(folder))["granted"] == role_of(folder)
    as_owner, as_role = (json.dumps(url) for url in (databases.address(folder), of_role(folder)))
    settings = folder / "config.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(as_owner, as_role), encoding="utf-8")
    yield made
    made.end()
    databases.drop(folder)
    databases.drop(source)
    databases.admin(f'DROP ROLE "{role_of(folder)}"')


def role_of(folder: Path) -> str:
    """A name that has to be quoted, one for each database, since roles are the whole server's."""
    return f"the daemon's {databases.name_of(folder)}"


def of_role(folder: Path) -> str:
    """The address of a database for the role."""
    return (
        make_url(databases.address(folder))
        .set(username=role_of(folder))
        .render_as_string(hide_password=False)
    )


def ctl(folder: Path, *words: str, status: int = 0) -> dict[str, object]:
    done = real("--config", str(folder / "config.toml"), *words, "--json")
    assert done.returncode == status, done
    return dict(json.loads(done.stdout)) if done.stdout.startswith(b"{") else {}


def refused(folder: Path, statement: str, url: str | None = None) -> str:
    """What the server says to a statement of the role, which it must refuse."""
    engine = create_engine(url or of_role(folder), poolclass=NullPool)
    with pytest.raises(DBAPIError) as error, engine.begin() as connection:
        connection.execute(text(statement))
    return str(error.value.orig).splitlines()[0]


@pytest.mark.promise("history-guarded")
def test_the_daemon_does_its_work_under_the_least_rights(house: House) -> None:
    house.start()
    until(lambda: house.letters() and house.healthy(), "the call closes and people are told", timeout=60)
    assert house.sql("SELECT event FROM history WHERE actor = 'clock'") == [("close-applications",)]
    ctl(house.folder, "people", "add", "new@example.org", "--name", "New", "--role", "staff")
    ctl(house.folder, "people", "remove", "new@example.org")
    ctl(house.folder, "trigger", NEW, "describe-needs", "--as", "staff@example.org", "--input", needs(house))
    sent = "SELECT 1 FROM notices WHERE template = 'describe-needs' AND status = 'sent' AND \"to\" = ?"
    until(lambda: house.sql(sent, PRINCIPAL), "the principal is asked", timeout=60)
    put(house.folder / "var" / "replies", answer(letter(house, "describe-needs", PRINCIPAL), "agree"))
    until(lambda: house.sql("SELECT 1 FROM history WHERE channel = 'reply'"), "the answer counts", timeout=60)
    ctl(house.folder, "backup", str(house.folder / "backup.db"))
    assert ctl(house.folder, "verify") == {"checked": 2, "faults": []}
    assert [line for line in house.logged() if line["level"] in ("error", "critical")] == []
    house.end()


def needs(house: House) -> str:
    words = {key: ["x"] for key in ("needs", "resources", "assets", "qualities", "goals")}
    (house.folder / "needs.json").write_text(json.dumps(words), encoding="utf-8")
    return str(house.folder / "needs.json")


@pytest.mark.promise("history-guarded", "record-verifiable")
def test_the_role_cannot_touch_the_record(house: House) -> None:
    for statement in (
        "UPDATE history SET note = 'x'", "DELETE FROM history", "TRUNCATE history", "DROP TABLE history",
        "ALTER TABLE history DISABLE TRIGGER history_is_kept", "DROP TRIGGER history_is_kept ON history",
        "DROP FUNCTION history_is_kept() CASCADE", "SET session_replication_role = replica",
        "UPDATE changes SET by = 'x'", "DELETE FROM changes",
        "DELETE FROM partnerships", "DELETE FROM notices", "DELETE FROM replies", "TRUNCATE partnerships CASCADE",
        "UPDATE documents SET name = 'x'", "UPDATE answers SET by = 'x'",
        "UPDATE alembic_version SET version_num = '0001'", "CREATE TABLE more (x int)",
    ):  # fmt: skip
        said = refused(house.folder, statement)
        assert said.startswith(("permission denied ", "must be owner of")), said


def test_the_owner_cannot_change_the_record_by_accident(house: House) -> None:
    for statement, word in (
        ("UPDATE history SET note = 'x'", "UPDATE"), ("DELETE FROM history", "DELETE"),
        ("TRUNCATE history", "TRUNCATE"), ("TRUNCATE partnerships CASCADE", "TRUNCATE"),
    ):  # fmt: skip
        said = refused(house.folder, statement, databases.address(house.folder))
        assert said == f"the history is only added to: {word} is refused"


def test_the_rights_are_given_again_as_they_were_and_what_is_too_much_is_taken(house: House) -> None:
    before = held(house)
    assert set(before) == {
        (table, right) for table, found in grants.needed_rights().items() for right in found
    }
    role = role_of(house.folder)
    with databases.beside(house.folder) as connection:
        connection.execute(text(f'GRANT ALL ON history, notices TO "{role}"'))
        grants.grant(connection, role)
    assert held(house) == before


def held(house: House) -> list[tuple[str, str]]:
    query = """SELECT table_name, privilege_type FROM information_schema.role_table_grants
        WHERE grantee = ? ORDER BY 1, 2"""
    return [(str(table), str(right)) for table, right in house.sql(query, role_of(house.folder))]


@pytest.mark.parametrize(
    ("role", "words"), [("nobody-here", "there is no such role"), ("postgres", "it owns the tables")]
)
def test_a_role_from_which_nothing_can_be_kept_is_refused(house: House, role: str, words: str) -> None:
    with databases.beside(house.folder) as connection, pytest.raises(grants.NoSuchRole, match=words):
        grants.grant(connection, role)


@pytest.fixture
def roles(house: House) -> Iterator[tuple[str, str]]:
    """Another role and a group, quoted, on the server of a house."""
    other, group = (f'"{kind} {databases.name_of(house.folder)}"' for kind in ("other", "group"))
    databases.admin(f"CREATE ROLE {other} LOGIN")
    databases.admin(f"CREATE ROLE {group}")
    yield other, group
    with databases.beside(house.folder) as connection:
        connection.execute(text(f"REASSIGN OWNED BY {other} TO CURRENT_USER"))
        connection.execute(text(f"DROP OWNED BY {other}, {group}"))
        connection.execute(text("REVOKE DELETE ON documents FROM PUBLIC"))
    databases.admin(f"DROP ROLE {other}, {group}")


@pytest.mark.promise("record-verifiable")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ALTER DATABASE {database} OWNER TO {other}", "it owns the schema public, or may act as its owner"),
        ("GRANT pg_write_all_data TO {other}", "may UPDATE, DELETE in history, as pg_write_all_data may"),
        ("GRANT UPDATE ON history TO {group}; GRANT {group} TO {other}", "may UPDATE in history, as {group} may"),
        ("GRANT UPDATE (note) ON history TO {group}; GRANT {group} TO {other}", "may UPDATE in history, as"),
        ("GRANT TRUNCATE ON answers TO {group}; GRANT {group} TO {other}; ALTER ROLE {other} NOINHERIT",
         "may TRUNCATE in answers, as {group} may, in which it is; take that from {group}, or the role out of it"),
        ("GRANT DELETE ON documents TO PUBLIC", "may DELETE in documents, as everybody may"),
    ],
)  # fmt: skip
def test_a_role_that_comes_at_the_record_by_another_way_is_refused_and_given_nothing(
    house: House, roles: tuple[str, str], given: str, words: str
) -> None:
    other, group = roles
    database = f'"{databases.name_of(house.folder)}"'
    with databases.beside(house.folder) as connection:
        for statement in given.split("; "):
            connection.execute(text(statement.format(database=database, other=other, group=group)))
    said = re.escape(words.replace("{group}", group.strip('"')))
    with pytest.raises(grants.NoSuchRole, match=said), databases.beside(house.folder) as connection:
        grants.grant(connection, other.strip('"'))
    query = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = ?"
    assert house.sql(query, other.strip('"')) == [(0,)]


def test_what_applicants_save_is_replaced_under_the_least_rights(house: House) -> None:
    opened = open_system(house.folder / "config.toml", words=False)
    life = Life(opened, CALL)
    for number in range(2):
        values = dict.fromkeys(applications.FIELDS, "") | {"name": f"name {number}"}
        opened.transact(partial(saved, life=life, values=values))
    (draft,) = house.sql('SELECT "values" FROM drafts')
    assert json.loads(str(draft[0]))["name"] == "name 1"
    opened.engine.dispose()


def saved(session: Session, life: Life, values: dict[str, str]) -> None:
    applications.save(session, life.record, "a@example.org", values, life.now)


def test_the_owner_restores_and_gives_the_rights_again(house: House, tmp_path: Path) -> None:
    copy = tmp_path / "backup.db"
    ctl(house.folder, "backup", str(copy))
    databases.create(tmp_path)
    settings, role = tmp_path / "config.toml", role_of(house.folder)
    as_role = make_url(databases.address(tmp_path)).set(username=role).render_as_string(hide_password=False)

    def configured(address: str) -> None:
        keys = json.dumps(str(house.folder / "keys"))
        text = f"[database]\nurl = {json.dumps(address)}\n[web]\nkeys_file = {keys}\n"
        settings.write_text(text, encoding="utf-8")

    try:
        configured(databases.address(tmp_path))
        ctl(tmp_path, "restore", str(copy))
        configured(as_role)
        assert ctl(tmp_path, "list", status=5), "the role has no rights yet"
        configured(databases.address(tmp_path))
        assert ctl(tmp_path, "init", "--grant", role)["granted"] == role
        configured(as_role)
        assert ctl(tmp_path, "verify")["faults"] == []
        assert "permission denied" in refused(tmp_path, "DELETE FROM history", as_role)
    finally:
        databases.drop(tmp_path)
