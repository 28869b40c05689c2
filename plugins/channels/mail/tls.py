"""Trust of both protocols: the system's certificates, or the operator's own CA file."""

import ssl

from hub.plugin.contracts import RetryLater


def trust(ca_file: str) -> ssl.SSLContext:
    """A context that checks certificates and names. Raises RetryLater when the CA file cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        # ssl.SSLError is an OSError too; nothing was sent, and mending the file is enough.
        raise RetryLater(f"The CA file {ca_file} cannot be used: {error.strerror or error}.") from error
