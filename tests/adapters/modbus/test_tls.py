"""Modbus/TCP Security: whom the edge trusts, whom it doesn't, and what it says then."""

import asyncio
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymodbus.server import ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.certificates import Authority
from adapters.modbus.liar import Answer, adapters_at, counted, liar, silence
from takt_adapters.adapter import AdapterError
from takt_adapters.builtin import installed_adapters
from takt_adapters.modbus.modbus import ModbusAdapter
from takt_adapters.modbus.tls import Tls
from taktledger.config import ConfigError, load_config

Context = ssl.SSLContext
HOST = "127.0.0.1"


async def honest(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(counted(request, 42))


@pytest.fixture
def plant(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "plant-ca")


def serving(files: tuple[Path, Path], clients: Authority | None = None) -> Context:
    """What a server needs. With `clients`, it wants to know who asks."""
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if clients is not None:
        context.load_verify_locations(clients.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def adapter_at(port: int, tls: Tls | None, **more: Any) -> ModbusAdapter:
    (adapter,) = adapters_at({"port": port, **more}, clock=time.monotonic)
    settings = msgspec.structs.replace(adapter.settings, tls=tls)
    (adapter,) = installed_adapters()["modbus"].make([settings], time.monotonic)
    assert isinstance(adapter, ModbusAdapter)
    return adapter


@contextmanager
def plain_openssl(context: Context) -> Iterator[int]:
    """asyncio's server hangs up where this one says why, as devices do. Gives its port."""
    server = socket.create_server((HOST, 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False) as wrapped:
                try:
                    wrapped.do_handshake()
                    while request := wrapped.recv(4096):
                        wrapped.send(counted(request, 42))
                except OSError:
                    # A socket that is closed with something unread in it takes back what it said last.
                    with suppress(OSError):
                        wrapped.shutdown(socket.SHUT_WR)
                        while wrapped.recv(4096):
                            pass

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def asked(port: int, tls: Tls) -> int | str | None:
    """What it reads, or why it doesn't."""

    async def main() -> int | None:
        adapter = adapter_at(port, tls)
        try:
            await adapter.connect(None)
            (report,) = await adapter.poll()
            return report.update.part_count
        finally:
            await adapter.close()

    try:
        return asyncio.run(main())
    except AdapterError as error:
        return str(error)


def ask(context: Context | None, tls: Tls | None, answer: Answer = honest) -> int | None:
    """Connects, polls once, and never takes long."""

    async def main() -> int | None:
        async with liar(answer, context) as peer:
            adapter = adapter_at(peer.port, tls, timeout_seconds=0.5)
            began = time.monotonic()
            try:
                await adapter.connect(None)
                (report,) = await adapter.poll()
                return report.update.part_count
            finally:
                await adapter.close()
                assert time.monotonic() - began < 10

    return asyncio.run(main())


def refused(context: Context | None, tls: Tls | None, answer: Answer = honest) -> str:
    with pytest.raises(AdapterError) as raised:
        ask(context, tls, answer)
    return str(raised.value)


def test_a_real_server(plant: Authority) -> None:
    """pymodbus' own."""
    context = serving(plant.issue("mill-1", HOST))
    words = [SimData(100, count=2, values=[0, 7], datatype=DataType.REGISTERS)]

    async def main() -> None:
        server = ModbusTlsServer(SimDevice(1, words), sslctx=context, address=(HOST, 0))
        await server.serve_forever(background=True)
        try:
            adapter = adapter_at(server.transport.sockets[0].getsockname()[1], Tls(ca=plant.file))
            await adapter.connect(None)
            for _ in range(3):
                (report,) = await adapter.poll()
                assert report.update.part_count == 7
            await adapter.close()
        finally:
            await server.shutdown()

    asyncio.run(main())


def test_an_answer_in_pieces(plant: Authority) -> None:
    """Each in a TLS record of its own."""

    async def stammer(request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in counted(request, 42):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.002)

    assert ask(serving(plant.issue("mill-1", HOST)), Tls(ca=plant.file), stammer) == 42


def test_a_certificate_of_somebody_else(plant: Authority, tmp_path: Path) -> None:
    context = serving(Authority(tmp_path, "other-ca").issue("mill-1", HOST))
    for tls in (Tls(ca=plant.file), Tls()):
        error = refused(context, tls)
        assert error.startswith(f"no connection to {HOST}:")
        assert "its certificate is refused: unable to get local issuer certificate" in error


def test_a_port_without_tls(closed_port: int) -> None:
    """Most likely somebody forgot `port = 802`."""

    async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    assert refused(None, Tls(), hang_up).endswith(" (does this port speak TLS?)")
    with pytest.raises(AdapterError, match=f"no connection to {HOST}:{closed_port}: Connection refused$"):
        asyncio.run(adapter_at(closed_port, Tls()).connect(None))


def test_one_that_has_expired(plant: Authority) -> None:
    context = serving(plant.issue("mill-1", HOST, ends=timedelta(days=-1)))
    assert "its certificate is refused: certificate has expired" in refused(context, Tls(ca=plant.file))


def test_one_of_another_name(plant: Authority) -> None:
    context = serving(plant.issue("mill-1", "mill-1.plant"))
    error = refused(context, Tls(ca=plant.file))
    assert "its certificate is refused: IP address mismatch, certificate is not valid for '127.0.0.1'" in error
    assert ask(context, Tls(ca=plant.file, server_name="mill-1.plant")) == 42
    error = refused(context, Tls(ca=plant.file, server_name="mill-2.plant"))
    assert "Hostname mismatch, certificate is not valid for 'mill-2.plant'" in error


def test_one_that_it_signed_itself_is_its_own_ca(plant: Authority, tmp_path: Path) -> None:
    lonely = Authority(tmp_path, "lonely")
    context = serving(lonely.issue("mill-1", HOST))
    assert ask(context, Tls(ca=lonely.file)) == 42
    assert "refused" in refused(context, Tls(ca=plant.file))


def test_both_show_who_they_are(plant: Authority, tmp_path: Path) -> None:
    context = serving(plant.issue("mill-1", HOST), clients=plant)
    certificate, key = plant.issue("edge")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    stranger, its_key = Authority(tmp_path, "other-ca").issue("stranger")
    lost = "holding 100..101: the connection was lost"
    with plain_openssl(context) as port:
        assert asked(port, Tls(ca=plant.file, certificate=certificate, private_key=key)) == 42
        assert asked(port, Tls(ca=plant.file, certificate=both)) == 42
        assert asked(port, Tls(ca=plant.file)) == f"{lost}: TLS: tlsv13 alert certificate required"
        error = asked(port, Tls(ca=plant.file, certificate=stranger, private_key=its_key))
        assert error == f"{lost}: TLS: tlsv1 alert unknown ca"
    assert refused(context, Tls(ca=plant.file)) == lost  # one that hangs up without a word


def test_an_old_version_is_refused(plant: Authority) -> None:
    context = serving(plant.issue("mill-1", HOST))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with plain_openssl(context) as port:
        error = asked(port, Tls(ca=plant.file))
        assert error == f"no connection to {HOST}:{port}: TLS: tlsv1 alert protocol version"
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert ask(context, Tls(ca=plant.file)) == 42


def test_one_speaks_tls_and_the_other_does_not(plant: Authority) -> None:
    async def anything(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Bad Request\r\n\r\n")

    assert "TLS: wrong version number" in refused(None, Tls(ca=plant.file), anything)
    assert refused(None, Tls(ca=plant.file), silence).endswith(" within 0.5 s")
    assert refused(serving(plant.issue("mill-1", HOST)), None).startswith("holding 100..101: ")


def test_a_renewed_certificate_needs_no_restart(plant: Authority, tmp_path: Path) -> None:
    async def main() -> None:
        context = serving(plant.issue("mill-1", HOST), clients=plant)
        certificate, key = plant.issue("edge", ends=timedelta(days=-1))
        async with liar(honest, context) as peer:
            adapter = adapter_at(peer.port, Tls(ca=plant.file, certificate=certificate, private_key=key))
            await adapter.connect(None)
            with pytest.raises(AdapterError, match="the connection was lost"):
                await adapter.poll()
            await adapter.close()
            plant.issue("edge")
            await adapter.connect(None)
            await adapter.poll()
            await adapter.close()
            certificate.write_text("in the middle of being copied")
            with pytest.raises(AdapterError, match=r"\[machine.modbus.tls\] certificate: .* can't be used"):
                await adapter.connect(None)

    asyncio.run(main())


def test_units_behind_one_gateway_share_it(plant: Authority) -> None:
    """And those who ask in clear, or trust somebody else, don't."""

    async def main() -> None:
        async with liar(honest, serving(plant.issue("mill-1", HOST))) as peer:
            one = adapter_at(peer.port, Tls(ca=plant.file)).settings
            settings = [msgspec.structs.replace(one, unit=unit) for unit in range(1, 5)]
            settings[3] = msgspec.structs.replace(settings[3], tls=Tls(ca=plant.file, server_name=HOST))
            adapters = installed_adapters()["modbus"].make(settings, time.monotonic)
            await asyncio.gather(*(each.connect(None) for each in adapters))
            for _ in range(3):
                await asyncio.gather(*(each.poll() for each in adapters))
            assert peer.connections == 2
            for each in adapters:
                await each.close()

    asyncio.run(main())


def test_many_units_make_no_storm(plant: Authority, tmp_path: Path) -> None:
    """None of them can be connected: all share one try."""

    async def main() -> None:
        tries = 0

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal tries
            tries += 1
            writer.close()

        server = await asyncio.start_server(hang_up, HOST, 0)
        one = adapter_at(server.sockets[0].getsockname()[1], Tls(ca=plant.file)).settings
        settings = [msgspec.structs.replace(one, unit=unit) for unit in range(1, 31)]
        adapters = installed_adapters()["modbus"].make(settings, time.monotonic)
        for expected in (1, 2):
            for _ in range(3):
                results = await asyncio.gather(*(each.connect(None) for each in adapters), return_exceptions=True)
                assert all(isinstance(each, AdapterError) for each in results)
            assert tries == expected
            await asyncio.sleep(0.45)
        server.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('ca = "nowhere.pem"', "ca: there is no file {folder}/nowhere.pem"),
        ('ca = "text.pem"', "ca: {folder}/text.pem can't be used: TLS: "),
        ('certificate = "nowhere.pem"', "certificate: there is no file {folder}/nowhere.pem"),
        ('private_key = "edge-key.pem"', "certificate: missing, expected the one that private_key belongs to"),
        ('certificate = "edge.pem"', "certificate: {folder}/edge.pem can't be used: TLS: "),
        (
            'certificate = "edge.pem"\nprivate_key = "other-key.pem"',
            "certificate: {folder}/edge.pem can't be used: TLS: key values mismatch",
        ),
        (
            'certificate = "secret.pem"\nprivate_key = "secret-key.pem"',
            "certificate: {folder}/secret.pem can't be used: TLS: ",
        ),
        ('server_name = ""', "server_name: expected a name"),
        ("ca = 7", "ca: expected the path of a file, got 7"),
        ("verify = false", "verify: unknown key"),
    ],
)
def test_what_is_wrong_with_it_is_found_before_anything_starts(
    tmp_path: Path, plant: Authority, text: str, message: str
) -> None:
    plant.issue("edge")
    plant.issue("other")
    plant.issue("secret", password=b"secret")
    (tmp_path / "text.pem").write_text("no certificate\n")
    file = tmp_path / "shop.toml"
    file.write_text(
        f'[[machine]]\nname = "mill-1"\nadapter = "modbus"\n[machine.modbus]\nhost = "x"\n'
        f'[machine.modbus.values.estopped]\nregister = "coil"\naddress = 1\n[machine.modbus.tls]\n{text}\n'
    )
    with pytest.raises(ConfigError) as error:
        load_config(file, installed_adapters())
    expected = f'shop.toml: machine "mill-1" [machine.modbus.tls] {message.format(folder=tmp_path)}'
    assert str(error.value).startswith(expected)
