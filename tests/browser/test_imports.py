"""An import in a real browser: a file is dropped, previewed, run, and followed until it is done."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import sign_in
from tests.factories import Factory
from tests.importing import build_lines

OpenContext = Callable[..., BrowserContext]

DROP = """([content, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], name, { type: "application/json" }));
  for (const kind of ["dragenter", "drop"]) {
    const event = new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.querySelector("[data-drop]").dispatchEvent(event);
  }
}"""


def test_a_file_is_dropped_previewed_and_followed_until_it_is_done(open_context: OpenContext, make: Factory) -> None:
    owner = make.organisation()
    product = make.product(owner, "Rocket")
    rows = [{"version": f"release-1.{number}.0", "date": "2024-01-01"} for number in range(60)]
    lines = build_lines([*rows, {"version": "2.0.0-rc.1", "date": "2024-02-01"}]).decode()
    page = sign_in(open_context().new_page(), owner)
    page.goto(f"/products/{product.id}")
    page.get_by_role("link", name="Import old releases").click()
    page.wait_for_load_state()
    page.evaluate(DROP, [lines, "history.jsonl"])
    expect(page.get_by_text(re.compile(r"history\.jsonl, [0-9.]+ kB"))).to_be_visible()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("60 releases would be created.")).to_be_visible()
    page.get_by_role("button", name="Put them onto their own channels").click()
    page.get_by_role("link", name="61 With remarks").click()
    expect(page.get_by_role("link", name="61 With remarks")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_text("A prerelease: it goes to the channel rc.")).to_be_visible()
    page.get_by_role("button", name="Import 61 releases").click()
    # Nobody reloads the page.
    expect(page.get_by_text("61 releases were created.")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="1.0.0").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rocket 1.0.0")
    # Whoever has no script sees how far it is, too.
    plain = open_context(java_script_enabled=False).new_page()
    sign_in(plain, owner)
    plain.goto(f"/imports?product={product.id}")
    plain.get_by_role("link", name="history.jsonl").click()
    expect(plain.get_by_text("61 releases were created.")).to_be_visible()
