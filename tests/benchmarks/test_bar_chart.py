"""The picture beside the results."""

from xml.etree import ElementTree as ET

import pytest

from benchmarks.bar_chart import Bar, Chart, svg_of, tick_step

SVG = "{http://www.w3.org/2000/svg}"
BARS = (
    Bar("own-1", {"broker": 40.0, "router": 50.0, "sender": 86.0}),
    Bar("bare <&> loop", {"broker": 70.0, "loop": 18.0}),
)


def drawn(*bars: Bar) -> ET.Element:
    return ET.fromstring(svg_of(Chart("What it costs", "us", bars)))  # noqa: S314 - our own


def parts_of(svg: ET.Element) -> dict[str, tuple[float, float, str]]:
    """Left, width and colour of each part of a bar, by its title."""
    return {
        title.text or "": (
            float(rect.attrib["x"]),
            float(rect.attrib["width"]),
            rect.attrib["fill"],
        )
        for rect in svg.iter(f"{SVG}rect")
        if (title := rect.find(f"{SVG}title")) is not None
    }


def test_parts_are_as_wide_as_their_values_and_stand_side_by_side():
    parts = parts_of(drawn(*BARS))
    broker, router, sender = (
        parts[f"own-1: {text}"] for text in ("broker 40.0", "router 50.0", "sender 86.0")
    )
    assert router[1] / broker[1] == pytest.approx(50 / 40, abs=0.01)
    assert sender[1] / broker[1] == pytest.approx(86 / 40, abs=0.01)
    assert router[0] == pytest.approx(broker[0] + broker[1], abs=0.11)
    assert sender[0] == pytest.approx(router[0] + router[1], abs=0.11)


def test_a_process_has_the_same_colour_in_every_bar_and_no_other_has_it():
    parts = parts_of(drawn(*BARS))
    colours = {title.rsplit(": ", 1)[1].split()[0]: part[2] for title, part in parts.items()}
    assert parts["own-1: broker 40.0"][2] == parts["bare <&> loop: broker 70.0"][2]
    assert len(set(colours.values())) == len(colours) == 4


def test_every_bar_tells_its_sum_and_its_name():
    texts = [text.text for text in drawn(*BARS).iter(f"{SVG}text")]
    assert {"own-1", "176", "bare <&> loop", "88", "What it costs", "us"} <= set(texts)


def test_nothing_is_drawn_beyond_the_picture():
    svg = drawn(Bar("most", {"broker": 1_237.0}), *BARS)
    width = float(svg.attrib["viewBox"].split()[2])
    assert max(left + wide for left, wide, _ in parts_of(svg).values()) < width


def test_ground_and_text_follow_the_readers_dark_mode():
    text = svg_of(Chart("a", "b", BARS))
    light, _, dark = text.partition("@media(prefers-color-scheme:dark)")
    for rule in ("text{", ".ground{fill:"):
        assert rule in light
        assert rule in dark


@pytest.mark.parametrize(("most", "step"), [(8, 1), (9, 2), (176, 50), (400, 50), (1_237, 200)])
def test_the_axis_has_round_numbers(most: float, step: float):
    assert tick_step(most) == pytest.approx(step)
