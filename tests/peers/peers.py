"""Servers that other people wrote, run by node. `npm ci` in this directory installs them."""

import os
import shutil
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


def start(script: str, *arguments: str, **more: Any) -> "subprocess.Popen[str]":
    """Runs a script of this directory, and returns when it has said its first line: it listens."""
    command = ["node", str(HERE / script), *arguments]
    peer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)
    assert peer.stdout is not None
    assert peer.stdout.readline(), f"{script} ended"
    return peer
