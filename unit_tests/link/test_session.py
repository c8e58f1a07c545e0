"""Sessions: whatever the wire does, an answer is right or an error comes before the deadline."""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.errors import DeviceError, FrameCorrupt, LinkTimeout, StaleReply
from tinysine.link import Request, Session, Status
from tinysine.link.deadlines import SENDINGS, Patience, patience_for
from tinysine.testing import FakeClock, FakeDevice, FakeLine
from tinysine.testing.fake_device import wrap

TIMEOUT_S = 2.0
LATE_S = 0.001  # the fake wire overshoots a wait by a microsecond, and a session waits more than once


class Weather:
    """Applies one drawn mishap to each thing that passes on the wire, and none once they are used up."""

    def __init__(self, mishaps: list[tuple[str, int, float]]) -> None:
        self.mishaps = list(mishaps)
        self.seen: list[bytes] = []

    def __call__(self, data: bytes) -> list[tuple[float, bytes]]:
        """Return what arrives, and how much later."""
        if not data:
            return [(0.0, data)]
        kind, number, delay_s = self.mishaps.pop(0) if self.mishaps else ("pass", 0, 0.001)
        self.seen.append(data)
        place = number % len(data)
        flipped = data[:place] + bytes([data[place] ^ (1 << number % 8)]) + data[place + 1 :]
        noise = bytes((number * step) % 256 for step in range(1, 1 + number % 40))
        return {
            "pass": [(0.001, data)],
            "drop": [],
            "duplicate": [(0.001, data), (delay_s, data)],
            "corrupt": [(0.001, flipped)],
            "delay": [(delay_s, data)],
            "cut": [(0.001, data[:place])],
            "lose": [(0.001, data[:place] + data[place + 1 :])],
            "split": [(0.001, data[:place]), (0.002, data[place:])],
            "text": [(0.001, b"temperature 21.5\r\n" + data)],
            "noise": [(0.001, noise + data + noise)],
            "stale": [(0.001, self.seen[number % len(self.seen)]), (delay_s, data)],
            "foreign": [(0.001, wrap(b"else" + bytes([number % 256, 0x82, 0]) + b"wrong")), (0.002, data)],
            "refused": [(0.001, wrap(b"else" + bytes([number % 256, 0x82, 4, 1]))), (0.002, data)],
        }[kind]


KINDS = [
    "pass",
    "drop",
    "duplicate",
    "corrupt",
    "delay",
    "cut",
    "lose",
    "split",
    "text",
    "noise",
    "stale",
    "foreign",
    "refused",
]
MISHAPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 5000), st.floats(0.0, 2 * TIMEOUT_S)), max_size=12
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(MISHAPS, MISHAPS, st.lists(st.integers(-128, 127), min_size=1, max_size=8))
def test_session_answer_is_right_or_an_error_in_time(
    there: list[tuple[str, int, float]], back: list[tuple[str, int, float]], codes: list[int]
) -> None:
    """No mishap of the wire, in either direction, turns into a wrong answer or a wait beyond the deadline."""
    clock = FakeClock()
    wire = FakeLine(FakeDevice(), clock)
    wire.to_device, wire.to_host = Weather(there), Weather(back)
    session = Session(wire, timeout_s=TIMEOUT_S, clock=clock)
    for code in codes:
        values = np.array([[code]], np.int8)
        began = clock()
        reply = None
        with contextlib.suppress(LinkTimeout):
            reply = session.request(Request.INFER, values.tobytes())
        assert reply in (None, wire.device.expected(values).tobytes())
        assert clock() - began <= TIMEOUT_S + LATE_S
    assert session.stats.retries <= (SENDINGS - 1) * len(codes)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(MISHAPS, MISHAPS)
def test_session_works_again_once_the_wire_is_well(
    there: list[tuple[str, int, float]], back: list[tuple[str, int, float]]
) -> None:
    """After any weather, resync and one more request give the right answer."""
    clock = FakeClock()
    wire = FakeLine(FakeDevice(), clock)
    wire.to_device, wire.to_host = Weather(there), Weather(back)
    session = Session(wire, timeout_s=TIMEOUT_S, clock=clock)
    for _ in range(len(there) + len(back)):
        with contextlib.suppress(LinkTimeout):
            session.request(Request.COUNTERS)
    wire.to_device = wire.to_host = lambda data: [(0.001, data)]
    clock.pause(10 * TIMEOUT_S)  # whatever was under way has arrived
    session.resync(timeout_s=TIMEOUT_S)
    assert session.handshake(timeout_s=TIMEOUT_S).endswith(b"fake\0host\0")
    assert session.request(Request.INFER, b"\1") == bytes([10])


