import SV2Noise

/// One side's handshake over a stream of bytes cut anywhere. A core: it sends and waits for nothing.
struct PendingHandshake: ~Copyable {
    enum Side: ~Copyable {
        case initiator(HandshakeInitiator)
        case responder(ResponderIdentity)
    }

    enum Progress: Equatable { case needMore, complete, foreign(ForeignProtocol) }

    /// Bytes of the peer's act and what came with its end: an act and one read of the socket at most.
    private(set) var received: [UInt8] = []
    private let side: Side
    private let actLength: Int

    init(_ side: consuming Side) {
        switch side {
        case .initiator: actLength = HandshakeAct.second
        case .responder: actLength = HandshakeAct.first
        }
        self.side = side
    }

    mutating func receive(_ bytes: [UInt8]) -> Progress {
        received += bytes
        // Both acts begin with 64 bytes that look random. Sixteen that all fit another protocol are no
        // accident: less than one handshake in 10^10 would be taken for it.
        // (The fixed bytes of plaintext Stratum V2 settle it alone, and its shortest answer has 12.)
        if let foreign = ForeignProtocol(firstBytes: received),
            received.count >= 16 || foreign == .plaintextSV2
        {
            return .foreign(foreign)
        }
        return received.count >= actLength ? .complete : .needMore
    }

    /// Ends the handshake once it is complete.
    ///
    /// - Parameters:
    ///   - now: Unix seconds.
    ///   - limits: what the transport will accept from this peer.
    consuming func finish(
        now: UInt32, limits: PayloadLimits, using generator: inout some RandomNumberGenerator
    ) throws(SV2Closure) -> Established {
        let act = Array(received.prefix(actLength))
        let rest = Array(received.dropFirst(actLength))
        do {
            switch consume side {
            case .initiator(let initiator):
                let transport = try initiator.finish(act2: act, now: now, limits: limits)
                return Established(transport: transport, reply: [], rest: rest)
            case .responder(let identity):
                let responder = HandshakeResponder(identity: identity, using: &generator)
                let answer = try responder.answer(act1: act, limits: limits)
                let reply = answer.act2
                return Established(transport: answer.transport, reply: reply, rest: rest)
            }
        } catch {
            throw .handshake(HandshakeFailure(error))
        }
    }
}

/// A handshake that succeeded.
struct Established: ~Copyable {
    /// To be sent before anything else; empty for the initiator.
    let reply: [UInt8]
    var transport: NoiseTransport
    /// What the peer has sent behind its act already.
    let rest: [UInt8]

    init(transport: consuming NoiseTransport, reply: [UInt8], rest: [UInt8]) {
        self.transport = transport
        self.reply = reply
        self.rest = rest
    }
}

extension ForeignProtocol {
    /// Nil when nothing is recognised. Fewer than 16 bytes prove little: ask then only about a peer that has
    /// failed anyway.
    init?(firstBytes bytes: [UInt8]) {
        let head = bytes.prefix(64)
        func begins(with text: String) -> Bool { head.starts(with: text.utf8) }
        func has(_ byte: UInt8, at index: Int) -> Bool { index < head.count && head[index] == byte }
        let isText = head.allSatisfy { (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) }

        if isText, ["HTTP/", "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS "].contains(where: begins) {
            self = .http
        } else if isText, begins(with: "{") {
            self = .stratumV1
        } else if has(0x16, at: 0), has(0x03, at: 1), has(0x01, at: 5), has(0x00, at: 6) {
            self = .tls  // a record with a ClientHello
        } else if has(0x15, at: 0), has(0x03, at: 1), has(0x00, at: 3), has(0x02, at: 4) {
            self = .tls  // an alert
        } else if (0..<3).allSatisfy({ has(0, at: $0) }), has(2, at: 7), has(0, at: 8), has(2, at: 9),
            has(0, at: 10)
        {
            self = .plaintextSV2  // SetupConnection for version 2 to 2
        } else if has(0, at: 0), has(0, at: 1), has(1, at: 2) || has(2, at: 2), has(0, at: 4), has(0, at: 5),
            head.count > 3, head[3] < 64
        {
            self = .plaintextSV2  // the answer to one: two bytes of extension, type, a length below 64
        } else if isText, !head.isEmpty {
            self = .text
        } else {
            return nil
        }
    }
}
