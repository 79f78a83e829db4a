"""Markup within text: emphasis, code, links, addresses and HTML, as readers know them from GitHub.

The HTML is that of CommonMark 0.31.2 and GitHub Flavored Markdown, but for what notes leave out on purpose:
relative links and other schemes are text, images are links, and what is no element of HTML stays as typed.
"""

from __future__ import annotations

import pytest

from app.notes import find_excess
from tests.notes_reading import render_bare

# Notes, and their HTML without line ends between the elements and without what all links have in common.
CASES = {
    "emphasis": (
        "*a* _b_ **c** __d__ ***e*** ~~f~~ ~g~",
        (
            "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <em><strong>e</strong></em> "
            "<del>f</del> <del>g</del></p>"
        ),
    ),
    "emphasis within words": (
        "a_b_c a*b*c __init__.py snake_case_name",
        "<p>a_b_c a<em>b</em>c <strong>init</strong>.py snake_case_name</p>",
    ),
    "emphasis in emphasis": (
        "**a*b*c** *a **b** c* ***a* b** **~~a~~** ~~**b**~~",
        (
            "<p><strong>a<em>b</em>c</strong> <em>a <strong>b</strong> c</em> <strong><em>a</em> b</strong> "
            "<strong><del>a</del></strong> <del><strong>b</strong></del></p>"
        ),
    ),
    "no emphasis": (
        "a * b * c** d** ~~~c~~~ ~1.2 and ~/.config 2*3*4 \\*a\\*",
        "<p>a * b * c** d** ~~~c~~~ ~1.2 and ~/.config 2<em>3</em>4 *a*</p>",
    ),
    "emphasis beside punctuation": (
        '**a:** b *(c)* **"d"** **e**:',
        '<p><strong>a:</strong> b <em>(c)</em> <strong>"d"</strong> <strong>e</strong>:</p>',
    ),
    "emphasis that does not fit": (
        "*a **b* c** **d*** *e",
        "<p><em>a <em><em>b</em> c</em></em> <strong>d</strong>* *e</p>",
    ),
    "code": (
        "`a` ``b`c`` ` d ` `  ` `e  f` `*g*` `<b>`",
        (
            "<p><code>a</code> <code>b`c</code> <code>d</code> <code>  </code> <code>e  f</code> "
            "<code>*g*</code> <code>&lt;b&gt;</code></p>"
        ),
    ),
    "code that is not closed": ("`a ``b` c", "<p><code>a ``b</code> c</p>"),
    "code over lines": ("`a\nb`", "<p><code>a b</code></p>"),
    "what binds tighter": (
        "*a `b* c` [d `e](http://f.g) h`",
        "<p>*a <code>b* c</code> [d <code>e](http://f.g) h</code></p>",
    ),
    "line breaks": ("a  \nb\\\nc\nd<br>e", "<p>a<br>\nb<br>\nc\nd<br>e</p>"),
    "escapes": ("\\*a\\* \\[b\\] \\` \\\\ \\c \\& \\<b>", "<p>*a* [b] ` \\ \\c &amp; &lt;b&gt;</p>"),
    "entities": (
        "&copy; &#169; &#xA9; &lt;b&gt; &nope; AT&T &copy &#0; &nbsp;",
        "<p>© © © &lt;b&gt; &amp;nope; AT&amp;T &amp;copy � &nbsp;</p>",
    ),
    "links": (
        ("[a](http://b.c) [d](http://e.f \"g\") [h](http://i.j 'k') [l](<http://m.n/o p>) [*q*](http://r.s/t_u_v)"),
        (
            '<p><a href="http://b.c">a</a> <a href="http://e.f" title="g">d</a> <a href="http://i.j" '
            'title="k">h</a> <a href="http://m.n/o%20p">l</a> <a href="http://r.s/t_u_v"><em>q</em></a></p>'
        ),
    ),
    "parentheses in links": (
        "[a](http://b.c/d_(e)) ([f](http://g.h)) [i](http://j.k/\\))",
        '<p><a href="http://b.c/d_(e)">a</a> (<a href="http://g.h">f</a>) <a href="http://j.k/)">i</a></p>',
    ),
    "links over lines": ('[a\nb](\nhttp://c.d\n"e\nf"\n)', '<p><a href="http://c.d" title="e\nf">a\nb</a></p>'),
    "no links": (
        "[a](http://b.c d) [e] (http://f.g) \\[h](i) [j]",
        ('<p>[a](<a href="http://b.c">http://b.c</a> d) [e] (<a href="http://f.g">http://f.g</a>) [h](i) [j]</p>'),
    ),
    "links in brackets": (
        "[[a]](http://b.c) [[d](http://e.f)](http://g.h)",
        ('<p><a href="http://b.c">[a]</a> [<a href="http://e.f">d</a>](<a href="http://g.h">http://g.h</a>)</p>'),
    ),
    "links in brackets in brackets": (
        "[a [b [c](http://d.e) f](http://g.h) i](http://j.k)",
        (
            '<p>[a [b <a href="http://d.e">c</a> f](<a href="http://g.h">http://g.h</a>) i](<a '
            'href="http://j.k">http://j.k</a>)</p>'
        ),
    ),
    "links and HTML that cross": (
        "<b>[a</b>](http://c.d) [<i>e](http://f.g)</i>",
        '<p><b>[a</b>](<a href="http://c.d">http://c.d</a>) <a href="http://f.g">e</a></p>',
    ),
    "labels with brackets in them": (
        "[a\\]b] [c[d]]\n\n[a\\]b]: http://e.f\n[d]: http://g.h",
        '<p><a href="http://e.f">a]b</a> [c<a href="http://g.h">d</a>]</p>',
    ),
    "references": (
        ('[a] [b][a] [c][] [A][nope] [nope]\n\n[a]: http://d.e\n[c]: <http://f.g> "h"\n[a]: http://second.example'),
        (
            '<p><a href="http://d.e">a</a> <a href="http://d.e">b</a> <a href="http://f.g" title="h">c</a> '
            "[A][nope] [nope]</p>"
        ),
    ),
    "definitions over lines": (
        '[a]:\nhttp://b.c\n"d"\n[e]: http://f.g\ntext [a] [e]',
        '<p>text <a href="http://b.c" title="d">a</a> <a href="http://f.g">e</a></p>',
    ),
    "no definitions": (
        'a\n[b]: http://c.d\n\n[e]: http://f.g "h" i\n\n[b] [e]',
        (
            '<p>a\n[b]: <a href="http://c.d">http://c.d</a></p><p>[e]: <a href="http://f.g">http://f.g</a> "h" '
            "i</p><p>[b] [e]</p>"
        ),
    ),
    "schemes": (
        "[a](https://b.c) [d](mailto:e@f.g) [h](ftp://i.j) [k](javascript:l) [m](HTTP://N.O)",
        '<p><a href="https://b.c">a</a> <a href="mailto:e@f.g">d</a> h k <a href="HTTP://N.O">m</a></p>',
    ),
    "relative links show their text": ("[a](b.md) [c](/d) [e](#f) [g](//h.i) [j]()", "<p>a c e g j</p>"),
    "images are links": (
        '![a *b*](http://c.d/e.png "f") ![](http://g.h/i.png) ![j](k.png)',
        '<p><a href="http://c.d/e.png">a b</a> <a href="http://g.h/i.png">http://g.h/i.png</a> j</p>',
    ),
    "a badge is its link": ("[![a](http://b.c/d.svg)](http://e.f)", '<p><a href="http://e.f">a</a></p>'),
    "addresses in angle brackets": (
        "<http://a.b?c=d&e=f> <g@h.i> <mailto:j@k.l> <ftp://m.n>",
        (
            '<p><a href="http://a.b?c=d&amp;e=f">http://a.b?c=d&amp;e=f</a> <a href="mailto:g@h.i">g@h.i</a> '
            '<a href="mailto:j@k.l">mailto:j@k.l</a> &lt;ftp://m.n&gt;</p>'
        ),
    ),
    "bare addresses": (
        "http://a.b https://c.d/e_f_g?h=(i)#j www.k.l/m HTTP://N.O",
        (
            '<p><a href="http://a.b">http://a.b</a> <a '
            'href="https://c.d/e_f_g?h=(i)#j">https://c.d/e_f_g?h=(i)#j</a> <a '
            'href="http://www.k.l/m">www.k.l/m</a> <a href="HTTP://N.O">HTTP://N.O</a></p>'
        ),
    ),
    "what ends a bare address": (
        ('(http://a.b/c) http://d.e/f. "http://g.h" http://i.j/k?! **http://l.m** http://n.o/&copy; <p>http://q.r</p>'),
        (
            '<p>(<a href="http://a.b/c">http://a.b/c</a>) <a href="http://d.e/f">http://d.e/f</a>. "<a '
            'href="http://g.h">http://g.h</a>" <a href="http://i.j/k">http://i.j/k</a>?! <strong><a '
            'href="http://l.m">http://l.m</a></strong> <a href="http://n.o/">http://n.o/</a>© <a '
            'href="http://q.r">http://q.r</a></p>'
        ),
    ),
    "bare addresses in brackets": (
        "[http://a.b](http://c.d) [see http://e.f]",
        '<p><a href="http://c.d">http://a.b</a> [see <a href="http://e.f">http://e.f</a>]</p>',
    ),
    "no bare addresses": (
        "xhttp://a.b http:// http://* `http://c.d` xwww.e.f www. ftp://g.h",
        "<p>xhttp://a.b http:// http://* <code>http://c.d</code> xwww.e.f www. ftp://g.h</p>",
    ),
    "addresses that lead nowhere": ("http://a:b [c](http://d|e) http://[x", "<p>http://a:b c http://[x</p>"),
    "mail addresses": (
        "a.b+c-d@e.f. (g_h@i.j) k@l.m-n",
        (
            '<p><a href="mailto:a.b+c-d@e.f">a.b+c-d@e.f</a>. (<a href="mailto:g_h@i.j">g_h@i.j</a>) <a '
            'href="mailto:k@l.m-n">k@l.m-n</a></p>'
        ),
    ),
    "no mail addresses": (
        "a@b a@1.2.3 @c d@e.f- g@h.i@j.k",
        '<p>a@b a@1.2.3 @c d@e.f- g@<a href="mailto:h.i@j.k">h.i@j.k</a></p>',
    ),
    "HTML in text": (
        ('<b>a</b> <i>*b*</i> <sub>c</sub> <sup>d</sup> <del>e</del> <s>f</s> <code>g</code> <abbr title="h">i</abbr>'),
        (
            "<p><b>a</b> <i><em>b</em></i> <sub>c</sub> <sup>d</sup> <del>e</del> <del>f</del> <code>g</code> "
            '<abbr title="h">i</abbr></p>'
        ),
    ),
    "HTML that leaves no trace": (
        '<kbd>a</kbd> <span style="color:red">b</span> <font>c</font> <a name="d"></a>e',
        "<p>a b c e</p>",
    ),
    "what only looks like HTML": (
        "List<int> <your-name> a < b > c <3 <script>d</script> 1<2",
        ("<p>List&lt;int&gt; &lt;your-name&gt; a &lt; b &gt; c &lt;3 &lt;script&gt;d&lt;/script&gt; 1&lt;2</p>"),
    ),
    "HTML that is not closed, in text": ("<b>a *b* </i> c", "<p>a <em>b</em>  c</p>"),
    "comments in text": ("a <!-- b --> c <!-- d", "<p>a  c &lt;!-- d</p>"),
    "other writing systems": ("**中文**字 «*é*» 😀", "<p><strong>中文</strong>字 «<em>é</em>» 😀</p>"),
}


@pytest.mark.parametrize(("notes", "page"), CASES.values(), ids=CASES)
def test_notes_read_as_on_github(notes: str, page: str) -> None:
    assert find_excess(notes) is None
    assert render_bare(notes) == page
