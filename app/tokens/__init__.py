"""Access tokens as their owners see them: made, shown once, revoked."""
