"""`coro plugin new`: write a new provider plugin as a distribution of its own.

`inputs` validates what the author gives; `asking` collects it; `writing` fills the templates.
"""
