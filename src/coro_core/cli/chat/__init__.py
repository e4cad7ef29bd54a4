"""`coro chat`: one prompt to many models, and their answers side by side in a terminal."""
