import Crypto
import SV2Codec
import SV2Noise

extension SV2Bench {
    /// Frames through the encrypted stream, each way, beside ChaCha20-Poly1305 on the same blocks: one for the header
    /// and one for each 65,519 bytes of payload. The smallest is a share of an extended channel.
    func frames() -> [Contest] {
        [33, 1_024, 16_384, 1 << 20].flatMap { count -> [Contest] in
            let stream = Stream(payload: count)
            let bare = BareCipher(payload: count)
            return [
                Contest(
                    subject: "frames of \(count) bytes encrypted", byteCount: count, ours: stream.send,
                    bareName: "ChaChaPoly.seal alone", bare: bare.seal),
                Contest(
                    subject: "frames of \(count) bytes decrypted", byteCount: count, ours: stream.receive,
                    bareName: "ChaChaPoly.open alone", bare: bare.open),
            ]
        }
    }
}

/// Both ends of a connection after its handshake.
private final class Stream {
    private var client, server: NoiseTransport
    private let plain: [UInt8]

    init(payload count: Int) {
        let header = FrameHeader(extensionType: 0, channelMsg: false, msgType: 0x74, msgLength: count)
            .wireBytes
        plain = header.indices.map { header[$0] } + [UInt8](repeating: 0x5A, count: count)
        var generator = SystemRandomNumberGenerator()
        let authority = AuthorityKeyPair.generate(using: &generator)
        let identity = ResponderIdentity.issue(by: authority, validity: 0...10, using: &generator)
        let limits = PayloadLimits(PayloadLimits.greatest)
        let initiator = HandshakeInitiator(authority: authority.publicKey, using: &generator)
        let responder = HandshakeResponder(identity: identity, using: &generator)
        do {
            let answer = try responder.answer(act1: initiator.act1, limits: limits)
            client = try initiator.finish(act2: answer.act2, now: 5, limits: limits)
            server = answer.transport
        } catch {
            preconditionFailure("our own handshake: \(error)")
        }
    }

    private func encrypt() -> [UInt8] {
        guard let bytes = try? client.sending.encrypt(plain) else {
            preconditionFailure("2^64 nonces are not used up")
        }
        return bytes
    }

    func send(_ count: Int) -> Duration {
        var sent = [[UInt8]]()
        sent.reserveCapacity(min(count, 64))
        var elapsed = Duration.zero
        // What was sent arrives, so that the two ends go on counting alike; that is not timed.
        for start in stride(from: 0, to: count, by: 64) {
            elapsed += time(min(64, count - start)) { sent.append(encrypt()) }
            take(sent)
            sent.removeAll(keepingCapacity: true)
        }
        return elapsed
    }

    func receive(_ count: Int) -> Duration {
        var elapsed = Duration.zero
        for start in stride(from: 0, to: count, by: 64) {
            let sent = (0..<min(64, count - start)).map { _ in encrypt() }
            elapsed += time(1) { take(sent) }
        }
        return elapsed
    }

    private func take(_ sent: [[UInt8]]) {
        var frames = [NoiseFrame]()
        for bytes in sent {
            frames.removeAll(keepingCapacity: true)
            guard (try? server.receiving.receive(bytes, into: &frames)) != nil, frames.count == 1 else {
                preconditionFailure("our own frames open")
            }
        }
    }
}

/// The same blocks without a protocol: one key, nonces that count.
private final class BareCipher {
    private let key = SymmetricKey(size: .bits256)
    private let blocks: [ArraySlice<UInt8>]
    private let boxes: [ChaChaPoly.SealedBox]
    private var counter: UInt64 = 0

    init(payload count: Int) {
        let bytes = [UInt8](repeating: 0x5A, count: count)
        let starts = stride(from: 0, to: count, by: 65_519)
        blocks = [bytes[0..<min(6, count)]] + starts.map { bytes[$0..<min($0 + 65_519, count)] }
        boxes = blocks.map { [key] in
            guard let box = try? ChaChaPoly.seal($0, using: key) else {
                preconditionFailure("anything is sealed")
            }
            return box
        }
    }

    func seal(_ count: Int) -> Duration {
        time(count) {
            for block in blocks {
                counter += 1
                let nonce = [0, 0, 0, 0] + withUnsafeBytes(of: counter.littleEndian) { Array($0) }
                guard let nonce = try? ChaChaPoly.Nonce(data: nonce),
                    let box = try? ChaChaPoly.seal(block, using: key, nonce: nonce)
                else { preconditionFailure("anything is sealed") }
                keep(box)
            }
        }
    }

    func open(_ count: Int) -> Duration {
        time(count) {
            for box in boxes {
                guard let plain = try? ChaChaPoly.open(box, using: key) else {
                    preconditionFailure("what was sealed opens")
                }
                keep(plain)
            }
        }
    }
}
