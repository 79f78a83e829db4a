"""Channels and platforms: the names that releases are sorted by."""
