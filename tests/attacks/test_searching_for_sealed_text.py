"""Somebody looks everywhere, at every moment of random lives, for the text of a sealed application (4270.8).

Each text holds a marker of its own. After each step every page, message, calendar, feed and command is searched for
the markers, and each one that is found is judged by the few rules of `Text.is_open_to`.
SEALS=100 lives so many lives, from SEED on, and looks at every link after each step; else only at some.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from random import Random
from typing import Any

import pytest

from notifications.errors import ServiceError
from states.errors import LawError
from states.inputs import ABILITIES
from states.names import Role
from tests.attacks.sealed_texts import AUTHORS, DESK, HELPERS, MARKER, PAPER, PUBLIC, Call, Reader, Text
from tests.support.desk import Desk
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, REVIEWERS
from tests.support.letters import delivered
from tests.support.visitor import Guest, Visitor, path_of
from workflow import links
from workflow.actions import sign_in
from workflow.links import Claim
from workflow.outbox import message
from workflow.publishing.school_year import SchoolYear
from workflow.publishing.tables import TABLES
from workflow.store import feeds, tables
from workflow.store.rows import Channel, Notice
from workflow.web.link import read_token

SEED = int(os.environ.get("SEED", "4270"))
SEALS = int(os.environ.get("SEALS", "0"))
STEPS = 24 if SEALS else 8
REGISTER = ("/partnerships", "/partnerships.csv", "/partnerships.json")


@dataclass
class Search:
    """Random lives of two partnerships, and everything that was written in them."""

    desk: Desk
    rng: Random
    lives: list[Life]
    texts: dict[str, Text] = field(default_factory=dict)
    calls: dict[tuple[str, int], Call] = field(default_factory=dict)
    trail: list[str] = field(default_factory=list)
    came: Counter[str] = field(default_factory=Counter)
    seen: int = 0  # the last notice whose message was read

    @property
    def now(self) -> datetime:
        return self.desk.life.now

    def write(self, life: Life, author: str) -> tuple[str, dict[str, str]]:
        """A new text with a marker of its own, by ability."""
        marker = f"zq{len(self.texts)}zq"
        self.texts[marker] = Text(author, self.call(life))
        return marker, dict.fromkeys(ABILITIES, f"what only {marker} says")

    def call(self, life: Life) -> Call:
        """The present call of a partnership, whose closing may have moved."""
        facts = life.facts
        assert facts.selection is not None
        known = self.calls.setdefault(
            (life.ref, facts.round), Call(life.ref, facts.round, facts.selection.closes_at)
        )
        known.closes_at = facts.selection.closes_at
        known.ended = known.ended or bool(facts.ended and facts.ended.at < known.closes_at)
        return known

    # What happens

    def turn(self, number: int) -> None:
        """What every life comes to in its middle: the call goes on, ends early, or is over and another opens."""
        life = self.desk.life
        self.trail.append(f"{self.now:%Y-%m-%d} turn {number % 3}")
        if number % 3 == 0:
            life.do("withdraw")
        elif number % 3 == 1:
            life.now += timedelta(days=60)
            life.tick()
            self.start_over(life)
        self.call(life)

    def step(self) -> None:
        life = self.rng.choice(self.lives)
        always = [self.go_on, self.pass_time, self.change_people, self.withdraw]
        while_open = [self.fill_in] * 4 + [self.enter] * 2 + [self.pass_time, self.end]
        # What does not fit is tried too, but seldom, so that lives are full.
        is_over = life.facts.selection is None or self.call(life).is_closed(self.now)
        closed = [self.judge, self.start_over, self.start_over, self.fill_in, self.enter]
        act = self.rng.choice(always + (closed if is_over else while_open))
        try:
            act(life)
        except (LawError, ServiceError) as refused:
            self.trail.append(f"{act.__name__}: {type(refused).__name__}")
            self.came["refused"] += 1
        else:
            self.trail.append(f"{self.now:%Y-%m-%d} {life.ref} {act.__name__}")
            self.came[act.__name__] += 1
        for each in self.lives:
            each.now = self.now
            if each.facts.selection:
                self.call(each)
        self.desk.life.tick()

    def fill_in(self, life: Life) -> None:
        """An applicant opens the link, writes, and saves, sends or withdraws."""
        author, guest = self.rng.choice(AUTHORS), Guest(life)
        link, button = guest.application_link(author), self.rng.choice(("send", "send", "save", "withdraw"))
        form = re.search(r'name="form" value="([0-9a-f]+)"', guest.get(link).text)
        if form is None:
            return
        marker, written = self.write(life, author)
        before = life.record.version
        guest.post(
            link, do=button, form=form[1], name=f"House of {author.partition('@')[0]}", contact_name="C",
            kind="community-based-organization", confirm="withdraw", **written,
        )  # fmt: skip
        self.note(life, before, marker)

    def enter(self, life: Life) -> None:
        """Staff enter what came on paper, or an applicant acts at the desk."""
        author = self.rng.choice(tuple(PAPER))
        marker, written = self.write(life, author)
        before = life.record.version
        given = {"organization": PAPER[author], "contact_email": author, "contact_name": "C"}
        life.do("receive-application", self.rng.choice(("staff", author)), abilities=written, **given)
        self.note(life, before, marker)

    def withdraw(self, life: Life) -> None:
        assert life.facts.selection is not None
        applications = life.facts.selection.applications.values()
        if not applications:
            return
        chosen, before = self.rng.choice(list(applications)), life.record.version
        by = self.rng.choice(("staff", chosen.contact_email))
        channel = self.rng.choice((Channel.CLI, Channel.LINK))
        life.do("withdraw-application", by, organization=chosen.organization, channel=channel)
        self.note(life, before, "")

    def note(self, life: Life, before: int, marker: str) -> None:
        """Take down what the record says has happened to a text."""
        row = life.history()[-1]
        given = re.search(r'"organization":"([^"]+)"', row["input"])
        if row["seq"] == before or given is None:
            return
        if row["event"] == "receive-application" and marker in row["input"]:
            self.texts[marker].organization = given[1]
        if row["event"] == "withdraw-application" and not self.call(life).is_closed(self.now):
            for text in self.texts.values():
                text.is_gone |= text.call is self.call(life) and text.organization == given[1]

    def go_on(self, life: Life) -> None:
        """Something that changes no application."""
        closes_on = str((self.now + timedelta(days=self.rng.choice((1, 20)))).date())
        event, given = self.rng.choice((
            ("add-note", {}), ("extend-selection", {"closes_on": closes_on}), ("ask-for-review", {}),
            ("choose-partner", {"organization": self.rng.choice((CBO, COLLEGE))}), ("set-outcomes", {}),
            ("file-protest", {"organization": self.rng.choice((CBO, COLLEGE))}), ("draft-agreement", {}),
        ))  # fmt: skip
        life.do(event, **given)

    def pass_time(self, _: Life) -> None:
        self.desk.life.now += timedelta(days=self.rng.choice((1, 3, 12, 20)), hours=self.rng.choice((0, 8)))

    def change_people(self, life: Life) -> None:
        """Somebody goes away and names a delegate, is removed, or belongs to an organization."""
        until, delegate = self.now.date() + timedelta(days=5), f"{self.rng.choice(HELPERS)}@example.org"
        given: dict[str, Any] = self.rng.choice((
            {"away_until": until, "delegate": delegate}, {"active": False}, {},
            {"organization": self.rng.choice((CBO, COLLEGE))},
        ))  # fmt: skip
        life.person(self.rng.choice(HELPERS), **given)

    def judge(self, life: Life) -> None:
        """The panel scores everything, or one of it has a conflict."""
        assert life.facts.selection is not None
        for organization in life.facts.selection.applications:
            for reviewer in REVIEWERS:
                event = self.rng.choice(("score-application",) * 5 + ("declare-conflict",))
                life.do(event, reviewer, organization=organization)

    def start_over(self, life: Life) -> None:
        """The call found nobody, and another opens with the same panel."""
        life.do("restart")
        self.open(life)

    def open(self, life: Life) -> None:
        for role in ("principal", "staff"):
            life.do("agree-needs", role)
        life.do("open-selection", closes_on=str((self.now + timedelta(days=30)).date()))

    def end(self, life: Life) -> None:
        if self.rng.random() < 0.1:
            life.do("withdraw")

    # What is searched

    def look(self, *, everywhere: bool) -> None:
        for place, reader, shown in self.everything(everywhere):
            for marker in set(MARKER.findall(shown)):
                self.came["found"] += 1
                text = self.texts[marker]
                assert text.is_open_to(reader, self.now), (place, reader, text, str(self.now), self.trail)

    def everything(self, everywhere: bool) -> Iterator[tuple[str, Reader, str]]:
        for life in self.lives:
            delivered(life)
            yield from self.letters(life)
            yield from self.pages(life, everywhere)
            yield from self.own_pages(life, everywhere)
            yield from self.commands(life, everywhere)
        yield from self.feeds()
        self.seen = max((row["id"] for life in self.lives for row in life.notices()), default=0)

    def letters(self, life: Life) -> Iterator[tuple[str, Reader, str]]:
        """Messages quote no application, not even to its author: others may read a shared mailbox."""
        for row in life.notices():
            if row["id"] > self.seen and row["message"]:
                letter = message_from_bytes(row["message"], policy=policy.default)
                parts = [
                    str(part.get_content()) for part in letter.walk() if part.get_content_maintype() == "text"
                ]
                yield f"letter {row['template']} to {row['to']}", PUBLIC, "\n".join([str(letter), *parts])

    def pages(self, life: Life, everywhere: bool) -> Iterator[tuple[str, Reader, str]]:
        """Every page of every link that a message offers or has offered."""
        guest, round_ = Guest(life), life.facts.round
        offered = list(self.links(life))
        if not everywhere:
            offered = self.rng.sample(offered, min(8, len(offered)))
        for notice, address in offered:
            owner, delegate = notice.delegate_for or notice.to, notice.delegate_for is not None
            reader = Reader(owner, Role(notice.role), delegate, life.ref, round_)
            place = f"{notice.template} {notice.id} to {notice.to} as {notice.role}"
            for page in ("", "/done"):
                yield f"page of {place}{page}", reader, guest.get(f"{address}{page}").text
        for author in AUTHORS:
            own = Reader(author, Role.APPLICANT, ref=life.ref, round=round_)
            for old in range(round_ + 1):
                link = links.apply_address(life.system.config, links.Applicant(life.ref, author, old))
                yield f"application of {author} in round {old}", own, guest.get(path_of(link)).text

    def own_pages(self, life: Life, everywhere: bool) -> Iterator[tuple[str, Reader, str]]:
        """What people find who have signed in: their page, and each partnership that it leads to."""
        config, round_ = life.system.config, life.facts.round
        with life.system.reading() as session:
            people = sorted({*session.directory.people, *AUTHORS})
        for email in people if everywhere else self.rng.sample(people, 2):
            visitor, name = Visitor(life), f"{self.rng.random()}"
            link = links.SignInLink(email, name)
            with suppress(sign_in.Unknown):
                key = life.system.transact(lambda s, of=link: sign_in.open_by_link(s, of, "", life.now))
                visitor.client.set_cookie("sign-in", key)
            page = visitor.get("/me").page
            yield f"the page of {email}", PUBLIC, page.text
            for address in page.links:
                path = visitor.path_of(address)
                if not path.startswith("/a/") or not isinstance(
                    claim := read_token(config, path[3:])[1], Claim
                ):
                    continue
                if claim.ref == life.ref:
                    owner, through = claim.delegate_for or email, claim.delegate_for is not None
                    reader = Reader(owner, Role(claim.role), through, life.ref, round_)
                    yield f"{claim.event} of {email} as {claim.role}", reader, visitor.get(path).page.text

    def links(self, life: Life) -> Iterator[tuple[Notice, str]]:
        config, facts = life.system.config, life.facts
        with life.system.reading() as session:
            for values in life.rows(tables.notices, "id"):
                notice = Notice(**values)
                for event in ("", *message.offers_of(session, notice)):
                    # An early link names no version of what it consents to, and so is closed by none.
                    claims = {links.claim_of(notice, life.ref, event, facts)}
                    claims.add(Claim(notice.id, event, notice.to, life.ref))
                    yield from ((notice, path_of(links.address(config, claim))) for claim in claims)

    def feeds(self) -> Iterator[tuple[str, Reader, str]]:
        life = self.desk.life
        guest = Guest(life)
        with life.system.reading() as session:
            people = {p: feeds.generation_of(session.connection, p) for p in session.directory.people}
        for email, generation in people.items():
            address = links.feed_address(life.system.config, email, generation)
            yield f"dates of {email}", PUBLIC, guest.get(path_of(address)).text
        calls = [f"/{kind}/{each.ref}" for each in self.lives for kind in ("calls", "partnerships")]
        for path in ("/calls", *calls, "/calls.atom", "/calls.ics", *REGISTER):
            yield path, PUBLIC, guest.get(path).text

    def commands(self, life: Life, everywhere: bool) -> Iterator[tuple[str, Reader, str]]:
        ref, year = life.ref, str(SchoolYear.of(life.now.date()).ends_in)
        named = ("show", "history", "events", "notices", "replies", "deadlines")
        commands = [(name, ref, *form) for name in named for form in ((), ("--json",))]
        commands += [
            ("export", ref),
            *(("export", ref, "--format", form) for form in ("ics", "ocds")),
            *(("export", ref, "--format", "csv", "--table", table) for table in TABLES),
            ("report", ref, "--year", year, "--json"),
            ("list", "--json"),
            ("verify",),
            ("organizations",),
            ("people",),
            ("changes",),
        ]
        if not everywhere:
            commands = [("export", ref), ("history", ref, "--json"), *self.rng.sample(commands, 2)]
        commands += [("notices", "show", str(row["id"])) for row in life.notices() if row["id"] > self.seen]
        for words in commands:
            answer = self.desk.run(*words)
            yield " ".join(words), DESK, answer.out + answer.err


Searching = Callable[[int], Search]


@pytest.fixture
def search(begin: Begin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Searching:
    def search(number: int) -> Search:
        first = begin("open", '[admin.users]\n"(owner)" = { may_act_as = ["*"] }\n')
        desk = Desk(first, capsys, monkeypatch)
        monkeypatch.setattr("workflow.session.current_time", lambda: desk.life.now.astimezone(UTC))
        second = first.another("franklin-2025")
        for event in ("identify-needs", "describe-needs"):
            second.do(event, "staff")
        made = Search(desk, Random(f"{SEED} {number}"), [first, second])
        made.open(second)
        return made

    return search


@pytest.mark.promise("sealed-until-closing")
def test_whatever_happened_no_page_message_feed_or_command_shows_sealed_text(search: Searching) -> None:
    came: Counter[str] = Counter()
    for number in range(SEALS or 2):
        one = search(number)
        for step in range(STEPS):
            one.step()
            if step == STEPS // 2:
                with suppress(LawError):
                    one.turn(number)
            if SEALS or step % 3 == 2:
                one.look(everywhere=SEALS > 0)
        # All calls are over, so that the search finds what is open.
        one.desk.life.now += timedelta(days=90)
        one.step()
        one.look(everywhere=True)
        came += one.came
    print(dict(came))
    assert came["found"], "the search finds nothing at all"
