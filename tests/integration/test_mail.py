"""E-mail: owed with what it tells of, sent to a real server, and sent again until it is taken or given up."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import times
from app.database import clock, transaction
from app.extensions import db
from app.mail import jobs
from app.mail.jobs import RETRY_SECONDS, send_due
from app.mail.models import Mail
from app.mail.outbox import owe
from app.mail.smtp import MailError
from tests.certificates import Authority
from tests.counting import count
from tests.factories import Organisation
from tests.mailbox import PASSWORD, USER, Mailbox
from tests.stack import find_free_port

BuildMailer = Callable[..., Flask]


@pytest.fixture
def build_mailer(app: Flask, build_app: Callable[..., Flask]) -> BuildMailer:
    """Builds an application that sends from releases@example.test to the server of a URL."""

    def build(smtp_url: str) -> Flask:
        return build_app(SMTP_URL=smtp_url, MAIL_FROM="Releases <releases@example.test>")

    return build


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """An authority that this machine trusts."""
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.path))
        yield authority


def owe_one(owner: Organisation, subject: str = "Hello", recipient: str = "a@example.test") -> None:
    """Owes an e-mail."""
    with transaction() as session:
        owe(session, owner.tenant_id, [recipient], subject, "It is größer.\n")


def make_mail_due() -> None:
    """Lets the time of every open e-mail come."""
    with transaction() as session:
        session.execute(update(Mail).where(Mail.state == "pending").values(next_attempt_at=clock(-1)))


def read_mail() -> Mail:
    """Gives the one e-mail that there is, as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Mail)).one()


def try_once(mailer: Flask, owner: Organisation) -> Mail:
    """Owes an e-mail and tries to send it; gives what is stored."""
    with mailer.app_context():
        owe_one(owner)
        assert send_due(mailer)
        return read_mail()


def test_each_recipient_gets_a_message_of_their_own(build_mailer: BuildMailer, owner: Organisation) -> None:
    with Mailbox() as mailbox, (mailer := build_mailer(mailbox.url)).app_context():
        with transaction() as session:
            addresses = ["a@example.test", "b@example.test", "a@example.test"]
            assert owe(session, owner.tenant_id, addresses, "Größer 😀", "It is größer.\n") == 2
        assert send_due(mailer)
        assert send_due(mailer)
        assert not send_due(mailer)
    assert sorted(mailbox.recipients) == [["a@example.test"], ["b@example.test"]]
    message = mailbox.messages[0]
    assert [message["To"]] == mailbox.recipients[0]
    assert message["From"] == "Releases <releases@example.test>"
    assert message["Subject"] == "Größer 😀"
    assert message["Date"].datetime <= times.now()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "It is größer.\r\n"
    assert len({message["Message-ID"] for message in mailbox.messages}) == 2


def test_without_a_server_nothing_is_owed(app: Flask, owner: Organisation) -> None:
    with transaction() as session:
        assert owe(session, owner.tenant_id, ["a@example.test"], "Hello", "Text") == 0
    assert count(Mail) == 0
    assert not send_due(app)


def test_what_is_rolled_back_is_not_owed(build_mailer: BuildMailer, owner: Organisation) -> None:
    with build_mailer("smtp://127.0.0.1").app_context():
        with contextlib.suppress(ZeroDivisionError), transaction() as session:
            assert owe(session, owner.tenant_id, ["a@example.test"], "Hello", "Text") == 1
            raise ZeroDivisionError
        assert count(Mail) == 0


def test_nothing_in_a_subject_or_an_address_begins_a_header(build_mailer: BuildMailer, owner: Organisation) -> None:
    with Mailbox() as mailbox, (mailer := build_mailer(mailbox.url)).app_context():
        owe_one(owner, subject="Hello\r\nBcc: all@example.test" + "x" * 300)
        assert send_due(mailer)
        with transaction() as session:
            session.execute(update(Mail).values(state="pending", next_attempt_at=clock(-1), subject="a\r\nBcc: b@c.d"))
        assert send_due(mailer)
        assert (read_mail().state, read_mail().attempt_count) == ("dead", 2)
        for recipient in ("a@example.test\r\nBcc: b@example.test", "a@example.test, b@example.test", "nobody"):
            owe_one(owner, recipient=recipient)
            assert send_due(mailer)
        assert not send_due(mailer)
        assert set(db.session.scalars(select(Mail.state))) == {"dead"}
    assert mailbox.recipients == [["a@example.test"]]
    assert mailbox.messages[0]["Bcc"] is None
    assert mailbox.messages[0]["Subject"].startswith("Hello Bcc: all@example.testxxx")


def test_what_a_server_that_is_down_did_not_take_is_sent_later(build_mailer: BuildMailer, owner: Organisation) -> None:
    mailbox = Mailbox()
    mailer = build_mailer(mailbox.url)
    mail = try_once(mailer, owner)
    assert (mail.state, mail.attempt_count, mail.sent_at) == ("pending", 1, None)
    assert "Connection refused" in mail.error
    with mailer.app_context():
        assert not send_due(mailer)
        make_mail_due()
        with mailbox:
            assert send_due(mailer)
        sent = read_mail()
    assert (sent.state, sent.attempt_count, sent.error, sent.next_attempt_at) == ("sent", 2, "", None)
    assert sent.sent_at is not None
    assert mailbox.recipients == [["a@example.test"]]


