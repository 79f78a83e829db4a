"""The formats of files of releases. Each reads text into entries, and judges nothing that the schema judges."""
