public import BitcoinPrimitives
import SV2Codec
import SV2Messages

/// A template's transactions, checked to be the ones it was made of.
public struct TemplateTransactions: Sendable {
    /// With witness, in block order, without the coinbase.
    public let wireBytes: [[UInt8]]
    public let txids: [Txid]
    public let wtxids: [Wtxid]

    /// Hashes every transaction, so it takes milliseconds for each megabyte.
    ///
    /// The merkle path tells whether a provider mixed up its clients: the transactions of one template under the
    /// number of another. Source: sv2-notes §7.3.
    public init(
        _ wireBytes: [[UInt8]], for template: DistributedTemplate
    ) throws(TransactionDataDefect) {
        var txids = [Txid]()
        var wtxids = [Wtxid]()
        var anyWitness = false
        txids.reserveCapacity(wireBytes.count)
        wtxids.reserveCapacity(wireBytes.count)
        for (index, bytes) in wireBytes.enumerated() {
            do throws(ParsingFault) {
                let transaction = try Transaction(wireBytes: bytes)
                let hash = Hash256(hashing: bytes)
                wtxids.append(Wtxid(hash))
                txids.append(transaction.hasWitness ? transaction.txid : Txid(hash))
                anyWitness = anyWitness || transaction.hasWitness
            } catch {
                throw .unreadable(index: index, error)
            }
        }
        let leaves = txids.map(\.hash)
        guard MerkleTree.path(besides: leaves) == template.merklePath else { throw .otherMerklePath }
        // A repeated tail has the same path as the list without it (CVE-2012-2459).
        guard !MerkleTree.isMutated([.zero] + leaves) else { throw .repeated }
        if let commitment = template.witnessCommitment {
            guard commitment == WitnessCommitment.script(wtxids: wtxids) else { throw .otherWitnesses }
        } else if anyWitness {
            throw .noWitnessCommitment
        }
        self.wireBytes = wireBytes
        self.txids = txids
        self.wtxids = wtxids
    }
}

extension TemplateTransactions: Hashable {
    /// The hashes name the bytes.
    public static func == (a: Self, b: Self) -> Bool { a.wtxids == b.wtxids }
    public func hash(into hasher: inout Hasher) { hasher.combine(wtxids) }
}

/// Why transactions are not the ones of a template.
public enum TransactionDataDefect: Error, Hashable, Sendable {
    /// Positions count from 0, without the coinbase.
    case unreadable(index: Int, ParsingFault)
    /// The path from their txids is not the template's: very likely another client's transactions.
    case otherMerklePath
    /// The list's tail is repeated, which the merkle root does not show.
    case repeated
    /// The commitment of the template's outputs is to other witnesses, or not with 32 zero bytes as the reserved
    /// value.
    case otherWitnesses
    /// Witnesses, and no output that commits to them.
    case noWitnessCommitment
}
