"""A real SMTP server that keeps what it is sent, with answers that a test can change."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.stack import find_free_port

USER, PASSWORD = "releases@example.test", "hunter2 hunter2"


@dataclass
class Mailbox:
    """Listens on a port of the loopback interface while the block runs; can be opened again at the same one.

    ``answer`` takes a recipient and gives the server's answer. With ``tls`` the server offers STARTTLS, or speaks TLS
    from the first byte on with ``is_tls``; then it takes a user's password.
    """

    tls: ssl.SSLContext | None = None
    is_tls: bool = False
    answer: Callable[[str], str] = lambda _recipient: "250 OK"
    port: int = field(default_factory=find_free_port)
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_encrypted: list[bool] = field(default_factory=list)

    def __enter__(self) -> Self:
        options: dict[str, Any] = {"ssl_context": self.tls} if self.is_tls else {"tls_context": self.tls}
        if self.tls:
            options |= {
                "authenticator": self._check,
                "auth_required": not self.is_tls,
                "auth_require_tls": not self.is_tls,
            }
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        """The SMTP_URL of the server."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - the name that the server calls
        self, server: object, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answers whether the recipient is taken."""
        answer = self.answer(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: object, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps a message."""
        content = cast(bytes, envelope.content)
        self.messages.append(message_from_bytes(content, policy=default))
        self.recipients.append([str(address) for address in envelope.rcpt_tos])
        self.is_encrypted.append(session.ssl is not None)
        return "250 OK"

    def _check(self, server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
        login = cast(LoginPassword, data)
        self.logins.append((login.login, login.password))
        is_known = (login.login, login.password) == (USER.encode(), PASSWORD.encode())
        # Not handled: the answer is still to be given.
        return AuthResult(success=is_known, handled=is_known)
