"""The mark of a message; a module of its own because every error needs it and commands start often."""


def N_(message: str) -> str:
    """Mark a message for translation where it is declared or raised; it is translated where it is shown."""
    return message
