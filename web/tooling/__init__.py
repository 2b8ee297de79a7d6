"""Build the site and the environment: what `build.py` is made of.

What runs before the virtual environment exists (`build.py`'s own process) needs only the standard library.
`wheel`, `compression` and `flow_info` run inside the environment, as `python -m tooling.NAME`.
"""
