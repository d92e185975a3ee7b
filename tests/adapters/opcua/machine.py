"""A real OPC UA server on loopback, in a thread of its own, with a machine's values. And certificates for it."""

import asyncio
import ipaddress
import threading
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.binary_server_asyncio import BinaryServer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from cryptography.x509.oid import NameOID

MILL = "http://example.com/mill"
VALUES: dict[str, tuple[str, Any]] = {
    "Counter": ("UInt32", 0),
    "SmallCounter": ("UInt16", 0),
    "State": ("Int32", 0),
    "StateText": ("String", "IDLE"),
    "Stopped": ("Boolean", False),
    "Program": ("String", "O0001"),
    "Override": ("UInt16", 1000),
    "Tool": ("UInt16", 1),
    "Variable": ("Float", 1.5),
    "Coolant": ("Boolean", False),
    "Door": ("Boolean", False),
    "Beat": ("UInt32", 0),
    "Hold": ("Boolean", False),
    "HoldNumber": ("Int16", 0),
    "ReadOnly": ("Boolean", False),
}
WRITABLE = ("Hold", "HoldNumber")
USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=True,
    key_encipherment=True,
    data_encipherment=True,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
SECURITY = [
    ua.SecurityPolicyType.NoSecurity,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]


def make_certificate(folder: Path, name: str, uri: str | None = "urn:taktledger:edge", days: int = 30) -> Path:
    """Writes NAME.der and NAME.key.pem, self-signed. The key's name follows from the certificate's."""
    key = generate_private_key(65537, 2048)
    issued = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    if uri is not None:
        names.append(x509.UniformResourceIdentifier(uri))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(issued)
        .issuer_name(issued)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([EKU.CLIENT_AUTH, EKU.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / f"{name}.der"
    path.write_bytes(certificate.public_bytes(Encoding.DER))
    key_of(path).write_bytes(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    return path


def key_of(certificate: Path) -> Path:
    return certificate.with_suffix(".key")


def load_key(certificate: Path) -> RSAPrivateKey:
    key = load_der_private_key(key_of(certificate).read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


class Users:
    """Anybody, or the user `mill` with the right password, or the owner of the certificate."""

    def __init__(self) -> None:
        self.certificate: bytes | None = None
        self.passwords: list[str] = []
        """That were sent."""

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        if password is not None:
            self.passwords.append(password)
        allowed = username is None or (username, password) == ("mill", "sésame")
        return User(role=UserRole.User) if allowed else None


class Machine:
    """`start` and `stop` are those of the server; its values stay as they are."""

    def __init__(self, certificate: Path | None = None, port: int = 0) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.users = Users()
        self.server = self.run(self._make(certificate, port))
        self.port = port
        self.start()

    async def _make(self, certificate: Path | None, port: int) -> Server:
        server = Server(user_manager=self.users)
        server.disable_clock()  # it would take a second to stop
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
        if certificate is not None:
            await server.load_certificate(certificate)
            await server.load_private_key(key_of(certificate))
        server.set_security_policy(SECURITY if certificate is not None else SECURITY[:1])
        self.index = await server.register_namespace(MILL)
        machine = await server.nodes.objects.add_object(self.index, "Machine")
        self.nodes = {}
        for name, (kind, value) in VALUES.items():
            node = await machine.add_variable(
                ua.NodeId(name, self.index), ua.QualifiedName(name, self.index), value, ua.VariantType[kind]
            )
            if name in WRITABLE:
                await node.set_writable()
            self.nodes[name] = node
        server.iserver.aspace._is_expected_variant_type = lambda *_: True  # it says what it likes
        await server.start()
        await server.bserver.stop()
        return server

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def start(self, *, anew: bool = True) -> None:
        """`anew`: not only the network was gone."""
        self.run(self._start(anew))

    async def _start(self, anew: bool) -> None:
        for identifier in (2257, 2258) if anew else (2258,):  # when it was started, and what time it is
            await self.server.get_node(ua.NodeId(identifier)).write_value(datetime.now(UTC))
        self.server.bserver = BinaryServer(self.server.iserver, "127.0.0.1", self.port, self.server.limits)
        self.server.bserver.set_policies(self.server._policies)
        await self.server.bserver.start()
        self.port = self.server.bserver._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Every connection is cut, too."""
        self.run(self.server.bserver.stop())

    async def _end(self) -> None:
        await self.server.iserver.stop()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reset(self) -> None:
        for name, (kind, value) in VALUES.items():
            self.write(name, value, kind)

    def write(
        self, name: str, value: Any, kind: str | None = None, status: str = "Good", at: datetime | None = None
    ) -> None:
        """`at`: source timestamp, by default now."""
        variant = ua.Variant(value, ua.VariantType[kind or VALUES[name][0]])
        code = ua.StatusCode(int(status, 16) if status.startswith("0x") else getattr(ua.StatusCodes, status))
        self.run(self.write_all({name: ua.DataValue(variant, code, SourceTimestamp=at or datetime.now(UTC))}))

    async def write_all(self, values: dict[str, ua.DataValue]) -> None:
        """All of them before anything is published."""
        for name, value in values.items():
            await self.server.write_attribute_value(self.nodes[name].nodeid, value)

    def read(self, name: str) -> Any:
        return self.run(self.nodes[name].read_value())

    @property
    def connections(self) -> int:
        return len(self.server.bserver.clients)

    def close(self) -> None:
        with suppress(Exception):
            self.stop()
        self.run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
