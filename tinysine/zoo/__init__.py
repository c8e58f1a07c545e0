"""Example networks, made on the spot: from data that a package brings, or with random weights."""
