// Keeps what is typed.
