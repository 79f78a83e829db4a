"""Reads one setting each: text of the environment to a typed value.

Each takes the text that was given, and raises ValueError with the rule ("must be ...") if that is broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from redis.connection import parse_url
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

Network = IPv4Network | IPv6Network

SECRET_KEY_LENGTH = 32
_METRICS_TOKEN_LENGTH = 16
# The address of a Unix socket holds 104 bytes on macOS and 108 on Linux, its end mark included.
SOCKET_PATH_BYTES = 100
# The longest request line that the web server reads, address and all.
REQUEST_LINE_BYTES = 8190
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_POSTGRESQL_DRIVER = "postgresql+psycopg"
_POSTGRESQL_SCHEMES = ("postgres", "postgresql", _POSTGRESQL_DRIVER)
# RFC 1123, section 2.1, and the underscore that container networks use.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")
# What can stand after "Bearer" in a header (RFC 6750, section 2.1).
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ConfigError(Exception):
    """A setting is missing or breaks its rule; the text is one line that names the variable and the rule."""


def parse_number(low: int, high: int) -> Callable[[str], int]:
    """Takes the bounds; gives a parser of whole numbers within them, both included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def parse_rate_limit(text: str) -> int | None:
    """Gives how many requests a caller has in five seconds, or None for ``off``."""
    if text.lower() == "off":
        return None
    try:
        return parse_number(1, 1_000_000)(text)
    except ValueError:
        raise ValueError("must be off, or the requests per 5 seconds and caller: 1 to 1000000") from None


def parse_log_level(text: str) -> str:
    """Gives the level's name as the logging module spells it."""
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def parse_host(text: str) -> str:
    """Gives the address or host name to listen at; an IPv6 address without brackets."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not is_host(bare):
        raise ValueError("must be an IP address or a host name, without a port")
    return bare


def parse_secret(text: str) -> str:
    """Gives the secret key as typed."""
    if len(text) < SECRET_KEY_LENGTH:
        raise ValueError(f"must have at least {SECRET_KEY_LENGTH} characters")
    return text


def parse_secrets(text: str) -> tuple[str, ...]:
    """Gives each of the earlier secret keys, in the order given."""
    try:
        return tuple(parse_secret(item) for item in _split_list(text))
    except ValueError as error:
        raise ValueError(f"must be earlier secret keys separated by commas; each {error}") from None


def parse_metrics_token(text: str) -> str:
    """Gives the token that a reader of the metrics must send; the empty string if there is none."""
    if text and (len(text) < _METRICS_TOKEN_LENGTH or not _BEARER_TOKEN.match(text)):
        raise ValueError(f"must have at least {_METRICS_TOKEN_LENGTH} characters: letters, digits and any of -._~+/")
    return text


def parse_networks(text: str) -> tuple[Network, ...]:
    """Gives the networks of a list of CIDRs (RFC 4632). Bits beyond the prefix are refused, not dropped."""
    try:
        return tuple(ip_network(item) for item in _split_list(text))
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8 separated by commas: {error}") from None


def parse_proxies(text: str) -> tuple[str, ...]:
    """Gives the proxies whose forwarding headers count: addresses, networks, or ``*`` for every peer."""
    if text.strip() == "*":
        return ("*",)
    try:
        return tuple(_format_proxy(item) for item in _split_list(text))
    except ValueError as error:
        raise ValueError(f"must be * or IP addresses and networks separated by commas: {error}") from None


def parse_trusted_hosts(text: str) -> tuple[str, ...]:
    """Gives host names in lower case; one that starts with a dot stands for every name below it."""
    names = tuple(item.lower() for item in _split_list(text))
    if not names or not all(_is_trusted_host(name) for name in names):
        raise ValueError("must be host names without a port, separated by commas")
    return names


def parse_base_url(text: str) -> str:
    """Gives the origin (RFC 6454, section 4) that links start with: no default port, no slash at its end."""
    parts = split_url(text)
    is_origin = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in _DEFAULT_PORTS or not is_origin or "?" in text or "#" in text:
        raise ValueError("must be http:// or https:// with a host and at most a port: no path, query or user")
    return format_origin(parts.scheme, parts.hostname or "", parts.port)


def parse_database_url(data_dir: Path) -> Callable[[str], str]:
    """Takes the data directory; gives a parser of the URLs of PostgreSQL and of SQLite files.

    A relative path of a SQLite file starts at the data directory, wherever a command is run from.
    """

    def parse(text: str) -> str:
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise ValueError("must be a database URL such as postgresql://user@host/name") from None
        if url.drivername in _POSTGRESQL_SCHEMES:
            return url.set(drivername=_POSTGRESQL_DRIVER).render_as_string(hide_password=False)
        if url.drivername == "sqlite":
            return _place_sqlite_file(url, data_dir)
        raise ValueError("must start with postgresql:// or sqlite:///")

    return parse


def parse_redis_url(text: str) -> str:
    """Gives the URL of a Redis or Valkey server as redis-py takes it."""
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    parts = split_url(text, is_host_needed=not text.startswith("unix://"))
    if parts.scheme == "unix" and (not parts.path.startswith("/") or len(parts.path.encode()) > SOCKET_PATH_BYTES):
        raise ValueError(f"must hold the absolute path of a socket of at most {SOCKET_PATH_BYTES} bytes after unix://")
    try:
        parse_url(text)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ValueError(f"must be a URL of Redis: {error}") from None
    return text


def parse_directory(text: str) -> Path:
    """Gives the absolute path of a directory, which need not exist yet; ``~`` is the user's home."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError("must be the path of a directory; its user has no home") from None


def format_origin(scheme: str, host: str, port: int | None) -> str:
    """Takes the parts of an origin; gives its text, an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    shown = f"[{host}]" if ":" in host else host
    suffix = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    return f"{scheme}://{shown}{suffix}"


def format_socket_url(path: Path) -> str:
    """Takes the path of a Unix socket; gives the URL that redis-py reads it from."""
    return f"unix://{quote(str(path))}"


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets, is this machine as seen from itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def split_url(text: str, *, is_host_needed: bool = True) -> SplitResult:
    """Gives the parts of a URL whose host and port are valid. Raises ValueError, which repeats nothing of the text."""
    try:
        parts = urlsplit(text)
        is_port_valid = parts.port != 0
    except ValueError:
        raise ValueError("must be a URL with a host and a port from 1 to 65535") from None
    if not is_port_valid or (is_host_needed and not is_host(parts.hostname or "")):
        raise ValueError("must be a URL with a host and a port from 1 to 65535")
    return parts


def is_host(text: str) -> bool:
    """Whether the text is an IP address, without brackets, or a host name."""
    try:
        return bool(ip_address(text))
    except ValueError:
        # A name that ends in a number could only be a misspelt IPv4 address (WHATWG URL, host parsing).
        return bool(_HOST_NAME.match(text)) and not text.rpartition(".")[2].isdigit()


def _split_list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _is_trusted_host(name: str) -> bool:
    if name.startswith("[") and name.endswith("]"):
        return ":" in name and is_host(name[1:-1])
    return ":" not in name and is_host(name.removeprefix("."))


def _format_proxy(text: str) -> str:
    return str(ip_network(text)) if "/" in text else str(ip_address(text))


def _place_sqlite_file(url: URL, data_dir: Path) -> str:
    # What lives in memory would be another database in every process.
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ValueError("must name a file after sqlite:///, because several processes share it")
    return url.set(database=str(data_dir / url.database)).render_as_string(hide_password=False)
