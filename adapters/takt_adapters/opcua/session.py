"""One connection with a server, from its certificate to its subscription. A session that failed is never used again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509

from takt_adapters.adapter import AdapterError, BadAnswer
from takt_adapters.opcua import security
from takt_adapters.opcua.inbox import Inbox
from takt_adapters.opcua.nodes import Namespace, parse_node, parse_path
from takt_adapters.opcua.settings import OpcuaSettings, Place
from takt_adapters.opcua.transport import BoundedClient

PUBLISHING_MS = 200.0
SAMPLING_MS = 100.0
QUEUE = 20
"""Changes of one value that the server keeps until it publishes them."""
KEEPALIVE_COUNT = 10
KEEPALIVE_MS = 2000.0
"""After so long without a change the server says that there was none."""
LIFETIME_COUNT = 150
"""After so many publishing intervals without us, a server drops the subscription."""
PACE_SECONDS = 0.02
"""Between two messages of a subscription: a server that publishes without a break must not take all of our time."""
SILENT_SECONDS = 3.0
"""A server that says nothing for so long is dead or frozen."""
SESSION_MS = 30_000
"""After so long without us, a server drops the session."""
CHANNEL_MS = 3_600_000
ROOT = ua.NodeId.from_string("i=84")
NAMESPACES = ua.NodeId.from_string("i=2255")
START_TIME, CURRENT_TIME = ua.NodeId.from_string("i=2257"), ua.NodeId.from_string("i=2258")
HIERARCHICAL = ua.NodeId.from_string("i=33")


class Session:
    def __init__(self, settings: OpcuaSettings, clock: Callable[[], float], latest: Collection[int]) -> None:
        """Of the handles in `latest` only the last value matters."""
        self._settings, self._clock = settings, clock
        self._client = BoundedClient(settings.url, settings.timeout_seconds)
        self._pin = security.Pin(settings)
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()
        self._silent_seconds = SILENT_SECONDS
        self.inbox = Inbox(latest)

    async def open(self) -> None:
        """Raises AdapterError. No password or signature of a user is sent before the server's certificate is known."""
        settings, client = self._settings, self._client
        identity = None
        if settings.certificate is not None and settings.private_key is not None:
            identity = security.load_identity(settings.certificate, settings.private_key, "certificate")
            presented = self._pin.known() or await self._discover()
            policy = security.POLICIES[settings.security_policy]
            secured = policy(presented, identity.certificate, identity.key, self._mode)
            client.security_policy = secured  # type: ignore[assignment]  # asyncua takes the default's type for it
            client.uaclient.set_security(secured)
            client.application_uri = identity.application_uri
        client.name = client.description = "Taktledger"
        client.product_uri = "urn:taktledger"
        client.session_timeout = SESSION_MS
        client.secure_channel_timeout = CHANNEL_MS
        async with self._asked():
            await client.connect_socket()
        async with self._asked():
            await client.send_hello()
        try:
            async with self._asked():
                await client.open_secure_channel()
            async with self._asked():
                await client.create_session()
        except AdapterError:
            if identity is not None:
                # Many servers say nothing at all then. What they show in the open may say why.
                with suppress(NoAnswer):
                    await self._discover()
            raise
        self._renew_at = self._clock() + client.secure_channel_timeout * 0.75e-3
        await self._activate()

    async def _activate(self) -> None:
        settings, client = self._settings, self._client
        if settings.server_certificate is not None:
            presented = _first_certificate(client.security_policy.peer_certificate or b"")
            self._pin.check(presented)
            self._pin.keep(presented)
        password = certificate = None
        if settings.user_certificate is not None and settings.user_private_key is not None:
            user = security.load_identity(settings.user_certificate, settings.user_private_key, "user_certificate")
            client.user_private_key, certificate = user.key, user.certificate
        if settings.password_file is not None:
            token_policy = client.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri
            security.check_password_is_safe(self._mode, token_policy)
            password = security.load_password(settings.password_file)
        async with self._asked("log in: "):
            await client.activate_session(settings.user, password, certificate)

    @property
    def _mode(self) -> ua.MessageSecurityMode:
        if not self._settings.is_secure:
            return ua.MessageSecurityMode.None_
        return ua.MessageSecurityMode[self._settings.security_mode or "SignAndEncrypt"]

    async def _discover(self) -> x509.Certificate:
        """Asks over a connection of its own, without security. Raises AdapterError for what isn't to be trusted."""
        client, settings = BoundedClient(self._settings.url, self._settings.timeout_seconds), self._settings
        try:
            async with self._asked():
                await client.connect_socket()
            async with self._asked():
                await client.send_hello()
            async with self._asked():
                await client.open_secure_channel()
            async with self._asked():
                endpoints = await client.get_endpoints()
        finally:
            await client.end()
        wanted = security.POLICIES[settings.security_policy].URI
        for each in endpoints or ():
            if (each.SecurityPolicyUri, each.SecurityMode) == (wanted, self._mode) and each.ServerCertificate:
                certificate = _first_certificate(each.ServerCertificate)
                self._pin.check(certificate)
                return certificate
        offered = sorted(
            {f"{each.SecurityPolicyUri.rpartition('#')[2]} {each.SecurityMode.name.rstrip('_')}" for each in endpoints}
        )
        raise AdapterError(
            f"the server does not offer {settings.security_policy} {self._mode.name},"
            f" but {', '.join(offered) or 'nothing'}"
        )

    async def resolve(self, places: Mapping[str, Place]) -> dict[str, ua.NodeId | None]:
        """The node of each place. None: there is none. Raises AdapterError."""
        nodes: dict[str, ua.NodeId | None] = {}
        paths: dict[str, ua.RelativePath | None] = {}
        index = await self._namespaces(places)
        for name, place in places.items():
            if place.node is not None:
                namespace, identifier = parse_node(place.node)
                found = index(namespace)
                nodes[name] = None if found is None else ua.NodeId.from_string(f"ns={found};{identifier}")
            else:
                paths[name] = _relative_path(
                    [(index(each.namespace), each.name) for each in parse_path(place.path or "")]
                )
        known = {name: path for name, path in paths.items() if path is not None}
        if known:
            async with self._asked():
                results = await self._client.translate_browsepaths(ROOT, known.values())
            for name, result in zip(known, results, strict=True):
                targets = result.Targets if result.StatusCode.is_good() else None
                nodes[name] = _local(targets[0].TargetId) if targets else None
        return {name: nodes.get(name) for name in places}

    async def _namespaces(self, places: Mapping[str, Place]) -> Callable[[Namespace], int | None]:
        """Namespace -> its index at this server. It is asked only if a place names one by its URI."""
        used = [parse_node(each.node).namespace for each in places.values() if each.node is not None]
        used += [name.namespace for each in places.values() if each.path is not None for name in parse_path(each.path)]
        known: dict[Namespace, int] = {}
        if any(isinstance(each, str) for each in used):
            (value,) = await self.read([NAMESPACES])
            uris = value.Value.Value if value.Value is not None else None
            known = {uri: number for number, uri in reversed(list(enumerate(uris or ())))}
        return lambda namespace: namespace if isinstance(namespace, int) else known.get(namespace)

    async def read(
        self, nodes: Sequence[ua.NodeId], attribute: AttributeIds = AttributeIds.Value
    ) -> list[ua.DataValue]:
        """One request. Raises AdapterError."""
        wanted = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in nodes]
        async with self._asked():
            values = await self._client.uaclient.read(
                ua.ReadParameters(MaxAge=0, TimestampsToReturn=ua.TimestampsToReturn.Source, NodesToRead=wanted)
            )
        if values is None or len(values) != len(nodes):
            raise BadAnswer(f"the answer has {len(values or ())} values instead of {len(nodes)}")
        return values

    async def may_write(self, node: ua.NodeId) -> bool:
        """By what the server says of it, if it says anything. Raises AdapterError."""
        (level,) = await self.read([node], AttributeIds.UserAccessLevel)
        bits = level.Value.Value if level.Value is not None else None
        return not isinstance(bits, int) or bool(bits & ua.AccessLevel.CurrentWrite.mask)

    async def write(self, node: ua.NodeId, value: ua.Variant) -> None:
        """Raises BadAnswer if the server refuses it, AdapterError if it doesn't answer."""
        async with self._asked():
            (status,) = await self._client.uaclient.write_attributes([node], [ua.DataValue(value)])
        if not status.is_good():
            raise BadAnswer(f"the server refuses to write it: {status.name}")

    async def watch(self, nodes: Mapping[int, ua.NodeId]) -> None:
        """From now on their changes come into the inbox, by handle. Raises AdapterError."""
        uaclient = self._client.uaclient
        wanted = ua.CreateSubscriptionParameters(PUBLISHING_MS, LIFETIME_COUNT, KEEPALIVE_COUNT, 0, True, 0)
        async with self._asked():
            made = await uaclient.create_subscription(wanted, self._published)
        self.inbox.heard_at = self._clock()
        interval, keepalive = made.RevisedPublishingInterval, made.RevisedMaxKeepAliveCount
        if interval * keepalive > KEEPALIVE_MS:  # this server has intervals of its own
            fitting = ua.ModifySubscriptionParameters(
                made.SubscriptionId, interval, made.RevisedLifetimeCount, max(1, int(KEEPALIVE_MS / interval)), 0, 0
            )
            async with self._asked():
                changed = await uaclient.modify_subscription(fitting)
            interval, keepalive = changed.RevisedPublishingInterval, changed.RevisedMaxKeepAliveCount
        self._silent_seconds = max(SILENT_SECONDS, interval * keepalive * 1.5e-3)
        items = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    handle, SAMPLING_MS, QueueSize=1 if handle in self.inbox.latest else QUEUE
                ),
            )
            for handle, node in nodes.items()
        ]
        if not items:
            return  # which a server would take for a mistake
        parameters = ua.CreateMonitoredItemsParameters(made.SubscriptionId, ua.TimestampsToReturn.Source, items)
        async with self._asked():
            results = await uaclient.create_monitored_items(parameters)
        if len(results or ()) != len(items):
            raise BadAnswer(f"the server answers for {len(results or ())} nodes instead of {len(items)}")
        for result in results:
            if not result.StatusCode.is_good():
                raise AdapterError(f"the server refuses to report changes: {result.StatusCode.name}")

    async def _published(self, result: ua.PublishResult) -> None:
        """The next message is asked for when this returns."""
        try:
            self.inbox.take(result, self._clock())
        except Exception:  # asyncua would only log it
            self.inbox.overrun = True
        with suppress(AdapterError):  # the next poll finds out
            await self._renew()
        await asyncio.sleep(PACE_SECONDS)

    async def check(self) -> None:
        """Raises AdapterError if this session is over, or the server silent for too long."""
        if not self._client.is_open:
            raise AdapterError(f"{self._server} closed the connection")
        if self.inbox.ended is not None:
            raise AdapterError(f"{self._server} ended the subscription: {self.inbox.ended}")
        if self._is_silent():
            await asyncio.sleep(0.1)  # we may have been busy ourselves, and what it said still waits to be read
            if self._is_silent():
                raise AdapterError(f"{self._server} is silent for more than {self._silent_seconds:g} s")
        await self._renew()

    async def _renew(self) -> None:
        """The channel, before it ends. Polls may be further apart than it lasts."""
        async with self._renewing:
            if self._clock() > self._renew_at:
                async with self._asked():
                    await self._client.open_secure_channel(renew=True)
                self._client.uaclient.revolve_security_token()
                self._renew_at = self._clock() + self._client.secure_channel_timeout * 0.75e-3

    def _is_silent(self) -> bool:
        return self._clock() - self.inbox.heard_at > self._silent_seconds

    async def close(self) -> None:
        await self._client.end()

    @property
    def _server(self) -> str:
        return self._settings.url.removeprefix("opc.tcp://")

    @asynccontextmanager
    async def _asked(self, what: str = "") -> AsyncIterator[None]:
        """Around one request: its time is limited, and whatever goes wrong becomes an AdapterError."""
        seconds = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise NoAnswer(f"{what}no answer from {self._server} within {seconds:g} s") from error
        except UaStatusCodeError as error:
            raise BadAnswer(f"{what}{self._server} answers with {ua.StatusCode(error.code).name}") from error
        except OSError as error:
            raise AdapterError(f"{what}no connection to {self._server}") from error
        except AdapterError:
            raise
        except Exception as error:
            raise BadAnswer(f"{what}{self._server} says what can't be understood ({type(error).__name__})") from error


class NoAnswer(AdapterError):
    """A request took too long."""


def _relative_path(names: Sequence[tuple[int | None, str]]) -> ua.RelativePath | None:
    elements = []
    for index, name in names:
        if index is None:
            return None
        elements.append(
            ua.RelativePathElement(
                ReferenceTypeId=HIERARCHICAL,
                IsInverse=False,  # type: ignore[arg-type]  # asyncua calls bool Boolean
                TargetName=ua.QualifiedName(name, index),
            )
        )
    return ua.RelativePath(elements)


def _local(node: ua.NodeId) -> ua.NodeId:
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


def _first_certificate(chain: bytes) -> x509.Certificate:
    """Servers may send theirs with those that signed it. Raises AdapterError."""
    length = int.from_bytes(chain[2:4], "big") + 4
    try:
        return x509.load_der_x509_certificate(chain[:length])
    except ValueError as error:
        raise BadAnswer("the server's certificate can't be read") from error
