"""The settings of sign-in through a provider: what they may be, and that a bad one is told without the secret."""

from __future__ import annotations

import pytest

from app.config import ConfigError, Settings
from app.config_oidc import OidcSettings

pytestmark = pytest.mark.once

URL = "https://id.example/realms/acme/.well-known/openid-configuration"
ENOUGH = {"OIDC_DISCOVERY_URL": URL, "OIDC_CLIENT_ID": "slipway"}


def read(**changes: str) -> OidcSettings:
    """Gives the provider of the least that is needed, and of these variables."""
    provider = Settings.from_environ({**ENOUGH, **changes}).oidc
    assert provider is not None
    return provider


def test_without_an_environment_there_is_no_provider() -> None:
    assert Settings.from_environ({}).oidc is None
    assert Settings.from_environ({"OIDC_NAME": "Example ID", "OIDC_SCOPES": "openid"}).oidc is None


def test_an_address_and_a_client_id_are_enough() -> None:
    provider = read()
    assert (provider.issuer, provider.client_id) == ("https://id.example/realms/acme", "slipway")
    assert (provider.client_secret, provider.name) == ("", "id.example")
    assert provider.scopes == ("openid", "email", "profile")


def test_all_else_can_be_said() -> None:
    provider = read(OIDC_CLIENT_SECRET="hunter2", OIDC_NAME="Exämple ID", OIDC_SCOPES="  openid email openid ")
    assert (provider.client_secret, provider.name, provider.scopes) == ("hunter2", "Exämple ID", ("openid", "email"))
    assert "hunter2" not in repr(provider)


@pytest.mark.parametrize("host", ["localhost:9400", "127.0.0.1:9400", "[::1]:9400"])
def test_a_provider_on_this_machine_needs_no_tls(host: str) -> None:
    assert read(OIDC_DISCOVERY_URL=f"http://{host}/.well-known/openid-configuration").issuer == f"http://{host}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_DISCOVERY_URL", "id.example"),
        ("OIDC_DISCOVERY_URL", "https://id.example"),
        ("OIDC_DISCOVERY_URL", URL.replace("https", "http")),
        ("OIDC_DISCOVERY_URL", URL.replace("https", "ftp")),
        ("OIDC_DISCOVERY_URL", URL.replace("id.", "user:hunter2@id.")),
        ("OIDC_DISCOVERY_URL", URL.replace("id.example", "id example")),
        ("OIDC_DISCOVERY_URL", URL.replace("id.example", "")),
        ("OIDC_DISCOVERY_URL", f"{URL}?x=hunter2"),
        ("OIDC_DISCOVERY_URL", f"{URL}#x"),
        ("OIDC_DISCOVERY_URL", f"{URL}/"),
        ("OIDC_DISCOVERY_URL", f"https://id.example/{'x' * 512}/.well-known/openid-configuration"),
        ("OIDC_CLIENT_ID", ""),
        ("OIDC_CLIENT_ID", "a b"),
        ("OIDC_CLIENT_ID", "x" * 513),
        ("OIDC_CLIENT_SECRET", "hunter2 "),
        ("OIDC_CLIENT_SECRET", "hunter2é"),
        ("OIDC_NAME", "x" * 41),
        ("OIDC_NAME", "\u200b"),
        ("OIDC_SCOPES", "email"),
        ("OIDC_SCOPES", 'openid "email"'),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} must ")
    assert message.isprintable()
    assert "hunter2" not in message or name == "OIDC_DISCOVERY_URL"


@pytest.mark.parametrize("name", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"])
def test_what_is_said_to_no_provider_is_a_mistake(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must not be set without OIDC_DISCOVERY_URL"):
        Settings.from_environ({name: "x"})
