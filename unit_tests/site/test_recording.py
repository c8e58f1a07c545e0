"""The recorded terminal: the page is what its script wrote, and says what a PASS says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_has_every_command_with_its_answer() -> None:
    """In their order; the first ends in a PASS of all 256 inputs, a failure has its exit code."""
    spec = importlib.util.spec_from_file_location("recording", ROOT / "docs" / "site" / "recording.py")
    assert spec is not None
    assert spec.loader is not None
    recording = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recording)
    blocks = re.findall(
        r"^```\n\$ (.*)\n((?:.*\n)*?)```$", recording.PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert tuple(command for command, _ in blocks) == recording.COMMANDS
    assert max(len(line) for _, answer in blocks for line in answer.splitlines()) <= recording.WIDTH
    said = {command: re.sub(r"\n {6,}", " ", answer) for command, answer in blocks}
    first, *rows = said[recording.COMMANDS[0]].splitlines()
    assert re.fullmatch(r"PASS  .* \(emulated\): 256 of 256 outputs equal to litert", first)
    assert {"outputs", "against", "latency", "memory", "proved"} <= {row[2:11].strip() for row in rows}
    assert said[recording.COMMANDS[1]].count("\n") == 1
    for answer in said.values():
        assert answer.strip()
        assert "Traceback" not in answer
        assert "\x1b" not in answer
        assert ("error: " in answer) == ("$ echo $?\n" in answer)
