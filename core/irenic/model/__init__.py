"""Pure data: ids, progress, interrupt, outcome, journal events, requests. No I/O, no asyncio."""
