"""What a program says to the test that started it: JSON, one line each way."""

import json

import requests

# site is what the client is told about the servers.
site = json.loads(input())


def metadata(issuer=site["issuer"]):
    """The metadata of an authorization server (RFC 8414)."""
    return requests.get(issuer + "/.well-known/oauth-authorization-server").json()


def visit(url, answer="yes"):
    """Lets the person answer an authorization request, and returns where her browser is sent."""
    print(json.dumps({"open": url, "answer": answer}), flush=True)
    return json.loads(input())["callback"]


def feature(drive):
    """Drives a feature, which is named in its documentation, and tells the test that it went through."""
    drive()
    print(json.dumps({"shown": drive.__doc__}), flush=True)
