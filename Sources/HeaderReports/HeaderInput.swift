import BitcoinPrimitives

/// How headers are written down.
public enum HeaderFormat: String, CaseIterable, Sendable {
    /// 160 hexadecimal digits a line; empty lines, and lines that begin with #, are skipped.
    case hex
    /// 80 bytes each, one after the other.
    case raw

    /// What these bytes look like: raw headers hold bytes that no text does, as the zeros of their version.
    public static func guess(_ bytes: [UInt8]) -> HeaderFormat {
        let isText = bytes.prefix(Header.size).allSatisfy {
            (0x20..<0x7f).contains($0) || (0x09...0x0d).contains($0)
        }
        return isText ? .hex : .raw
    }
}

/// Why an input is not a list of headers.
public enum HeaderInputFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Column and line count from 1.
    case notHex(line: Int, column: Int)
    case wrongLength(line: Int, digits: Int)
    /// A raw file that ends within a header: where that header begins, and how many bytes it has.
    case incomplete(offset: Int, bytes: Int)
    case empty

    public var description: String {
        switch self {
        case .notHex(let line, let column): "line \(line), column \(column): not a hexadecimal digit"
        case .wrongLength(let line, let digits):
            "line \(line): \(digits) hexadecimal digits, but a header has \(2 * Header.size)"
        case .incomplete(let offset, let bytes):
            "offset \(offset): \(bytes) bytes, but a header has \(Header.size)"
        case .empty: "no header in the input"
        }
    }
}

/// Reads a list of headers.
///
/// - Returns: their bytes, 80 each, one after the other.
public func readHeaders(_ bytes: [UInt8], as format: HeaderFormat) throws(HeaderInputFault) -> [UInt8] {
    switch format {
    case .raw:
        let rest = bytes.count % Header.size
        guard rest == 0 else { throw .incomplete(offset: bytes.count - rest, bytes: rest) }
        guard !bytes.isEmpty else { throw .empty }
        return bytes
    case .hex:
        var headers = [UInt8]()
        headers.reserveCapacity(bytes.count / 2)
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            try appendHeader(line, number: number, to: &headers)
        }
        guard !headers.isEmpty else { throw .empty }
        return headers
    }
}

private func appendHeader(_ line: ArraySlice<UInt8>, number: Int, to headers: inout [UInt8])
    throws(HeaderInputFault)
{
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
    guard let first = line.firstIndex(where: { !isSpace($0) }), line[first] != UInt8(ascii: "#"),
        let last = line.lastIndex(where: { !isSpace($0) })
    else { return }
    var digits = [UInt8]()
    for index in first...last {
        guard let digit = Character(UnicodeScalar(line[index])).hexDigitValue, line[index] < 0x80 else {
            throw .notHex(line: number, column: index - line.startIndex + 1)
        }
        digits.append(UInt8(digit))
    }
    guard digits.count == 2 * Header.size else { throw .wrongLength(line: number, digits: digits.count) }
    for index in 0..<Header.size { headers.append(digits[2 * index] << 4 | digits[2 * index + 1]) }
}
