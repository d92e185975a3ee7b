"""Progress: a bar on a terminal while there is something to do, and plain lines elsewhere."""

import os
import pty
import subprocess
import sys

import pytest

WORK = """
import sys
from taktledger.progress import show_progress
with show_progress("folding") as report:
    for done in range({steps}):
        report(done + 1, {steps})
    print("served", file=sys.stderr, flush=True)
"""


def on_a_terminal(steps: int) -> str:
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", WORK.format(steps=steps)]
    with subprocess.Popen(command, stderr=follower, stdin=subprocess.DEVNULL) as process:
        os.close(follower)
        shown = b""
        try:
            while chunk := os.read(leader, 4096):
                shown += chunk
        except OSError:  # the other end is closed
            pass
    os.close(leader)
    assert process.returncode == 0
    return shown.decode()


@pytest.mark.parametrize("steps", [0, 1])
def test_nothing_is_shown_when_there_is_nothing_to_do(steps: int) -> None:
    assert on_a_terminal(steps) == "served\r\n"


def test_a_bar_goes_when_the_work_is_done() -> None:
    before, after = on_a_terminal(50_000).split("served")
    assert "folding" in before
    assert before.endswith("\x1b[?25h\r\x1b[1A\x1b[2K") or "\x1b[?25h" in before, "the cursor is shown again"
    assert after == "\r\n"


def test_plain_lines_elsewhere() -> None:
    command = [sys.executable, "-c", WORK.format(steps=1234)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "folding: 1,234 of 1,234 events\nserved\n"
