"""HTTP over TLS: agents and ledgers behind a certificate of the plant's own."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.certificates import Authority
from adapters.mtconnect.agents import BufferAgent, adapter_at, serving
from takt_adapters.adapter import AdapterError
from takt_adapters.http import trusted
from takt_adapters.status import NoStatus, status


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """Whom the system trusts, for once."""
    plant = Authority(tmp_path, "plant-ca")
    monkeypatch.setenv("SSL_CERT_FILE", str(plant.file))
    trusted.cache_clear()
    yield plant
    trusted.cache_clear()


def server(authority: Authority, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", host))
    return context


def read(tls: ssl.SSLContext) -> int | None:
    agent = BufferAgent(100)
    agent.say("avail", "AVAILABLE")
    agent.say("pc", "7")

    async def main() -> int | None:
        async with serving(agent, tls=tls) as port:
            adapter = adapter_at(0, url=f"https://127.0.0.1:{port}")
            try:
                await adapter.connect(None)
                (report,) = await adapter.poll()
                return report.update and report.update.part_count
            finally:
                await adapter.close()

    return asyncio.run(main())


def ask_status(tls: ssl.SSLContext, body: bytes = b"{}") -> list[str]:
    async def answer(target: str, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
        return 200, body

    async def main() -> list[str]:
        lines: list[str] = []
        async with serving(answer, tls=tls) as port:
            await asyncio.to_thread(status, f"https://127.0.0.1:{port}", "key", lines.append)
        return lines

    return asyncio.run(main())


def test_a_certificate_of_the_plant(plant: Authority) -> None:
    assert read(server(plant, "127.0.0.1")) == 7
    assert ask_status(server(plant, "127.0.0.1"))[0].startswith("machine")


def test_a_certificate_of_somebody_else(plant: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = server(Authority(tmp_path / "other", "other-ca"), "127.0.0.1")
    with pytest.raises(AdapterError, match="certificate verify failed"):
        read(other)
    with pytest.raises(NoStatus, match="certificate verify failed"):
        ask_status(other)


def test_a_certificate_for_another_name(plant: Authority) -> None:
    another = server(plant, "192.0.2.1")
    with pytest.raises(AdapterError, match="IP address mismatch"):
        read(another)
    with pytest.raises(NoStatus, match="IP address mismatch"):
        ask_status(another)


def test_something_else_answers(plant: Authority) -> None:
    with pytest.raises(NoStatus, match="does not answer as a ledger does"):
        ask_status(server(plant, "127.0.0.1"), b"<html>Welcome</html>")
