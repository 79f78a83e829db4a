"""The files of releases."""
