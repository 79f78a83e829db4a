"""The environment as typed settings. What is missing or nonsense stops the start with one clear line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from app.config_files import find_socket, prepare_socket_directory, read_secret, write_secret_once
from app.config_issuers import parse_issuers
from app.config_mail import SmtpServer, format_mail_domain, parse_mail_from, parse_smtp_url
from app.config_oidc import OidcSettings, read_oidc
from app.config_storage import StorageSettings, read_storage
from app.config_values import (
    ConfigError,
    Network,
    format_origin,
    format_socket_url,
    is_loopback,
    parse_base_url,
    parse_database_url,
    parse_directory,
    parse_host,
    parse_log_level,
    parse_metrics_token,
    parse_networks,
    parse_number,
    parse_proxies,
    parse_rate_limit,
    parse_redis_url,
    parse_secret,
    parse_secrets,
    parse_trusted_hosts,
)

__all__ = ["ConfigError", "Settings"]

_PROJECT = Path(__file__).resolve().parent.parent
_REACHABLE_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the way back
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# Their values are never repeated in a message, because messages end up in logs.
_SECRET_NAMES = {"SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL", "REDIS_URL", "SMTP_URL", "METRICS_TOKEN"} | {
    "OIDC_CLIENT_SECRET",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
}
# Each variable that stands alone: how its text is read, and the text that stands for it when it is not set.
_VARIABLES: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "HOST": (parse_host, "127.0.0.1"),
    "PORT": (parse_number(1, 65535), "8000"),
    "DATA_DIR": (parse_directory, str(_PROJECT / "instance")),
    "SECRET_KEY_FALLBACKS": (parse_secrets, ""),
    "WEB_CONCURRENCY": (parse_number(1, 64), "2"),
    "WEB_THREADS": (parse_number(1, 256), "8"),
    "WORKER_CONCURRENCY": (parse_number(1, 256), "128"),
    "WEBHOOK_ALLOWED_NETWORKS": (parse_networks, ""),
    "RATE_LIMIT": (parse_rate_limit, "500"),
    "LOG_LEVEL": (parse_log_level, "INFO"),
    "FORWARDED_ALLOW_IPS": (parse_proxies, ""),
    "METRICS_TOKEN": (parse_metrics_token, ""),
    "SMTP_URL": (parse_smtp_url, ""),
    "TRUSTED_ISSUERS": (parse_issuers, ""),
    "RETENTION_DAYS": (parse_number(0, 36500), "90"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How Slipway is set up. ``from_environ`` only reads; ``prepare`` makes the files that it speaks of."""

    host: str
    port: int
    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    is_redis_embedded: bool
    given_secret_key: str = field(repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)
    base_url: str
    web_concurrency: int
    web_threads: int
    worker_concurrency: int
    webhook_allowed_networks: tuple[Network, ...]
    rate_limit: int | None
    log_level: str
    trusted_hosts: tuple[str, ...]
    forwarded_allow_ips: tuple[str, ...]
    metrics_token: str = field(repr=False)
    smtp_url: SmtpServer | None = field(repr=False)
    mail_from: Address
    retention_days: int
    oidc: OidcSettings | None
    storage: StorageSettings
    trusted_issuers: tuple[str, ...]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Takes environment variables; an empty one is not set. Raises ConfigError for the first bad one."""
        read = _Reader(environ)
        values = {name.lower(): read(name, parse, default) for name, (parse, default) in _VARIABLES.items()}
        host, data_dir = _REACHABLE_ADDRESS.get(values["host"], values["host"]), values["data_dir"]
        base_url = read("BASE_URL", parse_base_url, format_origin("http", host, values["port"]))
        database_url = read("DATABASE_URL", parse_database_url(data_dir), "sqlite:///slipway.db")
        if not read.has("SECRET_KEY") and not database_url.startswith("sqlite:"):
            raise ConfigError("SECRET_KEY must be set when DATABASE_URL is PostgreSQL")
        return cls(
            base_url=base_url,
            oidc=read_oidc(read),
            storage=read_storage(read, data_dir),
            mail_from=read("MAIL_FROM", parse_mail_from, _format_own_address(base_url)),
            database_url=database_url,
            redis_url=read("REDIS_URL", parse_redis_url, format_socket_url(find_socket(data_dir))),
            is_redis_embedded=not read.has("REDIS_URL"),
            given_secret_key=read("SECRET_KEY", parse_secret) if read.has("SECRET_KEY") else "",
            trusted_hosts=read("TRUSTED_HOSTS", parse_trusted_hosts, ",".join(_list_own_hosts(base_url))),
            **values,
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether the data is kept in a SQLite file, on this machine alone."""
        return self.database_url.startswith("sqlite:")

    @property
    def is_https(self) -> bool:
        """Whether readers come over TLS, as far as BASE_URL tells."""
        return self.base_url.startswith("https:")

    @property
    def secret_key(self) -> str:
        """SECRET_KEY, or the generated one. Raises ConfigError if that does not exist yet or is damaged."""
        return self.given_secret_key or read_secret(self._secret_path)

    @property
    def valkey_socket(self) -> Path:
        """Where the embedded Valkey listens, whether it is used or not."""
        return find_socket(self.data_dir)

    @property
    def _secret_path(self) -> Path:
        return self.data_dir / "keys" / "secret_key"

    def prepare(self) -> None:
        """Makes the directories, and the secret key unless one was given.

        Does nothing the second time, and is safe when several processes start at once. Raises ConfigError if
        DATA_DIR cannot be written, or what lies in it is damaged.
        """
        try:
            for directory in (
                self.data_dir,
                *(self.data_dir / name for name in ("keys", "files", "valkey")),
            ):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.given_secret_key:
                write_secret_once(self._secret_path)
        except OSError as error:
            raise ConfigError(f"DATA_DIR must be a directory that can be written: {error}") from error
        if self.is_redis_embedded:
            prepare_socket_directory(self.valkey_socket.parent, self.data_dir)
        if self.is_sqlite and not _can_hold_database(self.database_url):
            raise ConfigError("DATABASE_URL must name a file in a directory that exists and can be written")


class _Reader:
    """Reads variables one by one and turns what a parser says into the line that the operator sees."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def has(self, name: str) -> bool:
        return bool(self._environ.get(name))

    def __call__(self, name: str, parse: Callable[[str], Any], default: str = "") -> Any:
        text = self._environ.get(name) or default
        # Control characters, and bytes that are not UTF-8 (shown as surrogates), belong in no setting.
        if not text.isprintable():
            raise ConfigError(f"{name} must be printable text in UTF-8")
        try:
            return parse(text)
        except ValueError as error:
            shown = "" if name in _SECRET_NAMES or not text else f", not {text[:80]!r}"
            raise ConfigError(f"{name} {error}{shown}") from None


def _list_own_hosts(base_url: str) -> tuple[str, ...]:
    host = urlsplit(base_url).hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return tuple(dict.fromkeys((shown, *_LOOPBACK_NAMES))) if is_loopback(host) else (shown,)


def _format_own_address(base_url: str) -> str:
    return f"slipway@{format_mail_domain(urlsplit(base_url).hostname or '')}"


def _can_hold_database(database_url: str) -> bool:
    path = Path(make_url(database_url).database or "")
    return path.parent.is_dir() and os.access(path if path.exists() else path.parent, os.W_OK) and not path.is_dir()
