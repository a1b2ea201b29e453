# What a service behind Apache typically is: a page from a template, with the
# facts of the process that answers. Flask keeps a template from a file
# compiled, and compiles one from a string for every request.
import socket
import sys
from datetime import datetime, timezone

import flask

app = flask.Flask(__name__, template_folder="{{.Folder}}")
with open("{{.Folder}}/page.html", encoding="utf-8") as file:
    PAGE = file.read()
STARTED = datetime.now(timezone.utc)


def facts():
    return {
        "service": "orders-service",
        "host": socket.gethostname(),
        "python": sys.version.split()[0],
        "started": STARTED,
        "checked": datetime.now(timezone.utc),
    }


@app.route("/")
def from_file():
    return flask.render_template("page.html", **facts())


@app.route("/string")
def from_string():
    return flask.render_template_string(PAGE, **facts())
