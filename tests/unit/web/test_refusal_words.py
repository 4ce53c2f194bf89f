"""Every sentence of a refusal exists in Portuguese too."""

from string import Formatter

import pytest

from helpdesk.translations.catalogue import joined
from helpdesk.web.refusals import BY_STATUS, FORM_TOO_OLD, OUTAGE, OWN_WORDS, REFUSALS

SENTENCES = (
    {refusal.sentence for refusal in REFUSALS.values()} - {OWN_WORDS}
    | set(BY_STATUS.values())
    | {OUTAGE.sentence, FORM_TOO_OLD}
)


@pytest.mark.parametrize("sentence", sorted(SENTENCES))
def test_a_refusal_is_written_in_both_languages(sentence: str) -> None:
    found = joined("pt_BR").get(sentence)
    assert found is not None, "no translation"
    assert found.string
    assert not found.fuzzy
    assert placeholders(str(found.string)) == placeholders(sentence)


def placeholders(text: str) -> set[str]:
    braced = text.replace("{", "").replace("%(", "{").replace(")s", "}")
    return {name for _, name, _, _ in Formatter().parse(braced) if name}
