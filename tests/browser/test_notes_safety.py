"""Rendered notes in a real browser, without a Content-Security-Policy: what the sanitizer alone lets through.

Every vector has a document of its own, so that none can hide behind another one's mistake. A canary counts scripts
that run; the network is watched; and the browser, not a parser of ours, says what is in the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from app.notes import render
from tests.corpora import load_corpus

CORPUS = load_corpus("xss_markdown")
VECTORS: dict[str, str] = {row["id"]: json.loads(row["md_json"]) for row in CORPUS["vectors"]}
# The corpus' list, and what is ours alone: colours of code, and checkboxes.
TAGS = sorted({*CORPUS["recommended"]["tags"], "span", "input"})

ORIGIN = "http://portal.example"
BATCH = 50
NAMES = list(VECTORS)
# Where a vector may stand, besides for itself.
PLACES = (
    "- {}",
    "> {}",
    "| a |\n| - |\n| {} |",
    "**{}**",
    "[{}](https://a.example)",
    "<div>\n{}\n</div>",
    "```html\n{}",
)
BATCHES = [NAMES[start : start + BATCH] for start in range(0, len(NAMES), BATCH)]

# Hooked before anything of the document is read; the frames report to the page that holds them.
CANARY = """
window.fired = [];
for (const name of ["alert", "prompt", "confirm", "print", "open"]) {
  window[name] = () => { window.fired.push(name); };
}
"""

# Gives what is wrong with the document: an empty list, if nothing is.
INSPECT = """
(tags) => {
  const wrong = [...window.fired];
  const allowed = {
    a: ["href", "title", "rel"], abbr: ["title"], code: ["class"], td: ["align"], th: ["align"], ol: ["start"],
    span: ["class"], input: ["type", "aria-label", "checked", "disabled"], pre: ["tabindex"], table: ["tabindex"],
  };
  const holder = document.getElementById("c");
  for (const element of holder.querySelectorAll("*")) {
    const name = element.localName;
    if (element.namespaceURI !== "http://www.w3.org/1999/xhtml" || !tags.includes(name)) wrong.push("<" + name + ">");
    for (const attribute of element.attributes) {
      if (!(allowed[name] || []).includes(attribute.name)) wrong.push(name + " " + attribute.name);
    }
    if (name === "a" && element.hasAttribute("href")) {
      if (!["http:", "https:", "mailto:"].includes(element.protocol)) wrong.push(element.href);
      if (!element.rel.includes("noopener")) wrong.push("rel " + element.rel);
    }
    if (name === "input" && !(element.type === "checkbox" && element.disabled)) wrong.push("input");
  }
  const copy = document.createElement("div");
  copy.innerHTML = holder.innerHTML;
  if (copy.innerHTML !== holder.innerHTML) wrong.push("changes when it is read again");
  const after = document.getElementById("after");
  if (after.parentNode !== document.body || after.previousElementSibling !== holder) wrong.push("out of its place");
  const events = ["mouseover", "mouseenter", "click", "focus", "focusin", "pointerdown", "toggle", "animationstart",
    "transitionend", "error", "load", "beforeinput", "wheel", "keydown"];
  // A link that is followed would take the document away; whether it may be followed is judged above.
  holder.addEventListener("click", (event) => event.preventDefault());
  for (const element of [holder, ...holder.querySelectorAll("*")]) {
    for (const kind of events) element.dispatchEvent(new Event(kind, {bubbles: true, cancelable: true}));
    if (element.focus) element.focus();
  }
  if (typeof window.c !== "object" || window.c !== holder) wrong.push("clobbered");
  return [...new Set([...wrong, ...window.fired])];
}
"""


class Site:
    """Serves documents from memory to one browser, and notes every request that goes elsewhere."""

    def __init__(self, context: BrowserContext) -> None:
        self.pages: dict[str, str] = {}
        self.strays: list[str] = []
        context.add_init_script(CANARY)
        context.route("**/*", self._answer)

    def _answer(self, route: Route) -> None:
        page = self.pages.get(route.request.url)
        if page is None:
            self.strays.append(route.request.url)
            route.abort()
        else:
            route.fulfill(body=page, content_type="text/html; charset=utf-8")

    def show(self, page: Page, documents: dict[str, str]) -> dict[str, list[str]]:
        """Takes HTML by name; shows each in a frame of its own, and gives what is wrong with it."""
        urls = {name: f"{ORIGIN}/{number}" for number, name in enumerate(documents)}
        for name, notes in documents.items():
            self.pages[urls[name]] = (
                f"<!doctype html><meta charset=utf-8><body><div id=c>{notes}</div><div id=after></div></body>"
            )
        frames = "".join(f'<iframe name="{number}" src="{url}"></iframe>' for number, url in enumerate(urls.values()))
        self.pages[f"{ORIGIN}/all"] = f"<!doctype html>{frames}"
        page.goto(f"{ORIGIN}/all", wait_until="load")
        return {name: self._inspect(page, number, url) for number, (name, url) in enumerate(urls.items())}

    @staticmethod
    def _inspect(page: Page, number: int, url: str) -> list[str]:
        frame = page.frame(name=str(number))
        if frame is None or frame.url != url:
            return ["the document went elsewhere"]
        found: list[str] = frame.evaluate(INSPECT, TAGS)
        # What was started is given two turns of the event loop to run.
        frame.evaluate("new Promise((done) => setTimeout(() => setTimeout(done)))")
        late: list[str] = frame.evaluate("window.fired")
        return sorted({*found, *late})


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window without cookies."""
    context = browser.new_context()
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def site(page: Page) -> Site:
    """What the window can reach, and nothing else."""
    return Site(page.context)


@pytest.mark.parametrize("names", BATCHES, ids=[names[0] for names in BATCHES])
def test_no_vector_runs_loads_or_escapes(page: Page, site: Site, names: list[str]) -> None:
    wrong = site.show(page, {name: render(VECTORS[name]) for name in names})
    assert {name: found for name, found in wrong.items() if found} == {}
    assert site.strays == []


@pytest.mark.parametrize("names", BATCHES, ids=[names[0] for names in BATCHES])
def test_no_vector_does_so_in_another_place(page: Page, site: Site, names: list[str]) -> None:
    documents = {name: render(PLACES[number % len(PLACES)].format(VECTORS[name])) for number, name in enumerate(names)}
    wrong = site.show(page, documents)
    assert {name: found for name, found in wrong.items() if found} == {}
    assert site.strays == []


def test_the_canary_sees_what_does_run_load_and_escape(page: Page, site: Site) -> None:
    dangerous = {
        "script": "<script>alert(1)</script>",
        "handler": "<b onclick=alert(1)>a</b>",
        "error": "<img src=/x onerror=alert(1)>",
        "scheme": '<a href="java&#10;script:alert(1)">a</a>',
        "escape": "</div><p>a</p>",
        "clobber": '<p id="c">a</p>',
        "foreign": "<svg><style>a</style></svg>",
        "leak": "<img src=//elsewhere.example/a.png>",
        "field": "<input name=a>",
    }
    wrong = site.show(page, dangerous)
    assert {name for name, found in wrong.items() if not found} == set()
    assert all("alert" in wrong[name] for name in ("script", "handler", "error"))
    assert "http://elsewhere.example/a.png" in site.strays
