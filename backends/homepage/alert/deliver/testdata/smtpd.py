"""A mail server: prints its port, then each message it takes as a line of JSON.

usage: smtpd.py starttls|implicit|plain CERTIFICATE KEY [MECHANISM USER PASSWORD]
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

mode, certificate, key = sys.argv[1:4]
login = sys.argv[4:7]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        secure = session.ssl is not None or mode == "implicit"
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": secure,
            "login": bool(session.authenticated), "text": envelope.content.decode(),
        }), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = [data.login.decode(), data.password.decode()] == login[1:]
    return AuthResult(success=good, handled=False)


def protocol():
    options = {"hostname": "localhost"}
    if mode == "starttls":
        options["tls_context"] = context
    if login:
        options.update(
            authenticator=authenticate, auth_required=True, auth_require_tls=mode == "starttls",
            auth_exclude_mechanism={"PLAIN", "LOGIN"} - {login[0]},
        )
    return SMTP(Handler(), **options)


async def main():
    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if mode == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
