"""A shop made of the official Python server package with Flask (v2, exact and upto), for clients to pay.

python shop.py FACILITATOR PAYEE MENU   MENU is JSON: {path: {scheme, method, asset, amount, charged, extra}}

It prints its port as one line of JSON when it listens.
"""

import json
import logging
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from flask import Flask, make_response
from x402 import x402ResourceServerSync
from x402.http import HTTPFacilitatorClientSync
from x402.http.middleware.flask import payment_middleware, set_settlement_overrides
from x402.mechanisms.evm.exact import register_exact_evm_server
from x402.mechanisms.evm.upto.server import UptoEvmScheme

NETWORK = "eip155:84532"

facilitator, payee, menu = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
server = register_exact_evm_server(x402ResourceServerSync(HTTPFacilitatorClientSync({"url": facilitator})), NETWORK)
server.register(NETWORK, UptoEvmScheme())


def priced(item):
    extra = dict(item["extra"])
    if item["method"] == "permit2":
        extra["assetTransferMethod"] = "permit2"
    price = {"asset": item["asset"], "amount": item["amount"], "extra": extra}
    return {"scheme": item["scheme"], "network": NETWORK, "payTo": payee, "maxTimeoutSeconds": 300, "price": price}


app = Flask(__name__)
routes = {f"GET {path}": {"accepts": priced(item), "description": "text", "mimeType": "text/plain"} for path, item in menu.items()}
payment_middleware(app, routes, server)


@app.get("/<name>")
def sell(name):
    item = menu[f"/{name}"]
    response = make_response(f"what is sold at /{name}")
    response.mimetype = "text/plain"
    if item["scheme"] == "upto":
        set_settlement_overrides(response, {"amount": item["charged"]})
    return response


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


logging.disable(logging.CRITICAL)
with make_server("127.0.0.1", 0, app, handler_class=Quiet) as listener:
    print(json.dumps({"port": listener.server_port}), flush=True)
    listener.serve_forever()