def test_it_is_tried_six_times_and_then_given_up(build_mailer: BuildMailer, owner: Organisation) -> None:
    with Mailbox(answer=lambda _: "451 greylisted\r\n") as mailbox, (mailer := build_mailer(mailbox.url)).app_context():
        owe_one(owner)
        for number, seconds in enumerate(RETRY_SECONDS, 1):
            assert send_due(mailer)
            mail = read_mail()
            assert (mail.state, mail.attempt_count) == ("pending", number)
            assert mail.next_attempt_at is not None
            assert abs(mail.next_attempt_at - times.now() - timedelta(seconds=seconds)) < timedelta(seconds=10)
            make_mail_due()
        assert send_due(mailer)
        mail = read_mail()
    assert (mail.state, mail.attempt_count, mail.next_attempt_at) == ("dead", 6, None)
    assert mail.error == "The server refused the address: 451 greylisted"
    assert RETRY_SECONDS == (60, 300, 1800, 7200, 43200)


def test_an_address_that_the_server_refuses_for_good_is_not_tried_again(
    build_mailer: BuildMailer, owner: Organisation
) -> None:
    with Mailbox(answer=lambda _: "550 no such user") as mailbox:
        mail = try_once(build_mailer(mailbox.url), owner)
    assert (mail.state, mail.attempt_count) == ("dead", 1)
    assert mail.error == "The server refused the address: 550 no such user"


def test_several_relays_send_each_message_once(build_mailer: BuildMailer, owner: Organisation) -> None:
    barrier = threading.Barrier(3)

    def work(mailer: Flask) -> None:
        with mailer.app_context():
            barrier.wait(10)
            while send_due(mailer):
                pass

    with Mailbox() as mailbox:
        mailer = build_mailer(mailbox.url)
        with mailer.app_context(), transaction() as session:
            owe(session, owner.tenant_id, [f"user{number}@example.test" for number in range(12)], "Hello", "Text")
        threads = [threading.Thread(target=work, args=(mailer,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(mailbox.recipients) == sorted([f"user{number}@example.test"] for number in range(12))


def test_a_relay_that_dies_before_it_can_write_that_it_sent_sends_the_same_again(
    build_mailer: BuildMailer, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> str:
        raise SystemExit

    with Mailbox() as mailbox, (mailer := build_mailer(mailbox.url)).app_context():
        owe_one(owner)
        with monkeypatch.context() as patch:
            patch.setattr(jobs, "_record", die)
            with pytest.raises(SystemExit):
                send_due(mailer)
        # Under its lease nobody else takes it.
        assert not send_due(mailer)
        make_mail_due()
        assert send_due(mailer)
        assert read_mail().state == "sent"
    assert len(mailbox.messages) == 2
    assert len({message["Message-ID"] for message in mailbox.messages}) == 1


def test_who_comes_back_after_the_lease_leaves_the_record_to_who_took_over(
    build_mailer: BuildMailer, owner: Organisation
) -> None:
    mailer = build_mailer(f"smtp://127.0.0.1:{find_free_port()}")
    with mailer.app_context():
        owe_one(owner)
        late = jobs._claim()
        make_mail_due()
        assert jobs._claim() is not None
        assert late is not None
        jobs._record(late, MailError("too late", is_final=True))
        assert (read_mail().state, read_mail().attempt_count, read_mail().error) == ("pending", 2, "")


def test_tls_is_used_when_it_is_offered_and_the_password_goes_through_it(
    build_mailer: BuildMailer, owner: Organisation, authority: Authority
) -> None:
    login = f"{USER.replace('@', '%40')}:{PASSWORD.replace(' ', '%20')}"
    with Mailbox(tls=authority.serve("127.0.0.1")) as mailbox:
        url = f"smtp://{login}@127.0.0.1:{mailbox.port}?starttls=required"
        assert try_once(build_mailer(url), owner).state == "sent"
    with Mailbox(tls=authority.serve("127.0.0.1"), is_tls=True) as wrapped:
        url = f"smtps://{login}@127.0.0.1:{wrapped.port}"
        mailer = build_mailer(url)
        with mailer.app_context():
            owe_one(owner)
            assert send_due(mailer)
    assert mailbox.logins == wrapped.logins == [(USER.encode(), PASSWORD.encode())]
    assert mailbox.is_encrypted == [True]
    assert len(wrapped.messages) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_nothing_is_said_to_a_server_with_a_wrong_certificate_where_tls_is_needed(
    build_mailer: BuildMailer, owner: Organisation, authority: Authority, scheme: str
) -> None:
    with Mailbox(tls=authority.serve("mail.example"), is_tls=scheme == "smtps") as mailbox:
        suffix = "" if scheme == "smtps" else "?starttls=required"
        mail = try_once(build_mailer(f"{scheme}://u:p@127.0.0.1:{mailbox.port}{suffix}"), owner)
    assert mail.state == "pending"
    assert "certificate verify failed" in mail.error
    assert mailbox.logins == []


def test_nothing_is_said_where_tls_is_required_and_not_offered(build_mailer: BuildMailer, owner: Organisation) -> None:
    with Mailbox() as mailbox:
        mail = try_once(build_mailer(f"{mailbox.url}?starttls=required"), owner)
    assert mail.state == "pending"
    assert mail.error == "The server offers no STARTTLS, without which nothing may be said to it."
    assert mailbox.messages == []


def test_a_password_that_is_refused_stands_in_no_log_and_no_row(
    build_mailer: BuildMailer,
    owner: Organisation,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Mailbox(tls=authority.serve("127.0.0.1")) as mailbox:
        mailer = build_mailer(f"smtp://me:wrong-password@127.0.0.1:{mailbox.port}")
        caplog.set_level(logging.DEBUG)
        mail = try_once(mailer, owner)
    assert mail.error == "The server refused the user or the password (535)."
    records = [vars(record) for record in caplog.records if record.name.startswith("app.")]
    assert [record["state"] for record in records if record["message"] == "e-mail"] == ["pending"]
    assert "wrong-password" not in str(records)
