import BitcoinPrimitives

/// Reads the coinbase of a declaration: cut at the extranonce, in BIP 141 form. Source: sv2-notes §6.
///
/// What is accepted is exactly what `CoinbaseParts` writes: one input that spends nothing, a script that ends
/// with the extranonce, one witness item of 32 zero bytes, counts in shortest form.
enum DeclaredCoinbase {
    /// Version, marker and flag, input count and outpoint: what stands before the script length.
    private static let scriptLengthOffset = 4 + 2 + 1 + 36

    static func read(prefix: [UInt8], suffix: [UInt8]) throws(DeclarationRefusal) -> CoinbaseParts {
        guard prefix.count > scriptLengthOffset else {
            throw .init(.coinbase, "the prefix ends before the script")
        }
        guard prefix[4] == 0, prefix[5] == 1 else { throw .init(.coinbase, "no marker and flag of BIP 141") }
        guard prefix[6] == 1 else { throw .init(.coinbaseInput, "not exactly one input") }
        let scriptLength = Int(prefix[scriptLengthOffset])
        let extranonceSize = scriptLength - (prefix.count - scriptLengthOffset - 1)
        guard (2...CoinbaseParts.maximumScriptSize).contains(scriptLength) else {
            throw .init(.coinbase, "bad-cb-length: a script of \(scriptLength) bytes")
        }
        guard (1...32).contains(extranonceSize) else {
            throw .init(.coinbase, "the cut leaves room for \(extranonceSize) bytes of extranonce")
        }
        let transaction: Transaction
        do throws(ParsingFault) {
            transaction = try Transaction(
                wireBytes: prefix + [UInt8](repeating: 0, count: extranonceSize) + suffix)
        } catch {
            throw .init(.coinbase, "\(error)")
        }
        guard transaction.isCoinbase else { throw .init(.coinbaseInput, "the input spends an output") }
        let parts = CoinbaseParts(
            version: transaction.version,
            scriptPrefix: [UInt8](transaction.inputs[0].scriptSig.dropLast(extranonceSize)),
            extranonceSize: extranonceSize, sequence: transaction.inputs[0].sequence,
            outputs: transaction.outputs, lockTime: transaction.lockTime)
        guard parts.fullPrefix == prefix, parts.fullSuffix == suffix else {
            throw .init(.coinbase, "the witness is not one item of 32 zero bytes")
        }
        return parts
    }
}
