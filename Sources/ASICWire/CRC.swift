/// CRC-5 of BM13xx frames: polynomial 0x05, initial value 0x1f, most significant bit first, nothing reflected or
/// inverted. Source: bm13xx.md §3.3, checked there on captured replies of seven chips.
public func crc5(_ bytes: some Sequence<UInt8>) -> UInt8 {
    var crc: UInt8 = 0x1f
    for byte in bytes { crc = crc5Table[Int(crc << 3 ^ byte)] }
    return crc
}

/// CRC-5 of a response: over `bytes` and the top three bits of `typeBits`, which are the type. Put below those bits, it
/// makes the CRC-5 over the whole body zero.
func crc5(_ bytes: [UInt8], typeBits: UInt8) -> UInt8 {
    var register = crc5(bytes) << 3
    for bit in 0..<3 {
        let input = typeBits << UInt8(bit) & 0x80
        register = (register ^ input) & 0x80 != 0 ? register << 1 ^ (0x05 << 3) : register << 1
    }
    return register >> 3
}

/// The register after one byte, by the register (shifted up to the byte's top) exclusive-or the byte.
private let crc5Table: [UInt8] = (0...255).map { start in
    var bits = UInt8(start)
    for _ in 0..<8 { bits = bits & 0x80 != 0 ? bits << 1 ^ (0x05 << 3) : bits << 1 }
    return bits >> 3
}

/// CRC-16 of job frames (CCITT-FALSE): polynomial 0x1021, initial value 0xffff, most significant bit first; the check
/// string "123456789" gives 0x29b1. Source: bm13xx.md §3.3.
public func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var crc: UInt16 = 0xffff
    for byte in bytes {
        crc ^= UInt16(byte) << 8
        for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
    }
    return crc
}
