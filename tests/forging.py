"""Builds the tokens of the corpus ``jwt_attacks``: a good one, then changed, signed by somebody, and damaged.

The reference names the claim ``tenant``; Slipway's is ``tenantid``, as the contract has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_TIME = re.compile(r"@now([+-][0-9.]+)(s?)\Z")
_RENAMED = {"tenant": "tenantid"}


class Forger:
    """Makes tokens. ``names`` fill the corpus' placeholders; ``jti_of`` gives the token of each subject."""

    def __init__(self, key: rsa.RSAPrivateKey, names: Mapping[str, Any], jti_of: Mapping[str, str]) -> None:
        self._key = key
        self._jti_of = jti_of
        self._attacker = rsa.generate_private_key(65537, 2048)
        self._attacker_es = ec.generate_private_key(ec.SECP256R1())
        numbers = self._attacker_es.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256", **{n: encode(getattr(numbers, n).to_bytes(32, "big")) for n in "xy"}}
        self._names = {**names, "ATTACKER_JWK": jwk}

    def build(self, reference: Mapping[str, Any], row: Mapping[str, Any]) -> str:
        """Takes the corpus' reference and a row; gives the token."""
        header = self._change(reference["header"], row.get("header", {}))
        claims = self._change(reference["claims"], row.get("claims", {}))
        claims = {_RENAMED.get(name, name): value for name, value in claims.items()}
        if "jti" not in row.get("claims", {}):
            claims["jti"] = self._jti_of.get(str(claims.get("sub")), claims["jti"])
        mangle = row.get("mangle", "")
        raw_header, raw_payload = _REWRITES.get(mangle, _keep)(_dump(header), _dump(claims))
        signing_input = f"{encode(raw_header)}.{encode(raw_payload)}"
        signature = self._sign(row.get("sign", ""), signing_input.encode())
        if mangle == "sig_swap":
            signature = self._sign("", f"{encode(raw_header)}.{encode(raw_payload + b' ')}".encode())
        token = f"{signing_input}.{encode(signature)}"
        return token if mangle in ("", "sig_swap", *_REWRITES) else _DAMAGES[mangle](token)

    def fill(self, value: Any) -> Any:
        """Fills the placeholders in a value of the corpus."""
        if isinstance(value, Mapping):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return self._fill_text(value) if isinstance(value, str) else value

    def _fill_text(self, text: str) -> Any:
        if match := _TIME.match(text):
            moment = time.time() + float(match[1]) if "." in match[1] else int(time.time()) + int(match[1])
            return str(moment) if match[2] else moment
        if text[1:] in self._names and text.startswith("@"):
            return self._names[text[1:]]
        for name in sorted(self._names, key=len, reverse=True):
            text = text.replace(f"@{name}", str(self._names[name]))
        return text

    def _change(self, reference: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        changed = {**reference, **changes}
        return {self.fill(name): self.fill(value) for name, value in changed.items() if value != "@DROP"}

    def _sign(self, kind: str, signed: bytes) -> bytes:
        kind, _, argument = kind.partition(":")
        public_pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signers: dict[str, Callable[[], bytes]] = {
            "": lambda: self._key.sign(signed, padding.PKCS1v15(), SHA256()),
            "empty": lambda: b"",
            "zeros": lambda: bytes(int(argument)),
            "attacker": lambda: self._attacker.sign(signed, padding.PKCS1v15(), SHA256()),
            "attacker_es": lambda: _flatten(self._attacker_es.sign(signed, ec.ECDSA(SHA256()))),
            "es_der": lambda: self._attacker_es.sign(signed, ec.ECDSA(SHA256())),
            "hs_key": lambda: _hmac(self.fill(argument).encode(), signed, "sha256"),
            "hs_public_pem": lambda: _hmac(public_pem, signed, "sha256"),
            "hs_public_pem_strip": lambda: _hmac(public_pem.strip(), signed, "sha256"),
            "hs_same_key": lambda: _hmac(self._private_pem(), signed, argument.lower().replace("hs", "sha")),
        }
        return signers[kind]()

    def _private_pem(self) -> bytes:
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encode(raw: bytes) -> str:
    """Gives base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _dump(value: Mapping[str, Any]) -> bytes:
    return re.sub(r'"@RAW([^"]*)"', r"\1", json.dumps(value, separators=(",", ":"))).encode()


def _hmac(key: bytes, signed: bytes, name: str) -> bytes:
    return hmac.new(key, signed, getattr(hashlib, name)).digest()


def _flatten(signature: bytes) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))


def _keep(header: bytes, payload: bytes) -> tuple[bytes, bytes]:
    return header, payload


# Changes before the signature is made, of header and payload.
_REWRITES: dict[str, Callable[[bytes, bytes], tuple[bytes, bytes]]] = {
    "dup_alg": lambda header, payload: (b'{"alg":"none",' + header[1:], payload),
    "dup_alg2": lambda header, payload: (header[:-1] + b',"alg":"none"}', payload),
    "hdr_utf8": lambda header, payload: (header[:-1] + b',"x":"\xff"}', payload),
    "pl_bom": lambda header, payload: (header, b"\xef\xbb\xbf" + payload),
    "pl_array": lambda header, payload: (header, b"[" + payload + b"]"),
    "pl_notjson": lambda header, payload: (header, b"claims"),
    "pl_utf8": lambda header, payload: (header, payload[:-1] + b',"x":"\xff"}'),
    "pl_nan": lambda header, payload: (header, payload[:-1] + b',"x":NaN}'),
    "pl_bigint": lambda header, payload: (header, payload[:-1] + b',"x":' + b"9" * 5000 + b"}"),
}


def _split(token: str) -> list[str]:
    return token.split(".")


def _build_bomb(_: str) -> str:
    header = _dump({"alg": "dir", "enc": "A256GCM", "zip": "DEF"})
    return ".".join((encode(header), "", encode(bytes(12)), encode(zlib.compress(bytes(1_000_000))), encode(bytes(16))))


def _write_general_json(token: str) -> str:
    header, payload, signature = _split(token)
    signatures = [{"protected": header, "signature": signature}] * 2
    return json.dumps({"payload": payload, "signatures": signatures}, separators=(",", ":"))


def _space_header(token: str) -> str:
    header, *rest = _split(token)
    spaced = json.dumps(json.loads(base64.urlsafe_b64decode(header + "==")), separators=(", ", ": "))
    return ".".join((encode(spaced.encode()), *rest))


def _change_payload(token: str) -> str:
    header, payload, signature = _split(token)
    return ".".join((header, payload[:-3] + ("A" if payload[-3] != "A" else "B") + payload[-2:], signature))


# Damage to the finished token.
_DAMAGES: dict[str, Callable[[str], str]] = {
    "jwe_zip": _build_bomb,
    "sig_empty": lambda token: token.rpartition(".")[0] + ".",
    "sig_cut1": lambda token: (
        token.rpartition(".")[0] + "." + encode(base64.urlsafe_b64decode(_split(token)[2] + "==")[:-1])
    ),
    "sig_zeros": lambda token: token.rpartition(".")[0] + "." + encode(bytes(256)),
    "payload_bit": _change_payload,
    "header_space": _space_header,
    "b64_pad": lambda token: token + "=",
    "b64_lf": lambda token: token[:40] + "\n" + token[40:],
    "b64_junk": lambda token: token[:40] + "!" + token[40:],
    "segs1": lambda token: _split(token)[0],
    "segs5": lambda token: f"{token}.{token.partition('.')[2]}",
    "leaddot": lambda token: "." + token,
    "traildot": lambda token: token + ".",
    "json_gen": _write_general_json,
    "pct": lambda token: token.replace(".", "%2E"),
    "utf8": lambda token: token + "é",
    "fullwidth": lambda token: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in token),
    "crlf_esc": lambda token: token + r"\r\nX: y",
    "sqli": lambda token: "' OR 1=1--",
    "undefined": lambda token: "undefined",
}
