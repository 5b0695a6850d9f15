#!/usr/bin/env python3
"""Gives blocks to Bitcoin Core's own consensus code and says what it made of them.

    kernel-check.py --capture regtest-node.json.gz --blocks blocks.txt
    kernel-check.py --capture regtest-node.json.gz --alone blocks.txt

The recorded chain comes first, then the blocks (hex, a line each) in order: all must be accepted with full script
checks, each as the new tip. Then the first block, changed in three ways, is offered to a second node that knows the
recorded chain only; each must be refused, for the reason that the change deserves. With --alone the blocks have all the
same parent, the recorded tip, and each is offered to a node of its own. Exit status 0 only then.
"""

import argparse
import gzip
import hashlib
import json
import struct
import sys
import tempfile

import pbk

REGTEST_TOP = 0x7FFFFF  # a hash below 0x7fffff·2^232 meets regtest's nBits 207fffff


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def merkle_root(leaves):
    while len(leaves) > 1:
        if len(leaves) % 2:
            leaves = leaves + leaves[-1:]
        leaves = [sha256d(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        piece = self.data[self.at : self.at + count]
        if len(piece) != count:
            raise ValueError(f"the block ends at byte {len(self.data)}, in the middle of something")
        self.at += count
        return piece

    def count(self):
        first = self.take(1)[0]
        if first < 0xFD:
            return first
        return int.from_bytes(self.take({0xFD: 2, 0xFE: 4, 0xFF: 8}[first]), "little")


def write_count(value):
    if value < 0xFD:
        return bytes([value])
    return b"\xfd" + struct.pack("<H", value) if value <= 0xFFFF else b"\xfe" + struct.pack("<I", value)


class Tx:
    """One transaction, cut into what the three changes touch."""

    def __init__(self, cursor):
        start = cursor.at
        self.version = cursor.take(4)
        inputs = cursor.count()
        segwit = inputs == 0
        if segwit:
            assert cursor.take(1) == b"\x01"
            inputs = cursor.count()
        self.inputs = []
        for _ in range(inputs):
            outpoint = cursor.take(36)
            script = cursor.take(cursor.count())
            self.inputs.append((outpoint, script, cursor.take(4)))
        self.outputs = []
        for _ in range(cursor.count()):
            value = struct.unpack("<q", cursor.take(8))[0]
            self.outputs.append([value, cursor.take(cursor.count())])
        self.witness = b""
        if segwit:
            begin = cursor.at
            for _ in range(inputs):
                for _ in range(cursor.count()):
                    cursor.take(cursor.count())
            self.witness = cursor.data[begin : cursor.at]
        self.locktime = cursor.take(4)
        assert self.bytes() == cursor.data[start : cursor.at], "a transaction does not come back as it was"

    def bytes(self, witness=True):
        out = self.version + (b"\x00\x01" if witness and self.witness else b"")
        out += write_count(len(self.inputs))
        for outpoint, script, sequence in self.inputs:
            out += outpoint + write_count(len(script)) + script + sequence
        out += write_count(len(self.outputs))
        for value, script in self.outputs:
            out += struct.pack("<q", value) + write_count(len(script)) + script
        return out + (self.witness if witness else b"") + self.locktime

    def txid(self):
        return sha256d(self.bytes(witness=False))


class Block:
    def __init__(self, raw):
        cursor = Cursor(raw)
        self.header = bytearray(cursor.take(80))
        self.txs = [Tx(cursor) for _ in range(cursor.count())]
        if cursor.at != len(raw):
            raise ValueError(f"{len(raw) - cursor.at} bytes are left after the block")

    def commit(self):
        """Makes the witness commitment true again."""
        root = merkle_root([b"\0" * 32] + [sha256d(tx.bytes()) for tx in self.txs[1:]])
        for output in self.txs[0].outputs:
            if output[1].startswith(b"\x6a\x24\xaa\x21\xa9\xed"):
                output[1] = output[1][:6] + sha256d(root + b"\0" * 32) + output[1][38:]

    def bytes(self):
        """The block with the merkle root and the proof of work of its content."""
        self.header[36:68] = merkle_root([tx.txid() for tx in self.txs])
        for nonce in range(1 << 32):
            self.header[76:80] = struct.pack("<I", nonce)
            if int.from_bytes(sha256d(bytes(self.header))[29:], "little") < REGTEST_TOP:
                break
        return bytes(self.header) + write_count(len(self.txs)) + b"".join(tx.bytes() for tx in self.txs)


def richer(block):
    block.txs[0].outputs[0][0] += 1


def wrong_commitment(block):
    for output in block.txs[0].outputs:
        if output[1].startswith(b"\x6a\x24\xaa\x21\xa9\xed"):
            output[1] = output[1][:37] + bytes([output[1][37] ^ 1]) + output[1][38:]


def child_before_parent(block):
    position = {tx.txid(): i for i, tx in enumerate(block.txs)}
    for i, tx in enumerate(block.txs):
        parents = [position[o[:32]] for o, _, _ in tx.inputs if o[:32] in position]
        if parents:
            block.txs.insert(min(parents), block.txs.pop(i))
            block.commit()
            return
    sys.exit("kernel-check: the first block has no transaction whose parent is in the same block")


CHANGES = [
    ("its coinbase one satoshi richer", richer, "bad-cb-amount"),
    ("a wrong witness commitment", wrong_commitment, "bad-witness-merkle-match"),
    ("a transaction moved before its parent", child_before_parent, "bad-txns-inputs-missingorspent"),
]


class Node:
    """Bitcoin Core's chain state in memory, on regtest, with every script checked."""

    def __init__(self, log):
        self.log, self.state = log, None
        options = pbk.ContextOptions()
        options.set_chainparams(pbk.ChainParameters(pbk.ChainType.REGTEST))
        options.set_validation_interface(pbk.ValidationInterfaceCallbacks(block_checked=self.checked))
        self.folder = tempfile.TemporaryDirectory()
        options = pbk.ChainstateManagerOptions(
            pbk.Context(options), self.folder.name, self.folder.name + "/blocks")
        options.update_block_tree_db_in_memory(True)
        options.update_chainstate_db_in_memory(True)
        self.manager = pbk.ChainstateManager(options)

    def checked(self, _user, _block, state):
        self.state = (state.validation_mode.name, state.block_validation_result.name)

    @property
    def height(self):
        return self.manager.get_active_chain().height

    def offer(self, raw):
        """True when the block became the tip; what was said about it is in `log` otherwise."""
        del self.log[:]
        before = self.height
        try:
            self.manager.process_block(pbk.Block(raw))
        except Exception as error:  # the binding's own types differ between its releases
            self.log.append(f"{type(error).__name__}: {error}")
        chain = self.manager.get_active_chain()
        return chain.height == before + 1 and (
            bytes(chain.block_tree_entries[chain.height].block_hash) == sha256d(raw[:80]))


def with_recorded_chain(log, blocks):
    node = Node(log)
    for height, raw in enumerate(blocks[1:], start=1):
        if not node.offer(raw):
            sys.exit(f"kernel-check: recorded block {height} was refused: {log}")
    return node


def accept(node, raw, log):
    if not node.offer(raw) or node.state is None or node.state[0] != "VALID":
        reasons = [line for line in log if "bad-" in line or "high-hash" in line] or log[-3:]
        sys.exit(f"kernel-check: block {sha256d(raw[:80])[::-1].hex()} was refused: {node.state} {reasons}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capture", required=True, help="the recorded node, gzip of JSON with a list `blocks`")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--blocks", help="the blocks to check, one upon the other, hex, a line each")
    which.add_argument("--alone", help="blocks that all stand on the recorded tip, hex, a line each")
    parser.add_argument("--at-least", type=int, default=1, help="fewer blocks than this are a failure (default 1)")
    arguments = parser.parse_args()

    log = []
    pbk.logging_set_options(pbk.LoggingOptions(log_timestamps=False))
    pbk.set_log_level_category(pbk.LogCategory.ALL, pbk.LogLevel.DEBUG)
    pbk.enable_log_category(pbk.LogCategory.VALIDATION)
    connection = pbk.LoggingConnection(log.append)  # kept: the connection ends with its object

    recorded = [bytes.fromhex(block) for block in json.load(gzip.open(arguments.capture))["blocks"]]
    path = arguments.blocks or arguments.alone
    with open(path, encoding="ascii") as file:
        mined = [bytes.fromhex(line) for line in file.read().split()]
    if len(mined) < arguments.at_least:
        sys.exit(f"kernel-check: {len(mined)} blocks in {path}, expected at least {arguments.at_least}")

    if arguments.alone:
        for raw in mined:
            accept(with_recorded_chain(log, recorded), raw, log)
        print(f"{len(mined)} blocks on the recorded tip: each accepted with full script checks")
        return

    node = with_recorded_chain(log, recorded)
    print(f"recorded chain: {node.height} blocks after genesis accepted")
    for raw in mined:
        accept(node, raw, log)
    print(f"mined blocks: {len(mined)} of {len(mined)} accepted with full script checks, tip at {node.height}")

    second = with_recorded_chain(log, recorded)
    for what, change, reason in CHANGES:
        block = Block(mined[0])
        change(block)
        if second.offer(block.bytes()):
            sys.exit(f"kernel-check: the first block with {what} was accepted")
        said = " ".join(log)
        if reason not in said:
            sys.exit(f"kernel-check: the first block with {what} was refused, but not for {reason}: {said[-400:]}")
        print(f"first block with {what}: refused, {reason}")
    if not second.offer(mined[0]):
        sys.exit("kernel-check: the unchanged first block was refused after the changed ones")
    del connection
    print(f"{len(mined) + len(CHANGES)} passed, 0 failed")


if __name__ == "__main__":
    main()
