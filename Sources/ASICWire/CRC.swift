/// CRC-5 of BM13xx frames: polynomial 0x05, initial value 0x1f, most significant bit first, nothing reflected or
/// inverted. Source: bm13xx.md §3.3, checked there on captured replies of seven chips.
public func crc5(_ bytes: some Sequence<UInt8>) -> UInt8 {
    let table = crc5Table
    return bytes.reduce(0x1f) { crc, byte in table[Int(crc << 3 ^ byte)] }
}

/// CRC-5 of a response: over `bytes` and the top three bits of `typeBits`, which are the type. Put below those bits, it
/// makes the CRC-5 over the whole body zero.
func crc5(_ bytes: Span<UInt8>, typeBits: UInt8) -> UInt8 {
    var register = crc5(bytes) << 3
    for bit in 0..<3 {
        let input = typeBits << UInt8(bit) & 0x80
        register = (register ^ input) & 0x80 != 0 ? register << 1 ^ (0x05 << 3) : register << 1
    }
    return register >> 3
}

func crc5(_ bytes: Span<UInt8>) -> UInt8 {
    let table = crc5Table
    var crc: UInt8 = 0x1f
    for i in bytes.indices { crc = table[Int(crc << 3 ^ bytes[i])] }
    return crc
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
    let table = crc16Table
    return bytes.reduce(0xffff) { crc, byte in crc << 8 ^ table[Int(UInt8(crc >> 8) ^ byte)] }
}

func crc16(_ bytes: Span<UInt8>) -> UInt16 {
    let table = crc16Table
    var crc: UInt16 = 0xffff
    for i in bytes.indices { crc = crc << 8 ^ table[Int(UInt8(crc >> 8) ^ bytes[i])] }
    return crc
}

/// What a byte does to the register, by the register's upper byte exclusive-or the byte.
private let crc16Table: [UInt16] = (0...255).map { start in
    var bits = UInt16(start) << 8
    for _ in 0..<8 { bits = bits & 0x8000 != 0 ? bits << 1 ^ 0x1021 : bits << 1 }
    return bits
}
