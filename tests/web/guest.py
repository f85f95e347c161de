"""Somebody who opens the pages of a district: the links of a notice, and the open calls."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from states.partnership import Role
from tests.workflow.district import Life
from workflow import links
from workflow.links import Applicant, Claim
from workflow.outbox import queue
from workflow.store import tables
from workflow.web import app

BASE = "http://127.0.0.1:8427"


def application(life: Life) -> Flask:
    """The pages of a life's district, at the time of that life."""
    return app.application(life.system, lambda: (True, {}), CollectorRegistry(), lambda: life.now)


class Visitor:
    """A browser without scripts, in a life's district."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.client: FlaskClient = application(life).test_client()

    def get(self, address: str) -> TestResponse:
        return self.client.get(path_of(address))

    def post(self, address: str, **fields: Any) -> TestResponse:
        return self.client.post(path_of(address), data=fields)

    def link(self, role: Role, email: str, template: str = "describe-needs", event: str = "") -> str:
        """The address of a link in a notice that somebody gets in a role."""
        life = self.life

        def tell(session: Any) -> int:
            return queue.tell(session, template, email, str(role), life.now, partnership=life.record.id)

        notice = life.system.transact(tell)
        return links.address(life.system.config, Claim(notice, event, email, life.ref))

    def shown(self, role: Role, email: str, template: str = "describe-needs") -> str:
        """What the page of the partnership says to somebody."""
        answer = self.get(self.link(role, email, template))
        assert answer.status_code == 200, words(answer.text)
        return answer.text

    def application_link(self, email: str) -> str:
        return links.apply_address(self.life.system.config, Applicant(self.life.ref, email))


def path_of(address: str) -> str:
    return address.removeprefix(BASE)


def words(page: str) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"<(head|svg)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def count(life: Life, table: str) -> int:
    """How many rows a table has."""
    with life.system.reading() as session:
        rows = session.connection.execute(tables.METADATA.tables[table].select()).all()
    return len(rows)


Visit = Callable[..., Visitor]
