"""`search`: searches of a large catalogue that is generated here, on an engine and through HTTP."""
