import BitcoinPrimitives
import SV2Codec

extension Hash256 {
    /// The same 32 bytes; the wire's type always has them.
    init(wire: U256) { self = Hash256(words: wire.words) }

    var onWire: U256 { U256(words: words) }
}

extension Target {
    init(wire: U256) { self = Target(wireBytes: wire.wireBytes) ?? .max }

    var onWire: U256 { U256(wireBytes: wireBytes) ?? .zero }
}
