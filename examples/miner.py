"""The miner of miner.rs with Python's standard library alone: python3 miner.py DATA_DIR [BLOCKS]"""

import base64, hashlib, json, random, sys, threading, time, urllib.request
from pathlib import Path


def call(method, *params):
    cookie = base64.b64encode((directory / ".cookie").read_bytes()).decode()
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {cookie}"}
    url = (directory / ".api").read_text()
    body = json.dumps(request).encode()
    answer = json.load(urllib.request.urlopen(urllib.request.Request(url, body, headers)))
    if "error" in answer:
        sys.exit(f"{method}: {answer['error']}")
    return answer["result"]


def search(template, stop):
    header, target = bytearray.fromhex(template["header"]), bytes.fromhex(template["target"])
    # Somewhere else than who searches for the same block.
    for nonce in range(random.getrandbits(63), 1 << 64):
        if nonce % 65536 == 0:
            if stop.is_set():
                return None
            # The time goes on while one searches.
            now = max(template["mintime_ms"], time.time_ns() // 1_000_000)
            header[8:16] = now.to_bytes(8, "big")
        header[80:88] = nonce.to_bytes(8, "big")
        if hashlib.sha256(header).digest() <= target:
            entries = [bytes.fromhex(entry["data"]) for entry in template["transactions"]]
            body = b"".join(len(entry).to_bytes(4, "big") + entry for entry in entries)
            return (header + len(entries).to_bytes(4, "big") + body).hex()


directory = Path(sys.argv[1])
left = int(sys.argv[2]) if len(sys.argv) > 2 else 1 << 64
template = call("getblocktemplate")
while left > 0:
    stop, news = threading.Event(), []

    def wait(known=template["longpollid"]):
        news.append(call("getblocktemplate", {"longpollid": known}))
        stop.set()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    block = search(template, stop)
    if block:
        answer = call("submitblock", block)
        print(template["height"], answer, flush=True)
        left -= answer is None
    waiting.join()
    template = news[0]
