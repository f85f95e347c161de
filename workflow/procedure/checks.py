"""Checks that the procedure fits the law: names exist, each meaning has one row, nothing can stall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from notifications.addresses import parse_mailbox
from notifications.template_files import TemplateFiles
from states.case import Meaning
from states.errors import Problem
from states.event import OFFICE
from states.lifecycle import TABLE
from states.machine import COLLECTED, EVENTS, event_named, events_of
from states.mistakes import shorten
from states.moments import DUTIES, MOMENTS
from states.names import HELD_BY_NOBODY, Role, State
from workflow.procedure.offsets import Hour, Offset
from workflow.procedure.settings import (
    BoardSettings,
    DeadlineSettings,
    Mail,
    NoticeSettings,
    Procedure,
    Retention,
    Summary,
)
from workflow.procedure.stalls import find_stalls

ROLES = tuple(role for role in Role if role not in HELD_BY_NOBODY)
GROUPS = (
    "this-applicant",
    "other-applicant",
    "draft-author",
    "asker",
    "subscriber",
    "former-lead-partner",
    "new-reviewer",
    "former-reviewer",
    "told-before",
    "waiting",
)
# The role as which each group is told. Those who wait for something are told as what they are.
STANDS_FOR = {
    "this-applicant": Role.APPLICANT,
    "other-applicant": Role.APPLICANT,
    "draft-author": Role.APPLICANT,
    "asker": Role.PUBLIC,
    "subscriber": Role.PUBLIC,
    "former-lead-partner": Role.LEAD_PARTNER,
    "new-reviewer": Role.REVIEWER,
    "former-reviewer": Role.REVIEWER,
}
ANCHORS = ("entering", *MOMENTS)
# Facts that are days without a time.
DAYS = (
    "agreement.starts_on", "agreement.ends_on", "ending.effective_on", "ended.agreement",
    "board.meeting",
)  # fmt: skip
# Notices about the system, the Board's calendar or an incoming message, rather than about an event.
SYSTEM_NOTICES = (
    "message-failed", "deadline-failed", "meeting-changed", "reply-note", "reply-doubtful", "address-failed",
    "directory-changed", "mailbox-failed", "question", "applications-held", "call-limit", "choice-overturned",
)  # fmt: skip
# Those who answer for what the Board does hear of all that happens to an item before it, and of each change of who
# decides, when or how. A district can tell more people, and not fewer.
WATCHERS = (Role.BOARD_OFFICE, Role.SUPERINTENDENT)
CHANGES = "directory-changed"
SUMMARIZED = (Role.STAFF, Role.SUPERINTENDENT, Role.BOARD_OFFICE)  # those who see all partnerships
BEFORE_THE_BOARD = frozenset(
    row.name
    for row in TABLE
    if row.to is State.BOARD_REVIEW or (State.BOARD_REVIEW in row.at and (row.to or row.about_meeting))
)
# Templates that no row of the procedure names, since the program itself decides who gets them.
ALWAYS = (
    "receipt", "fresh-link", "sign-in", "invitation", "apply-link", "draft-saved", "application-held",
    "question-link", "new-calls-link", "reply-refused", "digest", "summary", "handed-over", "school-closed",
    "test", "checkpoint", "records-request",
)  # fmt: skip
# The event from which the period of each class of the record counts.
COUNTS_FROM = {
    "record": "termination",
    "documents": "termination",
    "messages": "termination",
    "drafts": "saving",
    "held_applications": "closing",
    "questions": "asking",
    "office_mail": "sending",
    "unknown_mail": "receipt",
    "sign_ins": "use",
    "leavers": "leaving",
}
_LONGEST = (
    64 - len("+999999999999999-") - 16
)  # characters before the @ (RFC 5321, 4.5.3.1) less what the program adds


def find_mistakes(
    procedure: Procedure,
    files: TemplateFiles,
    *,
    words: bool = True,
    whole: bool = True,
) -> Iterator[Problem]:
    """Yield everything in which the procedure does not fit the law or the templates.

    Without `words` the templates are not read through. A procedure that is not `whole`, since some of its
    rows were already refused, is not checked for meanings and stalls: it would fail for the rows that are
    missing.
    """
    # First each row by itself, then the words and the other
    # tables, and last what only all rows together can show.
    names = set(files.names())
    for name, row in procedure.deadline.items():
        if row.enabled:
            yield from (
                Problem(f"deadline.{name}.{at}", problem, expected)
                for at, problem, expected in _check_deadline(row)
            )
            # A missing template would show only when its first message is due, perhaps years from now.
            if name not in names:
                yield _no_template("deadline", name)
    for name, notice in procedure.notice.items():
        if not notice.enabled:
            continue
        yield from (
            Problem(f"notice.{name}{at}", problem, expected)
            for at, problem, expected in _check_notice(name, notice)
        )
        # The name of an unknown event has been reported above.
        if name not in names and name in (*EVENTS, *SYSTEM_NOTICES):
            yield _no_template("notice", name)
    yield from (
        Problem(f"templates/email/{name}.j2", "it is missing", "the words of a message that is always sent")
        for name in ALWAYS
        if name not in names
    )
    for fault in files.templates.problems() if words else ():
        at = fault.file + (f", line {fault.line}" if fault.line else "")
        yield Problem(at, fault.problem, fault.expected)
    yield from _check_watchers(procedure)
    yield from _check_board(procedure.board)
    yield from _check_mail(procedure.mail)
    yield from _check_summary(procedure.summary)
    yield from _check_retention(procedure.retention)
    if whole:
        yield from _check_meanings(procedure)
        yield from find_stalls(procedure)


def _check_watchers(procedure: Procedure) -> Iterator[Problem]:
    """Yield each notice by which the Board office and the Superintendent would not hear what they must hear."""
    by_clock = {row.name for row in TABLE if row.who == (Role.CLOCK,)}
    for name in (*sorted(BEFORE_THE_BOARD), CHANGES):
        row = procedure.notice.get(name)
        if row is None or not row.enabled:
            yield Problem(
                f"notice.{name}", "it is off", "a notice that is enabled: the Board office relies on it"
            )
            continue
        if missing := [role for role in WATCHERS if role not in row.to]:
            yield Problem(
                f"notice.{name}.to", f"it lacks {' and '.join(missing)}", "both, and whom you like besides"
            )
        if row.when is not None:
            yield Problem(f"notice.{name}.when", "they are always told", "a notice without it")
        # A command may act in their name, and then they are who must hear of it.
        if not row.tells_actor and name not in {*by_clock, CHANGES}:
            yield Problem(f"notice.{name}.tells_actor", "it is not set", "tells_actor = true")


def _check_meanings(procedure: Procedure) -> Iterator[Problem]:
    """Yield each meaning that no deadline has or that two have, and each duty that two deadlines end with."""
    rows = {name: row for name, row in procedure.deadline.items() if row.enabled}
    for meaning in Meaning:
        # The law asks for a deadline by its meaning, and must find exactly one.
        meant = [name for name, row in rows.items() if row.means is meaning]
        if not meant:
            problem = f"no row means {str(meaning)!r} to the law"
            yield Problem("deadline", problem, f'means = "{meaning}" in exactly one row that is enabled')
        for name in meant[1:]:
            problem = f"{str(meaning)!r} is what deadline.{meant[0]} means already"
            yield Problem(f"deadline.{name}.means", problem, "each meaning in exactly one row")
    duties: dict[str, str] = {}
    for name, row in rows.items():
        if row.done is not None and duties.setdefault(row.done, name) != name:
            problem = f"{row.done!r} is done by deadline.{duties[row.done]} already"
            yield Problem(f"deadline.{name}.done", problem, "each duty in one row at most")


def find_missing_words(words: Mapping[str, object]) -> Iterator[Problem]:
    """Yield the words that an event lacks, and the words for an event that does not exist."""
    for event in EVENTS:
        table = words.get(event)
        lines = table if isinstance(table, Mapping) else {}
        # Where the clock did an event, pages describe it in
        # other words, so such an event needs one line more.
        by_clock = any(row.name == event and Role.CLOCK in row.who for row in TABLE)
        for line in ("label", "does", "done", *(("automatic",) if by_clock else ())):
            if not isinstance(lines.get(line), str):
                yield Problem(f"templates/events.toml, {event}.{line}", "it is missing", "what people read")
    for event in sorted(set(words) - set(EVENTS)):
        expected = "one of " + ", ".join(EVENTS)
        yield Problem(f"templates/events.toml, {event}", "there is no such event", expected)


def _no_template(kind: str, name: str) -> Problem:
    return Problem(f"{kind}.{name}", "it has no template", f"a file templates/email/{name}.j2")


def _check_deadline(row: DeadlineSettings) -> Iterator[tuple[str, str, str]]:
    """Yield the mistakes in a row as triples: the key, what is wrong, what would be right."""
    for key, due in (("due", row.due), ("latest", row.latest)):
        for anchor in due.anchors if due else ():
            if anchor not in ANCHORS:
                yield key, f"there is no fact {anchor!r}", "one of " + ", ".join(ANCHORS)
            elif due and anchor in DAYS and f"at {anchor}" in due.text.split(", or "):
                yield key, f"{anchor} is a day and has no hour", f"'on {anchor}' or 'end of {anchor}'"
    for reminder in row.remind:
        if isinstance(reminder, Hour) and reminder.anchor not in ANCHORS:
            yield "remind", f"there is no fact {reminder.anchor!r}", "one of " + ", ".join(ANCHORS)
    if row.latest is not None and (row.latest.recurring or row.due.recurring):
        yield (
            "latest",
            "it is of no use to a deadline that recurs",
            "a deadline that does not, or no such key",
        )
    for key in ("when", "until"):
        moment = getattr(row, key)
        if moment is not None and moment not in MOMENTS:
            yield key, f"there is no fact {moment!r}", "one of " + ", ".join(MOMENTS)
    if row.done is not None and row.done not in DUTIES:
        yield "done", f"there is no duty {row.done!r}", "one of " + ", ".join(DUTIES)
    # Nothing else would ever move it on to its next occurrence.
    if row.due.recurring and row.done is None:
        yield "done", "a deadline that recurs needs it", "one of " + ", ".join(DUTIES)
    # A row may cover several states, and it is enough if the event exists in one of them.
    possible = {event for state in row.state for event in _event_names(state)}
    if row.fires is not None and row.fires not in possible:
        yield "fires", f"{row.fires!r} does not happen there", "one of " + ", ".join(sorted(possible))
    elif row.fires is not None and any(
        Role.CLOCK not in event_row.who
        for state in row.state
        for event_row in events_of(state)
        if event_row.name == row.fires
    ):
        yield "fires", f"{row.fires!r} is not for the clock", "an event that the clock may do"
    for event in row.offers:
        if event not in possible:
            yield "offers", f"{event!r} does not happen there", "one of " + ", ".join(sorted(possible))
    for event in row.owed:
        if event not in row.offers:
            yield "tasks", f"{event!r} is not among the offers", "one of " + ", ".join(row.offers or ["none"])
    yield from _check_recipients("to", row.to, row.offers)
    for number, rung in enumerate(row.overdue):
        yield from _check_recipients(f"overdue.{number}.to", rung.to, row.offers)


def _event_names(state: State) -> tuple[str, ...]:
    return tuple(row.name for row in events_of(state))


def _check_notice(name: str, row: NoticeSettings) -> Iterator[tuple[str, str, str]]:
    """Yield the mistakes in a notice as triples, the key with a dot before it, or "" for its name."""
    if name not in EVENTS and name not in SYSTEM_NOTICES:
        yield "", "there is no such event", "one of " + ", ".join((*EVENTS, *SYSTEM_NOTICES))
    if row.when is not None and row.when not in MOMENTS:
        yield ".when", f"there is no fact {row.when!r}", "one of " + ", ".join(MOMENTS)
    for event in row.offers:
        if event not in EVENTS:
            yield ".offers", f"there is no event {event!r}", "one of " + ", ".join(EVENTS)
    yield from (
        (f".{at}", problem, expected)
        for key, groups in (("to", row.to), ("once_signed", row.once_signed))
        for at, problem, expected in _check_recipients(key, groups, row.offers)
    )
    if name in EVENTS:
        # The law says who may know of an event. The configuration can only tell fewer people.
        audience = {*OFFICE, *event_named(name).audience}
        for recipient in row.to:
            if recipient in (*ROLES, *STANDS_FOR) and STANDS_FOR.get(recipient, recipient) not in audience:
                expected = "one of " + ", ".join(role for role in ROLES if role in audience)
                yield ".to", f"{recipient!r} may not know of {name}", expected


def _check_recipients(
    at: str, to: tuple[str, ...], offers: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    for recipient in to:
        if recipient not in (*ROLES, *GROUPS):
            yield at, f"there is no role {recipient!r}", "one of " + ", ".join((*ROLES, *GROUPS))
    # The group is made of those whose act is still missing, and only such events know who they are.
    if "waiting" in to and not (offers and offers[0] in COLLECTED):
        yield (
            at,
            "nobody in particular waits with the first offer",
            "first offer one of " + ", ".join(COLLECTED),
        )


def _check_mail(mail: Mail) -> Iterator[Problem]:
    if mail.replies == "none":
        return
    local = mail.replies_to.partition("@")[0]
    # The program adds a subaddress of its own, to tell which message is answered.
    if "+" in local:
        expected = f"the mailbox itself, {local.partition('+')[0]}@{mail.replies_to.partition('@')[2]}"
        yield Problem("mail.replies_to", f"{mail.replies_to!r} is a subaddress", expected)
    elif len(local) > _LONGEST:
        problem = f"{local!r} is too long: each message adds a number and a code"
        yield Problem("mail.replies_to", problem, f"up to {_LONGEST} characters before the @")
    if mail.trust == "dmarc" and not mail.authserv.strip():
        expected = 'the name our mail server writes there, such as "mx.example.org"; or mail.trust = "from"'
        yield Problem("mail.authserv", "it is empty, so that no answer would ever be believed", expected)
    if mail.replies == "maildir" and not mail.replies_maildir.strip():
        yield Problem("mail.replies_maildir", "it is empty", 'a folder, such as "var/replies"')
    if mail.replies == "maildir" and mail.mailer == "maildir" and mail.replies_maildir == mail.maildir:
        expected = "another folder than mail.maildir, else what is sent is read as an answer"
        yield Problem("mail.replies_maildir", "it is where messages are put that are sent", expected)
    if mail.replies == "imap" and not mail.imap.username:
        yield Problem("mail.imap.username", "it is empty", "the name to log in with")
    for name, server in (("smtp", mail.smtp), ("imap", mail.imap)):
        if server.password_file and server.oauth_token_file:
            yield Problem(f"mail.{name}.oauth_token_file", "there is a password_file too", "one of the two")


def _check_retention(retention: Retention) -> Iterator[Problem]:
    """Yield each class that counts from an event that it does not have, or that outlives what it belongs to."""
    for name, row in retention.classes.items():
        if row.after != COUNTS_FROM[name]:
            expected = f"{COUNTS_FROM[name]!r}"
            yield Problem(f"retention.{name}.after", f"{row.after!r} is no event of {name}", expected)
    for name, whole in (("documents", "record"), ("messages", "record"), ("office_mail", "messages")):
        row, of = retention.classes[name], retention.classes[whole]
        if _days(row.keep) > _days(of.keep):
            problem = f"{row.keep} is longer than the {of.keep} of {whole}, which would wait for it"
            yield Problem(f"retention.{name}.keep", problem, f"at most {of.keep}")


def _days(span: Offset) -> float:
    """Return how many days a span has on average."""
    return span.count * {"day": 1, "business day": 1.4, "week": 7, "month": 30.44, "year": 365.25}[span.unit]


def _check_summary(summary: Summary) -> Iterator[Problem]:
    """Yield each role that cannot get the summary, since it shows all partnerships."""
    for number, role in enumerate(summary.roles):
        if role not in SUMMARIZED:
            expected = f"some of {', '.join(SUMMARIZED)}, or an empty list"
            yield Problem(f"summary.roles.{number}", f"{shorten(role)} gets no summary", expected)


def find_warnings(procedure: Procedure) -> Iterator[str]:
    """Yield what is allowed in the procedure and has consequences that staff may not expect."""
    mail, office = procedure.mail, procedure.district.email.lower()
    if mail.replies == "none" or office != mail.replies_to.lower():
        return
    also = parse_mailbox(mail.sender, "the sender")[1].lower() == office
    names = (
        "district.email, mail.sender and mail.replies_to" if also else "district.email and mail.replies_to"
    )
    yield (
        f"{names} are one address, {office}. The daemon reads everything that comes to it and marks it as seen. It"
        " passes the questions of people on to staff, at most 20 an hour of those whom it does not know, and reads"
        " automatic messages alone. For questions, use an address as district.email that people read."
    )


def _check_board(board: BoardSettings) -> Iterator[Problem]:
    if board.quorum > board.members:
        yield Problem(
            "board.quorum", f"{board.quorum} is more than there are members", f"up to {board.members}"
        )
    twice = {day for day in board.meetings if board.meetings.count(day) > 1}
    for day in sorted(twice):
        yield Problem("board.meetings", f"{day} stands there twice", "each meeting once")
