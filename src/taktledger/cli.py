"""The command `taktledger`."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import structlog
import uvloop

from takt_projections.files import finished_files
from takt_projections.rebuild import RebuildRunning, rebuild_into, rebuild_next
from taktledger import __version__
from taktledger.config import ConfigError
from taktledger.domain.fold import CODEC
from taktledger.ledger.store import Ledger, LedgerInUse
from taktledger.main import (
    CannotStart,
    Floor,
    Settings,
    configured_floor,
    read_models,
    use_newest,
)
from taktledger.main import serve as serve_until_stopped
from taktledger.progress import show_progress

CHANGE_OVER_SECONDS = 60.0
PAGE = 1000

file_type = click.Path(exists=True, dir_okay=False, path_type=Path)
data_option = click.option(
    "--data",
    envvar="TAKTLEDGER_DATA",
    default="data",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The data directory.",
)


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """What `serve` and `demo` take."""
    for option in (
        click.option("--config", envvar="TAKTLEDGER_CONFIG", type=file_type, help="The machines: shop.toml."),
        data_option,
        click.option(
            "--port", envvar="TAKTLEDGER_PORT", default=8000, show_default=True, type=click.IntRange(1, 65535)
        ),
        click.option("--host", envvar="TAKTLEDGER_HOST", default="127.0.0.1", show_default=True),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="taktledger")
def cli() -> None:
    """An event-sourced production ledger for machine shops."""


@cli.command()
@server_options
def serve(host: str, port: int, data: Path, config: Path | None) -> None:
    """Run the ledger and its API, and an edge for the machines of the config."""
    if config is not None:
        _load_config(config)  # what is wrong is said before anything starts
    _serve(Settings(host=host, port=port, data=data, config=config, admin_key=_admin_key()), configured_floor)


@cli.command()
@server_options
def demo(host: str, port: int, data: Path, config: Path | None) -> None:
    """Run the ledger with a simulated shop floor, and the machines of the config if there is one.

    An empty ledger gets thirty days of history first.
    """
    from taktledger.demo.run import demo_floor

    if config is not None:
        _load_config(config)
    _serve(Settings(host=host, port=port, data=data, config=config, admin_key=_admin_key()), demo_floor)


def _address(context: click.Context, option: click.Parameter, value: str) -> str:
    from takt_adapters.http import check_address

    try:
        check_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


def ledger_options(level: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """What commands take that talk to a ledger with a key of this level."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option("--key-file", type=file_type, help="A file that holds it."),
            click.option("--key", envvar="TAKTLEDGER_KEY", help=f"An API key of level {level}."),
            click.option(
                "--ledger", required=True, callback=_address, help="Where the ledger is, such as http://127.0.0.1:8000."
            ),
        ):
            command = option(command)
        return command

    return add


@cli.command()
@click.option("--config", envvar="TAKTLEDGER_CONFIG", type=file_type, required=True, help="The machines: shop.toml.")
@ledger_options("machine")
@click.option("--spool", default="spool.db", show_default=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--end-with-parent", is_flag=True, hidden=True)
def edge(config: Path, ledger: str, key: str | None, key_file: Path | None, spool: Path, end_with_parent: bool) -> None:
    """Read machines, and deliver what they report to a ledger: here or on another computer."""
    from takt_adapters.edge import run
    from takt_adapters.spool_file import SpoolError
    from taktledger.children import end_with_parent as follow

    key = _key(key, key_file)
    loaded = _load_config(config)
    if end_with_parent:
        follow()
    else:
        click.echo(f"Taktledger {__version__}: an edge that reads {len(loaded.machines)} machines, for {ledger}")

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await run(loaded, ledger_url=ledger, key=key, spool_path=spool, stop=stop)
        except SpoolError as error:
            raise CannotStart(str(error)) from None

    _run(main())


@cli.group()
def adapters() -> None:
    """Look at what the adapters do."""


@adapters.command("check")
@click.argument("config", type=file_type)
def adapters_check(config: Path) -> None:
    """Connect to each machine of CONFIG once, and show what it reads, value by value."""
    from takt_adapters.check import check

    loaded = _load_config(config)
    sys.exit(0 if uvloop.run(check(loaded, click.echo)) else 1)


@adapters.command("status")
@ledger_options("audit")
def adapters_status(ledger: str, key: str | None, key_file: Path | None) -> None:
    """Show how the edges' links to their machines are. Ends with 1 if one of them is not connected."""
    from takt_adapters.status import NoStatus, status

    try:
        all_well = status(ledger, _key(key, key_file), click.echo)
    except NoStatus as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if all_well else 1)


