"""The page's user interface: Python that MicroPython runs on the main thread.

Modules without ``browser`` among their imports are pure and run under CPython as well, where their tests are.
"""
