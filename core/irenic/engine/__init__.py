"""Runs a flow: the walk, the blocks, executions, the map of executions, guards and resume. Pure asyncio."""
