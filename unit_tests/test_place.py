"""The text that asks for a place: every word, and what cannot be meant."""

from __future__ import annotations

import pytest

from tinysine.errors import ConfigError
from tinysine.place import NEW_TWIN, AtLabgrid, AtPort, Attached, Wiring, read_place

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
        ("labgrid:b1", AtLabgrid("b1", wiring=PROBED)),
        ("labgrid:rack-2.b1", AtLabgrid("rack-2.b1", wiring=PROBED)),
        ("labgrid:board=nano33ble", AtLabgrid(tags=(("board", "nano33ble"),), wiring=PROBED)),
        (
            "labgrid:soc=nrf52840,board=nano33ble",
            AtLabgrid(tags=(("board", "nano33ble"), ("soc", "nrf52840")), wiring=PROBED),
        ),
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


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", "neither a name nor tags"),
        ("//b1", "is no tag=value"),
        ("two words", "is no tag=value"),
        ("-b1", "is no tag=value"),
        ("b1/b2", "is no tag=value"),
        ("board=", "is no tag=value"),
        ("b=x", "no tag 'b': a small letter first, then at least one"),
        ("a=b,a=c", "no tag 'a': a small letter first, then at least one"),
        ("Board=x", "no tag 'Board'"),
        ("board=x y", "the value 'x y' of board has more than"),
        ("board=x=y", "the value 'x=y' of board has more than"),
        ("board=x,", "is no tag=value"),
        ("board=x,b1", "is no tag=value"),
        ("board=x,board=y", "names the tag board twice"),
    ],
)
def test_a_place_of_labgrid_is_a_name_or_tags(asked: str, told: str) -> None:
    """A place that labgrid would never match, or match by a part of its name, is refused early."""
    with pytest.raises(ConfigError, match=told):
        read_place(f"labgrid:{asked}", source="--port")


def test_a_place_of_labgrid_is_shown_as_it_is_asked_for() -> None:
    """The text stands for the port until the place is acquired; it is read back as the same place."""
    for text in ("labgrid:b1", "labgrid:board=x,soc=y"):
        place = read_place(text, source="--port")
        assert isinstance(place, AtLabgrid)
        assert place.port == text
        assert read_place(place.port, source="--port") == place


def test_a_new_twin_has_no_port_yet() -> None:
    """Evidence and messages take its port as they take any other place's."""
    assert NEW_TWIN.port == ""
