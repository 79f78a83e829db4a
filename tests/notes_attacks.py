"""Notes that are made to stall, crash or blow up what renders them, by what they attack."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LIMIT = 4096

# What is repeated until the notes are full.
UNITS: dict[str, tuple[str, ...]] = {
    "brackets": (
        "[", "]", "![", "[]", "[[", "][", "[a](", "[a][", "[a]", "![](", "[](http://a)", "[a](http://a)",
        "![](http://a/&)", "[[a](http://a)](", "[a](<", '[a](http://a "', "[a](http://a 't", "[a](((((", "\\[",
        "[\\]", "[a\\", "[x]: ",
    ),
    "emphasis": (
        "*", "_", "~", "*a*", "**a**", "***a***", "_a", "__a__", "~~a~~", "~a~", "~~~a", "*_", "*_a", "*a_ ", "**a*",
        "*a**b", "a**b*c", "*a**b*", "_*", "~*", "*\xa0", "_a_b", "*.a.", "`a`*_",
    ),
    "code": (
        "`", "``a`", "` ", "`` `", "`a", "`a`", "`a``", "~~~\n", "```\n", "```js\n1\n```\n", "~~~js\n1\n", "    a\n",
        "\ta\n",
    ),
    "characters": (
        "<", "&", ">", '"', "\\", "<<a", "&a", "&#", "&#0;", "&amp;", "&nbsp;", "&nGt;", "&quot;", "\xa0",
        "\ufffd", "\U0001f600", "\u0301", "x\u0301", "\x1b[", "{:", "$$", ": ", "\u2028", "\x0b", "\x0c", "\x85",
    ),
    "quotes": (
        "> ", ">", ">\n", "> a\n", "> a\n\n", ">>>>>>>>>>>>a\n\n", "> ```\n", "> ~~~\n\n", "> a\nb\n", "> # a\n",
        ">\t",
    ),
    "lists": (
        "- ", "-\n", "- a\n", "- - a\n", "- - - - - - - - - - - - a\n", "+\n-\n", "- a\n+ a\n", "* a\n\n", "1. a\n",
        "1)\n1.\n", "9. a\n\n", "- [x] a\n", "- [ ] a\n", "-\n\n", "- a\n\n  b\n", "- ```\n", "> - ", "1. > ",
        "- ---\n", "-\ta\n", " - a\n", "a\n-\t`a`",
    ),
    "lines": (
        "a\n", "a\n\n", "# a\n", "#\n", "a\n-\n", "a\n=\n", "***\n", "a  \n", "a\\\n", "\\\n", " \n", "\n", "~*\\\n",
    ),
    "tables": (
        "|a|\n|-|\n", "a|b\n-|-\na|b\n\n", "a|b\n-|-\n\n", "|", "|-", "a|", "\\|", "|`a\\|`", "a|b\n:-:|:-:\na\n",
    ),
    "definitions": (
        "[a]: b\n", "[a]: http://a\n\n[a]\n\n", '[a]: http://a "t"\n', "[a]: <b\n", "[a]:\n", "[a]: b\n'", "[^a]",
        "[^a]: b\n", "*[a]: b\n",
    ),
    "html": (
        "<a>", "<a ", "<a href=", '<a href="', "<a href=http://a>", "<b>", "<b></b>", "</b>", "<em><b>", "<hr>",
        "<br>", "<p>", "<img src=http://a>", "<img src=http://a/&>", "<div>", "<div>\n", "<div>\n\n", "</div>",
        "<table>", "<td>", "<table><tr><td>", "<table><tr><td></table>", "<ul><li>", "<li>", "<h1>", "<pre>",
        "<pre>\n", "<!--", "<!-- a -->", "<?", "<?a?>", "<![CDATA[", "<!A", "<!A>", "<script>", "<style>", "<svg>",
        "<math>", "<textarea>", "<xmp>", "<plaintext>", "<title>", "<noscript>", "<iframe>", "<template>", "<a\n",
        "<b a='", "<a b=c ", "<div><?", "<div><!--",
    ),
    "addresses": (
        "http://a ", "http://a", "https://", "http://&", "http://a/&", 'http://"', "`http://a", "http://a]",
        "[http://a", "www.", "www.a ", "www.a.b(", "://", "a@a.a ", "a@", "@a", "a@a@", "<a@a>", "<http://a>",
        "http://a/(", "http://a)", "http://a/;", "http://a&b;", "http://a.!", "http://a/_", "mailto:a@a.a ",
    ),
    "line ends": ("\r", "\r\n", "\r\n\r", "a\r", "a\r\n", "\n\r", "\t", "\t\n", "- a\r\n", "> a\r"),
    "what no page can show": (
        "\x00", "\ud800", "\udfff", "\ufdd0", "\ufdd1 ", "\ufffe", "<\x00", "&\x00", "\x7f", "*\ud800",
    ),
}  # fmt: skip
# What is opened again and again, and then closed as often.
NESTS = (
    ("*", "*"), ("*_", "_*"), ("~~*", "*~~"), ("[", "](http://a)"), ("[", "](a)"), ("![", "](http://a)"),
    ("[", "][x]"), ("[", "]"), ("<b>", "</b>"), ("<b><i>", "</i></b>"), ("*<b>", "</b>*"), ("[*", "*](http://a)"),
    ("<ul><li>", "</li></ul>"), ("<div>", "</div>"), ("<table><tr><td>", "</td></tr></table>"), ("http://a/(", ")"),
    ("`", "`"), ("<sub>*", "*</sub>"),
)  # fmt: skip


def fill(unit: str, length: int = LIMIT) -> str:
    """Gives the unit as often as it fits into so many characters."""
    return unit * (length // len(unit))


def build_nest(opening: str, closing: str, length: int = LIMIT) -> str:
    """Gives what nests as deep as fits into so many characters."""
    count = (length - 1) // (len(opening) + len(closing))
    return opening * count + "a" + closing * count


def iterate_mixtures(seed: int, count: int) -> Iterator[str]:
    """Gives notes that mix some units: in turn, one kind after the other, or at random. The same for the same seed."""
    chance = random.Random(seed)
    units = [unit for kind in UNITS.values() for unit in kind]
    for _ in range(count):
        parts = chance.sample(units, chance.randint(2, 4))
        yield chance.choice(
            [
                fill("".join(parts)),
                "".join(fill(part, LIMIT // len(parts)) for part in parts),
                "".join(chance.choices(parts, k=LIMIT))[:LIMIT],
            ]
        )


@contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """Fails what takes longer than so many seconds. The bound is for what never ends; figures are the benchmark's."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{what} took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
