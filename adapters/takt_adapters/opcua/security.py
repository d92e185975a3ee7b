"""Who we are, and whom we talk to: certificates, keys and passwords, from their files.

They are read at every connection, so that new ones need no restart of the edge.
"""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import structlog
from asyncua import ua
from asyncua.crypto import security_policies as policies
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_pem_private_key,
)

from takt_adapters.adapter import AdapterError
from takt_adapters.opcua.settings import OpcuaSettings

POLICIES: dict[str, type[policies.SecurityPolicy]] = {
    "Basic256Sha256": policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": policies.SecurityPolicyAes256Sha256RsaPss,
}
STRONG = frozenset(policy.URI for policy in POLICIES.values())
"""What encrypts a password well enough by itself."""


class Identity(NamedTuple):
    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def application_uri(self) -> str:
        """Servers compare it with what the client says of itself. Raises AdapterError."""
        try:
            names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
        except (x509.ExtensionNotFound, IndexError, ValueError) as error:
            raise AdapterError("certificate: it has no URI in its subject alternative names") from error


def load_identity(certificate_file: Path, key_file: Path, key: str) -> Identity:
    """`key`: that of the settings, for messages. Raises AdapterError."""
    certificate = load_certificate(certificate_file, key)
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise AdapterError(
            f"{key}: {certificate_file.name} is valid from {certificate.not_valid_before_utc:%Y-%m-%d}"
            f" to {certificate.not_valid_after_utc:%Y-%m-%d} only"
        )
    data = _read(key_file, "private key")
    try:
        private = (load_pem_private_key if b"-----BEGIN" in data else load_der_private_key)(data, None)
    except (ValueError, TypeError) as error:  # TypeError: it has a password
        raise AdapterError(f"{key_file.name} is no private key without a password") from error
    if not isinstance(private, RSAPrivateKey) or private.public_key() != certificate.public_key():
        raise AdapterError(f"{key_file.name} is not the RSA key of {certificate_file.name}")
    return Identity(certificate, private)


def load_certificate(path: Path, key: str) -> x509.Certificate:
    data = _read(path, key)
    try:
        return (x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate)(data)
    except ValueError as error:
        raise AdapterError(f"{key}: {path.name} is no certificate") from error


def load_password(path: Path) -> str:
    try:
        return _read(path, "password_file").decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise AdapterError(f"password_file: {path.name} is not UTF-8") from error


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(SHA256()).hex(":").upper()


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


class Pin:
    """The one certificate of a server that is accepted."""

    def __init__(self, settings: OpcuaSettings) -> None:
        self._path, self._trust_on_first_use = settings.server_certificate, settings.trust_on_first_use

    def known(self) -> x509.Certificate | None:
        if self._path is None or not self._path.exists():
            return None
        return load_certificate(self._path, "server_certificate")

    def check(self, presented: x509.Certificate) -> None:
        """Raises AdapterError for any other, and for the first one if that isn't to be trusted."""
        if self._path is None or presented == (known := self.known()):
            return
        shown = f"the server's certificate has the SHA-256 fingerprint {fingerprint(presented)}"
        if known is not None:
            raise AdapterError(
                f"{shown}, and {self._path.name} is another one ({fingerprint(known)}):"
                f" if it is the server's new one, put it into {self._path}"
            )
        if not self._trust_on_first_use:
            raise AdapterError(
                f"{shown}, and is not known: if that is right, put the certificate into {self._path},"
                " or set trust_on_first_use = true"
            )

    def keep(self, presented: x509.Certificate) -> None:
        """The first one that was trusted. The file is there as a whole, or not at all. Raises AdapterError."""
        if self._path is None or self.known() is not None:
            return
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with draft.open("xb") as file:
                file.write(der(presented))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            log = structlog.get_logger()
            log.warning("a certificate is trusted from now on", file=str(self._path), sha256=fingerprint(presented))
        except OSError as error:
            raise AdapterError(f"server_certificate: {self._path} can't be written: {error.strerror}") from error
        finally:
            draft.unlink(missing_ok=True)


def check_password_is_safe(mode: ua.MessageSecurityMode, token_policy: str | None) -> None:
    """`token_policy`: what the server says that passwords are encrypted with. Raises AdapterError."""
    if mode != ua.MessageSecurityMode.SignAndEncrypt and token_policy not in STRONG:
        raise AdapterError(
            "the password is not sent: the server would take it without encryption."
            ' Use a security_policy with security_mode = "SignAndEncrypt"'
        )


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AdapterError(f"{key}: {path.name} can't be read: {error.strerror}") from error
