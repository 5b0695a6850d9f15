public import BitcoinPrimitives

/// Why a block is not fit to be pushed to peers, who would close the connection for it.
public enum FoundBlockFault: Error, Hashable, Sendable {
    case malformed(ParsingFault)
    /// It does not fit in a message, or has more transactions than a compact block can name.
    case tooLarge(bytes: Int, transactions: Int)
    /// The hash does not meet the target of the header's own bits.
    case proofOfWork(Hash256)
    case commitment(CommitmentFault)
}

/// A block that we have found, checked, with the messages that carry it: made once, for all peers.
///
/// Checked are proof of work, merkle root and witness commitment: what a sender owes by BIP 152.
public struct FoundBlock: Sendable {
    public let network: PeerNetwork
    public let header: Header
    public let hash: Hash256
    public let transactionCount: Int
    /// The `block` message, with witnesses, ready to be sent.
    let blockFrame: [UInt8]
    /// The `cmpctblock` message, ready to be sent.
    let compactFrame: [UInt8]
    /// Of each transaction in `blockFrame`.
    private let places: [Range<Int>]

    /// What may be prefilled beside the coinbase, in bytes. Source: BIP 152 asks for about 10 kB at most.
    public static let maximumPrefilled = 10_000

    /// Reads a block; computes every id.
    ///
    /// - Parameters:
    ///   - nonce: of the short ids: by chance, anew for each block.
    ///   - prefilling: positions of transactions that peers surely lack (a pool's payouts, what was handed
    ///   to us
    ///     directly), the most important first; as many are sent along as fit.
    public init(
        wireBytes: [UInt8], on network: PeerNetwork, nonce: UInt64, prefilling: [Int] = []
    ) throws(FoundBlockFault) {
        let block: Block
        do throws(ParsingFault) {
            block = try Block(wireBytes: wireBytes)
        } catch {
            throw .malformed(error)
        }
        let parts = block.transactions.map { transaction in
            let bytes = transaction.wireBytes
            let txid = transaction.txid
            return Part(
                txid: txid, wtxid: transaction.hasWitness ? Wtxid(Hash256(hashing: bytes)) : Wtxid(txid.hash),
                bytes: bytes)
        }
        try self.init(block.header, block.transactions.first, parts, network, nonce, prefilling)
    }

    /// Puts a block together from what its template knew already, several times as fast.
    ///
    /// - Parameter transactions: those after the coinbase, in block order, their ids true.
    public init(
        header: Header, coinbase: Transaction, transactions: [MempoolEntry], on network: PeerNetwork,
        nonce: UInt64,
        prefilling: [Int] = []
    ) throws(FoundBlockFault) {
        let first = Part(txid: coinbase.txid, wtxid: Wtxid(.zero), bytes: coinbase.wireBytes)
        let others = transactions.map { Part(txid: $0.txid, wtxid: $0.wtxid, bytes: $0.wireBytes) }
        try self.init(header, coinbase, [first] + others, network, nonce, prefilling)
    }

    private struct Part {
        let txid: Txid
        let wtxid: Wtxid
        let bytes: [UInt8]
    }

    private init(
        _ header: Header, _ coinbase: Transaction?, _ parts: [Part], _ network: PeerNetwork, _ nonce: UInt64,
        _ prefilling: [Int]
    ) throws(FoundBlockFault) {
        let hash = header.hash
        guard let target = header.bits.target, target.isMet(by: hash) else { throw .proofOfWork(hash) }
        let size = parts.reduce(Header.size + compactSizeLength(parts.count)) { $0 + $1.bytes.count }
        guard size <= Frame.maximumPayload, parts.count <= CompactBlock.maximumTransactions else {
            throw .tooLarge(bytes: size, transactions: parts.count)
        }
        do throws(CommitmentFault) {
            guard let coinbase else { throw .noTransactions }
            try checkCommitments(
                header: header, coinbase: coinbase, txids: parts.map(\.txid),
                wtxids: parts.dropFirst().map(\.wtxid))
        } catch {
            throw .commitment(error)
        }
        self.network = network
        self.header = header
        self.hash = hash
        transactionCount = parts.count

        let compact = FoundBlock.compactPayload(header, nonce, parts, prefilling)
        compactFrame = Frame.header(command: "cmpctblock", payload: compact, on: network) + compact

        var payload = header.wireBytes
        payload.reserveCapacity(size)
        payload.appendCompactSize(parts.count)
        var places = [Range<Int>]()
        for part in parts {
            let start = Frame.headerSize + payload.count
            payload += part.bytes
            places.append(start..<Frame.headerSize + payload.count)
        }
        self.places = places
        blockFrame = Frame.header(command: "block", payload: payload, on: network) + payload
    }

    private static func compactPayload(
        _ header: Header, _ nonce: UInt64, _ parts: [Part], _ prefilling: [Int]
    ) -> [UInt8] {
        var chosen: Set<Int> = [0]
        var room = maximumPrefilled
        for index in prefilling where !chosen.contains(index) {
            precondition(parts.indices.contains(index), "what is prefilled is in the block")
            guard parts[index].bytes.count <= room else { continue }
            room -= parts[index].bytes.count
            chosen.insert(index)
        }
        let key = ShortIDKey(header: header, nonce: nonce)
        let ids = parts.indices.filter { !chosen.contains($0) }.map { key.shortID(of: parts[$0].wtxid) }
        var out = CompactBlock.beginning(header: header, nonce: nonce, shortIDs: ids)
        out.appendCompactSize(chosen.count)
        var indexes = DifferentialIndexes()
        for index in chosen.sorted() {
            indexes.append(index, to: &out)
            out += parts[index].bytes
        }
        return out
    }

    /// The serialized block.
    public var wireBytes: [UInt8] { Array(blockFrame[Frame.headerSize...]) }

    /// The payload of its `cmpctblock` message.
    public var compactBytes: [UInt8] { Array(compactFrame[Frame.headerSize...]) }

    /// The `block` message without witnesses, for those that ask for one (BIP 144); made anew each time.
    func strippedFrame() -> [UInt8]? {
        guard let block = try? Block(wireBytes: wireBytes) else { return nil }
        var payload = header.wireBytes
        payload.appendCompactSize(block.transactions.count)
        for transaction in block.transactions { payload += transaction.strippedBytes }
        return Frame(command: "block", payload: payload).wireBytes(on: network)
    }

    /// The `blocktxn` message with these transactions.
    ///
    /// - Parameter indexes: rising, each below `transactionCount`.
    func transactionsFrame(_ indexes: [Int]) -> [UInt8] {
        var payload = hash.wireBytes
        payload.appendCompactSize(indexes.count)
        for index in indexes { payload += blockFrame[places[index]] }
        return Frame(command: "blocktxn", payload: payload).wireBytes(on: network)
    }
}
