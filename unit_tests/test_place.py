"""The text that asks for a place: every word, and what cannot be meant."""

from __future__ import annotations

import pytest

from tinysine.errors import ConfigError
from tinysine.place import NEW_TWIN, AtPort, Attached, Wiring, read_place

PROBED = Wiring(probe="P")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (None, NEW_TWIN),
        ("twin", NEW_TWIN),
        ("auto", Attached(PROBED)),
        ("/dev/ttyACM0", AtPort("/dev/ttyACM0", PROBED)),
        ("COM3", AtPort("COM3", PROBED)),
        ("Twin", AtPort("Twin", PROBED)),
        ("socket://farm:4000", AtPort("socket://farm:4000", PROBED)),
    ],
)
def test_each_text_is_one_place(text: str | None, place: object) -> None:
    """Two words and no word have a meaning; anything else is a port, with the probe that was named."""
    assert read_place(text, source="--port", probe="P") == place


@pytest.mark.parametrize("text", ["", "nonsense://farm:4000", "spy:///dev/ttyACM0?file=/tmp/x"])
def test_what_cannot_be_meant_names_its_source(text: str) -> None:
    """A variable of a script that is not set, and URLs that pyserial does not know or that do more than open a port."""
    with pytest.raises(ConfigError) as caught:
        read_place(text, source="--port")
    assert caught.value.facts["key"] in ("--port", "port")


def test_a_new_twin_has_no_port_yet() -> None:
    """Evidence and messages take its port as they take any other place's."""
    assert NEW_TWIN.port == ""
