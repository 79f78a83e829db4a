"""One's own pages of the settings, put together."""

from __future__ import annotations

from app.accounts import account_views, security_views, session_views

PARTS = (account_views, security_views, session_views)
blueprint = account_views.blueprint
