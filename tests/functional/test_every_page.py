"""Every page there is opens, is walked by the tests of looks, and speaks the reader's language."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.languages import LOCALE_COOKIE
from tests.every_page import Portal, fill_portal
from tests.factories import Factory

pytestmark = pytest.mark.once
# What is no page of its own: answers for scripts and programs, ways that only lead on, and files.
NO_PAGES = {
    "account.show_new_email",
    "account.show_recovery_codes",
    "accounts.setup",
    "accounts.show_second_step",
    "accounts_api.show_key_set",
    "assets.send_asset",
    "audit.export_entries",
    "client_download.send_client",
    "drafts.show_draft",
    "drafts.show_outcome",
    "drafts.show_sender",
    "file_uploads.download_file",
    "health.show_health",
    "health.show_readiness",
    "identities.connect",
    "identities.tell_signed_in",
    "imports.export_rows",
    "metrics.show_metrics",
    "note_templates.list_choices",
    "oidc.begin",
    "oidc.choose",
    "oidc.come_back",
    "pages.show_front",
    "release_hints.show_hints",
    "release_notes.show_previous_notes",
    "release_page.show_deliveries",
    "settings.show_settings",
    "static",
    "webhook_keys_api.show_key_set",
}


@pytest.fixture(scope="module")
def portal(module_app: Flask) -> Portal:
    """An organisation with something on every page, which all tests here look at and none changes."""
    return fill_portal(module_app, Factory(module_app))


def test_every_page_opens_and_none_is_left_out(module_app: Flask, portal: Portal) -> None:
    app = module_app
    browser, adapter = Factory(app).browser(portal.owner), app.url_map.bind("")
    opened, astray = set(), []
    for walker, paths in ((browser, portal.paths), (app.test_client(), portal.open_paths)):
        for name, path in paths.items():
            answer = walker.get(path)
            expected = {404, 410} if name == "nothing" or "is over" in name else {200}
            expected |= {400} if "make no sense" in name else set()
            assert answer.status_code in expected, name
            assert answer.mimetype == "text/html"
            if name != "nothing":
                opened.add(adapter.match(path.partition("?")[0])[0])
            # Whoever is signed in sees which part of the portal a page belongs to.
            _, _, navigation = answer.text.partition('<nav class="site-nav"')
            has_current = 'aria-current="page"' in navigation.partition("</nav>")[0]
            if navigation and not has_current and name not in ("nothing", "components"):
                astray.append(name)
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith("/v3/")
    }
    assert pages - opened - NO_PAGES == set()
    assert pages >= NO_PAGES
    assert astray == []


def test_every_page_can_be_read_in_german(module_app: Flask, portal: Portal) -> None:
    browser = Factory(module_app).browser(portal.owner)
    english = ("Skip to the content", "Save changes", "Settings", "Products", "Password", "Sign out", "Cancel")
    for walker, paths in ((browser, portal.paths), (module_app.test_client(), portal.open_paths)):
        walker.set_cookie(LOCALE_COOKIE, "de")
        for name, path in paths.items():
            page = walker.get(path).text
            assert '<html lang="de"' in page, name
            assert not [words for words in english if re.search(rf">\s*{words}\s*<", page)], name
