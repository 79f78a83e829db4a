#!/usr/bin/env python3
"""slipway: create, fill, publish, list and import releases from a terminal or a job of CI.

One file, nothing but Python 3.8 or newer and its standard library. ``slipway.py --help`` lists the commands;
docs/client.md explains them. Results go to stdout, everything else to stderr.

Exit codes: 0 done, 1 unexpected, 2 used in a wrong way, 3 what was sent breaks rules, 4 not allowed, 5 conflict,
6 not found, 7 the server cannot be reached or is busy, 130 interrupted.
"""

from __future__ import annotations

import argparse
import datetime
import email.utils
import glob
import hashlib
import http.client
import io
import ipaddress
import json
import os
import platform
import random
import re
import ssl
import sys
import time
import unicodedata
import urllib.parse
import urllib.request
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterable, Iterator, Mapping, NoReturn, Sequence

__version__ = "1.0.0"

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_INVALID = 3
EXIT_DENIED = 4
EXIT_CONFLICT = 5
EXIT_NOT_FOUND = 6
EXIT_UNREACHABLE = 7
EXIT_INTERRUPTED = 130

NOTES_LIMIT = 4096
MAX_ANSWER_BYTES = 64 * 1024 * 1024
BLOCK_BYTES = 256 * 1024
PAGE_LIMIT = 100
# What is worth another try: the caller or the server was in too much of a hurry, or something between them was away.
RETRIED_STATUSES = frozenset({408, 429, 502, 503, 504})
MAX_WAIT_SECONDS = 60.0
# A server may have to write the last byte of a large file to a distant store before it answers.
UPLOAD_TIMEOUT_SECONDS = 300.0


