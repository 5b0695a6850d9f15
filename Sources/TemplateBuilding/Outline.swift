import BitcoinPrimitives

/// What the bytes of a mempool entry tell, if it has any.
struct Outline {
    var flaw: TransactionFlaw?
    /// 0 when the lock time has no force.
    var lockTime: UInt32 = 0
    var spends: [OutPoint] = []
    /// 0 where the bytes are missing or cannot be read.
    var outputCount = 0

    init(_ entry: MempoolEntry) {
        guard !entry.wireBytes.isEmpty else { return }
        do throws(ParsingFault) {
            let outline = try TransactionOutline(wireBytes: entry.wireBytes)
            lockTime = outline.hasOnlyFinalInputs ? 0 : outline.lockTime
            if outline.weight != entry.weight {
                flaw = .weightDiffers(stated: entry.weight, actual: outline.weight)
            } else if outline.baseSize == 64 {
                flaw = .sixtyFourBytes
            } else if outline.inputSigops > 2_500 {
                flaw = .tooManySigops(outline.inputSigops)
            }
            spends = Outline.spends(of: entry.wireBytes)
            outputCount = outline.outputCount
        } catch {
            flaw = .malformed(error)
        }
    }

    /// Outputs that a serialized transaction spends, in the order of its inputs; as far as they can be read.
    static func spends(of bytes: [UInt8]) -> [OutPoint] {
        guard bytes.count > 6 else { return [] }
        // Version, and for a transaction with witness a marker and a flag.
        var at = bytes[4] == 0 ? 6 : 4
        guard let inputs = compactSize(bytes, &at) else { return [] }
        var result = [OutPoint]()
        result.reserveCapacity(Swift.min(inputs, bytes.count / 41))
        for _ in 0..<inputs {
            guard at + 36 <= bytes.count, let hash = Hash256(wireBytes: bytes[at..<at + 32]) else { break }
            let index = bytes[at + 32..<at + 36].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            result.append(OutPoint(txid: Txid(hash), index: index))
            at += 36
            guard let length = compactSize(bytes, &at), length <= bytes.count - at - 4 else { break }
            at += length + 4
        }
        return result
    }

    private static func compactSize(_ bytes: [UInt8], _ at: inout Int) -> Int? {
        guard at < bytes.count else { return nil }
        let first = bytes[at]
        at += 1
        let width = first < 0xfd ? 0 : first == 0xfd ? 2 : first == 0xfe ? 4 : 8
        guard width > 0 else { return Int(first) }
        guard width <= bytes.count - at, width < 8 else { return nil }
        let value = bytes[at..<at + width].reversed().reduce(0) { $0 << 8 | Int($1) }
        at += width
        return value
    }
}
