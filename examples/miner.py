"""The miner of miner.rs with Python's standard library alone."""

import argparse, base64, hashlib, http.client, json, random, sys, threading, time, urllib.request
from pathlib import Path

# Longer than the longest wait of the API.
TIME_MAX_S = 660


def call(method, *params):
    cookie = base64.b64encode((directory / ".cookie").read_bytes()).decode()
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {cookie}"}
    url = (directory / ".api").read_text()
    request = urllib.request.Request(url, json.dumps(request).encode(), headers)
    with urllib.request.urlopen(request, timeout=TIME_MAX_S) as reply:
        answer = json.load(reply)
    if "error" in answer:
        sys.exit(f"{method}: {answer['error']['message']}")
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


def mine(blocks):
    while blocks > 0:
        template, stop = call("getblocktemplate"), threading.Event()

        # Nobody waits for this: whatever comes of it, there may be another template.
        def watch(known=template["longpollid"], stop=stop):
            try:
                call("getblocktemplate", {"longpollid": known})
            except (*FAILURES, SystemExit):
                pass
            stop.set()

        threading.Thread(target=watch, daemon=True).start()
        block = search(template, stop)
        if block:
            answer = call("submitblock", block)
            print(template["height"], json.dumps(answer), flush=True)
            blocks -= answer is None


# The file is not there, nobody answers, the answer breaks off, the answer is none.
FAILURES = (OSError, http.client.HTTPException, ValueError)

parser = argparse.ArgumentParser(description="Mines for a node with nothing but its API.")
parser.add_argument("data_dir", type=Path, help="the data directory of a node that runs")
parser.add_argument("blocks", type=int, nargs="?", default=1 << 64, help="how many blocks; else without end")
arguments = parser.parse_args()
directory = arguments.data_dir
try:
    mine(arguments.blocks)
except FAILURES as error:
    sys.exit(f"the node of {directory} does not answer: {error}")
except KeyboardInterrupt:
    print("ended by Ctrl-C", file=sys.stderr)
    sys.exit(130)
