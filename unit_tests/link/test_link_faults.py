"""The campaign over faulty lines: a slice of it passes, and each check of the link that is left out is found."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cobs import cobs

from tinysine.link import Request, diagnosis, frames
from tinysine.link.deadlines import Patience
from trust.link_faults import run_seeds, table_of
from trust.link_faults.firmware import FIRMWARE, Firmware, build_library
from trust.link_faults.kinds import KINDS
from trust.link_faults.trials import NAMES, TimedSession

SLICE = 12 * len(NAMES)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    """The C link in this process."""
    return Firmware(build_library(tmp_path_factory.mktemp("link")))


@pytest.fixture
def broken_firmware(tmp_path: Path, request: pytest.FixtureRequest) -> Firmware:
    """The C link with one text of frame.c replaced by another."""
    sources = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, sources, ignore=shutil.ignore_patterns("ports", "arduino", "engine"))
    file = sources / "link" / "frame.c"
    before, after = request.param
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))
    return Firmware(build_library(tmp_path, firmware=sources))


def seeds_of(kind: str, count: int = 60) -> range:
    """The first trials of a kind of fault."""
    return range(NAMES.index(kind), count * len(NAMES), len(NAMES))


def test_a_slice_of_the_campaign_finds_nothing(firmware: Firmware) -> None:
    """Hundreds of trials: no wrong answer, no late call, no vague error; a good line needs no repetition."""
    assert len(KINDS) >= 20
    found = run_seeds(firmware, range(SLICE))
    assert [example for tally in found.values() for example in tally.examples] == []
    assert all(tally.trials == SLICE // len(NAMES) for tally in found.values())
    assert found["none"].clean == found["none"].trials
    assert sum(tally.recovered for tally in found.values()) > 0.7 * SLICE
    assert found["line half open"].refused.total() > 0.5 * found["line half open"].trials
    assert f"| **all** | {SLICE:,} " in table_of(found)


def test_a_trial_is_repeatable(firmware: Firmware) -> None:
    """A seed decides everything."""
    seeds = range(2 * len(NAMES))
    assert run_seeds(firmware, seeds) == run_seeds(firmware, seeds)


class SkipsHead(TimedSession):
    """Believes any well-formed reply."""

    def _answer_among(self, found: list[bytes], expected: bytes) -> bytes | None:
        return super()._answer_among(found, expected[:0])


class SkipsNonce(TimedSession):
    """Believes replies of other sessions."""

    def _answer_among(self, found: list[bytes], expected: bytes) -> bytes | None:
        return super()._answer_among([expected[:4] + content[4:] for content in found], expected)


class SkipsSequence(TimedSession):
    """Believes replies to other requests of this session."""

    def _answer_among(self, found: list[bytes], expected: bytes) -> bytes | None:
        return super()._answer_among([c[:4] + expected[4:5] + c[5:] for c in found], expected)


class WritesWithoutEnd(TimedSession):
    """Waits for a full buffer however late it is."""

    def _write(self, data: bytes, deadline: float) -> bytes:
        return super()._write(data, deadline + 3.0)


class AsksAgainAnew(TimedSession):
    """Gives up at once and asks again under a new sequence number, which the device takes for another question."""

    def _exchange(self, request: Request, payload: bytes, patience: Patience, **options: Any) -> bytes:
        try:
            return super()._exchange(request, payload, Patience(patience.timeout_s / 2, 1e9), **options)
        except Exception:
            return super()._exchange(request, payload, Patience(patience.timeout_s / 2, 1e9), **options)


@pytest.mark.parametrize(
    ("session", "kind", "found_as", "trials"),
    [
        (SkipsHead, "earlier reply replayed", "unspecific", 60),
        (SkipsNonce, "reply of another session", "wrong", 60),
        (SkipsSequence, "reply with another sequence", "wrong", 60),
        (SkipsSequence, "earlier reply replayed", "wrong", 400),  # seldom as long as the right one
        (WritesWithoutEnd, "flow stalled", "late", 60),
        (AsksAgainAnew, "frame lost", "twice", 60),
    ],
)
def test_a_careless_session_is_found(
    firmware: Firmware, session: type[TimedSession], kind: str, found_as: str, trials: int
) -> None:
    """A session that leaves out one check gives wrong answers, ends late or asks twice, and the campaign sees it."""
    found = run_seeds(firmware, seeds_of(kind, trials), session=session)[kind]
    assert getattr(found, found_as) > 0
    assert found.examples


@pytest.fixture
def without_crc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host that does not check the CRC."""

    def believe(chunk: bytes) -> bytes:
        try:
            return bytes(cobs.decode(chunk))[: -frames.CRC_BYTES]
        except cobs.DecodeError as error:
            raise frames.FrameCorrupt("not COBS") from error

    monkeypatch.setattr(frames, "decode_frame", believe)
    return


@pytest.mark.usefixtures("without_crc")
@pytest.mark.parametrize("kind", ["bit flipped", "right head, CRC of something else"])
def test_a_host_without_a_crc_is_found(firmware: Firmware, kind: str) -> None:
    """Damaged answers are taken for answers, and the campaign sees it."""
    assert run_seeds(firmware, seeds_of(kind))[kind].wrong > 0


def test_a_vague_error_is_found(firmware: Firmware, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error without a hint or a diagnosis counts as a fault."""
    nothing = diagnosis.Diagnosis("silence", "", "")
    monkeypatch.setattr("tinysine.link.session.diagnose", lambda *_args, **_options: nothing)
    assert run_seeds(firmware, seeds_of("line half open", 10))["line half open"].unspecific > 0


@pytest.mark.parametrize(
    ("broken_firmware", "kind", "found_as"),
    [
        (("bool same = ts_link.reply_length != 0;", "bool same = false;"), "frame lost", "twice"),
        (
            ("ts_crc32(0, ts_link.request, ts_link.length) == TS_CRC32_RESIDUE", "true"),
            "bit flipped",
            "wrong",
        ),
    ],
    ids=["runs repeated requests again", "no CRC"],
    indirect=["broken_firmware"],
)
def test_careless_firmware_is_found(broken_firmware: Firmware, kind: str, found_as: str) -> None:
    """A device that leaves out one check is seen by the campaign, too."""
    assert getattr(run_seeds(broken_firmware, seeds_of(kind))[kind], found_as) > 0
