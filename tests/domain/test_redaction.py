from __future__ import annotations

from pipeline.domain.redaction import Redaction


def test_secrets_are_masked_wherever_they_stand_the_longest_first():
    redaction = Redaction(["secret", "secret-and-more"])
    assert redaction.of_text("a secret, secret-and-more") == "a ***, ***"
    assert redaction.of_bytes(b'{"echo":"secret-and-more"}') == b'{"echo":"***"}'


def test_beyond_ascii_they_are_masked_as_utf_8():
    assert Redaction(["geheimnisträger"]).of_bytes("x geheimnisträger".encode()) == b"x ***"


def test_what_is_too_short_to_be_told_from_chance_is_left():
    assert Redaction(["abc", ""]).of_text("abcabc") == "abcabc"
