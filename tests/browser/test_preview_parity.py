"""All real and all hostile notes in Chromium: what the preview shows is what customers get, and nothing of it runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from app.notes import normalize, render
from app.releases.schema import find_notes_error
from tests.browser.conftest import sign_in
from tests.factories import Factory, Organisation
from tests.parity import TEXTS, publish_all

pytestmark = pytest.mark.once

# Hooked before anything of a page is read. What the policy of the page stops has got past the renderer all the same.
CANARY = """
window.fired = [];
for (const name of ["alert", "prompt", "confirm", "print", "open"]) window[name] = () => window.fired.push(name);
document.addEventListener("securitypolicyviolation", event => window.fired.push(event.violatedDirective));
"""
# Shows each as the preview does, does to it what readers do, and gives what has become of it.
SHOW_ALL = """async ([url, pages]) => {
  const { showHtml } = await import(url);
  const preview = document.getElementById("preview");
  const shown = [];
  for (const html of pages) {
    showHtml(html);
    shown.push(html && preview.innerHTML);
    for (const part of preview.querySelectorAll("*")) {
      for (const kind of ["mouseover", "focus", "toggle", "error", "load", "pointerdown"]) {
        part.dispatchEvent(new Event(kind, { bubbles: true, cancelable: true }));
      }
    }
    if (document.getElementById("preview") !== preview) window.fired.push("clobbered");
  }
  await new Promise(done => setTimeout(() => setTimeout(done)));
  return shown;
}"""
READ_ALL = "Array.from(document.querySelectorAll('.customer-release > .notes'), notes => notes.innerHTML)"


def test_customers_get_what_the_preview_shows_and_nothing_runs(
    open_context: Callable[..., BrowserContext], make: Factory
) -> None:
    owner: Organisation = make.organisation()
    product = make.product(owner)
    texts = [text for text in TEXTS if find_notes_error(normalize(text)) is None]
    context = open_context()
    context.add_init_script(CANARY)
    page = sign_in(context.new_page(), owner)
    page.goto("/releases/new")
    url = page.evaluate("document.querySelector('script[src*=\"release/preview\"]').src")
    shown = page.evaluate(SHOW_ALL, [url, [render(text) for text in texts]])
    assert page.evaluate("window.fired") == []
    assert page.url.endswith("/releases/new")

    publish_all(owner, product.id, texts)
    page.goto(f"/{owner.slug}/{product.slug}")
    read: list[str] = []
    while True:
        read += page.evaluate(READ_ALL)
        assert page.evaluate("window.fired") == []
        link = page.get_by_role("link", name="Older releases")
        if not link.count():
            break
        page.goto(str(link.get_attribute("href")))
    assert read == shown
