"""The languages whose code gets colours, by the names that people write after a fence."""

from __future__ import annotations

from pygments.token import Comment, Generic, Keyword, Name, Number, String

from app.notes.lexers import (
    ANNOTATION,
    BACKTICK_STRING,
    BLOCK_COMMENT,
    C_LIKE,
    CHARACTER,
    DASH_COMMENT,
    DIRECTIVE,
    DOLLAR_VARIABLE,
    DOUBLE_STRING,
    HASH_COMMENT,
    LINE_COMMENT,
    LONG_DOUBLE_STRING,
    RAW_STRING,
    SEMICOLON_COMMENT,
    SIGIL_VARIABLE,
    SINGLE_STRING,
    TRIPLE_DOUBLE_STRING,
    TRIPLE_SINGLE_STRING,
    WORD_COMMENT,
    LinearLexer,
    build_lexer,
    build_line_lexer,
    build_markup_lexer,
)

_C = (
    "auto bool break case char const continue default do double else enum extern float for goto if inline int long"
    " register return short signed size_t sizeof static struct switch typedef union unsigned void volatile while"
)
_JAVASCRIPT = (
    "async await break case catch class const continue debugger default delete do else export extends finally for"
    " from function if import in instanceof let new of return static super switch this throw try typeof var void"
    " while with yield"
)
_JAVA = (
    "abstract assert boolean break byte case catch char class continue default do double else enum extends final"
    " finally float for if implements import instanceof int interface long native new package private protected"
    " public record return sealed short static super switch synchronized this throw throws try var void volatile while"
)
_PYTHON = (
    "and as assert async await break case class continue def del elif else except finally for from global if import in"
    " is lambda match nonlocal not or pass raise return try while with yield"
)
_SHELL = (
    "alias case cd do done echo elif else esac eval exec exit export fi for function if in local printf read readonly"
    " return select set shift source sudo then trap unset until while"
)
_SQL = (
    "add alter and any as asc begin between by case check column commit constraint create cross database default delete"
    " desc distinct drop else end except exists foreign from full grant group having if in index inner insert intersect"
    " into is join key left like limit not offset on or order outer primary references returning revoke right rollback"
    " select set table then to transaction trigger truncate union unique update using values view when where with"
)

_SHELL_WORD = r"[^\W\d][\w-]*+"
_SHELL_RULES = (WORD_COMMENT, LONG_DOUBLE_STRING, RAW_STRING, DOLLAR_VARIABLE)
_PYTHON_RULES = (
    HASH_COMMENT,
    (rf"[rRbBfFuU]{{0,2}}{TRIPLE_DOUBLE_STRING[0]}", String),
    (rf"[rRbBfFuU]{{0,2}}{TRIPLE_SINGLE_STRING[0]}", String),
    (rf"[rRbBfFuU]{{0,2}}{DOUBLE_STRING[0]}", String),
    (rf"[rRbBfFuU]{{0,2}}{SINGLE_STRING[0]}", String),
    ANNOTATION,
)
_SETTING_RULES = (
    (r"^[ \t]*+\[[^\n]*+", Keyword),
    HASH_COMMENT,
    SEMICOLON_COMMENT,
    (r"^[ \t]*+[\w.-]++(?=[ \t]*+[=:])", Name.Attribute),
    TRIPLE_DOUBLE_STRING,
    DOUBLE_STRING,
    SINGLE_STRING,
)
_YAML_RULES = (
    (r"^(?:---|\.\.\.)$", Keyword),
    WORD_COMMENT,
    (r"^[ \t]*+(?:-[ \t]++)*+[^\s#:'\"\[\]{},&*!|>%@`-][^\n:#]*+:(?=\s)", Name.Tag),
    (r"[&*!][\w-]++", Name.Variable),
    DOUBLE_STRING,
    SINGLE_STRING,
)
_CSS_RULES = (
    BLOCK_COMMENT,
    DOUBLE_STRING,
    SINGLE_STRING,
    (r"@[\w-]++", Keyword),
    (r"#[0-9A-Fa-f]{3,8}\b", Number),
    (r"-{0,2}[A-Za-z][\w-]*+(?=[ \t]*+:)", Name.Attribute),
)
_HTTP_RULES = (
    (r"^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|HTTP/[\d.]++)(?=[ \t])", Keyword),
    (r"^[A-Za-z][\w-]*+(?=:)", Name.Attribute),
    DOUBLE_STRING,
)
_TYPESCRIPT = (
    f"{_JAVASCRIPT} abstract any as boolean declare enum implements interface is keyof namespace never number object"
    " private protected public readonly string type unknown"
)
_SCRIPT_RULES = (*C_LIKE, BACKTICK_STRING, ANNOTATION)
_SCRIPT_CONSTANTS = "false null true undefined NaN Infinity"

