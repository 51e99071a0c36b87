"""Endpoints: those of each region, and the URLs that are read or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contact_groups.cloudmonitor.endpoints import (
    REGIONS,
    Endpoint,
    parse_endpoint,
    regional_endpoint,
)

ENDPOINTS = json.loads((Path(__file__).parents[2] / "data" / "endpoints.json").read_text())


@pytest.mark.parametrize("region", ENDPOINTS)
def test_endpoints_are_the_documented_ones(region: str) -> None:
    """Each region's public endpoint and, where there is one, its VPC endpoint are those that the
    vendor documents.
    """
    for network in ("public", "vpc"):
        endpoint = regional_endpoint(region, network)
        assert (endpoint and endpoint.host) == ENDPOINTS[region][network]
    assert region in REGIONS


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("HTTPS://Metrics.CN-Hangzhou.aliyuncs.com", "metrics.cn-hangzhou.aliyuncs.com", 443),
        ("https://xn--hst-sna.example:65535/", "xn--hst-sna.example", 65_535),
        ("https://1host", "1host", 443),
        ("https://192.0.2.7:1", "192.0.2.7", 1),
        ("https://[2001:DB8::1]:8443", "2001:db8::1", 8443),
        ("https://[::ffff:192.0.2.7]", "::ffff:192.0.2.7", 443),
        (f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}", None, 443),
        ("http://127.255.255.254", "127.255.255.254", 80),
        ("http://[0:0:0:0:0:0:0:1]", "0:0:0:0:0:0:0:1", 80),
        ("http://LOCALHOST:8001", "localhost", 8001),
    ],
)
def test_endpoints_that_are_read(url: str, host: str | None, port: int) -> None:
    """Names of RFC 1123 and addresses, in any case."""
    endpoint = parse_endpoint(url)

    assert (endpoint.host, endpoint.port) == (host or url[8:], port)


@pytest.mark.parametrize(
    "url",
    [
        *("", "https:", "https://", "https:///", "//host", "host", "ftp://host", "https:host"),
        *("https://a b", "https://a\tb", "https://a\nb", "https://host\n", "https://a\x00b"),
        *("https://[::1]evil", "https://evil[::1]", "https://[::1", "https://::1", "https://[]"),
        *("https://[::1]:", "https://[fe80::1%eth0]", "https://[fe80::1%25eth0]", "https://[host]"),
        *("https://[127.0.0.1]", "https://[1:2:3]", "https://[::1]]", "https://[v1.a]"),
        *(
            "https://host.",
            "https://.host",
            "https://a..b",
            "https://-a",
            "https://a-",
            "https://a-.b",
        ),
        *(
            "https://a_b",
            "https://a%62",
            "https://a\\b",
            "https://höst",
            "https://a。b",
            "https://*",
        ),
        *("https://127.1", "https://2130706433", "https://0x7f.1", "https://0x7f000001"),
        *("https://127.0.0.01", "https://1.2.3.256", "https://1.2.3.4.5", "https://host.1"),
        *("https://h:0", "https://h:65536", "https://h:99999999", "https://h:-1", "https://h:+1"),
        *("https://h:", "https://h:٣", "https://h:1:2", "https://h:80a", "https://h :80"),
        *("https://u@h", "https://u:p@h", "https://@h", "https://h@", "https://u%40h@x"),
        *("https://h/p", "https://h//", "https://h?", "https://h?q", "https://h#", "https://h/#f"),
        *("https://\u212aelvin", "http\u017f://h", f"https://{'a' * 64}"),
        f"https://{'.'.join(['a' * 63] * 4)}",
        *("http://127.1", "http://2130706433", "http://127.0.0.1.evil", "http://localhost.evil"),
        *("http://[7f00::1]", "http://[::2]", "http://128.0.0.1", "http://0.0.0.0", "http://[::]"),
    ],
)
def test_endpoints_that_are_refused(url: str) -> None:
    """Whatever is no scheme, host and port, word for word, is refused, and the error does not
    repeat it.
    """
    with pytest.raises(ValueError, match=r"^must ") as raised:
        parse_endpoint(url)

    assert len(url) < 10 or url not in str(raised.value)


def test_endpoints_show_their_port_only_where_needed() -> None:
    """The Host header is signed, so it must be exactly what is sent."""
    assert parse_endpoint("https://a:443") == Endpoint("https", "a", 443)
    assert parse_endpoint("https://a:443").authority == "a"
    assert parse_endpoint("https://a:8443").authority == "a:8443"
