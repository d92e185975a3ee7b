"""kill -9, at named points and at random moments: what was acknowledged is there, once, and so are its rows."""

import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import takt_projections.files
from crash.child import POINTS, numbers_in, request_of
from street import assert_sound, events, street_on
from taktledger.ledger.writer import Answer

CHILD = Path(__file__).with_name("child.py")
KILLED = -9


class Child:
    """The process that will be killed."""

    def __init__(self, data: Path, point: str = "never") -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, CHILD, data, point], stdin=pipe, stdout=pipe, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        assert self.stdout.readline() == "ready\n"

    def send(self, lines: list[str]) -> None:
        with suppress(BrokenPipeError):  # it may have died already
            self.stdin.write("".join(f"{line}\n" for line in lines))
            self.stdin.flush()

    def kill_after(self, lines: int, seconds: float) -> list[str]:
        """Waits until so many lines are acknowledged, and so long. Says what was acknowledged."""
        said = [self.stdout.readline() for _ in range(lines)]
        time.sleep(seconds)
        self.process.kill()
        return [line.strip() for line in said] + self.acknowledged()

    def acknowledged(self) -> list[str]:
        """What it says until it is dead."""
        with suppress(BrokenPipeError):
            self.stdin.close()
        said = self.stdout.read().splitlines(keepends=True)
        self.stdout.close()
        self.process.wait(60)
        return [line.strip() for line in said if line.endswith("\n")]


def _groups(first: int, count: int, chance: random.Random) -> list[str]:
    """Lines of one to four numbers each."""
    lines: list[str] = []
    while count > 0:
        size = min(count, chance.randint(1, 4))
        lines.append(" ".join(str(first + each) for each in range(size)))
        first, count = first + size, count - size
    return lines


def _numbers(lines: list[str]) -> set[int]:
    return {int(number) for line in lines if line != "rebuild" for number in line.split()}


def check(data: Path, sent: set[int], acknowledged: set[int]) -> None:
    """Opens what is left, looks, and repeats what nobody said had been done."""
    with street_on(data) as street:
        found = numbers_in(events(street.ledger))
        assert len(found) == len({*found}), "something is there twice"
        assert acknowledged <= {*found} <= sent
        assert_sound(street)
        unknown = sorted(sent - acknowledged)
        again = [request_of(number, street) for number in unknown]
        for number, answer in zip(unknown, street.write(*again), strict=True):
            assert isinstance(answer, Answer), answer
            assert (answer.replayed or answer.repeated == 3) == (number in found)
        assert numbers_in(events(street.ledger)) == sorted(sent)
        assert_sound(street)
        left = sorted(each.name for each in takt_projections.files.folder(data).iterdir())
        current = street.models._file.path.name
        assert [each for each in left if not each.startswith(current)] == []
        assert (data / "readmodel.db").resolve() == street.models._file.path.resolve()


@pytest.mark.parametrize("point", [point for point in POINTS if point != "never"])
def test_killed(tmp_path: Path, point: str) -> None:
    lines = [*_groups(0, 36, random.Random(1)), "rebuild", *_groups(36, 9, random.Random(2))]
    child = Child(tmp_path, point)
    child.send(lines)
    acknowledged = child.acknowledged()
    assert child.process.returncode == KILLED, "it never came to this point"
    assert acknowledged == lines[: len(acknowledged)]
    assert 0 < len(acknowledged) < len(lines)
    assert "rebuild" not in acknowledged
    check(tmp_path, _numbers(lines[: len(acknowledged) + 1]) or {0}, _numbers(acknowledged))


def _random_kills(data: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    done: set[int] = set()
    for turn in range(rounds):
        lines = _groups(len(done), 60, chance)
        for _ in range(2):
            lines.insert(chance.randint(0, len(lines)), "rebuild")
        child = Child(data)
        child.send(lines)
        until, pause = chance.randint(0, len(lines) - 5), chance.choice((0.0, 0.005)) * chance.random()
        acknowledged = child.kill_after(until, pause)
        print(f"seed {seed}, kill {turn}: {pause:.4f} s after line {until}; {len(acknowledged)} acknowledged")
        assert child.process.returncode == KILLED
        sent = done | _numbers(lines)
        check(data, sent, done | _numbers(acknowledged))
        done = sent


def test_killed_at_random_moments(tmp_path: Path) -> None:
    _random_kills(tmp_path, 8, seed=20_261_121)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_killed_at_random_moments_for_long(tmp_path: Path, seed: int) -> None:
    _random_kills(tmp_path, 25, seed)


def test_a_child_that_is_not_killed_does_it_all(tmp_path: Path) -> None:
    lines = [*_groups(0, 30, random.Random(3)), "rebuild", *_groups(30, 9, random.Random(4))]
    child = Child(tmp_path)
    child.send(lines)
    assert child.acknowledged() == lines
    assert child.process.returncode == 0
    check(tmp_path, _numbers(lines), _numbers(lines))
