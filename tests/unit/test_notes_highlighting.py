"""Code in notes: coloured where its language is known, never changed, never slow."""

from __future__ import annotations

import html
import re
from importlib import import_module
from typing import Any

import pytest

from app.notes import render
from app.notes.highlighting import highlight_blocks
from app.notes.languages import LANGUAGES
from app.notes.sanitizer import sanitize_page
from tests.notes_attacks import deadline, fill

# What reads a pattern is the library's own, and has no types.
constants: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

SAMPLES = {
    ("bash", "zsh", "sh", "shell"): (
        "export A=$HOME && pip install a-b==1.2 'x y' | grep if-else ${B#c} # why",
        (
            "<k>export</k> A=<nv>$HOME</nv> && pip install a-b==<m>1.2</m> <s>'x y'</s> | grep if-else <nv>${B#c}</nv>"
            " <c1># why</c1>"
        ),
    ),
    ("c", "c++", "cpp", "objc", "objective-c"): (
        '#include <a.h>\nint main(void) { return f("a\\"b"); } /* c */',
        (
            "<cp>#include <a.h></cp>\n<k>int</k> <nf>main</nf>(<k>void</k>)"
            ' { <k>return</k> <nf>f</nf>(<s>"a\\"b"</s>); } <cm>/* c */</cm>'
        ),
    ),
    ("console",): ("$ pip install a\nCollecting a", "<gs>$ pip install a</gs>\nCollecting a"),
    ("cs", "c#", "csharp", "java"): ("public class A { } // a", "<k>public</k> <k>class</k> A { } <c1>// a</c1>"),
    ("css",): ("a { color: #fff }", "a { <na>color</na>: <m>#fff</m> }"),
    ("diff", "patch"): (
        "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same",
        "<gh>--- a</gh>\n<gh>+++ b</gh>\n<gu>@@ -1 +1 @@</gu>\n<gd>-old</gd>\n<gi>+new</gi>\n same",
    ),
    ("docker", "dockerfile"): (
        "FROM a:3 AS b\nRUN pip",
        "<k>FROM</k> a:<m>3</m> <k>AS</k> b\n<k>RUN</k> pip",
    ),
    ("go", "golang"): ("func a() { b(`c\nd`) }", "<k>func</k> <nf>a</nf>() { <nf>b</nf>(<s>`c\nd`</s>) }"),
    ("graphql",): ("query { a(b: $c) }", "<k>query</k> { <nf>a</nf>(b: <nv>$c</nv>) }"),
    ("html", "xml"): (
        '<!-- c --><a href="x">&amp;</a>',
        '<cm><!-- c --></cm><nt><a</nt> <na>href</na>=<s>"x"</s><nt>></nt><ni>&amp;</ni><nt></a></nt>',
    ),
    ("http",): ("GET / HTTP/1.1\nHost: a", "<k>GET</k> / HTTP/<m>1.1</m>\n<na>Host</na>: a"),
    ("ini", "toml"): ('[a]\nb = "c" # d', '<k>[a]</k>\n<na>b</na> = <s>"c"</s> <c1># d</c1>'),
    ("js", "javascript", "jsx", "ts", "tsx", "typescript"): (
        "const a = `b ${c}`, d = null",
        "<k>const</k> a = <s>`b ${c}`</s>, d = <kc>null</kc>",
    ),
    ("json",): ('{"a": [1.5, true, "b"]}', '{<nt>"a"</nt>: [<m>1.5</m>, <kc>true</kc>, <s>"b"</s>]}'),
    ("kotlin",): ('fun a() = "b"', '<k>fun</k> <nf>a</nf>() = <s>"b"</s>'),
    ("lua",): ('local a = "b" -- c', '<k>local</k> a = <s>"b"</s> <c1>-- c</c1>'),
    ("make", "makefile"): ("all: a\n\techo $(A)", "<nf>all</nf>: a\n\techo <nv>$(A)</nv>"),
    ("nginx",): ("server {\n  listen 80;\n}", "<k>server</k> {\n<k>  listen</k> <m>80</m>;\n}"),
    ("perl",): ("my $a = 1;", "<k>my</k> <nv>$a</nv> = <m>1</m>;"),
    ("php",): ("echo $a; // b", "<k>echo</k> <nv>$a</nv>; <c1>// b</c1>"),
    ("powershell",): ("ForEach ($a in $b) {}", "<k>ForEach</k> (<nv>$a</nv> <k>in</k> <nv>$b</nv>) {}"),
    ("proto", "protobuf"): ("message A { string b = 1; }", "<k>message</k> A { <k>string</k> b = <m>1</m>; }"),
    ("py", "python", "python3"): (
        '@cache\ndef a(b=None):  # c\n    """d\n    e"""\n    return f\'{b}\'',
        (
            '<nd>@cache</nd>\n<k>def</k> <nf>a</nf>(b=<kc>None</kc>):  <c1># c</c1>\n    <s>"""d\n    e"""</s>\n'
            "    <k>return</k> <s>f'{b}'</s>"
        ),
    ),
    ("rb", "ruby"): ("def a; :b; end", "<k>def</k> a; <ss>:b</ss>; <k>end</k>"),
    ("rs", "rust"): ("fn a<'b>() -> char { 'c' }", "<k>fn</k> a<'b>() -> <k>char</k> { <sc>'c'</sc> }"),
    ("scala",): ("val a = 1", "<k>val</k> a = <m>1</m>"),
    ("sql",): ("Select a -- b\nFROM c", "<k>Select</k> a <c1>-- b</c1>\n<k>FROM</k> c"),
    ("swift",): ("let a = nil", "<k>let</k> a = <kc>nil</kc>"),
    ("yaml", "yml"): (
        'a: 1\nb:\n  - c: "d" # e\n  - http://f',
        '<nt>a:</nt> <m>1</m>\n<nt>b:</nt>\n<nt>  - c:</nt> <s>"d"</s> <c1># e</c1>\n  - http://f',
    ),
}
CASES = [(name, code, marked) for names, (code, marked) in SAMPLES.items() for name in names]
HOSTILE = (
    '"', "'", '"""', "'''", '"\\', "'\\", "/*", "/**", "--[[", "=begin\n", 'r"', 'r"\\', "${", "#{", "$[", "%q{",
    "<<EOF\n", "a->", "a::", "a.", "a(", "a<", "A.b.C", "@a", "0x", "1e", "1_", "é", "\n ", "\t\n", "class ",
    "public ", "enum ", "void a(", "a\n", "\n", "import ", "$ a\n", "[x]: ", "@@ ", "+\n", "a=\n", "[a]\n", "a:\n ",
    "- a: ", "&", "<", "<a ", "<!--", "<![CDATA[", "_", "a b", "\xa0", "#\n", "*", "`",
)  # fmt: skip


