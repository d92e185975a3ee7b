"""Encryption, certificates and passwords, with a real server: who is let in, and whom we don't talk to."""

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

import takt_adapters.opcua
from adapters.opcua.machine import Machine, make_certificate
from takt_adapters.adapter import AdapterError
from takt_adapters.opcua import session
from takt_adapters.opcua.opcua import OpcuaAdapter
from takt_adapters.opcua.settings import OpcuaSettings

Table = Callable[..., dict[str, Any]]
POLICIES = ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"]
README = (Path(takt_adapters.opcua.__file__).parent / "README.md").read_text()


def settings_of(table: dict[str, Any]) -> OpcuaSettings:
    return msgspec.convert(table, OpcuaSettings, dec_hook=lambda kind, text: kind(text))


def count_of(table: dict[str, Any]) -> int | None:
    """What the machine's counter reads, over a connection of its own. Raises AdapterError."""

    async def main() -> int | None:
        adapter = OpcuaAdapter(settings_of(table), time.monotonic)
        try:
            await adapter.connect(None)
            (report,) = await adapter.poll()
            return report.update.part_count
        finally:
            await adapter.close()

    return asyncio.run(main())


@pytest.fixture
def secure(table: Table, certificates: Path) -> Table:
    """`[machine.opcua]` with the best security, unless told otherwise."""

    def make(**more: Any) -> dict[str, Any]:
        return table(
            **{
                "security_policy": "Basic256Sha256",
                "certificate": str(certificates / "edge.der"),
                "private_key": str(certificates / "edge.key"),
                "server_certificate": str(certificates / "server.der"),
                **more,
            }
        )

    return make


