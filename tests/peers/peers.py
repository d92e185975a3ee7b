"""Servers that other people wrote, run by node. `npm ci` in this directory installs them."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def needed(package: str) -> None:
    """Skips the test if node or the npm package isn't there. In CI it must be."""
    folders = [HERE / "node_modules", *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    missing = None
    if shutil.which("node") is None:
        missing = "there is no node"
    elif not any((folder / package).is_dir() for folder in folders):
        missing = f"npm's {package} is not installed: npm ci in tests/peers"
    if missing is not None:
        if os.environ.get("TAKTLEDGER_CI"):
            pytest.fail(missing)
        pytest.skip(missing)


class Peer:
    """Runs a script of this directory, which logs each part before it shows it. Its counters survive nothing: they
    begin at zero at every start."""

    def __init__(self, script: str, port: int, log: Path, *arguments: str) -> None:
        self.port, self._log = port, log
        self._command = ["node", str(HERE / script), str(port), str(log), *arguments]

    def start(self) -> None:
        """Returns when it has said its first line: it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "it ended"

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def starts(self) -> list[list[dict[str, Any]]]:
        """What it logged, by start."""
        starts: list[list[dict[str, Any]]] = []
        for line in map(json.loads, self._log.read_text().splitlines()):
            if "start" in line:
                starts.append([])
            starts[-1].append(line)
        return starts