def build_page(code: str, language: str) -> str:
    """Gives the HTML of a code block as it is before it gets colours."""
    return f'<pre><code class="language-{language}">{html.escape(code, quote=False)}\n</code></pre>'


def show_marks(page: str) -> str:
    """Gives a page with its spans written as short as the samples are."""
    code = page.partition(">")[2].partition(">")[2].removesuffix("\n</code></pre>")
    return html.unescape(re.sub(r'<span class="(\w+)">(.*?)</span>', r"<\1>\2</\1>", code, flags=re.DOTALL))


@pytest.mark.parametrize(("language", "code", "marked"), CASES, ids=[case[0] for case in CASES])
def test_code_gets_colours_and_keeps_its_text(language: str, code: str, marked: str) -> None:
    assert show_marks(render(f"```{language}\n{code}\n```")) == marked


def test_there_is_a_sample_of_every_language() -> None:
    lexers = {LANGUAGES[name] for name, _, _ in CASES}
    assert lexers == set(LANGUAGES.values())


@pytest.mark.parametrize("info", ["python", "Python", "python title=a", "python,linenos", "{.python}", " python"])
def test_the_language_is_the_first_word_after_the_fence(info: str) -> None:
    assert '<code class="language-python"><span class="k">if</span>' in render(f"```{info}\nif\n```")


@pytest.mark.parametrize("info", ["", "text", "klingon", "<b>", '"python"'])
def test_code_in_no_language_that_is_known_stays_plain(info: str) -> None:
    assert "<span" not in render(f"```{info}\nif 1: return\n```")


@pytest.mark.parametrize("language", sorted({names[0] for names in SAMPLES}))
def test_hostile_code_is_neither_slow_nor_changed(language: str) -> None:
    for unit in HOSTILE:
        page = sanitize_page(build_page(fill(unit), language))
        with deadline(1, f"{language} of {unit!r}"):
            coloured = highlight_blocks(page, 10**6)
        assert sanitize_page(re.sub("</?span[^>]*>", "", coloured)) == page


def iterate_greedy(tree: Any) -> list[Any]:
    """Gives the repetitions in a parsed pattern that have no limit and can be taken back."""
    found = []
    for operator, argument in tree:
        if operator in {constants.MAX_REPEAT, constants.MIN_REPEAT} and argument[1] is constants.MAXREPEAT:
            found.append(argument)
        parts = argument if isinstance(argument, tuple | list) else [argument]
        for part in parts:
            for inner in part if isinstance(part, list) else [part]:
                if isinstance(inner, parser.SubPattern):
                    found += iterate_greedy(inner)
    return found


@pytest.mark.parametrize("language", sorted({names[0] for names in SAMPLES}))
def test_no_rule_takes_back_what_it_took(language: str) -> None:
    rules = [rule for state in LANGUAGES[language].tokens.values() for rule in state]
    assert rules
    for pattern, *_ in rules:
        source = pattern if isinstance(pattern, str) else pattern.get()
        assert not iterate_greedy(parser.parse(source, re.MULTILINE)), source


def test_a_greedy_rule_would_be_found() -> None:
    for pattern in (r"(a+)+b", r"(?:x|a*)", r"(?=a*?b)", r"(?>a+b)c", r"a{2,}"):
        assert iterate_greedy(parser.parse(pattern))
    assert not iterate_greedy(parser.parse(r"a*+[^b]++c{1,8}(?:d|e)?"))
