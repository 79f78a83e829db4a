"""The settings of e-mail and of retention: what they may be, and that a bad one is told without its password."""

from __future__ import annotations

import pytest

from app.config import ConfigError, Settings
from app.config_mail import SmtpServer


def read_server(url: str) -> SmtpServer:
    """Gives the server of an SMTP_URL."""
    server = Settings.from_environ({"SMTP_URL": url}).smtp_url
    assert server is not None
    return server


def test_without_an_environment_there_is_no_e_mail_and_rows_are_kept_for_90_days() -> None:
    settings = Settings.from_environ({})
    assert settings.smtp_url is None
    assert str(settings.mail_from) == "slipway@[127.0.0.1]"
    assert settings.retention_days == 90
    assert Settings.from_environ({"RETENTION_DAYS": "0"}).retention_days == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, "", "", False, False)),
        ("SMTP://mail.example:2525/", ("mail.example", 2525, "", "", False, False)),
        ("smtp://[::1]:2525", ("::1", 2525, "", "", False, False)),
        ("smtp://mail.example?starttls=required", ("mail.example", 25, "", "", False, True)),
        (
            "smtps://me%40x.example:p%2F%3A%20w@mail.example",
            ("mail.example", 465, "me@x.example", "p/: w", True, False),
        ),
    ],
)
def test_an_smtp_url_names_the_server(url: str, expected: tuple[object, ...]) -> None:
    server = read_server(url)
    found = (server.host, server.port, server.user, server.password, server.is_tls, server.is_starttls_required)
    assert found == expected


@pytest.mark.parametrize(
    ("url", "is_needed"),
    [
        ("smtp://mail.example", False),
        ("smtp://localhost", False),
        ("smtp://mail.example?starttls=required", True),
        ("smtps://mail.example", True),
        # A password is never sent in clear to another machine.
        ("smtp://user:password@mail.example", True),
        ("smtp://user:password@localhost", False),
        ("smtp://user:password@[::1]", False),
    ],
)
def test_tls_is_needed_where_it_is_asked_for_and_for_every_password_that_leaves_the_machine(
    url: str, is_needed: bool
) -> None:
    assert read_server(url).is_tls_needed is is_needed


@pytest.mark.parametrize(
    ("environ", "sender"),
    [
        ({"BASE_URL": "https://releases.example.com:8443"}, "slipway@releases.example.com"),
        ({"BASE_URL": "http://[::1]:8000"}, "slipway@[IPv6:::1]"),
        ({"MAIL_FROM": "a.b+c@x.example"}, "a.b+c@x.example"),
        ({"MAIL_FROM": "Größer Releases <a@x.example>"}, "Größer Releases <a@x.example>"),
        ({"MAIL_FROM": '"Releases, Inc." <a@[192.0.2.1]>'}, '"Releases, Inc." <a@[192.0.2.1]>'),
    ],
)
def test_the_sender_is_given_or_made_of_the_base_url(environ: dict[str, str], sender: str) -> None:
    assert str(Settings.from_environ(environ).mail_from) == sender


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "mail.example:25"),
        ("SMTP_URL", "http://u:hunter2@mail.example"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://u:hunter2@"),
        ("SMTP_URL", "smtp://u:hunter2@mail.example:99999"),
        ("SMTP_URL", "smtp://u:hunter2@mail example"),
        ("SMTP_URL", "smtp://u:hunter2@mail.example/inbox"),
        ("SMTP_URL", "smtp://u:hunter2@mail.example?starttls=never"),
        ("SMTP_URL", "smtp://u:hunter2@mail.example?tls=required"),
        ("SMTP_URL", "smtps://u:hunter2@mail.example?starttls=required"),
        ("SMTP_URL", "smtp://u:hunter2@mail.example#x"),
        ("SMTP_URL", "smtp://hunter2@mail.example"),
        ("SMTP_URL", "smtp://:hunter2@mail.example"),
        ("SMTP_URL", "smtp://u:hunter2%C3%A9@mail.example"),
        ("MAIL_FROM", "releases"),
        ("MAIL_FROM", "@x.example"),
        ("MAIL_FROM", "a b@x.example"),
        ("MAIL_FROM", "a@192.0.2.1"),
        ("MAIL_FROM", "a@[192.0.2.1"),
        ("MAIL_FROM", "ä@x.example"),
        ("MAIL_FROM", "Releases <a@x.example> b"),
        ("MAIL_FROM", "Releases <a@x.example"),
        ("MAIL_FROM", "a@x.example\r\nBcc: b@x.example"),
        ("MAIL_FROM", f"{'a' * 250}@x.example"),
        ("RETENTION_DAYS", "-1"),
        ("RETENTION_DAYS", "36501"),
        ("RETENTION_DAYS", "for ever"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_variable_and_hides_the_password(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environ({name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} must ")
    assert message.isprintable()
    assert "hunter2" not in message


def test_the_settings_do_not_show_the_password() -> None:
    settings = Settings.from_environ({"SMTP_URL": "smtp://u:hunter2@mail.example"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(settings.smtp_url)
