public import BitcoinPrimitives

extension JSONReader {
    /// A string, its escapes resolved.
    ///
    /// - Parameter limit: bytes that it may have as it is written.
    public mutating func string(limit: Int) throws(Fault) -> String {
        try want(.string)
        let start = offset
        let range = try rawString()
        guard range.count <= limit else { throw fault(.tooLong(limit: limit), at: start) }
        return try resolved(range, at: start)
    }

    /// A string of hexadecimal digits, as the bytes that they stand for.
    ///
    /// - Parameter limit: bytes that there may be.
    public mutating func hexBytes(limit: Int) throws(Fault) -> [UInt8] {
        try want(.string)
        let start = offset
        let digits = try rawString()
        guard digits.count % 2 == 0 else { throw fault(.badHex, at: start) }
        guard digits.count / 2 <= limit else { throw fault(.tooLong(limit: limit), at: start) }
        var isHex = true
        // Decoded where it will stay; unsafe because zeroing and bounds checks cost as much as the decoding.
        let decoded = [UInt8](unsafeUninitializedCapacity: digits.count / 2) { out, count in
            isHex = decode(digits, into: out, reversed: false)
            count = isHex ? digits.count / 2 : 0
        }
        guard isHex else { throw fault(.badHex, at: start) }
        return decoded
    }

    /// A hash in the order in which people and nodes write it.
    public mutating func hash() throws(Fault) -> Hash256 {
        try want(.string)
        let start = offset
        let digits = try rawString()
        guard digits.count == 64 else {
            throw fault(.wrongLength(digits.count / 2, wanted: 32), at: start)
        }
        let hash = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { wire -> Hash256? in
            guard decode(digits, into: wire, reversed: true) else { return nil }
            return Hash256(wireBytes: UnsafeBufferPointer(wire))
        }
        guard let hash else { throw fault(.badHex, at: start) }
        return hash
    }

    /// Whether the text in `range` is `name`.
    func text(in range: Range<Int>, is name: [UInt8]) -> Bool {
        guard range.count == name.count else { return false }
        for index in 0..<name.count where bytes[range.lowerBound + index] != name[index] { return false }
        return true
    }

    /// Where the text between the quotes is; moves behind the string at the reader's place. Escapes and bytes are
    /// checked as far as finding the end needs it.
    mutating func rawString() throws(Fault) -> Range<Int> {
        let start = offset + 1
        var place = start
        while true {
            place = plainEnd(from: place)
            guard place < end else { throw fault(.ended, at: end) }
            switch bytes[place] {
            case UInt8(ascii: "\""):
                moveTo(place + 1)
                return start..<place
            case UInt8(ascii: "\\"):
                guard place + 1 < end else { throw fault(.ended, at: end) }
                place += 2
            case let control: throw fault(.controlCharacter(control), at: place)
            }
        }
    }

    /// The first place from `start` on with a quote, a backslash or a control character, or the end. Eight bytes at
    /// a time, because nearly all of an answer is one long string after the other.
    private func plainEnd(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        return bytes.withUnsafeBytes { raw in
            var place = start
            while place + 8 <= end {
                let word = raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                let quote = word ^ (ones &* 0x22)
                let slash = word ^ (ones &* 0x5c)
                let found =
                    ((quote &- ones) & ~quote | (slash &- ones) & ~slash | (word &- ones &* 0x20) & ~word)
                    & tops
                if found != 0 { break }
                place += 8
            }
            while place < end {
                let byte = raw[place]
                if byte == 0x22 || byte == 0x5c || byte < 0x20 { break }
                place += 1
            }
            return place
        }
    }

    /// `false` when something is no digit.
    private func decode(
        _ digits: Range<Int>, into out: UnsafeMutableBufferPointer<UInt8>, reversed: Bool
    ) -> Bool {
        precondition(out.count >= digits.count / 2 && digits.upperBound <= bytes.count, "there is room")
        return bytes.withUnsafeBufferPointer { source in
            hexValues.withUnsafeBufferPointer { values in
                let count = digits.count / 2
                var bad: UInt8 = 0
                for index in 0..<count {
                    let at = digits.lowerBound + 2 * index
                    let high = values[Int(source[at])]
                    let low = values[Int(source[at + 1])]
                    bad |= high | low
                    out[reversed ? count - 1 - index : index] = high << 4 | low & 0x0f
                }
                return bad < 0x10
            }
        }
    }

    private func resolved(_ range: Range<Int>, at start: Int) throws(Fault) -> String {
        var text = [UInt8]()
        text.reserveCapacity(range.count)
        var place = range.lowerBound
        while place < range.upperBound {
            let byte = bytes[place]
            if byte != UInt8(ascii: "\\") {
                text.append(byte)
                place += 1
            } else {
                place = try resolve(at: place, before: range.upperBound, into: &text)
            }
        }
        guard let string = String(validating: text, as: UTF8.self) else { throw fault(.badUTF8, at: start) }
        return string
    }

    private func resolve(
        at place: Int, before end: Int, into text: inout [UInt8]
    ) throws(Fault) -> Int {
        switch bytes[place + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[place + 1])
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            guard let high = codeUnit(at: place, before: end) else { throw fault(.badEscape, at: place) }
            var number = high
            var next = place + 6
            if (0xd800..<0xdc00).contains(high) {
                guard let low = codeUnit(at: next, before: end), (0xdc00..<0xe000).contains(low) else {
                    throw fault(.badEscape, at: place)
                }
                number = 0x10000 + (high - 0xd800) << 10 + (low - 0xdc00)
                next += 6
            }
            guard let scalar = Unicode.Scalar(number) else { throw fault(.badEscape, at: place) }
            text += String(Character(scalar)).utf8
            return next
        default: throw fault(.badEscape, at: place)
        }
        return place + 2
    }

    private func codeUnit(at place: Int, before end: Int) -> UInt32? {
        guard place + 6 <= end, bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt32 = 0
        for index in 2..<6 {
            let value = hexValues[Int(bytes[place + index])]
            guard value < 16 else { return nil }
            unit = unit << 4 | UInt32(value)
        }
        return unit
    }
}

/// The value of a hexadecimal digit; 0xff for everything else.
private let hexValues: [UInt8] = (0..<256).map { byte in
    switch UInt8(byte) {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(byte) - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt8(byte) - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt8(byte) - UInt8(ascii: "A") + 10
    default: 0xff
    }
}
