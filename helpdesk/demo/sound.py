"""A sound that stands for a voice in a sandbox recording."""

import io
import wave

RATE = 8000  # samples a second, as on a telephone line
LONGEST_S = 120

# One period of a soft 200 Hz tone in 8-bit samples, and a pause, so that it beats like speech.
_PERIOD = bytes([128, 137, 145, 153, 160, 166, 171, 175, 177, 178, 177, 175, 171, 166, 160, 153])
_TONE = (_PERIOD + bytes(256 - sample for sample in _PERIOD) + bytes([128] * 8)) * 75
_PAUSE = bytes([128]) * 1000


def make_wave(seconds: int) -> bytes:
    """Return a WAV file of that length, 120 seconds at most."""
    wanted = RATE * max(1, min(seconds, LONGEST_S))
    beat = _TONE + _PAUSE
    sound = (beat * (wanted // len(beat) + 1))[:wanted]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(RATE)
        file.writeframes(sound)
    return buffer.getvalue()
