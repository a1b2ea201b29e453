"""Sends every message back. Usage: echo.py PORT"""

import asyncio
import sys

import websockets


async def echo(connection):
    headers = connection.request_headers
    await connection.send(f"{headers['Host']} {headers['X-Forwarded-Proto']} {connection.path}")
    async for message in connection:
        await connection.send(message)


async def main():
    async with websockets.serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=None):
        await asyncio.Future()


asyncio.run(main())
