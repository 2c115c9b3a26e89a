"""The address of a chat server, and with it the only host that anything is sent to."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from mammoscribe.support.errors import InputError, InvalidNoun

EXAMPLE = "an address such as http://localhost:8000/v1"
COMPLETIONS = "/chat/completions"


@dataclass(frozen=True)
class Endpoint:
    """Where a chat server listens.

    Args:
        host: a name or an IP address, without brackets.
        port: of the server.
        path: what stands before `/chat/completions`, such as `/v1`; "" for nothing.
        encrypted: whether it is reached by https.

    Raises:
        InvalidNoun: without a host, or with a port that is none.
    """

    host: str
    port: int
    path: str = "/v1"
    encrypted: bool = False

    def __post_init__(self) -> None:
        if not self.host or not 0 < self.port < 65536:
            raise InvalidNoun(f"a chat server at {self.host!r}, port {self.port}", "a host and a port from 1 to 65535")

    @property
    def place(self) -> str:
        """`localhost:8000`."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """`http://localhost:8000/v1`."""
        return f"{'https' if self.encrypted else 'http'}://{self.place}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine: `localhost` (RFC 6761 section 6.3) or a loopback address."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return self.host.lower().rstrip(".") == "localhost"
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return (mapped or address).is_loopback


def endpoint_of(text: str) -> Endpoint:
    """The endpoint of an address; one that ends with `/chat/completions` is taken without it.

    Raises:
        InputError: for an address that is not http or https, has no host, or holds a password, a query or blanks.
    """
    found = f"the chat endpoint {_without_password(text)!r}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InputError(f"{found} ({error})", EXAMPLE) from error
    if parts.username is not None or parts.password is not None:
        raise InputError(f"{found} holds a user or a password", EXAMPLE, "give a key in MAMMOSCRIBE_CHAT_KEY")
    if not _is_plain(text, parts):
        raise InputError(found, EXAMPLE)
    encrypted = parts.scheme.lower() == "https"
    path = parts.path.rstrip("/").removesuffix(COMPLETIONS).rstrip("/")
    if port == 0:
        raise InputError(found, EXAMPLE)
    return Endpoint(parts.hostname or "", port or (443 if encrypted else 80), path, encrypted)


def _without_password(text: str) -> str:
    """The address as it may be printed."""
    before, at, behind = text.rpartition("@")
    return f"...@{behind}" if at and "//" in before else text


def _is_plain(text: str, parts: SplitResult) -> bool:
    """Whether an address is a scheme, a host and a path of visible ASCII characters, and nothing else."""
    visible = text.isascii() and text.isprintable() and not set(text) & set(" \\\"'<>{}|^`")
    known = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    return visible and known and not parts.query and not parts.fragment
