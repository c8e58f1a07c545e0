"""Diagnosis: what came instead of an answer is named, not guessed."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.link import diagnose
from tinysine.testing.fake_device import stuff, wrap

# A busy machine is no bug.
unhurried = settings(suppress_health_check=[HealthCheck.too_slow])

NONCE = b"abcd"
RANDOM = random.Random(4)
CASES = [
    (b"", "silence", "not one byte"),
    (b"Hello from Arduino!\r\nx=1\r\n", "text", "Hello from Arduino!"),
    ("22 °C, 41 %\r\n".encode(), "text", "22 °C"),
    (b"\x1b[0mBooting Zephyr\r\n", "text", "Booting Zephyr"),
    (bytes(RANDOM.choices([0x80, 0xFE, 0xE6, 0x78, 0x9E, 0xF8], k=90)), "garbage", "garbage"),
    (b"\0" + stuff(b"another protocol \0 of COBS frames") + b"\0", "frames", "another protocol"),
    (b"\xc0\x01\x90\x91\xf2\xc0\xc0\x02\x90\x91\xf2\xc0", "frames", "another protocol"),
    (b"\x7e\xff\x03\xc0\x21\x7e", "frames", "another protocol"),
    (wrap(NONCE + b"\x00\x01"), "echo", "came back"),
    (wrap(b"wxyz\x00\x81\x00payload"), "foreign", "somebody else"),
    (wrap(NONCE + b"\x00\x81\x00payload")[:7], "begun", "its end did not come"),
    (wrap(NONCE + b"\x00\x81\x00payload")[:-1], "begun", "its end did not come"),
    (b"boot\r\n" + wrap(NONCE + b"\x00\x81\x00payload")[:5], "begun", "its end did not come"),
    (wrap(NONCE + b"\x00\x81\x00payload"), "late", "earlier requests"),
    (wrap(NONCE + b"\x00\x82\x00payload").replace(b"payload", b"paxload"), "damaged", "failed their check"),
    (b"boot\r\n" + wrap(NONCE + b"\x00\x82\x00payload").replace(b"payload", b"paxload"), "damaged", "check"),
]


@pytest.mark.parametrize(("received", "kind", "words"), CASES)
def test_diagnosis_names_what_came(received: bytes, kind: str, words: str) -> None:
    """Each kind of wrong bytes gets its own name, a sentence that shows it, and a hint."""
    seen = diagnose(received, nonce=NONCE)
    assert seen.kind == kind
    assert words in seen.what
    assert seen.hint


@unhurried
@given(st.binary(max_size=600))
def test_diagnosis_never_fails_and_is_silent_only_about_silence(received: bytes) -> None:
    """Any bytes get a diagnosis; one that fits on a few lines."""
    seen = diagnose(received, nonce=NONCE)
    assert (seen.kind == "silence") == (not received)
    assert len(seen.what) < 1000
