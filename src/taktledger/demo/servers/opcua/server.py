"""An OPC UA server without security, for loopback: anybody may read, and the hold output may be written."""

import asyncio
import gc
import logging
import socket
import threading
from contextlib import suppress
from datetime import UTC
from pathlib import Path

from asyncua import ua
from asyncua.common.callback import Callback, CallbackType, ServerItemCallback
from asyncua.crypto.permission_rules import SimpleRoleRuleset
from asyncua.crypto.security_policies import SecurityPolicyFactory, SecurityPolicyNone
from asyncua.server.binary_server_asyncio import OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.standard_address_space import standard_address_space
from asyncua.ua.attribute_ids import AttributeIds

from taktledger.demo.control import Control
from taktledger.demo.servers.opcua.nodes import (
    HEARTBEAT,
    HOLD,
    NAMESPACE,
    NAMESPACE_URI,
    PART_COUNT,
    VariableSpec,
    node,
    variables_of,
)
from taktledger.demo.servers.server import HOST

BEATS = 10
"""The heartbeat changes each time that so many values were published."""
UATCP = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"

# It would report every connection that ends without a farewell, which links that drop do all the time.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)


class _Nodes(InternalServer):
    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        """In a thread that the end of the process doesn't wait for."""
        loop = asyncio.get_running_loop()
        loaded: asyncio.Future[None] = loop.create_future()

        def end(error: Exception | None) -> None:
            if not loaded.done():
                loaded.set_exception(error) if error else loaded.set_result(None)

        def load() -> None:
            failed = None
            try:
                standard_address_space.fill_address_space(self.node_mgt_service)  # type: ignore[no-untyped-call]
            except Exception as error:
                failed = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(end, failed)

        threading.Thread(target=load, daemon=True).start()
        await loaded


class OpcUaServer:
    """Its port is open at once. Whoever connects is answered when the standard's own nodes are loaded, which takes most
    of a second."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._server = Server(_Nodes())
        self._policies = [
            SecurityPolicyFactory(  # type: ignore[no-untyped-call]
                SecurityPolicyNone,
                ua.MessageSecurityMode.None_,
                permission_ruleset=SimpleRoleRuleset(),  # type: ignore[no-untyped-call]
            )
        ]
        self._variables = [*variables_of(control.machine), VariableSpec(HEARTBEAT, "UInt16", self._beat)]
        self._ids = {each.name: ua.NodeId.from_string(node(each.name)) for each in self._variables}
        self._shown: dict[str, object] = {}
        self._published = 0
        self._socket: socket.socket | None = None
        self._listener: asyncio.Server | None = None
        self._clients: list[OPCUAProtocol] = []
        self._loading: asyncio.Task[None] | None = None
        self.was_read = False

    @property
    def listens(self) -> bool:
        return self._socket is not None

    async def listen(self, port: int) -> int:
        self._socket = socket.create_server((HOST, port))
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name="the nodes of an OPC UA server")
        elif self._is_loaded():
            await self._accept(self._socket)
        return int(self._socket.getsockname()[1])

    async def publish(self) -> None:
        self._published += 1
        if self._is_loaded():
            await self._show()

    def hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for client in list(self._clients):
            if client.transport is not None:
                client.transport.abort()

    def _is_loaded(self) -> bool:
        """Raises what went wrong with it."""
        if self._loading is None or not self._loading.done():
            return False
        self._loading.result()
        return True

    async def _load(self) -> None:
        server, machine = self._server, self._control.machine
        server.set_server_name(machine.name)
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        gc.disable()  # it would look through a growing heap again and again, for half of the time
        try:
            await server.init()
        finally:
            gc.enable()
        await server.set_application_uri(f"{NAMESPACE_URI}:{machine.source_name}")
        index = await server.register_namespace(NAMESPACE_URI)
        assert index == NAMESPACE
        parent = await server.nodes.objects.add_object(index, "Machine")
        for each in self._variables:
            value, kind = each.of(self._control), ua.VariantType[each.type]
            self._shown[each.name] = value
            made = await parent.add_variable(self._ids[each.name], ua.QualifiedName(each.name, index), value, kind)
            if each.name == HOLD:
                await made.set_writable()
        server.subscribe_server_callback(CallbackType.PostRead, self._was_asked)
        server.subscribe_server_callback(CallbackType.ItemSubscriptionCreated, self._was_asked)
        server.subscribe_server_callback(CallbackType.PostWrite, self._was_told)
        server.iserver.add_endpoint(self._endpoint())
        await server.iserver.start()
        await self._show()
        if self._socket is not None:
            await self._accept(self._socket)

    def _endpoint(self) -> ua.EndpointDescription:
        url = f"opc.tcp://{HOST}/"  # clients are told the address by which they came
        return ua.EndpointDescription(
            EndpointUrl=url,
            Server=ua.ApplicationDescription(
                ApplicationUri=self._server.get_application_uri(),
                ApplicationName=ua.LocalizedText(self._server.name),
                ApplicationType=ua.ApplicationType.Server,
                DiscoveryUrls=[url],
            ),
            SecurityMode=ua.MessageSecurityMode.None_,
            SecurityPolicyUri=SecurityPolicyNone.URI,
            UserIdentityTokens=[ua.UserTokenPolicy(PolicyId="anonymous", TokenType=ua.UserTokenType.Anonymous)],
            TransportProfileUri=UATCP,
        )

    async def _accept(self, listening: socket.socket) -> None:
        def protocol() -> OPCUAProtocol:
            return OPCUAProtocol(self._server.iserver, self._policies, self._clients, [], self._server.limits)

        self._listener = await asyncio.get_running_loop().create_server(protocol, sock=listening)

    async def _show(self) -> None:
        """Each value is looked up when it is written: somebody may hold the control meanwhile."""
        for each in self._variables:
            value = each.of(self._control)
            if value != self._shown[each.name]:
                await self._write(each, value)

    async def _write(self, variable: VariableSpec, value: object) -> None:
        self._shown[variable.name] = value
        now = ua.DateTime.now(UTC)
        shown = ua.DataValue(ua.Variant(value, ua.VariantType[variable.type]), SourceTimestamp=now, ServerTimestamp=now)
        await self._server.write_attribute_value(self._ids[variable.name], shown)

    def _beat(self, _: Control) -> int:
        return self._published // BEATS % 2**16

    def _was_asked(self, event: Callback, _: object) -> None:
        """Somebody has read values, or asked to be told of them."""
        if self.was_read or not isinstance(event, ServerItemCallback) or not event.is_external:
            return
        asked = event.request_params
        if isinstance(asked, ua.ReadParameters):
            wanted = asked.NodesToRead
        else:
            wanted = [each.ItemToMonitor for each in asked.ItemsToCreate]
        self.was_read = any(
            each.NodeId == self._ids[PART_COUNT] and each.AttributeId == AttributeIds.Value for each in wanted
        )

    async def _was_told(self, event: Callback, _: object) -> None:
        """Somebody has written. Only the hold output can be."""
        if not isinstance(event, ServerItemCallback) or not event.is_external:
            return
        for told, status in zip(event.request_params.NodesToWrite, event.response_params, strict=True):
            if told.NodeId == self._ids[HOLD] and status.is_good():
                if told.Value.StatusCode is None or told.Value.StatusCode.is_good():
                    self._control.held = told.Value.Value.Value is True
                self._shown[HOLD] = None  # so that it is shown as it is, and not as it was written
        await self._show()
