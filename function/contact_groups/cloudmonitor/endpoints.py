"""Where CloudMonitor answers: its endpoint in each region, or the one that CLOUDMONITOR_ENDPOINT
names.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

#: Regions whose endpoint inside VPCs is documented (facts/cloudmonitor.md §6; a test
#: compares them with tests/data/endpoints.json).
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

#: Every region that the vendor's SDKs know an endpoint of.
REGIONS = VPC_REGIONS | frozenset(
    """
    ap-southeast-8 cn-north-2-gov-1 cn-wulanchabu-gic-1 cn-zhongwei eu-west-2
""".split()
)


class Endpoint(NamedTuple):
    """A scheme, a host and a port; nothing else of a URL is allowed."""

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
    """The endpoint of a known region on the `public` or `vpc` network; None where that network has
    none.

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
        ValueError: saying what it must be. Plain http is refused unless the host is
            loopback: the call carries a signature and a security token.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("must be a URL such as https://metrics.cn-hangzhou.aliyuncs.com") from None
    if parts.scheme not in _PORTS or not parts.hostname or not parts.hostname.isascii():
        raise ValueError("must be a URL such as https://metrics.cn-hangzhou.aliyuncs.com")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a scheme, a host and a port only, without user, path or query")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(
            "must begin with https:// (plain http is allowed for a loopback host only)"
        )
    return Endpoint(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def _is_loopback(host: str) -> bool:
    if host in {"localhost", "::1"}:
        return True
    octets = host.split(".")
    return (
        len(octets) == 4
        and octets[0] == "127"
        and all(octet.isdigit() and int(octet) < 256 for octet in octets)
    )