def dropping(session_wire: FakeLine, count: int) -> None:
    """Lose the next replies."""
    left = [count]

    def lose(data: bytes) -> list[tuple[float, bytes]]:
        left[0] -= 1
        return [] if left[0] >= 0 else [(0.001, data)]

    session_wire.to_host = lose


def test_session_repeats_an_idempotent_request_once_and_says_so(wire: FakeLine, session: Session) -> None:
    """One lost reply costs one counted retry, with the same nonce and sequence."""
    dropping(wire, 1)
    assert session.request(Request.INFER, b"\1") == bytes([10])
    assert (session.stats.requests, session.stats.retries) == (1, 1)
    assert len(wire.device.frames) == 2
    assert wire.device.frames[0] == wire.device.frames[1]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_session_survives_several_losses(
    wire: FakeLine, session: Session, clock: FakeClock, lost: int
) -> None:
    """A request is sent again until the deadline; each repetition is counted."""
    dropping(wire, lost)
    began = clock()
    assert session.request(Request.INFER, b"\1") == bytes([10])
    assert session.stats.retries == lost
    assert clock() - began == pytest.approx(lost * 2.0 / SENDINGS, abs=0.01)


def test_session_gives_up_at_the_deadline(wire: FakeLine, session: Session, clock: FakeClock) -> None:
    """If every reply is lost, the timeout comes on time."""
    dropping(wire, 1000)
    began = clock()
    with pytest.raises(LinkTimeout):
        session.request(Request.INFER, b"\1")
    assert clock() - began == pytest.approx(2.0, abs=LATE_S)
    assert len(wire.device.frames) == SENDINGS


def test_patience_grows_with_bytes_and_work() -> None:
    """The deadline and the interval follow the size of what is asked; a small request gets the base."""
    small = patience_for(sent_bytes=1, reply_bytes=1, baud=115200, work_s=0.0, base_s=5.0)
    assert small.timeout_s == pytest.approx(5.0, abs=0.05)
    large = patience_for(sent_bytes=30000, reply_bytes=30000, baud=9600, work_s=0.0, base_s=5.0)
    assert large.resend_s > 2 * 60000 * 10 / 9600  # it is not repeated while it may still be on its way
    assert large.timeout_s - 3 * large.resend_s > 60000 * 10 / 9600  # and the last one can still be answered
    slow = patience_for(sent_bytes=1, reply_bytes=1, baud=115200, work_s=10.0, base_s=5.0)
    assert (slow.resend_s > 20, slow.timeout_s > 80) == (True, True)
    slowest = patience_for(sent_bytes=1, reply_bytes=1, baud=115200, work_s=1e6, base_s=5.0)
    assert slowest.timeout_s < 130  # whatever the last one took


def test_blocked_repetition_does_not_end_late(wire: FakeLine, session: Session, clock: FakeClock) -> None:
    """A repetition that the port does not take costs no time beyond the deadline."""
    wire.to_device = lambda _: []
    wire.accepts = len(_frame_of_one_byte(session))
    began = clock()
    with pytest.raises(LinkTimeout) as caught:
        session.request(Request.INFER, b"\1")
    assert caught.value.diagnosis == "silence"  # the first sending went out
    assert clock() - began <= 2.0 + LATE_S


def test_answer_is_taken_while_a_repetition_is_blocked(wire: FakeLine, session: Session) -> None:
    """A port that is full in one direction still delivers in the other."""
    wire.to_host = lambda data: [(0.7, data)]
    wire.accepts = len(_frame_of_one_byte(session)) + 3
    assert session.request(Request.INFER, b"\1") == bytes([10])


def _frame_of_one_byte(session: Session) -> bytes:
    return wrap(session._nonce + bytes([session._sequence, Request.INFER, 1]))


