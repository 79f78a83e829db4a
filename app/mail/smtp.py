"""The one way out for e-mail: hands one message to the server of SMTP_URL. Knows nothing of the database."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from app.config_mail import SmtpServer

# For each step of the conversation; there are about ten.
_TIMEOUT_SECONDS = 10.0
_ERROR_LIMIT = 500
# Not every server takes eight bits, and what it may take is not asked.
_POLICY = SMTP.clone(cte_type="7bit")


class MailError(Exception):
    """The message was not taken. ``is_final``: and will not be, however often it is sent. The text is one line."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(_clean(message))
        self.is_final = is_final


def build_message(
    mail_id: str, sender: Address, recipient: str, subject: str, body: str, created_at: datetime
) -> EmailMessage:
    """Gives a message in plain text. Its Message-ID is made of the id, so a copy can be told from another message.

    Raises MailError if the address or the subject cannot stand in a header: nothing in them starts a line of its own.
    """
    message = EmailMessage(policy=_POLICY)
    try:
        message["From"] = sender
        message["To"] = Address(addr_spec=recipient)
        message["Subject"] = subject
    except (ValueError, IndexError) as error:
        raise MailError(f"The message cannot be written: {error}", is_final=True) from None
    message["Date"] = created_at
    message["Message-ID"] = f"<{mail_id}@{sender.domain}>"
    # RFC 3834, section 5: no out-of-office note is to answer it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    return message


def send(server: SmtpServer, message: EmailMessage, own_name: str) -> None:
    """Hands the message over; once this returns, the server has it. ``own_name`` is who says EHLO (RFC 5321, 4.1.1.1).

    Raises MailError.
    """
    try:
        with contextlib.closing(_connect(server, own_name)) as connection:
            if not server.is_tls:
                _start_tls(connection, server)
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(message)
            # The message is the server's now, whatever it answers to the farewell.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
    except smtplib.SMTPAuthenticationError as error:
        # Some servers repeat what they were sent.
        raise MailError(f"The server refused the user or the password ({error.smtp_code}).") from None
    except smtplib.SMTPRecipientsRefused as error:
        ((code, text),) = error.recipients.values()
        # RFC 5321, section 4.2.1: a code that starts with 5 is meant for good.
        raise MailError(f"The server refused the address: {code} {_decode(text)}", is_final=code >= 500) from None
    except smtplib.SMTPResponseException as error:
        raise MailError(f"The server answered {error.smtp_code} {_decode(error.smtp_error)}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise MailError(f"The message could not be handed over: {error}") from None


def _connect(server: SmtpServer, own_name: str) -> smtplib.SMTP:
    # With a name of our own nothing has to be looked up to say it.
    if server.is_tls:
        return smtplib.SMTP_SSL(
            server.host, server.port, own_name, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    return smtplib.SMTP(server.host, server.port, own_name, timeout=_TIMEOUT_SECONDS)


def _start_tls(connection: smtplib.SMTP, server: SmtpServer) -> None:
    connection.ehlo_or_helo_if_needed()
    if connection.has_extn("starttls"):
        connection.starttls(context=_build_context(server))
        # What it offered before could have been anybody's words (RFC 3207, section 4.2).
        connection.ehlo_or_helo_if_needed()
    elif server.is_tls_needed:
        raise MailError("The server offers no STARTTLS, without which nothing may be said to it.")


def _build_context(server: SmtpServer) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not server.is_tls_needed:
        # It would get the message in clear just as well: any certificate is better than none (RFC 7435).
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _decode(text: bytes | str) -> str:
    return text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text


def _clean(text: str) -> str:
    """Gives one line that every database can store."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:_ERROR_LIMIT]