_LEXERS = {
    "bash sh shell zsh": build_lexer(_SHELL_RULES, _SHELL, "false true", word=_SHELL_WORD),
    "c h": build_lexer((DIRECTIVE, *C_LIKE), _C, "NULL false true"),
    "c++ cpp hpp": build_lexer(
        (DIRECTIVE, *C_LIKE),
        f"{_C} catch class constexpr delete explicit final friend namespace new noexcept operator override private"
        " protected public template this throw try typename using virtual",
        "NULL nullptr false true",
    ),
    "console shell-session": build_line_lexer([(r"[$#%>] ", Generic.Strong)]),
    "c# cs csharp": build_lexer(
        (DIRECTIVE, TRIPLE_DOUBLE_STRING, *C_LIKE),
        f"{_JAVA} as async await bool decimal delegate event foreach get in init internal is lock namespace object out"
        " override params partial readonly ref required set string struct using virtual when where yield",
        "false null true",
    ),
    "css scss": build_lexer(_CSS_RULES, "important from to", word=r"[^\W\d][\w-]*+"),
    "diff patch": build_line_lexer(
        [
            (r"diff |index |\+\+\+ |--- ", Generic.Heading),
            ("@@", Generic.Subheading),
            (r"\+", Generic.Inserted),
            ("-", Generic.Deleted),
        ]
    ),
    "docker dockerfile": build_lexer(
        (HASH_COMMENT, LONG_DOUBLE_STRING, RAW_STRING, DOLLAR_VARIABLE),
        "ADD ARG AS CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN SHELL STOPSIGNAL USER VOLUME WORKDIR",
        word=_SHELL_WORD,
    ),
    "go golang": build_lexer(
        (*C_LIKE, BACKTICK_STRING),
        "any bool break byte case chan const continue default defer else error fallthrough float64 for func go goto if"
        " import int int64 interface map package range return rune select string struct switch type uint var",
        "false iota nil true",
    ),
    "graphql": build_lexer(
        (HASH_COMMENT, TRIPLE_DOUBLE_STRING, DOUBLE_STRING, ANNOTATION, DOLLAR_VARIABLE),
        "directive enum extend fragment implements input interface mutation on query scalar schema subscription type"
        " union",
        "false null true",
    ),
    "html xml svg": build_markup_lexer(),
    "http": build_lexer(_HTTP_RULES, "", "false null true"),
    "ini toml": build_lexer(_SETTING_RULES, "", "false true"),
    "java": build_lexer((TRIPLE_DOUBLE_STRING, *C_LIKE, ANNOTATION), _JAVA, "false null true"),
    "javascript js jsx": build_lexer(_SCRIPT_RULES, _JAVASCRIPT, _SCRIPT_CONSTANTS),
    "json jsonc": build_lexer(
        ((r'"(?:[^"\\\n]++|\\.)*+"(?=[ \t]*+:)', Name.Tag), DOUBLE_STRING, LINE_COMMENT, BLOCK_COMMENT),
        "",
        "false null true",
    ),
    "kotlin kt": build_lexer(
        (TRIPLE_DOUBLE_STRING, *C_LIKE, ANNOTATION),
        "as break by catch class companion continue data do else enum finally for fun if import in init inline"
        " interface internal is lateinit object open override package private protected public return sealed super"
        " suspend this throw try typealias val var when while",
        "false null true",
    ),
    "lua": build_lexer(
        (DASH_COMMENT, DOUBLE_STRING, SINGLE_STRING),
        "and break do else elseif end for function goto if in local not or repeat return then until while",
        "false nil true",
    ),
    "make makefile": build_lexer(
        (
            HASH_COMMENT,
            (r"^[\w./%-]++(?=[ \t]*+:)", Name.Function),
            (r"\$[({][^)}\n]*+[)}]?+|\$\S", Name.Variable),
            DOUBLE_STRING,
            RAW_STRING,
        ),
        "define else endef endif export ifdef ifeq ifndef ifneq include override",
        word=_SHELL_WORD,
    ),
    "nginx": build_lexer(
        (HASH_COMMENT, (r"^[ \t]*+[a-z_]++(?=\s)", Keyword), DOUBLE_STRING, SINGLE_STRING, DOLLAR_VARIABLE)
    ),
    "objective-c objc": build_lexer((DIRECTIVE, *C_LIKE, ANNOTATION), f"{_C} id instancetype self super", "NO YES nil"),
    "perl": build_lexer(
        (HASH_COMMENT, LONG_DOUBLE_STRING, SINGLE_STRING, SIGIL_VARIABLE),
        "and die else elsif for foreach if last local my next no not or our package print return sub unless until use"
        " where while",
    ),
    "php": build_lexer(
        ((r"<\?(?:php|=)?+|\?>", Comment.Preproc), *C_LIKE, HASH_COMMENT, SIGIL_VARIABLE),
        "abstract array as bool break case catch class const continue default echo else elseif enum extends final"
        " finally float fn for foreach function if implements instanceof int interface match namespace new private"
        " protected public readonly require return static string switch throw trait try use void while yield",
        "false null true",
    ),
    "powershell ps1": build_lexer(
        (HASH_COMMENT, LONG_DOUBLE_STRING, RAW_STRING, DOLLAR_VARIABLE),
        "begin break catch continue do else elseif end exit filter finally for foreach function if in param process"
        " return switch throw trap try until while",
        ignores_case=True,
        word=_SHELL_WORD,
    ),
    "proto protobuf": build_lexer(
        C_LIKE,
        "bool bytes double enum extend float import int32 int64 map message oneof option optional package repeated"
        " required reserved returns rpc service stream string syntax uint32 uint64",
        "false true",
    ),
    "py python python3": build_lexer(_PYTHON_RULES, _PYTHON, "False None True self"),
    "rb ruby": build_lexer(
        (HASH_COMMENT, LONG_DOUBLE_STRING, SINGLE_STRING, (r"(?<!:):[^\W\d]\w*+[?!]?+", String.Symbol), SIGIL_VARIABLE),
        "alias and begin break case class def do else elsif end ensure for if in module next not or raise redo require"
        " rescue retry return super then undef unless until when while yield",
        "false nil self true",
    ),
    "rs rust": build_lexer(
        (LINE_COMMENT, BLOCK_COMMENT, LONG_DOUBLE_STRING, CHARACTER, (r"#!?\[[^\]\n]*+\]?+", Name.Decorator)),
        "as async await bool break char const continue crate dyn else enum extern f64 fn for i32 i64 if impl in let"
        " loop match mod move mut pub ref return static str struct super trait type u32 u64 u8 union unsafe use usize"
        " where while",
        "None Some Ok Err false self true Self",
    ),
    "scala": build_lexer(
        (TRIPLE_DOUBLE_STRING, LINE_COMMENT, BLOCK_COMMENT, DOUBLE_STRING, CHARACTER, ANNOTATION),
        "abstract case catch class def do else enum extends final finally for given if implicit import lazy match new"
        " object override package private protected return sealed super then this throw trait try type using val var"
        " while with yield",
        "false null true",
    ),
    "sql": build_lexer((DASH_COMMENT, BLOCK_COMMENT, RAW_STRING), _SQL, "false null true", ignores_case=True),
    "swift": build_lexer(
        (TRIPLE_DOUBLE_STRING, LINE_COMMENT, BLOCK_COMMENT, DOUBLE_STRING, ANNOTATION),
        "actor as associatedtype async await break case catch class continue default defer deinit do else enum"
        " extension fileprivate for func guard if import in init inout internal is let open override private protocol"
        " public repeat return some static struct subscript super switch throw throws try typealias var where while",
        "false nil self true Self",
    ),
    "ts tsx typescript": build_lexer(_SCRIPT_RULES, _TYPESCRIPT, _SCRIPT_CONSTANTS),
    "yaml yml": build_lexer(_YAML_RULES, "", "false no null off on true yes", word=_SHELL_WORD),
}
LANGUAGES: dict[str, LinearLexer] = {name: lexer for names, lexer in _LEXERS.items() for name in names.split()}
