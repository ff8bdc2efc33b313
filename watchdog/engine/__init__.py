"""The doers: asyncio, and nothing of the world but what the ports hand over."""
