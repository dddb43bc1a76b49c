"""SVG elements as text, so that a drawing reads as a list of its parts."""


def path(data: str, fill: str = "none", stroke: str = "", width: float = 0) -> str:
    """A path. A stroke has round ends and joints."""
    line = f' stroke="{stroke}" stroke-width="{width:g}" stroke-linecap="round" stroke-linejoin="round"'
    return f'<path d="{data}" fill="{fill}"{line if stroke else ""}/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str) -> str:
    return f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="{fill}"/>'


def ring(x: float, y: float, radius: tuple[float, float], stroke: str, width: float) -> str:
    rx, ry = radius
    return (
        f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="none" stroke="{stroke}" '
        f'stroke-width="{width:g}"/>'
    )


def box(x: float, y: float, size: tuple[float, float], fill: str, corner: float = 0) -> str:
    """A rectangle with round corners; `size` is width and height."""
    width, height = size
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{corner:g}" fill="{fill}"/>'


def turned(angle: float, parts: str) -> str:
    """The parts turned by so many degrees around the middle of the drawing."""
    return f'<g transform="rotate({angle:g} 200 200)">{parts}</g>'
