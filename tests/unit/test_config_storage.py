"""The settings of stored files: where they lie, and how much there may be."""

from __future__ import annotations

import pytest

from app.config import ConfigError, Settings
from app.config_storage import Bucket

pytestmark = pytest.mark.once

KEYS = {"S3_ACCESS_KEY_ID": "hunter2-id", "S3_SECRET_ACCESS_KEY": "hunter2-key"}


def test_without_settings_files_lie_in_the_data_directory() -> None:
    storage = Settings.from_environ({"DATA_DIR": "/data"}).storage
    assert (str(storage.folder), storage.bucket) == ("/data/files", None)
    assert (storage.file_size_limit, storage.quota) == (2 * 2**30, 50 * 2**30)


def test_a_bucket_is_read_with_all_that_belongs_to_it_and_its_keys_are_not_shown() -> None:
    environ = {"STORAGE_URL": "s3://releases/slip/way/", "S3_ENDPOINT": "http://127.0.0.1:9000/", **KEYS}
    storage = Settings.from_environ({**environ, "FILE_SIZE_LIMIT": "500 MB", "STORAGE_QUOTA": "off"}).storage
    assert storage.bucket == Bucket(
        "releases", "slip/way", "http://127.0.0.1:9000", "us-east-1", "hunter2-id", "hunter2-key"
    )
    assert (storage.file_size_limit, storage.quota) == (500_000_000, None)
    assert "hunter2" not in repr(storage)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORAGE_URL", "/data/files"),
        ("STORAGE_URL", "s3://"),
        ("STORAGE_URL", "s3://Bucket"),
        ("STORAGE_URL", "s3://key@bucket"),
        ("STORAGE_URL", "s3://bucket/../other"),
        ("STORAGE_URL", "s3://bucket?x=1"),
        ("STORAGE_URL", "gs://bucket"),
        ("S3_ENDPOINT", "127.0.0.1:9000"),
        ("S3_ENDPOINT", "http://user@host"),
        ("S3_ENDPOINT", "ftp://host"),
        ("S3_REGION", "some where"),
        ("FILE_SIZE_LIMIT", "0"),
        ("FILE_SIZE_LIMIT", "-1"),
        ("FILE_SIZE_LIMIT", "2 lots"),
        ("FILE_SIZE_LIMIT", "6 TiB"),
        ("FILE_SIZE_LIMIT", "9" * 5000),
        ("STORAGE_QUOTA", "none"),
        ("STORAGE_QUOTA", "1.5 GiB"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must "):
        Settings.from_environ({name: value})


@pytest.mark.parametrize("name", KEYS)
def test_a_key_without_the_other_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(ConfigError, match="must be set together") as caught:
        Settings.from_environ({name: KEYS[name]})
    assert "hunter2" not in str(caught.value)