@cli.command()
@data_option
@click.option("--until", help="Only what was recorded until then: ISO 8601, or UNIX seconds. Needs --into.")
@click.option("--into", type=click.Path(path_type=Path, dir_okay=False), help="A new SQLite file of its own.")
def rebuild(data: Path, until: str | None, into: Path | None) -> None:
    """Fold the read models anew from the ledger, also beside a running server, which then changes over."""
    if until is not None and into is None:
        raise click.UsageError("--until needs --into: the server always shows the present")
    ledger = _open_for_reading(data)
    began = time.perf_counter()
    with show_progress("rebuilding") as report:
        if into is not None:
            if into.exists():
                raise click.UsageError(f"{into} exists already")
            last = ledger.position_at(_timestamp(until)) if until is not None else None
            events = rebuild_into(ledger, into, read_models(), until=last, progress=report)
            click.echo(f"{into}: {events:,} events in {time.perf_counter() - began:.1f} s")
            return
        try:
            path = rebuild_next(ledger, data, read_models(), report)
        except RebuildRunning as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{path}: {ledger.read_head():,} events in {time.perf_counter() - began:.1f} s")
    try:
        use_newest(data)
    except LedgerInUse:
        _wait_for_change_over(data, path)


def _wait_for_change_over(data: Path, path: Path) -> None:
    """The running server looks for newer files twice a second."""
    deadline = time.monotonic() + CHANGE_OVER_SECONDS
    while (data / "readmodel.db").resolve() != path.resolve():
        if path.resolve() not in [each.resolve() for each in finished_files(data)]:
            raise click.ClickException("the running server is of another release, and did not take the new file")
        if time.monotonic() > deadline:
            raise click.ClickException("the running server did not change over within a minute")
        time.sleep(0.1)
    click.echo("the running server has changed over to it")


@cli.command()
@data_option
@click.option("--after", default=0, type=click.IntRange(0), help="Only events after this position.")
@click.option("--stream", help="Only this stream, such as machine-3.")
@click.option("--type", "kind", help="Only this type, such as CycleFinished.")
@click.option("--since", help="Only what was recorded since then: ISO 8601, or UNIX seconds.")
@click.option("--until", help="Only what was recorded until then.")
def events(data: Path, after: int, stream: str | None, kind: str | None, since: str | None, until: str | None) -> None:
    """Print the events of the ledger as JSON lines."""
    ledger = _open_for_reading(data)
    first = _timestamp(since) if since is not None else None
    last = _timestamp(until) if until is not None else None
    position: int | None = after
    while position is not None:
        page = ledger.page(position, PAGE, stream=stream, kind=kind, since=first, until=last)
        for each in page.events:
            click.echo(msgspec.json.encode(each))
        position = page.next_after


@cli.command(hidden=True)
def schema() -> None:
    """Print the JSON Schema of every event."""
    click.echo(msgspec.json.format(msgspec.json.encode(CODEC.schema()), indent=2))


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        exception_formatter=structlog.dev.plain_traceback,  # the rich one shows local variables, keys among them
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    cli()


def _serve(settings: Settings, floor: Floor) -> None:
    with show_progress("rebuilding the read models") as report:
        _run(serve_until_stopped(settings, floor, progress=report))


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        uvloop.run(work)
    except (CannotStart, LedgerInUse, RebuildRunning) as error:
        raise click.ClickException(str(error)) from None


def _key(key: str | None, key_file: Path | None) -> str:
    if key_file is not None:
        key = key_file.read_text().strip()
    if not key:
        raise click.UsageError("an API key is needed: --key-file, or TAKTLEDGER_KEY")
    return key


def _admin_key() -> str | None:
    """From the environment alone: command lines are for everybody to see."""
    return os.environ.get("TAKTLEDGER_ADMIN_KEY") or None


def _load_config(path: Path) -> Any:
    from takt_adapters.builtin import installed_adapters
    from taktledger.config import load_config

    try:
        return load_config(path, installed_adapters())
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def _open_for_reading(data: Path) -> Ledger:
    try:
        return Ledger(data / "ledger.db", writing=False)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


def _timestamp(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"'{text}' is no time: expected ISO 8601, or UNIX seconds") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
