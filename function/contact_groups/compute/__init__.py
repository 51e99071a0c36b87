"""Function Compute as it really behaves: its WSGI, its HTTP-shaped events, its web functions."""
