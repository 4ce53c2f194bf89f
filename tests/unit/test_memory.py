"""A process that has started is not walked over again and again."""

import gc

from helpdesk.memory import THRESHOLDS, ease_collections


def test_what_is_loaded_is_left_alone_and_collections_come_less_often() -> None:
    before = gc.get_threshold()
    try:
        ease_collections()
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold() == THRESHOLDS
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
