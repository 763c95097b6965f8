"""What Authlib can do."""

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign

import requests
from site_under_test import feature, metadata, site, visit

server = metadata()


class Assertion(PrivateKeyJWT):
    """An assertion of one minute for the issuer. The library's own is good for an hour."""

    def sign(self, auth, audience):
        return private_key_jwt_sign(auth.client_secret, auth.client_id, audience, alg="ES256", expires_in=60)


def session(client_id, secret, method, scope="contacts.read contacts.stats"):
    return OAuth2Session(
        client_id, secret, scope=scope, redirect_uri=site["redirect_uri"],
        token_endpoint_auth_method=method, revocation_endpoint_auth_method=method, code_challenge_method="S256",
    )


def web():
    return session("web", site["secrets"]["web"], "client_secret_basic")


def public():
    return session("public", None, "none")


def signer():
    client = session("signer", JsonWebKey.import_key(site["keys"]["signer"]), "private_key_jwt")
    client.register_client_auth_method(Assertion(site["issuer"]))
    return client


def introspect(token):
    resource_server = session("api", site["secrets"]["api"], "client_secret_basic")
    return resource_server.introspect_token(server["introspection_endpoint"], token=token).json()


def authorize(client, server=server, resource=site["resource"]):
    verifier = "v" * 64
    url, state = client.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier, resource=resource)
    client.fetch_token(server["token_endpoint"], authorization_response=visit(url), state=state, code_verifier=verifier)
    return client


@feature
def code():
    "code and PKCE"
    for client in web(), public():
        assert authorize(client).token["refresh_token"]


@feature
def refusal():
    "refusal"
    client = web()
    url, state = client.create_authorization_url(server["authorization_endpoint"], code_verifier="v" * 64)
    try:
        client.fetch_token(server["token_endpoint"], authorization_response=visit(url), state=state, code_verifier="w" * 64)
    except OAuthError as refused:
        assert refused.error == "invalid_grant", refused
    else:
        raise AssertionError("nothing was refused")


@feature
def api():
    "API"
    answer = authorize(web()).get(site["resource"] + "/contacts")
    assert answer.status_code == 200 and answer.json(), answer.text


@feature
def refresh():
    "refresh"
    for client in web(), public():
        before = authorize(client).token
        after = client.refresh_token(server["token_endpoint"], refresh_token=before["refresh_token"])
        assert after["refresh_token"] != before["refresh_token"]


@feature
def introspection():
    "introspection"
    answer = introspect(authorize(web()).token["access_token"])
    assert answer["active"] and answer["sub"] == "alice" and answer["client_id"] == "web", answer


@feature
def revocation():
    "revocation"
    for client in web(), public(), signer():
        tokens = authorize(client).token
        answer = client.revoke_token(server["revocation_endpoint"], token=tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        assert introspect(tokens["access_token"]) == {"active": False}


@feature
def client_credentials():
    "client credentials"
    client = session("machine", site["secrets"]["machine"], "client_secret_post", scope="contacts.stats")
    client.fetch_token(server["token_endpoint"], resource=site["resource"])
    assert client.get(site["resource"] + "/contacts/stats").status_code == 200


@feature
def private_key_jwt():
    "private_key_jwt"
    client = authorize(signer())
    assert client.refresh_token(server["token_endpoint"], refresh_token=client.token["refresh_token"])["access_token"]


@feature
def jwt_access_token():
    "JWT access token"
    issuer = site["jwt"]["issuer"]
    server = metadata(issuer)
    token = authorize(web(), server, site["jwt"]["resource"]).token["access_token"]
    claims = jwt.decode(token, JsonWebKey.import_key_set(requests.get(server["jwks_uri"]).json()), claims_options={
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": site["jwt"]["resource"]},
    })
    claims.validate()
    assert claims.header["typ"] == "at+jwt" and claims["sub"] == "alice", claims
