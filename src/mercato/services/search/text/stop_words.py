"""Words that say little about what is looked for, by language. A search of nothing else keeps them."""

_WORDS = {
    "en": "a an and are as at be by for from her his i in is it its my of on or our that the their this to was with "
    "you your who whom which under near",
    "de": "am an auf aus bei das dem den der des die ein eine einem einen einer für im in ist mit oder "
    "und von vom zu zum zur",
    "fr": "à au aux avec ce ces dans de des du en est et la le les ou par pour sur un une l d",
    "es": "a al con de del el en es la las lo los o para por que se su un una y",
    "it": "a al alla con da dal dei del della di e il in la le lo o per su un una",
    "pt": "a ao as com da das de do dos e em o os ou para por um uma",
    "nl": "aan de een en het in is met of op te tot uit van voor",
    "sv": "att av den det en ett för i med och på som till",
    "da": "af at den det en et for i med og på som til",
    "no": "av den det en et for i med og på som til",
    "pl": "a dla do i na o od oraz po w z ze",
}
# What they deny: the next word, or the next few.
_NEGATIONS = {
    "en": "without excluding except",
    "de": "ohne",
    "fr": "sans",
    "es": "sin",
    "it": "senza",
    "pt": "sem",
    "nl": "zonder",
    "sv": "utan",
    "da": "uden",
    "no": "uten",
    "pl": "bez",
}
_SHORT_NEGATIONS = {"en": "no non not", "de": "kein keine keinen nicht", "nl": "geen", "fr": "pas"}
_FEW, _ONE = 3, 1


def stop_words(language: str) -> frozenset[str]:
    return frozenset(_WORDS.get(language, "").split())


def negations(language: str) -> dict[str, int]:
    """Words after which is named what must not be there, and how many words they may deny."""
    long = dict.fromkeys(_NEGATIONS.get(language, "").split(), _FEW)
    return long | dict.fromkeys(_SHORT_NEGATIONS.get(language, "").split(), _ONE)
