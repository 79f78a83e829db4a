"""The editor of notes in a real browser: its buttons and keys, the counter, files, and what notes begin with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from app.note_templates import schema, service
from app.products.models import Product
from tests.browser.conftest import sign_in
from tests.factories import Factory, Organisation

pytestmark = pytest.mark.once

OpenContext = Callable[..., BrowserContext]

# The text before and after, with what is selected between bars.
EDITS = (
    ("bold", "a |b| c", "a **|b|** c"),
    ("bold", "a **|b|** c", "a |b| c"),
    ("bold", "|**b**|", "|b|"),
    ("bold", "wo|rd here", "**wo|rd** here"),
    ("bold", "a | b | c", "a  **|b|**  c"),
    ("bold", "|", "**|**"),
    ("bold", "**|**", "|"),
    ("bold", "|- one\n- two|", "|- **one**\n- **two**|"),
    ("bold", "|- **one**\n\n- **two**|", "|- one\n\n- two|"),
    ("italic", "a |b| c", "a _|b|_ c"),
    ("italic", "x|b|y", "x*|b|*y"),
    ("italic", "**|b|**", "**_|b|_**"),
    ("code", "|b|", "`|b|`"),
    ("code", "|a`b|", "`` |a`b| ``"),
    ("code", "|a\nb|", "|```\na\nb\n```|"),
    ("code", "|```\na\nb\n```|", "|a\nb|"),
    ("code", "|a\n```\nb|", "|````\na\n```\nb\n````|"),
    ("link", "|word|", "[word](|https://|)"),
    ("link", "|https://a.example|", "[|](https://a.example)"),
    ("link", "|", "[|](https://)"),
    ("heading", "a|b", "## a|b"),
    ("heading", "## a|b", "### a|b"),
    ("heading", "### a|b", "a|b"),
    ("heading", "one\ntwo| words", "one\n## two| words"),
    ("quote", "|a\n\nb|", "|> a\n>\n> b|"),
    ("quote", "|> a\n>\n> b|", "|a\n\nb|"),
    ("bullets", "buy m|ilk", "- buy m|ilk"),
    ("bullets", "- buy m|ilk", "buy m|ilk"),
    ("bullets", "|a\nb\n|c", "|- a\n- b|\n\nc"),
    ("numbers", "|a\nb|", "|1. a\n2. b|"),
    ("numbers", "|- [ ] a\n- b|", "|1. a\n2. b|"),
    ("tasks", "text\na|", "text\n\n- [ ] a|"),
    ("tasks", "- [x] a|", "a|"),
    ("bullets", "- [x] a|", "- a|"),
    ("indent", "|- a\n- b|", "|  - a\n  - b|"),
    ("indent", "|1. a\n\n2. b|", "|   1. a\n\n   2. b|"),
    ("outdent", "|  - a\n- b\n\tc|", "|- a\n- b\nc|"),
    ("enter", "- a|", "- a\n- |"),
    ("enter", "- a|b", "- a\n- |b"),
    ("enter", "  9. a|", "  9. a\n  10. |"),
    ("enter", "1) a|", "1) a\n2) |"),
    ("enter", "- [x] a|", "- [x] a\n- [ ] |"),
    ("enter", "> - a|", "> - a\n> - |"),
    ("enter", "- a\n- |", "- a\n|"),
    ("enter", "```\n- a|", None),
    ("enter", "plain|", None),
    ("enter", "|- a", None),
    ("indent", "one line| here", None),
)
RUN_EDITS = """async ([url, cases]) => {
  const edits = await import(url);
  const bars = (text, start, end) =>
    text.slice(0, start) + "|" + text.slice(start, end) + (end > start ? "|" : "") + text.slice(end);
  return cases.map(([name, marked]) => {
    const text = marked.replaceAll("|", "");
    const start = marked.indexOf("|");
    const state = { text, start, end: Math.max(start, marked.lastIndexOf("|") - 1) };
    const edit =
      name === "indent" || name === "outdent" ? edits.indent(state, name === "outdent")
      : name === "enter" ? edits.continueList(state) : edits.findEdit(name, state);
    if (!edit) return null;
    const changed = text.slice(0, edit.from) + edit.insert + text.slice(edit.to);
    return bars(changed, edit.start, edit.end);
  });
}"""
DROP = """(target, [kind, files]) => {
  const transfer = new DataTransfer();
  for (const [name, type, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
  const options = { bubbles: true, cancelable: true };
  target.dispatchEvent(
    kind === "paste" ? new ClipboardEvent(kind, { ...options, clipboardData: transfer })
    : new DragEvent(kind, { ...options, dataTransfer: transfer }));
}"""


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation."""
    return make.organisation()


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    """Its product."""
    return make.product(owner, "Rocket")


@pytest.fixture
def page(open_context: OpenContext, owner: Organisation, product: Product) -> Page:
    """The form for a new release, signed in."""
    page = sign_in(open_context().new_page(), owner)
    page.goto(f"/releases/new?product={product.id}")
    expect(page.get_by_role("toolbar", name="Formatting")).to_be_visible()
    return page


def find_notes(page: Page) -> Locator:
    """Gives the field."""
    return page.get_by_label("Notes", exact=True)


def read_script_url(page: Page, name: str) -> str:
    """Gives the address of one of the editor's modules."""
    url: str = page.evaluate("document.querySelector('script[src*=\"release/editor\"]').src")
    return url.replace("editor.js", name)


def check_toolbar(page: Page) -> None:
    """The toolbar is one stop; the arrows move in it, and what it does goes on in the field. Nothing is sent."""
    notes = find_notes(page)
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Heading")).to_be_focused()
    for keys, name in (("ArrowRight", "Bold"), ("End", "Insert a text file"), ("ArrowRight", "Heading"),
                       ("ArrowLeft", "Insert a text file"), ("ArrowLeft", "Task list")):  # fmt: skip
        page.keyboard.press(keys)
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    expect(notes).to_be_focused()
    expect(notes).to_have_value("- [ ] [word](https://a.example)")
    bold = page.get_by_role("button", name="Bold")
    assert (bold.get_attribute("title"), bold.get_attribute("aria-keyshortcuts")) == ("Bold (Ctrl+B)", "Control+B")


def test_buttons_and_keys_change_the_text_and_ctrl_z_takes_it_back(page: Page) -> None:
    expected = [after for _, _, after in EDITS]
    assert page.evaluate(RUN_EDITS, [read_script_url(page, "edits.js"), EDITS]) == expected

    notes = find_notes(page)
    notes.click()
    page.keyboard.type("word")
    for keys, text in (("Control+b", "**word**"), ("Control+i", "**_word_**"), ("Control+e", "**_`word`_**")):
        page.keyboard.press(keys)
        expect(notes).to_have_value(text)
    for text in ("**_word_**", "**word**", "word"):
        page.keyboard.press("Control+z")
        expect(notes).to_have_value(text)
    page.keyboard.press("Control+k")
    page.keyboard.type("https://a.example")
    expect(notes).to_have_value("[word](https://a.example)")
    expect(page.locator("#preview a")).to_have_text("word")

    check_toolbar(page)
    notes.fill("")
    page.keyboard.type("- one\ntwo\n")
    expect(notes).to_have_value("- one\n- two\n- ")
    page.keyboard.press("Enter")
    expect(notes).to_have_value("- one\n- two\n")
    page.keyboard.press("Control+z")
    expect(notes).to_have_value("- one\n- two\n- ")
    # With several lines selected, Tab indents them; else, and after Escape, it leaves.
    page.keyboard.press("Control+a")
    page.keyboard.press("Tab")
    expect(notes).to_have_value("  - one\n  - two\n  - ")
    page.keyboard.press("Shift+Tab")
    expect(notes).to_have_value("- one\n- two\n- ")
    page.keyboard.press("Control+z")
    expect(notes).to_have_value("  - one\n  - two\n  - ")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(notes).not_to_be_focused()
    notes.press("ArrowRight")
    page.keyboard.press("Tab")
    expect(notes).not_to_be_focused()
    expect(notes).to_have_value("  - one\n  - two\n  - ")

    # What an input method composes is left alone.
    notes.fill("- ")
    cdp = page.context.new_cdp_session(page)
    cdp.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    kept = """field => ["Enter", "Tab"].map(key => field.dispatchEvent(
        new KeyboardEvent("keydown", { key, isComposing: true, bubbles: true, cancelable: true })))"""
    assert notes.evaluate(kept) == [True, True]
    cdp.send("Input.insertText", {"text": "日本"})
    expect(notes).to_have_value("- 日本")
    expect(page.locator("#preview")).to_have_text("日本")
    expect(page).to_have_url(re.compile("/releases/new"))


def test_the_counter_agrees_with_the_server_and_tells_when_the_limit_is_crossed(page: Page) -> None:
    notes, told = find_notes(page), page.locator("[data-counter-state]")
    changes = """state => { window.told = []; new MutationObserver(() => window.told.push(state.textContent))
        .observe(state, { childList: true, characterData: true, subtree: true }); }"""
    told.evaluate(changes)
    texts = ["a\r\nb\rc\n\r\n", "😀👨‍👩‍👧", "e\u0301\u0323", "\u2028\x0b\x0c\x85", "\ud83d!", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "x" * 4097 + "😀"]
    for text in texts:
        with page.expect_response("**/releases/preview") as answer:
            notes.evaluate("(f, text) => { f.value = JSON.parse(text); f.dispatchEvent(new Event('input')); }",
                           json.dumps(text))  # fmt: skip
        length = answer.value.json()["length"]
        expect(page.locator("#notes-counter")).to_have_text(f"{length:,} of 4,096 characters")
    expect(page.locator("[data-excess]")).to_have_text("2 too many")
    expect(page.locator("[data-notes-error]")).to_have_text("Notes must have at most 4096 characters; they have 4098.")
    expect(notes).to_have_accessible_description(re.compile("^Notes must have at most 4096"))
    for text in ("x" * 4200, "x" * 4300, "x" * 4096, "x" * 4000):
        notes.fill(text)
    expect(page.locator("[data-excess]")).to_be_hidden()
    expect(page.locator("[data-notes-error]")).to_be_hidden()
    assert page.evaluate("window.told") == ["The notes are too long now.", "The notes fit again."]


def check_files(page: Page) -> None:
    """Text files are dropped, pasted and chosen; others are refused in words, and take the page nowhere."""
    notes, said = find_notes(page), page.locator("[data-editor-state]")
    notes.fill("")
    markdown = list(b"\xef\xbb\xbf# From a file\r\n\r\n\xc3\xa9\r\n")
    notes.evaluate(DROP, ["drop", [["notes.md", "", markdown]]])
    expect(notes).to_have_value("# From a file\n\né\n")
    expect(said).to_have_text("notes.md was inserted.")
    notes.press("Control+z")
    expect(notes).to_have_value("")
    notes.evaluate(DROP, ["paste", [["notes.txt", "text/plain", list(b"pasted")]]])
    expect(notes).to_have_value("pasted")
    page.locator("[data-file]").set_input_files({"name": "more.md", "mimeType": "text/markdown", "buffer": b"more"})
    expect(notes).to_have_value("pasted\n\nmore")
    refused = (
        (["a.png", "image/png", [1]], "a.png is an image. Notes hold text alone; link to it instead."),
        (["a.zip", "application/zip", [1]], "a.zip is no text file. Notes take .md and .txt."),
        (["a.md", "", [120] * 16385], "a.md is too large: notes take files of at most 16,384 bytes."),
        (["a.md", "", [0xFF, 0xFE]], "a.md is no text in UTF-8."),
        (["a.txt", "text/plain", [0x61, 0]], "a.txt is no text in UTF-8."),
    )
    for file, words in refused:
        notes.evaluate(DROP, ["drop", [file]])
        expect(said).to_have_text(words)
    notes.evaluate(DROP, ["drop", [refused[0][0], refused[1][0]]])
    expect(said).to_have_text("Insert one file at a time.")
    # A file that misses the field does not take the page away.
    page.locator("h1").evaluate(DROP, ["drop", [["b.md", "", [1]]]])
    expect(notes).to_have_value("pasted\n\nmore")
    expect(page).to_have_url(re.compile("/releases/new"))


def test_notes_begin_with_the_release_before_with_a_template_or_with_a_file(
    page: Page, make: Factory, owner: Organisation, product: Product
) -> None:
    caller = make.caller(owner)
    for version in ("1.9", "1.10"):
        body = {"name": "R", "version": version, "notes": f"# {version}\n\n- x\n", "productId": product.id}
        assert caller.post("/v3/releases", json=body).status_code == 201
    other = make.product(owner, "Booster")
    for place, name, text in ((product, "Fix", "## Fix\n"), (other, "Boost", "## Boost\n")):
        service.create_template(owner.actor, place.id, schema.parse_note_template({"name": name, "notes": text}))
    page.reload()
    notes, said = find_notes(page), page.locator("[data-editor-state]")
    undo = page.get_by_role("button", name="Undo")

    page.get_by_role("button", name="Start from the previous release").click()
    expect(notes).to_have_value("# 1.10\n\n- x\n")
    expect(said).to_have_text("The notes of 1.10 were filled in.")
    expect(undo).to_be_hidden()
    expect(page.locator("#preview h1")).to_have_text("1.10")
    notes.fill("typed")
    expect(said).to_be_empty()
    page.get_by_label("Version", exact=True).fill("1.10")
    page.get_by_role("button", name="Start from the previous release").click()
    expect(notes).to_have_value("# 1.9\n\n- x\n")
    undo.click()
    expect(notes).to_have_value("typed")
    notes.press("Control+z")
    expect(notes).to_have_value("# 1.9\n\n- x\n")
    notes.press("Control+z")
    expect(notes).to_have_value("typed")

    notes.press("End")
    page.get_by_role("button", name="Insert template").click()
    expect(notes).to_have_value("typed\n\n## Fix\n")
    chooser = page.get_by_label("Template of notes")
    page.get_by_label("Product", exact=True).select_option(label="Booster")
    expect(chooser.locator("option")).to_have_text(["Boost"])
    expect(page.get_by_role("link", name="Edit templates")).to_have_attribute("href", f"/products/{other.id}/templates")
    assert "noteTemplate" not in page.evaluate("Array.from(new FormData(document.forms[1]).keys())")
    page.get_by_role("button", name="Insert template").click()
    expect(notes).to_have_value("typed\n\n## Fix\n\n## Boost\n")

    check_files(page)


def test_without_script_templates_are_kept_and_inserted_all_the_same(
    open_context: OpenContext, owner: Organisation, product: Product
) -> None:
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.goto(f"/products/{product.id}/templates")
    page.get_by_role("link", name="New template").click()
    page.get_by_label("Name", exact=True).fill("Fix")
    find_notes(page).fill("## Fixed")
    page.get_by_role("button", name="Show the preview").click()
    expect(page.locator("#preview h2")).to_have_text("Fixed")
    page.get_by_role("button", name="Save template").last.click()
    expect(page.get_by_role("heading", name="Fixed")).to_be_visible()
    page.goto(f"/releases/new?product={product.id}")
    expect(page.get_by_role("toolbar")).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("Kept")
    page.get_by_role("button", name="Insert template").click()
    expect(find_notes(page)).to_have_value("## Fixed")
    expect(page.locator("#preview h2")).to_have_text("Fixed")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Kept")
