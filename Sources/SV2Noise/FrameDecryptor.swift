/// A decrypted frame. The header is not interpreted here beyond its length.
public struct NoiseFrame: Sendable {
    /// extension_type, msg_type and msg_length as they came.
    public let header: [6 of UInt8]
    public let payload: [UInt8]
}

/// The receiving half: takes the bytes of a stream in whatever pieces they arrive.
///
/// Memory follows what has arrived: at most one encrypted block (65,535 bytes) and the payload decrypted so
/// far are held, and a payload never grows beyond its limit.
public struct FrameDecryptor: ~Copyable, Sendable {
    private enum State: Sendable {
        case header
        /// `payload` is what was decrypted of `length` bytes.
        case payload(header: [6 of UInt8], length: Int, payload: [UInt8])
        case ended
    }

    private var cipher: CipherState
    private let limits: PayloadLimits
    private var state = State.header
    /// Arrived bytes of the block that is not complete yet, behind the room for its nonce.
    private var block = CipherState.emptyBlock

    init(cipher: consuming CipherState, limits: PayloadLimits) {
        self.cipher = cipher
        self.limits = limits
    }

    /// Takes the next bytes of the stream and appends the frames they complete.
    ///
    /// Frames before an error are in `frames` when it is thrown. After one, every further call throws too. No
    /// more frames come out than `bytes` has room for, so the caller bounds them by what it reads at once.
    public mutating func receive(
        _ bytes: Span<UInt8>, into frames: inout [NoiseFrame]
    ) throws(TransportError) {
        var position = 0
        while position < bytes.count {
            let count = min(try missingByteCount(), bytes.count - position)
            bytes.extracting(position..<position + count).withUnsafeBufferPointer {
                block.append(contentsOf: $0)
            }
            position += count
            guard try missingByteCount() == 0 else { return }
            do {
                if let frame = try openBlock() { frames.append(frame) }
            } catch {
                state = .ended
                throw error
            }
            if block.capacity <= 4_096 {
                block.removeSubrange(CipherState.nonceByteCount...)
            } else {
                block = CipherState.emptyBlock
            }
        }
    }

    /// The same for bytes in an array.
    public mutating func receive(_ bytes: [UInt8], into frames: inout [NoiseFrame]) throws(TransportError) {
        try receive(bytes.span, into: &frames)
    }

    /// Bytes of memory that an unfinished frame has taken.
    var heldByteCount: Int {
        switch state {
        case .header, .ended: block.capacity
        case .payload(_, _, let payload): block.capacity + payload.capacity
        }
    }

    /// Encrypted bytes that the block which is being collected still lacks.
    private func missingByteCount() throws(TransportError) -> Int {
        let whole =
            switch state {
            case .header: NoiseFraming.encryptedHeaderByteCount
            case .payload(_, let length, let payload):
                min(length - payload.count, NoiseFraming.chunkByteCount) + CipherState.tagByteCount
            case .ended: throw .endedBefore
            }
        return whole + CipherState.nonceByteCount - block.count
    }

    /// Decrypts the complete block; the frame that it ends, if it ends one.
    private mutating func openBlock() throws(TransportError) -> NoiseFrame? {
        switch state {
        case .header:
            var plain = [UInt8]()
            try cipher.decrypt(&block, appendingTo: &plain)
            let length = NoiseFraming.payloadLength(plain[...])
            let limit = limits.limit(for: plain[2])
            guard length <= limit else {
                throw .payloadAboveLimit(msgType: plain[2], length: length, limit: limit)
            }
            let header: [6 of UInt8] = [plain[0], plain[1], plain[2], plain[3], plain[4], plain[5]]
            return finish(header: header, length: length, payload: [])
        case .payload(let header, let length, var payload):
            state = .ended  // gives up the other reference, so that the payload grows in place
            try cipher.decrypt(&block, appendingTo: &payload)
            return finish(header: header, length: length, payload: payload)
        case .ended:
            throw .endedBefore
        }
    }

    private mutating func finish(header: [6 of UInt8], length: Int, payload: [UInt8]) -> NoiseFrame? {
        guard payload.count == length else {
            state = .payload(header: header, length: length, payload: payload)
            return nil
        }
        state = .header
        return NoiseFrame(header: header, payload: payload)
    }
}
