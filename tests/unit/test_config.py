"""The environment becomes settings, or one line that names the variable and the rule."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.config import ConfigError, Settings

SECRET = "0123456789abcdef" * 2


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return str(tmp_path / "data")


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = Settings.from_environ({})
    root = Path(__file__).resolve().parents[2]
    assert (settings.host, settings.port, settings.base_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert settings.data_dir == root / "instance"
    assert settings.database_url == f"sqlite:///{root}/instance/slipway.db"
    assert settings.is_sqlite
    assert settings.is_redis_embedded
    assert (settings.web_concurrency, settings.web_threads, settings.worker_concurrency) == (2, 8, 128)
    assert settings.webhook_allowed_networks == ()
    assert settings.rate_limit == 500
    assert settings.log_level == "INFO"
    assert settings.trusted_hosts == ("127.0.0.1", "localhost", "[::1]")
    assert settings.forwarded_allow_ips == ()
    assert not settings.is_https


def test_an_empty_variable_counts_as_not_set() -> None:
    names = (
        "PORT",
        "DATA_DIR",
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "BASE_URL",
        "RATE_LIMIT",
        "TRUSTED_HOSTS",
    )
    assert Settings.from_environ(dict.fromkeys(names, "")) == Settings.from_environ({})


BAD_VALUES = [
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "80a"),
    ("PORT", "٨٠"),
    ("PORT", "-1"),
    ("PORT", "9" * 5000),
    ("HOST", "one two"),
    ("HOST", "127.0.0.1:8000"),
    ("HOST", "256.1.1.1"),
    ("HOST", "a\x00b"),
    ("DATA_DIR", "a\x00b"),
    ("DATA_DIR", "a\udcff"),
    ("DATA_DIR", "~no-such-user-at-all/x"),
    ("DATABASE_URL", "mysql://root@localhost/x"),
    ("DATABASE_URL", "postgresql+psycopg2://localhost/x"),
    ("DATABASE_URL", "postgresql://localhost:port/x"),
    ("DATABASE_URL", "nonsense"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("DATABASE_URL", "sqlite:///file:x?mode=memory&uri=true"),
    ("REDIS_URL", "http://localhost:6379"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "redis://localhost:99999"),
    ("REDIS_URL", "redis://"),
    ("REDIS_URL", "unix://relative.sock"),
    ("REDIS_URL", "unix:///" + "x" * 120),
    ("REDIS_URL", "redis://localhost/0?socket_timeout=soon"),
    ("SECRET_KEY", "short"),
    ("SECRET_KEY", "x" * 31),
    ("SECRET_KEY_FALLBACKS", f"{SECRET},short"),
    ("BASE_URL", "example.com"),
    ("BASE_URL", "ftp://example.com"),
    ("BASE_URL", "https://example.com/path"),
    ("BASE_URL", "https://example.com?x=1"),
    ("BASE_URL", "https://example.com?"),
    ("BASE_URL", "https://example.com/#top"),
    ("BASE_URL", "https://user@example.com"),
    ("BASE_URL", "https://@example.com"),
    ("BASE_URL", "https://example.com:0"),
    ("BASE_URL", "https://example.com:70000"),
    ("BASE_URL", "https://exa mple.com"),
    ("BASE_URL", "https://[::1"),
    ("BASE_URL", "https://"),
    ("BASE_URL", "https://example.com\\@evil.example"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "two"),
    ("WEB_THREADS", "257"),
    ("WORKER_CONCURRENCY", "0"),
    ("WORKER_CONCURRENCY", "257"),
    ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8"),
    ("WEBHOOK_ALLOWED_NETWORKS", "everything"),
    ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8;192.168.0.0/16"),
    ("RATE_LIMIT", "0"),
    ("RATE_LIMIT", "1000001"),
    ("RATE_LIMIT", "none"),
    ("RATE_LIMIT", "1.5"),
    ("LOG_LEVEL", "LOUD"),
    ("TRUSTED_HOSTS", "example.com:443"),
    ("TRUSTED_HOSTS", "https://example.com"),
    ("TRUSTED_HOSTS", "*"),
    ("TRUSTED_HOSTS", ","),
    ("FORWARDED_ALLOW_IPS", "proxy.example.com"),
    ("FORWARDED_ALLOW_IPS", "10.0.0.1/8"),
    ("FORWARDED_ALLOW_IPS", "*,10.0.0.1"),
    ("METRICS_TOKEN", "fifteen-letters"),
    ("METRICS_TOKEN", "a token with spaces"),
    ("METRICS_TOKEN", "größer-als-erlaubt"),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_one_line_that_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environ({name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} must ")
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root:hunter2hunter2@localhost/x"),
        ("REDIS_URL", "http://:hunter2hunter2@localhost"),
        ("SECRET_KEY", "hunter2hunter2"),
        ("SECRET_KEY_FALLBACKS", "hunter2hunter2"),
        ("METRICS_TOKEN", "hunter2hunter2"),
    ],
)
def test_a_message_never_repeats_a_secret(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environ({name: value})
    assert "hunter2" not in str(caught.value)


def test_the_settings_do_not_show_their_secrets() -> None:
    shown = repr(
        Settings.from_environ(
            {
                "SECRET_KEY": SECRET,
                "DATABASE_URL": "postgresql://u:hunter2@h/d",
                "REDIS_URL": "redis://:hunter2@h",
            }
        )
    )
    assert SECRET not in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_psycopg_3(scheme: str) -> None:
    url = f"{scheme}://user:p%40ss@db.example/slipway?sslmode=require"
    settings = Settings.from_environ({"DATABASE_URL": url, "SECRET_KEY": SECRET})
    assert settings.database_url == "postgresql+psycopg://user:p%40ss@db.example/slipway?sslmode=require"
    assert not settings.is_sqlite


def test_postgresql_needs_a_given_secret_key() -> None:
    with pytest.raises(ConfigError, match=r"^SECRET_KEY must be set"):
        Settings.from_environ({"DATABASE_URL": "postgresql://localhost/slipway"})


def test_a_relative_sqlite_file_lies_in_the_data_directory(tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path)}
    assert (
        Settings.from_environ({**given, "DATABASE_URL": "sqlite:///x.db"}).database_url == f"sqlite:///{tmp_path}/x.db"
    )
    assert Settings.from_environ({**given, "DATABASE_URL": "sqlite:////a/x.db"}).database_url == "sqlite:////a/x.db"


@pytest.mark.parametrize(
    ("environ", "base_url"),
    [
        ({"PORT": "9000"}, "http://127.0.0.1:9000"),
        ({"PORT": "80"}, "http://127.0.0.1"),
        ({"HOST": "0.0.0.0"}, "http://127.0.0.1:8000"),
        ({"HOST": "::"}, "http://[::1]:8000"),
        ({"HOST": "[::1]", "PORT": "81"}, "http://[::1]:81"),
        ({"BASE_URL": "HTTPS://Releases.Example.COM:443/"}, "https://releases.example.com"),
        ({"BASE_URL": "https://releases.example.com:8443"}, "https://releases.example.com:8443"),
    ],
)
def test_the_base_url_is_an_origin(environ: dict[str, str], base_url: str) -> None:
    assert Settings.from_environ(environ).base_url == base_url


def test_the_trusted_hosts_follow_the_base_url() -> None:
    assert Settings.from_environ({"BASE_URL": "https://r.example"}).trusted_hosts == ("r.example",)
    assert Settings.from_environ({"BASE_URL": "http://localhost:1"}).trusted_hosts == (
        "localhost",
        "127.0.0.1",
        "[::1]",
    )
    assert Settings.from_environ({"TRUSTED_HOSTS": "A.example, .b.example"}).trusted_hosts == (
        "a.example",
        ".b.example",
    )


def test_lists_are_read_with_and_without_spaces() -> None:
    settings = Settings.from_environ(
        {
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8, ::1/128,",
            "FORWARDED_ALLOW_IPS": "10.0.0.1,10.1.0.0/16",
            "SECRET_KEY_FALLBACKS": f"{SECRET}, {SECRET[::-1]}",
        }
    )
    assert settings.webhook_allowed_networks == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert settings.forwarded_allow_ips == ("10.0.0.1", "10.1.0.0/16")
    assert settings.secret_key_fallbacks == (SECRET, SECRET[::-1])


def test_the_rate_limit_can_be_off_or_a_figure() -> None:
    assert Settings.from_environ({"RATE_LIMIT": "OFF"}).rate_limit is None
    assert Settings.from_environ({"RATE_LIMIT": "1000000"}).rate_limit == 1_000_000


def test_a_given_redis_is_not_the_embedded_one() -> None:
    settings = Settings.from_environ({"REDIS_URL": "rediss://user:pw@cache.example:6380/2"})
    assert not settings.is_redis_embedded
    assert settings.redis_url == "rediss://user:pw@cache.example:6380/2"


def test_the_embedded_queue_listens_in_the_data_directory(data_dir: str) -> None:
    settings = Settings.from_environ({"DATA_DIR": data_dir})
    assert settings.redis_url == f"unix://{data_dir}/valkey.sock"
    assert str(settings.valkey_socket) == f"{data_dir}/valkey.sock"


def test_a_long_data_directory_has_a_short_private_socket_directory(tmp_path: Path) -> None:
    deep = {"DATA_DIR": str(tmp_path / ("d" * 60) / ("e" * 60))}
    settings = Settings.from_environ(deep)
    directory = settings.valkey_socket.parent
    assert len(str(settings.valkey_socket)) <= 100
    assert Settings.from_environ(deep).valkey_socket == settings.valkey_socket
    assert Settings.from_environ({"DATA_DIR": f"{deep['DATA_DIR']}x"}).valkey_socket != settings.valkey_socket
    try:
        settings.prepare()
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        directory.chmod(0o777)
        with pytest.raises(ConfigError, match=r"^DATA_DIR is too long"):
            settings.prepare()
    finally:
        directory.rmdir()


def test_the_secret_key_is_made_once_and_kept_private(data_dir: str) -> None:
    settings = Settings.from_environ({"DATA_DIR": data_dir})
    settings.prepare()
    first = settings.secret_key
    settings.prepare()
    path = Path(data_dir, "keys", "secret_key")
    assert len(first) >= 64
    assert Settings.from_environ({"DATA_DIR": data_dir}).secret_key == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_reading_the_environment_makes_nothing(data_dir: str) -> None:
    Settings.from_environ({"DATA_DIR": data_dir})
    assert not Path(data_dir).exists()


def test_starts_at_the_same_time_agree_on_one_secret_key(data_dir: str) -> None:
    def start(_number: int) -> str:
        settings = Settings.from_environ({"DATA_DIR": data_dir})
        settings.prepare()
        return settings.secret_key

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(start, range(64)))) == 1
    assert sorted(path.name for path in Path(data_dir, "keys").iterdir()) == ["secret_key", "secret_key.lock"]


def test_a_given_secret_key_leaves_no_file(data_dir: str) -> None:
    settings = Settings.from_environ({"DATA_DIR": data_dir, "SECRET_KEY": SECRET})
    settings.prepare()
    assert settings.secret_key == SECRET
    assert not Path(data_dir, "keys", "secret_key").exists()


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64])
def test_a_damaged_secret_key_is_an_error_and_not_replaced(data_dir: str, content: bytes) -> None:
    path = Path(data_dir, "keys", "secret_key")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^SECRET_KEY is not set, and "):
        Settings.from_environ({"DATA_DIR": data_dir}).prepare()
    assert path.read_bytes() == content


def test_a_data_directory_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    tmp_path.joinpath("file").write_text("", "utf-8")
    with pytest.raises(ConfigError, match=r"^DATA_DIR must be a directory that can be written"):
        Settings.from_environ({"DATA_DIR": str(tmp_path / "file")}).prepare()


def test_a_sqlite_file_in_no_directory_is_an_error(tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/missing/x.db"}
    with pytest.raises(ConfigError, match=r"^DATABASE_URL must name a file in a directory"):
        Settings.from_environ(environ).prepare()
