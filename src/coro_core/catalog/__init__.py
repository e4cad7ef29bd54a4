"""Map a model id to its owner and candidates, and know which upstream models are served.

Import from its modules: `catalog`, `upstreams`, `discovery`.
"""
