"""What every answer of the web says to a browser, and what nobody finds in the log."""

from __future__ import annotations

import traceback

import pytest
from structlog.testing import capture_logs

from tests.support import databases
from tests.support.visitor import Visit
from workflow.web.site import HEADERS


@pytest.mark.promise("links-stay-private")
def test_every_page_and_every_error_has_the_headers(visit: Visit) -> None:
    visitor = visit("needs", '[web]\nbase_url = "https://partners.example.org"\nposts_per_minute = 2\n')
    link = visitor.link("describe-needs", "principal")
    answers = [
        visitor.client.open(path, method=method)
        for path, method in (
            (link, "GET"), (f"{link}/done", "GET"), (link, "POST"), (link, "DELETE"),
            (visitor.link("", "principal"), "GET"), ("/a/none-of-ours", "GET"), ("/nowhere", "GET"),
            ("/calls", "GET"), ("/calls/none", "POST"), ("/calls/none", "POST"), ("/calls/none", "POST"),
        )
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [
        200, 303, 415, 405, 200, 404, 404, 200, 404, 404, 429,
    ]  # fmt: skip
    open_to_all = {"X-Robots-Tag", "Cache-Control"}  # other on the list of calls, which anybody may keep
    for answer in answers:
        public = answer.request.path == "/calls"
        for name, value in HEADERS.items():
            assert answer.headers[name] == value or (public and name in open_to_all)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.promise("no-scripts")
def test_the_policy_of_a_page_lets_no_script_run_and_nothing_in_or_out() -> None:
    policy = dict(rule.strip().split(" ", 1) for rule in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'", "style-src": "'self'", "img-src": "'self' data:",
        "form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert (HEADERS["Referrer-Policy"], HEADERS["Cache-Control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize("base", ["http://127.0.0.1:8427", "http://partners.example.org"])
def test_without_https_no_browser_is_told_to_insist_on_it(visit: Visit, base: str) -> None:
    visitor = visit("needs", f'[web]\nbase_url = "{base}"\n')
    assert "Strict-Transport-Security" not in visitor.get("/calls").headers


@pytest.mark.promise("addresses-from-settings")
def test_a_page_that_fails_shows_and_logs_no_link_and_no_name(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("describe-needs", "principal")
    visitor.life.run("ALTER TABLE notices RENAME TO elsewhere")
    with capture_logs() as logged:
        seen = visitor.get(path)
    assert seen.status == 500
    assert "Something went wrong" in seen.said
    (entry,) = logged
    whole = str(entry) + "".join(traceback.format_exception(entry["exc_info"]))
    assert entry["event"] == "page failed"
    assert databases.no_such_table("notices") in whole
    for secret in (path.removeprefix("/a/"), "principal@example.org"):
        assert secret not in whole
        assert secret not in seen.page.text
    assert "Traceback" not in seen.page.text
