extension JSONReader {
    /// A number as it is written: ±coefficient × 10^exponent.
    struct Decimal {
        var isNegative = false
        var coefficient: UInt64 = 0
        var exponent = 0
        /// Digits that did not fit in the coefficient were not all zero.
        var isRounded = false
    }

    /// A whole number. One that is written with a fraction or an exponent is out of range.
    public mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(Fault) -> T {
        try want(.number)
        let start = offset
        let number = try decimal()
        guard number.exponent == 0, !number.isRounded, bytes[start..<offset].allSatisfy({ $0 <= 0x39 }),
            !bytes[start..<offset].contains(UInt8(ascii: ".")),
            let value = number.isNegative
                ? T(exactly: -Int128(number.coefficient)) : T(exactly: number.coefficient)
        else { throw fault(.outOfRange, at: start) }
        return value
    }

    /// An amount that is written in bitcoins with at most eight places, in satoshis. Through decimal digits, never
    /// through a binary fraction.
    public mutating func bitcoins() throws(Fault) -> Int64 {
        try want(.number)
        let start = offset
        let number = try decimal()
        guard !number.isRounded else { throw fault(.outOfRange, at: start) }
        var value = number.coefficient
        var power = number.exponent + 8
        while power < 0, value != 0 {
            guard value % 10 == 0 else { throw fault(.outOfRange, at: start) }
            value /= 10
            power += 1
        }
        while power > 0, value != 0 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { throw fault(.outOfRange, at: start) }
            value = product
            power -= 1
        }
        guard value <= UInt64(Int64.max) else { throw fault(.outOfRange, at: start) }
        return number.isNegative ? -Int64(value) : Int64(value)
    }

    mutating func decimal() throws(Fault) -> Decimal {
        let start = offset
        var place = offset
        var number = Decimal()
        func digit(_ place: Int) -> UInt64? {
            guard place < end, (0x30...0x39).contains(bytes[place]) else { return nil }
            return UInt64(bytes[place] - 0x30)
        }
        func isAt(_ character: Unicode.Scalar) -> Bool {
            place < end && bytes[place] == UInt8(ascii: character)
        }
        if isAt("-") {
            number.isNegative = true
            place += 1
        }
        guard let first = digit(place), first != 0 || digit(place + 1) == nil else {
            throw fault(.badNumber, at: start)
        }
        while let value = digit(place) {
            number.take(value, isFraction: false)
            place += 1
        }
        if isAt(".") {
            place += 1
            guard digit(place) != nil else { throw fault(.badNumber, at: start) }
            while let value = digit(place) {
                number.take(value, isFraction: true)
                place += 1
            }
        }
        if isAt("e") || isAt("E") {
            place += 1
            let isSmall = isAt("-")
            if isSmall || isAt("+") { place += 1 }
            guard digit(place) != nil else { throw fault(.badNumber, at: start) }
            var exponent = 0
            while let value = digit(place) {
                // Beyond a million nothing fits, however many digits there are.
                exponent = min(10 * exponent + Int(value), 1_000_000)
                place += 1
            }
            number.exponent += isSmall ? -exponent : exponent
        }
        moveTo(place)
        return number
    }
}

extension JSONReader.Decimal {
    mutating func take(_ digit: UInt64, isFraction: Bool) {
        if coefficient <= (UInt64.max - 9) / 10 {
            coefficient = 10 * coefficient + digit
            if isFraction { exponent -= 1 }
        } else {
            isRounded = isRounded || digit != 0
            if !isFraction { exponent += 1 }
        }
    }
}
