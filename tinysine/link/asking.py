"""Inferences and single requests over one session, as far as the device announces them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinysine.boards.board import SMALLEST_PAYLOAD
from tinysine.errors import DeviceError, LinkTimeout, ProtocolError, raise_as
from tinysine.link import inference, layers
from tinysine.link.connection import Connection
from tinysine.link.deadlines import REQUEST_S
from tinysine.link.identity import DeviceTensor, Identity
from tinysine.link.layers import DeviceLayer
from tinysine.link.pace import Pace
from tinysine.link.ports import DEFAULT_BAUD
from tinysine.link.requests import Capability, Request, Status
from tinysine.link.session import Session
from tinysine.link.timing import MOST_REPETITIONS, Timing, timing_of
from tinysine.tensor_values import Values, exact_values

# Of a model whose tensors do not fit a frame, until its first inference has shown how long it takes: millions of
# instructions, on a board that is emulated.
LARGE_INFERENCE_S = 10.0
MOST_LAYERS = 4096  # of any model; a device may claim 65,535, each a request


class Asking:
    """Requests to a device that is identified.

    Args:
        connection: to it.
        timeout_s: for each request, beside what its bytes and inferences take.
        baud: of the line.
        clock: seconds, monotonic; injectable.
        on_use: called each time before the device is used; what it raises is what the use ends with.
        on_answers: called with what `infer` sent, a row of bytes for each inference, and what it gives back.
        counted: gives what `time` counted the unit that is proved, as a rig knows it.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_s: float = REQUEST_S,
        baud: int = DEFAULT_BAUD,
        clock: Callable[[], float] = time.monotonic,
        on_use: Callable[[], None] = lambda: None,
        on_answers: Callable[[NDArray[Any], Values], None] = lambda _asked, _answers: None,
        counted: Callable[[Timing], Timing] = lambda timing: timing,
    ) -> None:
        self._connection = connection
        self.timeout_s = timeout_s
        self._pace = Pace(baud)
        self._clock = clock
        self._on_use = on_use
        self._on_answers = on_answers
        self._counted = counted

    @property
    def identity(self) -> Identity:
        """Return the last identity that the device reported."""
        self._on_use()
        return self._connection.identity

    @property
    def session(self) -> Session:
        """The session with the device that is open now; made anew where it was lost.

        Raises:
            as `Device.connect`; IdentityMismatch: the device came back as another one.
        """
        self._on_use()
        self._connection.revive()
        return self._connection.session

    @property
    def capabilities(self) -> Capability:
        """Return the capabilities that the device announces; it is asked nothing else."""
        return self.identity.capabilities

    @property
    def inferences_per_frame(self) -> int:
        """Return the number of inferences, in the model's own dtypes, in one frame; 1 if one takes several frames."""
        return inference.per_frame(self.identity) if inference.in_one_frame(self.identity) else 1

    def infer(
        self,
        codes: ArrayLike | Sequence[ArrayLike],
        *,
        per_frame: int | None = None,
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> Values:
        """Run a batch, split into as many frames as it needs.

        Args:
            codes: [n, count] in the input's dtype, or lists of numbers that it holds; n may be 0. Where the model has
                several inputs, a tuple with one of these for each.
            per_frame: inferences in one frame, at most `inferences_per_frame`, which is the default.
            on_progress: called with the inferences answered so far, after each frame.
        Returns:
            [n, count] in the output's dtype; where the model has several outputs, a tuple of these.
        Raises:
            DeviceError: refused; for NOT_FINITE `detail` is the index of the element in the whole batch.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
            ValueError, TypeError: a wrong dtype or shape, or no numbers.
        """
        identity = self.identity
        data = inference.pack(codes, identity.inputs, "inputs")
        answers = self._infer_packed(identity, data, per_frame, on_progress)
        self._on_answers(data, answers)
        return answers

    def _infer_packed(
        self,
        identity: Identity,
        data: NDArray[Any],
        per_frame: int | None,
        on_progress: Callable[[int], None],
    ) -> Values:
        if inference.in_one_frame(identity):
            return self._infer(Request.INFER, data, identity.inputs, per_frame, on_progress)
        self._demand(Capability.PARTS, "one inference does not fit a frame")
        if per_frame not in (None, 1):
            raise ValueError(f"per_frame is {per_frame}, but one inference takes several frames")
        elements = sum(tensor.count for tensor in identity.inputs)
        answers = []
        for number, row in enumerate(data):
            try:
                answers.append(
                    inference.infer_in_parts(
                        self._ask, identity, row.tobytes(), repeated=self.session.count_repetition
                    )
                )
            except DeviceError as error:
                self._raise_placed(error, Request.RUN, number * elements)
            except LinkTimeout as error:
                raise_as(_not_ended(error, (number, number), len(data)), error)
            on_progress(number + 1)
        return inference.unpack(b"".join(answers), len(data), identity.outputs)

    def infer_f32(self, x: ArrayLike, *, per_frame: int | None = None) -> Values:
        """Run a batch of real inputs, which the device quantises.

        Where one inference does not fit a frame, they are quantised here by the same arithmetic, and go in parts as
        those of `infer` do.

        Args:
            x: float32 [n, count], or lists of numbers.
            per_frame: inferences in one frame; as many as fit by default.
        Returns:
            as `infer`.
        Raises:
            as `infer`; DeviceError where the device does not announce INFER_F32.
        """
        tensor = self.identity.inputs[0]
        real = DeviceTensor(np.dtype(np.float32), tensor.shape, None)
        fits = inference.per_frame(self.identity, real.nbytes) > 0
        if not fits and Capability.PARTS in self.capabilities and len(self.identity.inputs) == 1:
            values = exact_values(x, (real,), "inputs")
            if (index := inference.not_finite_at(values)) is not None:
                self._raise_placed(_not_finite(index), Request.INFER_F32, 0)
            return self.infer(inference.codes_of(values, tensor), per_frame=per_frame)
        self._demand(Capability.INFER_F32, "quantise here, as tinysine.quantization does, and use infer")
        return self._infer(Request.INFER_F32, inference.pack(x, (real,), "inputs"), (real,), per_frame)

    def rerun(self, codes: ArrayLike | Sequence[ArrayLike]) -> tuple[int, int | None]:
        """Write one inference's inputs once, and run them twice.

        Args:
            codes: as `time`'s.
        Returns:
            CRC-32 of the outputs of the first and of the second run; None for the second where the inputs are not
            any more what was written.
        Raises:
            DeviceError: refused; UNSUPPORTED where the device does not announce inferences in parts.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
            ValueError, TypeError: a wrong dtype or shape, or no numbers.
        """
        self._demand(Capability.PARTS, "it takes whole inferences only")
        data = inference.pack_one(codes, self.identity.inputs, "codes")
        repeated = self.session.count_repetition
        first, _ = inference.run_written(self._ask, self.identity, data, repeated=repeated)
        return first, inference.run_as_it_is(self._ask, self.identity, data)

    def layers(self, *, most: int = MOST_LAYERS) -> tuple[DeviceLayer, ...]:
        """Ask for the layers whose values can be read.

        Args:
            most: that are asked for, where the device announces more.
        Raises:
            DeviceError: refused; UNSUPPORTED where the device does not announce LAYERS.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed, or an answer makes no sense.
        """
        self._demand(Capability.LAYERS)
        return layers.read_layers(self._ask, most=most)

    def infer_layers(
        self, codes: ArrayLike | Sequence[ArrayLike], described: Sequence[DeviceLayer]
    ) -> tuple[NDArray[Any], ...]:
        """Run one inference, and read what each layer held then.

        Args:
            codes: of one inference, [1, count]; where the model has several inputs, a tuple of these.
            described: what `layers` gave, all of it.
        Returns:
            [count] of each layer, in its dtype.
        Raises:
            as `infer` and `layers`.
        """
        self._demand(Capability.LAYERS)
        self.infer(codes, per_frame=1)
        return self.read_layers(described)

    def read_layers(self, described: Sequence[DeviceLayer]) -> tuple[NDArray[Any], ...]:
        """Read what each layer held at the last inference; nothing is run.

        Args:
            described: what `layers` gave, all of it.
        Returns:
            [count] of each layer, in its dtype.
        Raises:
            as `layers`.
        """
        self._demand(Capability.LAYERS)
        return tuple(
            np.frombuffer(
                layers.read_values(self._ask, index, layer.tensor, payload_max=self.identity.payload_max),
                layer.tensor.dtype,
            )
            for index, layer in enumerate(described)
        )

    def time(self, codes: ArrayLike | Sequence[ArrayLike], *, repetitions: int) -> Timing:
        """Count single inferences of one input.

        Args:
            codes: [count] in the input's dtype, or a list of numbers that it holds; where the model has several
                inputs, a tuple of these.
            repetitions: 1 or more; as many in a frame as its reply holds, after smaller frames that show how long
                one inference takes.
        Raises:
            DeviceError: refused; UNSUPPORTED where the device does not announce TIME.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
            ValueError, TypeError: a wrong dtype, shape or number of repetitions, or no numbers.
        """
        identity = self.identity
        self._demand(Capability.TIME, "it has no counter")
        inputs = inference.pack_one(codes, identity.inputs, "codes")
        if repetitions < 1:
            raise ValueError(f"repetitions is {repetitions}, but must be 1 or more")
        if 2 + len(inputs) > identity.payload_max:
            self._demand(Capability.PARTS, "one input does not fit a frame")
            inference.write_inputs(self._ask, identity, inputs)
            inputs = b""
        most = min((identity.payload_max - 4) // 4, MOST_REPETITIONS)
        replies: list[bytes] = []
        left, waited_s = repetitions, 0.0
        while left:
            chunk = min(self._pace.next_batch(), left, most)
            began = self._clock()
            question = chunk.to_bytes(2, "little") + inputs
            replies.append(self._ask(Request.TIME, question, 4 + 4 * chunk, inferences=chunk + 1))
            left -= chunk
            waited_s += self._clock() - began
        return self._counted(timing_of(replies, identity.counter.unit, identity.counter_clock_hz, waited_s))

    def _demand(self, capability: Capability, why: str = "") -> None:
        if capability not in self.capabilities:
            raise DeviceError(
                f"{self.session.port.name} does not announce {capability.name}, so it is not asked",
                hint=why or "its firmware has no such request",
                status=Status.UNSUPPORTED,
                capability=capability.name,
            )

    def _infer(
        self,
        request: Request,
        data: NDArray[np.uint8],
        tensors: Sequence[DeviceTensor],
        per_frame: int | None,
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> Values:
        """Whole inferences in frames; data: [n, bytes of the inputs as they are sent]."""
        identity = self.identity
        most = inference.per_frame(identity, data.shape[1])
        if per_frame is not None and not 1 <= per_frame <= most:
            raise ValueError(f"per_frame is {per_frame}, but must be 1 to {most}")
        elements = sum(tensor.count for tensor in tensors)
        answers: list[bytes] = []
        start = 0
        while start < len(data):
            step = per_frame or min(most, self._pace.next_batch())
            part = data[start : start + step]
            try:
                answers.append(
                    self._ask(
                        request, part.tobytes(), identity.output_bytes * len(part), inferences=len(part)
                    )
                )
            except DeviceError as error:
                self._raise_placed(error, request, start * elements)
            except LinkTimeout as error:
                last = start + len(part) - 1
                raise_as(_not_ended(error, (start, last), len(data)), error)
            start += len(part)
            on_progress(start)
        return inference.unpack(b"".join(answers), len(data), identity.outputs)

    def _raise_placed(self, error: DeviceError, request: Request, before: int) -> NoReturn:
        """Raise the error; of NOT_FINITE with the index in the whole batch. before: elements of earlier frames."""
        detail = error.facts.get("detail")
        if error.facts.get("status") != Status.NOT_FINITE or not isinstance(detail, int):
            raise error
        index = before + detail
        raise DeviceError(
            f"{self.session.port.name} refused {request.name}: element {index} is NaN or infinite",
            hint="nothing of its frame was inferred; send finite numbers only",
            status=Status.NOT_FINITE,
            request=request,
            detail=index,
        ) from error

    def _ask(
        self, request: Request, payload: bytes = b"", reply_bytes: int | None = None, *, inferences: int = 0
    ) -> bytes:
        session = self.session
        began, retries = self._clock(), session.retries
        patience = self._pace.patience(
            sent_bytes=len(payload),
            reply_bytes=SMALLEST_PAYLOAD if reply_bytes is None else reply_bytes,
            inferences=inferences,
            base_s=self.timeout_s,
            at_first_s=LARGE_INFERENCE_S if request is Request.RUN else 0.0,
        )
        with self._connection.live() as session:
            reply = session.request(request, payload, patience=patience)
        if inferences and session.retries == retries:
            carried = len(payload) + len(reply)
            self._pace.learn(inferences, waited_s=self._clock() - began, carried_bytes=carried)
        if reply_bytes is not None and len(reply) != reply_bytes:
            raise ProtocolError(
                f"the device answered {request.name} with {len(reply)} bytes instead of {reply_bytes}",
                hint="the firmware does not follow docs/protocol.md",
                request=request.name,
                payload=reply,
            )
        return reply


def _not_ended(error: LinkTimeout, asked: tuple[int, int], count: int) -> LinkTimeout | None:
    """The error for inferences that a device, which had answered before, did not end; None for any other silence."""
    facts = error.facts
    inferring = facts.get("request") in (Request.INFER.name, Request.INFER_F32.name, Request.RUN.name)
    if not (inferring and facts.get("answered") and facts.get("diagnosis") == "silence"):
        return None
    return inferences_not_ended(error, asked, count)


def inferences_not_ended(error: LinkTimeout, asked: tuple[int, int], count: int) -> LinkTimeout:
    """Say of a timeout which inferences did not end.

    Args:
        error: of the request.
        asked: first and last inference in it, of `count`; the first of all is 0.
    """
    facts = {**error.facts, "inferences": asked}
    first, last = asked
    which = f"inference {first}" if first == last else f"one of the inferences {first} to {last}"
    return LinkTimeout(
        f"{which} of {count} (the first is 0) did not end within {facts['timeout_s']:.1f} s; before, "
        f"{facts['port']} had answered {facts['answered']} requests",
        hint="the engine may hang at that input; else the board lost its power or its line: reset it, and ask for its "
        "fault record",
        **facts,
    )


def _not_finite(index: int) -> DeviceError:
    return DeviceError("an input is not finite", status=Status.NOT_FINITE, detail=index)
