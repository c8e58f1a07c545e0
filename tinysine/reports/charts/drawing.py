"""An SVG that fills the width that it is given: its text and its dots keep their size, only distances stretch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from markupsafe import Markup

from tinysine.outside_text import html, xml

_INNER = 1000  # width of the stretched part, in its own unit
Point = tuple[float, float]


class Drawing:
    """A picture of which x is a share of its width, 0 to 1, and y is in pixels from the top.

    Args:
        height: pixels.
        label: what it shows, for those who cannot see it.
        kind: class of the picture.
    """

    def __init__(self, height: float, label: str, *, kind: str = "chart") -> None:
        self._root = ET.Element("svg", {"class": kind, "height": _number(height), "role": "img"})
        ET.SubElement(self._root, "title").text = _text(label)
        self._height = height
        self._stretched: ET.Element | None = None

    def path(self, points: Iterable[Sequence[Point]], kind: str) -> None:
        """Draw lines.

        Args:
            points: of each line.
            kind: class of the line.
        """
        lines = ["M" + "L".join(f"{_inner(x)} {_number(y)}" for x, y in line) for line in points if line]
        self._curve("".join(lines), kind)

    def dots(self, points: Iterable[Point], kind: str) -> None:
        """Draw round dots, as large as the line of their class is wide."""
        # A line without length has two round ends, which are not stretched with the picture.
        self._curve("".join(f"M{_inner(x)} {_number(y)}h0" for x, y in points), kind)

    def horizontal(self, y: float, kind: str) -> None:
        """Draw a line across the picture."""
        self._add("line", kind, {"x1": "0", "x2": "100%", "y1": _number(y), "y2": _number(y)})

    def vertical(self, x: float, kind: str, *, top: float = 0, bottom: float | None = None) -> None:
        """Draw a line down the picture, or a part of it."""
        end = self._height if bottom is None else bottom
        self._add("line", kind, {"x1": _share(x), "x2": _share(x), "y1": _number(top), "y2": _number(end)})

    def circle(self, x: float, y: float, kind: str, *, radius: float = 4, told: str = "") -> None:
        """Draw a circle, with words that a pointer shows."""
        found = self._add("circle", kind, {"cx": _share(x), "cy": _number(y), "r": _number(radius)})
        if told:
            ET.SubElement(found, "title").text = _text(told)

    def box(
        self, x: float, y: float, width: float, height: float, kind: str, *, opacity: float = 1.0
    ) -> None:
        """Draw a rectangle."""
        place = {"x": _share(x), "y": _number(y), "width": _share(width), "height": _number(height)}
        if opacity < 1.0:
            place["fill-opacity"] = _number(opacity)
        self._add("rect", kind, place)

    def text(
        self, x: float, y: float, text: str, kind: str = "", *, anchor: str = "start", dx: float = 0
    ) -> None:
        """Write a text.

        Args:
            x, y: of its base line.
            text: from wherever.
            kind: class of the text.
            anchor: "start", "middle" or "end" of it is at x.
            dx: pixels beside x.
        """
        place = {"x": _share(x), "y": _number(y), "text-anchor": anchor}
        if dx:
            place["dx"] = _number(dx)
        self._add("text", kind, place).text = _text(text)

    def markup(self) -> Markup:
        """Return the picture for a page."""
        return Markup(ET.tostring(self._root, encoding="unicode"))

    def _add(self, tag: str, kind: str, place: dict[str, str]) -> ET.Element:
        return ET.SubElement(self._root, tag, {"class": kind, **place} if kind else place)

    def _curve(self, data: str, kind: str) -> None:
        if not data:
            return
        if self._stretched is None or self._root[-1] is not self._stretched:
            box = f"0 0 {_INNER} {_number(self._height)}"
            place = {
                "viewBox": box,
                "preserveAspectRatio": "none",
                "width": "100%",
                "height": _number(self._height),
            }
            self._stretched = ET.SubElement(self._root, "svg", place)
        ET.SubElement(
            self._stretched, "path", {"class": kind, "d": data, "vector-effect": "non-scaling-stroke"}
        )


def _text(text: str) -> str:
    return xml(html(text))


def _inner(x: float) -> str:
    return _number(x * _INNER)


def _share(x: float) -> str:
    return f"{_number(100 * x)}%"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
