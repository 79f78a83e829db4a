"""Lexers that take linear time: Pygments' frame and its kinds of token, with rules of our own.

Pygments' own lexers are made for code that means well. Two thousand lines of one letter each take its lexer for C#
three seconds, and forty backslashes after ``r"`` keep the one for Scala busy for ever. Here a rule looks at a
character a fixed number of times: what it has taken it does not give back (the quantifiers are possessive), and what
is never closed reaches to the end of its line or of the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Name, Number, String, Text, Whitespace, _TokenType

Rule: TypeAlias = tuple[object, ...]
Rules: TypeAlias = Sequence[Rule]

LINE_COMMENT: Rule = (r"//[^\n]*+", Comment.Single)
BLOCK_COMMENT: Rule = (r"/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+", Comment.Multiline)
HASH_COMMENT: Rule = (r"#[^\n]*+", Comment.Single)
DASH_COMMENT: Rule = (r"--[^\n]*+", Comment.Single)
SEMICOLON_COMMENT: Rule = (r";[^\n]*+", Comment.Single)
# A hash within a word, such as in ${name#prefix}, begins no comment.
WORD_COMMENT: Rule = (r"(?<![^\s;|&(])#[^\n]*+", Comment.Single)
MARKUP_COMMENT: Rule = (r"<!--(?:[^-]++|-(?!->))*+(?:-->)?+", Comment.Multiline)
DIRECTIVE: Rule = (r"^[ \t]*+#[^\n]*+", Comment.Preproc)

DOUBLE_STRING: Rule = (r'"(?:[^"\\\n]++|\\.)*+"?+', String)
SINGLE_STRING: Rule = (r"'(?:[^'\\\n]++|\\.)*+'?+", String)
LONG_DOUBLE_STRING: Rule = (r'"(?:[^"\\]++|\\[\s\S])*+"?+', String)
LONG_SINGLE_STRING: Rule = (r"'(?:[^'\\]++|\\[\s\S])*+'?+", String)
# In a shell, and in SQL, a backslash between single quotes is only a backslash.
RAW_STRING: Rule = (r"'[^']*+'?+", String)
BACKTICK_STRING: Rule = (r"`(?:[^`\\]++|\\[\s\S])*+`?+", String)
TRIPLE_DOUBLE_STRING: Rule = (r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+(?:""")?+', String)
TRIPLE_SINGLE_STRING: Rule = (r"'''(?:[^'\\]++|\\[\s\S]|'(?!''))*+(?:''')?+", String)
CHARACTER: Rule = (r"'(?:\\[^\n]{1,8}?|[^'\\\n])'", String.Char)

ANNOTATION: Rule = (r"@[^\W\d][\w.]*+", Name.Decorator)
DOLLAR_VARIABLE: Rule = (r"\$(?:\{[^}\n]*+\}?+|[\w@#?*!-]\w*+)", Name.Variable)
SIGIL_VARIABLE: Rule = (r"[$@%][^\W\d]\w*+", Name.Variable)

C_LIKE: Rules = (LINE_COMMENT, BLOCK_COMMENT, DOUBLE_STRING, SINGLE_STRING)


class LinearLexer(RegexLexer):
    """A lexer of rules that are each tried where the last one ended, the first that fits being taken."""


def build_lexer(
    rules: Rules, keywords: str = "", constants: str = "", *, ignores_case: bool = False, word: str = r"[^\W\d]\w*+"
) -> LinearLexer:
    """Takes the rules of a language, its keywords and constants, and what a word is; gives its lexer."""
    case = "(?i:" if ignores_case else "(?:"
    known = [
        (words(tuple(names.split()), prefix=rf"{case}\b", suffix=r"\b)(?![\w-])"), kind)
        for names, kind in ((keywords, Keyword), (constants, Keyword.Constant))
        if names
    ]
    plain = [
        # Not both at once: a rule may look for the start of a line, and for what indents it.
        (r"\n++|[^\S\n]++", Whitespace),
        *known,
        (rf"{word}(?=\()", Name.Function),
        (word, Name),
        (r"\d[\w.]*+", Number),
        (r"[\s\S]", Text),
    ]
    return _build_from_states({"root": [*rules, *plain]})


def build_markup_lexer() -> LinearLexer:
    """Gives the lexer of HTML and XML."""
    root: Rules = (
        MARKUP_COMMENT,
        (r"<!\[CDATA\[(?:[^\]]++|\](?!\]>))*+(?:\]\]>)?+", Comment.Preproc),
        (r"<[!?][^>]*+>?+", Comment.Preproc),
        (r"</?[A-Za-z_][\w:.-]*+", Name.Tag, "tag"),
        (r"&[#\w]++;", Name.Entity),
        (r"[^<&]++", Text),
        (r"[\s\S]", Text),
    )
    tag: Rules = (
        (r"/?>", Name.Tag, "#pop"),
        (r"[A-Za-z_:@][\w:.-]*+", Name.Attribute),
        LONG_DOUBLE_STRING,
        LONG_SINGLE_STRING,
        (r"\s++", Whitespace),
        (r"[\s\S]", Text),
    )
    return _build_from_states({"root": list(root), "tag": list(tag)})


def build_line_lexer(kinds: Sequence[tuple[str, _TokenType]]) -> LinearLexer:
    """Takes patterns that each begin a line, and the kind of such a line; gives a lexer that looks at nothing else."""
    rules: list[Rule] = [(rf"^(?:{start})[^\n]*+", kind) for start, kind in kinds]
    return _build_from_states({"root": [*rules, (r"[^\n]++", Text), (r"\n", Whitespace)]})


def _build_from_states(states: dict[str, list[Rule]]) -> LinearLexer:
    lexer: LinearLexer = type("LinearLexer", (LinearLexer,), {"tokens": states})()
    return lexer
