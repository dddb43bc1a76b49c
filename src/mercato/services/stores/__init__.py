"""stores owns the businesses of an installation: handles, hosts, settings, and the keys of programs.

Publishes StoreOpened, SettingsChanged, ApiKeyRevoked. Listens to nobody.
"""
