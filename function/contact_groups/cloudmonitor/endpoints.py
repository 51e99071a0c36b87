"""The endpoints of CloudMonitor: one for each region, or the one in CLOUDMONITOR_ENDPOINT."""

from __future__ import annotations

import contextlib
import re
import socket
from typing import NamedTuple

#: Regions with a documented endpoint inside VPCs (facts/cloudmonitor.md §6). A test compares them
#: with tests/data/endpoints.json.
VPC_REGIONS = frozenset(
    """
    ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2 ap-southeast-3
    ap-southeast-5 ap-southeast-6 ap-southeast-7 cn-beijing cn-beijing-finance-1 cn-chengdu
    cn-fuzhou cn-guangzhou cn-hangzhou cn-hangzhou-finance cn-heyuan cn-heyuan-acdr-1
    cn-hongkong cn-huhehaote cn-nanjing cn-qingdao cn-shanghai cn-shanghai-finance-1 cn-shenzhen
    cn-shenzhen-finance-1 cn-wuhan-lr cn-wulanchabu cn-zhangjiakou cn-zhengzhou-jva eu-central-1
    eu-west-1 me-central-1 me-east-1 na-south-1 us-east-1 us-southeast-1 us-west-1
""".split()
)

#: Every region for which the vendor's SDKs have an endpoint.
REGIONS = VPC_REGIONS | frozenset(
    """
    ap-southeast-8 cn-north-2-gov-1 cn-wulanchabu-gic-1 cn-zhongwei eu-west-2
""".split()
)


class Endpoint(NamedTuple):
    """A scheme, a host and a port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The Host header: the host, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The endpoint as a URL without a path."""
        return f"{self.scheme}://{self.authority}"


_PORTS = {"https": 443, "http": 80}


def regional_endpoint(region: str, network: str) -> Endpoint | None:
    """The endpoint of a known region on the `public` or `vpc` network; None if there is none.

    The hosts follow one pattern in every region (facts/cloudmonitor.md §6).
    """
    if network == "public":
        return Endpoint("https", f"metrics.{region}.aliyuncs.com", 443)
    return (
        Endpoint("https", f"metrics-vpc.{region}.aliyuncs.com", 443)
        if region in VPC_REGIONS
        else None
    )


def parse_endpoint(url: str) -> Endpoint:
    """Reads a URL such as `https://metrics.cn-hangzhou.aliyuncs.com` or `http://127.0.0.1:8001`.

    Raises:
        ValueError: the URL is not allowed. The text says what it must be, and does not repeat the
            URL, which may contain a password. Plain http is allowed for a loopback host only,
            because a call carries a signature and a security token.
    """
    found = re.fullmatch(_URL, url, re.ASCII | re.IGNORECASE)
    if found is None:
        raise ValueError(
            "must be a URL of scheme, host and port only, without user, path or query,"
            " such as https://metrics.cn-hangzhou.aliyuncs.com"
        )
    scheme, host = found["scheme"].lower(), found["host"].lower().strip("[]")
    port = _PORTS[scheme] if found["port"] is None else int(found["port"])
    if not _is_host(host):
        raise ValueError("must name its host by a DNS name or an IP address")
    if not 1 <= port <= 65_535:
        raise ValueError("must have a port from 1 to 65535")
    if scheme == "http" and not _is_loopback(host):
        raise ValueError(
            "must begin with https:// (plain http is allowed for a loopback host only)"
        )
    return Endpoint(scheme, host, port)


#: Used with fullmatch. urlsplit would drop line breaks and tabs, and read `[::1]evil` as `::1`.
_URL = r"(?P<scheme>https?)://(?P<host>\[[0-9a-f.]*:[0-9a-f:.]*\]|[0-9a-z.-]+)(?::(?P<port>[0-9]{1,5}))?/?"
#: RFC 1123, section 2.1.
_LABEL = "[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"


def _is_host(host: str) -> bool:
    """Whether it is an IP address, or a name that no resolver reads as an abbreviated IP address,
    such as `127.1` or `0x7f.1`.
    """
    if _address(host):
        return True
    name = re.fullmatch(rf"(?:{_LABEL}\.)*(?P<last>{_LABEL})", host)
    return (
        name is not None
        and len(host) <= 253
        and not re.fullmatch("[0-9]+|0x[0-9a-f]*", name["last"])
    )


def _is_loopback(host: str) -> bool:
    return (
        host == "localhost"
        or _address(host) == _address("::1")
        or (":" not in host and _address(host)[:1] == b"\x7f")
    )


def _address(host: str) -> bytes:
    """The bytes of an IP address; empty for anything else."""
    with contextlib.suppress(OSError):
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    return b""
