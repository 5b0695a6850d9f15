import BitcoinPrimitives
import CSecp256k1

/// What payouts need of the curve: public points only, no secrets.
enum Curve {
    /// The 33 bytes of a compressed point; `nil` for bytes that are no point in compressed (02, 03) or
    /// uncompressed (04) form.
    static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
        guard [33, 65].contains(bytes.count), bytes.count == 33 || bytes[0] == 4 else { return nil }
        var point = secp256k1_pubkey()
        guard secp256k1_ec_pubkey_parse(context, &point, bytes, bytes.count) == 1 else { return nil }
        return serialized(&point)
    }

    /// Whether 32 big-endian bytes are the x coordinate of a point.
    static func isXOnly(_ x: [UInt8]) -> Bool {
        guard x.count == 32 else { return false }
        var key = secp256k1_xonly_pubkey()
        return secp256k1_xonly_pubkey_parse(context, &key, x) == 1
    }

    /// The point plus `tweak` times the generator, compressed; `nil` when the tweak is not below the group
    /// order or the sum is the point at infinity.
    ///
    /// - Parameters:
    ///   - tweak: 32 bytes, big-endian.
    ///   - point: 33 bytes that are a point.
    static func sum(of point: [UInt8], tweak: [UInt8]) -> [UInt8]? {
        precondition(point.count == 33 && tweak.count == 32)
        var key = secp256k1_pubkey()
        precondition(secp256k1_ec_pubkey_parse(context, &key, point, 33) == 1, "a point was checked before")
        guard secp256k1_ec_pubkey_tweak_add(context, &key, tweak) == 1 else { return nil }
        return serialized(&key)
    }

    /// The x coordinate of a taproot output that has the internal key `x` and no script; `nil` when the tweak
    /// is not below the group order. Source: BIP 341 and BIP 86.
    ///
    /// - Parameter x: 32 bytes that are the x coordinate of a point.
    static func taprootOutput(internalKey x: [UInt8]) -> [UInt8]? {
        var key = secp256k1_xonly_pubkey()
        precondition(secp256k1_xonly_pubkey_parse(context, &key, x) == 1, "a point was checked before")
        let tag = sha256([UInt8]("TapTweak".utf8))
        var point = secp256k1_pubkey()
        guard secp256k1_xonly_pubkey_tweak_add(context, &point, &key, sha256(tag + tag + x)) == 1 else {
            return nil
        }
        return [UInt8](serialized(&point).dropFirst())
    }

    private static func serialized(_ point: inout secp256k1_pubkey) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 33)
        var length = 33
        let flags = UInt32(SECP256K1_EC_COMPRESSED)
        precondition(secp256k1_ec_pubkey_serialize(context, &bytes, &length, &point, flags) == 1)
        return bytes
    }

    private static var context: OpaquePointer { shared.pointer }
    private static let shared = Context()

    /// `@unchecked Sendable`: the pointer is made in `init`, never freed, and only passed to functions that take a
    /// constant context. It is not randomized, because nothing secret passes through it.
    private final class Context: @unchecked Sendable {
        let pointer: OpaquePointer

        init() {
            guard let pointer = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
                preconditionFailure("libsecp256k1 has no memory for a context")
            }
            self.pointer = pointer
        }
    }
}
