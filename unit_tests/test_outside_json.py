"""JSON from outside is read within bounds, or refused as what it is."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.outside_json import MOST_LEVELS, NotJson, read_json, read_json_file, read_json_object

DEEP = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        '{"a":' * DEEP,
        "[" * DEEP + "]" * DEEP,
        "[" * (MOST_LEVELS + 2) + "]" * (MOST_LEVELS + 2),
        "1" * 10_000,
        "NaN",
        "[Infinity]",
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": 123456789012345678901}',
        '{"a": 1, "b": 2, "a": 1}',
        "",
        "{",
        b"\xff\xfe",
        b'"\xff"',
        "\0",
    ],
)
def test_bad_json_is_one_error(text: str | bytes) -> None:
    """Nothing but NotJson, of one line."""
    with pytest.raises(NotJson) as caught:
        read_json(text)
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_text_is_a_value_or_an_error(text: str | bytes) -> None:
    """No other exception comes out."""
    with contextlib.suppress(NotJson):
        read_json(text)


def test_long_text_is_refused_unread() -> None:
    """The bound is the caller's."""
    with pytest.raises(NotJson, match="more than the 10"):
        read_json("[1, 2, 3, 4]", most_bytes=10)


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null"])
def test_an_object_is_demanded(text: str) -> None:
    """Another kind of value is refused where an object is needed."""
    with pytest.raises(NotJson, match="no object"):
        read_json_object(text)


def test_a_level_that_is_allowed_is_read() -> None:
    """Evidence and the like are far below the bound."""
    assert read_json("[" * MOST_LEVELS + "]" * MOST_LEVELS)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Neither a pipe that nobody writes to nor a device without an end is read."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file in (pipe, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_json_file(file)


def test_a_file_is_read(tmp_path: Path) -> None:
    """An object comes back as a dictionary."""
    (tmp_path / "a.json").write_text('{"a": [1]}')
    assert read_json_file(tmp_path / "a.json") == {"a": [1]}
