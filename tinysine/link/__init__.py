"""Requests and replies as frames over a serial port; docs/protocol.md specifies the bytes."""

from tinysine.link.answers import (
    Counters,
    DeviceMemory,
    FaultKind,
    FaultRecord,
    Stage,
)
from tinysine.link.diagnosis import Diagnosis, diagnose
from tinysine.link.frames import FrameReader, decode_frame, encode_frame
from tinysine.link.handshake import await_path
from tinysine.link.identity import DeviceTensor, Identity
from tinysine.link.port_urls import checked_url
from tinysine.link.ports import DEFAULT_BAUD, Port, SerialPort, port_holders
from tinysine.link.requests import Capability, Counter, Request, Status
from tinysine.link.session import Session
from tinysine.link.stats import LinkStats
from tinysine.link.timing import Timing

__all__ = [
    "DEFAULT_BAUD",
    "Capability",
    "Counter",
    "Counters",
    "DeviceMemory",
    "DeviceTensor",
    "Diagnosis",
    "FaultKind",
    "FaultRecord",
    "FrameReader",
    "Identity",
    "LinkStats",
    "Port",
    "Request",
    "SerialPort",
    "Session",
    "Stage",
    "Status",
    "Timing",
    "await_path",
    "checked_url",
    "decode_frame",
    "diagnose",
    "encode_frame",
    "port_holders",
]
