/// A coinbase transaction with a hole in its scriptSig, where the extranonce goes.
///
/// Stratum V2 sends it cut at the hole: as it is hashed (stripped, without BIP 141 bytes) in mining jobs, and whole
/// (with them) in a job declaration. Source: sv2-notes §6.
public struct CoinbaseParts: Hashable, Sendable {
    public var version: UInt32
    /// The scriptSig up to the extranonce: height push (BIP 34) and tags.
    public var scriptPrefix: [UInt8]
    /// Bytes of the hole: the upstream's extranonce prefix and the part that is rolled.
    public var extranonceSize: Int
    public var sequence: UInt32
    /// In block order; the witness commitment comes last.
    public var outputs: [TransactionOutput]
    public var lockTime: UInt32

    /// The most that consensus allows in a coinbase's scriptSig; 2 is the least.
    public static let maximumScriptSize = 100

    public init(
        version: UInt32, scriptPrefix: [UInt8], extranonceSize: Int, sequence: UInt32,
        outputs: [TransactionOutput],
        lockTime: UInt32
    ) {
        self.version = version
        self.scriptPrefix = scriptPrefix
        self.extranonceSize = extranonceSize
        self.sequence = sequence
        self.outputs = outputs
        self.lockTime = lockTime
    }

    /// Bytes before the hole, without marker and flag.
    public var strippedPrefix: [UInt8] { prefix(withWitness: false) }
    /// Bytes after the hole, without witness.
    public var strippedSuffix: [UInt8] { suffix(withWitness: false) }
    /// Bytes before the hole, with marker and flag.
    public var fullPrefix: [UInt8] { prefix(withWitness: true) }
    /// Bytes after the hole, with the witness: one item of 32 zero bytes.
    public var fullSuffix: [UInt8] { suffix(withWitness: true) }

    /// The coinbase with this extranonce, and with the witness that a commitment needs.
    ///
    /// - Parameter extranonce: exactly `extranonceSize` bytes; anything else is a wrong call.
    public func transaction(extranonce: [UInt8]) -> Transaction {
        precondition(extranonce.count == extranonceSize, "the extranonce fills the hole exactly")
        let input = TransactionInput(
            previousOutput: .coinbase, scriptSig: scriptPrefix + extranonce, sequence: sequence,
            witness: [WitnessCommitment.reservedValue])
        return Transaction(version: version, inputs: [input], outputs: outputs, lockTime: lockTime)
    }

    /// Weight of the whole coinbase, which does not depend on the extranonce.
    public var weight: Weight { transaction(extranonce: [UInt8](repeating: 0, count: extranonceSize)).weight }

    private func prefix(withWitness: Bool) -> [UInt8] {
        var out = [UInt8]()
        out.appendLittleEndian(version)
        if withWitness { out += [0, 1] }
        out.append(1)
        out += OutPoint.coinbase.txid.hash.wireBytes
        out.appendLittleEndian(OutPoint.coinbase.index)
        out.appendCompactSize(scriptPrefix.count + extranonceSize)
        return out + scriptPrefix
    }

    private func suffix(withWitness: Bool) -> [UInt8] {
        var out = [UInt8]()
        out.appendLittleEndian(sequence)
        out += TransactionOutput.wireBytes(of: outputs)
        if withWitness { out += [1, 32] + WitnessCommitment.reservedValue }
        out.appendLittleEndian(lockTime)
        return out
    }
}

extension CoinbaseParts {
    /// Merkle root of a block whose coinbase is `prefix`, `extranonce` and `suffix` in stripped form.
    public static func merkleRoot(
        strippedPrefix prefix: [UInt8], extranonce: [UInt8], strippedSuffix suffix: [UInt8], path: [Hash256]
    ) -> Hash256 {
        MerkleTree.root(leaf: Hash256(hashing: prefix + extranonce + suffix), path: path)
    }
}
