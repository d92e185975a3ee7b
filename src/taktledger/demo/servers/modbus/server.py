"""A Modbus/TCP server: the registers answer from the image that was published last."""

import asyncio
import logging

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from taktledger.demo.control import Control
from taktledger.demo.servers.modbus.registers import HOLD, READ_HOLDING, UNIT, WRITE_COIL, WRITE_COILS, image_of
from taktledger.demo.servers.server import HOST

# It would show the bytes of every request whose client has hung up meanwhile.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class ModbusServer:
    def __init__(self, control: Control) -> None:
        self._control = control
        self._heartbeat = 0
        self._image = image_of(control, 0)
        self._server: ModbusTcpServer | None = None
        self.was_read = False

    @property
    def listens(self) -> bool:
        return self._server is not None

    async def listen(self, port: int) -> int:
        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        holding = [SimData(0, count=len(self._image.holding), datatype=DataType.REGISTERS)]
        inputs = [SimData(0, count=len(self._image.input), datatype=DataType.REGISTERS)]
        device = SimDevice(UNIT, simdata=(bits, bits, holding, inputs), action=self._answer)
        server = ModbusTcpServer(device, address=(HOST, port))
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(f"port {port} is taken") from error
        self._server = server
        assert isinstance(server.transport, asyncio.Server)
        return int(server.transport.sockets[0].getsockname()[1])

    async def publish(self) -> None:
        self._heartbeat += 1
        self._image = image_of(self._control, self._heartbeat)

    def hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _answer(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by the server for each request, with the registers from which it will answer."""
        if values is not None:
            if function not in (WRITE_COIL, WRITE_COILS) or (address, len(values)) != (HOLD, 1):
                return ExcCodes.ILLEGAL_FUNCTION  # nobody tells these controls anything else
            self._control.held = bool(values[0])
            self._image = image_of(self._control, self._heartbeat)
            return None
        shown = self._image.of(function)
        registers[: len(shown)] = shown
        self.was_read = self.was_read or function == READ_HOLDING
        return None
