"""Runs jobs of crates/usersig/tests/interop.rs with the PyPI library: a JSON array in on stdin, one out on stdout."""

import base64
import json
import sys
import time
import zlib

import TLSSigAPIv2


def run(job):
    time.time = lambda: job["now"]
    api = TLSSigAPIv2.TLSSigAPIv2(job["app"], job["key"])
    if job["what"] == "sign":
        return api.gen_sig(job["user"], job["lifetime"])
    if job["what"] == "sign_userbuf":
        return api.gen_sig_with_userbuf(job["user"], job["lifetime"], base64.b64decode(job["userbuf"]))
    # The library only signs; this is what a reader built on Python's own zlib and JSON sees.
    if job["what"] == "read":
        text = job["text"].translate(str.maketrans("*-_", "+/="))
        return json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    raise ValueError(job["what"])


jobs = json.loads(sys.stdin.buffer.read())
print(json.dumps([run(job) for job in jobs]))
