/// EMC2101: one fan, the diode in the chip and its own temperature. Source: boards.md §5 and §6, erratum included.
struct EmulatedEMC2101: Sendable {
    private var file = RegisterFile([0xFD: 0x16, 0xFE: 0x5D])
    private var pointer: UInt8 = 0
    /// High part of the tachometer's count, held from the read of the low one.
    private var heldCount: UInt8 = 0xFF
    /// What it measures; set by its board before every transfer.
    var diode: Double?
    var own = 25.0
    var speed = 0.0

    /// 0 to 1. With the PWM frequency at its reset value the counter ends at 46.
    var duty: Double { min(Double(file.value(0x4C) & 0x3F) / 46, 1) }

    mutating func write(_ bytes: [UInt8]) {
        if let first = bytes.first { pointer = first }
        file.write(bytes)
    }

    mutating func read(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            defer { pointer &+= 1 }
            return value(pointer)
        }
    }

    private mutating func value(_ register: UInt8) -> UInt8 {
        switch register {
        case 0x00: return UInt8(bitPattern: Int8(min(max(own.rounded(.down), -128), 127)))
        case 0x01: return UInt8(diodeWord >> 8)
        case 0x10: return UInt8(diodeWord & 0xFF)
        case 0x46:
            // The tachometer's input is an alert output unless register 3 says otherwise.
            let isTachometer = file.value(0x03) & 0x04 != 0
            let count = speed > 83 && isTachometer ? UInt16(min(5_400_000 / speed, 65_535)) : 0xFFFF
            heldCount = UInt8(count >> 8)
            return UInt8(count & 0xFF)
        case 0x47: return heldCount
        case _: return file.value(register)
        }
    }

    /// Eleven bits of 0.125 °C above five zeros. Without power the diode reads as something: here -1 °C.
    private var diodeWord: UInt16 {
        let eighths = Int16(min(max(((diode ?? -1) * 8).rounded(), -1024), 1015))
        return UInt16(bitPattern: eighths << 5)
    }
}

/// EMC2302: two fans. Source: boards.md §5; the first of the two tachometer registers is the high one, as the drivers'
/// arithmetic and the Linux kernel have it.
struct EmulatedEMC2302: Sendable {
    private var file = RegisterFile([0xFD: 0x36, 0xFE: 0x5D, 0x30: 0xFF, 0x40: 0xFF])
    private var pointer: UInt8 = 0
    var speeds = [0.0, 0.0]

    /// 0 to 1 of each fan.
    var duties: [Double] { [file.value(0x30), file.value(0x40)].map { Double($0) / 255 } }

    mutating func write(_ bytes: [UInt8]) {
        if let first = bytes.first { pointer = first }
        file.write(bytes)
    }

    mutating func read(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            defer { pointer &+= 1 }
            return value(pointer)
        }
    }

    private func value(_ register: UInt8) -> UInt8 {
        switch register {
        case 0x3E: UInt8(count(0) >> 8)
        case 0x3F: UInt8(count(0) & 0xFF)
        case 0x4E: UInt8(count(1) >> 8)
        case 0x4F: UInt8(count(1) & 0xFF)
        case _: file.value(register)
        }
    }

    /// Thirteen bits above three zeros; all ones below the range of 500 turns a minute.
    private func count(_ fan: Int) -> UInt16 {
        guard speeds[fan] >= 490 else { return 0xFFF8 }
        return UInt16(min(3_932_160 / speeds[fan], 8_191)) << 3
    }
}

/// TMP1075. Source: boards.md §6.
struct EmulatedTMP1075: Sendable {
    private var pointer: UInt8 = 0
    var celsius = 25.0

    mutating func write(_ bytes: [UInt8]) {
        if let first = bytes.first { pointer = first }
    }

    /// A word, high byte first, whatever register it is.
    func read(_ count: Int) -> [UInt8] {
        let word: UInt16
        switch pointer {
        case 0x00:
            word = UInt16(bitPattern: Int16(min(max((celsius * 16).rounded(), -2048), 2047)) << 4)
        case 0x0F: word = 0x7500
        case _: word = 0
        }
        let bytes = [UInt8(word >> 8), UInt8(word & 0xFF)]
        return (0..<count).map { $0 < 2 ? bytes[$0] : 0xFF }
    }
}

extension RegisterFile {
    /// What a register holds; the pointer stays where it is.
    fileprivate func value(_ register: UInt8) -> UInt8 {
        var copy = self
        copy.write([register])
        return copy.read(1)[0]
    }
}
