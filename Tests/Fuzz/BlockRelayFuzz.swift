// Fuzz entry for the peer-to-peer protocol: frames, messages and the session. Built in one module with
// BlockRelay's own files.
//
// Input: one byte that chooses what reads it, then either frames without their header's magic and checksum
// (length in two bytes, command as one byte of the list below, payload) or a raw stream. Whatever stands
// in it, reading ends; what is accepted is written as the same bytes; and a session keeps its bounds.

import BitcoinPrimitives
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    switch start[0] % 4 {
    case 0: readStream(bytes)
    case 1: for frame in frames(bytes) { readMessage(frame) }
    case 2: feed(frames(bytes), greeted: false)
    default: feed(frames(bytes), greeted: true)
    }
    return 0
}

private let commands = [
    "version", "verack", "wtxidrelay", "sendaddrv2", "sendheaders", "sendcmpct", "ping", "pong", "getheaders",
    "headers", "inv", "getdata", "notfound", "block", "cmpctblock", "getblocktxn", "blocktxn", "feefilter",
    "tx",
]

private func frames(_ bytes: [UInt8]) -> [Frame] {
    var frames = [Frame]()
    var at = 0
    while at + 3 <= bytes.count {
        let length = min(Int(bytes[at]) | Int(bytes[at + 1]) << 8, bytes.count - at - 3)
        let command = commands[Int(bytes[at + 2]) % commands.count]
        frames.append(Frame(command: command, payload: Array(bytes[at + 3..<at + 3 + length])))
        at += 3 + length
    }
    return frames
}

private func readStream(_ bytes: [UInt8]) {
    var whole = FrameReader(network: .regtest)
    var pieces = FrameReader(network: .regtest)
    var first = [Frame]()
    var second = [Frame]()
    whole.receive(bytes)
    let end = taken(&whole, &first)
    var pieceEnd: FrameFault?
    for byte in bytes where pieceEnd == nil {
        pieces.receive([byte])
        pieceEnd = taken(&pieces, &second)
    }
    precondition(first == second && end == pieceEnd, "pieces make no difference")
    let written = first.flatMap { $0.wireBytes(on: .regtest) }
    precondition(bytes.starts(with: written), "what was read is written the same")
    for frame in first { readMessage(frame) }
}

private func taken(_ reader: inout FrameReader, _ frames: inout [Frame]) -> FrameFault? {
    do throws(FrameFault) {
        while let frame = try reader.next() { frames.append(frame) }
        return nil
    } catch {
        return error
    }
}

private func readMessage(_ frame: Frame) {
    guard let message = try? PeerMessage(frame) else { return }
    let written = message.frame
    if case .version = message {
        guard let again = try? PeerMessage(written) else { preconditionFailure("what is written is read") }
        precondition(again == message, "what was read is written the same")
    } else {
        precondition(written == frame, "what was read is written the same")
    }
    guard case .cmpctblock(let compact) = message else { return }
    precondition(
        compact.prefilled.allSatisfy { $0.index < compact.transactionCount }, "indexes are in the block")
    let pool = compact.prefilled.map(\.transaction)
    guard let partial = try? PartialBlock(compact, wtxids: pool.map(\.wtxid), transaction: { pool[$0] })
    else { return }
    precondition(partial.missing.count <= compact.shortIDs.count, "only what has an id is missing")
    _ = try? partial.filled(with: [])
    _ = try? partial.filled(with: [Transaction](repeating: empty, count: partial.missing.count))
}

private let empty = Transaction(version: 0, inputs: [], outputs: [], lockTime: 0)

/// One transaction, ground for regtest.
private let block: FoundBlock = {
    let coinbase = CoinbaseParts(
        version: 2, scriptPrefix: [1, 1], extranonceSize: 0, sequence: .max,
        outputs: [TransactionOutput(value: .zero, script: WitnessCommitment.script(wtxids: []))], lockTime: 0
    ).transaction(extranonce: [])
    var header = Header(
        version: 1, previousBlock: .zero, merkleRoot: coinbase.txid.hash, time: 0,
        bits: CompactTarget(bits: 0x207f_ffff), nonce: 0)
    while header.bits.target?.isMet(by: header.hash) != true { header.nonce += 1 }
    guard
        let block = try? FoundBlock(
            header: header, coinbase: coinbase, transactions: [], on: .regtest, nonce: 0)
    else { preconditionFailure("a block of one transaction") }
    return block
}()

private func feed(_ frames: [Frame], greeted: Bool) {
    var session = PeerSession(
        configuration: PeerSession.Configuration(network: .regtest, userAgent: "/f/"), seed: 1)
    var now = Instant(nanoseconds: 0)
    var sent = 0
    var received = 0

    func tell(_ event: PeerSession.Event) {
        for action in session.handle(event, at: now) {
            switch action {
            case .send(let bytes):
                sent += bytes.count
                var reader = FrameReader(network: .regtest)
                reader.receive(bytes)
                guard let frame = try? reader.next(), (try? PeerMessage(frame)) != nil, reader.held == 0
                else {
                    preconditionFailure("what we send is one message")
                }
            case .wake(let at): precondition(at >= now - .seconds(1_000), "a deadline is not long past")
            case .connect, .disconnect, .notice: break
            }
        }
        precondition(session.blocks.count <= PeerSession.maximumBlocks, "no more blocks than may")
    }

    tell(.start)
    tell(.connected(unixTime: 0))
    tell(.announce(block))
    if greeted {
        let version = VersionMessage(
            protocolVersion: 70_016, services: [.network, .witness], time: 0, nonce: 1, userAgent: [],
            startHeight: 0, relay: nil)
        for message in [PeerMessage.version(version), .verack] {
            tell(.received(message.frame.wireBytes(on: .regtest)))
        }
    }
    for frame in frames {
        // Hashes of our block are hard to guess: what has room for one gets it.
        var payload = frame.payload
        if frame.command == "getblocktxn" || frame.command == "getdata", payload.count >= 40,
            payload[0] & 1 == 0
        {
            let at = frame.command == "getdata" ? 5 : 0
            payload.replaceSubrange(at..<at + 32, with: block.hash.wireBytes)
        }
        let bytes = Frame(command: frame.command, payload: payload).wireBytes(on: .regtest)
        received += bytes.count
        tell(.received(bytes))
        now = now + .seconds(1)
        tell(.woke)
    }
    // Each connection may fetch the block eight times, and an answer is a few times its question at most.
    precondition(
        sent <= 64 * (block.wireBytes.count + 200) * (frames.count + 1) + 4 * received, "no flood from us")
    tell(.stop)
}
