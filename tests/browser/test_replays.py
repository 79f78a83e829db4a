"""A replay in a real browser: its page shows how far it is by itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import sign_in
from tests.factories import Factory
from tests.receivers import Receiver
from tests.replaying import fill

OpenContext = Callable[..., BrowserContext]


def test_a_replay_is_previewed_ordered_and_followed_until_it_is_done(open_context: OpenContext, make: Factory) -> None:
    owner = make.organisation()
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        fill(webhook, 5, dead=3)
        page = sign_in(open_context().new_page(), owner)
        page.goto(f"/webhooks/{webhook.id}")
        page.get_by_role("link", name="Replay what failed…").click()
        page.get_by_role("button", name="Preview").click()
        page.get_by_role("button", name="Send 3 deliveries again").click()
        expect(page.get_by_text("The replay has begun.")).to_be_visible()
        expect(page.get_by_role("link", name="Look again")).to_have_count(0)
        # Three at one a second, and nobody reloads the page.
        expect(page.get_by_role("heading", level=1)).to_have_text("Replay Done", timeout=20_000)
        expect(page.get_by_text("3 of 3 queued")).to_be_visible()
        expect(page.get_by_role("button", name="Cancel the replay")).to_have_count(0)
    assert len(receiver.requests) == 3
