"""A Flask app as people run it behind gunicorn: it tells what reached it."""

import hashlib
import threading
import time

from flask import Flask, Response, jsonify, make_response, redirect, request, url_for

app = Flask(__name__)
released = threading.Event()


@app.route("/")
def home():
    return "<h1>Blog</h1>"


@app.route("/echo", methods=["GET", "POST"])
def echo():
    """What the app sees of a request: the URL it believes in, and all headers."""
    return jsonify(
        method=request.method,
        url=request.url,
        raw_path=request.environ.get("RAW_URI"),
        scheme=request.scheme,
        headers=dict(request.headers),
    )


@app.route("/redirect/absolute")
def redirect_absolute():
    return redirect(url_for("echo", _external=True, q="a b"))


@app.route("/redirect/relative")
def redirect_relative():
    return redirect(url_for("echo"))


@app.route("/login", methods=["POST"])
def login():
    response = make_response("welcome")
    response.set_cookie("session", "s1.x-y=", secure=True, httponly=True, samesite="Lax")
    response.set_cookie("theme", "dark", path="/account", max_age=3600)
    return response


@app.route("/account/cookies")
def cookies():
    return jsonify(request.cookies)


@app.route("/headers")
def headers():
    """Headers an app sets for itself."""
    response = make_response("framed")
    response.headers["Server"] = "secret/1.0"
    response.headers["X-App"] = "blog"
    return response


@app.route("/upload", methods=["POST"])
def upload():
    """The length and digest of what was received, which is never kept whole."""
    digest, length = hashlib.sha256(), 0
    while chunk := request.stream.read(65536):
        digest.update(chunk)
        length += len(chunk)
    return jsonify(length=length, sha256=digest.hexdigest())


@app.route("/stream")
def stream():
    """Half of a body at once, the other half after POST /release."""
    half = b"x" * int(request.args["half"])
    released.clear()

    def halves():
        yield half
        released.wait(10)
        yield half

    response = Response(halves(), mimetype=request.args["type"])
    if "length" in request.args:
        response.content_length = 2 * len(half)
    return response


@app.route("/release", methods=["POST"])
def release():
    released.set()
    return "", 204


@app.route("/slow")
def slow():
    time.sleep(float(request.args["seconds"]))
    return "at last"
