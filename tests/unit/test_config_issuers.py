"""Whose identity tokens may be trusted is the operator's to say, and a bad address stops the start."""

from __future__ import annotations

import pytest

from app.config import ConfigError, Settings
from app.publishers.kinds import GITHUB_ISSUER, GITLAB_ISSUER

pytestmark = pytest.mark.once


def test_what_is_listed_comes_beside_github_and_gitlab() -> None:
    assert Settings.from_environ({}).trusted_issuers == (GITHUB_ISSUER, GITLAB_ISSUER)
    listed = f"https://git.example.com, https://id.example/x/ ,http://127.0.0.1:9400,{GITLAB_ISSUER}"
    assert Settings.from_environ({"TRUSTED_ISSUERS": listed}).trusted_issuers[2:] == (
        *("https://git.example.com", "https://id.example/x/", "http://127.0.0.1:9400"),
    )


@pytest.mark.parametrize(
    "value",
    [
        "git.example.com",
        "http://git.example.com",
        "ftp://git.example.com",
        "https://user:hunter2@git.example.com",
        "https://git.example.com?x=1",
        "https://git.example.com#x",
        "https://git.example.com\\@evil.example",
        "https://",
        f"https://git.example.com/{'x' * 255}",
        ",".join(f"https://{number}.example.com" for number in range(21)),
    ],
    ids=range(10),
)
def test_a_bad_address_is_told_in_one_line(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^TRUSTED_ISSUERS must be [^\n]+$"):
        Settings.from_environ({"TRUSTED_ISSUERS": value})
