public import BitcoinPrimitives
import Crypto

/// Why a text is no extended public key.
public enum ExtendedKeyFault: Error, Hashable, Sendable {
    case base58(Base58Check.Fault)
    /// So many bytes instead of 78.
    case length(Int)
    /// Neither `xpub` nor `tpub`. Some wallets export a `ypub` or `zpub`, which says in its first letters
    /// what a descriptor says by its name: they have the same key as `xpub` too.
    case version(UInt32)
    /// A master key (depth 0) that claims to have a parent.
    case masterWithParent
    /// The key bytes are no compressed point.
    case notAPoint
}

/// A public key from which others can be derived. Source: BIP 32.
struct ExtendedPublicKey: Hashable, Sendable {
    let networks: [BitcoinNetwork]
    /// Steps from the master key.
    let depth: UInt8
    /// First four bytes of the parent's HASH160; zeros for a master key.
    let parentFingerprint: [UInt8]
    let childNumber: UInt32
    let chainCode: [UInt8]
    /// A compressed point, 33 bytes.
    let point: [UInt8]

    /// The first index of a hardened child, which only a private key can derive.
    static let firstHardened: UInt32 = 1 << 31

    init(_ text: String) throws(ExtendedKeyFault) {
        let bytes: [UInt8]
        do throws(Base58Check.Fault) { bytes = try Base58Check.decode(text) } catch { throw .base58(error) }
        guard bytes.count == 78 else { throw .length(bytes.count) }
        func word(_ at: Int) -> UInt32 { bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        networks = BitcoinNetwork.allCases.filter { $0.extendedKeyVersion == word(0) }
        guard !networks.isEmpty else { throw .version(word(0)) }
        depth = bytes[4]
        parentFingerprint = [UInt8](bytes[5..<9])
        childNumber = word(9)
        guard depth > 0 || word(5) == 0 && childNumber == 0 else { throw .masterWithParent }
        chainCode = [UInt8](bytes[13..<45])
        point = [UInt8](bytes[45...])
        guard Curve.compressed(point) != nil else { throw .notAPoint }
    }

    private init(childOf parent: ExtendedPublicKey, number: UInt32, chainCode: [UInt8], point: [UInt8]) {
        networks = parent.networks
        depth = parent.depth + 1
        parentFingerprint = parent.fingerprint
        childNumber = number
        self.chainCode = chainCode
        self.point = point
    }

    var fingerprint: [UInt8] { [UInt8](hash160(point).prefix(4)) }

    /// The text form, 111 characters.
    var text: String {
        var bytes = bigEndian(networks[0].extendedKeyVersion)
        bytes.append(depth)
        bytes += parentFingerprint + bigEndian(childNumber)
        return Base58Check.encode(bytes + chainCode + point)
    }

    /// The public key of the child with that number (BIP 32, CKDpub); `nil` for one of 2^127 numbers that
    /// have none. The next number is to be used then.
    ///
    /// Hardened numbers and children of a key at depth 255 are a wrong call.
    func child(_ number: UInt32) -> ExtendedPublicKey? {
        precondition(number < Self.firstHardened && depth < 255, "there is such a child")
        let code = HMAC<SHA512>.authenticationCode(
            for: point + bigEndian(number), using: SymmetricKey(data: chainCode))
        let bytes = [UInt8](code)
        guard let childPoint = Curve.sum(of: point, tweak: [UInt8](bytes[..<32])) else { return nil }
        return ExtendedPublicKey(
            childOf: self, number: number, chainCode: [UInt8](bytes[32...]), point: childPoint)
    }
}

private func bigEndian(_ word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
}
