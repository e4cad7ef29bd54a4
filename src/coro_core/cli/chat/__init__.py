"""`coro chat`: send one prompt to many models, and show their answers side by side."""
