"""users owns customer accounts, their sessions and one-time tokens, and the record of every log-in attempt.

Publishes UserRegistered, EmailVerificationAsked, PasswordResetAsked, SignUpRepeated, PasswordChanged, SessionsEnded,
UserErased. Listens to nobody.
"""
