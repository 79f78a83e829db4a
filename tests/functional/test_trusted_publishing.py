"""A job of CI swaps what its issuer says of it for a token of the one product that trusts it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import update

from app.database import transaction
from app.publishers import service
from app.publishers.models import PublisherToken, SpentIdentityToken
from app.releases import planning
from app.releases.models import Release
from app.times import format_time, now
from app.webhooks import retention
from tests.factories import Caller
from tests.publishing import AUDIENCE, PublishingWorld, count, list_audit
from tests.recorded import FILE


def soon() -> str:
    """Gives a time to plan a publication for."""
    return format_time(now() + timedelta(days=1))


def test_a_job_releases_its_product_by_what_its_issuer_says_and_the_log_names_the_run(world: PublishingWorld) -> None:
    publisher = world.trust()
    assert world.client.get("/v3/oidc/audience").get_json() == {"audience": AUDIENCE}
    answer = world.mint()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    got = answer.get_json()
    assert {**got, "token": "", "expiresAt": ""} == {
        "success": True,
        "token": "",
        "expiresAt": "",
        "expiresIn": 900,
        "scopes": ["release:read", "release:write"],
        "productId": world.product_id,
        "productName": "Rocket",
    }
    job = Caller(world.client, got["token"])
    release = job.post("/v3/releases", json=world.draft("1.4.0"), headers={"Idempotency-Key": "tag-1.4.0"})
    assert release.status_code == 201
    path = f"/v3/releases/{release.get_json()['id']}"
    assert job.post("/v3/release-files", json={**FILE, "releaseId": release.get_json()["id"]}).status_code == 201
    assert job.request("PATCH", path, json={"notes": "It flies."}).status_code == 200
    assert job.post(f"{path}/publish").status_code == 200
    # The job is run again: another token, and what it did before is found.
    again = world.get_job().post("/v3/releases", json=world.draft("1.4.0"), headers={"Idempotency-Key": "tag-1.4.0"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    entry, run = (
        list_audit("release.published")[0],
        {"repository": "acme/rocket", "runId": "1001", "startedBy": "octocat"},
    )
    assert (entry.actor_kind, entry.actor_id) == ("publisher", publisher.id)
    assert entry.actor_email == "acme/rocket release.yml"
    assert run.items() <= entry.details["run"].items()
    assert entry.details["run"]["workflow"].startswith("acme/rocket/.github/workflows/release.yml@")
    assert list_audit("publisher.token_minted")[0].details["run"]["sha"] == "0123456789abcdef0123456789abcdef01234567"


def test_an_identity_token_counts_once_also_if_it_is_sent_many_times_at_once(world: PublishingWorld) -> None:
    publisher = world.trust()
    token = world.sign()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: world.mint(token), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {it.get_json()["code"] for it in answers if it.status_code == 409} == {"identity_token_used"}
    nameless = world.sign(world.claim(jti=None))
    assert [world.mint(nameless).status_code for _ in range(2)] == [200, 409]
    # Who is trusted anew has not made it good again.
    service.delete_publisher(world.owner.actor, world.product_id, publisher.id)
    world.trust()
    assert world.mint(token).status_code == 409
    with transaction() as session:
        session.execute(update(SpentIdentityToken).values(expires_at=now()))
        session.execute(update(PublisherToken).values(expires_at=now()))
    retention.delete_old()
    assert (count(SpentIdentityToken), count(PublisherToken)) == (0, 0)


def test_a_token_is_for_one_product_and_for_its_releases_only(world: PublishingWorld) -> None:
    world.trust()
    owner, job = world.make.caller(world.owner), world.get_job()
    ids = {}
    for product_id in (world.product_id, world.other_id):
        release_id = owner.post("/v3/releases", json=world.draft("1.0", product_id)).get_json()["id"]
        file = owner.post("/v3/release-files", json={**FILE, "releaseId": release_id}).get_json()
        ids[product_id] = (release_id, file["id"])
    other_id, file_id = ids[world.other_id]
    deleted_id = owner.post("/v3/releases", json=world.draft("0.9", world.other_id)).get_json()["id"]
    owner.request("DELETE", f"/v3/releases/{deleted_id}")
    path = f"/v3/releases/{other_id}"
    refused = {
        "create": job.post("/v3/releases", json=world.draft("2.0", world.other_id)),
        "create again": job.post("/v3/releases", json=world.draft("1.0", world.other_id)),
        "try": job.post("/v3/releases?validateOnly=true", json=world.draft("2.0", world.other_id)),
        "get": job.get(path),
        "change": job.request("PATCH", path, json={"notes": "x"}),
        "try a change": job.request("PATCH", f"{path}?validateOnly=true", json={"notes": "x"}),
        "delete": job.request("DELETE", path),
        "publish": job.post(f"{path}/publish"),
        "plan": job.post(f"{path}/publish", json={"publishAt": soon()}),
        "call off": job.request("DELETE", f"{path}/publish"),
        "archive": job.post(f"{path}/archive", json={"reason": "x"}),
        "unarchive": job.post(f"{path}/unarchive"),
        "restore": job.post(f"/v3/releases/{deleted_id}/restore"),
        "restore what is there": job.post(f"{path}/restore"),
        "add a file": job.post("/v3/release-files", json={**FILE, "name": "x.zip", "releaseId": other_id}),
        "product": job.get(f"/v3/products/{world.product_id}"),
        "products": job.get("/v3/products"),
        "trusted publishers": job.get(f"/v3/products/{world.product_id}/trusted-publishers"),
        "webhooks": job.get("/v3/webhooks"),
        "log": job.get("/v3/webhook-event-logs"),
    }
    assert {name: answer.status_code for name, answer in refused.items() if answer.status_code != 403} == {}
    assert refused["create"].get_json()["code"] == "other_product"
    for name, answer in (("get", job.get), ("delete", lambda it: job.request("DELETE", it))):
        assert answer(f"/v3/release-files/{file_id}").status_code == 404, name
    assert [it["productId"] for it in job.get("/v3/releases").get_json()] == [world.product_id]
    assert job.get(f"/v3/releases?productId={world.other_id}").get_json() == []
    assert [it["releaseId"] for it in job.get("/v3/release-files").get_json()] == [ids[world.product_id][0]]
    # Whatever route there is, by whatever it takes of the other product.
    known = {"product_id": world.other_id, "release_id": other_id, "file_id": file_id}
    stored = owner.get(path).get_json()
    opened = {}
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith("/v3/") or not rule.arguments & known.keys():
            continue
        address = re.sub(r"<(?:[^>:]+:)?([^>]+)>", lambda match: known.get(match[1], world.other_id), rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            status = job.request(method, address, json={}).status_code
            if status not in (403, 404):
                opened[f"{method} {rule.rule}"] = status
    assert opened == {}
    assert owner.get(path).get_json() == stored


def test_whoever_is_not_trusted_any_more_is_out_at_once(world: PublishingWorld) -> None:
    kept = world.trust()
    job, other = world.get_job(), world.get_job()
    assert job.get("/v3/releases").status_code == 200
    service.revoke_tokens(world.owner.actor, world.product_id, kept.id)
    assert [it.get("/v3/releases").status_code for it in (job, other)] == [401, 401]
    job = world.get_job()
    with transaction() as session:
        session.execute(update(PublisherToken).values(expires_at=now()))
    assert job.get("/v3/releases").status_code == 401
    job = world.get_job()
    service.delete_publisher(world.owner.actor, world.product_id, kept.id)
    assert job.get("/v3/releases").status_code == 401
    assert world.mint().status_code == 400
    assert [entry.details["tokens"] for entry in list_audit("publisher.tokens_revoked")] == [2]


def test_what_a_job_has_planned_is_published_while_it_is_trusted(world: PublishingWorld) -> None:
    publisher = world.trust()
    job = world.get_job()
    for version, status in (("1.0", True), ("2.0", False)):
        release_id = job.post("/v3/releases", json=world.draft(version)).get_json()["id"]
        assert job.post(f"/v3/releases/{release_id}/publish", json={"publishAt": soon()}).status_code == 200
        if not status:
            service.delete_publisher(world.owner.actor, world.product_id, publisher.id)
        with transaction() as session:
            session.execute(update(Release).values(publish_at=now() - timedelta(seconds=1)).where(~Release.published))
        planning.publish_due()
        path = f"/v3/releases/{release_id}"
        assert world.make.caller(world.owner).get(path).get_json()["published"] is status
    assert list_audit("release.published")[0].actor_kind == "publisher"
    assert len(list_audit("release.not_published")) == 1


def test_several_products_that_trust_one_job_are_told_apart(world: PublishingWorld) -> None:
    world.trust()
    world.trust(environment="production")
    assert world.mint().get_json()["productId"] == world.product_id
    stranger = world.make.organisation()
    foreign = world.make.product(stranger, "Rocket")
    world.trust(foreign.id, stranger)
    answer = world.mint()
    assert (answer.status_code, answer.get_json()["code"]) == (409, "ambiguous_publisher")
    assert foreign.id not in answer.text
    assert world.mint(productName="Rocket").status_code == 409
    assert world.mint(productId=foreign.id).get_json()["productId"] == foreign.id
    mine = world.mint(productId=world.product_id).get_json()
    assert mine["productId"] == world.product_id
    assert Caller(world.client, mine["token"]).get("/v3/releases").get_json() == []
    for nobody in (world.other_id, "0f8fad5b-d9cb-469f-a165-70867728950e", "x"):
        assert world.mint(productId=nobody).status_code in (400, 403), nobody
    assert world.mint(productName="No such product").get_json()["code"] == "invalid_publisher"


def test_the_owner_of_the_first_job_stays_the_owner(world: PublishingWorld) -> None:
    world.trust()
    assert world.mint().status_code == 200
    assert world.mint(world.sign(world.claim(repository_owner_id="666"))).status_code == 403
    assert list_audit("publisher.token_minted")[0].details["ownerId"] == "4711"