def test_timeout_says_what_the_board_did_before(wire: FakeLine, session: Session, clock: FakeClock) -> None:
    """Silence after answers is another message than silence from the start."""
    for code in range(3):
        session.request(Request.INFER, bytes([code]))
    dropping(wire, 1000)
    clock.pause(0.5)
    with pytest.raises(
        LinkTimeout, match=r"it answered 3 requests before, the last 2\.5 s earlier"
    ) as caught:
        session.request(Request.INFER, b"\1")
    assert caught.value.answered == 3
    assert "fault record" in caught.value.hint
    assert "flash" not in caught.value.hint


def test_patience_of_a_timeout_spreads_the_sendings() -> None:
    """Without more knowledge, the usual number of sendings is spread over the timeout."""
    assert Patience.of(2.0) == Patience(2.0, 0.5)


@pytest.mark.parametrize(("request_", "payload"), [(Request.RESET, b""), (Request.DEMO, b"\1")])
def test_session_never_repeats_what_is_not_idempotent(
    wire: FakeLine, session: Session, request_: Request, payload: bytes
) -> None:
    """RESET and DEMO are sent once, reply or none."""
    dropping(wire, 1)
    with pytest.raises(LinkTimeout):
        session.request(request_, payload)
    assert len(wire.device.frames) == 1
    assert session.stats.retries == 0


def test_session_ignores_the_reply_to_an_earlier_question(wire: FakeLine, session: Session) -> None:
    """A reply that comes a request late is counted as stale, and the right one is taken."""
    wire.to_host = lambda data: [(3.0, data)]
    with pytest.raises(LinkTimeout):
        session.request(Request.INFER, b"\1")
    wire.to_host = lambda data: [(1.5, data)]
    assert session.request(Request.INFER, b"\2", timeout_s=4.0) == bytes([13])
    assert (
        session.stats.stale == 2
    )  # to two of the first one's sendings; those to the others are still on their way


def test_session_counts_answers_to_somebody_else(wire: FakeLine, session: Session) -> None:
    """Once it was answered itself: before, they may be what an earlier program had asked for. Own old ones are none."""
    theirs = wrap(b"else" + bytes([7, 0x82, 0]))
    kept: list[bytes] = []
    wire.to_host = lambda data: (kept.append(data), [(0.001, data)])[1]
    for foreign in (0, 1):
        wire.arrive(theirs)
        session.request(Request.IDENTIFY)
        assert session.stats.foreign == foreign
    session.resync()
    wire.arrive(kept[0])
    session.request(Request.IDENTIFY)
    assert (session.stats.foreign, session.stats.stale) == (1, 3)


def test_session_does_not_believe_a_reply_256_requests_old(wire: FakeLine, session: Session) -> None:
    """If the sequence number wraps, the nonce changes, so that a very late reply stays foreign."""
    kept: list[bytes] = []
    wire.to_host = lambda data: (kept.append(data), [(0.001, data)])[1]
    for code in range(256):
        session.request(Request.INFER, bytes([code]))
    wire.arrive(kept[0])
    assert session.request(Request.INFER, b"\7") == bytes([28])
    assert session.stats.stale == 1
    assert len({frame[:4] for frame in wire.device.frames}) == 2


def test_session_does_not_believe_its_own_request_echoed(wire: FakeLine, session: Session) -> None:
    """Joined RX and TX are named as such."""
    wire.to_device = lambda data: (wire.arrive(data), [])[1]
    with pytest.raises(LinkTimeout, match="our own requests came back") as caught:
        session.request(Request.IDENTIFY)
    assert caught.value.diagnosis == "echo"


@pytest.mark.parametrize(
    ("arrives", "diagnosis", "words"),
    [
        (b"", "silence", "not one byte came"),
        (b"Blink example v2\r\n", "text", "Blink example v2"),
        (bytes([0x80, 0xE6, 0x9E, 0xF8] * 20), "garbage", "80 e6 9e f8"),
        (b"\xc0\x01\x90\x91\xf2\xc0", "frames", "frames of another protocol"),
    ],
)
def test_timeout_says_what_came_instead(
    wire: FakeLine, session: Session, arrives: bytes, diagnosis: str, words: str
) -> None:
    """Silence, text, garbage and foreign frames are four different messages with the facts attached."""
    wire.to_device = lambda _: []
    if arrives:
        wire.arrive(arrives, delay_s=0.2)
    with pytest.raises(LinkTimeout, match=words) as caught:
        session.request(Request.IDENTIFY, timeout_s=1.0)
    error = caught.value
    assert (error.port, error.request, error.timeout_s) == ("wire", "IDENTIFY", 1.0)
    assert (error.received, error.diagnosis) == (arrives, diagnosis)
    assert error.hint


