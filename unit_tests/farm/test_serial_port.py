"""From a place's resources to a URL."""

from __future__ import annotations

from typing import Any

import pytest

from tinysine.errors import BenchError
from tinysine.farm.serial_port import has_power, serial_line
from tinysine.link import checked_url


def line(*, avail: bool = True, extra: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    """A serial line as the helper tells it."""
    facts = {"host": "bench1", "port": 4000, "protocol": "raw", **params}
    return {"cls": "NetworkSerialPort", "avail": avail, "params": facts, "extra": extra or {}}


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        (line(), "socket://bench1:4000"),
        (line(protocol="rfc2217"), "rfc2217://bench1:4000?ign_set_control"),
        (line(protocol=None), "rfc2217://bench1:4000?ign_set_control"),  # as labgrid's own ser2net has it
        (line(host="10.0.0.7"), "socket://10.0.0.7:4000"),
        (line(host="fe80::1"), "socket://[fe80::1]:4000"),
    ],
)
def test_url_is_one_that_pyserial_takes(resource: dict[str, Any], url: str) -> None:
    """Plain bytes and RFC 2217, by name and by address."""
    found = serial_line([resource], place="b1")
    assert found.url() == checked_url(url)
    assert found.exporter == found.host


def test_isolated_exporters_are_reached_through_their_proxy() -> None:
    """If labgrid demands a proxy, the line is forwarded through it, and programs run on the proxy."""
    found = serial_line([line(extra={"proxy": "gate", "proxy_required": True})], place="b1")
    assert (found.proxy, found.exporter) == ("gate", "gate")
    assert found.url(host="127.0.0.1", port=5) == "socket://127.0.0.1:5"
    direct = serial_line([line(extra={"proxy": "gate", "proxy_required": False})], place="b1")
    assert (direct.proxy, direct.exporter) == ("", "bench1")


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ([], "no NetworkSerialPort"),
        ([line(), line()], "2 NetworkSerialPorts"),
        ([line(avail=False)], "available no"),
        ([line(port=None)], "port none"),
        ([line(port=70000)], "not there"),
        ([line(port="4000")], "not there"),
        ([line(host="")], "host none"),
        ([line(host="-oProxyCommand=x")], "not there"),
        ([line(host="a b")], "not there"),
        ([{"cls": "NetworkSerialPort"}], "not there"),
    ],
)
def test_a_line_that_is_not_there_is_a_bench_failure(resources: list[dict[str, Any]], told: str) -> None:
    """An acquired place need not have a port; and a host becomes an argument of ssh."""
    with pytest.raises(BenchError, match=told):
        serial_line(resources, place="b1")


def test_power_is_what_labgrid_can_switch() -> None:
    """By the class of a resource."""
    assert has_power([line(), {"cls": "NetworkPowerPort"}])
    assert not has_power([line()])
