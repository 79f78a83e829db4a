"""What is sent compressed, what is not, and that its length tells nothing."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.compression import compress_page
from tests.factories import Factory, Organisation

pytestmark = pytest.mark.once
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def test_a_page_is_compressed_for_whoever_takes_that(client: FlaskClient, owner: Organisation) -> None:
    plain = client.get("/sign-in")
    small = client.get("/sign-in", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert int(small.headers["Content-Length"]) == len(small.data) < len(plain.data)
    assert b"</html>" in gzip.decompress(small.data)


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br", "*;q=0"])
def test_whoever_does_not_take_it_gets_it_plain(client: FlaskClient, owner: Organisation, accepted: str) -> None:
    assert "Content-Encoding" not in client.get("/sign-in", headers={"Accept-Encoding": accepted}).headers


def test_two_answers_of_one_page_differ_in_length() -> None:
    lengths = {len(compress_page(b"the same page" * 200)) for _ in range(64)}
    assert len(lengths) > 8
    assert gzip.decompress(compress_page(b"the same page" * 200)) == b"the same page" * 200


def test_the_api_is_compressed_too_and_what_is_short_is_not(make: Factory, owner: Organisation) -> None:
    caller = make.caller(owner)
    product = make.product(owner)
    for number in range(9):
        sent = {"name": "Rocket", "version": f"1.{number}", "channel": "stable", "productId": product.id}
        created = caller.post("/v3/releases", json=sent, headers=GZIP)
        assert created.status_code == 201
        assert "Content-Encoding" not in created.headers
    listed = caller.get("/v3/releases", headers=GZIP)
    assert listed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(listed.data) == caller.get("/v3/releases").data


def test_a_static_file_is_kept_for_good_under_its_version_only(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        url = app.jinja_env.globals["asset"]("styles/base.css")  # type: ignore[operator]
    own = client.get(url, headers=GZIP)
    assert own.headers["Content-Encoding"] == "gzip"
    assert "immutable" in own.headers["Cache-Control"]
    again = client.get(url, headers={**GZIP, "If-None-Match": own.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""
    plain, head = client.get(url), client.head(url, headers=GZIP)
    assert plain.data == gzip.decompress(own.data)
    assert plain.headers["ETag"] != own.headers["ETag"]
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(own.data)))
    part = client.get(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.data) == (206, plain.data[:10])
    part.close()
    assert client.post(url).status_code == 405
    prefix = url.removesuffix("styles/base.css")
    for path in (
        "../app/config.py",
        "%2e%2e/app/config.py",
        "styles/../../app/config.py",
        "styles",
        "images/absent.svg",
    ):
        assert client.get(prefix + path).status_code == 404
    other = client.get("/static/v/0123456789ab/styles/base.css")
    assert other.headers["Cache-Control"] == "no-cache"
    assert other.data == gzip.decompress(own.data)
    other.close()
    assert client.get("/static/v/0123456789ab/../../app/config.py").status_code == 404
    assert client.get("/static/v/0123456789ab/styles/absent.css").status_code == 404


def test_style_sheets_come_in_one_answer_in_their_order(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        url = app.jinja_env.globals["stylesheet"]("tokens", "base")  # type: ignore[operator]
    both = client.get(url)
    single = [client.get(f"/static/v/x/styles/{name}.css") for name in ("tokens", "base")]
    assert both.mimetype == "text/css"
    assert "immutable" in both.headers["Cache-Control"]
    assert both.text == "\n".join(answer.text for answer in single)
    assert client.get(url, headers={"If-None-Match": both.headers["ETag"]}).status_code == 304
    for answer in single:
        answer.close()


@pytest.mark.parametrize(
    "names", ["tokens+absent", "tokens+", "+tokens", "tokens+..", "a+" * 20 + "b", "tokens+base/x"]
)
def test_style_sheets_that_do_not_exist_are_no_answer(client: FlaskClient, names: str) -> None:
    assert client.get(f"/static/v/x/styles/{names}.css").status_code == 404
