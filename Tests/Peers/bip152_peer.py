#!/usr/bin/env python3
"""A peer of Bitcoin's peer-to-peer network that takes a block, for tests: written from BIP 152, 130, 144 and 31 alone.

It listens on 127.0.0.1, prints one JSON object a line on standard output, and ends when its standard input does.
It takes connections one after the other. A block is announced as taken only after proof of work, merkle root and
witness commitment were recomputed here. It shares no code with what it tests.

    bip152_peer.py --tip HASH [--network NAME] [--bandwidth high|low] [--mempool FILE] [--hang-up STAGE] ...
"""
import argparse
import hashlib
import json
import socket
import struct
import sys
import threading

MAGIC = {
    "main": "f9beb4d9", "testnet3": "0b110907", "testnet4": "1c163f28", "signet": "0a03cf40", "regtest": "fabfb5da",
}
COMMITMENT = bytes.fromhex("6a24aa21a9ed")


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


class Refused(Exception):
    """What came is against the rules."""


class HungUp(Exception):
    """We close on purpose."""


class Bytes:
    """Serialized data, read from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Refused("data ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, layout):
        return struct.unpack("<" + layout, self.take(struct.calcsize(layout)))[0]

    def count(self):
        first = self.number("B")
        for mark, layout, least in ((253, "H", 253), (254, "I", 1 << 16), (255, "Q", 1 << 32)):
            if first == mark:
                value = self.number(layout)
                if value < least:
                    raise Refused("a count that is not in its shortest form")
                return value
        return first

    def transaction(self):
        """A transaction as (whole bytes, bytes without witness, outputs' scripts, first input's witness)."""
        start = self.at
        version = self.take(4)
        marked = self.data[self.at:self.at + 2] == b"\0\1"
        if marked:
            self.take(2)
        middle = self.at
        inputs = self.count()
        for _ in range(inputs):
            self.take(36)
            self.take(self.count())
            self.take(4)
        scripts = []
        for _ in range(self.count()):
            self.take(8)
            scripts.append(self.take(self.count()))
        body = self.data[middle:self.at]
        stacks = []
        if marked:
            for _ in range(inputs):
                stacks.append([self.take(self.count()) for _ in range(self.count())])
        lock_time = self.take(4)
        return (self.data[start:self.at], version + body + lock_time, scripts, stacks[0] if stacks else [])

    def end(self):
        if self.at != len(self.data):
            raise Refused("data goes on after its end")


def count_bytes(value):
    if value < 253:
        return struct.pack("<B", value)
    if value < 1 << 16:
        return b"\xfd" + struct.pack("<H", value)
    return b"\xfe" + struct.pack("<I", value)


def siphash(k0, k1, message):
    """SipHash-2-4 of 32 bytes."""
    mask = (1 << 64) - 1
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            for a, b, c in ((0, 1, 13), (2, 3, 16)):
                v[a] = (v[a] + v[b]) & mask
                v[b] = ((v[b] << c | v[b] >> 64 - c) & mask) ^ v[a]
            v[0] = (v[0] << 32 | v[0] >> 32) & mask
            for a, b, c in ((2, 1, 17), (0, 3, 21)):
                v[a] = (v[a] + v[b]) & mask
                v[b] = ((v[b] << c | v[b] >> 64 - c) & mask) ^ v[a]
            v[2] = (v[2] << 32 | v[2] >> 32) & mask

    for word in struct.unpack("<4Q", message) + (32 << 56,):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def merkle_root(leaves):
    while len(leaves) > 1:
        if len(leaves) % 2:
            leaves = leaves + leaves[-1:]
        leaves = [sha256d(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


def check_header(header):
    bits = struct.unpack("<I", header[72:76])[0]
    size, mantissa = bits >> 24, bits & 0x7FFFFF
    target = mantissa << 8 * (size - 3) if size > 3 else mantissa >> 8 * (3 - size)
    if int.from_bytes(sha256d(header), "little") > target:
        raise Refused("no proof of work")


def check_block(header, transactions):
    check_header(header)
    if merkle_root([sha256d(stripped) for _, stripped, _, _ in transactions]) != header[36:68]:
        raise Refused("wrong merkle root")
    _, _, scripts, witness = transactions[0]
    committed = [script for script in scripts if len(script) >= 38 and script[:6] == COMMITMENT]
    if committed:
        root = merkle_root([bytes(32)] + [sha256d(whole) for whole, _, _, _ in transactions[1:]])
        if len(witness) != 1 or sha256d(root + witness[0]) != committed[-1][6:38]:
            raise Refused("wrong witness commitment")
    elif any(whole != stripped for whole, stripped, _, _ in transactions):
        raise Refused("witnesses without a commitment")


class Peer:
    """One connection."""

    def __init__(self, node, channel):
        self.node, self.options, self.channel = node, node.options, channel
        self.magic = bytes.fromhex(MAGIC[self.options.network])
        self.partial = None
        self.knows_compact = False
        self.ours_high = self.options.bandwidth == "high"

    def send(self, command, payload=b""):
        name = command.encode().ljust(12, b"\0")
        self.channel.sendall(
            self.magic + name + struct.pack("<I", len(payload)) + sha256d(payload)[:4] + payload)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.channel.recv(min(count - len(data), 1 << 16))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        head = self.exactly(24)
        if head[:4] != self.magic:
            raise Refused("magic of another network")
        length = struct.unpack("<I", head[16:20])[0]
        payload = self.exactly(length)
        if sha256d(payload)[:4] != head[20:]:
            raise Refused("wrong checksum")
        return head[4:16].rstrip(b"\0").decode(), payload

    def hang_up(self, stage):
        """Closes once, at this stage."""
        if self.node.hang_up == stage:
            self.node.hang_up = None
            tell("hung-up", stage=stage)
            raise HungUp

    def introduce(self):
        services = self.options.services
        address = struct.pack("<Q16sH", services, bytes(16), 0)
        agent = b"/bip152-peer:1/"
        self.send("version", struct.pack("<iQq", self.options.version, services, 0) + address + address
                  + struct.pack("<Q", 7) + count_bytes(len(agent)) + agent + struct.pack("<iB", 227, 1))

    def run(self):
        if self.options.speak_first:
            self.introduce()
        command, payload = self.receive()
        if command != "version":
            raise Refused("began with " + command)
        data = Bytes(payload)
        version, services = data.number("i"), data.number("Q")
        tell("version", version=version, services=services, relay=payload[-1])
        if services & 1:
            raise Refused("claims to keep all blocks")
        self.hang_up("version")
        if not self.options.speak_first:
            self.introduce()
        self.send("wtxidrelay")
        self.send("sendaddrv2")
        self.send("verack")
        command, _ = self.receive()
        while command != "verack":
            if command not in ("wtxidrelay", "sendaddrv2", "feature"):
                raise Refused(command + " before verack")
            command, _ = self.receive()
        self.hang_up("verack")
        if not self.options.no_compact:
            self.send("sendcmpct", struct.pack("<BQ", 0, 1))  # old nodes said this too
            self.send("sendcmpct", struct.pack("<BQ", 0, 2))
            if self.ours_high:
                self.send("sendcmpct", struct.pack("<BQ", 1, 2))
        self.send("feefilter", struct.pack("<Q", 1000))
        self.send("ping", struct.pack("<Q", 99))
        tell("ready")
        while True:
            self.take(*self.receive())

    def take(self, command, payload):
        data = Bytes(payload)
        if command == "ping":
            self.send("pong", payload)
        elif command == "pong":
            tell("pong", right=payload == struct.pack("<Q", 99))
        elif command == "sendcmpct":
            high, version = data.number("B"), data.number("Q")
            self.knows_compact = version == 2
            tell("sendcmpct", high=high, version=version)
        elif command == "getheaders":
            self.answer_getheaders(data)
        elif command == "headers":
            for _ in range(data.count()):
                self.learn(data.take(80), "headers")
                data.count()
            data.end()
        elif command == "cmpctblock":
            self.take_compact(data)
        elif command == "blocktxn":
            self.take_transactions(data)
        elif command == "block":
            self.hang_up("block")
            self.take_block(data, payload)
        elif command == "notfound":
            tell("notfound", count=data.count())

    def answer_getheaders(self, data):
        data.take(4)
        locator = [data.take(32) for _ in range(data.count())]
        found = []
        for known in locator:
            if known in self.node.order:
                found = self.node.order[self.node.order.index(known) + 1:]
                break
        payload = count_bytes(len(found)) + b"".join(self.node.headers[h] + b"\0" for h in found)
        self.send("headers", payload)

    def is_new(self, header):
        check_header(header)
        if header[4:36] != self.node.order[-1]:
            if sha256d(header) not in self.node.order:
                raise Refused("a header that does not build on our tip")
            return False
        return True

    def learn(self, header, how):
        """A header without its block: asks for that, in the form that both know."""
        if not self.is_new(header):
            return
        tell("header", how=how, hash=sha256d(header)[::-1].hex())
        self.hang_up("headers")
        kind = 4 if self.knows_compact and not self.options.no_compact else 0x40000002
        self.asked = sha256d(header)
        self.send("getdata", b"\1" + struct.pack("<I", kind) + self.asked)

    asked = None

    def take_compact(self, data):
        header = data.take(80)
        block = sha256d(header)
        if not self.is_new(header):
            return
        if not self.ours_high and self.asked != block:
            return self.learn(header, "cmpctblock")  # nobody asked for it: only its header counts
        nonce = data.take(8)
        seed = hashlib.sha256(header + nonce).digest()
        k0, k1 = struct.unpack("<QQ", seed[:16])
        ids = [int.from_bytes(data.take(6), "little") for _ in range(data.count())]
        given, last = {}, -1
        for _ in range(data.count()):
            last += data.count() + 1
            given[last] = data.transaction()
        data.end()
        if 0 not in given:
            raise Refused("a compact block without its coinbase")
        total = len(ids) + len(given)
        if max(given) >= total:
            raise Refused("an index beyond the end")
        if len(set(ids)) < len(ids):
            raise Refused("two equal short ids, which this test never makes")
        known = {}
        for transaction in self.node.mempool:
            known[siphash(k0, k1, sha256d(transaction[0])) & 0xFFFFFFFFFFFF] = transaction
        rest = iter(ids)
        slots = [given[i] if i in given else known.get(next(rest)) for i in range(total)]
        missing = [i for i in range(total) if slots[i] is None]
        tell("compact", ids=len(ids), prefilled=len(given), missing=len(missing))
        self.hang_up("cmpctblock")
        if not missing:
            return self.finish(header, slots, "cmpctblock")
        self.partial = (header, slots, missing)
        last, request = -1, b""
        for i in missing:
            request += count_bytes(i - last - 1)
            last = i
        self.send("getblocktxn", block + count_bytes(len(missing)) + request)
        self.hang_up("getblocktxn")

    def take_transactions(self, data):
        if self.partial is None:
            raise Refused("blocktxn that nobody asked for")
        header, slots, missing = self.partial
        if data.take(32) != sha256d(header) or data.count() != len(missing):
            raise Refused("blocktxn for another question")
        for i in missing:
            slots[i] = data.transaction()
        data.end()
        self.partial = None
        self.hang_up("blocktxn")
        self.finish(header, slots, "blocktxn")

    def take_block(self, data, payload):
        header = data.take(80)
        transactions = [data.transaction() for _ in range(data.count())]
        data.end()
        if self.is_new(header):
            self.finish(header, transactions, "block")

    def finish(self, header, transactions, route):
        check_block(header, transactions)
        block = sha256d(header)
        whole = header + count_bytes(len(transactions)) + b"".join(t[0] for t in transactions)
        self.node.order.append(block)
        self.node.headers[block] = header
        tell("block", route=route, hash=block[::-1].hex(), sha256=hashlib.sha256(whole).hexdigest(),
             transactions=len(transactions))
        if self.options.choose:  # who brings a new tip first is chosen for high bandwidth
            self.ours_high = True
            self.send("sendcmpct", struct.pack("<BQ", 1, 2))


class Node:
    def __init__(self, options):
        self.options = options
        self.hang_up = options.hang_up
        self.order = [bytes.fromhex(options.tip)[::-1]]
        self.headers = {}
        self.mempool = []
        if options.mempool:
            with open(options.mempool) as lines:
                self.mempool = [Bytes(bytes.fromhex(line.strip())).transaction() for line in lines]

    def run(self):
        listener = socket.create_server(("127.0.0.1", self.options.port))
        tell("listening", port=listener.getsockname()[1])
        while True:
            channel, _ = listener.accept()
            try:
                Peer(self, channel).run()
            except HungUp:
                pass
            except Refused as refusal:
                tell("refused", why=str(refusal))
            except (EOFError, ConnectionError):
                tell("closed")
            channel.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tip", required=True, help="hash of the block that the next one builds on")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--network", choices=MAGIC, default="regtest")
    parser.add_argument("--bandwidth", choices=("high", "low"), default="low")
    parser.add_argument("--no-compact", action="store_true", help="knows nothing of BIP 152")
    parser.add_argument("--choose", action="store_true", help="asks for high bandwidth after the first block")
    parser.add_argument("--mempool", help="a file of transactions, hexadecimal, one a line")
    parser.add_argument("--services", type=int, default=0x409)
    parser.add_argument("--version", type=int, default=70016)
    parser.add_argument("--speak-first", action="store_true")
    parser.add_argument("--hang-up", help="closes once at: version, verack, headers, block, cmpctblock, "
                                          "getblocktxn or blocktxn")
    options = parser.parse_args()
    threading.Thread(target=Node(options).run, daemon=True).start()
    sys.stdin.read()  # whoever started us has gone


main()
