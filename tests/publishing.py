"""A product that trusts jobs of CI, and the issuer of their identity tokens: a process of its own."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.audit.models import AuditEntry
from app.extensions import db
from app.publishers import service
from app.publishers.models import TrustedPublisher
from app.publishers.schema import parse_publisher
from tests.factories import Caller, Factory, Organisation
from tests.oidc_provider import ProviderProcess

AUDIENCE = "http://localhost:8000"
MINT = "/v3/oidc/mint-token"
_numbers = itertools.count(1)


def build_github_claims(issuer: str, **changes: Any) -> dict[str, Any]:
    """Gives what GitHub says of a job of the workflow release.yml of acme/rocket; ``None`` leaves a claim out."""
    moment = int(time.time())
    claims = {
        "jti": f"job-{next(_numbers)}",
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "repo:acme/rocket:environment:production",
        "iat": moment,
        "nbf": moment - 5,
        "exp": moment + 300,
        "repository": "acme/rocket",
        "repository_owner": "acme",
        "repository_owner_id": "4711",
        "workflow": "Release",
        "workflow_ref": "acme/rocket/.github/workflows/release.yml@refs/tags/v1.4.0",
        "job_workflow_ref": "acme/rocket/.github/workflows/release.yml@refs/tags/v1.4.0",
        "environment": "production",
        "ref": "refs/tags/v1.4.0",
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "run_id": "1001",
        "run_attempt": "1",
        "actor": "octocat",
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def build_gitlab_claims(issuer: str, **changes: Any) -> dict[str, Any]:
    """Gives what a GitLab says of a job of the project group/sub/rocket; ``None`` leaves a claim out."""
    moment = int(time.time())
    claims = {
        "jti": f"job-{next(_numbers)}",
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "project_path:group/sub/rocket:ref_type:tag:ref:v1.4.0",
        "iat": moment,
        "exp": moment + 300,
        "namespace_id": "72",
        "project_path": "group/sub/rocket",
        "ref": "v1.4.0",
        "ref_type": "tag",
        "ref_path": "refs/tags/v1.4.0",
        "ref_protected": "true",
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "ci_config_ref_uri": f"{issuer.partition('://')[2]}/group/sub/rocket//.gitlab-ci.yml@refs/tags/v1.4.0",
        "pipeline_id": "2002",
        "job_id": "3003",
        "user_login": "tanuki",
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


@dataclass(frozen=True)
class PublishingWorld:
    """Slipway, an issuer that it takes tokens of, and an organisation with two products."""

    app: Flask
    make: Factory
    issuer: ProviderProcess
    owner: Organisation
    product_id: str
    other_id: str

    @property
    def client(self) -> FlaskClient:
        """A job of CI, which nobody knows."""
        return self.app.test_client()

    def trust(
        self, product_id: str | None = None, owner: Organisation | None = None, **members: Any
    ) -> TrustedPublisher:
        """Has a product trust a job, of the workflow release.yml of acme/rocket unless something else is said."""
        raw = {"kind": "github", "issuer": self.issuer.issuer, **members}
        if raw["kind"] == "github":
            raw = {"repository": "acme/rocket", "workflow": "release.yml", **raw}
        draft = parse_publisher(raw, [self.issuer.issuer])
        return service.create_publisher((owner or self.owner).actor, product_id or self.product_id, draft).publisher

    def sign(self, claims: dict[str, Any] | None = None, **told: Any) -> str:
        """Gives an identity token, by default the right one."""
        return self.issuer.sign_job(claims or self.claim(), **told)

    def claim(self, **changes: Any) -> dict[str, Any]:
        """Gives the claims of the job that is trusted by default, changed."""
        return build_github_claims(self.issuer.issuer, **changes)

    def mint(self, token: str | None = None, **members: Any) -> TestResponse:
        """Sends an identity token, by default a good one."""
        return self.client.post(MINT, json={"token": token or self.sign(), **members})

    def get_job(self, **members: Any) -> Caller:
        """Gives an API client with a token that a job got."""
        answer = self.mint(**members)
        assert answer.status_code == 200, answer.text
        return Caller(self.client, answer.get_json()["token"])

    def draft(self, version: str, product_id: str | None = None) -> dict[str, Any]:
        """Gives the body of a create."""
        return {"name": f"Rocket {version}", "version": version, "productId": product_id or self.product_id}


def count(model: Any) -> int:
    """Gives how many rows there are."""
    db.session.rollback()
    return db.session.scalars(select(func.count()).select_from(model)).one()


def list_audit(action: str) -> list[AuditEntry]:
    """Gives the entries of an action, the newest first."""
    db.session.rollback()
    query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id.desc())
    return list(db.session.scalars(query))
