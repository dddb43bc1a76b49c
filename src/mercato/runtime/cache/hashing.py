"""How keys are written in a cache: nobody who reads it learns a token or an address, or can try which one it is."""

from mercato.runtime.access.keyring import Keyring


class KeyHash:
    """Hashes with the key that signs, so processes that share the keys share what is in the cache. While new keys are
    spread, those that sign with another one find nothing of each other."""

    def __init__(self, keyring: Keyring, kind: str) -> None:
        self._keyring = keyring
        self._purpose = f"cache {kind}".encode()

    def __call__(self, text: str) -> str:
        return self._keyring.sign(self._purpose, text.encode())[1].hex()[:40]
