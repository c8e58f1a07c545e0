"""A confusion matrix: each row is a label, each column what was read, darker where there are more."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from tinysine.reports.charts.drawing import Drawing

MOST_NUMBERED = 12  # classes of which each cell has its number
_ROW, _TOP = 26.0, 22.0  # pixels


def confusion_picture(counts: Sequence[Sequence[int]], label: str) -> Markup:
    """Draw a confusion matrix.

    Args:
        counts: [label][class].
        label: what it shows.
    """
    classes = len(counts)
    numbered = classes <= MOST_NUMBERED
    row = _ROW if numbered else max(3.0, 312.0 / classes)
    drawing = Drawing(_TOP + row * classes + 2, label, kind="chart matrix")
    width = 1 / classes
    for number in range(0, classes, 1 if numbered else max(classes // 8, 1)):
        drawing.text((number + 0.5) * width, 14, str(number), "mark", anchor="middle")
        drawing.text(0, _TOP + row * (number + 0.5) + 4, str(number), "mark", anchor="end", dx=-8)
    for label_number, found in enumerate(counts):
        whole = max(sum(found), 1)
        for read, count in enumerate(found):
            x, y = read * width, _TOP + row * label_number
            right = read == label_number
            if count:
                share = count / whole
                opacity = 0.15 + 0.85 * share
                drawing.box(x, y, width, row, "right" if right else "misread", opacity=opacity)
                if numbered:
                    kind = "on-dark" if opacity > 0.6 else "on-light"
                    drawing.text(x + width / 2, y + row / 2 + 4, f"{count:,}", kind, anchor="middle")
            elif right:
                drawing.box(x, y, width, row, "none")
    return drawing.markup()
