"""Which network addresses a connection may be spoken to. Checked after name resolution, on the address
itself."""

import ipaddress
import socket
from collections.abc import Iterable

from hub.plugin.contracts import Connect, Deadline, Rejected, RetryLater

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6052: an IPv6 address that a translator turns into the IPv4 address in its last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# For protocols and documentation (IANA's special-purpose registries); not every release of Python knows it.
_SPECIAL: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100:0:0:1::/64", "3fff::/20", "5f00::/16"),
    )
)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks that an operator allows, such as `10.20.0.0/16` or `192.0.2.7`; ValueError names a wrong
    one."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise ValueError(f"{text.strip()!r} is no network; write for example 10.20.0.0/16") from None
    return tuple(networks)


def allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether the address may be connected to: public, or inside an allowed network.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, Teredo, NAT64) counts as that one.
    """
    real = _embedded(address)
    if any(real in network or address in network for network in networks):
        return True
    local = isinstance(real, ipaddress.IPv6Address) and real.is_site_local
    special = local or any(real in network for network in _SPECIAL)
    return real.is_global and not (real.is_multicast or real.is_reserved or special)


def _embedded(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def resolve(host: str, port: int, networks: Iterable[Network]) -> list[str]:
    """The addresses of a host that may be connected to, in the resolver's order; the others are left out.

    Raises RetryLater when the name cannot be resolved now, Rejected when no address is allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RetryLater(f"The name {host} cannot be resolved.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    networks = tuple(networks)
    good = [address for address in addresses if allowed(ipaddress.ip_address(address), networks)]
    if not good:
        raise Rejected(
            f"{host} leads to {', '.join(addresses)}, which is not a public address. "
            "If that is right, an admin can allow its network in the connection's settings."
        )
    return good


def connector_to(networks: Iterable[Network]) -> Connect:
    """`Ctx.connect` of a connection: connects to the very address that was checked, public or allowed."""
    reachable = tuple(networks)

    def connect(host: str, port: int, timeout: float) -> socket.socket:
        deadline = Deadline(timeout)
        failure: OSError = TimeoutError("it did not answer in time")
        for address in resolve(host, port, reachable):
            if deadline.left() > 0:
                try:
                    return socket.create_connection((address, port), deadline.left())
                except OSError as error:
                    failure = error
        raise failure

    return connect
