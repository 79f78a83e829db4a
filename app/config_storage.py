"""Reads the settings of stored files: where they lie, and how much there may be. As ``app.config_values`` does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.config_values import ConfigError, format_origin, split_url

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE = re.compile(r"(?P<number>[0-9]{1,16}) ?(?P<unit>[A-Za-z]{0,3})\Z", re.ASCII)
# What S3 takes as one object (5 TiB), and all that a tenant can have of them.
_LARGEST = 5 * 2**40
_LARGEST_QUOTA = 2**60
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; others allow an underscore, too.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\Z")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_.=-]+)*/?\Z")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_URL_RULE = "must be s3:// with a bucket and at most a prefix, such as s3://releases/slipway"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place for files in a store that speaks S3. Without keys the store's usual sources of them are asked."""

    name: str
    prefix: str
    endpoint: str
    region: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where uploaded files lie: in the bucket if there is one, else in the folder. The limits count bytes.

    ``quota`` is for each tenant, None for no limit.
    """

    folder: Path
    bucket: Bucket | None
    file_size_limit: int
    quota: int | None


def read_storage(read: Callable[..., Any], data_dir: Path) -> StorageSettings:
    """Takes the reader of settings; gives where files lie. Raises ConfigError."""
    place = read("STORAGE_URL", parse_storage_url)
    endpoint = read("S3_ENDPOINT", parse_endpoint)
    region = read("S3_REGION", parse_region, "us-east-1")
    key, secret = read("S3_ACCESS_KEY_ID", str), read("S3_SECRET_ACCESS_KEY", str)
    if bool(key) != bool(secret):
        raise ConfigError("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set together")
    return StorageSettings(
        folder=data_dir / "files",
        bucket=Bucket(place[0], place[1], endpoint, region, key, secret) if place else None,
        file_size_limit=read("FILE_SIZE_LIMIT", parse_size(_LARGEST), "2 GiB"),
        quota=read("STORAGE_QUOTA", parse_quota, "50 GiB"),
    )


def parse_storage_url(text: str) -> tuple[str, str] | None:
    """Gives bucket and prefix of a URL of S3; None for no text, which is the folder in DATA_DIR."""
    if not text:
        return None
    parts = urlsplit(text)
    is_plain = parts.scheme == "s3" and not parts.query and not parts.fragment
    if not is_plain or not _BUCKET.match(parts.netloc) or not _PREFIX.match(parts.path) or ".." in parts.path:
        raise ValueError(_URL_RULE)
    return parts.netloc, parts.path.strip("/")


def parse_endpoint(text: str) -> str:
    """Gives the origin of a store that speaks S3, with its path if it has one; no text for Amazon's own."""
    if not text:
        return ""
    parts = split_url(text)
    if parts.scheme not in ("http", "https") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be http:// or https:// with a host, without query or user")
    return format_origin(parts.scheme, parts.hostname or "", parts.port) + parts.path.rstrip("/")


def parse_region(text: str) -> str:
    """Gives the name of a region."""
    if not _REGION.match(text):
        raise ValueError("must be a region such as eu-central-1")
    return text


def parse_size(largest: int) -> Callable[[str], int]:
    """Takes the most that is allowed; gives a parser of sizes such as 2 GiB, 500 MB or 1048576, in bytes."""

    def parse(text: str) -> int:
        match = _SIZE.match(text)
        size = int(match["number"]) * _UNITS.get(match["unit"].upper(), 0) if match else 0
        if not 1 <= size <= largest:
            raise ValueError("must be a size such as 2 GiB, 500 MB or 1048576 (bytes)")
        return size

    return parse


def parse_quota(text: str) -> int | None:
    """Gives a size in bytes, or None for ``off``."""
    if text.lower() == "off":
        return None
    try:
        return parse_size(_LARGEST_QUOTA)(text)
    except ValueError:
        raise ValueError("must be off, or a size such as 50 GiB") from None
