"""The table `[machine.modbus.tls]`: whom we trust, and who we are (MODBUS/TCP Security, MB-TCP-Security-v36)."""

import os
import socket
import ssl
from pathlib import Path

from msgspec import Struct

from takt_adapters.adapter import must_exist


class Tls(Struct, kw_only=True, frozen=True):
    """The peer's certificate and name are always checked: there is no key to switch that off."""

    ca: Path | None = None
    """Certificates of those who may vouch for the peer, PEM. None: the system's."""
    certificate: Path | None = None
    """The edge's own, PEM, with those between it and the CA after it."""
    private_key: Path | None = None
    """Of `certificate`, PEM, without a password. None: it is in the same file."""
    server_name: str | None = None
    """The name in the peer's certificate. None: `host`."""

    def __post_init__(self) -> None:
        must_exist(ca=self.ca, certificate=self.certificate, private_key=self.private_key)
        if self.private_key is not None and self.certificate is None:
            raise ValueError("certificate: missing, expected the one that private_key belongs to")
        if self.server_name == "":
            raise ValueError("server_name: expected a name, got nothing")
        self.context()

    def context(self) -> ssl.SSLContext:
        """Reads the files, so that new ones are used from the next connection on. Raises ValueError."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise ValueError(f"ca: {self.ca} can't be used: {reason(error)}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            try:
                # Without a password here, a key that has one would ask for it at the terminal, and wait.
                context.load_cert_chain(self.certificate, self.private_key, password="")
            except OSError as error:
                raise ValueError(f"certificate: {self.certificate} can't be used: {reason(error)}") from error
        return context


def reason(error: OSError) -> str:
    """Why there is no TLS, in words."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is refused: {error.verify_message}"
        case ssl.SSLError(reason=str(text)):
            return f"TLS: {text.lower().replace('_', ' ')}"
        case ssl.SSLError():
            return "TLS: it is no certificate, or not of this key"
        case socket.gaierror():
            return error.strerror or "its address can't be found"
        case OSError(errno=int(number)):
            return os.strerror(number)
        case ConnectionError():
            return "the peer hung up"
    return "none of its addresses takes the connection"
