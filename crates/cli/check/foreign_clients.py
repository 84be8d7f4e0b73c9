"""Drives a node by what people script Bitcoin Core with. python3 foreign_clients.py DATA_DIR

The node that runs on DATA_DIR has to be of a network whose blocks cost nearly nothing. Every client does
what its own documentation shows; nothing here knows more of forkful than docs/node/api.md says.
"""

import hashlib
import json
import sys
import threading
from pathlib import Path

import bitcoin.rpc
import jsonrpcclient
import requests
import sseclient
from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

DATA_DIR = Path(sys.argv[1])
URL = (DATA_DIR / ".api").read_text()
USER, PASSWORD = (DATA_DIR / ".cookie").read_text().split(":")
WITH_COOKIE = URL.replace("http://", f"http://{USER}:{PASSWORD}@").rstrip("/")
PATIENCE = 60


def same(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: {found!r} instead of {expected!r}")


def code_of(error_type, call, *args):
    try:
        call(*args)
    except error_type as error:
        return error.error["code"]
    sys.exit(f"{args}: no error")


def python_bitcoinrpc():
    node = AuthServiceProxy(WITH_COOKIE, timeout=PATIENCE)
    height = node.getblockcount()
    hashes = node.generate(3)
    same("generate", len(hashes), 3)
    info = node.getblockchaininfo()
    same("blocks", info["blocks"], height + 3)
    same("bestblockhash", node.getbestblockhash(), hashes[-1])
    same("getblockhash", node.getblockhash(height + 1), hashes[0])
    same("getblock", node.getblock(hashes[0], 2)["height"], height + 1)
    same("getblockheader", len(node.getblockheader(hashes[0], False)), 2 * 88)
    same("getchaintips", node.getchaintips()[0]["status"], "active")
    same("getpeerinfo", node.getpeerinfo(), [])
    node.addnode("127.0.0.1:1", "add")
    same("added twice", code_of(JSONRPCException, node.addnode, "127.0.0.1:1", "add"), -23)
    node.addnode("127.0.0.1:1", "remove")
    node.setban("192.0.2.7", "add", 100)
    same("listbanned", node.listbanned()[0]["address"].split("/")[0], "192.0.2.7")
    node.setban("192.0.2.7", "remove")
    node.invalidateblock(hashes[2])
    same("invalidated", node.getbestblockhash(), hashes[1])
    node.reconsiderblock(hashes[2])
    same("reconsidered", node.waitforblock(hashes[2], 1000 * PATIENCE)["hash"], hashes[2])
    for code, call in [
        (-8, lambda: node.getblockhash(1_000_000)),
        (-3, lambda: node.getblockhash("one")),
        (-5, lambda: node.getblock("00" * 32)),
        (-8, lambda: node.getblock("xyz")),
        (-1, lambda: node.getblockhash()),
        (-22, lambda: node.submitblock("00")),
        (-24, lambda: node.addnode("127.0.0.1:2", "remove")),
        (-29, lambda: node.disconnectnode("127.0.0.1:2")),
        (-30, lambda: node.setban("nowhere", "add")),
        (-32601, lambda: node.sendtoaddress("someone", 1)),
    ]:
        same(f"error {code}", code_of(JSONRPCException, call), code)


def python_bitcoinlib():
    """Its errors are classes by code, and its batches are bodies of one's own."""
    node = bitcoin.rpc.RawProxy(service_url=WITH_COOKIE)
    try:
        node.getblockhash(1_000_000)
    except bitcoin.rpc.InvalidParameterError:
        pass
    taken = node.submitdata("paid 5 to Ada")
    same("entry", taken["entry"], hashlib.sha256(b"paid 5 to Ada").hexdigest())
    same("waiting", node.getrawmempool(), [taken["entry"]])
    same("again", node.submitdata("paid 5 to Ada"), taken)
    same("taken once", len(node.getrawmempool()), 1)
    batch = [{"method": "uptime", "params": [], "id": 1}, {"method": "nosuch", "id": "two"}]
    first, second = node._batch(batch)
    same("batch", (first["id"], first["error"], second["id"]), (1, None, "two"))
    same("batch error", (second["result"], second["error"]["code"]), (None, -32601))
    block = node.generate(1)[0]
    same("on the chain", taken["entry"] in node.getblock(block)["tx"], True)
    same("proof", node.verifyproof(node.getproof(block, taken["entry"]))["valid"], True)


def jsonrpcclient_and_requests():
    """JSON-RPC 2.0 as its specification has it."""
    session = requests.Session()
    session.auth = (USER, PASSWORD)
    ask = lambda request: session.post(URL, json=request, timeout=PATIENCE)
    found = jsonrpcclient.parse(ask(jsonrpcclient.request("getblockcount")).json())
    same("kind of answer", type(found), jsonrpcclient.Ok)
    named = jsonrpcclient.request("getblockhash", params={"height": 0})
    genesis = jsonrpcclient.parse(ask(named).json()).result
    wrong = ask(jsonrpcclient.request("getblockhash", params=[1_000_000]))
    same("status", (wrong.status_code, jsonrpcclient.parse(wrong.json()).code), (200, -8))
    told = ask(jsonrpcclient.notification("generate", params=[1]))
    same("notification", (told.status_code, told.content), (204, b""))
    batch = [jsonrpcclient.request("getblockcount"), jsonrpcclient.request("getblockhash", params=[0])]
    count, first = jsonrpcclient.parse(ask(batch).json())
    same("batch", (count.result, first.result), (found.result + 1, genesis))
    # Without the cookie, reads alone; with a wrong one, nothing.
    nobody = requests.post(URL, json=jsonrpcclient.request("stop"), timeout=PATIENCE)
    same("nobody", (nobody.status_code, "WWW-Authenticate" in nobody.headers), (401, True))
    session.auth = (USER, "wrong")
    same("wrong cookie", ask(jsonrpcclient.request("uptime")).status_code, 401)
    plain = requests.post(URL, data="{}", headers={"Content-Type": "text/plain"}, timeout=PATIENCE)
    same("no JSON", plain.status_code, 415)


def miner():
    """From template to chain, and every word for a block that is not taken."""
    node = AuthServiceProxy(WITH_COOKIE, timeout=PATIENCE)
    template = node.getblocktemplate({"rules": []})
    target = bytes.fromhex(template["target"])
    header = bytearray.fromhex(template["header"])
    nonce = 0
    while hashlib.sha256(header).digest() > target:
        nonce += 1
        header[80:] = nonce.to_bytes(8, "big")
    block = header.hex() + "00000000"
    waited = {}
    wait = lambda: waited.update(
        AuthServiceProxy(WITH_COOKIE, timeout=PATIENCE).getblocktemplate({"longpollid": template["longpollid"]})
    )
    waiting = threading.Thread(target=wait)
    waiting.start()
    same("submitblock", node.submitblock(block), None)
    waiting.join()
    same("long poll", waited["height"], template["height"] + 1)
    same("again", node.submitblock(block), "duplicate")
    header[48:80] = bytes(32)
    same("no parent", node.submitblock(header.hex() + "00000000"), "prev-blk-not-found")


def events():
    """Server-Sent Events, and going on after a cut."""
    node = AuthServiceProxy(WITH_COOKIE, timeout=PATIENCE)

    def listen(**headers):
        stream = requests.get(
            URL + "events?kinds=tip_changed,data_mined", stream=True, headers=headers, timeout=PATIENCE
        )
        same("kind", stream.headers["Content-Type"].split(";")[0], "text/event-stream")
        return stream, sseclient.SSEClient(stream).events()

    stream, told = listen()
    entry = node.submitdata("listened to")["entry"]
    first = node.generate(1)[0]
    event = next(told)
    same("event", (event.event, json.loads(event.data)["new"]["hash"]), ("tip_changed", first))
    mined = next(told)
    same("event", (mined.event, json.loads(mined.data)["entry"]), ("data_mined", entry))
    stream.close()
    hashes = node.generate(2)
    stream, told = listen(**{"Last-Event-ID": event.id})
    again = next(told)
    same("told again", (again.id, again.data), (mined.id, mined.data))
    for block in hashes:
        same("missed", json.loads(next(told).data)["new"]["hash"], block)
    stream.close()


def pages():
    same("healthz", requests.get(URL + "healthz", timeout=PATIENCE).text, "ok\n")
    same("metrics", "forkful_height" in requests.get(URL + "metrics", timeout=PATIENCE).text, True)
    document = requests.get(URL + "openrpc.json", timeout=PATIENCE).json()
    node = AuthServiceProxy(WITH_COOKIE, timeout=PATIENCE)
    for method in document["methods"]:
        same(method["name"], method["name"] in node.help(method["name"]), True)


for check in [python_bitcoinrpc, python_bitcoinlib, jsonrpcclient_and_requests, miner, events, pages]:
    check()
    print(f"✓ {check.__name__}", flush=True)