class ClientError(Exception):
    """Why a command ends without success: a message for people, and the code that the process ends with."""

    def __init__(self, message: str, exit_code: int, details: Sequence[str] = (), **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.details = list(details)
        # What --json shows beside the message.
        self.members = members


def usage_error(message: str, *details: str) -> ClientError:
    """Gives the problem of a command that was used in a wrong way."""
    return ClientError(message, EXIT_USAGE, details, code="usage")


def clean(text: Any) -> str:
    """Gives text for one line of a terminal or a log: control characters in it must command neither."""
    return "".join(sign if _is_plain(sign) else "?" for sign in str(text))


def _is_plain(sign: str) -> bool:
    # Joiners hold emoji and letters together, and command nothing.
    return sign in "\u200c\u200d" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


# --- What is printed ------------------------------------------------------------------------------------------------


class Output:
    """Prints results to stdout, as text or as JSON, and everything else to stderr."""

    def __init__(self, is_json: bool = False, is_quiet: bool = False) -> None:
        self.is_json = is_json
        self.is_quiet = is_quiet

    def say(self, message: str) -> None:
        """Tells what happens, unless it is to be quiet."""
        if not self.is_quiet:
            self._write(f"slipway: {clean(message)}")

    def warn(self, message: str) -> None:
        """Tells what the caller should change, however quiet it is to be."""
        self._write(f"slipway: warning: {clean(message)}")

    def fail(self, error: ClientError) -> None:
        """Tells why it ends without success."""
        if self.is_json:
            document = {"error": {"message": error.message, "exitCode": error.exit_code, **error.members}}
            print(json.dumps(document, ensure_ascii=False, indent=2), flush=True)
        self._write("\n".join([f"slipway: {clean(error.message)}", *(f"  {clean(line)}" for line in error.details)]))

    def give(self, lines: Iterable[str], document: Any) -> None:
        """Prints the result: lines for people and shells, or the document as JSON."""
        if self.is_json:
            print(json.dumps(document, ensure_ascii=False, indent=2), flush=True)
        else:
            for line in lines:
                print(line, flush=True)

    def show_progress(self, what: str, done: int, total: int) -> None:
        """Draws how far something is, where somebody is looking."""
        if self.is_quiet or not sys.stderr.isatty():
            return
        share = 100 if total == 0 else done * 100 // total
        end = "\n" if done >= total else ""
        sys.stderr.write(f"\rslipway: {clean(what)} {share:3d} %{end}")
        sys.stderr.flush()

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Gives the lines of a table: columns for people at a terminal, tabs and no header for what reads a pipe."""
    safe = [[clean(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        return ["\t".join(row) for row in safe]
    table = [list(header), *safe]
    widths = [max(measure(row[column]) for row in table) for column in range(len(header))]
    lines = ["  ".join(cell + " " * (widths[place] - measure(cell)) for place, cell in enumerate(row)) for row in table]
    return [line.rstrip() for line in lines]


def measure(text: str) -> int:
    """Gives how many columns of a terminal a text takes up."""
    return sum(
        2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text if not unicodedata.combining(sign)
    )


# --- A version's section of a changelog -----------------------------------------------------------------------------

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+|~{3,}|\^{3,})[ \t]*$")
_WIKI = re.compile(r"(={1,6})[ \t]+(\S.*?)(?:[ \t]+(\1))?[ \t]*$")
_DEFINITION = re.compile(r" {0,3}\[([^\]\[]+)\]:[ \t]*\S")
_REFERENCE = re.compile(r"\[([^\]\[]+)\]")
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+)((?:[-+_.]?[A-Za-z~]|[-+]\d)[\w.+~-]*)?(?![\w])", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
# "# [1.4.0](https://…)", "## Version 1.4.0 (2024-05-01)", "## rocket@1.4.0: Boost", but not "### 1.3 users, take care".
_BEFORE_VERSION = re.compile(
    r"(?:(?:version|release|revision|(?:changes|new|notes) (?:for|in|of)|releases?/|[\w./@-]*[@/]|[\w.]+[-_])"
    r"[ \t:]*)?\Z",
    re.IGNORECASE,
)
_AFTER_VERSION = re.compile(
    r"[ \t]*(?:\Z|[][()|/:,;@*_\"'`\u2013\u2014-]|released\b|unreleased\b|\d|[A-Za-z]+,? \d)", re.IGNORECASE
)
# "# Rocket for Desktop 1.4.0" and "## 2024-05-01, Version 20.1.0 (Current)", but not "## Coming from 1.3".
_WORDS_BEFORE = re.compile(
    r"(?!.*\b(?:above|after|and|before|below|by|for|from|in|of|on|or|over|since|than|to|until|with)[ \t]+\Z)"
    r"(?:[^ \t]+[ \t]+){0,6}\Z",
    re.IGNORECASE,
)
_UNRELEASED = re.compile(r"\[?(?:unreleased|upcoming|next|head|master|main)\b", re.IGNORECASE)


@dataclass
class Heading:
    """A heading of a changelog: its level, its text without decoration, and the lines that it takes up."""

    level: int
    text: str
    first_line: int
    after_line: int
    # The version that it is for as it is spelled there, if it is clearly the heading of one.
    version: str | None = None
    # One that it names after words of its own: it may be the heading of that version, too.
    mentioned: str | None = None
    is_boundary: bool = False


def read_version_numbers(version: str) -> tuple[int, ...] | None:
    """Gives a version as four numbers, so that 1.2 equals 1.2.0; None for what is none."""
    if not re.match(r"\d{1,20}(?:\.\d{1,20}){0,3}\Z", version):
        return None
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))


def strip_tag(version: str) -> str:
    """Takes a version as a tag spells it, such as v1.4.0 or refs/tags/v1.4.0; gives it without that."""
    found = re.match(r"(?:refs/tags/)?[vV]?(\d.*)\Z", version)
    return found.group(1) if found else version


def is_same_version(one: str, other: str) -> bool:
    """Whether two spellings are the same version."""
    numbers = read_version_numbers(one)
    return one == other or (numbers is not None and numbers == read_version_numbers(other))


def find_section(text: str, wanted: str, product: str = "") -> str:
    """Takes a changelog in Markdown and a version (or a heading such as Unreleased); gives that section's text.

    A text without the heading of any version is taken for the notes themselves. Links that the section names and
    that are defined elsewhere come with it. Raises ClientError if there is no such section, or nothing in it.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_prose = _mark_prose(lines)
    headings = _find_headings(lines, is_prose, product)
    place = _choose_heading(headings, wanted)
    if place is None and not any(heading.is_boundary or heading.mentioned for heading in headings):
        return text.replace("\r\n", "\n").strip("\n")
    if place is None:
        raise _build_missing(headings, wanted)
    heading = headings[place]
    end = _find_end(headings, place, lines)
    section = _drop_definitions(lines[heading.after_line : end], is_prose[heading.after_line : end])
    body = "\n".join(section).strip("\n")
    if not body.strip():
        raise ClientError(f"The section {wanted} of the changelog is empty.", EXIT_INVALID, code="empty_section")
    definitions = _find_definitions(lines, is_prose, body)
    return body + ("\n\n" + "\n".join(definitions) if definitions else "")


def _mark_prose(lines: Sequence[str]) -> list[bool]:
    """Says of each line whether it can be a heading: not within code, nor within a comment."""
    marks: list[bool] = []
    fence, is_comment = "", False
    for number, line in enumerate(lines):
        opened = _FENCE.match(line)
        is_prose = not fence and not is_comment
        if fence:
            if opened and opened.group(1).startswith(fence) and not opened.group(2).strip():
                fence = ""
        elif is_comment:
            is_comment = "-->" not in line
        elif opened and _is_fence(opened, lines[number - 1] if number else ""):
            fence, is_prose = opened.group(1), False
        elif line.lstrip().startswith("<!--"):
            is_prose, is_comment = False, "-->" not in line
        marks.append(is_prose)
    return marks


def _is_fence(opened: re.Match[str], before: str) -> bool:
    """Whether code begins here. reStructuredText underlines headings by as many tildes as they have letters."""
    sign, rest = opened.group(1), opened.group(2)
    if sign[0] == "`":
        return "`" not in rest
    return bool(rest.strip()) or not before.strip() or len(sign) < len(before.rstrip())


def _find_headings(lines: Sequence[str], is_prose: Sequence[bool], product: str) -> list[Heading]:
    headings: list[Heading] = []
    for number, line in enumerate(lines):
        if not is_prose[number]:
            continue
        heading = _read_heading(lines, is_prose, number)
        if heading is not None:
            _judge_heading(heading, product)
            headings.append(heading)
        elif line.startswith("**") and line.rstrip().endswith("**"):
            # Some write the version in bold letters, and no heading at all.
            bold = Heading(0, line.strip().strip("*").strip(), number, number + 1)
            _judge_heading(bold, product)
            if bold.version is not None:
                headings.append(bold)
    return headings


def _strip_closing(title: str) -> str:
    """Takes what stands behind the signs of a heading; gives it without those that some write at its end, too."""
    title = title.strip(" \t")
    rest = title.rstrip("#")
    return rest.rstrip(" \t") if rest.endswith((" ", "\t")) else title


def _read_heading(lines: Sequence[str], is_prose: Sequence[bool], number: int) -> Heading | None:
    line = lines[number]
    atx, wiki = _ATX.match(line), _WIKI.match(line)
    if atx:
        return Heading(len(atx.group(1)), _strip_closing(atx.group(2) or ""), number, number + 1)
    if wiki:
        # AsciiDoc has "== 1.4.0" below "= Changelog"; WordPress' readme.txt "= 1.4.0 =" below "== Changelog ==".
        level = len(wiki.group(1))
        return Heading(7 - level if wiki.group(3) else level, wiki.group(2), number, number + 1)
    if number + 1 == len(lines) or not is_prose[number + 1] or not line.strip() or line[0] in " \t-*+>|":
        return None
    underline = _UNDERLINE.match(lines[number + 1])
    is_alone = number == 0 or not lines[number - 1].strip() or bool(_UNDERLINE.match(lines[number - 1]))
    if underline is None or not is_alone:
        return None
    return Heading(1 + "=-~^".index(underline.group(1)[0]), line.strip(), number, number + 2)


def _judge_heading(heading: Heading, product: str) -> None:
    """Finds out whether a heading is clearly that of a version, or of what is not released yet."""
    text = _TAG.sub("", heading.text)
    # Signs such as a rocket may come first, and so may emphasis and the short names of such signs.
    text = re.sub(r"\A(?::[\w+-]+:|[^\w\[(<]|_)+", "", text).strip()
    if product and text.lower().startswith(product.lower()):
        text = text[len(product) :].lstrip(" :@-_/")
    heading.text = text
    if _UNRELEASED.match(text) and not _VERSION.search(text):
        heading.is_boundary = True
        return
    for found in _VERSION.finditer(text):
        before, after = text[: found.start()].lstrip("[(*_`"), text[found.end() :]
        if _BEFORE_VERSION.match(before) and _AFTER_VERSION.match(after):
            heading.version = found.group(1) + (found.group(2) or "")
            heading.is_boundary = True
            return
        if heading.level <= 2 and not found.group(2) and _WORDS_BEFORE.match(before) and _AFTER_VERSION.match(after):
            heading.mentioned = found.group(1)


def _choose_heading(headings: Sequence[Heading], wanted: str) -> int | None:
    """Gives the place of the heading that is wanted: first by the letter, then by its numbers, then by a mention."""
    numbers = read_version_numbers(wanted)
    asks: list[Callable[[Heading], bool]] = [
        lambda heading: heading.version == wanted,
        lambda heading: heading.version is not None and is_same_version(heading.version, wanted),
        lambda heading: (
            not numbers and re.match(rf"\[?{re.escape(wanted)}(?!\w)", heading.text, re.IGNORECASE) is not None
        ),
        lambda heading: heading.mentioned is not None and is_same_version(heading.mentioned, wanted),
    ]
    for ask in asks:
        found = [place for place, heading in enumerate(headings) if ask(heading)]
        if found:
            return found[0]
    return None


def _find_end(headings: Sequence[Heading], place: int, lines: Sequence[str]) -> int:
    """Gives the line after the last one of a section.

    The next version ends it, however deep, and so does another chapter. One of the same level is such a chapter unless
    it stands at the section's very beginning: standard-version writes a patch and its parts in headings of one level.
    """
    heading = headings[place]
    has_equals = False
    for later in headings[place + 1 :]:
        if later.is_boundary or later.level < heading.level:
            return later.first_line
        if later.level == heading.level and not has_equals:
            if any(line.strip() for line in lines[heading.after_line : later.first_line]):
                return later.first_line
            has_equals = True
    return len(lines)


def _drop_definitions(lines: Sequence[str], is_prose: Sequence[bool]) -> list[str]:
    return [line for line, can_define in zip(lines, is_prose) if not (can_define and _DEFINITION.match(line))]


def _find_definitions(lines: Sequence[str], is_prose: Sequence[bool], body: str) -> list[str]:
    """Gives the definitions of the links that the body names, from wherever they stand."""
    named = {_fold_label(label) for label in _REFERENCE.findall(body)}
    found: dict[str, str] = {}
    for line, can_define in zip(lines, is_prose):
        definition = _DEFINITION.match(line) if can_define else None
        if definition and _fold_label(definition.group(1)) in named:
            found.setdefault(_fold_label(definition.group(1)), line.strip())
    return list(found.values())


def _fold_label(label: str) -> str:
    return " ".join(label.split()).casefold()


def _build_missing(headings: Iterable[Heading], wanted: str) -> ClientError:
    there = [heading.version or heading.text.strip("[]") for heading in headings if heading.is_boundary]
    shown = f"It has {', '.join(there[:8])}{' and more' if len(there) > 8 else ''}." if there else ""
    hint = "Use --section for another heading, or --whole-file to send the file as it is."
    return ClientError(
        f"The changelog has no section for {wanted}.", EXIT_INVALID, [part for part in (shown, hint) if part],
        code="no_section",
    )  # fmt: skip


def read_notes(path: str, wanted: str | None, product: str, input_stream: BinaryIO) -> str:
    """Takes a file's path, or ``-``, and whose section is wanted, None for all; gives the notes. Raises ClientError."""
    where = "standard input" if path == "-" else path
    try:
        raw = input_stream.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise usage_error(f"{where} cannot be read: {error.strerror or error}.") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ClientError(f"{where} is not UTF-8: look at line {line}.", EXIT_INVALID, code="not_utf8") from None
    return text if wanted is None else find_section(text, wanted, product)


_CUT_MARKER = "\n\n*These notes were shortened.*"


def cut_notes(text: str, url: str) -> str:
    """Takes notes, and where they stand in full if that is known; gives as many as a release may have.

    They end where a paragraph, a line or a word does, and with a line that says so.
    """
    text = text.replace("\r\n", "\n")
    if len(text) <= NOTES_LIMIT:
        return text
    marker = _CUT_MARKER + (f" [Read all of them]({url})" if url else "")
    # Room for the end of a block of code that is cut through.
    room = NOTES_LIMIT - len(marker) - len("\n````````")
    kept = text[: max(room, 0)]
    ends = (kept.rfind(end) for end in ("\n\n", "\n", " "))
    kept = kept[: next((end for end in ends if end >= room * 3 // 4), len(kept))].rstrip()
    fences = re.findall(r"^ {0,3}(`{3,8}|~{3,8})", kept, re.MULTILINE)
    return kept + (f"\n{fences[-1]}" if len(fences) % 2 else "") + marker


# --- The way to the server ------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Gives the body as JSON. Raises ClientError if it is none."""
        try:
            return json.loads(self.body.decode("utf-8"))
        except ValueError:
            kind = self.headers.get("Content-Type", "no type").partition(";")[0]
            message = (
                f"The server answers {self.status} with {kind}, and not with JSON: is this the address of a Slipway?"
            )
            raise ClientError(message, EXIT_UNEXPECTED, code="no_json", status=self.status) from None


_KEPT_MEMBERS = ("code", "status", "errors", "existing", "claims", "requestId")


class RefusedError(ClientError):
    """The server said no, in the words of its problem document (RFC 9457)."""

    def __init__(self, answer: Answer, body: Mapping[str, Any]) -> None:
        self.status = answer.status
        self.body = body
        code = str(body.get("code", ""))
        errors = [item for item in body.get("errors") or () if isinstance(item, dict)]
        details = [f"{item.get('field')}: {item.get('message')}" for item in errors]
        message = str(body.get("message") or body.get("detail") or f"The server answers {answer.status}.")
        if errors:
            message = f"{body.get('title') or 'Refused'}."
        existing, claims = body.get("existing"), body.get("claims")
        if isinstance(existing, dict):
            details.append(f"existing: {existing.get('id')}")
        if isinstance(claims, dict):
            # What the identity of a job says that nobody trusts.
            details += [f"claim {name}: {value}" for name, value in claims.items()]
        if answer.status >= 500 or code == "internal_error":
            details.append(f"request id: {body.get('requestId', 'none')}")
        members = {name: body[name] for name in _KEPT_MEMBERS if name in body}
        super().__init__(message, choose_exit_code(answer.status, code), details, **members)


def choose_exit_code(status: int, code: str) -> int:
    """Takes the status of a refusal and its machine word; gives the code to end with."""
    if code in ("release_published", "idempotency_key_reused") or status in (409, 412):
        return EXIT_CONFLICT
    if status in (401, 403, 407):
        return EXIT_DENIED
    if status in (404, 410):
        return EXIT_NOT_FOUND
    if status in RETRIED_STATUSES:
        return EXIT_UNREACHABLE
    return EXIT_INVALID if 400 <= status < 500 else EXIT_UNEXPECTED


class _EarlyAnswers:
    """A connection that reads the answer of a server which refuses a body before it has all of it."""

    is_established = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, blocksize=BLOCK_BYTES, **options)  # type: ignore[call-arg]

    def connect(self) -> None:
        """Connects. What comes before that has ended, as from a proxy on the way, is nobody's answer."""
        super().connect()  # type: ignore[misc]
        self.is_established = True

    def request(self, *args: Any, **options: Any) -> None:
        """Sends a request; what broke while the body went out, the answer may explain."""
        try:
            super().request(*args, **options)  # type: ignore[misc]
        except (BrokenPipeError, ConnectionResetError):
            if not self.is_established:
                raise


class _PlainConnection(_EarlyAnswers, http.client.HTTPConnection):
    pass


class _SecureConnection(_EarlyAnswers, http.client.HTTPSConnection):
    pass


class _PlainHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_PlainConnection, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self.context = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req, context=self.context)


def build_opener(ca_bundle: str | None) -> urllib.request.OpenerDirector:
    """Gives what opens connections: by the proxies of the environment, and without following anybody anywhere.

    A redirect could lead the token to another host, and would turn a POST into a GET.
    """
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except (OSError, ssl.SSLError) as error:
        raise usage_error(f"The CA bundle {ca_bundle} cannot be used: {error}.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _PlainHandler(), _SecureHandler(context)):
        opener.add_handler(handler)
    return opener


def read_url(text: str) -> str:
    """Takes the address of a Slipway as typed; gives it without a slash or /v3 at its end. Raises ClientError."""
    try:
        parts = urllib.parse.urlsplit(text.strip())
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, is_good = urllib.parse.urlsplit(""), False
    if not is_good or parts.username is not None or parts.query or parts.fragment or not text.isascii():
        raise usage_error("The address of Slipway must be like https://releases.example.com, and hold nothing else.")
    path = re.sub(r"(?:/v3)?/*\Z", "", parts.path)
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@dataclass
class Retries:
    """How often, and after how long, a request is sent again. The wait doubles each time, and none is like another."""

    count: int = 5
    first_wait_seconds: float = 0.5

    def find_wait(self, attempt: int, retry_after: float | None) -> float:
        """Takes how many attempts there were, and what the server asked for; gives the seconds to wait."""
        longest = min(self.first_wait_seconds * 2.0**attempt, MAX_WAIT_SECONDS)
        # So that the jobs of an outage do not all come back at the same moment.
        wait = longest * (0.5 + random.random() / 2)  # noqa: S311 - no secret
        return wait if retry_after is None else max(wait, min(retry_after, MAX_WAIT_SECONDS))


def read_retry_after(value: str | None) -> float | None:
    """Takes the header Retry-After; gives the seconds that it asks for, None if it says nothing."""
    if value is None:
        return None
    if re.match(r"\d{1,9}\Z", value.strip()):
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, (moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


class Body:
    """The body of a request: bytes, or a file that is sent as it is read."""

    def __init__(self, content_type: str, size: int, open_stream: Callable[[], Any]) -> None:
        self.content_type = content_type
        self.size = size
        # Each attempt begins at the beginning.
        self.open_stream = open_stream

    @classmethod
    def of_json(cls, value: Any) -> Body:
        """Gives the body that says a value in JSON."""
        raw = json.dumps(value, ensure_ascii=False).encode("utf-8")
        return cls("application/json; charset=utf-8", len(raw), lambda: io.BytesIO(raw))


class Server:
    """One Slipway: sends requests to it, again where that is safe and may help."""

    def __init__(
        self, url: str, output: Output, opener: urllib.request.OpenerDirector, timeout: float, retries: Retries
    ) -> None:
        self.url = url
        self._output = output
        self._opener = opener
        self._timeout = timeout
        self._retries = retries

    def send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request, with the same headers each time; gives the answer, which may be a refusal.

        Raises ClientError if there is none after all retries.
        """
        url = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(list(query))}" if query else "")
        answer, reason = None, ""
        for attempt in range(self._retries.count + 1):
            answer, reason = self._try(method, url, body, headers or {})
            if answer is not None and answer.status not in RETRIED_STATUSES and not _is_running(answer):
                return self._admit(answer)
            if attempt < self._retries.count:
                asked = read_retry_after(answer.headers.get("Retry-After")) if answer is not None else None
                wait = self._retries.find_wait(attempt, asked)
                self._output.say(f"{reason}; trying again in {wait:.1f} s.")
                time.sleep(wait)
        if answer is not None:
            return answer
        raise ClientError(f"{self.url} cannot be reached: {reason}.", EXIT_UNREACHABLE, code="unreachable")

    def _try(self, method: str, url: str, body: Body | None, headers: Mapping[str, str]) -> tuple[Answer | None, str]:
        """Gives the answer of one attempt, if there is one, and in words what went wrong otherwise."""
        sent = {"User-Agent": USER_AGENT, "Accept": "application/json", **headers}
        timeout = self._timeout
        stream = None
        if body is not None:
            stream = body.open_stream()
            sent.update({"Content-Type": body.content_type, "Content-Length": str(body.size)})
            timeout = max(timeout, UPLOAD_TIMEOUT_SECONDS) if body.size > BLOCK_BYTES else timeout
        elif method in ("POST", "PUT", "PATCH"):
            sent["Content-Length"] = "0"
        request = urllib.request.Request(url, stream, sent, method=method)  # noqa: S310 - read_url admits http alone
        try:
            with self._opener.open(request, timeout=timeout) as response:
                raw = response.read(MAX_ANSWER_BYTES + 1)
                if len(raw) > MAX_ANSWER_BYTES:
                    raise ClientError("The server's answer is too long.", EXIT_UNEXPECTED, code="too_long")
                # The library notices this only where it is asked for everything at once.
                if response.length:
                    raise http.client.IncompleteRead(raw, response.length)
                answer = Answer(response.status, response.headers, raw)
        except (OSError, http.client.HTTPException) as error:
            return None, _describe_failure(error)
        finally:
            if stream is not None:
                stream.close()
        return answer, f"The server answers {answer.status}"

    @staticmethod
    def _admit(answer: Answer) -> Answer:
        if 300 <= answer.status < 400 and answer.status != 304:
            location = answer.headers.get("Location", "nowhere")
            raise usage_error(f"The server leads elsewhere, to {location}: give the address where Slipway itself is.")
        return answer


USER_AGENT = f"slipway-client/{__version__} Python/{platform.python_version()} {platform.system() or 'unknown'}"


def _is_running(answer: Answer) -> bool:
    """Whether the same request, sent before, is still worked on."""
    return answer.status == 409 and b'"idempotency_key_in_use"' in answer.body


def _describe_failure(error: Exception) -> str:
    """Takes why there is no answer; gives it in words. Raises ClientError if no other attempt can end better."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "If it is signed by an authority of your own, name that one's certificate with --ca-bundle."
        message = f"The server's certificate is not trusted: {reason.verify_message.rstrip('.')}."
        raise ClientError(message, EXIT_UNREACHABLE, [hint], code="untrusted_certificate") from None
    if isinstance(reason, http.client.RemoteDisconnected):
        return "The server has closed the connection without an answer"
    if isinstance(reason, http.client.IncompleteRead):
        return "The server's answer has ended early"
    if isinstance(reason, TimeoutError) or "timed out" in str(reason):
        return "The server has not answered in time"
    if isinstance(reason, OSError) and reason.strerror:
        return f"No connection: {reason.strerror}"
    return f"No connection: {reason or type(reason).__name__}"


# --- Who asks -------------------------------------------------------------------------------------------------------


@dataclass
class Minted:
    """A token that a job of CI got for its identity, and the one product that it is for."""

    token: str = field(repr=False)
    product_id: str = ""
    product_name: str = ""
    expires_at: str = ""


def read_token(text: str, where: str) -> str:
    """Takes a token as it was stored; gives it. Raises ClientError, which never shows it."""
    token = text.strip()
    if not token or not re.match(r"[!-~]+\Z", token):
        raise usage_error(f"{where} holds no token.")
    return token


def find_given_token(options: argparse.Namespace, environment: Mapping[str, str]) -> str | None:
    """Gives the token that was handed over, None without one. What is named by an option wins."""
    path = options.token_file
    if not path and options.token:
        return read_token(options.token, "--token")
    if not path and environment.get("SLIPWAY_TOKEN", "").strip():
        return read_token(environment["SLIPWAY_TOKEN"], "SLIPWAY_TOKEN")
    path = path or environment.get("SLIPWAY_TOKEN_FILE")
    if not path:
        return None
    try:
        # Only the first line of stdin: what follows may be the notes.
        raw = sys.stdin.buffer.readline() if path == "-" else Path(path).read_bytes()
        text = raw.decode("utf-8")
    except (OSError, ValueError) as error:
        raise usage_error(f"The token's file {path} cannot be read: {getattr(error, 'strerror', error)}.") from None
    return read_token(text, path)


class Identity:
    """Gets a token for the identity of a job in GitHub Actions or GitLab, so that no secret need be kept there."""

    def __init__(self, server: Server, opener: urllib.request.OpenerDirector, environment: Mapping[str, str]) -> None:
        self._server = server
        self._opener = opener
        self._environment = environment

    @property
    def is_there(self) -> bool:
        """Whether the job has an identity to show."""
        return self._has_github or bool(self._environment.get("SLIPWAY_ID_TOKEN", "").strip())

    @property
    def _has_github(self) -> bool:
        names = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        return all(self._environment.get(name) for name in names)

    def mint(self, product: str | None) -> Minted:
        """Takes the product that it is about, if that is known; gives a token for it. Raises ClientError."""
        answer = self._swap(product)
        if answer.status == 409 and b'"identity_token_used"' in answer.body and self._has_github:
            # The answer to the first attempt was lost on its way. GitHub gives another identity token.
            answer = self._swap(product)
        if answer.status != 200:
            refusal = _build_refusal(answer)
            if answer.status not in RETRIED_STATUSES:
                # Whatever is wrong with it, it is the identity that lets nobody in.
                refusal.exit_code = EXIT_DENIED
            if b'"identity_token_used"' in answer.body:
                refusal.details.append("Keep the token for the whole job: slipway token --output FILE.")
            raise refusal
        body = answer.json()
        return Minted(
            read_token(str(body["token"]), "The answer of mint-token"),
            str(body.get("productId") or ""),
            str(body.get("productName") or ""),
            str(body.get("expiresAt") or ""),
        )

    def _swap(self, product: str | None) -> Answer:
        sent = {"token": self._get_identity_token()}
        if product:
            sent["productId" if is_id(product) else "productName"] = product
        return self._server.send("POST", "/v3/oidc/mint-token", body=Body.of_json(sent))

    def _get_identity_token(self) -> str:
        given = self._environment.get("SLIPWAY_ID_TOKEN", "").strip()
        if given:
            return read_token(given, "SLIPWAY_ID_TOKEN")
        audience = urllib.parse.quote(self._find_audience(), safe="")
        url = self._environment["ACTIONS_ID_TOKEN_REQUEST_URL"]
        secret = self._environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
        return self._ask_github(f"{url}{'&' if '?' in url else '?'}audience={audience}", secret)

    def _find_audience(self) -> str:
        """Gives whom the identity is made out to: what the job says, or the server, if it is at its own address."""
        if given := self._environment.get("SLIPWAY_AUDIENCE", "").strip():
            return given
        answer = self._server.send("GET", "/v3/oidc/audience")
        if answer.status != 200:
            raise _build_refusal(answer)
        audience = str(answer.json()["audience"])
        # A server that names somebody else could take the identity there, and act as the job.
        if _spell_address(audience) != _spell_address(self._server.url):
            message = f"{self._server.url} wants this job's identity for {audience}, which is not its address."
            hint = "If Slipway is there, give that address, or say so by the variable SLIPWAY_AUDIENCE."
            raise ClientError(message, EXIT_DENIED, [hint], code="other_audience")
        return audience

    def _ask_github(self, url: str, secret: str) -> str:
        headers = {"Authorization": f"bearer {secret}", "Accept": "application/json", "User-Agent": USER_AGENT}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - GitHub's own variable
        reason = ""
        for attempt in range(3):
            if attempt:
                time.sleep(attempt)
            try:
                with self._opener.open(request, timeout=30) as response:
                    raw, status = response.read(BLOCK_BYTES), response.status
                if status == 200:
                    return read_token(str(json.loads(raw.decode("utf-8"))["value"]), "The answer of GitHub")
                reason = f"it answers {status}"
            except (OSError, http.client.HTTPException) as error:
                reason = _describe_failure(error)
            except (ValueError, KeyError, TypeError):
                reason = "its answer holds none"
        message = f"GitHub gives this job no identity token: {reason}."
        raise ClientError(message, EXIT_DENIED, ["The job needs 'permissions: id-token: write'."], code="no_identity")


_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")


def _spell_address(url: str) -> tuple[str, str, int | None, str] | None:
    """Gives an address so that two spellings of it are equal, None for what is none."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    is_address = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return (parts.scheme, parts.hostname or "", port, parts.path.rstrip("/")) if is_address else None


def is_id(text: str) -> bool:
    """Whether a text is spelled as an id."""
    return bool(_ID.match(text))


def _build_refusal(answer: Answer) -> ClientError:
    body = answer.json() if answer.body else {}
    return RefusedError(answer, body if isinstance(body, dict) else {})


# --- The API --------------------------------------------------------------------------------------------------------


@dataclass
class Product:
    """A product, with its name as far as that is known."""

    id: str
    name: str | None = None


class Api:
    """The calls of /v3, with a token that is looked for when the first of them needs one."""

    def __init__(self, server: Server, identity: Identity, token: str | None, product: str | None) -> None:
        self.server = server
        self._identity = identity
        self._token = token
        # What --product says: a job that several products trust must say for which it wants a token.
        self._wanted = product
        self.minted: Minted | None = None

    def authenticate(self) -> str:
        """Gives the token. Raises ClientError if there is none to be had."""
        if self._token is None and self._identity.is_there:
            self.minted = self._identity.mint(self._wanted)
            self._token = self.minted.token
        if self._token is None:
            hint = "In GitHub Actions and GitLab a product can trust the job instead: see docs/trusted-publishing.md."
            message = "This needs an access token: set SLIPWAY_TOKEN, or SLIPWAY_TOKEN_FILE."
            raise ClientError(message, EXIT_DENIED, [hint], code="no_token")
        return self._token

    @property
    def has_token(self) -> bool:
        """Whether a token was handed over."""
        return self._token is not None

    def call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        is_open: bool = False,
    ) -> Answer:
        """Sends a request with the token; gives the answer. Raises RefusedError if that is a refusal, ClientError.

        What is open to everybody takes a token if there is one.
        """
        sent = dict(headers or {})
        if not is_open or self.has_token:
            sent["Authorization"] = f"Bearer {self.authenticate()}"
        answer = self.server.send(method, path, query, body, sent)
        if answer.status >= 400:
            raise _build_refusal(answer)
        return answer

    def list_all(self, path: str, query: Sequence[tuple[str, str]], limit: int | None = None) -> Iterator[Any]:
        """Gives the entries of a list, page after page, as many as wanted."""
        size = PAGE_LIMIT if limit is None else max(1, min(limit, PAGE_LIMIT))
        base = [*query, ("limit", str(size))]
        place: list[tuple[str, str]] = []
        page, count = 1, 0
        while True:
            answer = self.call("GET", path, [*base, *place])
            entries = answer.json()
            for entry in entries:
                if limit is not None and count >= limit:
                    return
                count += 1
                yield entry
            if len(entries) < size:
                return
            # A cursor keeps its place while others create; without one, as in an address that got too long, pages do.
            page += 1
            cursor = _read_cursor(answer.headers.get("Link"))
            place = [("cursor", cursor)] if cursor else [("page", str(page))]

    def find_product(self, wanted: str) -> Product:
        """Takes the id or the name of a product; gives it. Raises ClientError if there is none."""
        if self._token is None and self._identity.is_there:
            self.authenticate()
        if self.minted is not None:
            # Such a token may do nothing elsewhere, nor read the list of products.
            return _admit_product(Product(self.minted.product_id, self.minted.product_name), wanted)
        if is_id(wanted):
            return Product(wanted.lower())
        try:
            found = self.call("GET", "/v3/products", [("name", wanted)]).json()
        except RefusedError as error:
            own = self._find_own_product() if error.status == 403 else None
            if own is not None:
                return _admit_product(own, wanted)
            if error.status == 403:
                error.details.append("To find a product by its name takes the scope product:read; its id needs none.")
            raise
        same = [product for product in found if product.get("name") == wanted]
        if not same:
            raise self._build_unknown_product(wanted)
        return Product(str(same[0]["id"]), str(same[0]["name"]))

    def _find_own_product(self) -> Product | None:
        """Gives the one product that the token is for, as one is that a job got and kept; None for any other."""
        me = self.call("GET", "/v3/me").json()
        return Product(str(me["productId"]), me.get("productName")) if me.get("productId") else None

    def _build_unknown_product(self, wanted: str) -> ClientError:
        names = [str(product["name"]) for product in self.call("GET", "/v3/products", [("limit", "100")]).json()]
        near = get_close_matches(wanted, names, 3, 0.5) or names[:8]
        details = [f"There are: {', '.join(near)}." if near else "There are no products yet."]
        return ClientError(f"There is no product named {wanted}.", EXIT_NOT_FOUND, details, code="unknown_product")

    def get_product_name(self, product: Product) -> str:
        """Gives a product's name. Raises ClientError if it may not be read."""
        if product.name is None:
            try:
                product.name = str(self.call("GET", f"/v3/products/{product.id}").json()["name"])
            except RefusedError as error:
                own = self._find_own_product() if error.status == 403 else None
                if own is not None and own.id == product.id and own.name:
                    product.name = own.name
                    return own.name
                if error.status == 403:
                    error.details.append("Say what the release is called with --name, or give the scope product:read.")
                raise
        return product.name

    def get_release(self, release_id: str) -> dict[str, Any]:
        """Gives a release. Raises RefusedError."""
        path = f"/v3/releases/{urllib.parse.quote(release_id, safe='')}"
        release: dict[str, Any] = self.call("GET", path).json()
        return release

    def find_releases(self, product: Product, version: str, channel: str | None) -> list[dict[str, Any]]:
        """Gives the releases of a version, however its zeros are spelled."""
        query = [("productId", product.id), ("version[gte]", version), ("version[lte]", version)]
        if channel:
            query.append(("channel", channel))
        return list(self.list_all("/v3/releases", query))

    def publish(self, release_id: str, publish_at: str | None = None) -> Answer:
        """Publishes a release, now or at a time. Raises RefusedError."""
        body = Body.of_json({"publishAt": publish_at}) if publish_at else None
        return self.call("POST", f"/v3/releases/{urllib.parse.quote(release_id, safe='')}/publish", body=body)


def _admit_product(own: Product, wanted: str) -> Product:
    """Takes the one product that a token is for, and the one that is wanted; gives it. Raises ClientError."""
    if wanted.lower() != own.id and wanted != own.name:
        raise ClientError(
            f"The token is for {own.name or own.id}, not for {wanted}.", EXIT_DENIED, code="other_product"
        )
    return own


def _read_cursor(link: str | None) -> str | None:
    """Takes the header Link; gives the cursor of the next page.

    The rest of its address is the server's own idea of where it is, and no place to send a token to.
    """
    for target, parameters in re.findall(r"<([^>]*)>([^,]*)", link or ""):
        if re.search(r"""rel="?next\b""", parameters):
            return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query)).get("cursor")
    return None


# --- Files ----------------------------------------------------------------------------------------------------------

_FILE_NAME = re.compile(r"[()\[\]a-zA-Z0-9_.-]{3,256}\Z")


@dataclass
class LocalFile:
    """A file here, with its checksums: what is sent is compared with them at both ends."""

    path: str
    name: str
    size: int
    md5: str
    sha256: bytes
    # Whether it takes a token or a key to have it; None leaves that to the server.
    secured: bool | None = None

    def open_checked(self, output: Output) -> _FileStream:
        """Opens the file to send it."""
        return _FileStream(self, output)


class _FileStream:
    """Reads as many bytes of a file as were hashed, and shows how far it is."""

    def __init__(self, file: LocalFile, output: Output) -> None:
        self._stream = Path(file.path).open("rb")  # noqa: SIM115 - closed by who sends it
        self._file = file
        self._left = file.size
        self._output = output

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self._output.show_progress(self._file.name, self._file.size - self._left, self._file.size)
        return data

    def close(self) -> None:
        self._stream.close()


def find_files(patterns: Sequence[str]) -> list[str]:
    """Takes paths and patterns such as dist/*; gives the files. Raises ClientError if one of them names none."""
    found: list[str] = []
    for pattern in patterns:
        # A file may be called [x].zip: only where there is none of that name is it a pattern.
        matches = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - as shells have it
        files = [path for path in matches if Path(path).is_file()]
        if not files:
            what = "is a folder" if Path(pattern).is_dir() else "names no file"
            raise usage_error(f"{pattern} {what}.")
        found.extend(path for path in files if path not in found)
    return found


def hash_file(path: str, name: str | None, secured: bool | None) -> LocalFile:
    """Takes a path, and the file's name in the release if that is another; gives the file. Raises ClientError."""
    name = name or Path(path).name
    if not _FILE_NAME.match(name):
        rule = "3 to 256 letters from A to Z, digits and the signs ( ) [ ] _ . -"
        raise ClientError(f"{path}: the name of a file must have {rule}.", EXIT_INVALID, code="bad_file_name")
    md5 = new_md5()
    sha256, size = hashlib.sha256(), 0
    try:
        with Path(path).open("rb") as stream:
            for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
                md5.update(block)
                sha256.update(block)
                size += len(block)
    except OSError as error:
        raise usage_error(f"{path} cannot be read: {error.strerror or error}.") from None
    if not size:
        raise ClientError(f"{path} is empty: a file must have at least one byte.", EXIT_INVALID, code="empty_file")
    return LocalFile(path, name, size, md5.hexdigest(), sha256.digest(), secured)


def new_md5() -> Any:
    """Gives an MD5, which is the checksum of this API and protects nothing, on machines that have banned it, too."""
    try:
        return hashlib.md5(usedforsecurity=False)  # type: ignore[call-arg,unused-ignore]
    except TypeError:
        return hashlib.md5()  # noqa: S324


def find_stored(release: Mapping[str, Any], file: LocalFile) -> Mapping[str, Any] | None:
    """Gives the file of this name that a release has, None without one. Case does not count."""
    return next((one for one in release.get("files") or () if one["name"].lower() == file.name.lower()), None)


def has_file(release: Mapping[str, Any], file: LocalFile) -> bool:
    """Whether a release has a file already, byte for byte."""
    stored = find_stored(release, file)
    return (
        stored is not None
        and stored["checksum"].lower() in (file.md5, file.sha256.hex())
        and stored["size"] == file.size
        and file.secured in (None, stored["secured"])
    )


def hash_all(paths: Sequence[str], name: str | None = None, secured: bool | None = None) -> list[LocalFile]:
    """Takes paths and patterns, and the name in the release if it is one file that has another one there.

    Gives the files. Raises ClientError if two have one name, or one cannot be read.
    """
    files = [hash_file(path, name, secured) for path in find_files(paths)]
    seen: dict[str, str] = {}
    for file in files:
        other = seen.setdefault(file.name.lower(), file.path)
        if other != file.path:
            raise usage_error(f"{other} and {file.path} would have the same name in the release.")
    return files


# --- The commands ---------------------------------------------------------------------------------------------------


class Session:
    """What a command works with: its options, the API, and where its results go."""

    def __init__(self, options: argparse.Namespace, api: Api, output: Output, environment: Mapping[str, str]) -> None:
        self.options = options
        self.api = api
        self.output = output
        self.environment = environment

    def build_page_url(self, release_id: str) -> str:
        """Gives the address of a release's page in the portal."""
        return f"{self.api.server.url}/releases/{release_id}"

    def describe(self, release: Mapping[str, Any]) -> str:
        """Gives a release in words."""
        return f"{release['name']} (version {release['version']}, channel {release['channel']})"

    def write_outputs(self, release: Mapping[str, Any], outcome: str) -> None:
        """Hands over to the next steps of a job what became of a release."""
        values = {
            "release-id": release["id"],
            "version": release["version"],
            "url": self.build_page_url(release["id"]),
            "outcome": outcome,
            "published": "true" if release["published"] else "false",
        }
        if self.options.github_output:
            path = self.environment.get("GITHUB_OUTPUT", "")
            if not path:
                raise usage_error("--github-output needs the variable GITHUB_OUTPUT, which GitHub Actions sets.")
            _append(path, [f"{name}={clean(value)}" for name, value in values.items()])
        if self.options.dotenv:
            names = {name: f"SLIPWAY_{name.upper().replace('-', '_')}" for name in values}
            _append(self.options.dotenv, [f"{names[name]}={clean(value)}" for name, value in values.items()])


def _append(path: str, lines: Sequence[str]) -> None:
    try:
        with Path(path).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write("".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise usage_error(f"{path} cannot be written: {error.strerror or error}.") from None


def run_create(session: Session) -> None:
    """Creates a release, with its files, and publishes it if that is wanted."""
    options, output = session.options, session.output
    files = hash_all(options.file, secured=options.secured)
    body = _build_release(session)
    if options.dry_run:
        _try_create(session, body, files)
        return
    query = [] if options.on_conflict == "error" else [("onConflict", options.on_conflict)]
    # The same key in every attempt of this call, and another one in the next: what a run of yesterday made is found by
    # product, channel, platform and version, and compared with what is sent now.
    key = options.idempotency_key or str(uuid.uuid4())
    answer = session.api.call("POST", "/v3/releases", query, Body.of_json(body), {"Idempotency-Key": key})
    release = answer.json()
    outcome = _read_outcome(answer)
    _tell_ignored(session, answer)
    output.say(f"{_OUTCOMES[outcome]} {session.describe(release)}: {session.build_page_url(release['id'])}")
    _send_files(session, release, files)
    if options.publish:
        release = _publish_at_once(session, release)
    elif not all(has_file(release, file) for file in files):
        release = session.api.get_release(release["id"])
    session.write_outputs(release, outcome)
    document = {"outcome": outcome, "url": session.build_page_url(release["id"]), "release": release}
    output.give([release["id"]], document)


_OUTCOMES = {
    "created": "Created",
    "unchanged": "Already there, with the same content:",
    "ignored": "Already there, and left with its other content:",
    "updated": "Updated",
}


def _read_outcome(answer: Answer) -> str:
    if answer.status == 201:
        return "created"
    return str(answer.headers.get("Slipway-On-Conflict") or "unchanged").lower()


def _tell_ignored(session: Session, answer: Answer) -> None:
    ignored = answer.headers.get("Slipway-Ignored-Fields")
    if ignored:
        session.output.warn(f"The server does not know, and ignored: {ignored}")


def _build_release(session: Session) -> dict[str, Any]:
    """Gives the body of the release that the options describe."""
    options = session.options
    version = _read_version(session)
    product = session.api.find_product(options.product)
    name = options.name
    if name is None:
        name = f"{session.api.get_product_name(product)} {version}"
    body: dict[str, Any] = {
        "name": name,
        "version": version,
        "channel": options.channel,
        "platforms": options.platform,
        "private": options.private,
        "notes": _read_notes_option(options, version, product.name or ""),
        "productId": product.id,
    }
    if options.created_at:
        body["createdAt"] = options.created_at
    return body


def _read_version(session: Session) -> str:
    given: str = session.options.version
    version = strip_tag(given)
    if version != given:
        session.output.say(f"The version of {given} is {version}.")
    return version


def _read_notes_option(options: argparse.Namespace, version: str, product: str) -> str:
    """Gives the notes that the options name, or hold. Raises ClientError."""
    notes = str(options.notes or "")
    if options.notes_file is not None:
        wanted = None if options.whole_file else options.section or version
        notes = read_notes(options.notes_file, wanted, product, sys.stdin.buffer)
    return notes if options.cut_notes is None else cut_notes(notes, options.cut_notes)


def _try_create(session: Session, body: Mapping[str, Any], files: Sequence[LocalFile]) -> None:
    """Says what creating would do, and ends as that would end; writes nothing."""
    options, api, output = session.options, session.api, session.output
    query = [("validateOnly", "true")]
    if options.on_conflict != "error":
        query.append(("onConflict", options.on_conflict))
    answer = api.call("POST", "/v3/releases", query, Body.of_json(body))
    trial = answer.json()
    _tell_ignored(session, answer)
    outcome, existing = _foresee(session, trial.get("normalized") or body)
    for warning in trial.get("warnings") or ():
        output.warn(str(warning))
    steps = [_PLANS[outcome]]
    missing = files if existing is None else _find_missing(session, existing, files)
    steps += [f"send {file.name} ({file.size} bytes)" for file in missing]
    if options.publish and not (existing and existing["published"]):
        steps.append("publish it")
    for step in steps:
        output.say(f"Would {step}.")
    document = {"outcome": f"would_be_{outcome}", "valid": True, "normalized": trial.get("normalized"), "steps": steps}
    lines = [] if existing is None else [existing["id"]]
    output.give(lines, {**document, "warnings": trial.get("warnings") or [], "existing": existing})


_PLANS = {
    "created": "create the release",
    "unchanged": "leave the release as it is: it is there already, with the same content",
    "ignored": "leave the release as it is, although its content is another",
    "updated": "update the release",
}


def _foresee(session: Session, wanted: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Takes the release as it would be stored; gives what would become of it, and the one that is there already.

    Raises ClientError if it would be refused.
    """
    product = Product(str(wanted["productId"]))
    try:
        found = session.api.find_releases(product, str(wanted["version"]), str(wanted["channel"]))
    except RefusedError as error:
        if error.status != 403:
            raise
        session.output.warn("Without the scope release:read it cannot be seen whether this release is there already.")
        return "created", None
    rivals = [release for release in found if _shares_place(release, wanted)]
    if not rivals:
        return "created", None
    rival = rivals[0]
    if len(rivals) == 1 and _is_same(rival, wanted):
        return "unchanged", rival
    outcome = {"ignore": "ignored", "update": "updated"}.get(session.options.on_conflict)
    is_refused = outcome is None or (outcome == "updated" and (rival["published"] or rival["archived"] or rivals[1:]))
    if is_refused:
        message = f"There is {session.describe(rival)} already, with other content: this would be a conflict."
        raise ClientError(
            message, EXIT_CONFLICT, [f"existing: {rival['id']}"], code="duplicate_release", existing=rival["id"]
        )
    return str(outcome), rival


def _shares_place(release: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    mine, theirs = set(wanted["platforms"]), set(release["platforms"])
    return bool(mine & theirs) or (not mine and not theirs)


def _is_same(release: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    names = ["name", "private", "notes"] + (["createdAt"] if wanted.get("createdAt") else [])
    has_same = all(release[name] == wanted[name] for name in names)
    return has_same and set(release["platforms"]) == set(wanted["platforms"])


def _find_missing(session: Session, release: Mapping[str, Any], files: Sequence[LocalFile]) -> list[LocalFile]:
    """Gives those of the files that a release does not have. Raises ClientError if it would not take one."""
    missing = [file for file in files if not has_file(release, file)]
    if missing and release["published"]:
        message = f"{session.describe(release)} is published: it takes no more files."
        raise ClientError(message, EXIT_CONFLICT, code="release_published")
    for file in missing:
        stored = find_stored(release, file)
        if stored is not None and not session.options.replace:
            message = f"{file.name}: This release has a file with the name {stored['name']} already."
            details = [f"existing: {stored['id']}", "With --replace this one takes its place."]
            raise ClientError(message, EXIT_CONFLICT, details, code="duplicate", file=file.name)
    return missing


def _send_files(session: Session, release: Mapping[str, Any], files: Sequence[LocalFile]) -> list[dict[str, Any]]:
    """Sends those of the files that the release does not have. Raises ClientError, naming the file that failed."""
    sent: list[dict[str, Any]] = []
    for file in files:
        if has_file(release, file):
            session.output.say(f"{file.name} is there already.")
            continue
        try:
            _make_room(session, release, file)
            sent.append(_send_file(session, str(release["id"]), file))
        except ClientError as error:
            if _was_overtaken(session, release, file, error):
                session.output.say(f"{file.name} is there already.")
                continue
            error.message = f"{file.name}: {error.message}"
            error.members["file"] = file.name
            if error.exit_code == EXIT_CONFLICT and find_stored(release, file) and not release["published"]:
                error.details.append("With --replace this one takes its place.")
            raise
        session.output.say(f"Sent {file.name} ({file.size} bytes).")
    return sent


def _was_overtaken(session: Session, release: Mapping[str, Any], file: LocalFile, error: ClientError) -> bool:
    """Whether a file was refused because another job has sent the same, and may have published it, meanwhile."""
    return error.exit_code == EXIT_CONFLICT and has_file(session.api.get_release(str(release["id"])), file)


def _make_room(session: Session, release: Mapping[str, Any], file: LocalFile) -> None:
    """Takes the file of this name off the release, if that is wanted."""
    stored = find_stored(release, file)
    if stored is None or not session.options.replace:
        return
    try:
        session.api.call("DELETE", f"/v3/release-files/{urllib.parse.quote(stored['id'], safe='')}")
    except RefusedError as error:
        # The answer to an attempt before this one may have been lost.
        if error.status != 404:
            raise


def _send_file(session: Session, release_id: str, file: LocalFile) -> dict[str, Any]:
    path = f"/v3/{urllib.parse.quote(release_id, safe='')}/{urllib.parse.quote(file.name, safe='')}"
    body = Body("application/octet-stream", file.size, lambda: file.open_checked(session.output))
    # The server refuses a body that arrives as another one.
    headers = {"Repr-Digest": f"sha-256=:{b64encode(file.sha256).decode('ascii')}:"}
    query = [] if file.secured is None else [("secured", "true" if file.secured else "false")]
    stored: dict[str, Any] = session.api.call("PUT", path, query, body, headers).json()
    if str(stored.get("checksum", "")).lower() != file.md5 or stored.get("size") != file.size:
        message = f"The server stored {stored.get('size')} bytes with the checksum {stored.get('checksum')}."
        details = [f"Here are {file.size} bytes with the checksum {file.md5}."]
        raise ClientError(message, EXIT_UNEXPECTED, details, code="checksum_mismatch")
    return stored


def run_upload(session: Session) -> None:
    """Adds files to a draft: their bytes, or where they lie."""
    options, output = session.options, session.output
    if (options.external_url or options.name) and len(find_files(options.files)) > 1:
        raise usage_error("--external-url and --name are for one file.")
    files = hash_all(options.files, options.name, options.secured)
    release = _find_release(session)
    missing = _find_missing(session, release, files)
    if options.dry_run:
        for file in files:
            what = "send" if file in missing else "leave as it is"
            output.say(f"Would {what} {file.name} ({file.size} bytes).")
        stored: list[dict[str, Any]] = []
    elif options.external_url:
        stored = _name_external(session, release, missing)
    else:
        stored = _send_files(session, release, files)
    if not options.dry_run:
        release = session.api.get_release(release["id"])
        session.write_outputs(release, "uploaded" if stored else "unchanged")
    names = {file.name.lower() for file in files}
    shown = [file for file in release["files"] if file["name"].lower() in names]
    lines = ["\t".join((file["checksum"], str(file["size"]), file["name"])) for file in shown]
    output.give(lines, {"outcome": "uploaded" if stored else "unchanged", "files": shown, "release": release})


def _name_external(session: Session, release: Mapping[str, Any], files: Sequence[LocalFile]) -> list[dict[str, Any]]:
    stored = []
    for file in files:
        _make_room(session, release, file)
        body = {
            "name": file.name, "url": session.options.external_url, "size": file.size, "checksum": file.md5,
            "secured": bool(file.secured), "releaseId": release["id"],
        }  # fmt: skip
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        try:
            answer = session.api.call("POST", "/v3/release-files", body=Body.of_json(body), headers=headers)
        except RefusedError as error:
            # The answer to an attempt before this one may have been lost.
            if error.status != 409 or not has_file(session.api.get_release(str(release["id"])), file):
                raise
            continue
        stored.append(answer.json())
        session.output.say(f"Named {file.name} ({file.size} bytes).")
    return stored


def _find_release(session: Session) -> dict[str, Any]:
    """Gives the one release that the options name. Raises ClientError if there is none, or more than one."""
    options, api = session.options, session.api
    release_id = options.release
    if release_id:
        if options.product or options.version:
            raise usage_error("Name the release by its id, or by --product and --version, but not by both.")
        return api.get_release(release_id)
    if not options.product or not options.version:
        raise usage_error("Name the release: by its id, or by --product and --version.")
    version = _read_version(session)
    if "." not in version or read_version_numbers(version) is None:
        raise ClientError(
            f"{version} is no version: it has 2 to 4 numbers with dots.", EXIT_INVALID, code="invalid_version"
        )
    found = api.find_releases(api.find_product(options.product), version, options.channel)
    wanted = set(options.platform or ())
    found = [release for release in found if not wanted or wanted & set(release["platforms"])]
    if not found:
        message = f"There is no release of {options.product} with the version {version}."
        raise ClientError(message, EXIT_NOT_FOUND, code="unknown_release")
    if len(found) > 1:
        details = [
            f"{one['id']}: channel {one['channel']}, platforms {', '.join(one['platforms']) or 'any'}" for one in found
        ]
        message = "There are several: name one by its id, or say --channel and --platform."
        raise ClientError(message, EXIT_USAGE, details, code="ambiguous_release")
    return found[0]


def run_publish(session: Session) -> None:
    """Publishes a release, now or at a time. One that is published already is what was wanted."""
    options, output = session.options, session.output
    release = _find_release(session)
    if options.dry_run:
        if release["archived"] and not release["published"]:
            raise ClientError(
                "This release is archived: unarchive it before you publish it.", EXIT_CONFLICT, code="conflict"
            )
        when = f" at {options.at}" if options.at else ""
        plan = (
            "leave it: it is published already"
            if release["published"]
            else f"publish {session.describe(release)}{when}"
        )
        output.say(f"Would {plan}.")
        outcome = "unchanged" if release["published"] else "would_be_published"
    elif options.at and not release["published"]:
        answer = session.api.publish(release["id"], options.at)
        release, outcome = answer.json(), "planned"
        at = answer.headers.get("Slipway-Publish-At", options.at)
        output.say(f"{session.describe(release)} will be published at {at}.")
    else:
        outcome = "unchanged" if release["published"] else "published"
        release = _publish_at_once(session, release)
    if not options.dry_run:
        session.write_outputs(release, outcome)
    document = {"outcome": outcome, "url": session.build_page_url(release["id"]), "release": release}
    output.give([release["id"]], document)


def _publish_at_once(session: Session, release: Mapping[str, Any]) -> dict[str, Any]:
    """Publishes a release unless it is; gives it as it is then. Raises RefusedError."""
    current = dict(release)
    if current["published"]:
        session.output.say(f"{session.describe(current)} is published already.")
        return current
    try:
        current = session.api.publish(current["id"]).json()
    except RefusedError as error:
        if error.status != 409:
            raise
        # The answer to an attempt before this one may have been lost.
        current = session.api.get_release(current["id"])
        if not current["published"]:
            raise
    session.output.say(f"Published {session.describe(current)}.")
    return current


def run_list(session: Session) -> None:
    """Lists releases."""
    options, api = session.options, session.api
    query: list[tuple[str, str]] = []
    if options.product:
        query.append(("productId", api.find_product(options.product).id))
    texts = ("channel", "platform", "version", "query", "sort")
    query += [(name, getattr(options, name)) for name in texts if getattr(options, name)]
    for name in ("published", "private", "archived"):
        value = getattr(options, name)
        if value is not None:
            query.append((name, "true" if value else "false"))
    for item in options.filter:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise usage_error(f"A filter is like 'version[gte]=1.2', and {item} is not.")
        query.append((name, value))
    releases = list(api.list_all("/v3/releases", query, None if options.all else options.limit))
    rows = [
        [
            one["version"], one["channel"], _describe_state(one), ",".join(one["platforms"]) or "-", one["createdAt"],
            one["id"], one["name"],
        ]
        for one in releases
    ]  # fmt: skip
    header = ["VERSION", "CHANNEL", "STATE", "PLATFORMS", "CREATED", "ID", "NAME"]
    session.output.give(print_table(header, rows) if rows else [], releases)


def _describe_state(release: Mapping[str, Any]) -> str:
    state = "archived" if release["archived"] else "published" if release["published"] else "draft"
    return f"{state},private" if release["private"] else state


def run_latest(session: Session) -> None:
    """Tells the newest published version."""
    answer = session.api.call("GET", "/v3/releases/latest", _build_newest_query(session), is_open=True)
    release = answer.json()
    session.output.say(f"{session.describe(release)}, published {release['publishedAt']}.")
    session.output.give([release["version"]], release)


def run_update_check(session: Session) -> None:
    """Tells the newest published version if it is newer than the one that is named; else nothing."""
    query = [*_build_newest_query(session), ("version", _read_version(session))]
    answer = session.api.call("GET", "/v3/releases/update", query, is_open=True)
    if answer.status == 204:
        session.output.say(f"{session.options.version} is the newest.")
        session.output.give([], None)
    else:
        release = answer.json()
        session.output.say(f"{session.describe(release)} is newer.")
        session.output.give([release["version"]], release)


def _build_newest_query(session: Session) -> list[tuple[str, str]]:
    options = session.options
    product_id = options.product.lower() if is_id(options.product) else session.api.find_product(options.product).id
    query = [("productId", product_id), ("platform", options.platform), ("channel", options.channel)]
    key = session.environment.get("SLIPWAY_DOWNLOAD_KEY", "").strip()
    return [*query, ("key", key)] if key else query


def run_whoami(session: Session) -> None:
    """Tells who the token is."""
    me = session.api.call("GET", "/v3/me").json()
    session.output.give([f"{name}\t{value}" for name, value in _flatten(me, "")], me)


def _flatten(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _flatten(member, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        yield name, clean(" ".join(str(item) for item in value))
    elif value is not None:
        yield name, clean(json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value)


def run_notes(session: Session) -> None:
    """Prints a version's section of a changelog, as ``create`` would send it."""
    options = session.options
    notes = read_notes(options.notes_file, options.section or _read_version(session), "", sys.stdin.buffer)
    session.output.give(notes.split("\n"), {"notes": notes, "length": len(notes)})


def run_token(session: Session) -> None:
    """Gets a token for the identity of this job, for the commands that come after."""
    options = session.options
    session.api.authenticate()
    minted = session.api.minted
    if minted is None:
        raise usage_error("There is a token already: SLIPWAY_TOKEN or SLIPWAY_TOKEN_FILE is set.")
    about = {"productId": minted.product_id, "productName": minted.product_name, "expiresAt": minted.expires_at}
    session.output.say(f"The token is for {minted.product_name or minted.product_id}, until {minted.expires_at}.")
    if options.output:
        _write_secret(options.output, minted.token)
        session.output.give([], {**about, "file": options.output})
        return
    if session.environment.get("GITHUB_ACTIONS"):
        # The runner leaves it out of every log from here on.
        sys.stderr.write(f"::add-mask::{minted.token}\n")
        sys.stderr.flush()
    session.output.give([minted.token], {**about, "token": minted.token})


def _write_secret(path: str, secret: str) -> None:
    """Writes a file that only this user may read."""
    try:
        Path(path).unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise usage_error(f"{path} cannot be written: {error.strerror or error}.") from None
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="ascii") as stream:
            stream.write(secret + "\n")
    except OSError as error:
        raise usage_error(f"{path} cannot be written: {error.strerror or error}.") from None


# --- The import of history ------------------------------------------------------------------------------------------

_FIRST_POLL_SECONDS = 0.1
_POLL_SECONDS = 1.0
_BAD_STATES = ("error", "conflict")
# What people read of it; --json has more.
_SHOWN_ROWS = 50


def run_import(session: Session) -> None:
    """Imports a history of releases: what is there already is left, what is new is created."""
    options, output = session.options, session.output
    raw = _read_import(options.file)
    query = _build_import_query(session)
    body = Body("application/octet-stream", len(raw), lambda: io.BytesIO(raw))
    if options.dry_run:
        trial = session.api.call("POST", "/v3/imports", [*query, ("validateOnly", "true")], body).json()
        rows = [row for row in trial.get("rows") or () if row["state"] in _BAD_STATES]
        _finish_import(session, trial, rows, is_trial=True)
        return
    preview = session.api.call("POST", "/v3/imports", query, body).json()
    for warning in preview.get("warnings") or ():
        output.warn(str(warning))
    bad = sum(int(preview["counts"].get(state, 0)) for state in _BAD_STATES)
    if options.all_or_nothing and bad:
        output.say("Nothing is imported.")
        _finish_import(session, preview, _list_bad_rows(session, preview["id"]), is_trial=True)
        return
    output.say(f"Importing {preview['counts'].get('create', 0)} of {preview['total']} rows.")
    done = _carry_out(session, preview)
    _finish_import(session, done, _list_bad_rows(session, done["id"]), is_trial=False)


def _read_import(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise usage_error(f"{path} cannot be read: {error.strerror or error}.") from None


def _build_import_query(session: Session) -> list[tuple[str, str]]:
    options = session.options
    query = [("format", options.format)]
    if options.file != "-":
        query.append(("fileName", Path(options.file).name))
    if options.product:
        query.append(("productId", session.api.find_product(options.product).id))
    query += [("platforms", platform) for platform in options.platform]
    texts = {"channel": "channel", "prereleases": "prereleases", "long_notes": "longNotes", "tag_prefix": "tagPrefix"}
    query += [(wire, getattr(options, name)) for name, wire in texts.items() if getattr(options, name)]
    flags = {"one_product": "oneProduct", "private": "private", "publish": "publish", "quiet_webhooks": "quiet"}
    return query + [(wire, "true") for name, wire in flags.items() if getattr(options, name)]


def _carry_out(session: Session, preview: Mapping[str, Any]) -> dict[str, Any]:
    """Runs an import, and waits until it has ended. Raises ClientError if it does not get on, or stops."""
    output, path = session.output, f"/v3/imports/{preview['id']}"
    current: dict[str, Any] = session.api.call("POST", f"{path}/run").json()
    moved_at, processed, pause = time.monotonic(), -1, _FIRST_POLL_SECONDS
    while current["state"] == "running":
        if current["processed"] != processed:
            moved_at, processed = time.monotonic(), current["processed"]
            output.show_progress("Importing", processed, current["total"])
        elif time.monotonic() - moved_at > session.options.patience:
            message = f"The import {preview['id']} has not got on for {session.options.patience:g} s."
            details = ["It goes on by itself when it can; the same command looks at it again."]
            raise ClientError(message, EXIT_UNREACHABLE, details, code="import_stalled", importId=preview["id"])
        time.sleep(pause)
        pause = min(pause * 1.5, _POLL_SECONDS)
        current = session.api.call("GET", path).json()
    output.show_progress("Importing", current["total"], current["total"])
    if current["state"] == "stopped":
        message = f"The import {preview['id']} was stopped: {current.get('reason') or 'somebody did'}."
        details = ["The same command goes on with it."]
        raise ClientError(message, EXIT_UNEXPECTED, details, code="import_stopped", importId=preview["id"])
    return current


def _list_bad_rows(session: Session, import_id: str) -> list[dict[str, Any]]:
    return list(session.api.list_all(f"/v3/imports/{import_id}/rows", [("state", ",".join(_BAD_STATES))]))


def _finish_import(
    session: Session, document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, is_trial: bool
) -> None:
    """Prints what became of an import, or would; raises ClientError if a row was refused."""
    counts = {state: count for state, count in document["counts"].items() if count}
    bad = sum(counts.get(state, 0) for state in _BAD_STATES)
    if not bad or not session.output.is_json:
        lines = [f"{state}\t{count}" for state, count in counts.items()]
        session.output.give(lines, {"import": document, "rows": list(rows)})
    if bad:
        code = EXIT_INVALID if counts.get("error") else EXIT_CONFLICT
        message = f"{bad} of {sum(counts.values())} rows {'would be' if is_trial else 'were'} refused."
        details = [_describe_row(row) for row in rows[:_SHOWN_ROWS]]
        if bad > len(details):
            details.append(f"and {bad - len(details)} more")
        raise ClientError(message, code, details, code="rows_refused", **{"import": document}, rows=list(rows))


def _describe_row(row: Mapping[str, Any]) -> str:
    version = f", version {row['version']}" if row["version"] else ""
    return f"line {row['line']}{version}: {' '.join(error['message'] for error in row['errors'])}"


# --- The command line -----------------------------------------------------------------------------------------------

_DEFAULTS = {
    "url": None, "token": None, "token_file": None, "json": False, "quiet": False, "timeout": 30.0, "retries": 5,
    "retry_delay": 0.5, "ca_bundle": None, "dry_run": False, "github_output": False, "dotenv": None,
}  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """A parser whose refusals are problems like all others."""

    def error(self, message: str) -> NoReturn:
        raise usage_error(f"{message[:1].upper()}{message[1:]}.", f"{self.prog} --help tells more.")


def _read_positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 100_000:
        raise ValueError
    return value


def _read_count(text: str) -> int:
    value = int(text)
    if not 0 <= value < 1_000_000_000:
        raise ValueError
    return value


# What argparse calls them when it refuses a value.
_read_positive.__name__ = "number of seconds"
_read_count.__name__ = "count"


def _build_common() -> _Parser:
    """Gives the options that stand before the command or after it."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("options of every command")
    group.add_argument("--url", help="where Slipway is; or the variable SLIPWAY_URL")
    group.add_argument("--token-file", metavar="FILE", help="holds the token, '-' is stdin; or SLIPWAY_TOKEN_FILE")
    group.add_argument("--token", help="the token; rather in SLIPWAY_TOKEN: others on this machine can read arguments")
    group.add_argument("--json", action="store_true", help="print the result as JSON")
    group.add_argument("-q", "--quiet", action="store_true", help="tell nothing but errors and warnings")
    group.add_argument("--timeout", type=_read_positive, metavar="SECONDS", help="to wait for an answer (30)")
    group.add_argument("--retries", type=_read_count, metavar="COUNT", help="after failures that may pass (5)")
    group.add_argument(
        "--retry-delay", type=_read_positive, metavar="SECONDS", help="the first one, then doubled (0.5)"
    )
    group.add_argument("--ca-bundle", metavar="FILE", help="certificates to trust; or SLIPWAY_CA_BUNDLE")
    return common


def build_parser() -> argparse.ArgumentParser:
    """Gives the parser of the command line."""
    common = _build_common()
    parser = _Parser(
        prog="slipway", parents=[common], epilog=str(__doc__).partition("\n\n")[2],
        description="Create, fill, publish, list and import releases.",
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"slipway {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(name: str, run: Callable[[Session], None], *, writes: bool = False) -> argparse.ArgumentParser:
        text = str(run.__doc__).strip()
        command = commands.add_parser(name, help=text, description=text, parents=[common], allow_abbrev=False)
        command.set_defaults(run=run)
        if writes:
            command.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
        return command

    _add_create(add("create", run_create, writes=True))
    _add_publish(add("publish", run_publish, writes=True))
    _add_upload(add("upload", run_upload, writes=True))
    _add_list(add("list", run_list))
    for name, run in (("latest", run_latest), ("update-check", run_update_check)):
        newest = add(name, run)
        newest.add_argument("--product", required=True, help="its id; or with a token its name")
        newest.add_argument("--platform", required=True)
        newest.add_argument("--channel", default="stable")
        if name == "update-check":
            newest.add_argument("--version", required=True, help="the one that is there")
    _add_import(add("import", run_import, writes=True))
    add("whoami", run_whoami)
    notes = add("notes", run_notes)
    notes.add_argument("--notes-file", default="CHANGELOG.md", metavar="FILE", help="the changelog, '-' is stdin")
    notes.add_argument("--version", default="", help="whose section")
    notes.add_argument("--section", metavar="HEADING", help="the section's heading, if that is no version")
    token = add("token", run_token)
    token.add_argument("--product", help="what the token is for, if several products trust this job")
    token.add_argument("--output", metavar="FILE", help="write it there, for SLIPWAY_TOKEN_FILE; else to stdout")
    completion = add("completion", run_completion)
    completion.add_argument("shell", choices=("bash", "zsh"))
    return parser


def _add_outputs(command: argparse.ArgumentParser) -> None:
    command.add_argument("--github-output", action="store_true", help="tell the job's next steps, by GITHUB_OUTPUT")
    command.add_argument("--dotenv", metavar="FILE", help="tell the next jobs, by a dotenv file")


def _add_create(command: argparse.ArgumentParser) -> None:
    command.add_argument("--product", required=True, metavar="NAME|ID")
    command.add_argument("--version", required=True, help="such as 1.4.0; of a tag such as v1.4.0 the v goes")
    command.add_argument("--name", help="of the release (the product's name and the version)")
    command.add_argument("--channel", default="stable")
    command.add_argument("--platform", action="append", default=[], help="may come several times")
    command.add_argument("--private", action="store_true", help="customers do not see it")
    notes = command.add_mutually_exclusive_group()
    notes.add_argument("--notes", metavar="TEXT", help="Markdown")
    notes.add_argument(
        "--notes-file", metavar="FILE", help="notes, or a changelog with the version's section; '-' is stdin"
    )
    section = command.add_mutually_exclusive_group()
    section.add_argument("--section", metavar="HEADING", help="the section's heading, if it is not the version")
    section.add_argument("--whole-file", action="store_true", help="take the notes file as it is")
    command.add_argument(
        "--cut-notes", nargs="?", const="", metavar="URL",
        help=f"cut notes of more than {NOTES_LIMIT} characters, and link to where they are in full",
    )  # fmt: skip
    command.add_argument("--created-at", metavar="TIME", help="of an old release, such as 2019-08-24T14:15:22Z")
    command.add_argument(
        "--file",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="send these, too; patterns such as 'dist/*'",
    )
    _add_file_options(command)
    command.add_argument("--publish", action="store_true", help="publish it, after its files")
    command.add_argument(
        "--on-conflict", choices=("error", "ignore", "update"), default="error",
        help="if the version is there with other content (error)",
    )  # fmt: skip
    command.add_argument("--idempotency-key", metavar="KEY", help="of this release, if the caller has one of its own")
    _add_outputs(command)


def _add_file_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--replace", action="store_true", help="a file of the same name and other content in a draft")
    flags = command.add_mutually_exclusive_group()
    flags.add_argument("--secured", dest="secured", action="store_const", const=True, help="files need a token or key")
    flags.add_argument("--open", dest="secured", action="store_const", const=False, help="files need neither")


def _add_place(command: argparse.ArgumentParser) -> None:
    """Adds what names a release that is there, beside its id."""
    command.add_argument("--product", metavar="NAME|ID")
    command.add_argument("--version", help="with --product: which release")
    command.add_argument("--channel", help="if several have the version")
    command.add_argument("--platform", action="append", help="if several have the version")
    _add_outputs(command)


def _add_publish(command: argparse.ArgumentParser) -> None:
    command.add_argument("release", nargs="?", metavar="ID")
    command.add_argument("--at", metavar="TIME", help="when, such as 2031-05-28T09:00:00Z")
    _add_place(command)


def _add_upload(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="patterns such as 'dist/*' too")
    command.add_argument("--release", metavar="ID")
    command.add_argument("--name", help="of the file in the release, if it is another one")
    command.add_argument("--external-url", metavar="URL", help="only name the file, which lies there")
    _add_file_options(command)
    _add_place(command)


def _add_list(command: argparse.ArgumentParser) -> None:
    command.add_argument("--product", metavar="NAME|ID")
    for name in ("channel", "platform", "version", "query"):
        command.add_argument(f"--{name}")
    command.add_argument("--sort", help="createdAt, version, or with a minus first the newest (createdAt)")
    for name, yes, no in (("published", "published", "draft"), ("private", "private", "public")):
        flags = command.add_mutually_exclusive_group()
        flags.add_argument(f"--{yes}", dest=name, action="store_const", const=True)
        flags.add_argument(f"--{no}", dest=name, action="store_const", const=False)
    flags = command.add_mutually_exclusive_group()
    flags.add_argument("--archived", dest="archived", action="store_const", const=True)
    flags.add_argument("--not-archived", dest="archived", action="store_const", const=False)
    command.add_argument(
        "--filter", action="append", default=[], metavar="FIELD[OP]=VALUE", help="such as 'version[gte]=1.2'"
    )
    command.add_argument("--limit", type=_read_count, default=20, help="how many (20)")
    command.add_argument("--all", action="store_true", help="all there are")


def _add_import(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", metavar="FILE", help="JSON Lines, CSV, releases of GitHub or GitLab, a changelog; '-' is stdin"
    )
    command.add_argument("--product", metavar="NAME|ID", help="of rows that name none")
    command.add_argument("--one-product", action="store_true", help="of all rows, whatever they name")
    command.add_argument("--format", choices=("auto", "jsonl", "csv", "github", "gitlab", "changelog"), default="auto")
    command.add_argument("--channel", help="of rows that say none (stable)")
    command.add_argument("--platform", action="append", default=[], help="of rows that say none")
    command.add_argument("--private", action="store_true", help="rows that do not say are private")
    command.add_argument("--publish", action="store_true", help="publish them, at the dates that they had")
    command.add_argument("--quiet-webhooks", action="store_true", help="tell no webhook")
    command.add_argument("--prereleases", choices=("error", "channel", "skip"), help="versions such as 1.2.0-beta.1")
    command.add_argument("--long-notes", choices=("error", "cut"), help="notes of more than 4096 characters")
    command.add_argument("--tag-prefix", metavar="PREFIX", help="only tags that begin so, such as app/")
    command.add_argument("--all-or-nothing", action="store_true", help="import nothing if a row would be refused")
    command.add_argument(
        "--patience", type=_read_positive, default=120.0, metavar="SECONDS", help="without progress (120)"
    )


def run_completion(session: Session) -> None:
    """Prints what a shell needs to complete commands and options."""
    parser = build_parser()
    commands = {command.prog.split()[-1]: command for command in _list_parsers(parser)[1:]}
    cases = "\n".join(
        f"    {name}) words='{' '.join(sorted(command._option_string_actions))}' ;;"  # noqa: SLF001
        for name, command in sorted(commands.items())
    )
    script = f"""_slipway() {{
  local word words='{" ".join(sorted([*commands, *parser._option_string_actions]))}'
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in
{cases}
    esac
  done
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _slipway slipway slipway.py"""  # noqa: SLF001
    start = ["autoload -Uz bashcompinit && bashcompinit"] if session.options.shell == "zsh" else []
    session.output.give([*start, script], {"script": script})


def build_session(options: argparse.Namespace, output: Output, environment: Mapping[str, str]) -> Session:
    """Puts together what a command works with. Raises ClientError if the address or a token is missing or nonsense."""
    url = options.url or environment.get("SLIPWAY_URL", "")
    is_local = options.run in (run_completion, run_notes)
    if not url and not is_local:
        raise usage_error("Where is Slipway? Say it with --url, or the variable SLIPWAY_URL.")
    server_url = read_url(url) if url else ""
    if not is_local and server_url.startswith("http://") and not is_loopback(server_url):
        output.warn("The token travels unencrypted: use an address that begins with https://.")
    opener = build_opener(options.ca_bundle or environment.get("SLIPWAY_CA_BUNDLE") or None)
    server = Server(server_url, output, opener, options.timeout, Retries(options.retries, options.retry_delay))
    identity = Identity(server, opener, environment)
    token = None if is_local else find_given_token(options, environment)
    return Session(options, Api(server, identity, token, getattr(options, "product", None)), output, environment)


def _list_parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    return [parser, *(command for action in actions for command in action.choices.values())]


def _bind_values(arguments: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    """Gives the arguments with each value bound to its option: it may begin with a minus, as in ``--sort -version``."""
    known: dict[str, argparse.Action] = {}
    for one in _list_parsers(parser):
        known.update(one._option_string_actions)  # noqa: SLF001
    bound: list[str] = []
    for argument in arguments:
        last = bound[-1] if bound else ""
        takes_one = last in known and known[last].nargs is None
        if takes_one and last.startswith("--") and argument.startswith("-") and argument.split("=")[0] not in known:
            bound[-1] = f"{last}={argument}"
        else:
            bound.append(argument)
    return bound


def _refuse_bytes(arguments: Sequence[str]) -> None:
    try:
        "".join(arguments).encode("utf-8")
    except UnicodeEncodeError:
        raise usage_error("An argument holds bytes that are no text in this terminal's encoding.") from None


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Takes the arguments and the environment; does what they say, and gives the code to end with."""
    output = Output("--json" in arguments, "--quiet" in arguments or "-q" in arguments)
    try:
        _refuse_bytes(arguments)
        parser = build_parser()
        options = parser.parse_args(_bind_values(arguments, parser), argparse.Namespace(**_DEFAULTS))
        if options.command is None:
            parser.print_help(sys.stderr)
            return EXIT_USAGE
        output = Output(options.json, options.quiet)
        options.run(build_session(options, output, environment))
    except ClientError as error:
        output.fail(error)
        return error.exit_code
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"The server's answer is not understood ({type(error).__name__}: {error})."
        hint = f"This is slipway {__version__}; the server has the one that fits at /cli/slipway.py."
        output.fail(ClientError(message, EXIT_UNEXPECTED, [hint], code="not_understood"))
        return EXIT_UNEXPECTED
    return EXIT_OK


def main() -> int:
    """Runs the command line of this process; gives the code to end with."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Whatever the console's code page is: names and notes hold any letter there is.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        return run(sys.argv[1:], os.environ)
    except KeyboardInterrupt:
        sys.stderr.write("\nslipway: Interrupted. The same command can be run again: nothing is made twice.\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the result, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
