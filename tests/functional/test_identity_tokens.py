"""Which identity tokens are believed, and which jobs are the ones that are trusted: the tables of attacks."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.extensions import db
from app.oidc import documents
from app.publishers import issuers
from app.publishers.models import PublisherToken, SpentIdentityToken, TrustedPublisher
from tests.publishing import AUDIENCE, MINT, PublishingWorld, build_gitlab_claims, count, list_audit

pytestmark = pytest.mark.once


def list_attacks(world: PublishingWorld) -> dict[str, tuple[str, str]]:
    """Gives identity tokens that are not believed, each with the word that says why."""
    moment, claim, sign = int(time.time()), world.claim, world.sign
    good = sign()
    head, payload, signature = good.split(".")
    own_key = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
    far = {"jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/x"}
    return {
        "no token": ("x", "malformed"),
        "two parts": (f"{head}.{payload}", "malformed"),
        "no JSON inside": ("e30.AAAA.AAAA", "malformed"),
        "another script": (good.replace("e", "\u0435"), "malformed"),
        "signature cut off": (f"{head}.{payload}.", "bad_signature"),
        "signature of another token": (f"{head}.{payload}.{sign().split('.')[2]}", "bad_signature"),
        "claims changed": (f"{head}.{sign(claim(sub='x')).split('.')[1]}.{signature}", "bad_signature"),
        "another key under the same name": (sign(signing="other"), "bad_signature"),
        "no signature at all": (sign(signing="none"), "bad_signature"),
        "the public key as a secret": (sign(signing="hs256"), "bad_signature"),
        "the public key as a secret, as PEM": (sign(signing="hs256-pem", kind="RS256"), "bad_signature"),
        "the key of another algorithm": (sign(header={"kid": "rsa"}), "bad_signature"),
        "a key that nobody has": (sign(header={"kid": "nobody"}), "unknown_key"),
        "a path as key": (sign(header={"kid": "../../../dev/null"}), "unknown_key"),
        "a query as key": (sign(header={"kid": "' OR 1=1 --"}), "unknown_key"),
        "a number as key": (sign(header={"kid": "7"}), "unknown_key"),
        "its own key": (sign(signing="other", header={"jwk": own_key}), "bad_signature"),
        "keys elsewhere": (sign(signing="other", header=far), "bad_signature"),
        "something that must be understood": (sign(header={"crit": ["exp"], "exp": 1}), "bad_signature"),
        "an issuer that nobody has listed": (sign(claim(iss="http://127.0.0.1:9")), "unknown_issuer"),
        "an issuer inside": (sign(claim(iss="http://169.254.169.254")), "unknown_issuer"),
        "the issuer with a slash": (sign(claim(iss=f"{world.issuer.issuer}/")), "unknown_issuer"),
        "the issuer in capitals": (sign(claim(iss=world.issuer.issuer.upper())), "unknown_issuer"),
        "no issuer": (sign(claim(iss=None)), "missing_claim"),
        "several issuers": (sign(claim(iss=[world.issuer.issuer])), "missing_claim"),
        "another audience": (sign(claim(aud="pypi")), "wrong_audience"),
        "the name of the product as audience": (sign(claim(aud="slipway")), "wrong_audience"),
        "the audience with a slash": (sign(claim(aud=f"{AUDIENCE}/")), "wrong_audience"),
        "an audience beside it": (sign(claim(aud=[AUDIENCE, "pypi"])), "wrong_audience"),
        "no audience": (sign(claim(aud=None)), "wrong_audience"),
        "expired": (sign(claim(exp=moment - 61)), "expired"),
        "no end": (sign(claim(exp=None)), "missing_claim"),
        "an end that is text": (sign(claim(exp=str(moment + 60))), "missing_claim"),
        "an end that is true": (sign(claim(exp=True)), "missing_claim"),
        "an end beyond time": (sign(claim(exp=10**30)), "missing_claim"),
        "no beginning": (sign(claim(iat=None)), "missing_claim"),
        "issued in the future": (sign(claim(iat=moment + 90)), "not_yet_valid"),
        "not valid yet": (sign(claim(nbf=moment + 90)), "not_yet_valid"),
        "an id that is no text": (sign(claim(jti=7)), "wrong_type"),
        "an empty id": (sign(claim(jti="")), "wrong_type"),
        "NUL in a claim": (sign(claim(actor="octo\x00cat")), "wrong_type"),
    }


def test_an_identity_token_that_cannot_be_believed_is_refused_with_the_reason(world: PublishingWorld) -> None:
    world.trust()
    wrong = {}
    for name, (token, code) in list_attacks(world).items():
        answer = world.mint(token)
        problem = answer.get_json()
        if (answer.status_code, problem["code"], problem.get("errors", [{}])[0].get("code")) != (
            *(400, "invalid_identity_token"),
            code,
        ):
            wrong[name] = (answer.status_code, problem)
    assert wrong == {}
    assert count(PublisherToken) == 0
    assert count(SpentIdentityToken) == 0
    # Two documents, and the keys once more for those that nobody has; nothing else was asked for.
    assert set(world.issuer.read_log()) == {"/.well-known/openid-configuration", "/keys"}
    assert len(world.issuer.read_log()) <= 4


OTHER_JOBS: dict[str, dict[str, Any]] = {
    "another repository": {
        "repository": "acme/rockets",
        "job_workflow_ref": "acme/rockets/.github/workflows/release.yml@refs/tags/v1.4.0",
    },
    "the same name of another owner": {"repository": "evil/rocket"},
    "a space behind": {"repository": "acme/rocket "},
    "a line break behind": {"repository": "acme/rocket\n"},
    "a look-alike": {"repository": "acme/r\u043ecket"},
    "a letter that becomes ASCII in lower case": {"repository": "acme/roc\u212aet"},
    "no repository": {"repository": None},
    "a repository that is a list": {"repository": ["acme/rocket"]},
    "another workflow": {"job_workflow_ref": "acme/rocket/.github/workflows/ci.yml@refs/tags/v1.4.0"},
    "a workflow of the same name that another repository lends": {
        "job_workflow_ref": "evil/lent/.github/workflows/release.yml@refs/tags/v1.4.0"
    },
    "a workflow at another ref": {"job_workflow_ref": "acme/rocket/.github/workflows/release.yml@refs/heads/evil"},
    "the name of the workflow in a ref": {
        "job_workflow_ref": "acme/rocket/.github/workflows/evil.yml@release.yml@refs/tags/v1.4.0"
    },
    "the name of the workflow in a folder": {
        "job_workflow_ref": "acme/rocket/.github/workflows/x/release.yml@refs/tags/v1.4.0"
    },
    "the workflow in capitals": {"job_workflow_ref": "acme/rocket/.github/workflows/RELEASE.yml@refs/tags/v1.4.0"},
    "no workflow": {"job_workflow_ref": "", "workflow_ref": None},
    "the right caller of a workflow that is not trusted": {"job_workflow_ref": "acme/rocket/.github/workflows/x.yml@x"},
    "no ref": {"ref": None, "sha": None, "job_workflow_ref": "acme/rocket/.github/workflows/release.yml@"},
    "another environment": {"environment": "staging"},
    "no environment": {"environment": None},
    "an environment that only looks like it": {"environment": "product\u0131on"},
    "somebody else who took over the name": {"repository_owner_id": "666"},
    "an owner that is a number": {"repository_owner_id": 4711},
    "no owner": {"repository_owner_id": None},
}


def test_a_job_that_is_not_the_trusted_one_is_refused_and_told_what_does_not_fit(world: PublishingWorld) -> None:
    secret = world.trust(environment="Production", ownerId="4711")
    let_in = {}
    for name, changes in OTHER_JOBS.items():
        answer = world.mint(world.sign(world.claim(**changes)))
        if (answer.status_code, answer.get_json()["code"]) != (403, "invalid_publisher"):
            let_in[name] = answer.text
    assert let_in == {}
    problem = world.mint(world.sign(world.claim(environment="staging"))).get_json()
    assert "environment (staging)" in problem["message"]
    assert "Production" not in str(problem)
    assert problem["claims"]["repository"] == "acme/rocket"
    # What is the same for GitHub is the same here.
    alike = world.claim(
        repository="Acme/ROCKET",
        job_workflow_ref="Acme/ROCKET/.github/workflows/release.yml@refs/tags/v1.4.0",
        environment="PRODUCTION",
    )
    assert world.mint(world.sign(alike)).status_code == 200
    by_commit = world.claim(
        ref="", job_workflow_ref=f"acme/rocket/.github/workflows/release.yml@{'0123456789abcdef' * 2}01234567"
    )
    assert world.mint(world.sign(by_commit, kind="RS256")).status_code == 200
    db.session.rollback()
    assert db.session.get_one(TrustedPublisher, secret.id).last_used_at is not None


def test_gitlab_and_any_other_issuer_are_trusted_by_their_own_claims(world: PublishingWorld) -> None:
    issuer = world.issuer.issuer
    world.trust(kind="gitlab", projectPath="Group/sub/rocket", protectedOnly=True)
    other = {"sub": "org/1/project/2", "trusted": "true", "build": "7"}
    world.trust(kind="other", claims=other)
    gitlab: dict[str, tuple[dict[str, Any], int]] = {
        "good": ({}, 200),
        "another project": ({"project_path": "group/sub/rockets"}, 403),
        "a file of another project": ({"ci_config_ref_uri": "127.0.0.1/evil/x//.gitlab-ci.yml@refs/tags/v1.4.0"}, 403),
        "another file": ({"ci_config_ref_uri": None}, 403),
        "a branch that is not protected": ({"ref_protected": "false"}, 403),
        "the group of somebody else": ({"namespace_id": "73"}, 403),
    }
    claims = {**world.claim(repository=None), **other, "trusted": True, "build": 7}
    jobs = {name: (build_gitlab_claims(issuer, **changes), status) for name, (changes, status) in gitlab.items()}
    jobs |= {
        "any": (claims, 200),
        "any with another sub": ({**claims, "jti": "1", "sub": "org/1/project/3"}, 403),
        "any with a wrong claim": ({**claims, "jti": "2", "build": 8}, 403),
        "any with a list": ({**claims, "jti": "3", "sub": ["org/1/project/2"]}, 403),
    }
    found = {name: world.mint(world.sign(signed)).status_code for name, (signed, _) in jobs.items()}
    assert found == {name: status for name, (_, status) in jobs.items()}
    assert list_audit("publisher.token_minted")[1].details["run"]["jobId"] == "3003"


def test_keys_that_change_are_followed_and_an_issuer_that_is_down_is_outlived(
    world: PublishingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.trust()
    assert world.mint().status_code == 200
    world.issuer.control(rotate_now=True)
    # It was asked a moment ago: whoever makes keys up must not have it asked again and again.
    assert world.mint().get_json()["errors"][0]["code"] == "unknown_key"
    assert world.issuer.read_log() == []
    monkeypatch.setattr(issuers, "PAUSE_SECONDS", 0.0)
    assert world.mint().status_code == 200
    assert world.mint(world.sign(signing="former")).get_json()["errors"][0]["code"] == "unknown_key"
    monkeypatch.setattr(issuers, "FRESH_SECONDS", 0.0)
    bad_keys: list[Any] = [[500, ""], [200, "{"], [200, "[]"], [200, '{"keys": []}'], [200, '{"keys": 7}']]
    bad_keys += [[302, {}, "http://127.0.0.1:9/"], [200, "[" * 99999], [200, " " * 300_000]]
    for told in bad_keys:
        world.issuer.control(answers={"/keys": told})
        assert world.mint().status_code == 200, told
    for metadata in ({"issuer": "https://x.example"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": 7}):
        world.issuer.control(metadata=metadata)
        assert world.mint().status_code == 200, metadata
    monkeypatch.setattr(documents, "DEADLINE_SECONDS", 0.2)
    world.issuer.control(answers={"/keys": "silence"})
    assert world.mint().status_code == 200
    world.issuer.control(answers={"/keys": [503, ""]})
    monkeypatch.setattr(issuers, "STALE_SECONDS", 0.0)
    answer = world.mint()
    assert (answer.status_code, answer.get_json()["code"]) == (503, "issuer_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_of_a_body_every_broken_rule_is_told(world: PublishingWorld) -> None:
    bodies: list[Any] = [{}, {"token": 7}, {"token": ""}, {"token": "x" * 16_385}, {"token": "a.b.c", "productId": 7}]
    for sent in bodies:
        answer = world.client.post(MINT, json=sent)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "validation_failed"), sent
    assert world.client.post(MINT, data="x").status_code == 415
    assert world.client.post(f"{MINT}?validateOnly=true", json={"token": "x"}).status_code == 400
    assert world.client.get(MINT).status_code == 405