def test_timeout_ends_even_while_bytes_pour_in(wire: FakeLine, session: Session, clock: FakeClock) -> None:
    """A babbling device cannot hold the host beyond the deadline."""
    wire.to_device = lambda _: []
    for step in range(5000):
        wire.arrive(b"\x99" * 50, delay_s=step / 1000)
    began = clock()
    with pytest.raises(LinkTimeout):
        session.request(Request.IDENTIFY, timeout_s=1.0)
    assert clock() - began <= 1.0 + LATE_S


def test_timeout_is_raised_from_what_was_rejected(wire: FakeLine, session: Session) -> None:
    """The last reply that was not believed is the error's cause."""
    wire.to_host = lambda _: [(0.001, wrap(b"else\0\x82\0x"))]
    with pytest.raises(LinkTimeout) as caught:
        session.request(Request.INFER, b"\1")
    assert isinstance(caught.value.__cause__, StaleReply)
    assert caught.value.diagnosis == "foreign"


@pytest.mark.parametrize("size", [1, 2000])
def test_timeout_says_that_an_answer_came_in_a_trickle(size: int) -> None:
    """A device that is too slow is no garbage, however long its answer is."""
    clock = FakeClock()
    wire = FakeLine(FakeDevice(payload_max=2000), clock)
    session = Session(wire, timeout_s=TIMEOUT_S, clock=clock)
    session.request(Request.IDENTIFY)
    every_s = 1.5 * TIMEOUT_S / (size + 16)
    wire.to_host = lambda data: [(every_s * place, data[place : place + 1]) for place in range(len(data))]
    wire.to_device = lambda data: [] if wire.device.frames[1:] else [(0.0, data)]
    with pytest.raises(LinkTimeout, match="an answer began, and its end did not come") as caught:
        session.request(Request.INFER, bytes(range(1, 101)) * (size // 100) or b"1")
    assert caught.value.diagnosis == "begun"
    assert "more time" in caught.value.hint


def test_timeout_after_damaged_replies_is_called_damaged(wire: FakeLine, session: Session) -> None:
    """Replies that fail their check are told apart from silence."""
    wire.to_host = lambda data: [(0.001, data[:-3] + bytes([data[-3] ^ 4]) + data[-2:])]
    with pytest.raises(LinkTimeout, match="failed their check") as caught:
        session.request(Request.INFER, b"\1")
    assert isinstance(caught.value.__cause__, FrameCorrupt)
    assert session.stats.corrupt == SENDINGS


def test_device_that_does_not_read_is_a_timeout(wire: FakeLine, session: Session, clock: FakeClock) -> None:
    """A write that cannot finish ends at the deadline."""
    wire.accepts = 3
    began = clock()
    with pytest.raises(LinkTimeout, match="took only 3 of") as caught:
        session.request(Request.INFER, b"\1")
    assert caught.value.diagnosis == "blocked"
    assert clock() - began <= 2.0 + LATE_S


def test_refusal_is_a_device_error_with_its_facts(wire: FakeLine, session: Session) -> None:
    """A status other than 0 carries status, request and detail."""
    wire.device.refuse[2] = (4, b"\x05")
    with pytest.raises(DeviceError, match="ENGINE") as caught:
        session.request(Request.INFER, b"\1")
    error = caught.value
    assert (error.status, error.request, error.detail) == (Status.ENGINE, Request.INFER, 5)


def test_handshake_waits_for_a_booting_board_without_counting_retries(
    wire: FakeLine, session: Session, clock: FakeClock
) -> None:
    """A board that is deaf for 600 ms answers soon after, and nothing is counted as a retry."""
    awake_at = clock() + 0.6
    wire.to_device = lambda data: [(0.0, data)] if clock() >= awake_at else []
    session.handshake(timeout_s=5.0)
    assert clock() < awake_at + 0.5
    assert session.stats.retries == 0


@pytest.mark.parametrize(
    ("up_s", "timeout_s"), [(1.9, 8.0), (5.0, 8.0), (8.0, 15.0), (7.9, 8.1), (14.7, 15.0)]
)
def test_handshake_meets_a_board_whenever_it_comes_up(
    wire: FakeLine, session: Session, clock: FakeClock, up_s: float, timeout_s: float
) -> None:
    """A board is met soon after it is up, at any moment before the deadline."""
    began = clock()
    wire.to_device = lambda data: [(0.0, data)] if clock() >= began + up_s else []
    session.handshake(timeout_s=timeout_s)
    assert clock() - began <= min(up_s + 0.4, timeout_s)


def test_handshake_asks_steadily_and_once_at_the_end(
    wire: FakeLine, session: Session, clock: FakeClock
) -> None:
    """Requests go out at a steady rate, a capped number of them, and a last one shortly before the deadline."""
    began = clock()
    asked: list[float] = []
    wire.to_device = lambda _: (asked.append(clock() - began), [])[1]
    with pytest.raises(LinkTimeout, match=r"within 3\.1 s"):
        session.handshake(timeout_s=3.1)
    gaps = np.diff(asked[:-1])
    assert gaps.min() == pytest.approx(0.25, abs=0.01)
    assert gaps.max() == pytest.approx(0.25, abs=0.01)
    assert asked[-1] == pytest.approx(2.9, abs=0.01)
    assert clock() - began == pytest.approx(3.1, abs=LATE_S)


def test_handshake_lets_a_board_answer_what_it_kept_while_it_booted(
    wire: FakeLine, session: Session, clock: FakeClock
) -> None:
    """Requests that waited in a buffer are answered before the next question is asked."""
    began = clock()
    kept: list[bytes] = []
    wire.to_device = lambda data: (
        (kept.append(data), [])[1] if clock() < began + 2.0 else [(0.0, b"".join([*kept, data]))]
    )
    session.handshake(timeout_s=5.0)
    wire.to_device = lambda data: [(0.0, data)]
    stale = session.stats.stale
    assert stale > 4
    assert session.request(Request.INFER, b"\1") == bytes([10])
    assert (session.stats.stale, session.stats.retries) == (stale, 0)


def test_handshake_takes_a_slow_reply_to_any_of_its_attempts(wire: FakeLine, session: Session) -> None:
    """A device slower than the first interval is still met."""
    wire.to_host = lambda data: [(1.1, data)]
    session.handshake(timeout_s=5.0)
    assert session.stats.stale == 0


def test_typed_line_gets_all_the_text_and_nothing_else(wire: FakeLine, session: Session) -> None:
    """An answer of several lines, in pieces, with a stale frame in it, comes back as text."""
    session.request(Request.COUNTERS)
    stale = wrap(b"else\0\x82\0x")
    wire.to_host = lambda data: (
        [(0.001, data)] if 0 in data else [(0.001, data[:7]), (0.002, stale), (0.003, data[7:])]
    )
    assert session.type_line("1.5708") == "you typed 1.5708\r\nthat is all"
    assert session.type_line("?") == "you typed ?\r\nthat is all"
    assert session.stats.noise_bytes == 0


def test_typed_line_without_an_answer_is_a_timeout(wire: FakeLine, session: Session) -> None:
    """Text that nobody answers is an error that names it."""
    wire.to_host = lambda _: []
    with pytest.raises(LinkTimeout) as caught:
        session.type_line("1.5")
    assert caught.value.request == "text"


@pytest.mark.parametrize("line", ["a" * 41, "1.5\r", "grün"])
def test_typed_line_must_be_typeable(session: Session, line: str) -> None:
    """A line that a person cannot type is refused before it is sent."""
    with pytest.raises(ValueError, match="printable"):
        session.type_line(line)


def test_stats_count_bytes_and_keep_the_last(wire: FakeLine, session: Session) -> None:
    """Bytes on the wire are counted both ways; sums over sessions add up."""
    seen: list[bytes] = []
    wire.to_device = lambda data: (seen.append(data), [(0.0, data)])[1]
    wire.to_host = lambda data: (seen.append(data), [(0.001, data)])[1]
    session.request(Request.INFER, bytes(256))
    stats = session.stats
    assert (stats.sent_bytes, stats.received_bytes) == (len(seen[0]), len(seen[1]))
    assert stats.last_bytes == seen[1]
    assert (stats + stats).sent_bytes == 2 * len(seen[0])
    assert (stats + stats).last_bytes == (2 * seen[1])[-512:]


def test_session_closes_its_port(wire: FakeLine, clock: FakeClock) -> None:
    """Leaving the context closes the port."""
    with Session(wire, clock=clock):
        pass
    assert wire.closed
