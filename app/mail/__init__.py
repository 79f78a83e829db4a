"""E-mail that is owed: written in the transaction of what it tells of, sent by the relay."""
