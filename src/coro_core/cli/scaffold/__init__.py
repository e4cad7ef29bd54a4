"""`coro plugin new`: a provider plugin to begin with, written as a distribution of its own.

`answers` holds what was asked, judged; `writing` fills the templates and writes the files.
"""