@pytest.fixture
def password(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    def make(text: str) -> dict[str, str]:
        path = tmp_path / "password.txt"
        path.write_text(text)
        return {"user": "mill", "password_file": str(path)}

    return make


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy(machine: Machine, secure: Table, policy: str, mode: str, password: Any) -> None:
    machine.write("Counter", 7)
    assert count_of(secure(security_policy=policy, security_mode=mode, **password("sésame\n"))) == 7
    assert machine.users.passwords == ["sésame"]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_channel_gets_new_keys(machine: Machine, secure: Table, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CHANNEL_MS", 800)

    async def main() -> None:
        adapter = OpcuaAdapter(settings_of(secure(security_policy=policy)), time.monotonic)
        await adapter.connect(None)
        for number in range(1, 11):  # 1.5 s
            machine.write("Counter", number)
            await asyncio.sleep(0.15)
            await adapter.poll()
        await asyncio.sleep(0.3)
        await adapter.poll()
        assert adapter._values == {"part_count": 10}
        await adapter.close()

    asyncio.run(main())


def test_no_security_and_nobody(machine: Machine, table: Table) -> None:
    machine.write("Counter", 7)
    assert count_of(table()) == 7


def test_a_user_certificate(machine: Machine, secure: Table, certificates: Path) -> None:
    user = {"user_certificate": str(certificates / "user.der"), "user_private_key": str(certificates / "user.key")}
    assert count_of(secure(**user)) == 0


def test_a_wrong_password(machine: Machine, secure: Table, password: Any) -> None:
    with pytest.raises(AdapterError, match=r"log in: .* BadUserAccessDenied") as refused:
        count_of(secure(**password("opensesame")))
    assert "opensesame" not in str(refused.value) + repr(refused.value.__cause__)


@pytest.fixture
def bare(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine says that it takes passwords as they are."""
    for endpoint in machine.server.iserver.endpoints:
        for token in endpoint.UserIdentityTokens:
            if token.TokenType == ua.UserTokenType.UserName:
                monkeypatch.setattr(token, "SecurityPolicyUri", "http://opcfoundation.org/UA/SecurityPolicy#None")


@pytest.mark.usefixtures("bare")
def test_a_password_is_not_sent_without_encryption(
    machine: Machine, table: Table, secure: Table, password: Any
) -> None:
    for each in (table(**password("sésame")), secure(security_mode="Sign", **password("sésame"))):
        with pytest.raises(AdapterError, match="the password is not sent"):
            count_of(each)
    assert machine.users.passwords == []
    assert count_of(secure(**password("sésame"))) == 0  # the channel encrypts it


def test_a_password_that_only_its_token_encrypts(machine: Machine, table: Table, password: Any) -> None:
    assert count_of(table(**password("sésame"))) == 0
    assert machine.users.passwords == ["sésame"]


def fingerprint(path: Path) -> str:
    return x509.load_der_x509_certificate(path.read_bytes()).fingerprint(SHA256()).hex(":").upper()


def test_another_certificate_than_the_pinned_one(
    machine: Machine, secure: Table, certificates: Path, password: Any
) -> None:
    pinned = certificates / "other.der"
    with pytest.raises(AdapterError) as refused:
        count_of(secure(server_certificate=str(pinned), trust_on_first_use=True, **password("sésame")))
    assert str(refused.value) == (
        f"the server's certificate has the SHA-256 fingerprint {fingerprint(certificates / 'server.der')},"
        f" and other.der is another one ({fingerprint(pinned)}): if it is the server's new one, put it into {pinned}"
    )
    assert machine.users.passwords == []


def test_an_unknown_certificate(machine: Machine, secure: Table, certificates: Path, tmp_path: Path) -> None:
    kept = tmp_path / "mill-2.der"
    with pytest.raises(AdapterError) as refused:
        count_of(secure(server_certificate=str(kept)))
    assert str(refused.value) == (
        f"the server's certificate has the SHA-256 fingerprint {fingerprint(certificates / 'server.der')}, and is not"
        f" known: if that is right, put the certificate into {kept}, or set trust_on_first_use = true"
    )
    assert not kept.exists()


def test_trust_on_first_use(machine: Machine, secure: Table, certificates: Path, tmp_path: Path) -> None:
    kept = tmp_path / "mill-2.der"
    with capture_logs() as logs:
        for _ in range(2):
            assert count_of(secure(server_certificate=str(kept), trust_on_first_use=True)) == 0
            assert kept.read_bytes() == (certificates / "server.der").read_bytes()
    shown = [(each["file"], each["sha256"]) for each in logs]
    assert shown == [(str(kept), fingerprint(kept))]  # for somebody to compare
    assert [path.name for path in tmp_path.iterdir()] == ["mill-2.der"]


def test_pem_files(machine: Machine, secure: Table, certificates: Path, tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    certificate = x509.load_der_x509_certificate((certificates / "server.der").read_bytes())
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    assert count_of(secure(server_certificate=str(pem))) == 0


def test_a_pinned_certificate_without_a_policy(
    machine: Machine, table: Table, certificates: Path, tmp_path: Path
) -> None:
    assert count_of(table(server_certificate=str(certificates / "server.der"))) == 0
    with pytest.raises(AdapterError, match="is another one"):
        count_of(table(server_certificate=str(certificates / "other.der")))


def test_a_policy_that_the_server_does_not_have(
    machine: Machine, secure: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = machine.server.iserver
    plain = [each for each in server.endpoints if each.SecurityMode == ua.MessageSecurityMode.None_]
    monkeypatch.setattr(server, "endpoints", plain)
    with pytest.raises(AdapterError, match="does not offer Basic256Sha256 SignAndEncrypt, but None None"):
        count_of(secure())


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"certificate": "garbage"}, "certificate: garbage is no certificate"),
        (
            {"certificate": "expired.der", "private_key": "expired.key"},
            "certificate: expired.der is valid from .* only",
        ),
        ({"certificate": "nameless.der", "private_key": "nameless.key"}, "certificate: it has no URI"),
        ({"private_key": "garbage"}, "garbage is no private key without a password"),
        ({"private_key": "nameless.key"}, "nameless.key is not the RSA key of edge.der"),
        ({"server_certificate": "garbage"}, "server_certificate: garbage is no certificate"),
    ],
)
def test_files_that_are_wrong(
    machine: Machine, secure: Table, tmp_path: Path, files: dict[str, str], error: str
) -> None:
    (tmp_path / "garbage").write_bytes(b"-----BEGIN nothing")
    make_certificate(tmp_path, "expired", days=-1)
    make_certificate(tmp_path, "nameless", uri=None)
    with pytest.raises(AdapterError, match=error):
        count_of(secure(**{key: str(tmp_path / name) for key, name in files.items()}))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_the_readmes_command_makes_a_certificate(machine: Machine, secure: Table, tmp_path: Path) -> None:
    command = re.search(r"^openssl req (?:.*\\\n)*.*$", README, re.MULTILINE)
    assert command is not None
    subprocess.run(command[0], shell=True, cwd=tmp_path, check=True, capture_output=True)
    files = {"certificate": str(tmp_path / "edge.der"), "private_key": str(tmp_path / "edge.pem")}
    assert count_of(secure(**files)) == 0
