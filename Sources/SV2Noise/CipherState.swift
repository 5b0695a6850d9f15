import Crypto

/// ChaCha20-Poly1305 with a key and a counter for a nonce. It cannot be copied: a copy would use a nonce
/// twice.
struct CipherState: ~Copyable, Sendable {
    static let tagByteCount = 16

    private let key: SymmetricKey
    /// The next nonce. 2^64 - 1 is never used (Noise, section 5.1).
    private(set) var nonce: UInt64

    /// - Parameter nonce: where to begin counting; other than 0 only to test the end of the count.
    init(key: SymmetricKey, nonce: UInt64 = 0) {
        self.key = key
        self.nonce = nonce
    }

    /// Ciphertext and tag, 16 bytes more than came in.
    mutating func encrypt(
        _ plaintext: ArraySlice<UInt8>, authenticating data: [UInt8] = []
    ) throws(TransportError) -> [UInt8] {
        var output = [UInt8]()
        output.reserveCapacity(plaintext.count + Self.tagByteCount)
        try encrypt(plaintext, authenticating: data, appendingTo: &output)
        return output
    }

    mutating func encrypt(
        _ plaintext: ArraySlice<UInt8>, authenticating data: [UInt8] = [], appendingTo output: inout [UInt8]
    ) throws(TransportError) {
        let bytes = try takeNonce()
        guard let nonce = try? ChaChaPoly.Nonce(data: bytes),
            let box = try? ChaChaPoly.seal(plaintext, using: key, nonce: nonce, authenticating: data)
        else { preconditionFailure("a 12-byte nonce and a 32-byte key seal anything") }
        output.appendStorage(of: box.combined, from: bytes.count)
    }

    /// The plaintext, 16 bytes shorter. After an error the state is useless: the two ends count apart.
    mutating func decrypt(
        _ ciphertext: ArraySlice<UInt8>, authenticating data: [UInt8] = []
    ) throws(TransportError) -> [UInt8] {
        var output = [UInt8]()
        var block = Self.emptyBlock
        block.append(contentsOf: ciphertext)
        try decrypt(&block, authenticating: data, appendingTo: &output)
        return output
    }

    /// What a block begins with before its first byte has arrived: room for the nonce, so that the library takes both in
    /// one piece.
    static let emptyBlock = [UInt8](repeating: 0, count: nonceByteCount)
    static let nonceByteCount = 12

    /// - Parameter block: `emptyBlock`, then ciphertext and tag. The nonce is written into it.
    mutating func decrypt(
        _ block: inout [UInt8], authenticating data: [UInt8] = [], appendingTo output: inout [UInt8]
    ) throws(TransportError) {
        let nonce = try takeNonce()
        for index in nonce.indices { block[index] = nonce[index] }
        guard let box = try? ChaChaPoly.SealedBox(combined: block),
            let plaintext = try? ChaChaPoly.open(box, using: key, authenticating: data)
        else { throw .notAuthentic }
        output.appendStorage(of: plaintext)
    }

    /// Four zero bytes and the counter, little-endian; then counts on.
    private mutating func takeNonce() throws(TransportError) -> [UInt8] {
        guard nonce < .max else { throw .noncesUsedUp }
        defer { nonce &+= 1 }
        return [0, 0, 0, 0] + withUnsafeBytes(of: nonce.littleEndian) { Array($0) }
    }
}

extension [UInt8] {
    /// Appends what lies in one piece of memory at once; element by element would be many times slower.
    fileprivate mutating func appendStorage(of bytes: some Collection<UInt8>, from start: Int = 0) {
        let done: Void? = bytes.withContiguousStorageIfAvailable {
            append(contentsOf: UnsafeBufferPointer(rebasing: $0[start...]))
        }
        precondition(done != nil, "the library's bytes lie in one piece")
    }
}
