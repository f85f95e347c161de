"""The page of a plan in a real browser: on a phone, a tablet and a desk, and on paper."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import Browser

from tests.browser.conftest import Judge
from tests.browser.test_pages import served
from tests.support.visitor import Visit
from tests.workflow.web.test_me import STAFF
from tests.workflow.web.test_plan import ASKED


def test_a_plan_can_be_read_at_every_width_and_on_paper(visit: Visit, browser: Browser, judge: Judge) -> None:
    visitor = visit("needs")
    visitor.sign_in(STAFF)
    cookie = visitor.client.get_cookie("sign-in")
    assert cookie is not None
    with served(visitor) as host:
        for width, scheme in ((320, "light"), (768, "light"), (1280, "dark")):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": host}])
            tab = context.new_page()
            for path in ("/me/plan", f"/me/plan?{urlencode(ASKED)}", "/me/plan?term=long"):
                tab.goto(host + path)
                wider = tab.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert (width, path, wider, judge(tab)) == (width, path, 0, [])
            tab.goto(f"{host}/me/plan?{urlencode(ASKED)}")
            assert tab.get_by_role("row").count() == 10, "nine steps below the headings"
            tab.emulate_media(media="print")
            assert not tab.locator("form").is_visible()
            assert tab.get_by_role("row").last.is_visible()
            context.close()
