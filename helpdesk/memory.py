"""How a process looks after its memory."""

import gc

THRESHOLDS = (20_000, 20, 50)  # objects made before a look at the youngest; then by generation


def ease_collections() -> None:
    """Let the collector leave alone what was loaded at the start, and come less often.

    Call it once, when a process has built what it keeps for ever. A billing run makes and
    drops rows by the hundred thousand, and nearly none of them in a cycle: as Python comes
    set, a sixth of its time goes into walking over objects that stay.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
