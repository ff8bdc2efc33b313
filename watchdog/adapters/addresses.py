"""Which addresses a request may go to, as far as the text of the address tells."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

# What stands here answers with the machine's own credentials to whoever asks.
_METADATA = frozenset({"metadata.google.internal", "metadata.goog", "fd00:ec2::254"})
# Parsers disagree about these, so that one could check another host than is then asked.
_AMBIGUOUS = re.compile(r"[^!-~]|\\")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def unfit(url: str) -> str | None:
    """Why `url` must not be asked, with what to write instead; None when it may be.

    Looks nothing up: a name that leads to such an address is not seen here.
    """
    if _AMBIGUOUS.search(url):
        return "holds a space, a backslash or a letter beyond ASCII: write it encoded"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return f"is no address: {error}"
    if parts.scheme not in {"http", "https"} or not host:
        return "is no address of HTTP: it begins with http:// or https:// and a host"
    if "@" in parts.netloc:
        return "holds a user or password: use auth, which takes them from a secret"
    if "%" in parts.netloc:
        return "has a % in its host: write the host plainly"
    if _is_off_limits(host.rstrip(".")):
        return f"goes to {host}, a link-local or metadata address: no step may ask those"
    return None


def _is_off_limits(host: str) -> bool:
    if host in _METADATA:
        return True
    address = _numeric(host)
    if address is None:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    return address.is_link_local or str(address) in _METADATA


def _numeric(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # The resolver takes 2852039166 and 0xa9.254.43518, too, for an IPv4 address.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
