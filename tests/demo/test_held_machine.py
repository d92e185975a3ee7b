"""A hold really stops a machine: a simulated control, the edge and the ledger, each a process that may be killed."""

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import Control, Json, Shop
from taktledger.demo.shop import shop_toml

pytestmark = pytest.mark.long

MACHINE = "mill-1"
STILL_SECONDS = 5.0


class HeldShop(Shop):
    """With one machine that is looked at."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, pace=0.1)
        ports = {MACHINE: self.ports[MACHINE]}
        self.config.write_text(shop_toml(ports))
        self.control = Control(tomllib.loads(shop_toml(ports))["machine"][0])

    def close(self) -> None:
        super().close()
        self.control.close()

    def machine(self) -> Json:
        return self.machines()[MACHINE]

    def waits_for_parts(self) -> None:
        before = self.control.part_count()
        self.until(lambda: self.control.part_count() > before)

    def stands_still(self) -> None:
        """The part that was being made may be counted at the moment of the hold, and none after it."""
        time.sleep(0.3)
        before = self.control.part_count()
        time.sleep(STILL_SECONDS)
        assert self.control.held()
        assert self.control.part_count() == before


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[HeldShop]:
    shop = HeldShop(tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def line(shop: HeldShop) -> HeldShop:
    """The ledger with an edge beside it, and a machine that makes parts."""
    shop.start_ledger("--config", str(shop.config))
    shop.until(lambda: shop.get("/api/parts/"))
    return shop


def report(what: str, seconds: float) -> None:
    """For people: `pytest -s`. No test goes by it."""
    print(f"{what}: {seconds:.2f} s")


def through_all_kills(line: HeldShop) -> None:
    """From when the machine is held: whoever is killed, it stays so."""
    line.stands_still()
    line.kill("ledger")
    line.stands_still()
    line.start_ledger("--config", str(line.config))
    line.stands_still()
    line.kill("floor")
    line.start_floor()
    report("a restarted control is held again", line.until(line.control.held))
    line.stands_still()


def test_a_hold_stops_the_machine_until_it_is_released(line: HeldShop) -> None:
    machine = line.machine()["id"]
    hold = line.send("PUT", f"/api/machines/{machine}/holds", reason="look at the spindle")
    report("held by the API", line.until(line.control.held))
    line.until(lambda: line.events("MachineHoldOutputWritten"))
    through_all_kills(line)
    line.send("PATCH", f"/api/machines/holds/{hold['id']}", end=time.time())
    report("released by the API", line.until(lambda: not line.control.held()))
    line.waits_for_parts()
    line.until(lambda: line.events("MachineHoldOutputWritten")[-1]["data"] == {"machine_id": machine, "held": False})
    # What the edge says of it, in order: held, held again since the control had lost it, released.
    said = [each["data"]["held"] for each in line.events("MachineHoldOutputWritten")]
    assert said == [True, True, False]


def test_a_hold_without_an_edge_is_an_alert_until_there_is_one(shop: HeldShop) -> None:
    shop.start_ledger()
    shop.start_edge()
    shop.until(lambda: shop.get("/api/parts/"))
    shop.kill("edge")
    machine = shop.machine()["id"]
    shop.send("PUT", f"/api/machines/{machine}/holds", reason="look at the spindle")

    def alerts() -> list[tuple[str, bool]]:
        found = [each for each in shop.get("/api/alerts/").values() if each["kind"] == "hold"]
        return [(each["data"]["error"], each["dismissed"]) for each in found]

    report("an alert", shop.until(alerts))
    assert alerts() == [("its edge is not heard", False)]
    assert not shop.control.held()
    shop.start_edge()
    report("held by the edge that is back", shop.until(shop.control.held))
    shop.until(lambda: alerts() == [("its edge is not heard", True)])
    shop.until(lambda: shop.events("MachineHoldOutputWritten"))
    assert len(shop.events("MachineEdgeLost")) == 1


def test_a_worn_critical_tool_stops_the_machine_until_it_is_replaced(line: HeldShop) -> None:
    machine = line.machine()["id"]
    process = line.send("PUT", "/api/processes/", machine_id=machine, name="Flange")["id"]
    for program in line.get("/api/programs/"):
        line.send("PATCH", f"/api/programs/{program}", process_id=process)
    assembly = line.send("PUT", "/api/tools/assemblies/", name="Reamer", process_id=process, location=1)["id"]
    tool = line.send("PUT", "/api/tools/", name="Reamer", assembly_id=assembly, part_life=2, is_critical=True)["id"]
    line.until(lambda: line.get("/api/machines/holds/"))
    report("held for the tool", line.until(line.control.held))
    (hold,) = line.get("/api/machines/holds/")
    assert hold["reason"] == "'Reamer' is past its life: 3 of 2 parts"
    through_all_kills(line)
    line.send("PATCH", f"/api/tools/{tool}", part_life=1000)
    line.send("POST", f"/api/tools/{tool}/replace")
    report("released by the replacement", line.until(lambda: not line.control.held()))
    line.waits_for_parts()
    assert [each["id"] for each in line.get("/api/machines/holds/", end=0)] == []


def test_the_machine_is_released_on_time_while_the_ledger_is_away(shop: HeldShop) -> None:
    """And one that begins meanwhile holds it. The ledger learns later when that was."""
    shop.start_ledger()
    shop.start_edge()
    shop.until(lambda: shop.get("/api/parts/"))
    machine, now = shop.machine()["id"], time.time()
    first = shop.send("PUT", f"/api/machines/{machine}/holds", end=now + 6)
    second = shop.send("PUT", f"/api/machines/{machine}/holds", start=now + 10, end=now + 14)
    shop.until(shop.control.held)
    shop.until(lambda: shop.events("MachineHoldOutputWritten"))
    shop.kill("ledger")
    seen: list[tuple[bool, float]] = []
    for held in (False, True, False):
        shop.until(lambda held=held: shop.control.held() is held)
        seen.append((held, time.time()))
    shop.waits_for_parts()
    shop.start_ledger()
    shop.until(lambda: len(shop.events("MachineHoldOutputWritten")) == 4)
    told = shop.events("MachineHoldOutputWritten")[1:]
    assert [each["data"]["held"] for each in told] == [False, True, False]
    for event, (_, at), due in zip(told, seen, (now + 6, now + 10, now + 14), strict=True):
        report("too late by", at - due)
        assert due <= event["occurred_at"] <= at + 1
        assert event["recorded_at"] > now + 14
    ended = {each["data"]["hold_id"]: each["occurred_at"] for each in shop.events("HoldEnded")}
    assert ended == {first["id"]: first["end"], second["id"]: second["end"]}
