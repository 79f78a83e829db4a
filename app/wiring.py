"""Puts the application together. Only wiring: nothing imports from here but ``create_app``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from app import (
    assets,
    cli,
    client_download,
    compression,
    converters,
    errors,
    health,
    languages,
    limits,
    logs,
    metrics,
    pages,
    requests,
    settings_pages,
    style,
)
from app.accounts.api import blueprint as accounts_api
from app.accounts.reset_views import blueprint as resets
from app.accounts.sessions import init_app as init_sessions
from app.accounts.settings import blueprint as account
from app.accounts.views import blueprint as accounts
from app.audit.views import blueprint as audit
from app.channels.api import channels as channels_api
from app.channels.api import platforms as platforms_api
from app.config import Settings
from app.crypto import Cipher
from app.customer.views import blueprint as customer
from app.database import configure_engine, get_engine_options
from app.deliveries.api import blueprint as deliveries_api
from app.deliveries.views import blueprint as deliveries
from app.download_keys.api import blueprint as download_keys_api
from app.download_keys.views import blueprint as download_keys
from app.drafts.views import blueprint as drafts
from app.extensions import csrf, db, login_manager, migrate
from app.files.api import blueprint as files_api
from app.files.storage import Storage, build_storage
from app.files.transfer_api import blueprint as file_transfers_api
from app.files.upload_views import blueprint as file_uploads
from app.files.views import blueprint as files
from app.imports.api import blueprint as imports_api
from app.imports.views import blueprint as imports
from app.limits import RateLimiter
from app.members.invitation_views import blueprint as invitations
from app.members.views import blueprint as members
from app.note_templates.views import blueprint as note_templates
from app.oidc.account_views import blueprint as identities
from app.oidc.client import Provider
from app.oidc.views import blueprint as oidc
from app.openapi.views import blueprint as openapi
from app.organisation.views import blueprint as organisation
from app.products.api import blueprint as products_api
from app.products.views import blueprint as products
from app.publishers.api import blueprint as publishers_api
from app.publishers.issuers import Issuers
from app.publishers.oidc_api import blueprint as publishing_api
from app.publishers.views import blueprint as publishers
from app.releases.api import blueprint as releases_api
from app.releases.hint_views import blueprint as release_hints
from app.releases.newest_api import blueprint as newest_api
from app.releases.notes_views import blueprint as release_notes
from app.releases.page_views import blueprint as release_page
from app.releases.steps_views import blueprint as release_steps
from app.releases.views import blueprint as releases
from app.replays.api import blueprint as replays_api
from app.replays.views import blueprint as replays
from app.tokens.api import blueprint as tokens_api
from app.tokens.views import blueprint as tokens
from app.webhooks.actions_api import blueprint as webhook_actions_api
from app.webhooks.api import blueprint as webhooks_api
from app.webhooks.controls import blueprint as webhook_controls
from app.webhooks.keys_api import blueprint as webhook_keys_api
from app.webhooks.measures import Measures
from app.webhooks.queue import Doorbell
from app.webhooks.views import blueprint as webhooks

MAX_BODY_BYTES = 1024 * 1024
# Where the provider sends people back to, as it must be registered there.
PROVIDER_CALLBACK = "/sign-in/oidc/callback"
# Answers go through them from the last to the first: what compresses must come first.
PARTS = (
    compression,
    assets,
    converters,
    requests,
    languages,
    limits,
    errors,
    pages,
    settings_pages,
    style,
    health,
    metrics,
    client_download,
    cli,
)
# For machines: a token in each request, and no cookie that another site could make a browser send.
APIS = (
    accounts_api,
    products_api,
    channels_api,
    platforms_api,
    tokens_api,
    releases_api,
    newest_api,
    download_keys_api,
    files_api,
    file_transfers_api,
    publishers_api,
    publishing_api,
    webhooks_api,
    webhook_actions_api,
    webhook_keys_api,
    replays_api,
    imports_api,
    deliveries_api,
)
# For people. The customer pages come last: their addresses begin with a name.
SITES = (
    openapi,
    accounts,
    resets,
    account,
    oidc,
    identities,
    products,
    download_keys,
    note_templates,
    publishers,
    releases,
    release_notes,
    release_page,
    release_steps,
    release_hints,
    files,
    file_uploads,
    webhooks,
    webhook_controls,
    deliveries,
    drafts,
    replays,
    imports,
    members,
    invitations,
    tokens,
    organisation,
    audit,
    customer,
)


class _Application(Flask):
    """Flask without its support of coroutines, for which it would look at each function before it calls it."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Gives the function as it is: Slipway has no coroutines."""
        return func


@dataclass(frozen=True, slots=True)
class Slipway:
    """What an application is made of, at ``app.extensions["slipway"]``."""

    settings: Settings
    cipher: Cipher
    doorbell: Doorbell
    measures: Measures
    limiter: RateLimiter
    # Who people may sign in through, if the operator has named anybody.
    provider: Provider | None
    # Whose identity tokens jobs of CI may come with.
    issuers: Issuers
    # Where the bytes of uploaded files lie.
    storage: Storage


def build_app(overrides: Mapping[str, str] | None = None) -> Flask:
    """Gives an application. ``overrides`` are environment variables that win over the real ones.

    Raises ConfigError, one line that names the variable, if a setting is missing or nonsense.
    """
    settings = Settings.from_environ({**os.environ, **(overrides or {})})
    settings.prepare()
    app = _Application(__name__, template_folder="../templates", static_folder="../static")
    # Before anything asks for the environment of templates, which is made then.
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.config.from_mapping(_flask_config(settings))
    logs.configure(settings.log_level)
    app.extensions["slipway"] = Slipway(
        settings,
        Cipher.from_settings(settings),
        Doorbell(settings.redis_url),
        Measures(settings.redis_url),
        RateLimiter(settings),
        Provider(settings.oidc, f"{settings.base_url}{PROVIDER_CALLBACK}") if settings.oidc else None,
        Issuers(settings.trusted_issuers),
        build_storage(settings.storage),
    )
    db.init_app(app)
    with app.app_context():
        configure_engine(db.engine)
    migrate.init_app(app, db, directory=str(Path(__file__).parent.parent / "migrations"))
    csrf.init_app(app)
    login_manager.init_app(app)
    init_sessions(app)
    for part in PARTS:
        part.init_app(app)
    for api in APIS:
        csrf.exempt(api)
        app.register_blueprint(api)
    for site in SITES:
        app.register_blueprint(site)
    return app


def _flask_config(settings: Settings) -> dict[str, object]:
    prefix = "__Host-" if settings.is_https else ""
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.secret_key_fallbacks),
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": get_engine_options(settings),
        "MAX_CONTENT_LENGTH": MAX_BODY_BYTES,
        "MAX_FORM_MEMORY_SIZE": MAX_BODY_BYTES,
        "MAX_FORM_PARTS": 200,
        "TRUSTED_HOSTS": list(settings.trusted_hosts),
        "SESSION_COOKIE_NAME": f"{prefix}slipway_session",
        "SESSION_COOKIE_SECURE": settings.is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
        # A form may stay open over lunch; the token is bound to the session, and that ends by its own rules.
        "WTF_CSRF_TIME_LIMIT": 12 * 3600,
        "WTF_CSRF_SSL_STRICT": False,
        # The address of a static file changes with its content.
        "SEND_FILE_MAX_AGE_DEFAULT": 365 * 24 * 3600,
    }
