"""The fault run: real processes that die, or lose a server, at named points, and what must hold afterwards."""
