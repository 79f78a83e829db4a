"""Slipway as the client of an OpenID provider: the code flow with PKCE (RFC 7636), by Authlib.

What is kept in memory is what the provider says of itself and its keys, for an hour; nothing of any sign-in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from joserfc.jwk import Key

from app.config_oidc import OidcSettings
from app.exceptions import MalformedBodyError
from app.json_body import parse_json_object
from app.oidc import documents, id_tokens
from app.oidc.id_tokens import Expected, UnknownKeyError
from app.oidc.schema import Account, Metadata, Proof, ProviderError, parse_account, parse_metadata
from app.oidc.transport import DEADLINE_SECONDS, ProviderSession, is_refusal

KEPT_SECONDS = 3600.0
# A provider that has just failed is not asked again at once: each who waits for it holds a thread of the web process.
REST_SECONDS = 5.0
# For the same reason no more than so many threads of a process wait for it at the same time.
_SLOTS = 4
_SLOT_SECONDS = 1.0
_REASON_LENGTH = 300


class _App(FlaskOAuth2App):  # type: ignore[misc]
    """Authlib's client that asks through our session."""

    client_cls = ProviderSession


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    until: float


class Provider:
    """The one provider of an installation, as ``OIDC_DISCOVERY_URL`` names it. Serves any number of threads."""

    def __init__(self, settings: OidcSettings, redirect_uri: str) -> None:
        """Takes the settings, and the address at which the provider sends people back. Asks the provider nothing."""
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._metadata: _Kept | None = None
        self._keys: _Kept | None = None
        self._resting_until = 0.0
        self._slots = threading.BoundedSemaphore(_SLOTS)

    @property
    def name(self) -> str:
        """What people know it by."""
        return self._settings.name

    def begin(self, proof: Proof, *, is_another: bool = False) -> str:
        """Gives the address at the provider where a sign-in begins. Raises ProviderError.

        ``is_another``: the provider is to ask for the account, also of who is signed in there.
        """
        until = time.monotonic() + DEADLINE_SECONDS
        with self._asking():
            client = self._build_client(self._get_metadata(until), until)
            started = client.create_authorization_url(
                self._redirect_uri,
                state=proof.state,
                nonce=proof.nonce,
                code_verifier=proof.verifier,
                prompt="select_account" if is_another else None,
            )
        return str(started["url"])

    def finish(self, proof: Proof, code: str, issuer: str | None) -> Account:
        """Takes what the provider sent back with the browser; gives who signed in there.

        ``issuer`` is who the answer says it is from, if it does. Raises ProviderError.
        """
        until = time.monotonic() + DEADLINE_SECONDS
        with self._asking():
            metadata = self._get_metadata(until)
            _check_sender(metadata, issuer)
            client = self._build_client(metadata, until)
            token = client.fetch_access_token(self._redirect_uri, code=code, code_verifier=proof.verifier)
            claims = self._verify(token, proof, metadata, until)
            if "email" not in claims and metadata.userinfo_endpoint:
                claims = claims | _fetch_userinfo(client, metadata, token, claims["sub"])
        return parse_account(metadata.issuer, claims)

    def _build_client(self, metadata: Metadata, until: float) -> FlaskOAuth2App:
        # Only what was checked goes in: whatever else the metadata hold, Authlib would take for its own options.
        method = "client_secret_post" if metadata.is_secret_posted else "client_secret_basic"
        return _App(
            FlaskIntegration("oidc"),
            "oidc",
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret or None,
            authorize_url=metadata.authorization_endpoint,
            access_token_url=metadata.token_endpoint,
            client_kwargs={
                "scope": " ".join(self._settings.scopes),
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method if self._settings.client_secret else "none",
                # The access token is made use of at once, however short its life is.
                "leeway": 0,
                "until": until,
            },
            user_agent="Slipway",
        )

    def _verify(self, token: dict[str, Any], proof: Proof, metadata: Metadata, until: float) -> dict[str, Any]:
        id_token, access_token = token.get("id_token"), token.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise ProviderError("it gave no ID token: is the scope openid allowed for this client?")
        expected = Expected(metadata.issuer, self._settings.client_id, proof.nonce, metadata.algorithms)
        try:
            return id_tokens.verify(id_token, self._get_keys(metadata, until), expected, access_token)
        except UnknownKeyError:
            # It has changed its keys since: they are fetched anew, once.
            self._keys = None
        return id_tokens.verify(id_token, self._get_keys(metadata, until), expected, access_token)

    def _get_metadata(self, until: float) -> Metadata:
        kept = self._metadata
        if kept is None or kept.until < time.monotonic():
            metadata = parse_metadata(documents.fetch(self._settings.discovery_url, until), self._settings.issuer)
            kept = self._metadata = _Kept(metadata, time.monotonic() + KEPT_SECONDS)
        found: Metadata = kept.value
        return found

    def _get_keys(self, metadata: Metadata, until: float) -> list[Key]:
        kept = self._keys
        if kept is None or kept.until < time.monotonic():
            keys = id_tokens.parse_key_set(documents.fetch(metadata.jwks_uri, until))
            kept = self._keys = _Kept(keys, time.monotonic() + KEPT_SECONDS)
        found: list[Key] = kept.value
        return found

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around all that one page asks: whatever goes wrong is a ProviderError."""
        if time.monotonic() < self._resting_until:
            raise ProviderError("it has just failed to answer, and is not asked again yet", is_outage=True)
        if not self._slots.acquire(timeout=_SLOT_SECONDS):
            raise ProviderError("too many wait for its answers", is_outage=True)
        try:
            yield
        except AuthlibBaseError as error:
            raise ProviderError(f"it refuses: {_shorten(error)}") from error
        except OSError as error:
            if is_refusal(error):
                raise ProviderError(f"it refuses: {_shorten(error)}") from error
            self._resting_until = time.monotonic() + REST_SECONDS
            raise ProviderError(f"it does not answer: {_shorten(error)}", is_outage=True) from error
        except (MalformedBodyError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            # Authlib believes that a token's members have the right types.
            raise ProviderError(f"its answer is nonsense: {_shorten(error)}") from error
        finally:
            self._slots.release()


def _fetch_userinfo(client: FlaskOAuth2App, metadata: Metadata, token: dict[str, Any], subject: str) -> dict[str, Any]:
    """Gives what the provider knows of the address and the name of who signed in (OpenID Connect Core 1.0, 5.3)."""
    answer = client.get(metadata.userinfo_endpoint, token=token)
    answer.raise_for_status()
    found = parse_json_object(answer.content)
    if found.get("sub") != subject:
        raise ProviderError("its user info is about somebody else")
    return {name: found[name] for name in ("email", "email_verified", "name") if name in found}


def _check_sender(metadata: Metadata, issuer: str | None) -> None:
    # RFC 9207, section 2.4.
    if issuer is None and not metadata.names_itself:
        return
    if issuer != metadata.issuer:
        raise ProviderError(f"the answer is from another issuer: {str(issuer)[:200]!r}")


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:_REASON_LENGTH]
