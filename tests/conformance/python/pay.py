"""Pays for URLs with the official Python client: v1 and v2, exact and upto.

PAYER_KEY=0x… python pay.py URL…   prints one line of JSON for each URL.
python pay.py                      reads lines {"url", "key", "rpc", "assets"} and answers each with such a line.

A line has the status, the body's SHA-256, and the settlement as its header has it; or what went wrong. "rpc" (RPC_URL) is the chain,
for approvals by signature; "assets" are tokens to pay in besides the ones the client knows.
"""

import base64
import hashlib
import json
import os
import sys

from eth_account import Account
from x402 import x402ClientSync
from x402.http.clients import x402_requests
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.mechanisms.evm.signers import EthAccountSigner, EthAccountSignerWithRPC
from x402.mechanisms.evm.upto import UptoEvmScheme

NETWORK = "eip155:84532"


def pay(url, key, rpc=None, assets=()):
    account = Account.from_key(key)
    signer = EthAccountSignerWithRPC(account, rpc) if rpc else EthAccountSigner(account)
    # Both for one network: a scheme of "eip155:*" is not found any more once another is registered for a network of its own.
    client = register_exact_evm_client(x402ClientSync(), signer, NETWORK)
    client.register(NETWORK, UptoEvmScheme(signer))
    client.set_spend_controls({"allowed_assets": [{"network": NETWORK, "asset": asset} for asset in assets]})
    with x402_requests(client) as session:
        response = session.get(url, timeout=30)
    header = response.headers.get("payment-response") or response.headers.get("x-payment-response")
    return {
        "status": response.status_code,
        "digest": hashlib.sha256(response.content).hexdigest(),
        "settlement": json.loads(base64.b64decode(header)) if header else None,
    }


def answer(order):
    try:
        return pay(**order)
    except Exception as error:  # the one who asked decides what to make of it
        return {"error": f"{type(error).__name__}: {error}"}


def orders():
    if len(sys.argv) > 1:
        for url in sys.argv[1:]:
            yield {"url": url, "key": os.environ["PAYER_KEY"], "rpc": os.environ.get("RPC_URL")}
    else:
        for line in sys.stdin:
            yield json.loads(line)


for order in orders():
    print(json.dumps(answer(order)), flush=True)
