"""A certificate authority of the tests' own, and TLS servers with certificates that are right or wrong in one way."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

# The last byte tells the two signature algorithms apart (RFC 8017, appendix C).
_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")


class Authority:
    """Signs certificates. ``path`` is the file with its own, for who is to trust it.

    ``last_path`` is the file with the last server's certificate and key.
    """

    last_path: Path

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        builder = self._start(self._name, self._key, timedelta(days=-1), timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.path = directory / "authority.pem"
        self.path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def serve(
        self,
        *names: str,
        common_name: str = "Test server",
        starts_in: timedelta = timedelta(days=-1),
        ends_in: timedelta = timedelta(days=1),
        key_bits: int = 2048,
        is_sha1: bool = False,
    ) -> ssl.SSLContext:
        """Gives the context of a server whose certificate is for these names and addresses."""
        key = rsa.generate_private_key(65537, key_bits)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = self._start(subject, key, starts_in, ends_in)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
            )
        signed = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        certificate = x509.load_der_x509_certificate(self._weaken(signed) if is_sha1 else signed)
        path = self._directory / f"{certificate.serial_number}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Whatever is wrong with the certificate, the server is to show it.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(path)
        self.last_path = path
        return context

    def _start(
        self, subject: x509.Name, key: rsa.RSAPrivateKey, starts_in: timedelta, ends_in: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + starts_in)
            .not_valid_after(now + ends_in)
        )

    def _weaken(self, certificate: bytes) -> bytes:
        """Takes a certificate; gives the same one signed over SHA-1, which no library signs any more."""
        content = x509.load_der_x509_certificate(certificate).tbs_certificate_bytes
        weak = content.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
        signature = self._key.sign(weak, padding.PKCS1v15(), hashes.SHA1())
        rest = certificate[: -len(signature)].replace(content, weak).replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
        return rest + signature


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
