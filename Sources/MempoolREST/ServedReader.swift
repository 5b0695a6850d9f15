import BitcoinPrimitives
public import NodeRPC

/// Why an answer is not what it should be.
public enum ServedFault: Error, Hashable, Sendable {
    case json(JSONReader.Fault)
    /// What we cannot do without is not there, or null.
    case missing(field: String)
    case fieldTwice(String)
    case tooMany(limit: Int)
    /// Not a hash, or not a number, where one should stand alone.
    case notPlain
}

/// Reads one answer in JSON; its faults are those of the answer.
struct ServedReader {
    let bytes: [UInt8]
    private var json: JSONReader

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        json = JSONReader(bytes)
    }

    mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(ServedFault) -> T {
        do throws(JSONReader.Fault) { return try json.integer(T.self) } catch { throw .json(error) }
    }

    mutating func bool() throws(ServedFault) -> Bool {
        do throws(JSONReader.Fault) { return try json.bool() } catch { throw .json(error) }
    }

    mutating func txid() throws(ServedFault) -> Txid {
        do throws(JSONReader.Fault) { return Txid(try json.hash()) } catch { throw .json(error) }
    }

    mutating func hexBytes() throws(ServedFault) -> [UInt8] {
        do throws(JSONReader.Fault) { return try json.hexBytes(limit: bytes.count) } catch {
            throw .json(error)
        }
    }

    mutating func kind() throws(ServedFault) -> JSONReader.Kind {
        do throws(JSONReader.Fault) { return try json.kind() } catch { throw .json(error) }
    }

    /// Passes over a value, and says where it was.
    @discardableResult
    mutating func skip() throws(ServedFault) -> Range<Int> {
        do throws(JSONReader.Fault) { return try json.skip() } catch { throw .json(error) }
    }

    /// Nothing but white space follows.
    mutating func finish() throws(ServedFault) {
        do throws(JSONReader.Fault) { try json.finish() } catch { throw .json(error) }
    }

    /// Reads an array, item by item.
    mutating func items(
        limit: Int, _ item: (inout ServedReader) throws(ServedFault) -> Void
    ) throws(ServedFault) {
        do throws(JSONReader.Fault) { try json.enterArray() } catch { throw .json(error) }
        var count = 0
        while try hasItem() {
            guard count < limit else { throw .tooMany(limit: limit) }
            count += 1
            try item(&self)
        }
    }

    private mutating func hasItem() throws(ServedFault) -> Bool {
        do throws(JSONReader.Fault) { return try json.nextItem() } catch { throw .json(error) }
    }

    /// Reads the members of one object that are of interest.
    mutating func members<Field: RawRepresentable<String> & CaseIterable & Sendable>(
        _ names: FieldNames<Field>, _ member: (Field, inout ServedReader) throws(ServedFault) -> Void
    ) throws(ServedFault) {
        var walk: FieldWalk<Field>
        do throws(JSONReader.Fault) { walk = try FieldWalk(names, &json) } catch { throw .json(error) }
        while let field = try next(&walk) { try member(field, &self) }
    }

    private mutating func next<Field>(_ walk: inout FieldWalk<Field>) throws(ServedFault) -> Field? {
        do throws(JSONReader.Fault) {
            return try walk.next(&json)
        } catch {
            if case .fieldTwice(let name) = error.reason { throw .fieldTwice(name) }
            throw .json(error)
        }
    }

    /// A number that is not negative, in thousandths, rounded down; what is larger than a whole number can be is the
    /// largest there is.
    mutating func thousandths() throws(ServedFault) -> UInt64 {
        guard try kind() == .number else { throw .notPlain }
        let range = try skip()
        var text = bytes[range]
        guard text.first != UInt8(ascii: "-") else { throw .notPlain }
        var exponent = 0
        if let mark = text.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
            let power = String(decoding: text[(mark + 1)...], as: UTF8.self)
            // Beyond a hundred nothing fits, however many digits there are.
            exponent = max(-100, min(100, Int(power) ?? (power.first == "-" ? -100 : 100)))
            text = text[..<mark]
        }
        var digits = [UInt8]()
        var places: Int?
        for byte in text {
            if byte == UInt8(ascii: ".") {
                places = 0
            } else {
                digits.append(byte - 0x30)
                places = places.map { $0 + 1 }
            }
        }
        // The value is digits × 10^shift.
        let shift = 3 + exponent - (places ?? 0)
        if shift < 0 { digits.removeLast(min(-shift, digits.count)) }
        var value: UInt64 = 0
        for digit in digits + [UInt8](repeating: 0, count: max(0, shift)) {
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            guard !over, !carry else { return .max }
            value = sum
        }
        return value
    }
}
