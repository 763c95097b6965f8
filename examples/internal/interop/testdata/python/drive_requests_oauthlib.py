"""What requests-oauthlib can do."""

from oauthlib.oauth2 import AccessDeniedError, BackendApplicationClient, InvalidGrantError, WebApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from site_under_test import feature, metadata, site, visit

server = metadata()
basic = HTTPBasicAuth("web", site["secrets"]["web"])
# A public client names itself in the body; by itself the library would send an empty secret.
WEB, PUBLIC = ("web", {"auth": basic}), ("public", {"include_client_id": True})


def begin(client_id, answer="yes"):
    """Asks the user. Returns a session, where the browser was sent, and the verifier."""
    client = WebApplicationClient(client_id)
    verifier = client.create_code_verifier(64)
    session = OAuth2Session(client=client, redirect_uri=site["redirect_uri"], scope=["contacts.read", "contacts.stats"])
    url, _ = session.authorization_url(
        server["authorization_endpoint"],
        resource=site["resource"],
        code_challenge=client.create_code_challenge(verifier, "S256"),
        code_challenge_method="S256",
    )
    return session, visit(url, answer), verifier


def authorize(client_id, authentication):
    session, callback, verifier = begin(client_id)
    session.fetch_token(server["token_endpoint"], authorization_response=callback, code_verifier=verifier, **authentication)
    return session


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError("nothing was refused")


@feature
def code():
    "code and PKCE"
    for client in WEB, PUBLIC:
        assert authorize(*client).token["refresh_token"]


@feature
def refusal():
    "refusal"
    session, callback, _ = begin("web", "no")
    refused(AccessDeniedError, session.fetch_token, server["token_endpoint"], authorization_response=callback, auth=basic)
    session, callback, _ = begin("web")
    strangers = {"authorization_response": callback, "code_verifier": "a" * 43}
    refused(InvalidGrantError, session.fetch_token, server["token_endpoint"], auth=basic, **strangers)


@feature
def api():
    "API"
    answer = authorize(*WEB).get(site["resource"] + "/contacts")
    assert answer.status_code == 200 and answer.json(), answer.text


@feature
def refresh():
    "refresh"
    session = authorize(*WEB)
    before = session.token
    after = session.refresh_token(server["token_endpoint"], auth=basic)
    assert after["refresh_token"] != before["refresh_token"]
    session = authorize(*PUBLIC)
    assert session.refresh_token(server["token_endpoint"], client_id="public")["access_token"]


@feature
def revocation():
    "revocation"
    session = authorize(*WEB)
    url, headers, body = session._client.prepare_token_revocation_request(server["revocation_endpoint"], session.access_token)
    answer = session.post(url, data=body, headers=headers, auth=basic, withhold_token=True)
    assert answer.status_code == 200, answer.text
    assert session.get(site["resource"] + "/contacts").status_code == 401


@feature
def client_credentials():
    "client credentials"
    session = OAuth2Session(client=BackendApplicationClient("machine", scope=["contacts.stats"]))
    session.fetch_token(server["token_endpoint"], client_secret=site["secrets"]["machine"], resource=site["resource"])
    assert session.get(site["resource"] + "/contacts/stats").status_code == 200
