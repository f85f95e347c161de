"""The district's configuration: laid over the packaged one, and every mistake in it refused with its place."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from states.machine import EVENTS
from tests.support.district import Begin, configured
from workflow.procedure import config
from workflow.procedure.checks import SYSTEM_NOTICES
from workflow.procedure.config import Config, ConfigError

ROOT = Path(__file__).parents[3]


def mistakes(folder: Path, text: str) -> list[str]:
    """Every mistake for which a configuration is refused, as people read it."""
    with pytest.raises(ConfigError) as refused:
        configured(folder, text)
    return [str(problem) for problem in refused.value.problems]


# What is right


def test_the_packaged_configuration_stands_by_itself() -> None:
    loaded = config.load(None)
    assert loaded.path is None
    assert len(loaded.deadlines) > 20
    assert set(loaded.notices) - set(SYSTEM_NOTICES) <= set(EVENTS)


def test_a_districts_file_is_laid_over_the_packaged_one_name_by_name(
    tmp_path: Path, settings: Config
) -> None:
    text = '[board]\nreadings = 1\n[deadline.needs-agreed]\nremind = ["3 days"]\n'
    text += "[notice.withdraw]\nenabled = false\n"
    mine = configured(tmp_path, text)
    assert (mine.procedure.board.readings, mine.procedure.board.quorum) == (1, 4)
    was, now = settings.deadlines["needs-agreed"], mine.deadlines["needs-agreed"]
    assert [str(span) for span in now.remind] == ["3 days"]
    assert (now.due, now.overdue, now.to) == (was.due, was.overdue, was.to)
    assert "withdraw" in settings.notices
    assert "withdraw" not in mine.notices
    assert len(mine.deadlines) == len(settings.deadlines)


def test_blanks_around_an_address_are_no_part_of_it(tmp_path: Path) -> None:
    case = (ROOT / "tests/cases/config-blank-behind-the-address.toml").read_text(encoding="utf-8")
    mine = configured(tmp_path, case.replace('"partnerships@', '" partnerships@').replace("org>", "org > "))
    assert mine.address("calls") == "https://partners.example.org/calls"
    assert mine.procedure.district.email == mine.sender.address == "partnerships@example.org"


@pytest.mark.parametrize("name", ["Büro", "學校", '"The" <all>, & more', "=?utf-8?q?x?=", "x" * 200])
def test_an_office_may_have_any_name_of_one_line(tmp_path: Path, name: str) -> None:
    text = f"[district]\nname = '{name}'\noffice = '{name}'\n[mail]\nsender = 'a@bücher.example.org'\n"
    assert configured(tmp_path, text).procedure.district.office == name


def test_a_list_is_replaced_as_a_whole(tmp_path: Path) -> None:
    text = '[deadline.needs-agreed]\noverdue = [{ after = "2 days", to = ["staff"] }]\n'
    (step,) = configured(tmp_path, text).deadlines["needs-agreed"].overdue
    assert (str(step.after), step.to) == ("2 days", ("staff",))


def test_a_district_can_add_a_deadline_of_its_own(tmp_path: Path, begin: Begin) -> None:
    row = (
        '[deadline.own]\nlabel = "Our own"\nstate = "needs-identified"\ndue = "3 days after entering"\n'
        'to = ["staff"]\n'
    )
    assert mistakes(tmp_path, row) == [
        "deadline.own: it has no template; expected a file templates/email/own.j2"
    ]
    words = tmp_path / "templates" / "email"
    words.mkdir(parents=True)
    words.joinpath("own.j2").write_text(
        "{% block subject %}Own{% endblock %}{% block happened %}So.{% endblock %}{% block asked %}{% endblock %}"
    )
    life = begin()
    life.system.config = configured(tmp_path, row)
    life.at("2025-07-07").do("identify-needs")
    assert life.due("own") == "2025-07-10 17:00"


@pytest.mark.parametrize(
    ("before", "after"),
    [("sqlite:///", ""), ("sqlite+pysqlite:///", ""), ("sqlite:///", "?timeout=9&check_same_thread=../..")],
)
def test_relative_paths_are_relative_to_the_file(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[database]\nurl = "{before}partnerships.db{after}"\n', encoding="utf-8")
    loaded = config.load(path, words=False)
    assert loaded.database_url == f"{before}{tmp_path / 'partnerships.db'}{after}"
    assert loaded.folder == tmp_path


def test_the_file_is_the_one_given_or_that_of_the_environment_or_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"PARTNERSHIPS_CONFIG": "/etc/b.toml"}
    assert config.find("/etc/a.toml", environment) == Path("/etc/a.toml")
    assert config.find(None, environment) == Path("/etc/b.toml")
    assert config.find(None, {}) is None
    (tmp_path / "config.toml").touch()
    assert config.find(None, {}) == Path("config.toml")


def test_hours_to_24_are_to_the_end_of_the_day(tmp_path: Path) -> None:
    mine = configured(tmp_path, '[mail]\nhours = "07:30-24:00"\n')
    assert mine.procedure.mail.hours == (time(7, 30), time.max)


# What is wrong: the setting, where it is, what is said of it and what would be right

NEEDS = "[deadline.needs-agreed]\n"
WRONG = [
    ("[dead]\nx = 1", "dead", "there is no such key; expected one of district, database"),
    ("[mail]\nspeed = 1", "mail.speed", "there is no such key; expected one of mailer, maildir"),
    (NEEDS + "duedate = 1", "deadline.needs-agreed.duedate", "there is no such key; expected one of label"),
    (NEEDS + 'due = "30 dogs after entering"', "deadline.needs-agreed.due", "write a whole number of days"),
    (NEEDS + 'due = "whenever"', "deadline.needs-agreed.due", "is not a due time; write one like"),
    (NEEDS + 'due = "3 days after lunch"', "deadline.needs-agreed.due",
     "there is no fact 'lunch'; expected one of entering, needs.described"),
    (NEEDS + 'remind = ["7 dogs"]', "deadline.needs-agreed.remind.0", "'7 dogs' is not a span of time; write"),
    (NEEDS + 'again = "soon"', "deadline.needs-agreed.again", "'soon' is not a span of time; write"),
    (NEEDS + 'overdue = [{ after = "x", to = ["staff"] }]', "deadline.needs-agreed.overdue.0.after",
     "not a span of time"),
    (NEEDS + 'overdue = [{ after = "1 day", to = ["king"] }]', "deadline.needs-agreed.overdue.0.to",
     "there is no role 'king'; expected one of principal, staff"),
    (NEEDS + 'state = "asleep"', "deadline.needs-agreed.state.0", "found 'asleep'; expected needs-identified"),
    (NEEDS + "state = []", "deadline.needs-agreed.state", "expected at least one entry"),
    (NEEDS + 'offers = ["agree-needs", "sing"]', "deadline.needs-agreed.offers",
     "'sing' does not happen there; expected one of"),
    (NEEDS + 'to = ["king"]', "deadline.needs-agreed.to", "there is no role 'king'"),
    (NEEDS + 'to = ["clock"]', "deadline.needs-agreed.to", "there is no role 'clock'"),
    (NEEDS + "to = []", "deadline.needs-agreed.to", "expected at least one entry"),
    (NEEDS + 'offers = ["describe-needs"]', "deadline.needs-agreed.to",
     "nobody in particular waits with the first offer; expected first offer one of agree-needs"),
    (NEEDS + 'fires = "expire"', "deadline.needs-agreed.fires", "'expire' does not happen there"),
    (NEEDS + 'fires = "withdraw"', "deadline.needs-agreed.fires", "'withdraw' is not for the clock"),
    (NEEDS + 'at = "25:00"', "deadline.needs-agreed.at", 'not a time of day; expected one like "17:00"'),
    (NEEDS + 'roll = "up"', "deadline.needs-agreed.roll", "found 'up'; expected before, after or stay"),
    (NEEDS + 'label = ""', "deadline.needs-agreed.label", "expected some text"),
    (NEEDS + 'when = "x.y"', "deadline.needs-agreed.when", "there is no fact 'x.y'; expected one of"),
    ("[deadline.review-decided]\nuntil = \"x.y\"", "deadline.review-decided.until", "there is no fact 'x.y'"),
    ("[deadline.meeting-due]\ndone = \"song\"", "deadline.meeting-due.done",
     "there is no duty 'song'; expected one of assessment, gap, meeting"),
    ("[deadline.close-out-due]\ndue = \"every 2 months\"", "deadline.close-out-due.done",
     "a deadline that recurs needs it; expected one of assessment"),
    ("[deadline.agreement-ends]\ndue = \"at agreement.ends_on\"", "deadline.agreement-ends.due",
     "agreement.ends_on is a day and has no hour; expected 'on agreement.ends_on'"),
    ("[notice.sing]\nto = [\"staff\"]", "notice.sing", "there is no such event; expected one of identify-needs"),
    ("[notice.withdraw]\nto = [\"king\"]", "notice.withdraw.to", "there is no role 'king'"),
    ("[notice.withdraw]\noffers = [\"sing\"]", "notice.withdraw.offers", "there is no event 'sing'"),
    ("[notice.withdraw]\nto = [\"waiting\"]", "notice.withdraw.to", "nobody in particular waits"),
    ('[mail]\ntrust = "dmarc"', "mail.authserv", "it is empty, so that no answer would ever be believed"),
    (
        '[mail]\nreplies_to = "office+x@example.org"', "mail.replies_to",
        "'office+x@example.org' is a subaddress; expected the mailbox itself, office@example.org",
    ),
    (f'[mail]\nreplies_to = "{"o" * 40}@example.org"', "mail.replies_to", "is too long"),
    ('[mail]\nreplies_to = "office"', "mail.replies_to", "it is not an e-mail address"),
    ('[mail]\nreplies_maildir = " "', "mail.replies_maildir", "it is empty"),
    ('[mail]\nreplies_maildir = "mail"', "mail.replies_maildir", "it is where messages are put that are sent"),
    ('[mail]\nreplies = "imap"', "mail.imap.username", "it is empty; expected the name to log in with"),
    ("[board]\nquorum = 9", "board.quorum", "9 is more than there are members; expected up to 7"),
    ("[board]\nreadings = 3", "board.readings", "found 3; expected less than or equal to 2"),
    ("[board]\nthreshold_cents = \"much\"", "board.threshold_cents", "found 'much'"),
    ("[board]\nmeetings = [\"2025-02-30\"]", "board.meetings.0", "expected a day that exists, as YYYY-MM-DD"),
    ("[board]\nmeetings = [2025-09-03, 2025-09-03]", "board.meetings", "2025-09-03 stands there twice"),
    ("[board]\nmeeting_at = \"noonish\"", "board.meeting_at", "not a time of day"),
    ('[retention.drafts]\nafter = "termination"', "retention.drafts.after",
     "'termination' is no event of drafts; expected 'saving'"),
    ('[retention.messages]\nkeep = "73 months"', "retention.messages.keep",
     "73 months is longer than the 6 years of record, which would wait for it; expected at most 6 years"),
    ('[retention.record]\nkeep = "long"', "retention.record.keep", "'long' is not a span of time"),
    ("[selection]\nminimum_days = \"some\"", "selection.minimum_days", "expected a whole number"),
    ("[termination.notice_days]\nwhim = 3", "termination.notice_days.whim",
     "expected no-substantial-impact, unsatisfactory, mutual or breach"),
    ("[district]\nzone = \"Mars/Base\"", "district.zone", "'Mars/Base' is not a time zone; expected one like"),
    ("[district]\nemail = \"office\"", "district.email", "not an e-mail address"),
    ("[mail]\nhours = \"18:00-08:00\"", "mail.hours", 'expected two times like "08:00-18:00"'),
    ("[mail]\nhours = \"always\"", "mail.hours", 'expected two times like "08:00-18:00"'),
    ("[mail]\nsender = \"the office\"", "mail.sender", "not a mail address such as person@example.org"),
    ("[mail]\nretry_minutes = [0]", "mail.retry_minutes.0", "found 0; expected greater than 0"),
    ("[mail]\nmailer = \"pigeon\"", "mail.mailer", "found 'pigeon'; expected maildir or smtp"),
    ("[mail.smtp]\nsecurity = \"open\"", "mail.smtp.security", "expected starttls, tls or none"),
    ("[web]\nlisten = \"here\"", "web.listen", "'here' is not an address to listen on; expected one like"),
    ("[web]\nlisten = \"127.0.0.1:65536\"", "web.listen", "is not an address to listen on"),
    ("[mail]\nhours = \"07:00Z-19:00\"", "mail.hours", 'expected two times like "08:00-18:00"'),
    ("[mail]\ndigest_at = 5", "mail.digest_at", 'not a time of day; expected one like "17:00"'),
    ("[mail]\ndigest_at = \"07:00+01:00\"", "mail.digest_at", "not a time of day"),
    ("[mail]\nretry_minutes = [\"soon\"]", "mail.retry_minutes.0", "found 'soon'; expected a number"),
    *(
        (f"[web]\nbase_url = '{wrong}'", "web.base_url", "is not an address of pages; expected one like")
        for wrong in ("https://a.example.org /x", "https://a b.example.org", 'https://a"b.example.org', "https://",
                      "https://a.example.org\t/x", "https://a.example.org:port", "https://a.example.org:99999",
                      "https://[a.example.org", "https://me:word@a.example.org", "https://ä.example.org",
                      "https://a.example.org/<x>", "https://a.example.org/" + "x" * 1000, "ftp://a.example.org")
    ),
    ('[mail]\nsender = "Office\\nBcc: x@example.org <a@example.org>"', "mail.sender", "one line is needed"),
    ('[mail]\nsender = "bü ro@example.org"', "mail.sender", "not a mail address"),
    ('[mail]\nsender = "büro@example.org"', "mail.sender", "that not every mail server takes"),
    ('[mail]\nreplies_to = "a b@example.org"', "mail.replies_to", "it is not an e-mail address"),
    ('[district]\noffice = "The\\nOffice"', "district.office", "one line is needed"),
    ("[web]\nlink_days = 1.5", "web.link_days", "found 1.5; expected a whole number"),
    ("[board]\nterminates = \"often\"", "board.terminates", "found 'often'; expected true or false"),
    ("[board]\nmeetings = [9999-12-31]", "board.meetings.0", "9999-12-31 is out of reach"),
    ("[board]\n\"\" = 1", 'board.""', "there is no such key"),
    ("[calendar]\nbreaks = [{ first = 2026-01-05, last = 2026-01-01 }]", "calendar",
     "the break 2026-01-05 to 2026-01-01 ends before it starts"),
    ("[calendar]\nworking = [2026-01-03]", "calendar", "2026-01-03 cannot be a working day: it is a Saturday"),
    ("[calendar]\nclosed = [\"Monday\"]", "calendar.closed.0", "'Monday' is not a date"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "said"), WRONG, ids=[f"{place}-{text[-12:]}" for text, place, _ in WRONG]
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    found = mistakes(tmp_path, text + "\n")
    of_place = [problem for problem in found if problem.startswith(f"{place}: ")]
    assert len(of_place) == 1, found
    assert said in of_place[0]
    assert [p for p in found if p not in of_place and not p.startswith("deadline: a partnership could")] in (
        [],
        ["notice.sing: it has no template; expected a file templates/email/sing.j2"],
    )


def test_all_mistakes_are_named_at_once_of_whatever_kind(tmp_path: Path) -> None:
    text = (
        '[mail]\nhours = "always"\n[board]\nquorum = 9\n[selection]\nminimum_days = "some"\n'
        '[calendar]\nworking = [2026-01-03]\n[notice.withdraw]\nto = ["king"]\n'
        '[deadline.needs-agreed]\ndue = "whenever"\n[deadline.choice-due]\noffers = ["sing"]\n'
    )
    assert {problem.partition(":")[0] for problem in mistakes(tmp_path, text)} == {
        "mail.hours", "board.quorum", "selection.minimum_days", "calendar", "notice.withdraw.to",
        "deadline.needs-agreed.due", "deadline.choice-due.offers",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong", ['at = "25:00"', 'label = ""', 'roll = "up"', 'remind = ["7 dogs"]', "x = 1"]
)
def test_a_mistake_of_form_in_a_row_hides_no_mistake_of_meaning_in_it(tmp_path: Path, wrong: str) -> None:
    found = mistakes(tmp_path, f'[deadline.choice-due]\noffers = ["sing"]\n{wrong}\n')
    keys = [problem.partition(":")[0].split(".")[2] for problem in found]
    assert keys[-1] == "offers"
    assert keys[0] == wrong.partition(" ")[0]
    assert len(keys) == 2


@pytest.mark.parametrize("wrong", ['label = "x"', "x = 1", 'enabled = "often"'])
def test_nor_does_one_in_the_row_of_a_notice(tmp_path: Path, wrong: str) -> None:
    found = mistakes(tmp_path, f'[notice.withdraw]\noffers = ["sing"]\n{wrong}\n')
    assert [problem.partition(":")[0].split(".")[2] for problem in found] == [
        wrong.partition(" ")[0],
        "offers",
    ]


def test_what_a_district_says_of_a_user_is_all_there_is_of_that_user(
    tmp_path: Path, settings: Config
) -> None:
    assert settings.procedure.admin.users["(owner)"].may_act_as == ("*",)
    text = '[admin.users]\n"(owner)" = { person = "staff@example.org" }\n'
    owner = configured(tmp_path, text).procedure.admin.users["(owner)"]
    assert (owner.person, owner.may_act_as) == ("staff@example.org", ())


def test_a_mistake_in_toml_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    (problem,) = mistakes(tmp_path, "[board]\nquorum = four\n")
    assert problem.startswith(f"{tmp_path / 'config.toml'}: it cannot be read: Invalid value (at line ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"none\.toml: there is no such file; expected a configuration file"
    ):
        config.load(tmp_path / "none.toml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes('[district]\nname = "Saint-Félix"\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match="it cannot be read"):
        config.load(tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{% block subject %}A{% endblock %}", "the block 'happened' is missing"),
        ("{% block subject %}{{ nobody }}{% endblock %}{% block happened %}{% endblock %}"
         "{% block asked %}{% endblock %}", "nobody"),
        ("{% block subject %}{% endblck %}", "endblck"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_districts_own_words_is_named_with_their_file(
    tmp_path: Path, words: str, said: str
) -> None:
    folder = tmp_path / "templates" / "email"
    folder.mkdir(parents=True)
    (folder / "withdraw.j2").write_text(words)
    found = mistakes(tmp_path, "")
    assert all("withdraw.j2" in problem for problem in found)
    assert any(said in problem for problem in found)


def test_a_file_that_notepad_saved_is_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "cases" / "config-saved-by-notepad.toml").read_bytes()
    for content in (text, text.decode("utf-8-sig").encode("utf-16")):
        (tmp_path / "config.toml").write_bytes(content)
        assert config.load(tmp_path / "config.toml").path == tmp_path / "config.toml"
