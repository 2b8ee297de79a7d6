"""MicroPython never evaluates annotations: nothing has to be switched on."""

annotations = None
