"""What every server of a simulated control can do, whatever protocol it speaks."""

from typing import Protocol

HOST = "127.0.0.1"


class ControlServer(Protocol):
    """One control on the network. What it shows changes when it is published, and when the control is held."""

    @property
    def was_read(self) -> bool:
        """Whether anybody has read the part counter yet."""

    @property
    def listens(self) -> bool:
        """Whether its port is open."""

    async def listen(self, port: int) -> int:
        """Opens this port, or with 0 any free one, and says which. Raises OSError if it is taken."""

    async def publish(self) -> None:
        """Shows what the control shows now. That must be saved before: nobody may see a count that could be lost."""

    def hang_up(self) -> None:
        """Closes the port and every connection at once, as if the cable was pulled. The control doesn't notice."""
